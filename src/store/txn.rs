//! What a transaction is to the files of this room: statements that stay prepared, and for writing the books that are kept
//! beside the changes.

use std::cell::Cell;
use std::ops::Deref;

use rusqlite::Connection;

use crate::store::convert::Doing as _;
use crate::store::stats::sum_changes::SumChanges;
use crate::store::stats::sums::TouchedMonths;
use crate::store::{StoreResult, UrgentNote, Version};

/// Reads one unchanging state of the database.
pub struct ReadTxn<'c> {
    pub(in crate::store) conn: &'c Connection,
    /// What holds though it is not in the database yet.
    pub(in crate::store) notes: &'c [UrgentNote],
}

impl<'c> ReadTxn<'c> {
    /// On a connection whose transaction has begun.
    pub(in crate::store) fn of(conn: &'c Connection) -> Self {
        Self { conn, notes: &[] }
    }

    /// All rows of a query whose statement is kept prepared.
    pub(in crate::store) fn list<T>(
        &self,
        doing: &'static str,
        sql: &str,
        params: impl rusqlite::Params,
        row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> StoreResult<Vec<T>> {
        let mut statement = self.conn.prepare_cached(sql).doing(doing)?;
        statement.query_map(params, row).and_then(Iterator::collect).doing(doing)
    }

    /// The first row of a query whose statement is kept prepared.
    pub(in crate::store) fn first<T>(
        &self,
        doing: &'static str,
        sql: &str,
        params: impl rusqlite::Params,
        row: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> StoreResult<Option<T>> {
        use rusqlite::OptionalExtension as _;
        let mut statement = self.conn.prepare_cached(sql).doing(doing)?;
        statement.query_row(params, row).optional().doing(doing)
    }
}

/// A transaction that holds the write lock. Everything readable is readable here too, its own changes included.
pub struct WriteTxn<'c> {
    read: ReadTxn<'c>,
    /// The version that its changes carry, once one was taken.
    pub(in crate::store) version: Cell<Option<Version>>,
    /// The months whose sums are made anew before it commits.
    pub(in crate::store) touched: TouchedMonths,
    pub(in crate::store) sum_changes: SumChanges,
}

impl<'c> Deref for WriteTxn<'c> {
    type Target = ReadTxn<'c>;

    fn deref(&self) -> &ReadTxn<'c> {
        &self.read
    }
}

impl<'c> WriteTxn<'c> {
    /// A transaction that was begun for writing.
    pub(in crate::store) fn of(conn: &'c Connection) -> Self {
        Self {
            read: ReadTxn::of(conn),
            version: Cell::new(None),
            touched: TouchedMonths::default(),
            sum_changes: SumChanges::default(),
        }
    }

    /// Runs a statement that is kept prepared; the number of rows it touched.
    pub(in crate::store) fn run(
        &self,
        doing: &'static str,
        sql: &str,
        params: impl rusqlite::Params,
    ) -> StoreResult<usize> {
        self.conn.prepare_cached(sql).and_then(|mut statement| statement.execute(params)).doing(doing)
    }

    /// Runs an insert; the key of the new row.
    pub(in crate::store) fn insert(
        &self,
        doing: &'static str,
        sql: &str,
        params: impl rusqlite::Params,
    ) -> StoreResult<i64> {
        self.conn.prepare_cached(sql).and_then(|mut statement| statement.insert(params)).doing(doing)
    }
}
