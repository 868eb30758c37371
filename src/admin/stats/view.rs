//! What the address of the Stats page asks for: days, grouping, order, filters. All of it is in the address, so that a view
//! can be bookmarked and sent.

use chrono::{Datelike as _, Days, Months, NaiveDate};

use crate::admin::catalogue::entry::{scope, today};
use crate::admin::kit::context::RequestContext;
use crate::admin::kit::format;
use crate::domain::{Day, DayRange, Invalid};
use crate::service::{ServiceError, stats};
use crate::store::{AdvertiserRow, AppRow, CampaignRow, OfferRow, PublisherRow, ReadTxn};

/// The grouping of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// No grouping: one row per day, campaign and publisher, as stored.
    Rows,
    Day,
    /// Weeks begin on Monday.
    Week,
    Month,
    Campaign,
    Offer,
    Publisher,
    App,
}

impl By {
    /// All groupings with their word and label.
    pub const ALL: [(Self, &'static str, &'static str); 8] = [
        (Self::Day, "day", "Day"),
        (Self::Week, "week", "Week"),
        (Self::Month, "month", "Month"),
        (Self::Campaign, "campaign", "Campaign"),
        (Self::Offer, "offer", "Offer"),
        (Self::Publisher, "publisher", "Publisher"),
        (Self::App, "app", "App"),
        (Self::Rows, "rows", "Rows"),
    ];

    /// Its word in the address.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(by, ..)| *by == self).map_or("", |(_, word, _)| word)
    }

    /// Its label on the page.
    #[must_use]
    pub fn label(self) -> &'static str {
        Self::ALL.iter().find(|(by, ..)| *by == self).map_or("", |(.., label)| label)
    }

    /// Whether its groups are periods.
    #[must_use]
    pub fn is_time(self) -> bool {
        matches!(self, Self::Rows | Self::Day | Self::Week | Self::Month)
    }
}

/// The column that the table is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The first column: a name or a day.
    Name,
    Cost,
    /// The change from the period before.
    Change,
    Clicks,
    PerClick,
    Views,
    Conversions,
}

impl Order {
    /// All columns with their word.
    pub const ALL: [(Self, &'static str); 7] = [
        (Self::Name, "name"),
        (Self::Cost, "cost"),
        (Self::Change, "change"),
        (Self::Clicks, "clicks"),
        (Self::PerClick, "cpc"),
        (Self::Views, "views"),
        (Self::Conversions, "conversions"),
    ];

    /// Its word in the address.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(order, _)| *order == self).map_or("", |(_, word)| word)
    }
}

/// The periods that can be chosen by name: word and label. Months are labelled with their names.
pub const PRESETS: [(&str, &str); 6] = [
    ("yesterday", "Yesterday"),
    ("7d", "7 days"),
    ("30d", "30 days"),
    ("month", "This month"),
    ("last-month", "Last month"),
    ("all", "All"),
];

/// The filters of a view.
#[derive(Debug, Default)]
pub struct Filters {
    pub campaign: Option<CampaignRow>,
    pub offer: Option<OfferRow>,
    pub publisher: Option<PublisherRow>,
    pub app: Option<AppRow>,
    /// A text that names or ids of campaigns or publishers must contain.
    pub search: String,
}

impl Filters {
    /// Whether there is any.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.in_words().next().is_some()
    }

    /// Each active filter: parameter, label, and value.
    pub fn in_words(&self) -> impl Iterator<Item = (&'static str, &'static str, &str)> {
        fn row<'f>(
            name: &'static str,
            label: &'static str,
            value: Option<&'f String>,
        ) -> Option<(&'static str, &'static str, &'f str)> {
            value.map(|value| (name, label, value.as_str()))
        }
        [
            row("campaign", "Campaign", self.campaign.as_ref().map(|row| &row.name)),
            row("offer", "Offer", self.offer.as_ref().map(|row| &row.name)),
            row("publisher", "Publisher", self.publisher.as_ref().map(|row| &row.name)),
            row("app", "App", self.app.as_ref().map(|row| &row.name)),
            row("search", "Search", Some(&self.search).filter(|text| !text.is_empty())),
        ]
        .into_iter()
        .flatten()
    }
}

pub struct View {
    pub advertiser: AdvertiserRow,
    pub days: DayRange,
    /// The period before: as many days, or the whole month before a whole month.
    pub before: Option<DayRange>,
    /// The name of the period; empty for other days.
    pub preset: String,
    /// The grouping.
    pub by: By,
    /// The column to sort by, and whether the largest comes first.
    pub order: (Order, bool),
    /// The page, from 1.
    pub page: usize,
    /// What is let through.
    pub filters: Filters,
    /// What was wrong with the address: field and message.
    pub problem: Option<String>,
    /// The first and last day that have stats.
    pub span: Option<(Day, Day)>,
}

