//! The report's way through the big table: cells in the order in which they are stored, some at a time.
//!
//! Between two calls nothing is open but the snapshot. Cells come off the pages of the table ([`StatTree`]); where SQLite was
//! built without what shows them, from a statement that reads the same.

use std::ops::ControlFlow;

use super::stat_walk::{Reach, StatTree, StatWalk};
use super::{AdvertiserKey, Doing as _, ReadTxn, StoreError, StoreResult, foreign_value};
use crate::domain::{Count, Micros, ReportRow};

/// Advertiser, day, campaign, publisher: the table's key, and its order.
pub(super) type Key = [i64; 4];

/// Goes through an advertiser's cells of some days. Only for the snapshot it was made on.
pub struct StatScan {
    way: Way,
    advertiser: i64,
    last_day: i64,
}

enum Way {
    Pages(StatWalk),
    /// By a statement, from behind this cell.
    Statement(Key),
}

impl StatScan {
    /// From the first to the last of these days; both count.
    #[must_use]
    pub fn new(tree: Option<StatTree>, advertiser: AdvertiserKey, first_day: i64, last_day: i64) -> Self {
        let before = [advertiser.0, first_day, i64::MIN, i64::MIN];
        let way = tree.map_or(Way::Statement(before), |tree| Way::Pages(tree.walk(before)));
        Self { way, advertiser: advertiser.0, last_day }
    }

    /// Hands the next cells to `each` until it breaks; whether it did, so that there may be more.
    pub fn go_on<E: From<StoreError>>(
        &mut self,
        txn: &ReadTxn<'_>,
        mut each: impl FnMut(ReportRow) -> Result<ControlFlow<()>, E>,
    ) -> Result<bool, E> {
        let mut take = |[_, day, campaign, publisher]: Key, clicks, cost| {
            let foreign = |column| move |invalid| StoreError::sqlite(DOING, foreign_value(column, invalid));
            let clicks = Count::new("clicks", clicks).map_err(foreign(4))?.get();
            let cost = Micros::new(cost).map_err(foreign(5))?;
            each(ReportRow { day, campaign, publisher, clicks, cost })
        };
        match &mut self.way {
            Way::Pages(walk) => {
                let until = (self.advertiser, self.last_day);
                let reached = walk.go_on(txn, &mut |key: Key, clicks, cost| {
                    if (key[0], key[1]) > until {
                        return Ok::<_, E>(Reach::End);
                    }
                    Ok(if take(key, clicks, cost)?.is_break() { Reach::Pause } else { Reach::On })
                })?;
                Ok(reached == Reach::Pause)
            }
            Way::Statement(after) => step(txn, after, self.last_day, &mut take),
        }
    }
}

const DOING: &str = "read stats";

/// The same by a statement.
fn step<E: From<StoreError>>(
    txn: &ReadTxn<'_>,
    after: &mut Key,
    last_day: i64,
    take: &mut impl FnMut(Key, i64, i64) -> Result<ControlFlow<()>, E>,
) -> Result<bool, E> {
    let mut statement = txn.conn.prepare_cached(include_str!("sql/stat_scan.sql")).doing(DOING)?;
    let [advertiser, day, campaign, publisher] = *after;
    let mut rows = statement.query((advertiser, day, campaign, publisher, last_day)).doing(DOING)?;
    while let Some(row) = rows.next().doing(DOING)? {
        let read = || Ok(([advertiser, row.get(0)?, row.get(1)?, row.get(2)?], row.get(3)?, row.get(4)?));
        let (key, clicks, cost) = read().doing(DOING)?;
        *after = key;
        if take(key, clicks, cost)?.is_break() {
            return Ok(true);
        }
    }
    Ok(false)
}

impl ReadTxn<'_> {
    /// Where the big table's pages begin in this snapshot, if they can be read.
    pub fn stat_tree(&self) -> StoreResult<Option<StatTree>> {
        StatTree::find(self)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::*;

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

    fn scanned(
        store: &Store,
        tree: Option<StatTree>,
        advertiser: i64,
        days: (i64, i64),
        pause: usize,
    ) -> Vec<ReportRow> {
        let snapshot = store.snapshot().unwrap();
        let mut scan = StatScan::new(tree, AdvertiserKey(advertiser), days.0, days.1);
        let mut rows = Vec::new();
        let mut at_once = 0;
        while scan
            .go_on(&snapshot.txn(), |row| {
                rows.push(row);
                at_once += 1;
                Ok::<_, StoreError>(if at_once % pause == 0 {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                })
            })
            .unwrap()
        {}
        rows
    }

    #[test]
    fn the_pages_say_what_a_statement_says_wherever_it_pauses() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let keys = filled(&store);
        let tree = store.read(|txn| txn.stat_tree()).unwrap();
        assert!(tree.is_some(), "SQLite was built without sqlite_dbpage");
        for advertiser in [0, 1, 2, 3, 300, 301] {
            for days in [(19_000, 19_029), (0, i64::MAX), (19_010, 19_010), (19_028, 19_100), (19_030, 19_040), (1, 5)]
            {
                let told = scanned(&store, None, advertiser, days, usize::MAX);
                let wanted = |key: &&Key| key[0] == advertiser && days.0 <= key[1] && key[1] <= days.1;
                assert_eq!(told.len(), keys.iter().filter(wanted).count());
                for pause in [1, 7, 100, usize::MAX] {
                    assert!(scanned(&store, tree, advertiser, days, pause) == told, "{advertiser} {days:?} {pause}");
                }
                assert!(scanned(&store, None, advertiser, days, 50) == told);
            }
        }
    }

    #[test]
    fn a_snapshot_reads_the_pages_as_they_were() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let count = |snapshot: &super::super::Snapshot| {
            let (txn, mut rows) = (snapshot.txn(), 0);
            let mut scan = StatScan::new(txn.stat_tree().unwrap(), AdvertiserKey(1), 0, i64::MAX);
            scan.go_on(&txn, |_| {
                rows += 1;
                Ok::<_, StoreError>(ControlFlow::Continue(()))
            })
            .unwrap();
            rows
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
        let rows = scanned(&store, tree, 9, (0, 84_005), 1);
        let cost = Micros::new(100_000_000_000_000_000).unwrap();
        let (day, campaign, publisher, clicks) = (84_005, 1, i64::MAX, 1_000_000_000_000_000);
        assert_eq!(rows, [ReportRow { day, campaign, publisher, clicks, cost }]);
    }
}
