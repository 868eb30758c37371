//! What cells held before: the changes of one import, the life of one cell, and an import taken back.
//!
//! `StatWriter` writes this history; here it is read, and used. An import states a cell once, so the value it ended there,
//! if it ended one, is found by the import alone.

use rusqlite::{Row, named_params};

use crate::domain::Figures;
use crate::store::stats::daily_stats;
use crate::store::{
    CampaignKey, ImportKey, ImportSpan, PublisherKey, ReadTxn, StatKey, StatRow, StoreResult, WriteTxn,
};

/// A value that a cell held once.
#[derive(Debug, Clone, Copy)]
pub struct PastValue {
    /// The value and who stated it.
    pub stated: StatRow,
    /// The import that replaced it or took it away.
    pub ended_by: ImportKey,
}

/// What an import did to one cell.
#[derive(Debug, Clone, Copy)]
pub struct StatChange {
    /// Which cell.
    pub key: StatKey,
    /// What it held before; nothing where it was new.
    pub old: Option<Figures>,
    /// What the import stated.
    pub new: Figures,
    /// On which line; 0 where the file left the cell out and it was set to zero.
    pub line: u64,
}

/// A stretch of an import's changes.
#[derive(Debug, Clone, Copy)]
pub struct ChangePage {
    /// Which advertiser and days, of the import's spans.
    pub span: ImportSpan,
    /// Only cells after this one.
    pub after: Option<StatKey>,
    /// Whether cells that were new are wanted too.
    pub with_new: bool,
    /// At most so many.
    pub limit: u32,
}

impl ReadTxn<'_> {
    /// What an import changed, in the order of the table.
    pub fn import_changes(&self, import: ImportKey, page: &ChangePage) -> StoreResult<Vec<StatChange>> {
        let advertiser = page.span.advertiser;
        let after = page.after.map(|key| (key.day, key.campaign.0, key.publisher.0));
        let (day, campaign, publisher) = after.unwrap_or((page.span.first, 0, 0));
        let params = named_params! {
            ":import": import.0, ":advertiser": advertiser.0, ":last": page.span.last,
            ":day": day, ":campaign": campaign, ":publisher": publisher,
            ":inserts": page.with_new, ":limit": page.limit,
        };
        self.list("read an import's changes", include_str!("../sql/import_changes.sql"), params, |row| {
            let (campaign, publisher) = (CampaignKey(row.get(1)?), PublisherKey(row.get(2)?));
            let is_new = row.get::<_, Option<i64>>(8)?.is_none();
            Ok(StatChange {
                key: StatKey { advertiser, day: row.get(0)?, campaign, publisher },
                old: if is_new { None } else { Some(daily_stats::figures(row, 9)?) },
                new: daily_stats::figures(row, 3)?,
                line: row.get::<_, i64>(7)?.unsigned_abs(),
            })
        })
    }

    /// What a cell held, the oldest first.
    pub fn stat_past(&self, key: StatKey) -> StoreResult<Vec<PastValue>> {
        let sql = "select clicks, cost_micros, views, conversions, import_key, import_line, ended_by from stat_history
            where advertiser_key = ?1 and day = ?2 and campaign_key = ?3 and publisher_key = ?4
            order by ended_by";
        let params = (key.advertiser.0, key.day, key.campaign.0, key.publisher.0);
        self.list("read a cell's history", sql, params, |row| {
            Ok(PastValue { stated: daily_stats::stated(row)?, ended_by: ImportKey(row.get(6)?) })
        })
    }

    /// The later imports whose changes stand on what this one stated, the newest first, each with the number of cells.
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

    /// The days on which cells hold what an import stated, each with their number.
    pub fn import_days_held(&self, import: ImportKey, span: ImportSpan) -> StoreResult<Vec<(i64, u64)>> {
        let sql = "select day, count(*) from daily_stats
            where advertiser_key = ?1 and day between ?2 and ?3 and import_key = ?4
            group by day
            order by day";
        self.list("read an import's days", sql, (span.advertiser.0, span.first, span.last, import.0), |row| {
            Ok((row.get(0)?, count(row, 1)?))
        })
    }
}

fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::unsigned_abs)
}

impl WriteTxn<'_> {
    /// Gives the cells that hold what `import` stated the values back that they had before, and takes away those that were
    /// new. How many of each.
    pub fn import_take_back(&self, import: ImportKey, undo: ImportKey, span: ImportSpan) -> StoreResult<(u64, u64)> {
        const DOING: &str = "take an import back";
        let (advertiser, first, last) = (span.advertiser.0, span.first, span.last);
        let keep = named_params! {
            ":undo": undo.0, ":import": import.0, ":advertiser": advertiser, ":first": first, ":last": last,
        };
        self.run(DOING, include_str!("../sql/undo_keep.sql"), keep)?;
        let restored = self.run(DOING, include_str!("../sql/undo_restore.sql"), &keep[1..])?;
        // What still holds the import's value had none before.
        let sql = "delete from daily_stats
            where advertiser_key = ?1 and day between ?2 and ?3 and import_key = ?4";
        let deleted = self.run(DOING, sql, (advertiser, first, last, import.0))?;
        Ok((restored as u64, deleted as u64))
    }
}
