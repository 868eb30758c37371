//! What the cells of one column say: which ways to write dates and numbers fit them, and whether two that fit read
//! something different.
//!
//! Every cell of the file is looked at, and of a column only a few samples are kept. A cell that fits nothing does not
//! count: the preview names it by its line.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::LazyLock;

use chrono::Datelike as _;
use uuid::Uuid;

use crate::domain::Micros;
use crate::import::currency::CurrencyClaim;
use crate::import::days::YEARS;
use crate::import::decisions::DecimalSign;
use crate::import::number::{Written, figure, is_nothing};
use crate::import::{DateFormat, Numbers};

/// Samples that are kept of a column, and the characters of each.
const SAMPLES: usize = 5;
const SAMPLE_CHARS: usize = 60;

/// After so many cells of which none fits, a column holds something else.
const PATIENCE: u64 = 50;

/// Ways to write a date. The first is the contract's.
const DATES: [&str; 27] = [
    DateFormat::CONTRACT,
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%m-%y",
    "%m-%d-%y",
    "%y-%m-%d",
    "%d/%m/%y",
    "%m/%d/%y",
    "%y/%m/%d",
    "%d.%m.%y",
    "%B %d, %Y",
    "%a, %B %d, %Y",
    "%d %B %Y",
    "%d-%B-%Y",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f%:z",
    "%Y-%m-%dT%H:%M:%S%.fZ",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%d/%m/%Y %H:%M",
    "%m/%d/%Y %H:%M",
];

static FORMATS: LazyLock<Vec<(u32, DateFormat)>> = LazyLock::new(|| {
    let parse = |(at, pattern): (u32, &&str)| Some((at, pattern.parse().ok()?));
    (0_u32..).zip(&DATES).filter_map(parse).collect()
});

const NUMBERS: [Numbers; 3] = [Numbers::Plain, Numbers::Point, Numbers::Comma];

/// What the cells of one column say.
pub(super) struct Evidence {
    pub(super) samples: Vec<String>,
    /// Cells that hold something.
    filled: u64,
    /// Cells that hold nothing, or a dash.
    pub(super) nothing: u64,
    last: String,
    /// A bit for each of [`DATES`] that fits all dates so far, and a mark of all it read.
    live: u32,
    read: [u64; DATES.len()],
    dates: u64,
    /// For each of [`NUMBERS`]: whether it fits all numbers so far, and a mark of all it read.
    fits: [bool; NUMBERS.len()],
    values: [u64; NUMBERS.len()],
    numbers: u64,
    /// The line of the first figure with decimals that are not zero.
    pub(super) fraction: Option<u64>,
    /// The first currency sign or code beside a figure.
    pub(super) sign: Option<CurrencyClaim>,
    uuids: u64,
}

impl Default for Evidence {
    fn default() -> Self {
        Self {
            samples: Vec::new(),
            filled: 0,
            nothing: 0,
            last: String::new(),
            live: u32::MAX,
            read: [0; DATES.len()],
            dates: 0,
            fits: [true; NUMBERS.len()],
            values: [0; NUMBERS.len()],
            numbers: 0,
            fraction: None,
            sign: None,
            uuids: 0,
        }
    }
}

fn mark(before: u64, value: impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    (before, value).hash(&mut hasher);
    hasher.finish()
}

impl Evidence {
    /// Looks at the column's cell of one row.
    pub(super) fn look(&mut self, line: u64, cell: &str) {
        let cell = cell.trim();
        if is_nothing(cell) {
            self.nothing += 1;
            // The contract's way to write numbers has no nothing.
            self.fits[0] = false;
            return;
        }
        // Rows of one day stand together in most exports.
        if self.filled > 0 && self.last == cell {
            self.filled += 1;
            return;
        }
        self.filled += 1;
        cell.clone_into(&mut self.last);
        if self.samples.len() < SAMPLES {
            let sample: String = cell.chars().take(SAMPLE_CHARS).collect();
            if !self.samples.contains(&sample) {
                self.samples.push(sample);
            }
        }
        self.uuids += u64::from(cell.len() == 36 && Uuid::try_parse(cell).is_ok());
        if !cell.bytes().any(|byte| byte.is_ascii_digit()) {
            return;
        }
        if self.dates > 0 || self.filled <= PATIENCE {
            self.look_for_date(cell);
        }
        if self.numbers > 0 || self.filled <= PATIENCE {
            self.look_for_number(line, cell);
        }
    }

