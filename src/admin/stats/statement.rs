//! A statement to print: a month of an advertiser, or of one of its publishers.

use askama::Template;
use chrono::{Datelike as _, Months, NaiveDate};

use crate::admin::catalogue::entry::today;
use crate::admin::catalogue::pick;
use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::form::Form;
use crate::admin::kit::format;
use crate::admin::kit::layout::Shell;
use crate::admin::kit::table::{Cell, Column, Table, link_with};
use crate::admin::stats::groups;
use crate::admin::stats::names;
use crate::admin::stats::tables::noun;
use crate::admin::stats::view::{By, Filters, Order, View};
use crate::domain::{Day, DayRange, DayState};
use crate::service::ServiceError;
use crate::store::{AdvertiserRow, PublisherRow, ReadTxn, StatSum};

/// Rows that are listed; the others are summed in one line.
const LISTED: usize = 350;

/// The possible groupings of the rows.
const GROUPINGS: [By; 3] = [By::Day, By::Campaign, By::Publisher];

#[derive(Template)]
#[template(path = "admin/statement.html")]
struct Page {
    shell: Shell,
    month: String,
    month_value: String,
    advertiser: String,
    publisher: Option<String>,
    /// The form that chooses a publisher.
    choice: Form,
    groupings: Vec<(&'static str, &'static str, bool)>,
    currency: String,
    total: String,
    clicks: String,
    status: String,
    printed: String,
    table: Table,
    earlier: String,
    later: String,
    problem: Option<String>,
}

fn month_of(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").ok()
}

/// The days of the month that begins on this date.
fn days_of(first: NaiveDate) -> Option<DayRange> {
    let last = first.checked_add_months(Months::new(1))?.pred_opt()?;
    DayRange::new(Day::try_from(first).ok()?, Day::try_from(last).ok()?).ok()
}

pub async fn page(context: RequestContext) -> Answer {
    context
        .show(|context, txn| {
            let shell = Shell::new(context, txn, "Stats", "Statement")?;
            let advertiser = <AdvertiserRow as crate::admin::catalogue::entry::Owner>::chosen(context, txn)?;
            statement(context, txn, shell, advertiser)
        })
        .await
}

fn statement(
    context: &RequestContext,
    txn: &ReadTxn<'_>,
    mut shell: Shell,
    advertiser: AdvertiserRow,
) -> Result<Page, ServiceError> {
    let mut problem = None;
    let last_month = || today(advertiser.time_zone).ok()?.date().with_day0(0)?.checked_sub_months(Months::new(1));
    let asked = context.query("month");
    let first = match (month_of(asked), last_month()) {
        (Some(first), _) => first,
        (None, usual) => {
            if !asked.is_empty() {
                problem = Some(format!("“{asked}” isn't a month, so this is last month. Choose one such as 2026-10."));
            }
            usual.ok_or_else(|| ServiceError::Internal("there is no last month".to_owned()))?
        }
    };
    let days = days_of(first).ok_or_else(|| ServiceError::Internal("a month without days".to_owned()))?;
    let publisher = match context.query("publisher") {
        "" => None,
        text => match pick::find::<PublisherRow>(txn, advertiser.key, "publisher", text)? {
            Ok(row) => Some(row),
            Err(invalid) => {
                problem = Some(format!("{}: this is of all publishers.", invalid.reason));
                None
            }
        },
    };
    let by = GROUPINGS.into_iter().find(|by| by.word() == context.query("by")).unwrap_or(By::Campaign);
    let choice = pick::field::<PublisherRow>(txn, advertiser.key, Form::new("", ""), "publisher", "Publisher", "")?
        .with("publisher", publisher.as_ref().map(|row| row.id.to_string()).unwrap_or_default());
    let view = View {
        days,
        before: None,
        preset: String::new(),
        by,
        order: if by.is_time() { (Order::Name, false) } else { (Order::Cost, true) },
        page: 1,
        filters: Filters { publisher: publisher.clone(), ..Filters::default() },
        problem: None,
        span: None,
        advertiser,
    };
    let (currency, code) = (view.advertiser.currency, view.advertiser.currency.code());
    let (table, total) = table(txn, &view, &mut problem)?;
    let month = first.format("%B %Y").to_string();
    shell.title = format!("Statement, {month}");
    let step =
        |date: Option<NaiveDate>| date.map(|date| link_with(context, "month", &date.format("%Y-%m").to_string()));
    Ok(Page {
        status: status(txn, &view)?,
        month_value: first.format("%Y-%m").to_string(),
        month,
        advertiser: view.advertiser.name.clone(),
        publisher: publisher.map(|row| row.name),
        choice,
        groupings: GROUPINGS.map(|one| (one.word(), one.label(), one == by)).into(),
        currency: code.to_owned(),
        total: format::amount(total.cost, currency),
        clicks: format::count(total.clicks),
        printed: shell.now(),
        table,
        earlier: step(first.checked_sub_months(Months::new(1))).unwrap_or_default(),
        later: step(first.checked_add_months(Months::new(1))).unwrap_or_default(),
        problem,
        shell,
    })
}

