//! Makes verified copies of the database, and verifies files.
//!
//! A copy is taken from one snapshot while others continue to write. It is compared with counts from the same snapshot,
//! checked by SQLite, sealed, flushed to the disk, and only then gets its name. So a file with that name is complete.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use tempfile::NamedTempFile;

use super::soundness::{pages, references};
use crate::store::file::disk;
use crate::store::file::leftovers;
use crate::store::file::schema;
use crate::store::file::trailer::{self, Found, Trailer};
use crate::store::{DatabaseSummary, Doing as _, SCHEMA_VERSION, Store, StoreError, StoreResult};

/// The application id of a backup, so that one without its seal can't pass for a plain database: `PitB`.
pub(in crate::store) const BACKUP_ID: i32 = 0x5069_7442;

/// Pages copied between two checks whether to continue.
const STEP: i32 = 2048;
/// How often two snapshots are taken until they are of the same state.
const TRIES: usize = 1000;
/// How many problems are listed; a damaged file may have thousands.
const TOLD: usize = 3;

/// A file that was verified.
#[derive(Debug, Clone)]
pub struct Verified {
    pub path: PathBuf,
    pub bytes: u64,
    /// Its seal, if it is a backup. Without a seal the structure was checked, but not each value.
    pub seal: Option<Trailer>,
    pub contents: DatabaseSummary,
}

impl Store {
    /// Writes a verified backup to `target`, which must not exist. Readers and writers aren't blocked.
    ///
    /// `go_on` is called from time to time; if it returns false, the attempt is cancelled and deleted.
    pub fn backup(&self, target: &Path, go_on: &dyn Fn() -> bool) -> StoreResult<Verified> {
        backup(self.path(), target, go_on)
    }
}

/// Writes a verified backup of the database file `from`.
pub(in crate::store) fn backup(from: &Path, target: &Path, go_on: &dyn Fn() -> bool) -> StoreResult<Verified> {
    let failed = |source| disk::refused(target, source);
    if target.try_exists().map_err(failed)? {
        let message =
            format!("{} exists already, and a backup overwrites nothing: choose another name", target.display());
        return Err(StoreError::Conflict(message));
    }
    let dir = disk::dir_of(target);
    let size = from.metadata().map_err(|source| disk::refused(from, source))?.len();
    disk::ensure_free(dir, size.saturating_add(crate::store::MIN_FREE / 4))?;
    let mut temporary = temporary(target)?;

    let (source, other) = one_state_twice(from)?;
    let expected = std::thread::scope(|scope| {
        let expected = scope.spawn(|| DatabaseSummary::of(&{ other }));
        copy(&source, temporary.path(), BACKUP_ID, go_on)?;
        joined(expected)
    })?;
    drop(source);

    let path = temporary.path().to_owned();
    let file = temporary.as_file_mut();
    let seal = Trailer::now();
    let ((), contents) = contents(&path, || seal.append(file).and_then(|()| file.sync_all()).map_err(failed))?;
    if contents != expected {
        return Err(StoreError::Unsound {
            path: target.to_owned(),
            problem: "the copy differs from the database, so it was deleted".to_owned(),
        });
    }
    temporary.persist_noclobber(target).map_err(|error| failed(error.error))?;
    disk::sync_dir(dir).map_err(failed)?;
    let bytes = target.metadata().map_err(failed)?.len();
    Ok(Verified { path: target.to_owned(), bytes, seal: Some(seal), contents })
}

/// Two connections that read the same state of the database, until they are dropped.
fn one_state_twice(path: &Path) -> StoreResult<(Connection, Connection)> {
    let open = || -> StoreResult<Connection> {
        let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).doing("open the database")?;
        crate::store::file::open::prepare_looking(&conn).doing("prepare the database")?;
        Ok(conn)
    };
    let (one, other) = (open()?, open()?);
    // It is another one if somebody else committed since it was last asked for.
    let version = |conn: &Connection| conn.query_row("pragma data_version", (), |row| row.get::<_, i64>(0));
    let begin = |conn: &Connection| conn.execute_batch("begin").and_then(|()| version(conn));
    for _ in 0..TRIES {
        let before = version(&other).doing("begin reading")?;
        begin(&one).doing("begin reading")?;
        if begin(&other).doing("begin reading")? == before {
            return Ok((one, other));
        }
        for conn in [&one, &other] {
            conn.execute_batch("rollback").doing("end reading")?;
        }
    }
    Err(StoreError::Busy { doing: "begin reading between two changes" })
}

