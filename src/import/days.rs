//! Days as people write them, put together from parts: the order of day, month and year, what stands between them, names of
//! months and weekdays, two-digit years, a time, a zone, and the serial numbers of Excel.
//!
//! A text is read in every order at once, and recognition finds out which order a column has. Times and zones are checked and
//! don't change the day.

mod times;

use std::fmt;
use std::ops::RangeInclusive;

use chrono::{Datelike as _, NaiveDate};
use serde::{Deserialize, Serialize};

use self::times::without_time;
use super::DateFormat;
use super::calendar_words::{DateWord, Part, date_word};
use super::decisions::DayOrder;
use super::narrow::narrow;
use crate::domain::{Day, Invalid};

/// How a file writes days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateForm {
    /// By a pattern.
    Pattern(DateFormat),
    /// In parts. The order matters for dates that are all numbers.
    Parts(DayOrder),
}

impl DateForm {
    /// Reads the day in `text`.
    pub(super) fn parse(&self, text: &str) -> Result<Day, Invalid> {
        let day = match self {
            Self::Pattern(format) => format.parse(text)?,
            Self::Parts(order) => {
                let read = DayReadings::of(text).and_then(|readings| readings.day(*order));
                read.ok_or_else(|| Invalid::value("date", text, &format!("{}, {self}", bounds())))?
            }
        };
        in_years(text, day)
    }

    /// The order of day and month, if the form has one.
    pub(super) fn order(&self) -> Option<DayOrder> {
        match self {
            Self::Pattern(_) => None,
            Self::Parts(order) => Some(*order),
        }
    }
}

/// `written as %d-%m-%Y` or `with the day before the month`
impl fmt::Display for DateForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern(format) => write!(f, "written as {format}"),
            Self::Parts(DayOrder::DayFirst) => f.write_str("with the day before the month"),
            Self::Parts(DayOrder::MonthFirst) => f.write_str("with the month before the day"),
            Self::Parts(DayOrder::YearFirst) => f.write_str("such as 2023-08-31"),
        }
    }
}

/// Refuses a day outside of plausible years.
pub(super) fn in_years(text: &str, day: Day) -> Result<Day, Invalid> {
    if YEARS.contains(&day.date().year()) {
        return Ok(day);
    }
    let reason = format!("got {}, read as {day}, expected {}", Invalid::echo(text), bounds());
    Err(Invalid::because("date", reason))
}

/// `a day from 2000-01-01 to 2199-12-31`
pub(super) fn bounds() -> String {
    format!("a day from {}-01-01 to {}-12-31", YEARS.start(), YEARS.end())
}

/// Plausible years: a day outside was misread, such as 23 for 2023.
pub(super) const YEARS: RangeInclusive<i32> = 2000..=2199;

/// The longest text that can be a day.
const LONGEST: usize = 64;

/// The days a text can mean.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct DayReadings {
    /// By order: day first, month first, year first.
    days: [Option<Day>; 3],
    /// How it is written, if it is all numbers; an Excel serial day has no separator.
    pub(super) shape: Option<NumericShape>,
}

/// The form of a date of three numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NumericShape {
    /// The separator between the numbers; [`SERIAL`] for an Excel serial day.
    pub(super) separator: char,
    /// For the first two numbers: `true` for a leading zero, `false` for a single digit without one.
    pub(super) padded: [Option<bool>; 2],
}

/// The "separator" of a date that is one number.
pub(super) const SERIAL: char = '#';

const fn place(order: DayOrder) -> usize {
    match order {
        DayOrder::DayFirst => 0,
        DayOrder::MonthFirst => 1,
        DayOrder::YearFirst => 2,
    }
}

impl DayReadings {
    /// The readings of a text, if it has any.
    pub(super) fn of(text: &str) -> Option<Self> {
        match undecorated(text) {
            Some((numbers, mark)) => {
                numeric(numbers, mark).filter(|readings| readings.days.iter().any(Option::is_some))
            }
            None => Self::of_parts(text),
        }
    }

