//! Notices that the database file was cut off while it is open: SQLite reads what is left without an error.

use crate::store::file::open;
use crate::store::{Doing as _, Store, StoreError, StoreResult};

/// Up to this size the WAL is moved into the file to find out; larger ones would keep the caller waiting.
const SMALL: u64 = 8 << 20;

impl Store {
    /// Fails if the file is shorter than its pages. A file whose missing bytes may be in a large WAL counts as whole.
    pub fn ensure_whole(&self) -> StoreResult<()> {
        let expected = self.read(|txn| {
            let sql = "select page_count * page_size from pragma_page_count, pragma_page_size";
            let bytes: i64 = txn.conn.query_row(sql, (), |row| row.get(0)).doing("count the pages")?;
            Ok::<_, StoreError>(bytes.unsigned_abs())
        })?;
        // Looked at from outside: closing a second handle on the file would drop SQLite's locks.
        let size = |ending: &str| {
            let mut path = self.path().as_os_str().to_owned();
            path.push(ending);
            std::fs::metadata(path).map_or(0, |file| file.len())
        };
        let mut found = size("");
        let log = size("-wal");
        if found < expected && found.saturating_add(log) >= expected {
            if log > SMALL || !open::fold_log(self.path())? {
                return Ok(());
            }
            found = size("");
        }
        if found >= expected {
            return Ok(());
        }
        Err(StoreError::Unsound {
            path: self.path().to_owned(),
            problem: format!(
                "the file was cut off: it has {found} bytes, expected {expected}. Stop the server, then put a backup back: \
                 pitlane restore FILE"
            ),
        })
    }
}
