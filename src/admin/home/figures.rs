//! The figures of the start page: sums of the last days.

use std::collections::HashMap;

use chrono::Datelike as _;

use crate::admin::catalogue::entry::{scope, today};
use crate::admin::kit::chart::{self, Chart};
use crate::admin::kit::format;
use crate::admin::kit::table::{Cell, Column, Sparkline, Table};
use crate::domain::{Day, MicrosSum};
use crate::service::{ServiceError, stats};
use crate::store::{AdvertiserRow, CampaignKey, ReadTxn, StatSum};

/// Days that the chart and the sparklines show.
const DAYS: i64 = stats::LAST_DAYS;

/// Campaigns that are listed.
const TOP: usize = 5;

/// A figure at the top of the page.
pub struct Figure {
    /// Its label.
    pub what: String,
    pub much: String,
    pub unit: &'static str,
    /// The amount with all its decimals.
    pub exactly: String,
    /// What it is compared with, in words.
    pub than: String,
    /// Its sparkline.
    pub line: Sparkline,
    /// Link to its rows.
    pub href: String,
}

/// The sums of the last days, by day; days without stats are included.
pub struct RecentDays {
    today: Day,
    /// How long before today the last of the 7 and of the 30 days is.
    end: i64,
    /// From the first of last month, or 60 days ago, whichever is earlier, to today.
    sums: Vec<StatSum>,
}

impl RecentDays {
    pub fn read(txn: &ReadTxn<'_>, advertiser: &AdvertiserRow) -> Result<Self, ServiceError> {
        let today = today(advertiser.time_zone)?;
        let to = today.to_stored();
        let month_before = i64::from(today.date().day0()) + 31;
        let first = to - month_before.max(2 * DAYS);
        let length = usize::try_from(to - first + 1).unwrap_or_default();
        let mut sums = vec![StatSum::default(); length];
        for (day, sum) in txn.day_sums(advertiser.key, first, to)? {
            if let Some(place) = usize::try_from(day - first).ok().and_then(|at| sums.get_mut(at)) {
                *place = sum;
            }
        }
        let end = to - stats::last_day(txn, advertiser, chrono::Utc::now())?.to_stored();
        Ok(Self { today, end, sums })
    }

    /// The sums from `from` to `to`, both included, counted back from today.
    fn back(&self, from: i64, to: i64) -> &[StatSum] {
        let last = i64::try_from(self.sums.len()).unwrap_or_default() - 1;
        let place = |back: i64| usize::try_from((last - back).clamp(0, last)).unwrap_or_default();
        &self.sums[place(from)..=place(to)]
    }

    /// Yesterday, the last 7 days and this month.
    #[must_use]
    pub fn figures(&self, advertiser: &AdvertiserRow) -> Vec<Figure> {
        let (currency, scope) = (advertiser.currency, scope(advertiser));
        let cost = |sums: &[StatSum]| {
            let mut total = MicrosSum::default();
            for sum in sums {
                total += sum.cost;
            }
            total
        };
        let line = |sums: &[StatSum]| sparkline(sums.iter().map(|sum| sum.cost.to_stored().unwrap_or(i64::MAX)));
        let against = |now: MicrosSum, before: MicrosSum, what: &str| match format::change(now, before) {
            Some(change) => format!("{change} against {what}"),
            None if now == before => format!("as {what}"),
            None => format!("nothing {what}"),
        };
        let figure = |what: String, sum: MicrosSum, than: String, line: Sparkline, query: String| Figure {
            what,
            much: format::amount(sum, currency),
            unit: currency.code(),
            exactly: sum.to_string(),
            than,
            line,
            href: format!("/admin/stats{scope}&{query}"),
        };
        let yesterday = self.today.earlier(1).unwrap_or(self.today).date();
        let week = cost(self.back(self.end + 6, self.end));
        let week_before = cost(self.back(self.end + 13, self.end + 7));
        let month = self.back(i64::from(self.today.date().day0()), 0);
        let last_of_before = i64::from(self.today.date().day());
        let month_before = yesterday_of_month(self.today);
        let before = cost(self.back(last_of_before + i64::from(month_before.day0()), last_of_before));
        let mut so_far = 0_i64;
        let running: Vec<i64> = month
            .iter()
            .map(|sum| {
                so_far = so_far.saturating_add(sum.cost.to_stored().unwrap_or(i64::MAX));
                so_far
            })
            .collect();
        vec![
            figure(
                format!("Yesterday, {}", yesterday.format("%a %-d %b")),
                cost(self.back(1, 1)),
                against(
                    cost(self.back(1, 1)),
                    cost(self.back(8, 8)),
                    &format!("the {} before", yesterday.format("%A")),
                ),
                line(self.back(14, 1)),
                "range=yesterday&by=campaign".to_owned(),
            ),
            figure(
                "Last 7 days".to_owned(),
                week,
                against(week, week_before, "the 7 before"),
                line(self.back(self.end + DAYS - 1, self.end)),
                "range=7d&by=day".to_owned(),
            ),
            figure(
                self.today.date().format("%B, day %-d").to_string(),
                cost(month),
                format!("{} {} in all", month_before.format("%B"), format::amount(before, currency)),
                sparkline(running.into_iter()),
                "range=month&by=day".to_owned(),
            ),
        ]
    }