    fn of_parts(text: &str) -> Option<Self> {
        let text = narrow(text);
        if text.len() > LONGEST || !text.bytes().any(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let parts = Parts::of(&text)?;
        let readings = parts.readings()?;
        readings.days.iter().any(Option::is_some).then_some(readings)
    }

    /// The day in this order.
    pub(super) fn day(&self, order: DayOrder) -> Option<Day> {
        self.days[place(order)]
    }

    fn same(day: Option<Day>) -> Self {
        Self { days: [day; 3], shape: None }
    }
}

/// A number within a date.
#[derive(Debug, Clone, Copy)]
struct Number {
    value: u32,
    digits: usize,
}

/// The three numbers of a text that is only numbers with the same separator between them, as nearly all days are.
fn undecorated(text: &str) -> Option<([Number; 3], char)> {
    let mut numbers = [Number { value: 0, digits: 0 }; 3];
    let mut marks = [0; 2];
    let mut at = 0;
    for byte in text.bytes() {
        let number = numbers.get_mut(at)?;
        match byte {
            b'0'..=b'9' if number.digits < 9 => {
                *number = Number { value: number.value * 10 + u32::from(byte - b'0'), digits: number.digits + 1 };
            }
            b'-' | b'/' | b'.' if number.digits > 0 => {
                *marks.get_mut(at)? = byte;
                at += 1;
            }
            _ => return None,
        }
    }
    (numbers[2].digits > 0 && marks[0] == marks[1]).then_some((numbers, char::from(marks[0])))
}

/// The parts of a date without its time and zone.
#[derive(Default)]
struct Parts {
    numbers: Vec<Number>,
    /// The separators between the numbers, without blanks.
    separators: Vec<String>,
    /// The month's name, and how many numbers come before it.
    month: Option<(u8, usize)>,
    /// Whether the name could also be a weekday's.
    doubtful: bool,
    marked: [Option<u32>; 3],
}

impl Parts {
    fn of(text: &str) -> Option<Self> {
        let date = without_time(text)?;
        let mut parts = Self::default();
        let mut rest = date.trim();
        let mut between = String::new();
        while let Some(first) = rest.chars().next() {
            if first.is_ascii_digit() {
                let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
                let value = rest[..end].parse().ok()?;
                if !parts.numbers.is_empty() {
                    parts.separators.push(between.clone());
                }
                between.clear();
                parts.numbers.push(Number { value, digits: end });
                rest = &rest[end..];
            } else if first.is_alphabetic() {
                let is_cjk = |c: char| matches!(c, '年' | '月' | '日' | '号' | '號' | '년' | '월' | '일');
                let end = if is_cjk(first) && parts.numbers.len() > parts.marked.iter().flatten().count() {
                    first.len_utf8()
                } else {
                    rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len())
                };
                parts.add_word(&rest[..end])?;
                rest = &rest[end..];
            } else {
                if !matches!(first, '-' | '–' | '/' | '.' | ',' | '\'' | '’' | '(' | ')' | '_')
                    && !first.is_whitespace()
                {
                    return None;
                }
                if !first.is_whitespace() {
                    between.push(if first == '–' { '-' } else { first });
                }
                rest = &rest[first.len_utf8()..];
            }
        }
        Some(parts)
    }

    fn add_word(&mut self, word: &str) -> Option<()> {
        match date_word(word)? {
            DateWord::Month(_) if self.month.is_some() && !self.doubtful => return None,
            DateWord::Month(month) => {
                (self.month, self.doubtful) = (Some((month, self.numbers.len())), false);
            }
            DateWord::MonthOrWeekday(month) if self.month.is_none() => {
                (self.month, self.doubtful) = (Some((month, self.numbers.len())), true);
            }
            DateWord::MonthOrWeekday(_) | DateWord::Weekday | DateWord::Filler => {}
            DateWord::Mark(part) => {
                let unmarked = self.numbers.len() > self.marked.iter().flatten().count();
                let Some(number) = self.numbers.last().filter(|_| unmarked) else { return Some(()) };
                let at = match part {
                    Part::Year => 0,
                    Part::Month => 1,
                    Part::Day => 2,
                };
                self.marked[at] = Some(number.value);
            }
        }
        Some(())
    }