    fn look_for_date(&mut self, cell: &str) {
        let mut fitting = 0;
        let mut days = [0; DATES.len()];
        for (at, format) in FORMATS.iter().filter(|(at, _)| self.live & (1 << at) != 0) {
            if let Ok(day) = format.parse(cell)
                && YEARS.contains(&day.date().year())
            {
                fitting |= 1 << at;
                days[*at as usize] = day.to_stored();
            }
        }
        if fitting == 0 {
            return;
        }
        self.dates += 1;
        self.live = fitting;
        for (at, _) in FORMATS.iter().filter(|(at, _)| fitting & (1 << at) != 0) {
            self.read[*at as usize] = mark(self.read[*at as usize], days[*at as usize]);
        }
    }

    fn look_for_number(&mut self, line: u64, cell: &str) {
        // A count may be written with decimals, which the contract's has none of.
        let whole = cell.split_once('.').is_some_and(|(_, decimals)| decimals.bytes().all(|digit| digit == b'0'));
        let plain = (!whole && Micros::parse(cell).is_ok()).then(|| cell.to_owned());
        let read = [plain, Numbers::Point.plain(cell), Numbers::Comma.plain(cell)];
        if read.iter().all(Option::is_none) {
            return;
        }
        self.numbers += 1;
        if self.sign.is_none() {
            self.sign =
                [DecimalSign::Point, DecimalSign::Comma].into_iter().find_map(|sign| match figure(cell, sign) {
                    Written::Figure(figure) => figure.claim,
                    _ => None,
                });
        }
        for (at, number) in read.iter().enumerate() {
            match number {
                Some(number) => self.values[at] = mark(self.values[at], number),
                None => self.fits[at] = false,
            }
        }
        let is_fraction = |number: &String| {
            number.split_once('.').is_some_and(|(_, decimals)| decimals.bytes().any(|digit| digit != b'0'))
        };
        if self.fraction.is_none() && read.iter().flatten().any(is_fraction) {
            self.fraction = Some(line);
        }
    }

    /// The ways to write dates that fit, those that read the same days only once.
    pub(super) fn date_formats(&self) -> Vec<DateFormat> {
        if self.dates == 0 {
            return Vec::new();
        }
        let mut seen = Vec::new();
        let fits = |(at, _): &&(u32, DateFormat)| {
            let read = self.read[*at as usize];
            let is_new = self.live & (1 << at) != 0 && !seen.contains(&read);
            if is_new {
                seen.push(read);
            }
            is_new
        };
        FORMATS.iter().filter(fits).map(|(_, format)| format.clone()).collect()
    }

    /// The ways to write numbers that fit, with a mark of what each reads.
    pub(super) fn number_formats(&self) -> Vec<(Numbers, u64)> {
        if self.numbers == 0 {
            return Vec::new();
        }
        let fitting = NUMBERS.into_iter().zip(self.fits).zip(self.values);
        fitting.filter(|((_, fits), _)| *fits).map(|((numbers, _), value)| (numbers, value)).collect()
    }

