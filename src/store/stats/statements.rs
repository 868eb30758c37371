//! Which cells each import stated, changed or not. An undo needs this: a value is kept while an import that isn't undone
//! states it. Sets of cells are shared, so that importing the same file every night takes almost no space.

use std::collections::HashSet;

use crate::store::{AdvertiserKey, CampaignKey, Doing as _, ImportKey, PublisherKey, ReadTxn, StoreResult, WriteTxn};

/// The cells of a day that an import stated: for each publisher all campaigns of the day, or some.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatedSet {
    whole: HashSet<PublisherKey>,
    single: HashSet<(PublisherKey, CampaignKey)>,
}

impl StatedSet {
    /// Whether the set has this cell, given that the cell existed when the import was done.
    #[must_use]
    pub fn has(&self, campaign: CampaignKey, publisher: PublisherKey) -> bool {
        self.whole.contains(&publisher) || self.single.contains(&(publisher, campaign))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatedSetKey(i64);

/// A run of days with the same set of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statement {
    pub advertiser: AdvertiserKey,
    /// First day, as stored.
    pub first: i64,
    /// Last day, as stored.
    pub last: i64,
    pub set: StatedSetKey,
}

impl ReadTxn<'_> {
    /// Passes the publisher of every cell of a day to `each`.
    pub fn stat_publishers_of_day(
        &self,
        advertiser: AdvertiserKey,
        day: i64,
        mut each: impl FnMut(PublisherKey),
    ) -> StoreResult<()> {
        const DOING: &str = "read stats";
        let sql = "select publisher_key from daily_stats where advertiser_key = ?1 and day = ?2";
        let mut statement = self.conn.prepare_cached(sql).doing(DOING)?;
        let mut rows = statement.query((advertiser.0, day)).doing(DOING)?;
        while let Some(row) = rows.next().doing(DOING)? {
            each(PublisherKey(row.get(0).doing(DOING)?));
        }
        Ok(())
    }

    /// The imports, not undone, that stated cells of a day which already had cells; newest first.
    pub fn statements_of_day(
        &self,
        advertiser: AdvertiserKey,
        day: i64,
    ) -> StoreResult<Vec<(ImportKey, StatedSetKey)>> {
        let sql = "select import_key, set_key from import_statements
            where advertiser_key = ?1 and first_day <= ?2 and last_day >= ?2
                and not exists (select 1 from imports where undoes_key = import_statements.import_key)
            order by import_key desc";
        self.list("read what imports stated", sql, (advertiser.0, day), |row| {
            Ok((ImportKey(row.get(0)?), StatedSetKey(row.get(1)?)))
        })
    }

    /// The cells of a set.
    pub fn stated_set(&self, key: StatedSetKey) -> StoreResult<StatedSet> {
        let sql = "select publisher_key, campaign_key from stated_cells where set_key = ?1";
        let cells: Vec<(i64, i64)> =
            self.list("read what an import stated", sql, [key.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut set = StatedSet::default();
        for (publisher, campaign) in cells {
            match campaign {
                0 => set.whole.insert(PublisherKey(publisher)),
                _ => set.single.insert((PublisherKey(publisher), CampaignKey(campaign))),
            };
        }
        Ok(set)
    }
}

impl WriteTxn<'_> {
    /// The key of the set of these cells, sorted by publisher and campaign; an entry without a campaign means all campaigns
    /// of the publisher. The set is created if it is new; `sha256` is of the cells.
    pub fn stated_set_make(
        &self,
        sha256: &[u8; 32],
        cells: &[(PublisherKey, Option<CampaignKey>)],
    ) -> StoreResult<StatedSetKey> {
        const DOING: &str = "note what an import stated";
        let known = "select set_key from stated_sets where sha256 = ?1";
        if let Some(key) = self.first(DOING, known, [&sha256[..]], |row| row.get(0))? {
            return Ok(StatedSetKey(key));
        }
        let key = self.insert(DOING, "insert into stated_sets (sha256) values (?1)", [&sha256[..]])?;
        for (publisher, campaign) in cells {
            let sql = "insert into stated_cells (set_key, publisher_key, campaign_key) values (?1, ?2, ?3)";
            self.run(DOING, sql, (key, publisher.0, campaign.map_or(0, |key| key.0)))?;
        }
        Ok(StatedSetKey(key))
    }

    /// Notes which cells of a run of days an import stated.
    pub fn statement_add(&self, import: ImportKey, statement: &Statement) -> StoreResult<()> {
        let Statement { advertiser, first, last, set } = statement;
        let sql = "insert into import_statements (advertiser_key, import_key, first_day, last_day, set_key)
            values (?1, ?2, ?3, ?4, ?5)";
        self.run("note what an import stated", sql, (advertiser.0, import.0, first, last, set.0)).map(drop)
    }
}
