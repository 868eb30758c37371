//! Reads cells of the stats table for a report, in key order, a batch at a time.
//!
//! Between two calls only the snapshot stays open. A snapshot reads cells from the table's pages (`walk.rs`). If SQLite was
//! built without `sqlite_dbpage`, and in a write transaction, a statement reads the same cells.

use crate::store::stats::row::{COLUMNS, Key, ReportRow, before};
use crate::store::stats::walk::StatWalk;
use crate::store::{AdvertiserKey, ReadTxn, StoreResult, foreign_value};

/// How many cells are returned at once. From pages only a few, so that they stay in the processor's cache; a statement must
/// find its position again each time, so it returns more.
const PAGES_BATCH: usize = 32;
const STATEMENT_BATCH: u32 = 256;

/// Scans an advertiser's cells of some days. Only for the snapshot or transaction that it was made in.
pub struct StatScan {
    way: Way,
    batch: Vec<ReportRow>,
}

enum Way {
    Pages(StatWalk),
    /// By a statement, after this key and up to this day.
    Statement(Key, i64),
}

impl StatScan {
    pub(in crate::store) fn by_pages(walk: StatWalk) -> Self {
        Self { way: Way::Pages(walk), batch: Vec::with_capacity(PAGES_BATCH) }
    }

    pub(in crate::store) fn by_statement(after: Key, last_day: i64) -> Self {
        Self { way: Way::Statement(after, last_day), batch: Vec::new() }
    }

    /// The key before the next cells, and their last day.
    pub(in crate::store) fn rest(&self) -> (Key, i64) {
        match &self.way {
            Way::Pages(walk) => walk.rest(),
            Way::Statement(after, last_day) => (*after, *last_day),
        }
    }

    /// The day of the next cell, or an earlier day.
    #[must_use]
    pub fn next_day(&self) -> i64 {
        let ([_, day, ..], _) = self.rest();
        day
    }

    /// The next cells; empty at the end.
    pub fn next(&mut self, txn: &ReadTxn<'_>) -> StoreResult<&[ReportRow]> {
        self.batch.clear();
        match &mut self.way {
            Way::Pages(walk) => walk.read(txn, PAGES_BATCH, &mut self.batch)?,
            Way::Statement(after, last_day) => {
                let [advertiser, day, campaign, publisher] = *after;
                let params = (advertiser, day, campaign, publisher, *last_day, STATEMENT_BATCH);
                self.batch = txn.list("read stats", include_str!("../sql/stat_scan.sql"), params, |row| {
                    let mut columns = [advertiser; COLUMNS];
                    for (at, column) in columns.iter_mut().enumerate() {
                        *column = row.get(at)?;
                    }
                    ReportRow::new(columns).map_err(|invalid| foreign_value(4, invalid))
                })?;
                if let Some(ReportRow { day, campaign, publisher, .. }) = self.batch.last() {
                    *after = [advertiser, *day, campaign.0, publisher.0];
                }
            }
        }
        Ok(&self.batch)
    }
}

impl ReadTxn<'_> {
    /// The advertiser's cells of these days, both ends included, by a statement. `Snapshot::stat_scan` is faster.
    #[must_use]
    pub fn stat_scan(&self, advertiser: AdvertiserKey, first_day: i64, last_day: i64) -> StatScan {
        StatScan::by_statement(before(advertiser, first_day), last_day)
    }
}
