//! Which column of a file feeds which column of the contract, and how its dates are written.
//!
//! Files come with headers and dates of their own; a [`Mapping`] says how to read them as the columns of contract §4. The
//! default reads exactly those. Who takes a mapping from a person (a flag, a form field) parses it here, so that each
//! refuses the same things.

use std::fmt::{self, Write};
use std::str::FromStr;

use chrono::format::{Item, Parsed, StrftimeItems};
use chrono::{DateTime, NaiveDate, Utc};

use super::FileError;
use crate::domain::{Day, Invalid};

/// A column of contract §4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    /// The day; needed.
    Date,
    /// The campaign's id; this or its name is needed.
    CampaignId,
    /// The campaign's name.
    CampaignName,
    /// The publisher's id; this or its name is needed.
    PartnerId,
    /// The publisher's name.
    Partner,
    /// Clicks; needed.
    Clicks,
    /// Cost; needed.
    Cost,
    /// Impressions; 0 unless given.
    Views,
    /// Conversions; 0 unless given.
    Conversions,
    /// The currency the cost is in.
    Currency,
    /// The advertiser's name.
    Advertiser,
    /// The offer's name.
    OfferName,
    /// The app's name.
    App,
    /// The app's id in its store.
    StoreId,
    /// The system the app runs on.
    Os,
}

impl Column {
    /// How many columns there are.
    pub(super) const COUNT: usize = 15;

    /// Every column, in the order of the contract.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Date,
        Self::CampaignId,
        Self::CampaignName,
        Self::PartnerId,
        Self::Partner,
        Self::Clicks,
        Self::Cost,
        Self::Views,
        Self::Conversions,
        Self::Currency,
        Self::Advertiser,
        Self::OfferName,
        Self::App,
        Self::StoreId,
        Self::Os,
    ];

    /// As in a header.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Date => "date",
            Self::CampaignId => "campaign_id",
            Self::CampaignName => "campaign_name",
            Self::PartnerId => "partner_id",
            Self::Partner => "partner",
            Self::Clicks => "clicks",
            Self::Cost => "cost",
            Self::Views => "views",
            Self::Conversions => "conversions",
            Self::Currency => "currency",
            Self::Advertiser => "advertiser",
            Self::OfferName => "offer_name",
            Self::App => "app",
            Self::StoreId => "store_id",
            Self::Os => "os",
        }
    }

    /// Its place in [`Self::ALL`].
    pub(super) const fn index(self) -> usize {
        self as usize
    }
}

impl FromStr for Column {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let name = text.trim();
        Self::ALL
            .into_iter()
            .find(|column| column.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| Invalid::value("column", text, &format!("one of {}", Self::ALL.map(Self::name).join(", "))))
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// How a file that has not the columns of the contract is read as if it had.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mapping {
    /// Columns taken from a header of another name. One header may feed several columns.
    pub columns: Vec<(Column, String)>,
    /// Columns that hold the same value in every row, whatever the file says.
    pub fixed: Vec<(Column, String)>,
    /// How dates are written; `YYYY-MM-DD` unless given.
    pub date_format: Option<DateFormat>,
}

impl Mapping {
    /// Reads `target=Header`.
    pub fn parse_map(text: &str) -> Result<(Column, String), Invalid> {
        parse_pair("map", text, "target=Header, such as cost=Spent")
    }

    /// Reads `target=value`.
    pub fn parse_set(text: &str) -> Result<(Column, String), Invalid> {
        parse_pair("set", text, "target=value, such as partner=Facebook")
    }

    /// Refuses a mapping that gives one column twice.
    pub(super) fn check(&self) -> Result<(), FileError> {
        for column in Column::ALL {
            let count = |pairs: &[(Column, String)]| pairs.iter().filter(|(target, _)| *target == column).count();
            let how = match (count(&self.columns), count(&self.fixed)) {
                (0 | 1, 0) | (0, 1) => continue,
                (_, 0) => "mapped twice",
                (0, _) => "set twice",
                _ => "both mapped and set",
            };
            return Err(FileError::Refused(format!("{column} is {how}, expected one source for each column")));
        }
        Ok(())
    }
}

fn parse_pair(field: &'static str, text: &str, expected: &str) -> Result<(Column, String), Invalid> {
    let (target, source) = text.split_once('=').ok_or_else(|| Invalid::value(field, text, expected))?;
    let column = target.parse().map_err(|invalid: Invalid| Invalid { field, ..invalid })?;
    match source.trim() {
        "" => Err(Invalid::value(field, text, expected)),
        source => Ok((column, source.to_owned())),
    }
}

/// A `strftime` pattern that names a whole day, such as `%d-%m-%Y`.
///
/// Leading zeros may be left out where a separator follows. Times of day and zones may stand in the pattern; they are
/// checked and do not move the day.
#[derive(Debug, Clone, PartialEq)]
pub struct DateFormat {
    pattern: String,
    items: Vec<Item<'static>>,
    /// How long a text must be and how many blanks it must have, where digits follow digits: there a missing one would
    /// shift the rest.
    packed: Option<(usize, usize)>,
}

/// Days and times that differ in the width of everything that may be written in a varying width.
const PROBES: [(i32, u32, u32, u32, u32, u32); 3] =
    [(2023, 8, 31, 13, 14, 15), (2031, 1, 5, 1, 2, 3), (2030, 10, 12, 11, 12, 13)];

impl DateFormat {
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
        // What the pattern writes it must read again: so one that leaves out the month, or can't be read, is found now.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_column_is_found_by_its_name() {
        for (index, column) in Column::ALL.into_iter().enumerate() {
            assert_eq!(column.index(), index);
            assert_eq!(column.name().to_uppercase().parse::<Column>().unwrap(), column);
        }
        let error = "spent".parse::<Column>().unwrap_err().to_string();
        assert!(error.contains("date, campaign_id") && error.contains("store_id, os"), "{error}");
    }

    #[test]
    fn a_pair_is_a_column_and_something_for_it() {
        assert_eq!(Mapping::parse_map(" cost = Spent=USD ").unwrap(), (Column::Cost, "Spent=USD".to_owned()));
        assert_eq!(Mapping::parse_set("partner=Facebook").unwrap(), (Column::Partner, "Facebook".to_owned()));
        for text in ["cost", "cost=", "cost= ", "=Spent", "price=Spent", ""] {
            assert!(Mapping::parse_map(text).is_err() && Mapping::parse_set(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn a_column_has_one_source_at_most() {
        let pair = |text: &str| vec![(Column::Cost, text.to_owned())];
        let twice = [pair("a"), pair("b")].concat();
        for (columns, fixed, how) in [
            (pair("a"), pair("1"), "both mapped and set"),
            (twice.clone(), vec![], "mapped twice"),
            (vec![], twice, "set twice"),
        ] {
            let error = Mapping { columns, fixed, date_format: None }.check().unwrap_err().to_string();
            assert!(error.contains(how), "{error}");
        }
    }

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
            // 2023-01-18, 2023-11-08, or a typing error: nobody can tell.
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
