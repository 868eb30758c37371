//! Stored sums of the stats: of each day, and of each campaign at each publisher in a month.
//!
//! They are written in the transaction that changes the stats, so they always agree with the cells, and pages need not read
//! the big table. A `StatWriter` adds its changes to them (`sum_changes.rs`); months that were changed otherwise, noted by
//! [`WriteTxn::day_sum_again`], are computed again just before the commit.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{Datelike as _, NaiveDate};
use rusqlite::{Row, named_params};

use crate::domain::{Day, Micros, MicrosSum};
use crate::store::catalogue_lists::json;
use crate::store::{AdvertiserKey, CampaignKey, Doing as _, PublisherKey, ReadTxn, StoreError, StoreResult, WriteTxn};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatSum {
    pub rows: i64,
    /// Clicks; they stop at the largest number.
    pub clicks: i64,
    pub cost: MicrosSum,
    pub views: i64,
    pub conversions: i64,
}

impl std::ops::AddAssign for StatSum {
    fn add_assign(&mut self, other: Self) {
        self.rows = self.rows.saturating_add(other.rows);
        self.clicks = self.clicks.saturating_add(other.clicks);
        self.cost += other.cost;
        self.views = self.views.saturating_add(other.views);
        self.conversions = self.conversions.saturating_add(other.conversions);
    }
}

/// The sum of one campaign at one publisher, for one day or a whole month.
#[derive(Debug, Clone, Copy)]
pub struct StatPart {
    /// The day, or the month's first day, as stored.
    pub day: i64,
    pub campaign: CampaignKey,
    pub publisher: PublisherKey,
    pub sum: StatSum,
}

/// Months since year 0, twelve a year.
pub(in crate::store::stats) fn month_of(day: i64) -> i64 {
    Day::from_stored(day).map_or(0, |day| i64::from(day.date().year()) * 12 + i64::from(day.date().month0()))
}

/// The first and last day of a month.
pub(in crate::store::stats) fn days_of(month: i64) -> (i64, i64) {
    let first = |month: i64| {
        let year = i32::try_from(month.div_euclid(12)).unwrap_or(i32::MAX);
        let number = u32::try_from(month.rem_euclid(12)).unwrap_or_default() + 1;
        let date = NaiveDate::from_ymd_opt(year, number, 1).and_then(|date| Day::try_from(date).ok());
        date.map_or(0, Day::to_stored)
    };
    (first(month), first(month + 1) - 1)
}

/// The months whose sums a transaction must compute again: advertiser and month.
#[derive(Default)]
pub(in crate::store) struct TouchedMonths(RefCell<BTreeSet<(i64, i64)>>);

impl TouchedMonths {
    pub(in crate::store) fn add(&self, advertiser: AdvertiserKey, day: i64) {
        self.0.borrow_mut().insert((advertiser.0, month_of(day)));
    }
}

/// Clicks, cost, views and conversions of a row, from the column `at` on.
fn figures(row: &Row<'_>, at: usize) -> rusqlite::Result<[i64; 4]> {
    Ok([row.get(at)?, row.get(at + 1)?, row.get(at + 2)?, row.get(at + 3)?])
}

fn sum(rows: i64, [clicks, cost, views, conversions]: [i64; 4]) -> StatSum {
    StatSum { rows, clicks, cost: MicrosSum::from_parts(0, cost), views, conversions }
}

pub(in crate::store::stats) const DAY_SUM: &str = "rows, clicks, cost_units, cost_micros, views, conversions";

pub(in crate::store::stats) fn day_sum(row: &Row<'_>, at: usize) -> rusqlite::Result<StatSum> {
    Ok(StatSum {
        rows: row.get(at)?,
        clicks: row.get(at + 1)?,
        cost: MicrosSum::from_parts(row.get(at + 2)?, row.get(at + 3)?),
        views: row.get(at + 4)?,
        conversions: row.get(at + 5)?,
    })
}

