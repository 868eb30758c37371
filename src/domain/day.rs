//! Days as the source stated them: dates without a zone, never derived from the clock.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike, Days, NaiveDate, NaiveTime};

use super::Invalid;

/// A calendar day from 0001-01-01 to 9999-12-31, in the zone in which its source counts days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Day(NaiveDate);

impl Day {
    /// The day this many days after 1970-01-01, as the database stores it.
    pub fn from_stored(days: i64) -> Result<Self, Invalid> {
        i32::try_from(days)
            .ok()
            .and_then(NaiveDate::from_epoch_days)
            .ok_or_else(|| Invalid::value("date", &days.to_string(), "a day of the years 1 to 9999"))
            .and_then(Self::try_from)
    }

    /// Days since 1970-01-01, as stored.
    #[must_use]
    pub fn to_stored(self) -> i64 {
        i64::from(self.0.to_epoch_days())
    }

    /// Reads `YYYY-MM-DD`, and nothing else.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, Invalid> {
        let refuse = || Invalid::value(field, text, "a calendar day as YYYY-MM-DD");
        let bytes = text.as_bytes();
        let shaped = bytes.len() == 10
            && bytes.iter().enumerate().all(|(at, byte)| match at {
                4 | 7 => *byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !shaped {
            return Err(refuse());
        }
        let number = |range: std::ops::Range<usize>| bytes[range].iter().fold(0, |n, b| n * 10 + u32::from(b - b'0'));
        i32::try_from(number(0..4))
            .ok()
            .and_then(|year| NaiveDate::from_ymd_opt(year, number(5..7), number(8..10)))
            .and_then(|date| Self::try_from(date).ok())
            .ok_or_else(refuse)
    }

    /// Reads what the report's date parameters may hold: a day, or an RFC 3339 date-time with or without offset, whose
    /// date part as written counts (contract §1).
    pub fn parse_date_or_time(field: &'static str, text: &str) -> Result<Self, Invalid> {
        let refuse = || Invalid::value(field, text, "a calendar day as YYYY-MM-DD, or an RFC 3339 date-time");
        let Some((date, time)) = text.split_at_checked(10) else { return Err(refuse()) };
        if time.is_empty() || is_time(time) { Self::parse(field, date).map_err(|_| refuse()) } else { Err(refuse()) }
    }

    #[must_use]
    pub fn next(self) -> Option<Self> {
        self.0.checked_add_days(Days::new(1)).and_then(|date| Self::try_from(date).ok())
    }

    /// The day `days` earlier, if the calendar goes back that far.
    #[must_use]
    pub fn earlier(self, days: u64) -> Option<Self> {
        self.0.checked_sub_days(Days::new(days)).and_then(|date| Self::try_from(date).ok())
    }

    /// The day `days` later, if the calendar goes that far.
    pub fn later(self, days: u64) -> Result<Self, Invalid> {
        let refuse = || Invalid::because("date", format!("{days} days after {self} lies beyond the year 9999"));
        self.0.checked_add_days(Days::new(days)).ok_or_else(refuse).and_then(Self::try_from)
    }

    /// The last day of its month.
    pub fn end_of_month(self) -> Result<Self, Invalid> {
        let last = self.0.num_days_in_month();
        self.0.with_day(u32::from(last)).map_or(Ok(self), Self::try_from)
    }

    /// The date, for formatting and calendar arithmetic.
    #[must_use]
    pub fn date(self) -> NaiveDate {
        self.0
    }
}

/// Whether this is what can follow a date: a `T` or a blank, a time, and an optional offset, as RFC 3339 and common date
/// formatters write them.
fn is_time(text: &str) -> bool {
    let Some(text) = text.strip_prefix(['T', 't', ' ']) else { return false };
    // A `+` in a query that wasn't percent-encoded arrives as a blank.
    let (clock, offset) = text.split_at(text.find(['Z', 'z', '+', '-', ' ']).unwrap_or(text.len()));
    NaiveTime::parse_from_str(clock, "%H:%M:%S%.f").is_ok() && (offset.is_empty() || is_offset(offset))
}

fn is_offset(text: &str) -> bool {
    if text.eq_ignore_ascii_case("z") {
        return true;
    }
    let digits = match text.as_bytes() {
        [_, hours @ .., b':', tens, ones] if hours.len() == 2 => [hours[0], hours[1], *tens, *ones],
        [_, a, b, c, d] => [*a, *b, *c, *d],
        _ => return false,
    };
    digits.iter().all(u8::is_ascii_digit) && (digits[0], digits[1]) < (b'2', b'4') && digits[2] < b'6'
}

impl TryFrom<NaiveDate> for Day {
    type Error = Invalid;

