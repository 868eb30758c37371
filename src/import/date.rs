//! How dates are written: a `strftime` pattern, checked when it is made.
//!
//! A pattern that leaves out part of the day, or can't read what it writes, is refused before any row is read. Part of a
//! [`super::Mapping`]; recognition tries the patterns it knows.

use std::fmt::{self, Write};
use std::str::FromStr;

use chrono::format::{Item, Parsed, StrftimeItems};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::domain::{Day, Invalid};

/// A `strftime` pattern that names a whole day, such as `%d-%m-%Y`.
///
/// Leading zeros may be missing before a separator. The pattern may contain times of day and zones; they are checked and
/// don't change the day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DateFormat {
    pattern: String,
    items: Vec<Item<'static>>,
    /// The length and number of blanks that a text must have, for patterns in which digits follow digits: a missing digit
    /// would shift the rest.
    packed: Option<(usize, usize)>,
}

/// Days and times in which every field of variable width has another width.
const PROBES: [(i32, u32, u32, u32, u32, u32); 3] =
    [(2023, 8, 31, 13, 14, 15), (2031, 1, 5, 1, 2, 3), (2030, 10, 12, 11, 12, 13)];

impl DateFormat {
    /// The pattern of contract §4.
    pub const CONTRACT: &str = "%Y-%m-%d";

    /// Reads the day in `text`, all of which must fit the pattern.
    pub fn parse(&self, text: &str) -> Result<Day, Invalid> {
        let fits = self.packed.is_none_or(|extent| extent == extent_of(text));
        fits.then(|| date(text, &self.items))
            .flatten()
            .and_then(|date| Day::try_from(date).ok())
            .ok_or_else(|| Invalid::value("date", text, &format!("a day written as {}", self.pattern)))
    }
}

fn extent_of(text: &str) -> (usize, usize) {
    (text.len(), text.chars().filter(|c| c.is_whitespace()).count())
}

fn date(text: &str, items: &[Item<'_>]) -> Option<NaiveDate> {
    let mut parsed = Parsed::new();
    chrono::format::parse(&mut parsed, text, items.iter()).ok()?;
    parsed.to_naive_date().ok()
}

impl FromStr for DateFormat {
    type Err = Invalid;

    fn from_str(pattern: &str) -> Result<Self, Invalid> {
        let refuse = || {
            let expected = "a pattern that names year, month and day, such as %d-%m-%Y or %m/%d/%y";
            Invalid::value("date format", pattern, expected)
        };
        let items = StrftimeItems::new(pattern).parse_to_owned().map_err(|_| refuse())?;
        // A pattern must read what it writes. So one that leaves out the month, or can't be read, is found here.
        let mut extents = Vec::with_capacity(PROBES.len());
        for (year, month, day, hour, minute, second) in PROBES {
            let probe = NaiveDate::from_ymd_opt(year, month, day).ok_or_else(refuse)?;
            let moment = probe.and_hms_opt(hour, minute, second).ok_or_else(refuse)?;
            let moment = DateTime::<Utc>::from_naive_utc_and_offset(moment, Utc);
            let mut written = String::new();
            write!(written, "{}", moment.format_with_items(items.iter())).map_err(|_| refuse())?;
            // Cells are trimmed before they are read.
            let written = written.trim();
            if date(written, &items) != Some(probe) {
                return Err(refuse());
            }
            extents.push(extent_of(written));
        }
        let packed = items.windows(2).any(|pair| matches!(pair, [Item::Numeric(..), Item::Numeric(..)]));
        if packed && extents.iter().any(|extent| *extent != extents[0]) {
            let expected = "separators between numbers, or leading zeros in all of them, such as %d-%m-%Y or %Y%m%d";
            return Err(Invalid::value("date format", pattern, expected));
        }
        Ok(Self { pattern: pattern.to_owned(), items, packed: packed.then_some(extents[0]) })
    }
}

impl fmt::Display for DateFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.pattern)
    }
}

impl TryFrom<String> for DateFormat {
    type Error = Invalid;

    fn try_from(pattern: String) -> Result<Self, Invalid> {
        pattern.parse()
    }
}

impl From<DateFormat> for String {
    fn from(format: DateFormat) -> Self {
        format.pattern
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn dates_are_read_as_the_pattern_says() {
        for (pattern, text, day) in [
            ("%d-%m-%Y", "31-08-2023", "2023-08-31"),
            ("%m/%d/%y", "8/9/23", "2023-08-09"),
            ("%d %b %Y", "1 Aug 2023", "2023-08-01"),
            ("%A, %B %-d, %Y", "Thursday, August 31, 2023", "2023-08-31"),
            ("%Y%m%d", "20230831", "2023-08-31"),
            ("%Y-%m-%dT%H:%M:%S%:z", "2023-08-31T23:59:59-08:00", "2023-08-31"),
            ("%e %B %Y", "5 January 2023", "2023-01-05"),
            ("%Y-%j", "2024-060", "2024-02-29"),
            ("%G-W%V-%u", "2020-W53-5", "2021-01-01"),
        ] {
            let format: DateFormat = pattern.parse().unwrap();
            assert_eq!(format.parse(text).unwrap().to_string(), day, "{text} as {pattern}");
        }
    }

    #[test]
    fn a_date_that_does_not_fit_the_pattern_is_refused() {
        for (pattern, text) in [
            ("%d-%m-%Y", "31/08/2023"),
            ("%d-%m-%Y", "31-08-2023 "),
            ("%d-%m-%Y", "08-31-2023"),
            ("%d-%m-%Y", "31-08-2023x"),
            ("%d-%m-%Y", ""),
            ("%A %Y-%m-%d", "Friday 2023-08-31"),
            // 2023-01-18, 2023-11-08, or a typing error: it can't be known.
            ("%Y%m%d", "2023118"),
            ("%Y%m%d", "2023 118"),
            ("%d%m%y", "1 1 23"),
        ] {
            let error = pattern.parse::<DateFormat>().unwrap().parse(text).unwrap_err().to_string();
            assert!(error.contains(&format!("expected a day written as {pattern}")), "{error}");
        }
    }

    #[test]
    fn a_pattern_must_name_a_whole_day() {
        for pattern in
            ["", "%Y", "%Y-%m", "%m-%d", "%H:%M", "%Q", "%", "YYYY-MM-DD", "%d.%m. ", "2023-08-31", "%-d%-m%Y"]
        {
            assert!(pattern.parse::<DateFormat>().is_err(), "{pattern:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn any_pattern_and_any_date_are_read_or_refused_without_a_panic(
            pattern in "(%[-_0:#.]?[0-9a-zA-Z%+]|[ -~]|\\PC){0,8}",
            text in "\\PC{0,20}",
        ) {
            if let Ok(format) = pattern.parse::<DateFormat>() {
                let _ = format.parse(&text);
            }
        }

        #[test]
        fn a_day_written_in_a_pattern_is_read_back(
            pattern in prop::sample::select(vec!["%d-%m-%Y", "%Y%m%d", "%-m/%-d/%Y", "%e %B %Y 00:00"]),
            days in 10_957_i64..84_005,
        ) {
            let day = Day::from_stored(days).unwrap();
            let written = day.date().and_hms_opt(0, 0, 0).unwrap().format(pattern).to_string();
            let format: DateFormat = pattern.parse().unwrap();
            // `%e` pads with a blank, which trimming takes away.
            prop_assert_eq!(format.parse(written.trim()).unwrap(), day);
        }
    }
}