    /// Whether every cell that holds something holds a UUID.
    pub(super) fn is_ids(&self) -> bool {
        self.uuids > 0 && self.nothing == 0 && self.samples.iter().all(|sample| Uuid::try_parse(sample).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(cells: &[&str]) -> Evidence {
        let mut evidence = Evidence::default();
        for (line, cell) in (2..).zip(cells) {
            evidence.look(line, cell);
        }
        evidence
    }

    fn dates(cells: &[&str]) -> Vec<String> {
        of(cells).date_formats().iter().map(ToString::to_string).collect()
    }

    fn numbers(cells: &[&str]) -> Vec<Numbers> {
        of(cells).number_formats().into_iter().map(|(numbers, _)| numbers).collect()
    }

    #[test]
    fn every_pattern_is_one() {
        assert_eq!(FORMATS.len(), DATES.len());
    }

    #[test]
    fn one_day_past_the_twelfth_decides_a_whole_column() {
        for (cells, expected) in [
            (&["31-08-2023"][..], &["%d-%m-%Y"][..]),
            (&["01/08/2023", "31/08/2023"], &["%d/%m/%Y"]),
            (&["08/01/2023", "08/31/2023"], &["%m/%d/%Y"]),
            (&["01/08/2023", "12/08/2023"], &["%d/%m/%Y", "%m/%d/%Y"]),
            // Whichever way it is read, it is the same day.
            (&["08/08/2023"], &["%d/%m/%Y"]),
            (&["2023/08/31"], &["%Y/%m/%d"]),
            (&["31.08.2023"], &["%d.%m.%Y"]),
            (&["8/31/23"], &["%m/%d/%y"]),
            (&["Aug 31, 2023"], &["%B %d, %Y"]),
            (&["August 31, 2023"], &["%B %d, %Y"]),
            (&["Thu, Aug 31, 2023"], &["%a, %B %d, %Y"]),
            (&["31 Aug 2023"], &["%d %B %Y"]),
            (&["2023-08-31T00:00:00"], &["%Y-%m-%dT%H:%M:%S%.f"]),
            (&["2023-08-31T00:00:00.000Z"], &["%Y-%m-%dT%H:%M:%S%.fZ"]),
            (&["2023-08-31T00:00:00+02:00"], &["%Y-%m-%dT%H:%M:%S%.f%:z"]),
            (&["2023-08-31 00:00:00"], &["%Y-%m-%d %H:%M:%S%.f"]),
            (&["2023-08-31", "oops", "2023-09-01"], &["%Y-%m-%d"]),
            (&["AOS_TEST_2025", "x"], &[]),
            (&["1.43", "57.85"], &[]),
        ] {
            assert_eq!(dates(cells), expected, "{cells:?}");
        }
    }

    #[test]
    fn one_cell_decides_how_numbers_are_written() {
        use Numbers::{Comma, Plain, Point};
        for (cells, expected) in [
            (&["1", "21465"][..], &[Plain, Point, Comma][..]),
            (&["1.43", "2"], &[Plain, Point]),
            (&["1,234.56"], &[Point]),
            (&["1.234,56"], &[Comma]),
            (&["1,234"], &[Point, Comma]),
            (&["1,234", "12.5"], &[Point]),
            (&["1,234", "12,5"], &[Comma]),
            (&["$12.30", "--"], &[Point]),
            (&["1", "--"], &[Point, Comma]),
            (&["12,30 €"], &[Comma]),
            (&["abc1"], &[]),
        ] {
            assert_eq!(numbers(cells), expected, "{cells:?}");
        }
        let evidence = of(&["1.00", "$3.50"]);
        assert_eq!(evidence.fraction, Some(3));
        assert!(evidence.sign.is_some());
        let [point, comma] = of(&["1,234"]).number_formats().try_into().unwrap();
        assert_ne!(point.1, comma.1);
        let [plain, point, comma] = of(&["1234"]).number_formats().try_into().unwrap();
        assert!(plain.1 == point.1 && point.1 == comma.1);
    }

    #[test]
    fn samples_are_few_and_short() {
        let long = "x".repeat(1000);
        let evidence = of(&["a", "a", "b", " a ", &long, "c", "d", "e"]);
        assert_eq!(evidence.samples.len(), SAMPLES);
        assert!(evidence.samples.iter().all(|sample| sample.len() <= SAMPLE_CHARS));
    }
}
