//! The tables of the stats: groups with their sums, or rows one by one.

use std::collections::HashMap;

use chrono::Utc;

use crate::admin::kit::context::RequestContext;
use crate::admin::kit::format;
use crate::admin::kit::table::{Cell, Column, Table, link_to};
use crate::admin::singular::words;
use crate::admin::stats::groups::{self, Group, Groups};
use crate::admin::stats::names::{self, Label};
use crate::admin::stats::view::{By, Order, View};
use crate::domain::{Currency, Day, DayState};
use crate::service::ServiceError;
use crate::service::ledger::{Detail, Ledger};
use crate::store::{ReadTxn, StatPart, StatSum};

/// Rows a page shows.
pub const SHOWN: usize = 50;

/// The sums of a view, and one page of its table.
pub struct Shown {
    /// The sum of all rows.
    pub total: StatSum,
    /// The sum of the period before, if it is compared.
    pub before: Option<StatSum>,
    /// One page of the rows.
    pub table: Table,
    /// Rows of all pages.
    pub count: usize,
    /// Why there are no rows.
    pub problem: Option<String>,
}

/// The noun of the rows: `campaign`.
#[must_use]
pub fn noun(by: By) -> String {
    if by == By::Rows { "row".to_owned() } else { by.label().to_lowercase() }
}

fn heads(context: &RequestContext, view: &View, columns: Vec<(Column, Option<Order>)>) -> Vec<Column> {
    let (sorted, down) = view.order;
    let head = |(mut column, order): (Column, Option<Order>)| {
        let Some(order) = order else { return column };
        let is_chosen = order == sorted;
        // The first click on a header sorts figures from the largest and names from A.
        let next = if is_chosen { !down } else { order != Order::Name };
        let word = format!("{}{}", if next { "-" } else { "" }, order.word());
        column.sort_link = Some(link_to(context, "/admin/stats", &[("sort", &word), ("page", "")]));
        column.sorted = match (is_chosen, down) {
            (true, true) => "descending",
            (true, false) => "ascending",
            _ => "none",
        };
        column
    };
    columns.into_iter().map(head).collect()
}

/// The table of a view with groups.
pub fn grouped(context: &RequestContext, txn: &ReadTxn<'_>, view: &View) -> Result<Shown, ServiceError> {
    let found = match groups::collect(txn, view)? {
        Ok(found) => found,
        Err(too_many) => return Ok(nothing(too_many.message(view.by))),
    };
    let currency = view.advertiser.currency;
    let cost = format!("Cost, {}", currency.code());
    let has_before = found.before.is_some() && !view.by.is_time();
    let mut columns = vec![
        (Column::name(view.by.label()), Some(Order::Name)),
        (Column::figure(&cost), Some(Order::Cost)),
        (Column::figure("Share").less(), None),
    ];
    if has_before {
        columns.push((Column::figure("Before").less(), Some(Order::Change)));
    }
    columns.extend([
        (Column::figure("Clicks").less(), Some(Order::Clicks)),
        (Column::figure("Per click").less(), Some(Order::PerClick)),
        (Column::figure("Views").less(), Some(Order::Views)),
        (Column::figure("Conversions").less(), Some(Order::Conversions)),
    ]);
    let has_lines = found.groups.iter().any(|group| !group.line.is_empty());
    if has_lines {
        let label = if found.point == "day" {
            format!("Its {}", format::plural(view.length(), "day"))
        } else {
            "Its months".to_owned()
        };
        columns.push((Column::line(&label), None));
    }
    let handed = handed(txn, view)?;
    if handed.is_some() {
        columns.push((Column::text("Singular").less(), None));
    }
    let mut table = Table::with_columns(format!("Stats by {}", noun(view.by)), heads(context, view, columns));
    let first = (view.page - 1).saturating_mul(SHOWN).min(found.groups.len());
    let page = &found.groups[first..(first + SHOWN).min(found.groups.len())];
    let labels = names::of_groups(txn, view, page)?;
    let only: Vec<_> = page.iter().filter_map(|group| only_row(view, group)).collect();
    let only_labels = names::of_rows(txn, view, &only)?;
    let most = page.iter().map(|group| group.sum.cost).max().unwrap_or_default();
    for group in page {
        let label = labels.get(&group.key).cloned().unwrap_or_default();
        let mut row = vec![
            Cell::new(&label.name)
                .to(
                    match only_row(view, group) {
                        Some(row) => address(view, &row, &only_labels),
                        None => drill(context, view, group, &label),
                    },
                    true,
                )
                .aside(&label.aside)
                .bar(group.sum.cost, most),
        ];
        row.extend(figures(&group.sum, &found.total, has_before.then_some(&group.before), currency));
        row[0] = std::mem::take(&mut row[0]).narrow(narrow(&group.sum, currency));
        if has_lines {
            let days = link_to(
                context,
                "/admin/stats",
                &[
                    ("by", if found.point == "day" { "day" } else { "month" }),
                    (view.by.word(), &label.id),
                    ("sort", ""),
                    ("page", ""),
                ],
            );
            let points = if found.point == "day" { "Days" } else { "Months" };
            let of = format!("{points} of {} {}", label.name, label.aside);
            row.push(Cell::default().line(&group.line).to(days, true).label(of));
        }
        row.extend(handed.as_ref().map(|ledger| how_it_stands(view, ledger, group.key)));
        table.rows.push(row);
    }
    if !page.is_empty() {
        let count = i64::try_from(found.groups.len()).unwrap_or(i64::MAX);
        table.foot = foot(&format!("Sum of {}", format::plural(count, &noun(view.by))), &found, has_before, currency);
        if has_lines {
            table.foot.push(Cell::default());
        }
        table.foot.extend(handed.map(|_| Cell::default()));
    }
    without_zeros(&mut table, &found.total);
    Ok(Shown { total: found.total, before: found.before, table, count: found.groups.len(), problem: None })
}

