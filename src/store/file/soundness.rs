//! Whether the database can be used: SQLite's own checks of the file, the write lock, how SQLite was built.

use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::open;
use crate::store::stats::walk;
use crate::store::{Doing as _, ReadTxn, ShortWait, Store, StoreError, StoreResult};

impl Store {
    /// Takes the write lock and gives it back; writes nothing. Returns whether it was free within a second: a long import
    /// keeps it for longer. Fails if the database can't be written at all.
    pub fn can_write_now(&self) -> StoreResult<bool> {
        let taken = || {
            let conn = self.writer.get_timeout(Duration::from_secs(1))?;
            let _short = ShortWait::begin(&conn, Duration::from_secs(1), open::WRITE_WAIT)?;
            let taken = Transaction::new_unchecked(&conn, TransactionBehavior::Immediate);
            taken.and_then(Transaction::rollback).doing("take the write lock")
        };
        match taken() {
            Ok(()) => Ok(true),
            Err(StoreError::Busy { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The warning for a SQLite that was built without `sqlite_dbpage`.
    pub const SLOW_BUILD: &str = "built without sqlite_dbpage: reports are right, but take about twice as long. Build the \
        program with LIBSQLITE3_FLAGS=-DSQLITE_ENABLE_DBPAGE_VTAB, or in the directory of its source, where \
        .cargo/config.toml says so";

    /// Whether SQLite was built with `sqlite_dbpage`.
    pub fn shows_pages(&self) -> StoreResult<bool> {
        Ok(walk::shows_pages(&self.snapshot()?.txn()))
    }

    /// The problems that SQLite's own check of the whole file finds.
    pub fn integrity_problems(&self) -> StoreResult<Vec<String>> {
        self.read(|txn| integrity(txn.conn))
    }
}

fn integrity(conn: &Connection) -> StoreResult<Vec<String>> {
    let mut problems = pages(conn)?;
    problems.extend(references(conn)?);
    Ok(problems)
}

pub(super) fn pages(conn: &Connection) -> StoreResult<Vec<String>> {
    let found =
        ReadTxn::of(conn).list("check the file", "pragma integrity_check", (), |row| row.get::<_, String>(0))?;
    Ok(found.into_iter().filter(|line| line != "ok").collect())
}

/// Rows that point at missing ones.
pub(super) fn references(conn: &Connection) -> StoreResult<Vec<String>> {
    ReadTxn::of(conn).list("check references", "pragma foreign_key_check", (), |row| {
        let (table, parent) = (row.get::<_, String>(0)?, row.get::<_, String>(2)?);
        Ok(format!("a row of {table} points at a missing row of {parent}"))
    })
}