impl View {
    /// Reads the address. A parameter or filter that isn't valid is reported and replaced by its default.
    pub fn read(context: &RequestContext, txn: &ReadTxn<'_>, advertiser: AdvertiserRow) -> Result<Self, ServiceError> {
        let mut problem = None;
        let span = match txn.stat_span(advertiser.key)? {
            Some((first, last)) => Some((Day::from_stored(first)?, Day::from_stored(last)?)),
            None => None,
        };
        let today = today(advertiser.time_zone)?;
        let has_today = stats::last_day(txn, &advertiser, chrono::Utc::now())? == today;
        let (from, to) = (context.query("from"), context.query("to"));
        let asked = if from.is_empty() && to.is_empty() { context.query("range") } else { "" };
        let usual = preset("30d", today, has_today, span).unwrap_or(DayRange::new(today, today)?);
        let (days, name) = if from.is_empty() && to.is_empty() {
            let name =
                chosen("choice of days", asked, PRESETS.map(|(word, _)| (word, word)), &mut problem).unwrap_or("30d");
            (preset(name, today, has_today, span).unwrap_or(usual), name)
        } else {
            match typed_days(from, to, usual) {
                Ok(days) => (days, ""),
                Err(message) => {
                    problem = Some(message);
                    (usual, "30d")
                }
            }
        };
        let filters = filters(context, txn, &advertiser, &mut problem)?;
        // Without a grouping, an address with days asks for stored rows.
        let usual_by = if name.is_empty() { By::Rows } else { By::Campaign };
        let groupings = By::ALL.map(|(by, word, _)| (by, word));
        let by = chosen("grouping", context.query("by"), groupings, &mut problem).unwrap_or(usual_by);
        let sort = context.query("sort");
        let (word, down) = sort.strip_prefix('-').map_or((sort, false), |word| (word, true));
        let order = chosen("column to sort by", word, Order::ALL, &mut problem).map(|order| (order, down));
        let usual_order = if by.is_time() { (Order::Name, true) } else { (Order::Cost, true) };
        Ok(Self {
            before: if name == "all" { None } else { before(days) },
            preset: name.to_owned(),
            order: order.unwrap_or(usual_order),
            page: context.query("page").parse().ok().filter(|page| *page > 0).unwrap_or(1),
            advertiser,
            days,
            by,
            filters,
            problem,
            span,
        })
    }

    /// The days in words: `28 Oct to 26 Nov 2026, 30 days`.
    #[must_use]
    pub fn days_in_words(&self) -> String {
        range_in_words(self.days)
    }

    #[must_use]
    pub fn length(&self) -> i64 {
        let (from, to) = self.days.stored();
        to - from + 1
    }

    /// `?advertiser=…`
    #[must_use]
    pub fn scope(&self) -> String {
        scope(&self.advertiser)
    }
}

/// `28 Oct to 26 Nov 2026, 30 days`; a whole month by its name.
#[must_use]
pub fn range_in_words(days: DayRange) -> String {
    let (from, to) = (days.from().date(), days.to().date());
    let length = (to - from).num_days() + 1;
    if length == 1 {
        return from.format("%A, %-d %b %Y").to_string();
    }
    if is_whole_month(days) {
        return from.format("%B %Y").to_string();
    }
    let first = if from.year() == to.year() { from.format("%-d %b") } else { from.format("%-d %b %Y") };
    format!("{first} to {}, {}", format::day(days.to()), format::plural(length, "day"))
}

