//! Replaces the database with a copy.
//!
//! Everything is prepared in a separate file, and one rename puts it in place. A kill before it leaves the old database,
//! after it the new one. SQLite would take the old database's WAL for the new one's, so the WAL is checkpointed and deleted
//! before. What was revoked, removed or disabled stays so ([`StayedShut`]), everybody is logged out, and set-up links end.

use std::io;
use std::path::{Path, PathBuf};

use chrono::Utc;
use rusqlite::{Connection, OpenFlags};

use crate::store::file::backup::{copy, open_quietly, sync, temporary, verify};
use crate::store::file::disk;
use crate::store::file::epoch;
use crate::store::file::lock::Use;
use crate::store::file::schema::{self, DATABASE_ID};
use crate::store::file::stay_shut::{self, StayedShut, appliance_of};
use crate::store::urgent;
use crate::store::{DatabaseSummary, Doing as _, Owner, Store, StoreError, StoreResult, Verified};

/// The result of a restore.
#[derive(Debug)]
pub struct Restored {
    /// The backup.
    pub from: Verified,
    /// The new path of the old database, if there was one.
    pub kept: Option<PathBuf>,
    /// Whether the backup belongs to another installation than the old database.
    pub is_anothers: bool,
    /// What stays revoked, removed or disabled although it wasn't when the backup was made.
    pub shut: StayedShut,
    /// Why that could not be taken over: the old database was too damaged to read.
    pub unread: Option<String>,
    /// Whether an admin can log in.
    pub has_admin: bool,
}

/// Restores `file` into `data_dir`. Fails if a server or another command uses the directory.
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
    let was_there = target.metadata().is_ok_and(|old| old.len() > 0);
    let (mut is_anothers, mut shut, mut unread) = (false, StayedShut::default(), None);
    if was_there {
        match fold_log(&target).and_then(|()| take_over(&mut conn, &target, from.contents.appliance.as_deref())) {
            Ok(Some(found)) => shut = found,
            Ok(None) => is_anothers = true,
            Err(error) => unread = Some(error.to_string()),
        }
    }
    let urgent = urgent::notes_path(&target);
    // Its urgent notes are deleted once the copy is in place.
    let mut noted = urgent::waiting(&urgent)?;
    if let Some(notes) = &mut noted {
        notes.carry_out(conn.transaction().doing("carry out what was urgent")?)?;
    }
    let has_admin = log_out(&mut conn, &from)?;
    conn.close().map_err(|(_, source)| StoreError::sqlite("close the restored copy", source))?;
    sync(temporary.path()).map_err(failed)?;

    let kept = was_there.then(|| keep(&target)).transpose().map_err(failed)?;
    for log in ["-wal", "-shm", "-journal"] {
        remove(&beside(&target, log)).map_err(failed)?;
    }
    // Polls may have been answered since the copy was made, so it isn't known what Singular received.
    epoch::end(&target).map_err(failed)?;
    temporary.persist(&target).map_err(|error| failed(error.error))?;
    disk::sync_dir(data_dir).map_err(failed)?;
    noted.map_or(Ok(()), urgent::Notes::empty)?;
    Ok(Restored { from, kept, is_anothers, shut, unread, has_admin })
}

/// Checkpoints the old database's WAL.
fn fold_log(old: &Path) -> StoreResult<()> {
    let conn = Connection::open_with_flags(old, OpenFlags::SQLITE_OPEN_READ_WRITE).doing("open the old database")?;
    conn.query_row("pragma wal_checkpoint(truncate)", (), |_| Ok(())).doing("checkpoint the old database")?;
    conn.close().map_err(|(_, source)| StoreError::sqlite("close the old database", source))
}

/// Takes over what was revoked, removed or disabled in the old database; `None` if it belongs to another installation. A copy
/// without an installation id counts as belonging to this one.
fn take_over(conn: &mut Connection, old: &Path, appliance: Option<&str>) -> StoreResult<Option<StayedShut>> {
    const DOING: &str = "read the old database";
    conn.execute("attach database ?1 as old", [old.to_string_lossy()]).doing(DOING)?;
    let taken = conn.transaction().doing(DOING).and_then(|txn| {
        let old_appliance = appliance_of(&txn, "old")?;
        let shut = match (appliance, old_appliance) {
            (Some(copy), Some(old)) if copy != old => None,
            (None, Some(old)) => {
                txn.execute("update main.appliance set id = ?1", [old]).doing(DOING)?;
                Some(stay_shut::take_over(&txn)?)
            }
            _ => Some(stay_shut::take_over(&txn)?),
        };
        txn.commit().doing(DOING)?;
        Ok(shut)
    });
    let detached = conn.execute("detach database old", ()).doing(DOING);
    taken.and_then(|shut| detached.map(|_| shut))
}

/// Logs everybody out, ends links and notes the restore; returns whether an admin can log in.
fn log_out(conn: &mut Connection, from: &Verified) -> StoreResult<bool> {
    const DOING: &str = "note the restore";
    let txn = conn.transaction().doing(DOING)?;
    txn.execute("delete from sessions", ()).doing("log everybody out")?;
    txn.execute("delete from setup_links where used_at is null", ()).doing("end set-up links")?;
    let made = from.seal.as_ref().map_or_else(|| "unsealed".to_owned(), |seal| format!("made {}", seal.made_at));
    let name = from.path.file_name().unwrap_or_default().to_string_lossy();
    let sql = "insert into audit_log (at, actor, action, subject) values (?1, 'command line', 'database restore', ?2)";
    txn.execute(sql, (crate::store::to_ms(Utc::now()), format!("{name} ({made})"))).doing(DOING)?;
    let sql = "select exists (select 1 from admins where role = 'admin' and password_changed_at > 0)";
    let has_admin = txn.query_row(sql, (), |row| row.get(0)).doing(DOING)?;
    txn.commit().doing(DOING)?;
    Ok(has_admin)
}

/// Gives the old database, and a WAL that could not be checkpointed, a second name to be kept under.
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

/// A hard link keeps the old name until the rename replaces it, so there is never a moment without a database.
fn second_name(from: &Path, to: &Path) -> io::Result<()> {
    if std::fs::hard_link(from, to).is_ok() {
        return Ok(());
    }
    // Some file systems have no hard links.
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
