//! The calendar: one square per day, one row per month.

use chrono::{Datelike as _, Months, NaiveDate};

use super::words;
use crate::admin::kit::format;
use crate::domain::Day;
use crate::service::ledger::{HandoverState, Ledger};

/// How many months are shown by default.
pub(super) const MONTHS: usize = 13;

pub(super) struct Month {
    pub(super) label: String,
    /// Thirty-one squares; days that the month doesn't have, or that are in the future, are empty.
    pub(super) squares: Vec<Option<Square>>,
}

pub(super) struct Square {
    pub(super) class: &'static str,
    pub(super) title: String,
    /// The day, for its page's address.
    pub(super) day: String,
}

/// Each state and its square, for the legend.
pub(super) fn legend() -> Vec<(&'static str, &'static str)> {
    let states = HandoverState::ALL.map(|state| (state.as_str(), words::state(state)));
    states.into_iter().chain([("none", "no stats")]).collect()
}

/// The first days of the months to show, the oldest first; and whether there are older ones.
fn months(first: NaiveDate, today: NaiveDate, all: bool) -> (Vec<NaiveDate>, bool) {
    let start = |date: NaiveDate| date.with_day(1).unwrap_or(date);
    let mut month = start(first.min(today));
    let mut months = Vec::new();
    while month <= today {
        months.push(month);
        let Some(next) = month.checked_add_months(Months::new(1)) else { break };
        month = next;
    }
    let older = months.len().saturating_sub(MONTHS);
    if all || older == 0 { (months, false) } else { (months.split_off(older), true) }
}

/// The months of a ledger.
pub(super) fn of(ledger: &Ledger, all: bool) -> (Vec<Month>, bool) {
    let today = ledger.calendar.today.date();
    let Some(first) = ledger.days.first().map(|day| day.day.date()) else { return (Vec::new(), false) };
    let last = ledger.days.last().map_or(today, |day| day.day.date()).min(today.succ_opt().unwrap_or(today)).max(today);
    let (months, has_older) = months(first, last, all);
    let square = |date: NaiveDate| {
        let day = Day::try_from(date).ok()?;
        let found = ledger.days.binary_search_by_key(&day, |known| known.day).ok().map(|at| &ledger.days[at]);
        let (class, word) = match found {
            Some(day) if day.is_accepted => (day.state.as_str(), "left as it is"),
            Some(day) => (day.state.as_str(), words::state(day.state)),
            None if date > last => return None,
            None => ("none", "no stats"),
        };
        Some(Square { class, title: format!("{}: {word}", format::day(day)), day: day.to_string() })
    };
    let row = |month: NaiveDate| Month {
        label: month.format("%b %Y").to_string(),
        squares: (1..=31).map(|number| month.with_day(number).and_then(square)).collect(),
    };
    (months.into_iter().map(row).collect(), has_older)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_go_from_the_first_day_to_the_last_and_at_most_thirteen() {
        let date = |text: &str| text.parse::<NaiveDate>().unwrap();
        let shown = |first, last, all| {
            let (months, older) = months(date(first), date(last), all);
            (months.len(), months[0].to_string(), older)
        };
        assert_eq!(shown("2026-01-31", "2026-03-01", false), (3, "2026-01-01".to_owned(), false));
        assert_eq!(shown("2024-05-02", "2026-03-01", false), (13, "2025-03-01".to_owned(), true));
        assert_eq!(shown("2024-05-02", "2026-03-01", true), (23, "2024-05-01".to_owned(), false));
        assert_eq!(shown("2026-04-02", "2026-03-01", false), (1, "2026-03-01".to_owned(), false));
    }
}
