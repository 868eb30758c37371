//! Earlier values of cells: what one import changed, all values of one cell, and restoring a value.
//!
//! `StatWriter` writes this history; here it is read and used. An import states a cell once, so the value that it ended there
//! is found by the import alone.

use std::collections::HashSet;

use rusqlite::{Row, named_params};

use crate::domain::Figures;
use crate::store::stats::daily_stats;
use crate::store::{
    AdvertiserKey, CampaignKey, ImportKey, ImportSpan, PublisherKey, ReadTxn, StatKey, StatRow, StoreResult, WriteTxn,
};

/// An earlier value of a cell.
#[derive(Debug, Clone, Copy)]
pub struct PastValue {
    /// The value and the import that stated it.
    pub stated: StatRow,
    /// The import that replaced or removed it.
    pub ended_by: ImportKey,
}

/// What an import did to one cell.
#[derive(Debug, Clone, Copy)]
pub struct StatChange {
    pub key: StatKey,
    /// Its value before; `None` if it was new.
    pub old: Option<Figures>,
    /// Its new value.
    pub new: Figures,
    /// The line; 0 if the file left the cell out and it was set to zero.
    pub line: u64,
}

/// What an undo did to one cell.
#[derive(Debug, Clone, Copy)]
pub struct UndoChange {
    pub key: StatKey,
    /// Its value before.
    pub old: Figures,
    /// Its new value; `None` if it was removed.
    pub new: Option<Figures>,
    /// The line of the value before.
    pub line: u64,
}

/// A page of an import's changes.
#[derive(Debug, Clone, Copy)]
pub struct ChangePage {
    /// The advertiser and days, one of the import's spans.
    pub span: ImportSpan,
    /// Only cells after this one.
    pub after: Option<StatKey>,
    /// Whether new cells are included.
    pub with_new: bool,
    /// The most cells.
    pub limit: u32,
}

impl ChangePage {
    /// Day, campaign and publisher of the cell before the page.
    fn after(&self) -> (i64, i64, i64) {
        self.after.map_or((self.span.first, 0, 0), |key| (key.day, key.campaign.0, key.publisher.0))
    }
}

/// The cell whose campaign and publisher are in the row's columns `at` on.
fn cell(row: &Row<'_>, advertiser: AdvertiserKey, day: i64, at: usize) -> rusqlite::Result<StatKey> {
    Ok(StatKey { advertiser, day, campaign: CampaignKey(row.get(at)?), publisher: PublisherKey(row.get(at + 1)?) })
}

