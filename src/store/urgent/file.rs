//! The file of the urgent notes.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use serde::de::IgnoredAny;

use crate::store::file::{disk, lock};
use crate::store::urgent::note::UrgentNote;
use crate::store::{Doing as _, StoreError, StoreResult, WriteTxn};

/// How long a file that was found empty counts as empty, because each snapshot asks. After adding a note, the caller waits as
/// long before the note counts.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// How long a lock on the file is waited for. Others hold it for milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// The most bytes of the file: thousands of notes. If it is full, urgent acts wait for the lock like all others.
const LARGEST: u64 = 1024 * 1024;

/// The path of the notes, beside the database.
pub(in crate::store) fn notes_path(database: &Path) -> PathBuf {
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
        Self { path: notes_path(database), opened: Instant::now(), empty_at: AtomicU64::new(0) }
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

/// One note per line. An unfinished line was cut off before its note counted.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"))
}

fn parse(bytes: &[u8]) -> Vec<UrgentNote> {
    lines(bytes).filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

/// The file of the notes, locked: until this is dropped, nobody else adds or deletes any.
pub(in crate::store) struct Notes<'p> {
    path: &'p Path,
    file: File,
}

impl<'p> Notes<'p> {
    pub(super) fn lock(path: &'p Path) -> StoreResult<Self> {
        let file = lock::open(path)?;
        match lock::try_for(PATIENCE, || file.try_lock()) {
            Ok(()) => Ok(Self { path, file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::Busy { doing: "lock the urgent notes" }),
            Err(TryLockError::Error(source)) => Err(disk::refused(path, source)),
        }
    }

    fn bytes(&mut self) -> StoreResult<Vec<u8>> {
        let mut bytes = Vec::new();
        let read = self.file.rewind().and_then(|()| self.file.read_to_end(&mut bytes));
        read.map(|_| bytes).map_err(|source| disk::refused(self.path, source))
    }

    pub(super) fn read(&mut self) -> StoreResult<Vec<UrgentNote>> {
        self.bytes().map(|bytes| parse(&bytes))
    }

    /// Adds a note and flushes it.
    pub(super) fn add(&mut self, note: &UrgentNote) -> StoreResult<()> {
        let (file, path) = (&mut self.file, self.path);
        let mut write = || -> std::io::Result<()> {
            let length = file.seek(SeekFrom::End(0))?;
            if length > LARGEST {
                return Err(std::io::Error::other("there are too many notes"));
            }
            // A new line, in case the last one was cut off.
            let mut line = if length == 0 { Vec::new() } else { vec![b'\n'] };
            serde_json::to_writer(&mut line, note)?;
            line.push(b'\n');
            let written = file.write_all(&line).and_then(|()| file.sync_all());
            let written = written.and_then(|()| disk::sync_dir(disk::dir_of(path)));
            if written.is_err() {
                // What isn't flushed must not count.
                file.set_len(length)?;
            }
            written
        };
        write().map_err(|source| disk::refused(path, source))
    }

    /// Carries out the notes and commits. The caller empties the file.
    pub(in crate::store) fn carry_out(&mut self, txn: Transaction<'_>) -> StoreResult<()> {
        let write = WriteTxn::of(&txn);
        for line in lines(&self.bytes()?) {
            let done = match serde_json::from_slice::<UrgentNote>(line) {
                Ok(note) => note.carry_out_noted(&write),
                Err(error) if serde_json::from_slice::<IgnoredAny>(line).is_ok() => {
                    tracing::warn!(%error, "a note of another version of Pitlane was left out");
                    Ok(())
                }
                Err(_) => Ok(()),
            };
            match done {
                // Another copy of the database was put in place, which doesn't have this person, token or feed.
                Err(StoreError::Missing(message)) => tracing::warn!(message, "something urgent was left undone"),
                done => done?,
            }
        }
        txn.commit().doing("carry out what was urgent")
    }

    /// Deletes the notes. Flushed, because a note that came back after a power cut could let somebody in again who has left.
    pub(in crate::store) fn empty(self) -> StoreResult<()> {
        let emptied = self.file.set_len(0).and_then(|()| self.file.sync_all());
        emptied.map_err(|source| disk::refused(self.path, source))
    }
}

/// The notes that wait to be carried out, locked, if there are any.
pub(in crate::store) fn waiting(path: &Path) -> StoreResult<Option<Notes<'_>>> {
    if is_empty(path)? { Ok(None) } else { Notes::lock(path).map(Some) }
}

/// Begins to write, after the notes were carried out in a transaction of their own. With `alone`, nobody adds a note before
/// the second value is dropped.
pub(in crate::store) fn begin<'c, 'p>(
    conn: &'c Connection,
    path: &'p Path,
    alone: bool,
) -> StoreResult<(Transaction<'c>, Option<Notes<'p>>)> {
    loop {
        let txn = Transaction::new_unchecked(conn, TransactionBehavior::Immediate).doing("begin writing")?;
        let notes = if alone { Some(Notes::lock(path)?) } else { waiting(path)? };
        match notes {
            Some(mut notes) if !is_empty(path)? => {
                notes.carry_out(txn)?;
                notes.empty()?;
            }
            notes => return Ok((txn, notes)),
        }
    }
}

/// Carries out all notes.
pub(in crate::store) fn settle(conn: &Connection, path: &Path) -> StoreResult<()> {
    if is_empty(path)? { Ok(()) } else { begin(conn, path, false).map(drop) }
}