/// Leaves out the columns that are zero everywhere: names need their room.
fn without_zeros(table: &mut Table, total: &StatSum) {
    for (label, sum) in [("Views", total.views), ("Conversions", total.conversions)] {
        if sum == 0 && !table.rows.is_empty() {
            table.leave_out(label, format!("{label}: 0 in all rows."));
        }
    }
}

/// How Singular has the days, if the table lists days.
fn handed(txn: &ReadTxn<'_>, view: &View) -> Result<Option<Ledger>, ServiceError> {
    if view.by != By::Day {
        return Ok(None);
    }
    Ledger::of(txn, &view.advertiser, Some(view.days), Detail::States, Utc::now()).map(Some)
}

/// A day's state with Singular, with a link to why.
fn how_it_stands(view: &View, ledger: &Ledger, day: i64) -> Cell {
    let found = ledger.days.iter().find(|known| known.day.to_stored() == day);
    let Some(found) = found else { return Cell::default() };
    let (state, date) = (words::state(found.state), found.day);
    Cell::new(state)
        .tone(words::tone(found.state))
        .to(format!("/admin/singular/day{}&day={date}", view.scope()), true)
        .label(format!("{}: {state}", format::day(date)))
}

fn foot(label: &str, found: &Groups, has_before: bool, currency: Currency) -> Vec<Cell> {
    let mut foot = vec![Cell::new(label).narrow(narrow(&found.total, currency))];
    let before = found.before.unwrap_or_default();
    foot.extend(figures(&found.total, &found.total, has_before.then_some(&before), currency));
    foot
}

/// The text below a row's name on narrow screens.
fn narrow(sum: &StatSum, currency: Currency) -> String {
    let per_click = sum.cost.per(sum.clicks).map(|cost| format!(", {} each", format::fine(cost, currency)));
    format!("{}{}", format::plural(sum.clicks, "click"), per_click.unwrap_or_default())
}

/// Cost, share, change, clicks, cost per click, views, conversions.
fn figures(sum: &StatSum, total: &StatSum, before: Option<&StatSum>, currency: Currency) -> Vec<Cell> {
    let mut cells = vec![
        Cell::new(format::amount(sum.cost, currency)).title(sum.cost.to_string()),
        Cell::new(format::share(sum.cost, total.cost)),
    ];
    if let Some(before) = before {
        let was = format!("before: {} {}", format::amount(before.cost, currency), currency.code());
        cells.push(match format::change(sum.cost, before.cost) {
            Some(change) => Cell::new(change.to_string()).title(was),
            None if sum.cost == before.cost => Cell::new("–").title(was),
            None => Cell::new("new").title(was),
        });
    }
    cells.extend([
        Cell::new(format::count(sum.clicks)),
        Cell::new(sum.cost.per(sum.clicks).map_or_else(|| "–".to_owned(), |cost| format::fine(cost, currency))),
        Cell::new(format::count(sum.views)),
        Cell::new(format::count(sum.conversions)),
    ]);
    cells
}

/// Link of a group: a month to its publishers, a publisher to its campaigns, a campaign to its days, a day to its rows.
fn drill(context: &RequestContext, view: &View, group: &Group, label: &Label) -> String {
    let days = |by: &str, last: i64| {
        let day = |stored: i64| Day::from_stored(stored).map(|day| day.to_string()).unwrap_or_default();
        let (from, to) = view.days.stored();
        let (from, to) = (day(group.key.max(from)), day(last.min(to)));
        let pairs = [("by", by), ("from", &from), ("to", &to), ("range", ""), ("sort", ""), ("page", "")];
        link_to(context, "/admin/stats", &pairs)
    };
    let one = |name: &str, by: &str| {
        link_to(context, "/admin/stats", &[(name, &label.id), ("by", by), ("sort", ""), ("page", ""), ("search", "")])
    };
    match view.by {
        By::Month => days("publisher", next_month(group.key) - 1),
        By::Week => days("day", group.key + 6),
        By::Day | By::Rows => days("rows", group.key),
        By::Publisher => one("publisher", "campaign"),
        By::Offer => one("offer", "campaign"),
        By::App => one("app", "campaign"),
        By::Campaign => one("campaign", "day"),
    }
}

