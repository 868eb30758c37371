//! The states of a day, and how far polls and refresh requests reach.

use chrono::Months;

use crate::domain::Day;

/// How far back Singular accepts refresh requests.
const REACH: Months = Months::new(6);

/// The state of a day (contract §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HandoverState {
    /// Singular received what the report says now.
    InStep,
    /// It differs, and the next poll will ask for the day.
    NextPoll,
    /// It differs, and only a refresh request covers it.
    Refresh,
    /// It differs, and is older than Singular accepts requests for.
    OutOfReach,
    /// It has items, and no poll ever covered it.
    NeverServed,
}

impl HandoverState {
    pub const ALL: [Self; 5] = [Self::InStep, Self::NextPoll, Self::Refresh, Self::OutOfReach, Self::NeverServed];

    /// Its name in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InStep => "in_step",
            Self::NextPoll => "next_poll",
            Self::Refresh => "refresh",
            Self::OutOfReach => "out_of_reach",
            Self::NeverServed => "never_served",
        }
    }
}

/// Today in the advertiser's zone, and how far polls and refresh requests reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calendar {
    pub today: Day,
    /// The oldest day that the next poll will ask for.
    pub polled_from: Day,
    /// The oldest day that a refresh request can ask for.
    pub reach_from: Day,
}

impl Calendar {
    /// For polls that look back `look_back` days.
    #[must_use]
    pub fn new(today: Day, look_back: u64) -> Self {
        let polled_from = today.earlier(look_back).unwrap_or(today);
        let reach = today.date().checked_sub_months(REACH).and_then(|date| Day::try_from(date).ok());
        Self { today, polled_from, reach_from: reach.unwrap_or(today) }
    }

    /// Whether polls no longer ask for the day.
    #[must_use]
    pub fn is_beyond_polls(&self, day: Day) -> bool {
        day < self.polled_from
    }

    /// Whether a refresh request may still ask for the day.
    #[must_use]
    pub fn is_in_reach(&self, day: Day) -> bool {
        day >= self.reach_from
    }

    /// The state of a day that differs.
    #[must_use]
    pub fn differing(&self, day: Day) -> HandoverState {
        if !self.is_beyond_polls(day) {
            HandoverState::NextPoll
        } else if self.is_in_reach(day) {
            HandoverState::Refresh
        } else {
            HandoverState::OutOfReach
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse("day", text).unwrap()
    }

    #[test]
    fn a_day_that_differs_is_mended_by_a_poll_by_a_person_or_not_at_all() {
        let calendar = Calendar::new(day("2026-08-31"), 7);
        for (text, state) in [
            ("2026-09-01", HandoverState::NextPoll),
            ("2026-08-24", HandoverState::NextPoll),
            ("2026-08-23", HandoverState::Refresh),
            // Six months before 31 August is the last of February.
            ("2026-02-28", HandoverState::Refresh),
            ("2026-02-27", HandoverState::OutOfReach),
        ] {
            assert_eq!(calendar.differing(day(text)), state, "{text}");
        }
    }

    #[test]
    fn polls_that_look_back_further_than_six_months_still_bring_the_day() {
        let calendar = Calendar::new(day("2026-08-31"), 400);
        assert_eq!(calendar.differing(day("2025-09-01")), HandoverState::NextPoll);
    }
}
