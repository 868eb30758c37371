//! The stats of a view in groups: sums, sums of the period before, and sparklines.

use std::collections::{HashMap, HashSet};

use chrono::Datelike as _;

use crate::admin::kit::format;
use crate::admin::stats::view::{By, Order, View};
use crate::domain::Day;
use crate::service::ServiceError;
use crate::store::{CampaignKey, PublisherKey, ReadTxn, StatPart, StatSum};

/// The most rows that a page reads one by one; above it only stored sums are fast enough.
pub const MOST_ROWS: i64 = 300_000;

/// Up to this many days, sums are made from days instead of months, and a sparkline has a point per day.
const SHORT: i64 = 62;

/// Up to this many campaigns are looked up one by one instead of in one scan.
const FEW: usize = 40;

/// A row of the table, with its sums.
#[derive(Debug, Clone)]
pub struct Group {
    /// The key of the campaign, offer, …; for times, the first day as stored.
    pub key: i64,
    pub sum: StatSum,
    /// The sum of the period before.
    pub before: StatSum,
    /// Cost per point, in millionths.
    pub line: Vec<i64>,
    /// Where its sum is of one row: that row. Of views that read whole months, it has the month's first day.
    pub only: Option<StatPart>,
}

/// All groups of a view, sorted.
#[derive(Debug, Default)]
pub struct Groups {
    pub groups: Vec<Group>,
    /// The sum of all groups.
    pub total: StatSum,
    /// The sum of the period before.
    pub before: Option<StatSum>,
    /// What a point of a sparkline is: a day or a month.
    pub point: &'static str,
}

/// The error for a view with too many rows.
#[derive(Debug)]
pub struct TooMany {
    /// How many rows the days have.
    pub rows: i64,
}

impl TooMany {
    /// What to do instead.
    #[must_use]
    pub fn message(&self, by: By) -> String {
        let what = if by == By::Rows { "listed one by one" } else { "grouped this way under a filter" };
        format!(
            "These days have {} rows; at most {} can be {what}. Choose fewer days, or group by month, campaign or publisher.",
            format::count(self.rows),
            format::count(MOST_ROWS)
        )
    }
}

/// The filters of a view, resolved to keys.
pub struct Sieve {
    campaigns: Option<HashSet<i64>>,
    publisher: Option<i64>,
    found: Option<(HashSet<i64>, HashSet<i64>)>,
}

impl Sieve {
    /// Looks up what the filters name.
    pub fn new(txn: &ReadTxn<'_>, view: &View) -> Result<Self, ServiceError> {
        let filters = &view.filters;
        let key = view.advertiser.key;
        let mut campaigns: Option<HashSet<i64>> = None;
        if filters.offer.is_some() || filters.app.is_some() {
            let (offer, app) = (filters.offer.as_ref().map(|row| row.key), filters.app.as_ref().map(|row| row.key));
            let own = txn.campaign_owners(key)?.into_iter();
            let own = own.filter(|row| offer.is_none_or(|it| it == row.1) && app.is_none_or(|it| it == row.2));
            campaigns = Some(own.map(|row| row.0.get()).collect());
        }
        if let Some(row) = &filters.campaign {
            let is_let_through = campaigns.as_ref().is_none_or(|among| among.contains(&row.key.get()));
            campaigns = Some(is_let_through.then_some(row.key.get()).into_iter().collect());
        }
        let found = if filters.search.is_empty() {
            None
        } else {
            let campaigns = txn.campaigns_holding(key, &filters.search)?.into_iter().map(CampaignKey::get).collect();
            let publishers = txn.publishers_holding(&filters.search)?.into_iter().map(PublisherKey::get).collect();
            Some((campaigns, publishers))
        };
        Ok(Self { campaigns, publisher: filters.publisher.as_ref().map(|row| row.key.get()), found })
    }

    fn lets_through(&self, part: &StatPart) -> bool {
        let (campaign, publisher) = (part.campaign.get(), part.publisher.get());
        self.campaigns.as_ref().is_none_or(|among| among.contains(&campaign))
            && self.publisher.is_none_or(|only| only == publisher)
            && self
                .found
                .as_ref()
                .is_none_or(|(campaigns, publishers)| campaigns.contains(&campaign) || publishers.contains(&publisher))
    }

    fn is_open(&self) -> bool {
        self.campaigns.is_none() && self.publisher.is_none() && self.found.is_none()
    }

