//! Decisions about a file that were made before it is read: by a person, by flags or by a saved mapping; and what the
//! catalogue knows.

use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Column, DateFormat, Encoding, Headers};
use crate::domain::{CampaignId, Currency, Day, Invalid, PublisherId};

/// What a person decided about one file; recognition finds out the rest.
///
/// As JSON it is an object of its fields in camel case; missing fields have their defaults.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Decisions {
    /// The source of columns: a header; `Header#2`, the second column of that name; or `#5`, the fifth column. One header can
    /// be the source of several columns.
    pub columns: Vec<(Column, String)>,
    /// Columns with the same value in every row, whatever the file has.
    pub fixed: Vec<(Column, String)>,
    /// Whether other columns stay empty: a person who sent the mapping page left them out on purpose.
    pub only_given: bool,
    /// The sheet of a workbook that is read.
    pub sheet: Option<String>,
    /// The text's encoding (`--encoding`).
    pub encoding: Option<Encoding>,
    /// The line the header begins on (`--header-line`).
    pub header_line: Option<u64>,
    /// Lines that aren't rows (`--leave-out`).
    pub leave_out: LineSet,
    /// Lines that are rows although they look like totals (`--keep`).
    pub keep: LineSet,
    /// How days are written (`--date-format`).
    pub date_format: Option<DateFormat>,
    /// Whether the day or the month comes first (`--dates`).
    pub dates: Option<DayOrder>,
    /// The decimal sign (`--numbers`).
    pub numbers: Option<DecimalSign>,
    /// The unit of the money (`--money-unit`).
    pub money_unit: Option<MoneyUnit>,
    /// What to do with rows that cover more than a day (`--period`).
    pub period: Option<Period>,
}

/// What a saved mapping remembers about earlier files of its kind. It only answers questions that a file leaves open.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Memory {
    /// Whether the day or the month came first.
    pub dates: Option<DayOrder>,
    pub numbers: Option<DecimalSign>,
    /// The unit of the money.
    pub money_unit: Option<MoneyUnit>,
    pub encoding: Option<Encoding>,
}

/// What recognition needs besides the file.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The currency of the advertiser of the import; `None` if each row names its advertiser.
    pub currency: Option<Currency>,
    /// The last valid day: tomorrow in the advertiser's zone.
    pub last_day: Day,
    /// The catalogue's ids.
    pub catalogue: &'a dyn Catalogue,
    /// The headers that are known.
    pub headers: &'a Headers,
    /// What earlier files of this kind were like.
    pub memory: &'a Memory,
}

/// The catalogue's ids.
pub trait Catalogue {
    /// Whether a campaign of the advertiser has this id (of any advertiser, if rows name theirs).
    fn has_campaign(&self, id: CampaignId) -> bool;
    /// Whether a publisher has this id.
    fn has_publisher(&self, id: PublisherId) -> bool;
}

/// An empty catalogue.
#[derive(Debug, Clone, Copy)]
pub struct EmptyCatalogue;

impl Catalogue for EmptyCatalogue {
    fn has_campaign(&self, _: CampaignId) -> bool {
        false
    }

    fn has_publisher(&self, _: PublisherId) -> bool {
        false
    }
}

/// Line numbers, as sorted ranges.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LineSet(Vec<RangeInclusive<u64>>);

impl LineSet {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the line is one of them.
    #[must_use]
    pub fn contains(&self, line: u64) -> bool {
        let at = self.0.partition_point(|range| *range.end() < line);
        self.0.get(at).is_some_and(|range| range.contains(&line))
    }

    /// These lines without the others.
    #[must_use]
    pub fn without(&self, others: &Self) -> Self {
        let mut kept = self.0.clone();
        for other in &others.0 {
            let cut = |range: RangeInclusive<u64>| {
                let before = *range.start()..=(*range.end()).min(other.start().saturating_sub(1));
                let behind = (*range.start()).max(other.end().saturating_add(1))..=*range.end();
                [before, behind].into_iter().filter(|part| !part.is_empty())
            };
            kept = kept.into_iter().flat_map(cut).collect();
        }
        Self(kept)
    }

    /// Adds a line after all others; does nothing if it is included already.
    pub fn push(&mut self, line: u64) {
        match self.0.last_mut() {
            Some(last) if line <= *last.end() => {}
            Some(last) if last.end() + 1 == line => *last = *last.start()..=line,
            _ => self.0.push(line..=line),
        }
    }
}

impl FromIterator<u64> for LineSet {
    fn from_iter<I: IntoIterator<Item = u64>>(lines: I) -> Self {
        let mut lines: Vec<u64> = lines.into_iter().collect();
        lines.sort_unstable();
        lines.into_iter().fold(Self::default(), |mut set, line| {
            set.push(line);
            set
        })
    }
}