impl ReadTxn<'_> {
    /// The days of the range with stats, in order, each with its sums. Both ends are included.
    pub fn day_sums(&self, advertiser: AdvertiserKey, from: i64, to: i64) -> StoreResult<Vec<(i64, StatSum)>> {
        let sql = format!(
            "select day, {DAY_SUM} from day_sums where advertiser_key = ?1 and day between ?2 and ?3 order by day"
        );
        self.list("read the days' sums", &sql, (advertiser.0, from, to), |row| Ok((row.get(0)?, day_sum(row, 1)?)))
    }

    /// Passes every cell of the days to `each`, in the table's order.
    pub fn stat_scan_parts(
        &self,
        advertiser: AdvertiserKey,
        (from, to): (i64, i64),
        mut each: impl FnMut(StatPart),
    ) -> StoreResult<()> {
        const DOING: &str = "read stats";
        let sql = "select day, campaign_key, publisher_key, clicks, cost_micros, views, conversions from daily_stats
            where advertiser_key = ?1 and day between ?2 and ?3";
        let mut statement = self.conn.prepare_cached(sql).doing(DOING)?;
        let mut rows = statement.query((advertiser.0, from, to)).doing(DOING)?;
        while let Some(row) = rows.next().doing(DOING)? {
            each(part(row).doing(DOING)?);
        }
        Ok(())
    }

    /// Passes day, campaign and cost of every cell of the days to `each`, in the table's order.
    pub fn stat_scan_costs(
        &self,
        advertiser: AdvertiserKey,
        (from, to): (i64, i64),
        mut each: impl FnMut(i64, CampaignKey, MicrosSum),
    ) -> StoreResult<()> {
        const DOING: &str = "read stats";
        let sql = "select day, campaign_key, cost_micros from daily_stats where advertiser_key = ?1 and day between ?2 and ?3";
        let mut statement = self.conn.prepare_cached(sql).doing(DOING)?;
        let mut rows = statement.query((advertiser.0, from, to)).doing(DOING)?;
        while let Some(row) = rows.next().doing(DOING)? {
            let cost = MicrosSum::from_parts(0, row.get(2).doing(DOING)?);
            each(row.get(0).doing(DOING)?, CampaignKey(row.get(1).doing(DOING)?), cost);
        }
        Ok(())
    }

    /// Passes the cells of some campaigns to `each`, looking each of them up on each day.
    pub fn stat_scan_campaigns(
        &self,
        advertiser: AdvertiserKey,
        (from, to): (i64, i64),
        campaigns: &[CampaignKey],
        mut each: impl FnMut(StatPart),
    ) -> StoreResult<()> {
        const DOING: &str = "read stats";
        let mut statement = self.conn.prepare_cached(include_str!("../sql/stat_campaigns.sql")).doing(DOING)?;
        let params = named_params! {
            ":advertiser": advertiser.0, ":from": from, ":to": to, ":campaigns": json(campaigns.iter().map(|key| key.0)),
        };
        let mut rows = statement.query(params).doing(DOING)?;
        while let Some(row) = rows.next().doing(DOING)? {
            each(part(row).doing(DOING)?);
        }
        Ok(())
    }

    /// The days, as stored, on which one of these campaigns has stats.
    pub fn stat_days_of(
        &self,
        advertiser: AdvertiserKey,
        campaigns: impl Iterator<Item = CampaignKey>,
    ) -> StoreResult<Vec<i64>> {
        let sql = include_str!("../sql/stat_days_of.sql");
        let params = named_params! {":advertiser": advertiser.0, ":campaigns": json(campaigns.map(|key| key.0))};
        self.list("find the days of campaigns", sql, params, |row| row.get(0))
    }

    /// Passes the sums of the days to `each`: stored sums for whole months, cells for the days around them.
    pub fn stat_scan_months(
        &self,
        advertiser: AdvertiserKey,
        (from, to): (i64, i64),
        mut each: impl FnMut(StatPart),
    ) -> StoreResult<()> {
        const DOING: &str = "read the months' sums";
        let (mut first, mut last) = (month_of(from), month_of(to));
        first += i64::from(days_of(first).0 < from);
        last -= i64::from(days_of(last).1 > to);
        if first > last {
            return self.stat_scan_parts(advertiser, (from, to), each);
        }
        let (start, end) = (days_of(first).0, days_of(last).1);
        if from < start {
            self.stat_scan_parts(advertiser, (from, start - 1), &mut each)?;
        }
        let sql = "select month, campaign_key, publisher_key, rows, clicks, cost_micros, views, conversions
            from month_sums where advertiser_key = ?1 and month between ?2 and ?3";
        let mut statement = self.conn.prepare_cached(sql).doing(DOING)?;
        let mut rows = statement.query((advertiser.0, first, last)).doing(DOING)?;
        while let Some(row) = rows.next().doing(DOING)? {
            let part = |row: &Row<'_>| -> rusqlite::Result<StatPart> {
                let (campaign, publisher) = (CampaignKey(row.get(1)?), PublisherKey(row.get(2)?));
                let day = days_of(row.get(0)?).0;
                Ok(StatPart { day, campaign, publisher, sum: sum(row.get(3)?, figures(row, 4)?) })
            };
            each(part(row).doing(DOING)?);
        }
        if end < to {
            self.stat_scan_parts(advertiser, (end + 1, to), &mut each)?;
        }
        Ok(())
    }
}