    fn try_from(date: NaiveDate) -> Result<Self, Invalid> {
        if (1..=9999).contains(&date.year()) {
            Ok(Self(date))
        } else {
            Err(Invalid::value("date", &date.to_string(), "a day of the years 1 to 9999"))
        }
    }
}

/// Reads `YYYY-MM-DD`.
impl TryFrom<String> for Day {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse("day", &text)
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

/// `YYYY-MM-DD`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// How far the figures of a day are settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayState {
    /// They may still change.
    Provisional,
    /// Invoiced: they change only if a reason is given.
    Final,
}

impl DayState {
    /// As stored, and as flags and parameters say it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provisional => "provisional",
            Self::Final => "final",
        }
    }
}

impl FromStr for DayState {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            "provisional" => Ok(Self::Provisional),
            "final" => Ok(Self::Final),
            _ => Err(Invalid::value("days", text, "provisional or final")),
        }
    }
}

impl fmt::Display for DayState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Two days and all between them; both ends count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DayRange {
    from: Day,
    to: Day,
}

impl DayRange {
    /// Refuses a range that runs backwards.
    pub fn new(from: Day, to: Day) -> Result<Self, Invalid> {
        if from <= to {
            Ok(Self { from, to })
        } else {
            Err(Invalid::because("date_from", format!("got {from}, expected a day not after date_to, which is {to}")))
        }
    }

    #[must_use]
    pub fn from(self) -> Day {
        self.from
    }

    #[must_use]
    pub fn to(self) -> Day {
        self.to
    }

    #[must_use]
    pub fn stored(self) -> (i64, i64) {
        (self.from.to_stored(), self.to.to_stored())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_words_for_a_days_state_are_read_back() {
        for (state, word) in [(DayState::Provisional, "provisional"), (DayState::Final, "final")] {
            assert_eq!((state.as_str(), word.parse::<DayState>().unwrap()), (word, state));
        }
    }

    #[test]
    fn only_real_days_in_the_iso_form_are_read() {
        assert_eq!(Day::parse("date", "2024-02-29").unwrap().to_string(), "2024-02-29");
        for text in [
            "2025-02-29",
            "2025-02-30",
            "2025-13-01",
            "2025-1-01",
            "20250101",
            "0000-01-01",
            "31-08-2023",
            "",
            "2025-01-01 ",
        ] {
            assert!(Day::parse("date", text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn the_date_part_of_a_date_time_counts_as_written() {
        for text in [
            "2024-01-22",
            "2024-01-22T00:00:00Z",
            "2024-01-22T23:59:59.999+14:00",
            "2024-01-22T23:59:59 02:00",
            "2024-01-22t00:00:00z",
            "2024-01-22T23:59:59",
            "2024-01-22T23:59:59.123456",
            "2024-01-22 00:00:00",
            "2024-01-22T00:00:00.000000+0000",
        ] {
            assert_eq!(Day::parse_date_or_time("date_from", text).unwrap().to_string(), "2024-01-22", "{text}");
        }
        for text in
            ["2024-01-22T", "2024-01-22T25:00:00Z", "2024-01-22x", "2024-02-30T00:00:00Z", "today", "é024-01-22"]
        {
            assert!(Day::parse_date_or_time("date_from", text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn a_backward_range_is_refused() {
        let day = |text| Day::parse("date", text).unwrap();
        assert!(DayRange::new(day("2024-01-02"), day("2024-01-01")).is_err());
        assert!(DayRange::new(day("2024-01-01"), day("2024-01-01")).is_ok());
    }

    proptest! {
        #[test]
        fn storing_and_writing_keep_the_day(days in -719_162_i64..=2_932_896) {
            let day = Day::from_stored(days).unwrap();
            prop_assert_eq!(day.to_stored(), days);
            prop_assert_eq!(Day::parse("date", &day.to_string()).unwrap(), day);
            prop_assert_eq!(Day::parse_date_or_time("date", &format!("{day}T00:00:00Z")).unwrap(), day);
        }

        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in "\\PC*") {
            let _ = Day::parse_date_or_time("date_from", &text);
        }
    }
}