impl ReadTxn<'_> {
    /// What an import changed, in the order of the table.
    pub fn import_changes(&self, import: ImportKey, page: &ChangePage) -> StoreResult<Vec<StatChange>> {
        let advertiser = page.span.advertiser;
        let (day, campaign, publisher) = page.after();
        let params = named_params! {
            ":import": import.0, ":advertiser": advertiser.0, ":last": page.span.last,
            ":day": day, ":campaign": campaign, ":publisher": publisher,
            ":inserts": page.with_new, ":limit": page.limit,
        };
        self.list("read an import's changes", include_str!("../sql/import_changes.sql"), params, |row| {
            let is_new = row.get::<_, Option<i64>>(8)?.is_none();
            Ok(StatChange {
                key: cell(row, advertiser, row.get(0)?, 1)?,
                old: if is_new { None } else { Some(daily_stats::figures(row, 9)?) },
                new: daily_stats::figures(row, 3)?,
                line: row.get::<_, i64>(7)?.unsigned_abs(),
            })
        })
    }

    /// What an undo did, in the order of the table.
    pub fn undo_changes(&self, undo: ImportKey, page: &ChangePage) -> StoreResult<Vec<UndoChange>> {
        let advertiser = page.span.advertiser;
        let (day, campaign, publisher) = page.after();
        let params = named_params! {
            ":undo": undo.0, ":advertiser": advertiser.0, ":last": page.span.last,
            ":day": day, ":campaign": campaign, ":publisher": publisher,
            ":gone": page.with_new, ":limit": page.limit,
        };
        self.list("read what an undo did", include_str!("../sql/undo_changes.sql"), params, |row| {
            let key = cell(row, advertiser, row.get(0)?, 1)?;
            let is_given_back = row.get::<_, Option<bool>>(8)?.unwrap_or_default();
            let new = if is_given_back { Some(daily_stats::figures(row, 9)?) } else { None };
            let line = row.get::<_, i64>(7)?.unsigned_abs();
            Ok(UndoChange { key, old: daily_stats::figures(row, 3)?, new, line })
        })
    }

    /// A cell's earlier values, oldest first.
    pub fn stat_past(&self, key: StatKey) -> StoreResult<Vec<PastValue>> {
        let sql = "select clicks, cost_micros, views, conversions, import_key, import_line, ended_by from stat_history
            where advertiser_key = ?1 and day = ?2 and campaign_key = ?3 and publisher_key = ?4
            order by ended_by";
        let params = (key.advertiser.0, key.day, key.campaign.0, key.publisher.0);
        self.list("read a cell's history", sql, params, |row| {
            Ok(PastValue { stated: daily_stats::stated(row)?, ended_by: ImportKey(row.get(6)?) })
        })
    }

    /// The later imports that changed the same cells as this one, newest first, each with the number of cells.
    pub fn import_later(&self, import: ImportKey, span: ImportSpan) -> StoreResult<Vec<(ImportKey, u64)>> {
        self.list(
            "look for later changes",
            include_str!("../sql/import_later.sql"),
            named_params! {
                ":import": import.0, ":advertiser": span.advertiser.0, ":first": span.first, ":last": span.last,
            },
            |row| Ok((ImportKey(row.get(0)?), count(row, 1)?)),
        )
    }

    /// The days with cells that have this import's value.
    pub fn import_days_held(&self, import: ImportKey, span: ImportSpan) -> StoreResult<Vec<i64>> {
        let sql = "select distinct day from daily_stats
            where advertiser_key = ?1 and day between ?2 and ?3 and import_key = ?4
            order by day";
        self.list("read an import's days", sql, (span.advertiser.0, span.first, span.last, import.0), |row| row.get(0))
    }

    /// A day's cells that have this import's value, in order.
    pub fn import_cells_held(
        &self,
        import: ImportKey,
        advertiser: AdvertiserKey,
        day: i64,
    ) -> StoreResult<Vec<(StatKey, StatRow)>> {
        let sql = "select clicks, cost_micros, views, conversions, import_key, import_line, campaign_key, publisher_key
            from daily_stats
            where advertiser_key = ?1 and day = ?2 and import_key = ?3
            order by campaign_key, publisher_key";
        self.list("read what an import stated", sql, (advertiser.0, day, import.0), |row| {
            Ok((cell(row, advertiser, day, 6)?, daily_stats::stated(row)?))
        })
    }

    /// Earlier values of a day's cells, by cell, oldest first.
    pub fn stat_past_of_day(&self, advertiser: AdvertiserKey, day: i64) -> StoreResult<Vec<(StatKey, PastValue)>> {
        let sql = include_str!("../sql/stat_past_of_day.sql");
        self.list("read a day's history", sql, (advertiser.0, day), |row| {
            let past = PastValue { stated: daily_stats::stated(row)?, ended_by: ImportKey(row.get(6)?) };
            Ok((cell(row, advertiser, day, 7)?, past))
        })
    }

    /// The imports that were undone.
    pub fn imports_undone(&self) -> StoreResult<HashSet<ImportKey>> {
        let sql = "select undoes_key from imports where undoes_key is not null";
        let undone = self.list("read what was undone", sql, (), |row| row.get(0).map(ImportKey))?;
        Ok(undone.into_iter().collect())
    }

    /// How many cells of these days an import changed and added, according to the history.
    pub fn import_counted(&self, import: ImportKey, span: ImportSpan) -> StoreResult<(u64, u64)> {
        let params = named_params! {
            ":import": import.0, ":advertiser": span.advertiser.0, ":first": span.first, ":last": span.last,
        };
        let counted =
            self.first("count an import's changes", include_str!("../sql/import_counted.sql"), params, |row| {
                Ok((count(row, 0)?, count(row, 1)?))
            })?;
        Ok(counted.unwrap_or_default())
    }
}

fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::unsigned_abs)
}

impl WriteTxn<'_> {
    /// Ends a cell's value for `undo`, and sets it to `new`, or removes the cell.
    pub fn stat_take_back(&self, undo: ImportKey, key: StatKey, new: Option<&StatRow>) -> StoreResult<()> {
        const DOING: &str = "take an import back";
        let cell = (key.advertiser.0, key.day, key.campaign.0, key.publisher.0);
        self.run(DOING, include_str!("../sql/undo_keep.sql"), (cell.0, cell.1, cell.2, cell.3, undo.0))?;
        match new {
            None => {
                let sql = "delete from daily_stats
                    where advertiser_key = ?1 and day = ?2 and campaign_key = ?3 and publisher_key = ?4";
                self.run(DOING, sql, cell).map(drop)
            }
            Some(row) => {
                let Figures { clicks, cost, views, conversions } = row.figures;
                let figures = (clicks.get(), cost.get(), views.get(), conversions.get());
                let (f, line) = (figures, row.line.cast_signed());
                let params = (cell.0, cell.1, cell.2, cell.3, f.0, f.1, f.2, f.3, row.import.0, line);
                self.run(DOING, include_str!("../sql/stat_update.sql"), params).map(drop)
            }
        }
    }
}
