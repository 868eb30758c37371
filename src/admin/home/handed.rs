//! The last 30 days as Singular has them: a square per day, and how many days match the report.

use crate::admin::kit::format;
use crate::admin::kit::layout::{SINGULAR, Shell};
use crate::admin::singular::day::address;
use crate::domain::{Day, DayRange};
use crate::service::ledger::{HandoverState, Ledger};

/// Days shown.
const DAYS: u64 = 30;

/// The last 30 days as Singular has them.
pub struct Handed {
    /// Days for which Singular has what the report says now.
    pub in_step: usize,
    /// Days that have stats, or had some.
    pub all: usize,
    /// What the other days need.
    pub than: String,
    /// The CSS class, text and address of each day's square, oldest first.
    pub squares: Vec<(&'static str, String, String)>,
    /// Link to the page Singular.
    pub href: String,
}

impl Handed {
    /// Takes the last 30 days from a ledger of all days.
    #[must_use]
    pub fn of(ledger: &Ledger, shell: &Shell) -> Option<Self> {
        let today = ledger.calendar.today;
        let range = today.earlier(DAYS - 1).and_then(|from| DayRange::new(from, today).ok())?;
        let days: Vec<_> = ledger.days.iter().filter(|day| (range.from()..=range.to()).contains(&day.day)).collect();
        let (from, to) = range.stored();
        let square = |stored: i64| {
            let day = Day::from_stored(stored).ok();
            let found = days.iter().find(|known| Some(known.day) == day);
            let (class, words) = found.map_or(("none", "no stats"), |known| class(known.state));
            let href = day.map_or_else(String::new, |day| address(shell, day));
            (class, format!("{}: {words}", format::stored_day(stored)), href)
        };
        let count = |wanted: &[HandoverState]| days.iter().filter(|day| wanted.contains(&day.state)).count();
        let needs = days.iter().filter(|day| ledger.needs_person(day)).count();
        let in_step = count(&[HandoverState::InStep]);
        let by_itself = days.len() - in_step - needs - count(&[HandoverState::OutOfReach]);
        let than = match (by_itself, needs) {
            (0, 0) if in_step == days.len() => "Singular has all of them".to_owned(),
            (0, 0) => "the others are out of its reach".to_owned(),
            (comes, 0) => format!("{comes} come with the next polls"),
            (0, needs) => format!("{needs} need a refresh request"),
            (comes, needs) => format!("{comes} come by themselves, {needs} need you"),
        };
        Some(Self {
            in_step,
            all: days.len(),
            than,
            squares: (from..=to).map(square).collect(),
            href: format!("{SINGULAR}{}", shell.scope),
        })
    }
}

/// The CSS class of a day's square, and its text.
fn class(state: HandoverState) -> (&'static str, &'static str) {
    match state {
        HandoverState::InStep => ("held", "in step"),
        HandoverState::NextPoll => ("waiting", "comes with the next poll"),
        HandoverState::Refresh => ("behind", "needs a refresh request"),
        HandoverState::OutOfReach => ("away", "out of Singular's reach"),
        HandoverState::NeverServed => ("never", "never asked for"),
    }
}
