//! Acts that can't wait for the write lock: revoking a token or feed, logging in and out.
//!
//! A large import holds the lock for seconds. During that time, urgent acts are noted in a file beside the database, which is
//! flushed to the disk. From then on they count: every snapshot reads the notes before it begins. The next writer carries
//! them out in a transaction of its own and empties the file. If a program is killed in between, a note may be carried out
//! twice; the second time there is nothing left to do.
//!
//! Locks are taken in this order: the database's, then the file's.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::{Email, FeedId, TokenHash, TokenId};
use crate::store::file::{disk, lock, open};
use crate::store::{
    AdminRow, AuditEntry, Doing as _, OrMissing as _, ReadTxn, SessionBounds, SessionRow, ShortWait, Store, StoreError,
    StoreResult, WriteTxn, from_ms, to_ms,
};

/// How long an urgent act waits for the write lock.
const MOMENT: Duration = Duration::from_millis(250);

/// How long a file that was found empty counts as empty, because each snapshot asks. After adding a note, the caller waits as
/// long before the note counts.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The most bytes of the file: thousands of notes. If it is full, urgent acts wait for the lock like all others.
const LARGEST: u64 = 1024 * 1024;

/// An urgent act of somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UrgentNote {
    act: UrgentAct,
    /// In milliseconds.
    at: i64,
    actor: String,
    action: String,
    subject: String,
    address: Option<String>,
}

/// An urgent act, with what is needed to carry it out later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UrgentAct {
    /// Revoked a token, by its public id.
    RevokeToken(String),
    /// Revoked a feed, by its public id.
    RevokeFeed(String),
    /// Logged in, which starts this session.
    LogIn(NewSession),
    /// Logged out: the session's hash, and the person's id.
    LogOut(String, String),
}

/// The session of a log-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewSession {
    /// SHA-256 of its cookie, in hexadecimal.
    pub id_sha256: String,
    /// The person's id.
    pub admin: String,
    /// Their e-mail address.
    pub email: String,
    /// Identifies the password that was checked: the session starts only while it is the current one.
    pub password: [u8; 32],
    /// The browser's address.
    pub address: String,
    pub user_agent: String,
    /// SHA-256 of the browser's cookie, in hexadecimal.
    pub browser_sha256: String,
    /// All sessions outside of these bounds are deleted when this one starts.
    pub bounds: SessionBounds,
}

impl NewSession {
    /// SHA-256 of a password's hash, which identifies the password.
    #[must_use]
    pub fn password_of(hash: &TokenHash) -> [u8; 32] {
        Sha256::digest(hash.as_str()).into()
    }

    /// The person, if the password is still the current one.
    fn person(&self, txn: &ReadTxn<'_>) -> StoreResult<Option<AdminRow>> {
        let Ok(email) = self.email.parse::<Email>() else { return Ok(None) };
        let found = txn
            .admin_find(&email)?
            .filter(|(admin, hash)| admin.id.to_string() == self.admin && Self::password_of(hash) == self.password);
        Ok(found.map(|(admin, _)| admin))
    }
}

impl UrgentNote {
    /// The act, with its entry for the audit log.
    #[must_use]
    pub fn new(act: UrgentAct, audit: &AuditEntry<'_>, at: DateTime<Utc>) -> Self {
        let (actor, action, subject) = (audit.actor.to_owned(), audit.action.to_owned(), audit.subject.to_owned());
        Self { act, at: to_ms(at), actor, action, subject, address: audit.address.map(str::to_owned) }
    }

    /// Whether there is anything left to do. `Missing` if there is no such token or feed.
    fn is_due(&self, txn: &ReadTxn<'_>) -> StoreResult<bool> {
        Ok(match &self.act {
            UrgentAct::RevokeToken(id) => {
                let token = id.parse::<TokenId>().ok().map(|id| txn.token_find(&id)).transpose()?.flatten();
                token.or_missing("token", id)?.revoked_at.is_none()
            }
            UrgentAct::RevokeFeed(id) => {
                let feed = id.parse::<FeedId>().ok().map(|id| txn.feed_get(id)).transpose()?;
                feed.or_missing("feed", id)?.revoked_at.is_none()
            }
            UrgentAct::LogIn(new) => new.person(txn)?.is_some(),
            UrgentAct::LogOut(id, admin) => {
                let session = txn.session_find(id, SessionBounds::ANY)?;
                session.is_some_and(|session| session.admin.id.to_string() == *admin)
            }
        })
    }

