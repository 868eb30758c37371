//! Tables of cells that an import changed, or would change.

use crate::admin::kit::format;
use crate::admin::kit::table::{Cell, Table};
use crate::domain::{Currency, Day, ExactCost, Figures, MicrosSum};
use crate::service::imports::{CellChange, CellName, Outlook};

/// Days whose totals are shown.
const DAYS: usize = 31;

/// The cells of a row that name the day, campaign and publisher.
pub(in crate::admin) fn named(cell: &CellName) -> Vec<Cell> {
    vec![Cell::new(format::day(cell.day)), Cell::new(cell.campaign.clone()), Cell::new(cell.publisher.clone())]
}

/// The cells that name a row, and its figures; narrow screens have some of them below the campaign.
pub(in crate::admin) fn row(cell: &CellName, figures: [Cell; 4]) -> Vec<Cell> {
    let mut row = named(cell);
    let publisher = format::short(&cell.publisher);
    let narrow = format!("{} · clicks {}", format::isolated(&publisher), figures[0].text);
    row[1] = std::mem::take(&mut row[1]).narrow(narrow);
    row.extend(figures);
    row
}

/// A table of what would change.
pub(in crate::admin) fn cells(caption: &str, changes: &[CellChange], currency: Currency) -> Table {
    let mut table = figures_table(caption, currency);
    for change in changes {
        let mut row = row(&change.cell, figures(change.old, Some(change.new), currency));
        row.push(Cell::new(line(change.line)));
        table.rows.push(row);
    }
    table
}

/// A table of cells that changed.
pub(in crate::admin) fn figures_table(caption: &str, currency: Currency) -> Table {
    let cost = format!("#Cost, {}", currency.code());
    Table::new(caption, &["Day", "@Campaign", "-@Publisher", "-#Clicks", &cost, "-#Views", "-#Conversions", "-#Line"])
}

/// A line's label.
pub(in crate::admin) fn line(line: u64) -> String {
    if line == 0 { "left out".to_owned() } else { line.to_string() }
}

/// Four figures, each with its old value if that differs.
pub(in crate::admin) fn figures(old: Option<Figures>, new: Option<Figures>, currency: Currency) -> [Cell; 4] {
    let cost = |figures: Figures| {
        let sum = MicrosSum::from(figures.cost);
        (format::amount(sum, currency), sum.to_string())
    };
    let count = |count: crate::domain::Count| (format::count(count.get()), count.to_string());
    let cell = |read: &dyn Fn(Figures) -> (String, String)| {
        let (was, is) = (old.map(read), new.map(read));
        let shown = match &is {
            Some((shown, exact)) => Cell::new(shown.clone()).title(exact.clone()),
            None => Cell::new("–"),
        };
        match was {
            // Amounts that look the same may differ in decimals that are not shown.
            Some((was, exact)) if is.as_ref().is_none_or(|(_, now)| *now != exact) => {
                let same = is.as_ref().is_some_and(|(shown, _)| *shown == was);
                shown.note(format!("was {}", if same { format::exact(&exact) } else { was }))
            }
            _ => shown,
        }
    };
    [
        cell(&|figures| count(figures.clicks)),
        cell(&cost),
        cell(&|figures| count(figures.views)),
        cell(&|figures| count(figures.conversions)),
    ]
}

