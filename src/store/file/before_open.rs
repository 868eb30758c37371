//! Looks at the file in the database's place before SQLite opens it for writing.
//!
//! SQLite fills an empty or missing file with a new database, and deletes the WAL beside it; and Pitlane would put its tables
//! into another program's database. Both would look like a first start, while the figures are elsewhere.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::store::file::backup::{BACKUP_ID, is_ours, open_quietly};
use crate::store::file::schema::{self, DATABASE_ID};
use crate::store::file::{disk, epoch};
use crate::store::{Doing as _, Store, StoreError, StoreResult};

/// How many tables of another program's database are named.
const TOLD: usize = 3;

impl Store {
    /// Whether there is a database in `data_dir`; an error if the directory can't be read, or shows that there was one.
    pub fn exists(data_dir: &Path) -> StoreResult<bool> {
        let path = data_dir.join(Self::FILE);
        let exists = path.try_exists().map_err(|source| disk::refused(&path, source))?;
        ensure_not_lost(&path).map(|()| exists)
    }
}

/// Fails if the file is another program's database, or was lost.
pub(in crate::store) fn check(path: &Path) -> StoreResult<()> {
    ensure_not_lost(path)?;
    ensure_ours(path)
}

/// Fails if the file is missing or empty although other files in the directory show that there was a database.
fn ensure_not_lost(path: &Path) -> StoreResult<()> {
    // Looked for first: another process may be creating the first database, whose file grows before its epoch is noted.
    let marker = epoch::marker(path);
    let has_marker = marker.try_exists().map_err(|source| disk::refused(&marker, source))?;
    let found = match path.metadata() {
        Ok(file) if file.len() > 0 => return Ok(()),
        Ok(_) => "the file is empty (0 bytes)",
        Err(error) if error.kind() == io::ErrorKind::NotFound => "the file is missing",
        Err(error) => return Err(disk::refused(path, error)),
    };
    let dir = disk::dir_of(path).join(Store::BACKUPS);
    let newest = newest_backup(&dir).map_err(|source| disk::refused(&dir, source))?;
    let signs: Vec<_> =
        has_marker.then_some(&marker).into_iter().chain(newest.is_some().then_some(&dir)).map(quoted).collect();
    if signs.is_empty() {
        return Ok(());
    }
    let verb = if signs.len() == 1 { "shows" } else { "show" };
    let signs = signs.join(" and ");
    let backup = newest.as_ref().map_or_else(|| "FILE".to_owned(), quoted);
    let data_dir = quoted(disk::dir_of(path));
    Err(StoreError::NotOpened {
        path: path.to_owned(),
        problem: format!(
            "{found}, but there was a database, as {signs} {verb}. Nothing was changed. Put the database back, or restore \
             the newest backup: pitlane restore {backup} --data-dir {data_dir} (or a backup that you have elsewhere). To \
             begin with an empty database, move {signs} away first"
        ),
    })
}

/// A path as a command line takes it.
fn quoted(path: impl AsRef<Path>) -> String {
    let text = path.as_ref().display().to_string();
    if text.contains([' ', '\'', '"', '$']) { format!("'{}'", text.replace('\'', "'\\''")) } else { text }
}

fn newest_backup(dir: &Path) -> io::Result<Option<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut newest = None;
    for entry in entries {
        let (path, file) = entry.and_then(|entry| Ok((entry.path(), entry.metadata()?)))?;
        if file.is_file() && file.len() > 0 && path.extension().is_some_and(|ending| ending == "db") {
            newest = newest.max(Some((file.modified()?, path)));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

/// Fails if the file is another program's SQLite database. Reads only.
fn ensure_ours(path: &Path) -> StoreResult<()> {
    const DOING: &str = "look into the database";
    match path.metadata() {
        Ok(file) if file.len() > 0 => {}
        // It is new.
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(disk::refused(path, error)),
    }
    // Not by a handle of our own on the file: closing it would drop the locks of this process's other connections.
    let conn = open_quietly(path)?;
    let id: i32 = conn.query_row("pragma application_id", (), |row| row.get(0)).doing(DOING)?;
    if matches!(id, DATABASE_ID | BACKUP_ID) {
        return Ok(());
    }
    let mut list = conn.prepare("select name from sqlite_schema where type = 'table' order by name").doing(DOING)?;
    let tables =
        list.query_map((), |row| row.get(0)).and_then(Iterator::collect::<Result<Vec<String>, _>>).doing(DOING)?;
    // The id is written last. A killed first start leaves its schema, or none yet, without it.
    if id == 0 && (is_ours(&conn)? || (tables.is_empty() && schema::version(&conn)? == 0)) {
        return Ok(());
    }
    let mut told = tables.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join(", ");
    if tables.len() > TOLD {
        // Writing to a string can't fail.
        let _ = write!(told, " and {} more", tables.len() - TOLD);
    }
    Err(StoreError::NotOpened {
        path: path.to_owned(),
        problem: format!(
            "expected a database of Pitlane, or no file, got another program's SQLite database (application id {id:#x}, \
             tables: {}). Nothing was written into it. Move it away, or use another directory: --data-dir DIR",
            if told.is_empty() { "none" } else { &told }
        ),
    })
}