/// The result of a thread; its panic goes on here.
fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// A temporary file beside `target`, deleted unless it is kept. Leftovers of killed processes are deleted first.
pub(in crate::store) fn temporary(target: &Path) -> StoreResult<NamedTempFile> {
    leftovers::clear(target)?;
    let made = tempfile::Builder::new()
        .prefix(&leftovers::prefix(target))
        .suffix(leftovers::suffix())
        .tempfile_in(disk::dir_of(target))
        .map_err(|source| disk::refused(target, source))?;
    // Some file systems have no locks. There, only another copy to the same name treats it as a leftover.
    if let Err(error) = made.as_file().lock() {
        tracing::debug!(%error, "a copy under way is not locked");
    }
    Ok(made)
}

/// Copies the snapshot of `from` into the empty file `to`, which is then complete, without a WAL.
pub(in crate::store) fn copy(from: &Connection, to: &Path, id: i32, go_on: &dyn Fn() -> bool) -> StoreResult<()> {
    const DOING: &str = "copy the database";
    let mut copy = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE).doing(DOING)?;
    // Nobody else uses the file. It is flushed once, when it is complete.
    copy.execute_batch("pragma locking_mode = exclusive; pragma journal_mode = memory; pragma synchronous = off")
        .doing(DOING)?;
    let backup = Backup::new(from, &mut copy).doing(DOING)?;
    while backup.step(STEP).doing(DOING)? != StepResult::Done {
        if !go_on() {
            return Err(StoreError::Stopped);
        }
    }
    drop(backup);
    copy.execute_batch(&format!("pragma journal_mode = delete; pragma application_id = {id}")).doing(DOING)?;
    copy.close().map_err(|(_, source)| StoreError::sqlite(DOING, source))
}

/// Verifies a file; the error says why it isn't a valid Pitlane database.
pub fn verify(path: &Path) -> StoreResult<Verified> {
    let unreadable = |source| disk::refused(path, source);
    let unsound = |problem: String| StoreError::Unsound { path: path.to_owned(), problem };
    // Opening a pipe that nobody writes to would wait for ever.
    if !path.metadata().map_err(unreadable)?.is_file() {
        return Err(unsound("expected a file, got a directory, a pipe or a device".to_owned()));
    }
    let mut file = File::open(path).map_err(unreadable)?;
    let bytes = file.metadata().map_err(unreadable)?.len();
    let header = Header::read(&mut file).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => unsound(format!("{bytes} bytes are too few for a database")),
        _ => unreadable(error),
    })?;
    let Some(header) = header else { return Err(unsound("this is not an SQLite database".to_owned())) };
    let mut seal = || match trailer::find(&mut file).map_err(unreadable)? {
        Found::Whole(seal) => Ok(Some(seal)),
        Found::Broken => {
            Err(unsound("its bytes are not those that were sealed: the file changed since it was made".into()))
        }
        Found::None if header.id == BACKUP_ID => {
            Err(unsound("the backup's seal is missing or damaged: the file was cut off or changed".to_owned()))
        }
        Found::None => Ok(None),
    };
    if header.schema > SCHEMA_VERSION {
        seal()?;
        return Err(StoreError::NewerSchema { found: header.schema, known: SCHEMA_VERSION });
    }
    let (seal, contents) = contents(path, seal)?;
    Ok(Verified { path: path.to_owned(), bytes, seal, contents })
}

