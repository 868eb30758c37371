//! The stats for pages: filtered cells, sums by day, and what uses a catalogue entry before it is deleted.

use crate::domain::{Figures, MicrosSum};
use crate::store::stats::daily_stats;
use crate::store::{
    AdvertiserKey, CampaignKey, Doing as _, ImportSpan, PublisherKey, ReadTxn, StatKey, StatRow, StoreError,
    StoreResult,
};

/// Which cells are wanted; both days are included.
#[derive(Debug, Clone, Copy)]
pub struct StatFilter {
    pub advertiser: AdvertiserKey,
    /// First day, as stored.
    pub from: i64,
    /// Last day, as stored.
    pub to: i64,
    /// Only of this campaign.
    pub campaign: Option<CampaignKey>,
    /// Only at this publisher.
    pub publisher: Option<PublisherKey>,
}

/// A cell for a page.
#[derive(Debug, Clone, Copy)]
pub struct StatLine {
    pub key: StatKey,
    pub figures: Figures,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct DaySum {
    pub clicks: i64,
    pub cost: MicrosSum,
    pub rows: i64,
}

/// The stats that use a campaign or a publisher.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    pub rows: i64,
    /// First and last day, as stored.
    pub days: (i64, i64),
}

impl ReadTxn<'_> {
    /// The campaigns and publishers that have stats together.
    pub fn stat_pairs(&self, advertiser: AdvertiserKey) -> StoreResult<Vec<(CampaignKey, PublisherKey)>> {
        let sql = "select distinct campaign_key, publisher_key from month_sums where advertiser_key = ?1";
        self.list("list what has stats", sql, [advertiser.0], |row| {
            Ok((CampaignKey(row.get(0)?), PublisherKey(row.get(1)?)))
        })
    }

    /// Passes the cells that match the filter to `each`, newest day first.
    pub fn stat_scan_lines(&self, filter: &StatFilter, mut each: impl FnMut(StatLine)) -> StoreResult<()> {
        const DOING: &str = "read stats";
        let mut statement = self.conn.prepare_cached(include_str!("../sql/stat_lines.sql")).doing(DOING)?;
        let params = rusqlite::named_params! {
            ":advertiser": filter.advertiser.0,
            ":from": filter.from,
            ":to": filter.to,
            ":campaign": filter.campaign.map(|key| key.0),
            ":publisher": filter.publisher.map(|key| key.0),
        };
        let mut rows = statement.query(params).doing(DOING)?;
        while let Some(row) = rows.next().doing(DOING)? {
            let line = |row: &rusqlite::Row<'_>| -> rusqlite::Result<StatLine> {
                let key = StatKey {
                    advertiser: filter.advertiser,
                    day: row.get(0)?,
                    campaign: CampaignKey(row.get(1)?),
                    publisher: PublisherKey(row.get(2)?),
                };
                Ok(StatLine { key, figures: daily_stats::figures(row, 3)? })
            };
            each(line(row).doing(DOING)?);
        }
        Ok(())
    }

    /// Passes the cells of these days to `each`, in the order of the table, until it fails.
    pub fn stat_scan_figures<E: From<StoreError>>(
        &self,
        days: ImportSpan,
        mut each: impl FnMut(StatKey, Figures) -> Result<(), E>,
    ) -> Result<(), E> {
        const DOING: &str = "read stats";
        let sql = "select day, campaign_key, publisher_key, clicks, cost_micros, views, conversions
            from daily_stats
            where advertiser_key = ?1 and day between ?2 and ?3
            order by day, campaign_key, publisher_key";
        let mut statement = self.conn.prepare_cached(sql).doing(DOING)?;
        let mut rows = statement.query((days.advertiser.0, days.first, days.last)).doing(DOING)?;
        while let Some(row) = rows.next().doing(DOING)? {
            let cell = |row: &rusqlite::Row<'_>| -> rusqlite::Result<(StatKey, Figures)> {
                let (campaign, publisher) = (CampaignKey(row.get(1)?), PublisherKey(row.get(2)?));
                let key = StatKey { advertiser: days.advertiser, day: row.get(0)?, campaign, publisher };
                Ok((key, daily_stats::figures(row, 3)?))
            };
            let (key, figures) = cell(row).doing(DOING)?;
            each(key, figures)?;
        }
        Ok(())
    }

    /// One cell's value, and the import that stated it.
    pub fn stat_find(&self, key: StatKey) -> StoreResult<Option<StatRow>> {
        let params = (key.advertiser.0, key.day, key.campaign.0, key.publisher.0);
        self.first("read a stat", include_str!("../sql/stat_select.sql"), params, daily_stats::stated)
    }

    /// The stats of a campaign.
    pub fn campaign_usage(&self, advertiser: AdvertiserKey, campaign: CampaignKey) -> StoreResult<Option<Usage>> {
        // Month by month, because the key begins with the day.
        let sql = "with recursive months(month) as (
                select min(month) from month_sums where advertiser_key = ?1
                union all
                select (select min(next.month) from month_sums next
                    where next.advertiser_key = ?1 and next.month > months.month)
                from months where months.month is not null
            )
            select sum(rows), min(first_day), max(last_day) from months
            cross join month_sums on month_sums.advertiser_key = ?1 and month_sums.month = months.month
                and month_sums.campaign_key = ?2";
        Ok(self.first("count a campaign's stats", sql, (advertiser.0, campaign.0), usage)?.flatten())
    }

    /// The stats of a publisher, over all advertisers.
    pub fn publisher_usage(&self, publisher: PublisherKey) -> StoreResult<Option<Usage>> {
        let sql = "select sum(rows), min(first_day), max(last_day) from month_sums where publisher_key = ?1";
        Ok(self.first("count a publisher's stats", sql, [publisher.0], usage)?.flatten())
    }

    /// Each advertiser's first and last day with stats at a publisher.
    pub fn publisher_spans(&self, publisher: PublisherKey) -> StoreResult<Vec<ImportSpan>> {
        let sql = "select advertiser_key, min(first_day), max(last_day) from month_sums where publisher_key = ?1
            group by advertiser_key
            order by advertiser_key";
        self.list("find a publisher's days", sql, [publisher.0], |row| {
            Ok(ImportSpan { advertiser: AdvertiserKey(row.get(0)?), first: row.get(1)?, last: row.get(2)? })
        })
    }

    /// Whether the history contains values or merges of a campaign, even if it has no stats now.
    pub fn campaign_has_history(&self, advertiser: AdvertiserKey, campaign: CampaignKey) -> StoreResult<bool> {
        let sql = "select exists (select 1 from stat_history where advertiser_key = ?1 and campaign_key = ?2)
            or exists (select 1 from merges where ?2 in (campaign_key, into_campaign_key))";
        let found = self.first("look for a campaign's history", sql, (advertiser.0, campaign.0), |row| row.get(0))?;
        Ok(found.unwrap_or_default())
    }

    /// Whether the history contains values or merges of a publisher, even if it has no stats now.
    pub fn publisher_has_history(&self, publisher: PublisherKey) -> StoreResult<bool> {
        let sql = "select exists (select 1 from stat_history where publisher_key = ?1)
            or exists (select 1 from stated_cells where publisher_key = ?1)
            or exists (select 1 from merges where ?1 in (publisher_key, into_publisher_key))";
        let found = self.first("look for a publisher's history", sql, [publisher.0], |row| row.get(0))?;
        Ok(found.unwrap_or_default())
    }

    /// The advertiser's first and last day with stats.
    pub fn stat_span(&self, advertiser: AdvertiserKey) -> StoreResult<Option<(i64, i64)>> {
        let sql = "select min(day), max(day) from day_versions where advertiser_key = ?1";
        let found = self.first("find the stats' days", sql, [advertiser.0], |row| {
            Ok(row.get::<_, Option<i64>>(0)?.zip(row.get::<_, Option<i64>>(1)?))
        })?;
        Ok(found.flatten())
    }
}

fn usage(row: &rusqlite::Row<'_>) -> rusqlite::Result<Option<Usage>> {
    let days = row.get::<_, Option<i64>>(1)?.zip(row.get::<_, Option<i64>>(2)?);
    let rows = row.get::<_, Option<i64>>(0)?.unwrap_or_default();
    Ok(days.map(|days| Usage { rows, days }))
}

impl DaySum {
    pub fn add(&mut self, figures: &Figures) {
        self.clicks = self.clicks.saturating_add(figures.clicks.get());
        self.cost += figures.cost.into();
        self.rows += 1;
    }
}
