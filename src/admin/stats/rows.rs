//! The Stats page: figures grouped, sorted and filtered as the address says, with the sums in words above the table.

use askama::Template;

use crate::admin::kit::context::{Answer, RequestContext};
use crate::admin::kit::format;
use crate::admin::kit::layout::Shell;
use crate::admin::kit::pages::Pages;
use crate::admin::kit::table::{Table, link_to};
use crate::admin::stats::tables::{self, SHOWN, Shown, noun};
use crate::admin::stats::view::{By, PRESETS, View, range_in_words};
use crate::domain::DayState;
use crate::service::ServiceError;
use crate::store::ReadTxn;

/// A choice that is shown as a link.
struct Choice {
    label: String,
    href: String,
    is_chosen: bool,
}

/// An active filter: its label, its value, and the address without it.
struct FilterShown {
    label: &'static str,
    value: String,
    page: Option<String>,
    without: String,
}

#[derive(Template)]
#[template(path = "admin/stats.html")]
struct Page {
    shell: Shell,
    lead: String,
    presets: Vec<Choice>,
    groupings: Vec<Choice>,
    filters: Vec<FilterShown>,
    /// Hidden fields: the rest of the address.
    kept: Vec<(String, String)>,
    /// The days, for the search form.
    days: Vec<(&'static str, String)>,
    from: String,
    to: String,
    search: String,
    table: Table,
    pages: Option<Pages>,
    problem: Option<String>,
    /// The file that spreadsheets open, and the others.
    sheet: String,
    downloads: Vec<(&'static str, String)>,
    statement: String,
    /// What Singular received for the day, if the view is one day.
    handed: String,
    /// If there are no rows: links to days that have some.
    elsewhere: Vec<(String, String)>,
    is_empty: bool,
    has_any: bool,
}

pub async fn page(context: RequestContext) -> Answer {
    context
        .show(|context, txn| {
            let shell = Shell::new(context, txn, "Stats", "Stats")?;
            let Some(advertiser) = shell.advertiser.clone() else { return Ok(without_stats(shell)) };
            let view = View::read(context, txn, advertiser)?;
            if view.span.is_none() {
                return Ok(without_stats(shell));
            }
            shown(context, txn, shell, &view)
        })
        .await
}

fn without_stats(shell: Shell) -> Page {
    Page {
        shell,
        lead: String::new(),
        presets: Vec::new(),
        groupings: Vec::new(),
        filters: Vec::new(),
        kept: Vec::new(),
        days: Vec::new(),
        from: String::new(),
        to: String::new(),
        search: String::new(),
        table: Table::default(),
        pages: None,
        problem: None,
        sheet: String::new(),
        downloads: Vec::new(),
        statement: String::new(),
        handed: String::new(),
        elsewhere: Vec::new(),
        is_empty: true,
        has_any: false,
    }
}

fn shown(context: &RequestContext, txn: &ReadTxn<'_>, mut shell: Shell, view: &View) -> Result<Page, ServiceError> {
    let shown = if view.by == By::Rows {
        tables::one_by_one(context, txn, view)?
    } else {
        tables::grouped(context, txn, view)?
    };
    let currency = view.advertiser.currency;
    shell.title = format!(
        "{} {} and {}",
        format::amount(shown.total.cost, currency),
        currency.code(),
        format::plural(shown.total.clicks, "click")
    );
    let link = |pairs: &[(&str, &str)]| link_to(context, "/admin/stats", pairs);
    let preset = |(word, label): &(&str, &str)| {
        let href = link(&[("range", word), ("from", ""), ("to", ""), ("page", ""), ("by", view.by.word())]);
        Choice { label: (*label).to_owned(), href, is_chosen: view.preset == *word }
    };
    let grouping = |(by, word, label): &(By, &'static str, &'static str)| {
        let href = link(&[("by", word), ("sort", ""), ("page", "")]);
        Choice { label: (*label).to_owned(), href, is_chosen: view.by == *by }
    };
    let filter = |(name, label, value): (&str, &'static str, &str)| FilterShown {
        label,
        value: value.to_owned(),
        page: described_at(view, name).filter(|_| context.may_change()),
        without: link(&[(name, ""), ("page", "")]),
    };
    let own = ["from", "to", "range", "search", "page", "done", "by"];
    let kept = context.queries().iter().filter(|(name, value)| !own.contains(&name.as_str()) && !value.is_empty());
    let download =
        |format| link_to(context, "/admin/stats.csv", &[("by", view.by.word()), ("format", format), ("page", "")]);
    let (from, to) = (view.days.from().to_string(), view.days.to().to_string());
    let month = view.days.to().date().format("%Y-%m").to_string();
    let mut statement = link_to(
        context,
        "/admin/stats/statement",
        &[
            ("month", &month),
            ("range", ""),
            ("from", ""),
            ("to", ""),
            ("by", ""),
            ("sort", ""),
            ("page", ""),
            ("search", ""),
            ("campaign", ""),
            ("offer", ""),
            ("app", ""),
        ],
    );
    if view.advertiser.disabled_at.is_some() && !statement.contains("advertiser=") {
        statement = format!("/admin/stats/statement{}&month={month}", view.scope());
    }
    Ok(Page {
        lead: lead(txn, view, &shown)?,
        presets: PRESETS.iter().map(preset).collect(),
        groupings: By::ALL.iter().map(grouping).collect(),
        filters: view.filters.in_words().map(filter).collect(),
        kept: kept.cloned().chain([("by".to_owned(), view.by.word().to_owned())]).collect(),
        days: if view.preset.is_empty() {
            vec![("from", from.clone()), ("to", to.clone())]
        } else {
            vec![("range", view.preset.clone())]
        },
        search: view.filters.search.clone(),
        pages: Pages::new(context, view.page, SHOWN, shown.count, &noun(view.by)),
        problem: view.problem.clone().or(shown.problem),
        sheet: download("sheet"),
        downloads: vec![("CSV for programs", download("")), ("CSV for spreadsheets, decimal comma", download("comma"))],
        statement,
        handed: if view.days.from() == view.days.to() && view.by != By::Day {
            format!("/admin/singular/day{}&day={from}", view.scope())
        } else {
            String::new()
        },
        elsewhere: if shown.count == 0 { elsewhere(context, view) } else { Vec::new() },
        is_empty: shown.count == 0,
        table: shown.table,
        has_any: true,
        from,
        to,
        shell,
    })
}

/// Link to the catalogue page of a filter's value.
fn described_at(view: &View, filter: &str) -> Option<String> {
    let found = &view.filters;
    let id = match filter {
        "campaign" => found.campaign.as_ref().map(|row| row.id.to_string()),
        "offer" => found.offer.as_ref().map(|row| row.id.to_string()),
        "publisher" => found.publisher.as_ref().map(|row| row.id.to_string()),
        "app" => found.app.as_ref().map(|row| row.id.to_string()),
        _ => None,
    };
    id.map(|id| format!("/admin/catalogue/{filter}s/{id}{}", view.scope()))
}

/// The summary sentence.
fn lead(txn: &ReadTxn<'_>, view: &View, shown: &Shown) -> Result<String, ServiceError> {
    let mut parts = vec![view.days_in_words()];
    if let (Some(before), Some(days)) = (shown.before, view.before) {
        let than = if days.from() == days.to() {
            format::day(days.from())
        } else if view.length() == days.stored().1 - days.stored().0 + 1 {
            format!("the {} before", format::plural(view.length(), "day"))
        } else {
            range_in_words(days)
        };
        parts.push(match format::change(shown.total.cost, before.cost) {
            Some(change) => change.against(&than),
            None if before.cost == shown.total.cost => format!("no cost in {than} either"),
            None => format!("no cost in {than}"),
        });
    }
    let (from, to) = view.days.stored();
    let marks = txn.day_marks(view.advertiser.key, from, to)?;
    let finals = marks.iter().filter(|mark| mark.state == DayState::Final).count();
    if finals > 0 {
        let finals = i64::try_from(finals).unwrap_or(i64::MAX);
        let verb = if finals == 1 { "is" } else { "are" };
        parts.push(format!("{} {verb} final", format::plural(finals, "day")));
    }
    Ok(parts.join(" · "))
}

fn elsewhere(context: &RequestContext, view: &View) -> Vec<(String, String)> {
    let Some((first, last)) = view.span else { return Vec::new() };
    let month = last.date().format("%B %Y").to_string();
    let from = last.date().format("%Y-%m-01").to_string();
    let end = last.to_string();
    let link = |pairs: &[(&str, &str)]| link_to(context, "/admin/stats", pairs);
    let mut links = vec![
        (
            format!("Show {month}"),
            link(&[("from", &from), ("to", &end), ("range", ""), ("page", ""), ("by", view.by.word())]),
        ),
        (
            format!("Show all days, {} to {}", format::day(first), format::day(last)),
            link(&[("range", "all"), ("from", ""), ("to", ""), ("page", ""), ("by", view.by.word())]),
        ),
    ];
    if view.filters.is_any() {
        let none = ["campaign", "offer", "publisher", "app", "search", "page"].map(|name| (name, ""));
        links.push(("Show these days without filters".to_owned(), link(&none)));
    }
    links
}

impl Page {
    /// Whether a filter is on.
    fn is_filtered(&self) -> bool {
        !self.filters.is_empty()
    }
}