    fn readings(&self) -> Option<DayReadings> {
        if let [Some(year), Some(month), Some(day)] = self.marked {
            return Some(DayReadings::same(date(year, month, day)));
        }
        match (self.numbers.as_slice(), self.month) {
            ([only], None) => only.packed(),
            ([serial, _], None) if serial.digits == 5 && self.separators == ["."] => Some(serial.excel()),
            ([first, second], Some((month, before))) => named(*first, *second, month, before),
            ([first, second, third], None) => match self.separators.as_slice() {
                [one, other] if one == other => numeric([*first, *second, *third], one.chars().next().unwrap_or(' ')),
                _ => None,
            },
            _ => None,
        }
    }
}

/// A date of three numbers with the same separator.
fn numeric([first, second, third]: [Number; 3], separator: char) -> Option<DayReadings> {
    let (a, b, c) = (first.value, second.value, third.value);
    let days = match (first.digits, second.digits, third.digits) {
        (4, 1 | 2, 1 | 2) => [None, None, date(a, b, c)],
        (1 | 2, 1 | 2, 4) => [date(c, b, a), date(c, a, b), None],
        (1 | 2, 1 | 2, 2) => [date(2000 + c, b, a), date(2000 + c, a, b), date(2000 + a, b, c)],
        _ => return None,
    };
    let padded = |number: Number| match number.digits {
        1 => Some(false),
        2 if number.value < 10 => Some(true),
        _ => None,
    };
    let padded = if first.digits == 4 { [padded(second), padded(third)] } else { [padded(first), padded(second)] };
    Some(DayReadings { days, shape: Some(NumericShape { separator, padded }) })
}

/// A date with a month's name, which comes after `before` numbers.
fn named(first: Number, second: Number, month: u8, before: usize) -> Option<DayReadings> {
    let month = u32::from(month);
    match (first.digits, second.digits) {
        (4, 1 | 2) => Some(DayReadings::same(date(first.value, month, second.value))),
        (1 | 2, 4) => Some(DayReadings::same(date(second.value, month, first.value))),
        (1 | 2, 2) if before < 2 => {
            let day_first = date(2000 + second.value, month, first.value);
            let year_first = if before == 1 { date(2000 + first.value, month, second.value) } else { day_first };
            Some(DayReadings { days: [day_first, day_first, year_first], shape: None })
        }
        _ => None,
    }
}

impl Number {
    /// A date in one number: `20230831`, `31082023`, or an Excel serial day.
    fn packed(self) -> Option<DayReadings> {
        let parts =
            |first: u32, second: u32| (self.value / first, self.value / second % (first / second), self.value % second);
        match self.digits {
            5 => Some(self.excel()),
            8 => {
                let (year, month, day) = parts(10_000, 100);
                let (one, two, late_year) = parts(1_000_000, 10_000);
                let days = [date(late_year, two, one), date(late_year, one, two), date(year, month, day)];
                Some(DayReadings { days, shape: None })
            }
            _ => None,
        }
    }

    fn excel(self) -> DayReadings {
        let shape = NumericShape { separator: SERIAL, padded: [None; 2] };
        DayReadings { shape: Some(shape), ..DayReadings::same(self.serial()) }
    }

    fn serial(self) -> Option<Day> {
        // Excel counts from 1900-01-01 as 1, and counts a leap day of 1900 that didn't exist.
        let base = NaiveDate::from_ymd_opt(1899, 12, 30)?;
        let day = base.checked_add_days(chrono::Days::new(u64::from(self.value)))?;
        YEARS.contains(&day.year()).then(|| Day::try_from(day).ok()).flatten()
    }
}

fn date(year: u32, month: u32, day: u32) -> Option<Day> {
    let year = i32::try_from(year).ok().filter(|year| YEARS.contains(year))?;
    Day::try_from(NaiveDate::from_ymd_opt(year, month, day)?).ok()
}

#[cfg(test)]
mod tests;
