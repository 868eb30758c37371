//! Compares many cells of a day with the stored ones.

use std::cell::Cell;

use crate::domain::Figures;
use crate::store::stats::daily_stats::{StatCell, Stored};
use crate::store::{CampaignKey, Doing as _, PublisherKey, ReadTxn, StoreError, StoreResult};

/// Looking up one cell takes as long as reading this many in sequence.
const LOOK_UP: i64 = 4;

impl ReadTxn<'_> {
    /// What writing these cells would do. All must be of one day and in the table's order.
    pub fn stats_compared(&self, cells: &[(StatCell, u64)]) -> StoreResult<Vec<Stored>> {
        const DOING: &str = "read stats";
        let (Some((first, _)), Some((last, _))) = (cells.first(), cells.last()) else { return Ok(Vec::new()) };
        let limit = i64::try_from(cells.len()).unwrap_or(i64::MAX).saturating_mul(LOOK_UP);
        let (from, to) = (first.key, last.key);
        let mut statement = self.conn.prepare_cached(include_str!("../sql/stat_held.sql")).doing(DOING)?;
        let params = (from.advertiser.0, from.day, from.campaign.0, from.publisher.0, to.campaign.0, limit);
        let mut rows = statement.query(params).doing(DOING)?;
        let read = Cell::new(0);
        let mut next = || {
            let Some(row) = rows.next().doing(DOING)? else { return Ok(None) };
            read.set(read.get() + 1);
            let number = |column| row.get::<_, i64>(column).doing(DOING);
            let key = (CampaignKey(number(0)?), PublisherKey(number(1)?));
            Ok::<_, StoreError>(Some((key, [number(2)?, number(3)?, number(4)?, number(5)?])))
        };
        let mut here = next()?;
        let mut done = Vec::with_capacity(cells.len());
        for (cell, _) in cells {
            let wanted = (cell.key.campaign, cell.key.publisher);
            while here.is_some_and(|(held, _)| held < wanted) {
                here = next()?;
            }
            if here.is_none() && read.get() == limit {
                // There are too many other cells between these.
                break;
            }
            let held = here.filter(|(held, _)| *held == wanted).map(|(_, held)| held);
            let Figures { clicks, cost, views, conversions } = cell.figures;
            let numbers = [clicks.get(), cost.get(), views.get(), conversions.get()];
            done.push(match held {
                None => Stored::Inserted,
                Some(held) if held == numbers => Stored::Unchanged,
                Some(_) => self.stat_compared(cell)?,
            });
        }
        for (cell, _) in &cells[done.len()..] {
            done.push(self.stat_compared(cell)?);
        }
        Ok(done)
    }

    fn stat_compared(&self, cell: &StatCell) -> StoreResult<Stored> {
        Ok(match self.stat_find(cell.key)? {
            None => Stored::Inserted,
            Some(held) if held.figures == cell.figures => Stored::Unchanged,
            Some(held) => Stored::Changed(held.figures),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Count;
    use crate::store::{AdvertiserKey, StatKey, Store};

    #[test]
    fn cells_are_found_however_many_others_lie_between_them() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let conn = rusqlite::Connection::open(store.path()).unwrap();
        conn.execute_batch("pragma foreign_keys = off; begin").unwrap();
        for campaign in (10..400).filter(|campaign| campaign % 7 != 0) {
            for publisher in 1..4 {
                let sql = "insert into daily_stats values (1, 19000, ?1, ?2, ?1, 0, 0, ?2, 1, 1)";
                conn.execute(sql, (campaign, publisher)).unwrap();
            }
        }
        conn.execute_batch("commit").unwrap();
        let cell = |campaign, publisher| {
            let (campaign, publisher) = (CampaignKey(campaign), PublisherKey(publisher));
            let key = StatKey { advertiser: AdvertiserKey(1), day: 19_000, campaign, publisher };
            // The cell is unchanged at one of the publishers.
            let count = |number| Count::new("count", number).unwrap();
            let (clicks, conversions) = (count(campaign.0), count(2));
            (StatCell { key, figures: Figures { clicks, conversions, ..Figures::default() } }, 1)
        };
        // All cells, some of them, only the first and last, and cells around the existing ones.
        for step in [1, 2, 50, 389] {
            let cells: Vec<_> =
                (5..405).step_by(step).flat_map(|one| [cell(one, 0), cell(one, 2), cell(one, 3)]).collect();
            let told = store.read(|txn| txn.stats_compared(&cells)).unwrap();
            let by_itself = |(cell, _): &(StatCell, u64)| match store.read(|txn| txn.stat_find(cell.key)).unwrap() {
                None => Stored::Inserted,
                Some(row) if row.figures == cell.figures => Stored::Unchanged,
                Some(row) => Stored::Changed(row.figures),
            };
            assert!(told.contains(&Stored::Inserted) && told.iter().any(|told| *told != Stored::Inserted), "{step}");
            assert_eq!(told, cells.iter().map(by_itself).collect::<Vec<_>>(), "{step}");
        }
        assert!(store.read(|txn| txn.stats_compared(&[])).unwrap().is_empty());
    }
}