fn part(row: &Row<'_>) -> rusqlite::Result<StatPart> {
    let (campaign, publisher) = (CampaignKey(row.get(1)?), PublisherKey(row.get(2)?));
    Ok(StatPart { day: row.get(0)?, campaign, publisher, sum: sum(1, figures(row, 3)?) })
}

/// Sums, and the first and last day that has cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SummedDays {
    pub days: (i64, i64),
    pub sum: StatSum,
}

/// A stored sum that differs from the sum of the cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SumFault {
    pub advertiser: AdvertiserKey,
    pub of: SumOf,
    /// The stored sum; `None` if there is none.
    pub kept: Option<SummedDays>,
    /// The sum of the cells; `None` if there are none.
    pub cells: Option<SummedDays>,
}

/// What is summed: a day, or a month of a campaign at a publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SumOf {
    /// A day, as stored.
    Day(i64),
    /// The month that begins on this day, as stored, of one campaign at one publisher.
    Month(i64, CampaignKey, PublisherKey),
}

impl SumOf {
    /// The day, or the first of the month, as stored.
    #[must_use]
    pub fn day(self) -> i64 {
        match self {
            Self::Day(day) | Self::Month(day, ..) => day,
        }
    }
}

/// The sums of a month's days, and of each campaign and publisher in that month.
#[derive(Default)]
pub(in crate::store::stats) struct MonthSums {
    pub(in crate::store::stats) days: BTreeMap<i64, StatSum>,
    pub(in crate::store::stats) parts: HashMap<(CampaignKey, PublisherKey), SummedDays>,
}

impl ReadTxn<'_> {
    /// Sums the cells of a month.
    pub(in crate::store::stats) fn month_of_cells(
        &self,
        advertiser: AdvertiserKey,
        month: i64,
    ) -> StoreResult<MonthSums> {
        let mut found = MonthSums::default();
        self.stat_scan_parts(advertiser, days_of(month), |StatPart { day, campaign, publisher, sum }| {
            *found.days.entry(day).or_default() += sum;
            let new = SummedDays { days: (day, day), sum: StatSum::default() };
            let part = found.parts.entry((campaign, publisher)).or_insert(new);
            part.sum += sum;
            part.days.1 = day;
        })?;
        Ok(found)
    }

    /// The stored sums of a month.
    pub(in crate::store::stats) fn month_as_kept(
        &self,
        advertiser: AdvertiserKey,
        month: i64,
    ) -> StoreResult<MonthSums> {
        let (from, to) = days_of(month);
        let days = self.day_sums(advertiser, from, to)?.into_iter().collect();
        let sql =
            "select campaign_key, publisher_key, first_day, last_day, rows, clicks, cost_micros, views, conversions
            from month_sums where advertiser_key = ?1 and month = ?2";
        let parts = self.list("read a month's sums", sql, (advertiser.0, month), |row| {
            let days = (row.get(2)?, row.get(3)?);
            let sum = sum(row.get(4)?, figures(row, 5)?);
            Ok(((CampaignKey(row.get(0)?), PublisherKey(row.get(1)?)), SummedDays { days, sum }))
        })?;
        Ok(MonthSums { days, parts: parts.into_iter().collect() })
    }
}