/// The row behind a group of one day that has no other: it is shown at once.
fn only_row(view: &View, group: &Group) -> Option<StatPart> {
    let is_one_day = view.by == By::Day || view.days.from() == view.days.to();
    group.only.filter(|_| is_one_day)
}

/// A row's own page.
fn address(view: &View, row: &StatPart, labels: &names::RowLabels) -> String {
    let (campaign, publisher) = labels.of(row);
    let day = Day::from_stored(row.day).map(|day| day.to_string()).unwrap_or_default();
    format!("/admin/stats/cell{}&day={day}&campaign={}&publisher={}", view.scope(), campaign.id, publisher.id)
}

fn next_month(first: i64) -> i64 {
    let date = Day::from_stored(first).ok().and_then(|day| day.date().checked_add_months(chrono::Months::new(1)));
    date.and_then(|date| Day::try_from(date).ok()).map_or(first + 31, Day::to_stored)
}

fn nothing(problem: String) -> Shown {
    let (total, before) = (StatSum::default(), None);
    Shown { total, before, table: Table::default(), count: 0, problem: Some(problem) }
}

/// The table of a view without groups: each stored row.
pub fn one_by_one(context: &RequestContext, txn: &ReadTxn<'_>, view: &View) -> Result<Shown, ServiceError> {
    let rows = match groups::rows(txn, view)? {
        Ok(rows) => rows,
        Err(too_many) => return Ok(nothing(too_many.message(view.by))),
    };
    let mut total = StatSum::default();
    for row in &rows {
        total += row.sum;
    }
    let currency = view.advertiser.currency;
    let cost = format!("Cost, {}", currency.code());
    let columns = vec![
        (Column::text("Day"), Some(Order::Name)),
        (Column::name("Campaign"), None),
        (Column::name("Publisher").less(), None),
        (Column::figure(&cost), Some(Order::Cost)),
        (Column::figure("Clicks").less(), Some(Order::Clicks)),
        (Column::figure("Per click").less(), Some(Order::PerClick)),
        (Column::figure("Views").less(), Some(Order::Views)),
        (Column::figure("Conversions").less(), Some(Order::Conversions)),
        (Column::text(if context.may_change() { "Change" } else { "History" }), None),
    ];
    let mut table = Table::with_columns("Stats by day, campaign and publisher", heads(context, view, columns));
    let first = (view.page - 1).saturating_mul(SHOWN).min(rows.len());
    let page = &rows[first..(first + SHOWN).min(rows.len())];
    let labels = names::of_rows(txn, view, page)?;
    let (from, to) = view.days.stored();
    let marks = txn.day_marks(view.advertiser.key, from, to)?;
    let marks: HashMap<i64, DayState> = marks.into_iter().map(|mark| (mark.day, mark.state)).collect();
    for row in page {
        table.rows.push(row_cells(context, view, row, &labels, marks.get(&row.day).copied()));
    }
    if !page.is_empty() {
        let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let mut foot = vec![Cell::new("Sum"), Cell::new(format::plural(count, "row")), Cell::default()];
        let mut sums = figures(&total, &total, None, currency);
        sums.remove(1);
        foot.extend(sums);
        foot.push(Cell::default());
        table.foot = foot;
    }
    without_zeros(&mut table, &total);
    Ok(Shown { total, before: None, table, count: rows.len(), problem: None })
}

fn row_cells(
    context: &RequestContext,
    view: &View,
    row: &StatPart,
    labels: &names::RowLabels,
    mark: Option<DayState>,
) -> Vec<Cell> {
    let (campaign, publisher) = labels.of(row);
    let cell = address(view, row, labels);
    let (day, at) = (format::stored_day(row.day), format::short(&publisher.name));
    let of = format::short(&campaign.name);
    let label = format!("{day} · {of} · {at}");
    let link = format!("{of} {}, {day}, {at}", format::short(&campaign.aside));
    let day = Cell::new(day);
    let verb = if context.may_change() { "Edit" } else { "See" };
    let mut cells = vec![
        match mark {
            Some(state) => day.note(format::day_state(state)),
            None => day,
        },
        Cell::new(&campaign.name).aside(&campaign.aside).to(&cell, true).label(link).narrow(format!(
            "{} · {}",
            format::isolated(&at),
            narrow(&row.sum, view.advertiser.currency)
        )),
        Cell::new(&publisher.name),
    ];
    let mut sums = figures(&row.sum, &row.sum, None, view.advertiser.currency);
    sums.remove(1);
    cells.extend(sums);
    cells.push(Cell::new(verb).to(cell, true).label(format!("{verb} {label}")));
    cells
}
