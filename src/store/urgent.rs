//! Acts that can't wait for the write lock: revoking a token or feed, using up a code, logging in and out.
//!
//! A large import holds the lock for seconds. During that time, urgent acts are noted in a file beside the database, which is
//! flushed to the disk. From then on they count: every snapshot reads the notes before it begins. The next writer carries
//! them out in a transaction of their own and empties the file, before anything else is written. If a program is killed in
//! between, the next one carries them out again, which changes nothing.
//!
//! Locks are taken in this order: the database's, then the file's.

mod file;
mod note;

use std::time::Duration;

use rusqlite::Connection;

use crate::store::file::open;
use crate::store::{Doing as _, Lane, ShortWait, Store, StoreError, StoreResult, WriteTxn};

use file::LOOK_AGAIN;
pub(in crate::store) use file::{NoteFile, Notes, begin, notes_path, settle, waiting};
pub use note::{NewSession, UrgentAct, UrgentNote};

/// How long an urgent act waits for the write lock.
const MOMENT: Duration = Duration::from_millis(250);

impl Store {
    /// Carries out an urgent act: at once or, while another process holds the write lock, by a note that counts from now on.
    /// Returns whether there was anything to do.
    pub fn write_urgently(&self, note: &UrgentNote) -> StoreResult<bool> {
        match self.write_within_a_moment(note) {
            Err(StoreError::Busy { .. }) => {}
            done => return done,
        }
        match self.note(note) {
            Err(error) if !matches!(error, StoreError::Missing(_)) => {
                tracing::warn!(%error, "what is urgent could not be noted and waits for the write lock");
                self.ensure_in_place()?;
                self.carry_out(&*self.writer.get()?, note)
            }
            done => done,
        }
    }

    fn write_within_a_moment(&self, note: &UrgentNote) -> StoreResult<bool> {
        self.ensure_in_place()?;
        let conn = self.writer.get_timeout(MOMENT)?;
        let _short = ShortWait::begin(&conn, MOMENT, open::WRITE_WAIT)?;
        self.carry_out(&conn, note)
    }

    /// Carries out an act after what was noted before.
    fn carry_out(&self, conn: &Connection, note: &UrgentNote) -> StoreResult<bool> {
        let (txn, _notes) = begin(conn, self.urgent.path(), note.is_code())?;
        let is_done = note.carry_out(&WriteTxn::of(&txn))?;
        txn.commit().doing("commit")?;
        Ok(is_done)
    }

    /// Adds a note, which counts once this returns, unless nothing is left to do.
    fn note(&self, note: &UrgentNote) -> StoreResult<bool> {
        let mut locked = None;
        let snapshot = self.snapshot_with(Lane::Short, || locked.insert(Notes::lock(self.urgent.path())?).read())?;
        if !note.is_due(&snapshot.txn())? {
            return Ok(false);
        }
        drop(snapshot);
        if let Some(mut notes) = locked {
            notes.add(note)?;
        }
        std::thread::sleep(LOOK_AGAIN);
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