/// The cost of a month always fits: it is that of one cell a day, and the table lets none cost more than [`Micros::MAX`].
/// 31 × 10^17 is less than 2^63.
const _: () = assert!(i64::MAX / Micros::MAX.get() >= 31, "a month's cost doesn't fit its column");

/// Only a table without its checks could hold such cells.
fn too_large(month: i64, cost: MicrosSum) -> StoreError {
    let (year, number) = (month.div_euclid(12), month.rem_euclid(12) + 1);
    StoreError::Conflict(format!("the cost of a campaign in {year}-{number:02} is {cost}, more than can be stored"))
}

impl WriteTxn<'_> {
    /// Notes that cells of this day were changed without a `StatWriter`.
    pub fn day_sum_again(&self, advertiser: AdvertiserKey, day: i64) {
        self.touched.add(advertiser, day);
    }

    /// Computes the sums of the noted months again.
    pub(in crate::store) fn sums_renew(&self) -> StoreResult<()> {
        self.sum_changes.put(self.conn, &self.touched)?;
        let touched = self.touched.0.take();
        for (advertiser, month) in touched {
            self.month_renew(AdvertiserKey(advertiser), month)?;
        }
        Ok(())
    }

    fn month_renew(&self, advertiser: AdvertiserKey, month: i64) -> StoreResult<()> {
        const DOING: &str = "sum a month";
        let (first, last) = days_of(month);
        let MonthSums { days, parts } = self.month_of_cells(advertiser, month)?;
        let days_sql = "delete from day_sums where advertiser_key = ?1 and day between ?2 and ?3";
        self.run(DOING, days_sql, (advertiser.0, first, last))?;
        self.run(DOING, "delete from month_sums where advertiser_key = ?1 and month = ?2", (advertiser.0, month))?;
        let sql =
            format!("insert into day_sums (advertiser_key, day, {DAY_SUM}) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
        for (day, sum) in days {
            let (units, micros) = sum.cost.to_parts();
            let params = (advertiser.0, day, sum.rows, sum.clicks, units, micros, sum.views, sum.conversions);
            self.run(DOING, &sql, params)?;
        }
        let mut parts: Vec<_> = parts.into_iter().collect();
        parts.sort_unstable_by_key(|(key, _)| *key);
        let sql = "insert into month_sums values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        for ((campaign, publisher), SummedDays { days, sum }) in parts {
            let StatSum { rows, clicks, cost, views, conversions } = sum;
            let cost = cost.to_stored().ok_or_else(|| too_large(month, cost))?;
            let key = (advertiser.0, month, campaign.0, publisher.0);
            let params = (key.0, key.1, key.2, key.3, rows, days.0, days.1, clicks, cost, views, conversions);
            self.run(DOING, sql, params)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_begin_and_end_where_the_calendar_says() {
        let day = |text| Day::parse("day", text).unwrap().to_stored();
        for (text, first, last) in [
            ("2024-02-29", "2024-02-01", "2024-02-29"),
            ("2025-12-31", "2025-12-01", "2025-12-31"),
            ("2026-01-01", "2026-01-01", "2026-01-31"),
        ] {
            assert_eq!(days_of(month_of(day(text))), (day(first), day(last)), "{text}");
        }
    }
}
