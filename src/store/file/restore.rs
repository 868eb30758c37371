//! Puts a copy in the place of the database.
//!
//! Everything is prepared in a file of its own; one rename then swaps it in. A kill before leaves the old database, after it
//! the new one. SQLite would take a log of the old database for the new one's, so the log is folded in and gone by then.
//! What was shut stays shut: tokens revoked since the copy was made are revoked in it too, everybody is logged out, and
//! set-up links end.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use chrono::Utc;
use rusqlite::{Connection, OpenFlags};

use crate::store::file::backup::{copy, open_quietly, sync, temporary, verify};
use crate::store::file::disk;
use crate::store::file::epoch;
use crate::store::file::lock::Use;
use crate::store::file::schema::{self, DATABASE_ID};
use crate::store::{DatabaseSummary, Doing as _, Owner, Store, StoreError, StoreResult, Verified};

/// What a restore did.
#[derive(Debug)]
pub struct Restored {
    /// The file it came from.
    pub from: Verified,
    /// Where the old database lies now, if there was one.
    pub kept: Option<PathBuf>,
    /// Tokens that were live in the copy and are revoked, because they were revoked since.
    pub revoked: usize,
    /// Why revocations could not be taken over, where the old database was too damaged to tell.
    pub unread: Option<String>,
}

/// Restores `file` into `data_dir`. Fails where a server or any other command uses the directory.
pub fn restore(file: &Path, data_dir: &Path) -> StoreResult<Restored> {
    let from = verify(file)?;
    crate::store::file::open::make_private_dir(data_dir).map_err(|source| disk::refused(data_dir, source))?;
    let _owner = Owner::take(data_dir)?;
    let _alone = Use::alone(data_dir)?;
    let target = data_dir.join(Store::FILE);
    let failed = |source| disk::refused(&target, source);
    disk::ensure_free(data_dir, from.bytes.saturating_mul(2))?;

    let temporary = temporary(&target)?;
    copy(&open_quietly(file)?, temporary.path(), DATABASE_ID, &|| true)?;
    let mut conn = Connection::open_with_flags(temporary.path(), OpenFlags::SQLITE_OPEN_READ_WRITE)
        .doing("open the restored copy")?;
    if DatabaseSummary::of(&conn)? != from.contents {
        let problem = "what was unpacked is not what the backup holds; nothing was changed".to_owned();
        return Err(StoreError::Unsound { path: file.to_owned(), problem });
    }
    schema::migrate(&mut conn)?;
    let (revocations, unread) = match fold_log(&target) {
        Ok(revocations) => (revocations, None),
        Err(error) => (BTreeMap::new(), Some(error.to_string())),
    };
    let revoked = shut(&mut conn, &revocations, &from)?;
    conn.close().map_err(|(_, source)| StoreError::sqlite("close the restored copy", source))?;
    sync(temporary.path()).map_err(failed)?;

    let kept = target.metadata().is_ok_and(|old| old.len() > 0).then(|| keep(&target)).transpose().map_err(failed)?;
    for log in ["-wal", "-shm", "-journal"] {
        remove(&beside(&target, log)).map_err(failed)?;
    }
    // Whatever comes, polls may have been answered since the copy was made.
    epoch::end(&target).map_err(failed)?;
    temporary.persist(&target).map_err(|error| failed(error.error))?;
    disk::sync_dir(data_dir).map_err(failed)?;
    Ok(Restored { from, kept, revoked, unread })
}

/// Moves the old database's log into it, and reads what must outlive it: token ids with when they were revoked.
fn fold_log(old: &Path) -> StoreResult<BTreeMap<String, i64>> {
    if !old.metadata().is_ok_and(|old| old.len() > 0) {
        return Ok(BTreeMap::new());
    }
    let conn = Connection::open_with_flags(old, OpenFlags::SQLITE_OPEN_READ_WRITE).doing("open the old database")?;
    conn.query_row("pragma wal_checkpoint(truncate)", (), |_| Ok(())).doing("checkpoint the old database")?;
    let sql = "select id, revoked_at from api_tokens where revoked_at is not null";
    let mut statement = conn.prepare(sql).doing("read revocations")?;
    let revocations = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).and_then(Iterator::collect);
    let revocations = revocations.doing("read revocations")?;
    drop(statement);
    conn.close().map_err(|(_, source)| StoreError::sqlite("close the old database", source))?;
    Ok(revocations)
}

/// Takes revocations over, logs everybody out and notes the restore; the number of tokens that were live in the copy.
fn shut(conn: &mut Connection, revocations: &BTreeMap<String, i64>, from: &Verified) -> StoreResult<usize> {
    const DOING: &str = "take over revocations";
    let txn = conn.transaction().doing(DOING)?;
    let mut revoked = 0;
    for revocation in revocations {
        let sql = "update api_tokens set revoked_at = ?2 where id = ?1 and revoked_at is null";
        revoked += txn.execute(sql, revocation).doing(DOING)?;
    }
    txn.execute("delete from sessions", ()).doing("log everybody out")?;
    txn.execute("delete from setup_links where used_at is null", ()).doing("end set-up links")?;
    let made = from.seal.as_ref().map_or_else(|| "unsealed".to_owned(), |seal| format!("made {}", seal.made_at));
    let name = from.path.file_name().unwrap_or_default().to_string_lossy();
    let sql = "insert into audit_log (at, actor, action, subject) values (?1, 'command line', 'database restore', ?2)";
    txn.execute(sql, (crate::store::to_ms(Utc::now()), format!("{name} ({made})"))).doing("note the restore")?;
    txn.commit().doing(DOING)?;
    Ok(revoked)
}

/// Gives the old database, and the log that could not be folded in, a second name that stays.
fn keep(target: &Path) -> io::Result<PathBuf> {
    let stamp = Utc::now().format("%Y%m%dT%H%M%S%3fZ");
    let kept = target.with_file_name(format!("before-restore-{stamp}.db"));
    second_name(target, &kept)?;
    let log = beside(target, "-wal");
    if log.metadata().is_ok_and(|log| log.len() > 0) {
        second_name(&log, &beside(&kept, "-wal"))?;
    }
    Ok(kept)
}

/// A link keeps the old name until the rename takes it, so there is no moment without a database.
fn second_name(from: &Path, to: &Path) -> io::Result<()> {
    if std::fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    // Not every file system knows links.
    std::fs::copy(from, to)?;
    sync(to)
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    path.into()
}