/// `14,20-22`
impl FromStr for LineSet {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = || Invalid::value("lines", text, "lines and ranges of lines, such as 14,20-22");
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let line = |text: &str| text.trim().parse::<u64>().ok().filter(|line| *line > 0);
            Some(line(first)?..=line(last)?).filter(|range| range.start() <= range.end())
        };
        let parts = text.split(',').filter(|part| !part.trim().is_empty());
        let mut ranges = parts.map(|part| range(part).ok_or_else(refuse)).collect::<Result<Vec<_>, _>>()?;
        ranges.sort_unstable_by_key(|range| *range.start());
        let mut set: Vec<RangeInclusive<u64>> = Vec::new();
        for range in ranges {
            match set.last_mut() {
                Some(last) if *range.start() <= last.end().saturating_add(1) => {
                    *last = *last.start()..=*last.end().max(range.end());
                }
                _ => set.push(range),
            }
        }
        Ok(Self(set))
    }
}

impl TryFrom<String> for LineSet {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<LineSet> for String {
    fn from(set: LineSet) -> Self {
        let range = |range: RangeInclusive<u64>| match range.into_inner() {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}-{last}"),
        };
        set.0.into_iter().map(range).collect::<Vec<_>>().join(",")
    }
}

/// Defines a choice that a flag takes: its values and their names.
macro_rules! choice {
    ($(#[$meta:meta])* $name:ident, $field:literal { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "&'static str")]
        pub enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name in flags and forms.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                let wanted = text.trim();
                let names = || [$($text,)*].join(", ");
                Self::ALL
                    .iter()
                    .copied()
                    .find(|choice| choice.as_str().eq_ignore_ascii_case(wanted))
                    .ok_or_else(|| Invalid::value($field, text, &format!("one of {}", names())))
            }
        }

        impl TryFrom<String> for $name {
            type Error = Invalid;

            fn try_from(text: String) -> Result<Self, Invalid> {
                text.parse()
            }
        }

        impl From<$name> for &'static str {
            fn from(choice: $name) -> Self {
                choice.as_str()
            }
        }
    };
}

choice! {
    /// The order of day, month and year in dates that are all numbers.
    DayOrder, "dates" {
        /// `31/08/2023`
        DayFirst = "day-first",
        /// `08/31/2023`
        MonthFirst = "month-first",
        /// `2023-08-31`, `23-08-31`
        YearFirst = "year-first",
    }
}

choice! {
    /// The decimal sign.
    DecimalSign, "numbers" {
        /// `1,234.56`
        Point = "point",
        /// `1.234,56`
        Comma = "comma",
    }
}

choice! {
    /// The unit of the file's money.
    MoneyUnit, "money unit" {
        /// Units of the currency.
        Units = "1",
        Hundredths = "100",
        /// Millionths.
        Millionths = "1000000",
    }
}

choice! {
    /// What to do with rows that cover more than a day.
    Period, "period" {
        /// All on the first day.
        FirstDay = "first-day",
        /// Evenly over the days; the first days get what is left of cost and clicks.
        Spread = "spread",
    }
}

impl MoneyUnit {
    /// By how many decimals the point moves.
    #[must_use]
    pub const fn shift(self) -> u32 {
        match self {
            Self::Units => 0,
            Self::Hundredths => 2,
            Self::Millionths => 6,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> String {
        text.parse::<LineSet>().unwrap().into()
    }

    #[test]
    fn lines_are_written_as_ranges() {
        for (text, written) in [
            ("14,20-22", "14,20-22"),
            (" 3 , 1-2,5", "1-3,5"),
            ("", ""),
            ("7,7,6-9,8-12", "6-12"),
            ("18446744073709551615,1", "1,18446744073709551615"),
        ] {
            assert_eq!(lines(text), written, "{text}");
        }
        for text in ["0", "a", "3-1", "1-", "-1", "1;2"] {
            assert!(text.parse::<LineSet>().is_err(), "{text} was accepted");
        }
        let set: LineSet = "2,5-7".parse().unwrap();
        let found: Vec<u64> = (0..10).filter(|line| set.contains(*line)).collect();
        assert_eq!(found, [2, 5, 6, 7]);
        assert_eq!(found.into_iter().rev().collect::<LineSet>(), set);
        for (others, left) in
            [("1", "2,5-7"), ("2", "5-7"), ("6", "2,5,7"), ("2-5", "6-7"), ("1-9", ""), ("5,7", "2,6")]
        {
            assert_eq!(String::from(set.without(&others.parse().unwrap())), left, "without {others}");
        }
    }

    #[test]
    fn decisions_are_kept_as_json() {
        let decisions = Decisions {
            columns: vec![(Column::Cost, "Spend#2".to_owned())],
            leave_out: "2,9-11".parse().unwrap(),
            dates: Some(DayOrder::DayFirst),
            numbers: Some(DecimalSign::Comma),
            money_unit: Some(MoneyUnit::Millionths),
            period: Some(Period::Spread),
            encoding: Some("windows-1251".parse().unwrap()),
            ..Decisions::default()
        };
        let json = serde_json::to_string(&decisions).unwrap();
        assert!(json.contains("\"leaveOut\":\"2,9-11\"") && json.contains("\"moneyUnit\":\"1000000\""), "{json}");
        assert_eq!(serde_json::from_str::<Decisions>(&json).unwrap(), decisions);
        assert_eq!(serde_json::from_str::<Decisions>("{}").unwrap(), Decisions::default());
        assert!("DAY-FIRST".parse::<DayOrder>().is_ok() && "10".parse::<MoneyUnit>().is_err());
    }
}