/// Whether the month's figures may still change.
fn status(txn: &ReadTxn<'_>, view: &View) -> Result<String, ServiceError> {
    let (from, to) = view.days.stored();
    let with_stats = txn.day_sums(view.advertiser.key, from, to)?;
    let marks = txn.day_marks(view.advertiser.key, from, to)?;
    let is_final = |day: &i64| marks.iter().any(|mark| mark.day == *day && mark.state == DayState::Final);
    let finals = with_stats.iter().filter(|(day, _)| is_final(day)).count();
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    Ok(match (finals, with_stats.len()) {
        (_, 0) => "No stats".to_owned(),
        (finals, all) if finals == all => "Final".to_owned(),
        (0, all) => format!("Provisional: none of {} is final", format::plural(count(all), "day")),
        (finals, all) => format!("Provisional: {finals} of {} are final", format::plural(count(all), "day")),
    })
}

fn table(txn: &ReadTxn<'_>, view: &View, problem: &mut Option<String>) -> Result<(Table, StatSum), ServiceError> {
    let currency = view.advertiser.currency;
    let cost = format!("Cost, {}", currency.code());
    let columns = vec![
        if view.by == By::Day { Column::text("Day") } else { Column::name(view.by.label()) },
        Column::figure("Clicks").less(),
        Column::figure("Conversions").less(),
        Column::figure(cost),
    ];
    let mut table = Table::with_columns("Statement", columns);
    let found = match groups::collect(txn, view)? {
        Ok(found) => found,
        Err(too_many) => {
            *problem = Some(too_many.message(view.by));
            return Ok((table, StatSum::default()));
        }
    };
    let listed = &found.groups[..found.groups.len().min(LISTED)];
    let labels = names::of_groups(txn, view, listed)?;
    let cells = |name: Cell, sum: &StatSum| {
        vec![
            name.narrow(format::plural(sum.clicks, "click")),
            Cell::new(format::count(sum.clicks)),
            Cell::new(format::count(sum.conversions)),
            Cell::new(format::amount(sum.cost, currency)).title(sum.cost.to_string()),
        ]
    };
    for group in listed {
        let label = labels.get(&group.key).cloned().unwrap_or_default();
        table.rows.push(cells(Cell::new(label.name).aside(label.aside), &group.sum));
    }
    table.lighten();
    let rest = &found.groups[table.rows.len()..];
    if !rest.is_empty() {
        let mut sum = StatSum::default();
        for group in rest {
            sum += group.sum;
        }
        let count = i64::try_from(rest.len()).unwrap_or(i64::MAX);
        table.rows.push(cells(Cell::new(format::plural(count, &format!("more {}", noun(view.by)))), &sum));
    }
    table.foot = cells(Cell::new("Sum"), &found.total);
    Ok((table, found.total))
}