    /// Carries it out; returns whether there was anything to do.
    pub fn carry_out(&self, txn: &WriteTxn<'_>) -> StoreResult<bool> {
        if !self.is_due(txn)? {
            return Ok(false);
        }
        let at = from_ms(self.at);
        match &self.act {
            UrgentAct::RevokeToken(id) => txn.token_revoke(id, at)?,
            UrgentAct::RevokeFeed(id) => txn.feed_revoke(id, at)?,
            UrgentAct::LogIn(new) => {
                let Some(admin) = new.person(txn)?.map(|admin| admin.id) else { return Ok(false) };
                txn.session_forget(new.bounds)?;
                if !txn.session_create(&new.id_sha256, admin, &new.address, &new.user_agent, at)? {
                    return Ok(true);
                }
                txn.browser_know(&new.browser_sha256, admin, at)?;
            }
            UrgentAct::LogOut(id, _) => txn.session_end(id)?,
        }
        let Self { actor, action, subject, address, .. } = self;
        txn.audit_add(&AuditEntry { actor, action, subject, address: address.as_deref() }, at)?;
        Ok(true)
    }
}

impl ReadTxn<'_> {
    /// When a token or feed was revoked, according to a note that isn't carried out yet.
    pub(in crate::store) fn noted_revocation(&self, id: &str) -> Option<DateTime<Utc>> {
        let found = self.notes.iter().find(|note| match &note.act {
            UrgentAct::RevokeToken(revoked) | UrgentAct::RevokeFeed(revoked) => revoked == id,
            _ => false,
        });
        found.map(|note| from_ms(note.at))
    }

    /// The session of a log-in, according to a note that isn't carried out yet.
    pub(in crate::store) fn noted_session(
        &self,
        id_sha256: &str,
        bounds: SessionBounds,
    ) -> StoreResult<Option<SessionRow>> {
        for UrgentNote { act, at, .. } in self.notes {
            if let UrgentAct::LogIn(new) = act
                && new.id_sha256 == id_sha256
                && let Some(admin) = new.person(self)?
            {
                let at = from_ms(*at);
                let (address, user_agent) = (new.address.clone(), new.user_agent.clone());
                let id_sha256 = id_sha256.to_owned();
                let row = SessionRow { id_sha256, admin, address, user_agent, created_at: at, last_seen_at: at };
                return Ok(Some(row).filter(|_| bounds.has(at)));
            }
        }
        Ok(None)
    }

    /// Whether a session was ended, according to a note that isn't carried out yet.
    pub(in crate::store) fn is_noted_ended(&self, id_sha256: &str) -> bool {
        self.notes.iter().any(|note| matches!(&note.act, UrgentAct::LogOut(id, _) if id == id_sha256))
    }
}

impl Store {
    /// Carries out an urgent act: at once or, while another process holds the write lock, by a note that counts from now on.
    /// Returns whether there was anything to do.
    pub fn write_urgently(&self, note: &UrgentNote) -> StoreResult<bool> {
        match self.write_within_a_moment(note) {
            Err(StoreError::Busy { .. }) => {}
            done => return done,
        }
        let snapshot = self.snapshot()?;
        if !note.is_due(&snapshot.txn())? {
            return Ok(false);
        }
        drop(snapshot);
        match add(self.urgent.path(), note) {
            Ok(()) => Ok(true),
            Err(error) => {
                tracing::warn!(%error, "what is urgent could not be noted and waits for the write lock");
                let done = self.write_regardless(|txn| note.carry_out(txn).map(ControlFlow::<bool, bool>::Continue))?;
                Ok(matches!(done, ControlFlow::Continue(true)))
            }
        }
    }

    fn write_within_a_moment(&self, note: &UrgentNote) -> StoreResult<bool> {
        self.ensure_in_place()?;
        let conn = self.writer.get_timeout(MOMENT)?;
        let _short = ShortWait::begin(&conn, MOMENT, open::WRITE_WAIT)?;
        settle(&conn, self.urgent.path())?;
        let txn = Transaction::new_unchecked(&conn, TransactionBehavior::Immediate).doing("begin writing")?;
        let is_done = note.carry_out(&WriteTxn::of(&txn))?;
        txn.commit().doing("commit")?;
        Ok(is_done)
    }
}