/// Each day's sums before and after, and how Singular gets the change if the import isn't done yet.
pub(in crate::admin) fn days(outlook: &Outlook, currency: Currency, singular: Option<&dyn Fn(Day) -> Cell>) -> Table {
    let code = currency.code();
    let (caption, then) = if singular.is_some() { ("What changes", "Will be") } else { ("What it changed", "Became") };
    let mut columns = vec![
        "Day".to_owned(),
        format!("-#Was, {code}"),
        format!("#{then}, {code}"),
        (if singular.is_some() { "-#Difference" } else { "#Difference" }).to_owned(),
        "-#Clicks".to_owned(),
    ];
    columns.extend(singular.map(|_| "Singular".to_owned()));
    let mut table = Table::new(caption, &columns.iter().map(String::as_str).collect::<Vec<_>>());
    let narrow = |was: &Cell, difference: &str, clicks: u64| {
        let clicks = format::plural(whole(clicks), "click");
        // The difference has a column of its own where there is room.
        let difference = if singular.is_some() { format!("{difference}; ") } else { String::new() };
        format!("was {}; {difference}{clicks}", was.text)
    };
    let money = |rows: u64, sum: MicrosSum| match rows {
        0 => Cell::new("–"),
        _ => Cell::new(format::amount(sum, currency)).title(sum.to_string()),
    };
    let changing: Vec<_> = outlook.days.iter().filter(|day| day.before != day.after).collect();
    for day in changing.iter().take(DAYS) {
        let (before, after) = (&day.before, &day.after);
        let date = Day::parse("date", &day.date).ok();
        let was = money(before.rows, before.cost);
        let difference = difference(before.cost, after.cost, currency);
        let narrow = narrow(&was, &difference, after.clicks);
        let mut row = vec![
            Cell::new(date.map_or_else(|| day.date.clone(), format::day)).narrow(narrow),
            was,
            money(after.rows, after.cost),
            Cell::new(difference),
            Cell::new(format::count(whole(after.clicks))),
        ];
        row.extend(singular.map(|singular| date.map(singular).unwrap_or_default()));
        table.rows.push(row);
    }
    let more = outlook.day_count.saturating_sub(table.rows.len() as u64);
    if more > 0 {
        let label = if changing.len() > DAYS {
            format!("{} more", format::plural(whole(more), "day"))
        } else {
            format!("{} unchanged", format::plural(whole(more), "day"))
        };
        let mut row = vec![Cell::new(label).tone("quiet")];
        row.resize_with(columns.len(), Cell::default);
        table.rows.push(row);
    }
    let (before, after) = (&outlook.before, &outlook.after);
    let (was, change) = (money(before.rows, before.cost), difference(before.cost, after.cost, currency));
    let all = format!("All {}", format::plural(whole(outlook.day_count), "day"));
    table.foot = vec![
        Cell::new(all).narrow(narrow(&was, &change, after.clicks)),
        was,
        money(after.rows, after.cost),
        Cell::new(change),
        Cell::new(format::count(whole(after.clicks))),
    ];
    table.foot.extend(singular.map(|_| Cell::default()));
    table
}

/// `+1,204.11`, `−3.00`, or `0.00`
fn difference(before: MicrosSum, after: MicrosSum, currency: Currency) -> String {
    let size = MicrosSum::from_micros(before.micros().abs_diff(after.micros()));
    let sign = match after.cmp(&before) {
        std::cmp::Ordering::Less => "−",
        std::cmp::Ordering::Equal => "",
        std::cmp::Ordering::Greater => "+",
    };
    format!("{sign}{}", format::amount(size, currency))
}

/// An exact amount as the currency is written.
pub(in crate::admin) fn money(exact: &str, currency: Currency) -> String {
    // A file's sum may be larger than a line's cost: its units are read apart from its decimals.
    let (units, decimals) = exact.split_once('.').unwrap_or((exact, "0"));
    let decimals = ExactCost::parse(&format!("0.{decimals}")).ok().and_then(ExactCost::to_sum);
    let sum = units.parse::<u128>().ok().zip(decimals).and_then(|(units, decimals)| {
        units.checked_mul(1_000_000)?.checked_add(decimals.rounded(6)).map(MicrosSum::from_micros)
    });
    sum.map_or_else(|| format::exact(exact), |sum| format::amount(sum, currency))
}

fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_files_are_written_as_the_currency_is() {
        let euro = Currency::parse("EUR").unwrap();
        for (exact, shown) in [
            ("4926852785109.14964736", "4,926,852,785,109.15"),
            ("3300000000000.002967", "3,300,000,000,000.00"),
            ("12.5", "12.50"),
            ("0.0000004", "0.00"),
            ("0.001", "0.001"),
            ("7", "7.00"),
            ("-12.5", "-12.5"),
        ] {
            assert_eq!(money(exact, euro), shown, "{exact}");
        }
    }
}
