//! Read and write transactions: prepared statements, and what a write transaction must update before it commits.

use std::cell::Cell;
use std::ops::Deref;

use rusqlite::Connection;

use crate::store::convert::Doing as _;
use crate::store::stats::sum_changes::SumChanges;
use crate::store::stats::sums::TouchedMonths;
use crate::store::{StoreResult, UrgentNote, Version};

/// A read transaction: one unchanging state of the database.
pub struct ReadTxn<'c> {
    pub(in crate::store) conn: &'c Connection,
    /// Urgent notes that aren't in the database yet.
    pub(in crate::store) notes: &'c [UrgentNote],
}

impl<'c> ReadTxn<'c> {
    /// On a connection whose transaction has begun.
    pub(in crate::store) fn of(conn: &'c Connection) -> Self {
        Self { conn, notes: &[] }
    }

    /// All rows of a query, by a cached prepared statement.
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

    /// The first row of a query, by a cached prepared statement.
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

/// A transaction that holds the write lock. It can also read, its own changes included.
pub struct WriteTxn<'c> {
    read: ReadTxn<'c>,
    /// The version of its changes, once it has one.
    pub(in crate::store) version: Cell<Option<Version>>,
    /// The months whose sums are computed again before it commits.
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

    /// Runs a cached prepared statement; returns the number of changed rows.
    pub(in crate::store) fn run(
        &self,
        doing: &'static str,
        sql: &str,
        params: impl rusqlite::Params,
    ) -> StoreResult<usize> {
        self.conn.prepare_cached(sql).and_then(|mut statement| statement.execute(params)).doing(doing)
    }

    /// Runs an insert; returns the key of the new row.
    pub(in crate::store) fn insert(
        &self,
        doing: &'static str,
        sql: &str,
        params: impl rusqlite::Params,
    ) -> StoreResult<i64> {
        self.conn.prepare_cached(sql).and_then(|mut statement| statement.insert(params)).doing(doing)
    }
}
