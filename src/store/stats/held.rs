//! What many cells of a day hold, read at once.

use std::cell::Cell;

use crate::domain::Figures;
use crate::store::stats::daily_stats::{StatCell, figures};
use crate::store::{CampaignKey, Doing as _, PublisherKey, ReadTxn, StoreError, StoreResult};

/// Looking a cell up by itself takes as long as reading so many one after the other.
const LOOK_UP: i64 = 4;

impl ReadTxn<'_> {
    /// What these cells hold, all of one day and in the table's order; nothing where a cell is not there.
    pub fn stats_held(&self, cells: &[(StatCell, u64)]) -> StoreResult<Vec<Option<Figures>>> {
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
            let key = (CampaignKey(row.get(0).doing(DOING)?), PublisherKey(row.get(1).doing(DOING)?));
            Ok::<_, StoreError>(Some((key, figures(row, 2).doing(DOING)?)))
        };
        let mut here = next()?;
        let mut held = Vec::with_capacity(cells.len());
        for (StatCell { key, .. }, _) in cells {
            let wanted = (key.campaign, key.publisher);
            while here.is_some_and(|(cell, _)| cell < wanted) {
                here = next()?;
            }
            if here.is_none() && read.get() == limit {
                // Too many others lie between these cells.
                break;
            }
            held.push(here.filter(|(cell, _)| *cell == wanted).map(|(_, figures)| figures));
        }
        for (StatCell { key, .. }, _) in &cells[held.len()..] {
            held.push(self.stat_find(*key)?.map(|row| row.figures));
        }
        Ok(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
            (StatCell { key, figures: Figures::default() }, 1)
        };
        // All of them, some of them, the first and last with nothing between, and cells around what there is.
        for step in [1, 2, 50, 389] {
            let cells: Vec<_> =
                (5..405).step_by(step).flat_map(|one| [cell(one, 0), cell(one, 2), cell(one, 3)]).collect();
            let held = store.read(|txn| txn.stats_held(&cells)).unwrap();
            let by_itself =
                |(cell, _): &(StatCell, u64)| store.read(|txn| txn.stat_find(cell.key)).unwrap().map(|row| row.figures);
            assert!(held.iter().any(Option::is_some), "{step}");
            assert_eq!(held, cells.iter().map(by_itself).collect::<Vec<_>>(), "{step}");
        }
        assert!(store.read(|txn| txn.stats_held(&[])).unwrap().is_empty());
    }
}
