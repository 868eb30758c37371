//! The one big table: what happened on a day, for a campaign, at a publisher.
//!
//! Read in the order in which it is stored, written through [`StatWriter`] in that same order where speed matters.

use std::collections::HashSet;

use rusqlite::{Row, Statement};

use crate::domain::{Count, Figures, Micros};
use crate::store::{
    AdvertiserKey, CampaignKey, Doing as _, ImportKey, PublisherKey, ReadTxn, StoreError, StoreResult, WriteTxn,
    foreign_value,
};

/// Names one cell. Sorts as the table is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StatKey {
    /// Whose.
    pub advertiser: AdvertiserKey,
    /// Days since 1970-01-01.
    pub day: i64,
    /// Which campaign.
    pub campaign: CampaignKey,
    /// At which publisher.
    pub publisher: PublisherKey,
}

/// One cell: its name and its figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatCell {
    /// Which.
    pub key: StatKey,
    /// What it holds.
    pub figures: Figures,
}

/// A cell as the general report adds it up.
#[derive(Debug, Clone, Copy)]
pub struct GeneralCell {
    /// The campaign.
    pub campaign: CampaignKey,
    /// The publisher.
    pub publisher: PublisherKey,
    /// The figures.
    pub figures: Figures,
}

/// What writing a cell did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    /// It was not there.
    Inserted,
    /// It held something else, namely this.
    Changed(Figures),
    /// It held the same.
    Unchanged,
}

/// A value and who stated it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatRow {
    /// The value.
    pub figures: Figures,
    /// The import that stated it.
    pub import: ImportKey,
    /// The import's line; 0 where the file left the cell out and it was set to zero.
    pub line: u64,
}

/// Four figures from the row's columns `at` on, in the table's order.
pub(in crate::store) fn figures(row: &Row<'_>, at: usize) -> rusqlite::Result<Figures> {
    let count = |field, column| Count::new(field, row.get(column)?).map_err(|invalid| foreign_value(column, invalid));
    Ok(Figures {
        clicks: count("clicks", at)?,
        cost: Micros::new(row.get(at + 1)?).map_err(|invalid| foreign_value(at + 1, invalid))?,
        views: count("views", at + 2)?,
        conversions: count("conversions", at + 3)?,
    })
}

/// The columns of `stat_select.sql`, which are the first six of other queries too.
pub(in crate::store) fn stated(row: &Row<'_>) -> rusqlite::Result<StatRow> {
    let line = row.get::<_, i64>(5)?.unsigned_abs();
    Ok(StatRow { figures: figures(row, 0)?, import: ImportKey(row.get(4)?), line })
}

impl ReadTxn<'_> {
    /// Hands every cell of the days to `each`; both ends count.
    pub fn stat_scan_range(
        &self,
        advertiser: AdvertiserKey,
        from: i64,
        to: i64,
        mut each: impl FnMut(GeneralCell),
    ) -> StoreResult<()> {
        const DOING: &str = "read stats";
        let sql = "select campaign_key, publisher_key, clicks, cost_micros, views, conversions from daily_stats
            where advertiser_key = ?1 and day between ?2 and ?3";
        let mut statement = self.conn.prepare_cached(sql).doing(DOING)?;
        let mut rows = statement.query((advertiser.0, from, to)).doing(DOING)?;
        while let Some(row) = rows.next().doing(DOING)? {
            let cell = |row: &Row<'_>| -> rusqlite::Result<GeneralCell> {
                Ok(GeneralCell {
                    campaign: CampaignKey(row.get(0)?),
                    publisher: PublisherKey(row.get(1)?),
                    figures: figures(row, 2)?,
                })
            };
            each(cell(row).doing(DOING)?);
        }
        Ok(())
    }
}

impl WriteTxn<'_> {
    /// A writer whose cells are marked as written by `import`.
    pub fn stat_writer(&self, import: ImportKey) -> StoreResult<StatWriter<'_>> {
        let prepare = |sql| self.conn.prepare(sql).doing("prepare to write stats");
        Ok(StatWriter {
            import,
            insert: prepare(include_str!("../sql/stat_insert.sql"))?,
            select: prepare(include_str!("../sql/stat_select.sql"))?,
            keep: prepare(include_str!("../sql/stat_history_insert.sql"))?,
            update: prepare(include_str!("../sql/stat_update.sql"))?,
            find_campaign: prepare("select 1 from campaigns where advertiser_key = ?1 and campaign_key = ?2")?,
            find_publisher: prepare("select 1 from publishers where publisher_key = ?1")?,
            campaigns: HashSet::new(),
            publishers: HashSet::new(),
        })
    }
}

/// Writes cells with statements that stay prepared; what a cell held before goes into the history. That a cell's campaign and
/// publisher are there is checked once for each, since [`Store::write_many`](crate::store::Store::write_many) checks it for
/// no row.
pub struct StatWriter<'t> {
    import: ImportKey,
    insert: Statement<'t>,
    select: Statement<'t>,
    keep: Statement<'t>,
    update: Statement<'t>,
    find_campaign: Statement<'t>,
    find_publisher: Statement<'t>,
    /// Those that were seen to be there.
    campaigns: HashSet<(AdvertiserKey, CampaignKey)>,
    publishers: HashSet<PublisherKey>,
}

impl StatWriter<'_> {
    /// States the whole value of one cell, once for each import. A cell that holds the same already is not touched.
    pub fn put(&mut self, cell: StatCell, line: u64) -> StoreResult<Stored> {
        const DOING: &str = "write a stat";
        let StatKey { advertiser, day, campaign, publisher } = cell.key;
        self.check(cell.key)?;
        let key = (advertiser.0, day, campaign.0, publisher.0);
        let Figures { clicks, cost, views, conversions } = cell.figures;
        // Lines are counted, so they stay far below 2^63.
        let line = i64::try_from(line).unwrap_or(i64::MAX);
        let params =
            (key.0, key.1, key.2, key.3, clicks.get(), cost.get(), views.get(), conversions.get(), self.import.0, line);
        if self.insert.execute(params).doing(DOING)? == 1 {
            return Ok(Stored::Inserted);
        }
        let held = self.select.query_row(key, stated).doing(DOING)?;
        if held.figures == cell.figures {
            return Ok(Stored::Unchanged);
        }
        let Figures { clicks, cost, views, conversions } = held.figures;
        let old = (clicks.get(), cost.get(), views.get(), conversions.get(), held.import.0, held.line.cast_signed());
        let old = (key.0, key.1, key.2, key.3, self.import.0, old.0, old.1, old.2, old.3, old.4, old.5);
        self.keep.execute(old).doing(DOING)?;
        self.update.execute(params).doing(DOING)?;
        Ok(Stored::Changed(held.figures))
    }

    /// An error where the campaign is none of the advertiser's, or there is no such publisher.
    fn check(&mut self, StatKey { advertiser, campaign, publisher, .. }: StatKey) -> StoreResult<()> {
        const DOING: &str = "look for a campaign or publisher";
        if self.publishers.insert(publisher) && !self.find_publisher.exists([publisher.0]).doing(DOING)? {
            return Err(StoreError::Conflict("a publisher of the stats is gone".to_owned()));
        }
        let is_new = self.campaigns.insert((advertiser, campaign));
        if is_new && !self.find_campaign.exists((advertiser.0, campaign.0)).doing(DOING)? {
            return Err(StoreError::Conflict("a campaign of the stats is gone".to_owned()));
        }
        Ok(())
    }
}