/// The choice for a word in the address. An unknown word is reported, and the default is used.
fn chosen<T, const N: usize>(
    what: &str,
    asked: &str,
    choices: [(T, &'static str); N],
    problem: &mut Option<String>,
) -> Option<T> {
    let words = choices.each_ref().map(|(_, word)| *word).join(", ");
    let found = choices.into_iter().find(|(_, word)| *word == asked).map(|(choice, _)| choice);
    if found.is_none() && !asked.is_empty() {
        let message = format!("“{asked}” isn't a {what}, so the usual one is shown. Choose one of {words}.");
        *problem = problem.take().or(Some(message));
    }
    found
}

fn is_whole_month(days: DayRange) -> bool {
    let next = days.to().next().map(Day::date);
    days.from().date().day() == 1
        && next.is_some_and(|next| next.day() == 1)
        && days.from().date().checked_add_months(Months::new(1)) == next
}

fn typed_days(from: &str, to: &str, usual: DayRange) -> Result<DayRange, String> {
    let day = |text: &str, label: &str, usual: Day| match text {
        "" => Ok(usual),
        text => Day::parse("day", text)
            .map_err(|_| format!("{label}: “{text}” isn't a day. Choose one such as 2026-11-20.")),
    };
    let first =
        day(from, "From", if to.is_empty() { usual.from() } else { Day::parse("to", to).unwrap_or(usual.from()) })?;
    let last = day(to, "To", usual.to().max(first))?;
    DayRange::new(first, last).map_err(|_: Invalid| {
        let (first, last) = (format::day(first), format::day(last));
        format!("The first day, {first}, must not be after the last day, {last}. These are the usual days instead.")
    })
}

/// The days of a named period. They end today if today has stats, else yesterday.
fn preset(name: &str, today: Day, has_today: bool, span: Option<(Day, Day)>) -> Option<DayRange> {
    let last = if has_today { today } else { today.earlier(1)? };
    let range = |from: Option<Day>, to: Day| DayRange::new(from?, to).ok();
    let first_of_month = |date: NaiveDate| date.with_day(1).and_then(|date| Day::try_from(date).ok());
    match name {
        "yesterday" => range(today.earlier(1), today.earlier(1)?),
        "7d" => range(last.earlier(6), last),
        "30d" => range(last.earlier(29), last),
        "month" => range(first_of_month(today.date()), today),
        "last-month" => {
            let first = first_of_month(today.date())?.date();
            let (from, to) = (first.checked_sub_months(Months::new(1))?, first.checked_sub_days(Days::new(1))?);
            range(Day::try_from(from).ok(), Day::try_from(to).ok()?)
        }
        "all" => span.and_then(|(first, last)| DayRange::new(first, last).ok()),
        _ => None,
    }
}

/// The period to compare with: as many days right before, or the month before a whole month.
fn before(days: DayRange) -> Option<DayRange> {
    let to = days.from().earlier(1)?;
    let from = if is_whole_month(days) {
        Day::try_from(days.from().date().checked_sub_months(Months::new(1))?).ok()?
    } else {
        let (first, last) = days.stored();
        days.from().earlier(u64::try_from(last - first + 1).ok()?)?
    };
    DayRange::new(from, to).ok()
}

fn filters(
    context: &RequestContext,
    txn: &ReadTxn<'_>,
    advertiser: &AdvertiserRow,
    problem: &mut Option<String>,
) -> Result<Filters, ServiceError> {
    let (campaign, publisher) = (context.query("campaign"), context.query("publisher"));
    let found = Filters {
        campaign: campaign.parse().ok().map(|id| txn.campaign_find(advertiser.key, id)).transpose()?.flatten(),
        publisher: publisher.parse().ok().map(|id| txn.publisher_find(id)).transpose()?.flatten(),
        offer: txn.offer_with_campaigns(advertiser.key, context.query("offer"))?.map(|(row, _)| row),
        app: txn.app_with_campaigns(advertiser.key, context.query("app"))?.map(|(row, _)| row),
        search: context.query("search").to_owned(),
    };
    for (name, is_found) in [
        ("campaign", found.campaign.is_some()),
        ("publisher", found.publisher.is_some()),
        ("offer", found.offer.is_some()),
        ("app", found.app.is_some()),
    ] {
        if !context.query(name).is_empty() && !is_found {
            let message = format!("There is no such {name} of {}, so all are shown.", advertiser.name);
            *problem = problem.take().or(Some(message));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: &str, to: &str) -> DayRange {
        let day = |text| Day::parse("day", text).unwrap();
        DayRange::new(day(from), day(to)).unwrap()
    }

    #[test]
    fn the_days_before_a_month_are_the_month_before() {
        assert_eq!(before(range("2026-03-01", "2026-03-31")), Some(range("2026-02-01", "2026-02-28")));
        assert_eq!(before(range("2026-03-02", "2026-03-31")), Some(range("2026-01-31", "2026-03-01")));
        assert_eq!(before(range("2026-03-02", "2026-03-02")), Some(range("2026-03-01", "2026-03-01")));
    }

    #[test]
    fn days_are_told_in_words() {
        assert_eq!(range_in_words(range("2026-10-28", "2026-11-26")), "28 Oct to 26 Nov 2026, 30 days");
        assert_eq!(range_in_words(range("2025-12-31", "2026-01-01")), "31 Dec 2025 to 1 Jan 2026, 2 days");
        assert_eq!(range_in_words(range("2026-10-01", "2026-10-31")), "October 2026");
        assert_eq!(range_in_words(range("2026-11-26", "2026-11-26")), "Thursday, 26 Nov 2026");
    }

    #[test]
    fn named_days_end_yesterday_unless_today_has_stats() {
        let today = Day::parse("day", "2026-11-27").unwrap();
        let days = |name, has_today| preset(name, today, has_today, None);
        assert_eq!(days("7d", false), Some(range("2026-11-20", "2026-11-26")));
        assert_eq!(days("7d", true), Some(range("2026-11-21", "2026-11-27")));
        assert_eq!(days("yesterday", true), Some(range("2026-11-26", "2026-11-26")));
        assert_eq!(days("month", false), Some(range("2026-11-01", "2026-11-27")));
        assert_eq!(days("last-month", false), Some(range("2026-10-01", "2026-10-31")));
        assert_eq!(days("all", false), None);
    }

    #[test]
    fn a_range_that_runs_backwards_is_told_in_words() {
        let usual = range("2026-11-01", "2026-11-07");
        let message = typed_days("2026-11-20", "2026-11-10", usual).unwrap_err();
        assert!(
            message.starts_with("The first day, 20 Nov 2026, must not be after the last day, 10 Nov 2026."),
            "{message}"
        );
        assert_eq!(typed_days("2026-11-20", "", usual), Ok(range("2026-11-20", "2026-11-20")));
        assert!(typed_days("yesterday", "", usual).unwrap_err().contains("isn't a day"));
    }
}