    /// The campaigns to look up one by one, if they are few.
    fn few(&self) -> Option<Vec<CampaignKey>> {
        let campaigns = self.campaigns.as_ref().filter(|among| among.len() <= FEW)?;
        let mut campaigns: Vec<_> = campaigns.iter().map(|key| CampaignKey::from(*key)).collect();
        campaigns.sort_unstable();
        Some(campaigns)
    }
}

/// Calls `each` with the sums that the view needs, from the cheapest source: months, days or rows.
fn scan(
    txn: &ReadTxn<'_>,
    view: &View,
    sieve: &Sieve,
    days: (i64, i64),
    mut each: impl FnMut(StatPart),
) -> Result<Result<(), TooMany>, ServiceError> {
    let key = view.advertiser.key;
    let each = |part: StatPart| {
        if sieve.lets_through(&part) {
            each(part);
        }
    };
    if let Some(few) = sieve.few() {
        txn.stat_scan_campaigns(key, days, &few, each)?;
        return Ok(Ok(()));
    }
    let is_long = days.1 - days.0 + 1 > SHORT;
    if is_long && !matches!(view.by, By::Rows | By::Day | By::Week) {
        txn.stat_scan_months(key, days, each)?;
        return Ok(Ok(()));
    }
    if is_long || view.by == By::Rows {
        let rows = txn.day_sums(key, days.0, days.1)?.iter().map(|(_, sum)| sum.rows).sum();
        if rows > MOST_ROWS {
            return Ok(Err(TooMany { rows }));
        }
    }
    txn.stat_scan_parts(key, days, each)?;
    Ok(Ok(()))
}

/// The Monday of a day's week, and the first of its month.
fn start_of(by: By, day: i64) -> i64 {
    let Ok(date) = Day::from_stored(day).map(Day::date) else { return day };
    match by {
        By::Week => day - i64::from(date.weekday().num_days_from_monday()),
        By::Month => day - i64::from(date.day0()),
        _ => day,
    }
}

/// The groups of a view.
pub fn collect(txn: &ReadTxn<'_>, view: &View) -> Result<Result<Groups, TooMany>, ServiceError> {
    let sieve = Sieve::new(txn, view)?;
    let (from, to) = view.days.stored();
    let owners: HashMap<i64, (i64, i64)> = if matches!(view.by, By::Offer | By::App) {
        let owners = txn.campaign_owners(view.advertiser.key)?.into_iter();
        owners.map(|(campaign, offer, app)| (campaign.get(), (offer.get(), app.get()))).collect()
    } else {
        HashMap::new()
    };
    let key_of = |part: &StatPart| match view.by {
        By::Campaign => part.campaign.get(),
        By::Publisher => part.publisher.get(),
        By::Offer => owners.get(&part.campaign.get()).map_or(0, |owner| owner.0),
        By::App => owners.get(&part.campaign.get()).map_or(0, |owner| owner.1),
        by => start_of(by, part.day),
    };
    let is_daily = to - from < SHORT;
    let month = |day: i64| start_of(By::Month, day);
    let points: Vec<i64> = if is_daily { (from..=to).collect() } else { months(from, to) };
    let place = |day: i64| points.binary_search(&if is_daily { day } else { month(day).max(points[0]) }).unwrap_or(0);
    let has_lines = !view.by.is_time() && points.len() > 1;
    let from_kept = sieve.is_open() && view.by.is_time();
    let mut found: HashMap<i64, Group> = HashMap::new();
    let mut total = StatSum::default();
    let blank = |key| Group {
        key,
        sum: StatSum::default(),
        before: StatSum::default(),
        line: if has_lines { vec![0; points.len()] } else { Vec::new() },
        only: None,
    };
    let mut add = |part: StatPart| {
        total += part.sum;
        let key = key_of(&part);
        let group = found.entry(key).or_insert_with(|| blank(key));
        group.sum += part.sum;
        group.only = (!from_kept && group.sum.rows == 1).then_some(part);
        if has_lines {
            let cost = part.sum.cost.to_stored().unwrap_or(i64::MAX);
            let point = &mut group.line[place(part.day)];
            *point = point.saturating_add(cost);
        }
    };
    let kept = |(day, sum): (i64, StatSum)| StatPart { day, campaign: 0.into(), publisher: 0.into(), sum };
    if from_kept {
        txn.day_sums(view.advertiser.key, from, to)?.into_iter().map(kept).for_each(&mut add);
    } else if let Err(too_many) = scan(txn, view, &sieve, (from, to), &mut add)? {
        return Ok(Err(too_many));
    }
    let mut before = None;
    if let Some(days) = view.before {
        let mut sum = StatSum::default();
        if sieve.is_open() && view.by.is_time() {
            let days = days.stored();
            txn.day_sums(view.advertiser.key, days.0, days.1)?.into_iter().for_each(|(_, day)| sum += day);
        } else {
            let add = |part: StatPart| {
                sum += part.sum;
                if !view.by.is_time() {
                    let key = key_of(&part);
                    found.entry(key).or_insert_with(|| blank(key)).before += part.sum;
                }
            };
            if let Err(too_many) = scan(txn, view, &sieve, days.stored(), add)? {
                return Ok(Err(too_many));
            }
        }
        before = Some(sum);
    }
    // A group that only has figures in the period before gets no row.
    let mut groups: Vec<_> = found.into_values().filter(|group| group.sum.rows > 0).collect();
    sort(txn, view, &mut groups)?;
    Ok(Ok(Groups { groups, total, before, point: if is_daily { "day" } else { "month" } }))
}