/// The contents of a file that SQLite finds nothing wrong with. It is read several times, by two threads at once. The second
/// one begins with `work`, whose error comes before all others.
fn contents<T: Send>(path: &Path, work: impl FnOnce() -> StoreResult<T> + Send) -> StoreResult<(T, DatabaseSummary)> {
    let unsound = |problem: String| StoreError::Unsound { path: path.to_owned(), problem };
    // SQLite reports damage as errors as well as rows.
    let damaged = |error: StoreError| unsound(error.to_string());
    let look = || {
        let conn = open_quietly(path)?;
        let snapshot = conn.unchecked_transaction().doing("begin reading")?;
        if !is_ours(&snapshot)? {
            return Ok(vec!["this is a SQLite database, but none of Pitlane's".to_owned()]);
        }
        pages(&snapshot)
    };
    let read = || {
        let conn = open_quietly(path)?;
        let snapshot = conn.unchecked_transaction().doing("begin reading")?;
        Ok((references(&snapshot)?, DatabaseSummary::of(&snapshot)))
    };
    let (found, (worked, rest)) = std::thread::scope(|scope| {
        let rest = scope.spawn(|| (work(), read()));
        (look(), joined(rest))
    });
    let worked = worked?;
    let told = |problems: Vec<String>| {
        let more = problems.len().saturating_sub(TOLD);
        let told = problems.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join("; ");
        unsound(if more > 0 { format!("{told}; and {more} more problems") } else { told })
    };
    let found = found.map_err(damaged)?;
    if !found.is_empty() {
        return Err(told(found));
    }
    let (missing, contents) = rest.map_err(damaged)?;
    if !missing.is_empty() {
        return Err(told(missing));
    }
    Ok((worked, contents.map_err(damaged)?))
}

/// Opens a file for reading, without creating files beside it.
pub(in crate::store) fn open_quietly(path: &Path) -> StoreResult<Connection> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let conn = match path.to_str() {
        // If it has a WAL, it may be in use, and part of its content is in the WAL.
        Some(text) if !Path::new(&log).exists() => {
            let text = text.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
            flags |= OpenFlags::SQLITE_OPEN_URI;
            Connection::open_with_flags(format!("file:{text}?immutable=1"), flags)
        }
        _ => Connection::open_with_flags(path, flags),
    };
    let conn = conn.doing("open the file")?;
    crate::store::file::open::prepare_looking(&conn).doing("prepare the file")?;
    Ok(conn)
}

/// Whether the file has Pitlane's schema, of any version.
pub(super) fn is_ours(conn: &Connection) -> StoreResult<bool> {
    let sql = "select count(*) = 4 from sqlite_schema
        where type = 'table' and name in ('advertisers', 'daily_stats', 'api_tokens', 'change_clock')";
    Ok(schema::version(conn)? > 0 && conn.query_row(sql, (), |row| row.get(0)).doing("read the schema")?)
}

/// What the file's header says (SQLite's file format, section 1.3).
struct Header {
    id: i32,
    schema: i64,
}

impl Header {
    /// `None` if it isn't a SQLite database.
    fn read(file: &mut File) -> io::Result<Option<Self>> {
        let mut head = [0; 100];
        file.rewind()?;
        file.read_exact(&mut head)?;
        let number = |at: usize| i32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let ours = head.starts_with(b"SQLite format 3\0");
        Ok(ours.then(|| Self { id: number(68), schema: number(60).into() }))
    }
}

/// Flushes a file that was written through another handle.
pub(in crate::store) fn sync(path: &Path) -> io::Result<()> {
    let mut file = File::options().append(true).open(path)?;
    file.flush()?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn two_connections_read_one_state_while_others_write() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("counted.db");
        let writer = Connection::open(&path).unwrap();
        writer.pragma_update(None, "journal_mode", "wal").unwrap();
        let table = "pragma synchronous = off; create table counted (at integer); insert into counted values (0)";
        writer.execute_batch(table).unwrap();
        let is_over = AtomicBool::new(false);
        let (seen, differing) = std::thread::scope(|scope| {
            let is_over = &is_over;
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    writer.execute("update counted set at = at + 1", ()).unwrap();
                }
            });
            let state = |conn: &Connection| conn.query_row("select at from counted", (), |row| row.get::<_, i64>(0));
            let (mut seen, mut differing) = (BTreeSet::new(), 0);
            for _ in 0..100_000 {
                let both = one_state_twice(&path).map(|(one, other)| (state(&one), state(&other)));
                let Ok((Ok(one), Ok(other))) = both else { break };
                differing += u32::from(one != other);
                seen.insert(one);
                if seen.len() > 100 {
                    break;
                }
            }
            is_over.store(true, Ordering::Relaxed);
            (seen.len(), differing)
        });
        assert!(seen > 100, "only {seen} states were seen");
        assert_eq!(differing, 0);
    }
}