    /// The cost of each of the last 30 days; `None` if all are zero.
    #[must_use]
    pub fn chart(&self, advertiser: &AdvertiserRow) -> Option<Chart> {
        let (currency, scope) = (advertiser.currency, scope(advertiser));
        let end = self.end;
        let (days, before) = (self.back(end + DAYS - 1, end), self.back(end + 2 * DAYS - 1, end + DAYS));
        if days.iter().chain(before).all(|sum| sum.rows == 0) {
            return None;
        }
        let first = self.today.to_stored() - end - DAYS + 1;
        let mut total = StatSum::default();
        let mut bars = Vec::new();
        for (day, sum) in (first..).zip(days) {
            total += *sum;
            let label = format::stored_day(day);
            let message = format!("{label}: {} {}", format::amount(sum.cost, currency), currency.code());
            let day = Day::from_stored(day).map(|day| day.to_string()).unwrap_or_default();
            let href = format!("/admin/stats{scope}&from={day}&to={day}&by=campaign");
            bars.push((sum.cost.rounded(6), message, href));
        }
        let past: Vec<u128> = before.iter().map(|sum| sum.cost.rounded(6)).collect();
        let label = |micros: u128| format::axis(micros);
        let ends = (format::stored_day(first), format::stored_day(first + DAYS - 1));
        Some(Chart::new(
            format!("Cost per day, {}", currency.code()),
            format!(
                "{} and {} in {DAYS} days",
                format::amount(total.cost, currency),
                format::plural(total.clicks, "click")
            ),
            bars,
            &past,
            ends,
            label,
        ))
    }

    #[must_use]
    pub fn table(&self, advertiser: &AdvertiserRow) -> Table {
        let (currency, scope) = (advertiser.currency, scope(advertiser));
        let cost = format!("#Cost, {}", currency.code());
        let mut table = Table::new("Cost and clicks per day", &["Day", &cost, "#Clicks"]);
        let last = self.today.to_stored() - self.end;
        for (back, sum) in self.back(self.end + DAYS - 1, self.end).iter().rev().enumerate() {
            let day = last - i64::try_from(back).unwrap_or_default();
            let text = Day::from_stored(day).map(|day| day.to_string()).unwrap_or_default();
            let href = format!("/admin/stats{scope}&from={text}&to={text}&by=campaign");
            table.rows.push(vec![
                Cell::new(format::stored_day(day)).to(href, true),
                Cell::new(format::amount(sum.cost, currency)).title(sum.cost.to_string()),
                Cell::new(format::count(sum.clicks)),
            ]);
        }
        table
    }
}

fn yesterday_of_month(today: Day) -> chrono::NaiveDate {
    let first = today.date().with_day0(0).unwrap_or(today.date());
    first.pred_opt().unwrap_or(first)
}

fn sparkline(values: impl Iterator<Item = i64>) -> Sparkline {
    let values: Vec<i64> = values.collect();
    Sparkline { path: chart::line(&values), width: values.len().saturating_sub(1).max(1) }
}

/// What a campaign cost.
#[derive(Default)]
struct Spent {
    now: MicrosSum,
    /// Its cost in the 30 days before.
    before: MicrosSum,
    /// Cost per day, in millionths; empty if it has no stats now.
    line: Vec<i64>,
}

impl RecentDays {
    /// The campaigns that cost most in the last 30 days.
    pub fn top(&self, txn: &ReadTxn<'_>, advertiser: &AdvertiserRow) -> Result<Table, ServiceError> {
        let last = self.today.to_stored() - self.end;
        let (first, before) = (last - DAYS + 1, last - 2 * DAYS + 1);
        let mut found: HashMap<CampaignKey, Spent> = HashMap::new();
        txn.stat_scan_costs(advertiser.key, (before, last), |day, campaign, cost| {
            let spent = found.entry(campaign).or_default();
            let Ok(point) = usize::try_from(day - first) else {
                spent.before += cost;
                return;
            };
            spent.now += cost;
            spent.line.resize(usize::try_from(DAYS).unwrap_or_default(), 0);
            if let Some(sum) = spent.line.get_mut(point) {
                *sum = sum.saturating_add(cost.to_stored().unwrap_or(i64::MAX));
            }
        })?;
        // A campaign that only has stats in the days before gets no row.
        let mut most: Vec<_> = found.into_iter().filter(|(_, spent)| !spent.line.is_empty()).collect();
        most.sort_unstable_by_key(|(campaign, spent)| std::cmp::Reverse((spent.now.micros(), *campaign)));
        most.truncate(TOP);
        let currency = advertiser.currency;
        let columns = vec![
            Column::name("Campaign"),
            Column::figure(format!("Cost, {}", currency.code())),
            Column::figure("Change").less(),
            Column::line("30 days"),
        ];
        let mut table = Table::with_columns("Campaigns by cost, last 30 days", columns);
        let keys: Vec<_> = most.iter().map(|(campaign, _)| *campaign).collect();
        let rows: HashMap<_, _> =
            txn.campaigns_by_key(advertiser.key, &keys)?.into_iter().map(|row| (row.key, row)).collect();
        let largest = most.first().map(|(_, spent)| spent.now).unwrap_or_default();
        for (campaign, spent) in most {
            let Some(row) = rows.get(&campaign) else { continue };
            let href = format!("/admin/stats{}&range=30d&by=day&campaign={}", scope(advertiser), row.id);
            let change = format::change(spent.now, spent.before);
            table.rows.push(vec![
                Cell::new(row.name.as_str()).to(href, true).bar(spent.now, largest),
                Cell::new(format::amount(spent.now, currency)).title(spent.now.to_string()),
                Cell::new(change.map_or_else(|| "new".to_owned(), |change| change.to_string())),
                Cell::default().line(&spent.line),
            ]);
        }
        Ok(table)
    }
}