/// The first days of the months from one day to another; the first of them is the first day itself.
fn months(from: i64, to: i64) -> Vec<i64> {
    let mut months = vec![start_of(By::Month, from)];
    let mut next = start_of(By::Month, months[0] + 31);
    while next <= to {
        months.push(next);
        next = start_of(By::Month, next + 31);
    }
    months
}

fn sort(txn: &ReadTxn<'_>, view: &View, groups: &mut [Group]) -> Result<(), ServiceError> {
    let (order, down) = view.order;
    if order == Order::Name && !view.by.is_time() {
        let names = names(txn, view)?;
        groups.sort_by_cached_key(|group| (names.get(&group.key).map(|name| name.to_lowercase()), group.key));
    } else {
        groups.sort_unstable_by_key(|group| (rank(order, &group.sum, &group.before, group.key), group.key));
    }
    if down {
        groups.reverse();
    }
    Ok(())
}

/// What sums are sorted by.
#[must_use]
pub fn rank(order: Order, sum: &StatSum, before: &StatSum, key: i64) -> i128 {
    let cost = |sum: &StatSum| i128::try_from(sum.cost.rounded(6)).unwrap_or(i128::MAX);
    match order {
        Order::Name => key.into(),
        Order::Cost => cost(sum),
        Order::Change => cost(sum) - cost(before),
        Order::Clicks => sum.clicks.into(),
        Order::PerClick => {
            sum.cost.per(sum.clicks).map_or(-1, |cost| i128::try_from(cost.rounded(6)).unwrap_or(i128::MAX))
        }
        Order::Views => sum.views.into(),
        Order::Conversions => sum.conversions.into(),
    }
}

/// The names of everything that a group can stand for.
fn names(txn: &ReadTxn<'_>, view: &View) -> Result<HashMap<i64, String>, ServiceError> {
    let key = view.advertiser.key;
    Ok(match view.by {
        By::Campaign => txn.campaign_names(key)?,
        By::Offer => txn.offer_list(key)?.into_iter().map(|row| (row.key.get(), row.name)).collect(),
        By::App => txn.app_list(key)?.into_iter().map(|row| (row.key.get(), row.name)).collect(),
        By::Publisher => txn.publisher_names()?,
        _ => HashMap::new(),
    })
}

/// The rows of a view, sorted; fails if there are too many.
pub fn rows(txn: &ReadTxn<'_>, view: &View) -> Result<Result<Vec<StatPart>, TooMany>, ServiceError> {
    let sieve = Sieve::new(txn, view)?;
    let mut rows = Vec::new();
    if let Err(too_many) = scan(txn, view, &sieve, view.days.stored(), |part| rows.push(part))? {
        return Ok(Err(too_many));
    }
    let (order, down) = view.order;
    rows.sort_unstable_by_key(|part| {
        (rank(order, &part.sum, &StatSum::default(), part.day), part.day, part.campaign, part.publisher)
    });
    if down {
        rows.reverse();
    }
    Ok(Ok(rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        let day = |text| Day::parse("day", text).unwrap().to_stored();
        assert_eq!(start_of(By::Week, day("2026-11-27")), day("2026-11-23"));
        assert_eq!(start_of(By::Week, day("2026-11-23")), day("2026-11-23"));
        assert_eq!(start_of(By::Month, day("2026-11-27")), day("2026-11-01"));
        assert_eq!(months(day("2025-12-15"), day("2026-02-01")), ["2025-12-01", "2026-01-01", "2026-02-01"].map(day));
    }
}
