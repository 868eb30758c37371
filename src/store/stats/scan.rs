//! The report's way through the big table: cells in the order in which they are stored, some at a time.
//!
//! Between two calls nothing is open but the snapshot. Cells come off the pages of the table ([`StatTree`]); where SQLite was
//! built without what shows them, from a statement that reads the same.

use crate::domain::{Count, Invalid, Micros, ReportRow};
use crate::store::stats::walk::{StatTree, StatWalk};
use crate::store::{AdvertiserKey, ReadTxn, StoreResult, foreign_value};

/// Advertiser, day, campaign, publisher: the table's key, and its order.
pub(in crate::store) type Key = [i64; 4];

/// How many cells are handed out at once. Off the pages few, which the processor's fastest memory holds until they are
/// written; a statement has to find its place anew each time.
const PAGES_BATCH: usize = 32;
const STATEMENT_BATCH: u32 = 256;

/// Goes through an advertiser's cells of some days. Only for the snapshot it was made on.
pub struct StatScan {
    way: Way,
    advertiser: i64,
    last_day: i64,
    batch: Vec<ReportRow>,
}

enum Way {
    Pages(StatWalk),
    /// By a statement, from behind this day, campaign and publisher.
    Statement(i64, i64, i64),
}

impl StatScan {
    /// From the first to the last of these days; both count.
    #[must_use]
    pub fn new(tree: Option<StatTree>, advertiser: AdvertiserKey, first_day: i64, last_day: i64) -> Self {
        let way = match tree {
            Some(tree) => Way::Pages(tree.walk([advertiser.0, first_day, i64::MIN, i64::MIN])),
            None => Way::Statement(first_day, i64::MIN, i64::MIN),
        };
        Self { way, advertiser: advertiser.0, last_day, batch: Vec::with_capacity(PAGES_BATCH) }
    }

    /// The next cells; none once there are no more.
    pub fn next(&mut self, txn: &ReadTxn<'_>) -> StoreResult<&[ReportRow]> {
        self.batch.clear();
        let (advertiser, last_day) = (self.advertiser, self.last_day);
        match &mut self.way {
            Way::Pages(walk) => walk.read(txn, (advertiser, last_day), PAGES_BATCH, &mut self.batch)?,
            Way::Statement(day, campaign, publisher) => {
                let after = (advertiser, *day, *campaign, *publisher, last_day, STATEMENT_BATCH);
                self.batch = txn.list(DOING, include_str!("../sql/stat_scan.sql"), after, |row| {
                    let figure = |invalid| foreign_value(3, invalid);
                    report_row(row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?).map_err(figure)
                })?;
                if let Some(last) = self.batch.last() {
                    (*day, *campaign, *publisher) = (last.day, last.campaign, last.publisher);
                }
            }
        }
        Ok(&self.batch)
    }
}

const DOING: &str = "read stats";

/// A cell, if its figures are such as the schema allows.
#[inline]
pub(in crate::store) fn report_row(
    day: i64,
    campaign: i64,
    publisher: i64,
    clicks: i64,
    cost: i64,
) -> Result<ReportRow, Invalid> {
    let (clicks, cost) = (Count::new("clicks", clicks)?.get(), Micros::new(cost)?);
    Ok(ReportRow { day, campaign, publisher, clicks, cost })
}

