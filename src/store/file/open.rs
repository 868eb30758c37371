//! Opens connections: permissions of files, timeouts, and the settings of every connection.

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::{Connection, OpenFlags};

use crate::store::{Doing as _, Lane, StoreResult};

/// How long a writer waits for another one, in this process or another. An import of millions of rows holds the lock for
/// seconds; nobody should see "database is locked" because of it.
pub(in crate::store) const WRITE_WAIT: Duration = Duration::from_mins(1);

/// How long a reader waits for a free connection before the client is asked to come back later.
pub(in crate::store) const READ_WAIT: Duration = Duration::from_secs(5);

const FLAGS: OpenFlags = OpenFlags::SQLITE_OPEN_NO_MUTEX;

/// The only connection that writes.
pub(in crate::store) fn writer(path: &Path) -> StoreResult<r2d2::Pool<SqliteConnectionManager>> {
    pool(1, WRITE_WAIT, path, FLAGS | OpenFlags::SQLITE_OPEN_READ_WRITE, prepare_writer)
}

/// The connections that read. Each may hold half a megabyte of cache.
pub(in crate::store) fn readers(path: &Path) -> StoreResult<r2d2::Pool<SqliteConnectionManager>> {
    pool(Lane::ALL, READ_WAIT, path, FLAGS | OpenFlags::SQLITE_OPEN_READ_ONLY, prepare_reader)
}

fn pool(
    size: u32,
    wait: Duration,
    path: &Path,
    flags: OpenFlags,
    prepare: fn(&mut Connection) -> rusqlite::Result<()>,
) -> StoreResult<r2d2::Pool<SqliteConnectionManager>> {
    // One connection is opened first, outside the pool, because the pool would log and retry without giving the reason.
    let mut probe = Connection::open_with_flags(path, flags).doing("open the database")?;
    prepare(&mut probe).doing("prepare the database")?;
    drop(probe);
    let manager = SqliteConnectionManager::file(path).with_flags(flags).with_init(prepare);
    let pool = r2d2::Pool::builder()
        .max_size(size)
        .min_idle(Some(0))
        .max_lifetime(None)
        .idle_timeout(None)
        .test_on_check_out(false)
        .connection_timeout(wait)
        .build_unchecked(manager);
    Ok(pool)
}

pub(in crate::store) fn prepare_writer(conn: &mut Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(WRITE_WAIT)?;
    conn.pragma_update(None, "journal_mode", "wal")?;
    conn.pragma_update(None, "synchronous", "full")?;
    prepare_any(conn)
}

/// After how many WAL pages a commit checkpoints; SQLite's default.
const FOLD_AFTER: i32 = 1000;

/// A writing connection that doesn't check foreign keys and doesn't checkpoint, until this is dropped.
pub(in crate::store) struct ManyRows<'c>(&'c Connection);

impl<'c> ManyRows<'c> {
    pub(in crate::store) fn begin(conn: &'c Connection) -> rusqlite::Result<Self> {
        let many = Self(conn);
        conn.pragma_update(None, "foreign_keys", false)?;
        conn.pragma_update(None, "wal_autocheckpoint", 0)?;
        Ok(many)
    }
}

impl Drop for ManyRows<'_> {
    fn drop(&mut self) {
        // These only fail on a closed connection.
        let _ = self.0.pragma_update(None, "foreign_keys", true);
        let _ = self.0.pragma_update(None, "wal_autocheckpoint", FOLD_AFTER);
    }
}

/// Checkpoints as much of the WAL as readers allow, on a connection of its own, so that writers need not wait.
/// Returns whether that was all of it.
pub(in crate::store) fn fold_log(path: &Path) -> StoreResult<bool> {
    let conn = Connection::open_with_flags(path, FLAGS | OpenFlags::SQLITE_OPEN_READ_WRITE).doing("open the log")?;
    conn.pragma_update(None, "synchronous", "full").doing("prepare to move the log")?;
    let sql = "pragma wal_checkpoint(passive)";
    let (is_busy, pages, moved): (bool, i64, i64) = conn
        .query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .doing("move the log into the database")?;
    Ok(!is_busy && pages == moved)
}

fn prepare_reader(conn: &mut Connection) -> rusqlite::Result<()> {
    prepare_looking(conn)
}

/// The settings of connections that only read.
pub(in crate::store) fn prepare_looking(conn: &Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(READ_WAIT)?;
    conn.pragma_update(None, "query_only", true)?;
    prepare_any(conn)?;
    // Reports read sequentially and rarely return, while a cache once filled stays. This fits ten thousand rows and the pages
    // of all look-ups.
    conn.pragma_update(None, "cache_size", -512)
}

fn prepare_any(conn: &Connection) -> rusqlite::Result<()> {
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "mmap_size", 0)?;
    conn.pragma_update(None, "cache_size", -2048)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Creates the directory, readable only by its owner, because it contains an advertiser's spend.
pub fn make_private_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(dir)
}

/// Creates the database file, readable only by its owner, if it is missing; SQLite gives the WAL the same permissions.
pub(in crate::store) fn make_private_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.append(true).create(true).open(path).map(drop)
}

/// The beginning of the names of files that [`write_private`] hasn't finished.
const UNFINISHED: &str = ".pitlane-";

/// Removes what a killed process had not finished writing. No other may be writing into the directory.
pub fn remove_unfinished(dir: &Path) -> std::io::Result<()> {
    if !dir.try_exists()? {
        return Ok(());
    }
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Writes a file atomically, readable only by its owner, in a directory that is created if it is missing.
pub fn write_private(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    make_private_dir(dir)?;
    let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(dir)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map(drop).map_err(|error| error.error)
}