/// The path of the notes, beside the database.
pub(in crate::store) fn file(database: &Path) -> PathBuf {
    database.with_extension("urgent")
}

/// The file of the notes, and when it was last found empty.
pub(in crate::store) struct NoteFile {
    path: PathBuf,
    opened: Instant,
    /// In microseconds after `opened`; 0 if never.
    empty_at: AtomicU64,
}

impl NoteFile {
    pub(in crate::store) fn of(database: &Path) -> Self {
        Self { path: file(database), opened: Instant::now(), empty_at: AtomicU64::new(0) }
    }

    pub(in crate::store) fn path(&self) -> &Path {
        &self.path
    }

    /// The notes that aren't carried out yet. Must be read before a snapshot begins: a note that is carried out in between is
    /// then seen twice rather than not at all.
    pub(in crate::store) fn read(&self) -> StoreResult<Vec<UrgentNote>> {
        let (now, empty_at) = (self.opened.elapsed(), self.empty_at.load(Ordering::Relaxed));
        if empty_at > 0 && now < Duration::from_micros(empty_at) + LOOK_AGAIN {
            return Ok(Vec::new());
        }
        let is_empty = is_empty(&self.path)?;
        let now = u64::try_from(now.as_micros()).unwrap_or(0);
        self.empty_at.store(if is_empty { now } else { 0 }, Ordering::Relaxed);
        if is_empty {
            return Ok(Vec::new());
        }
        let bytes = std::fs::read(&self.path).map_err(|source| disk::refused(&self.path, source))?;
        Ok(parse(&bytes))
    }
}

fn is_empty(path: &Path) -> StoreResult<bool> {
    match std::fs::metadata(path) {
        Ok(found) => Ok(found.len() == 0),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(source) => Err(disk::refused(path, source)),
    }
}

/// One note per line. An invalid or unfinished line was cut off before its note counted.
fn parse(bytes: &[u8]) -> Vec<UrgentNote> {
    let whole = bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
    whole.filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

/// Adds a note, which counts once this returns.
fn add(path: &Path, note: &UrgentNote) -> StoreResult<()> {
    let mut file = lock::open(path)?;
    let write = |file: &mut File| -> std::io::Result<()> {
        file.lock()?;
        let length = file.seek(SeekFrom::End(0))?;
        if length > LARGEST {
            return Err(std::io::Error::other("there are too many notes"));
        }
        // A new line, in case the last one was cut off.
        let mut line = if length == 0 { Vec::new() } else { vec![b'\n'] };
        serde_json::to_writer(&mut line, note)?;
        line.push(b'\n');
        let written = file.write_all(&line).and_then(|()| file.sync_all());
        if written.is_err() {
            // An incomplete line is ignored.
            file.set_len(length)?;
        }
        written.and_then(|()| disk::sync_dir(disk::dir_of(path)))
    };
    write(&mut file).map_err(|source| disk::refused(path, source))?;
    drop(file);
    std::thread::sleep(LOOK_AGAIN);
    Ok(())
}

/// Carries out all notes.
pub(in crate::store) fn settle(conn: &Connection, path: &Path) -> StoreResult<()> {
    carry_out_all(conn, path)?.map_or(Ok(()), |file| empty(&file).map_err(|source| disk::refused(path, source)))
}

/// Carries out all notes; returns the file, locked, to be emptied.
pub(in crate::store) fn carry_out_all(conn: &Connection, path: &Path) -> StoreResult<Option<File>> {
    if is_empty(path)? {
        return Ok(None);
    }
    let refused = |source| disk::refused(path, source);
    let txn = Transaction::new_unchecked(conn, TransactionBehavior::Immediate).doing("begin writing")?;
    let mut file = lock::open(path)?;
    file.lock().map_err(refused)?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(refused)?;
    let write = WriteTxn::of(&txn);
    for note in parse(&bytes) {
        match note.carry_out(&write) {
            // Another copy of the database was put in place, which doesn't have this person, token or feed.
            Err(StoreError::Missing(message)) => tracing::warn!(message, "something urgent was left undone"),
            done => drop(done?),
        }
    }
    txn.commit().doing("carry out what was urgent")?;
    Ok(Some(file))
}

/// Deletes the notes. Flushed, because a note that came back after a power cut could let somebody in again who has left.
pub(in crate::store) fn empty(file: &File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.sync_all()
}

#[cfg(test)]
mod tests;