impl ReadTxn<'_> {
    /// Where the big table's pages begin in this snapshot, if they can be read.
    pub fn stat_tree(&self) -> StoreResult<Option<StatTree>> {
        StatTree::find(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    /// Five sizes of integers in every column, over some hundred pages.
    fn filled(store: &Store) -> Vec<Key> {
        let conn = rusqlite::Connection::open(store.path()).unwrap();
        conn.execute_batch("pragma foreign_keys = off").unwrap();
        let mut keys = Vec::new();
        let mut insert =
            conn.prepare("insert into daily_stats values (?1, ?2, ?3, ?4, ?5, ?6, 0, 1, 70000, ?5)").unwrap();
        conn.execute_batch("begin").unwrap();
        for advertiser in [1_i64, 2, 300] {
            for day in 19_000_i64..19_030 {
                for campaign in [0_i64, 1, 2, 127, 128, 40_000, 9_000_000, 5_000_000_000] {
                    for publisher in 0..(day + advertiser) % 40 {
                        let mix = (day * 7_919 + campaign * 104_729 + publisher * 1_299_709).rem_euclid(1 << 40);
                        let clicks = mix >> (mix % 40);
                        insert.execute((advertiser, day, campaign, publisher, clicks, mix * (mix % 3))).unwrap();
                        keys.push([advertiser, day, campaign, publisher]);
                    }
                }
            }
        }
        conn.execute_batch("commit").unwrap();
        keys
    }

    fn scanned(store: &Store, tree: Option<StatTree>, advertiser: i64, days: (i64, i64)) -> Vec<ReportRow> {
        let snapshot = store.snapshot().unwrap();
        let mut scan = StatScan::new(tree, AdvertiserKey(advertiser), days.0, days.1);
        let mut rows = Vec::new();
        loop {
            let batch = scan.next(&snapshot.txn()).unwrap();
            if batch.is_empty() {
                break;
            }
            rows.extend_from_slice(batch);
        }
        assert!(scan.next(&snapshot.txn()).unwrap().is_empty(), "an end stays one");
        rows
    }

    #[test]
    fn the_pages_say_what_a_statement_says() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let keys = filled(&store);
        let tree = store.read(|txn| txn.stat_tree()).unwrap();
        assert!(tree.is_some(), "SQLite was built without sqlite_dbpage");
        for advertiser in [0, 1, 2, 3, 300, 301] {
            for days in [(19_000, 19_029), (0, i64::MAX), (19_010, 19_010), (19_028, 19_100), (19_030, 19_040), (1, 5)]
            {
                let told = scanned(&store, None, advertiser, days);
                let wanted = |key: &&Key| key[0] == advertiser && days.0 <= key[1] && key[1] <= days.1;
                assert_eq!(told.len(), keys.iter().filter(wanted).count());
                assert!(scanned(&store, tree, advertiser, days) == told, "{advertiser} {days:?}");
            }
        }
    }

    #[test]
    fn a_snapshot_reads_the_pages_as_they_were() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let count = |snapshot: &crate::store::Snapshot| {
            let txn = snapshot.txn();
            let mut scan = StatScan::new(txn.stat_tree().unwrap(), AdvertiserKey(1), 0, i64::MAX);
            std::iter::from_fn(|| Some(scan.next(&txn).unwrap().len()).filter(|rows| *rows > 0)).sum::<usize>()
        };
        let before = store.snapshot().unwrap();
        assert_eq!(count(&before), 0);
        filled(&store);
        assert_eq!(count(&before), 0);
        let after = store.snapshot().unwrap();
        assert!(count(&after) > 1000);
        drop((before, after));
        store.checkpoint().unwrap();
        assert!(count(&store.snapshot().unwrap()) > 1000);
    }

    #[test]
    fn the_largest_figures_come_off_the_pages() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let conn = rusqlite::Connection::open(store.path()).unwrap();
        let row = "insert into daily_stats values (9, 84005, 1, 9223372036854775807, 1000000000000000,
            100000000000000000, 1000000000000000, 1000000000000000, 9223372036854775807, 9223372036854775807)";
        conn.execute_batch(&format!("pragma foreign_keys = off; {row}")).unwrap();
        let tree = store.read(|txn| txn.stat_tree()).unwrap();
        let rows = scanned(&store, tree, 9, (0, 84_005));
        let cost = Micros::new(100_000_000_000_000_000).unwrap();
        let (day, campaign, publisher, clicks) = (84_005, 1, i64::MAX, 1_000_000_000_000_000);
        assert_eq!(rows, [ReportRow { day, campaign, publisher, clicks, cost }]);
    }
}
