//! The header and the first rows: enough to choose columns by, and to show samples of each.

use std::collections::HashMap;
use std::io::Read;

use crate::import::csv::{Advance, Records};
use crate::import::days::DayReadings;
use crate::import::decisions::DecimalSign;
use crate::import::number::{Written, bare, figure, is_nothing};
use crate::import::plan::TablePlan;
use crate::import::recognition::HeaderSeen;
use crate::import::{FileError, open};

/// How many rows are looked at.
const ROWS: usize = 2000;

/// How many samples are kept per column, and how many characters of each.
const SAMPLES: usize = 5;
const SAMPLE_CHARS: usize = 60;

/// The header and the first rows, by column.
pub(super) struct Sample {
    /// The headers as written; some may be empty, and some equal.
    pub(super) names: Vec<String>,
    pub(super) columns: Vec<SampleColumn>,
}

/// The content of one column's first rows.
#[derive(Default)]
pub(super) struct SampleColumn {
    pub(super) cells: Vec<String>,
    pub(super) samples: Vec<String>,
    /// The line of the first figure with decimals that are not zero.
    pub(super) fraction: Option<u64>,
    filled: usize,
    days: usize,
    /// Texts seen so far, and whether each is a day.
    seen: HashMap<String, bool>,
}

impl SampleColumn {
    /// Whether nearly all cells with content are days.
    pub(super) fn is_days(&self) -> bool {
        self.days > 0 && self.days * 10 >= self.filled * 8
    }

    fn look(&mut self, line: u64, cell: &str) {
        if !is_nothing(cell) {
            self.filled += 1;
            let is_day = self.seen.get(cell).copied().unwrap_or_else(|| self.look_at_new(line, cell));
            self.days += usize::from(is_day);
        }
        self.cells.push(cell.to_owned());
    }

    /// Looks at a text that no earlier row had; returns whether it is a day.
    fn look_at_new(&mut self, line: u64, cell: &str) -> bool {
        if self.samples.len() < SAMPLES {
            let sample: String = cell.chars().take(SAMPLE_CHARS).collect();
            if !self.samples.contains(&sample) {
                self.samples.push(sample);
            }
        }
        if self.fraction.is_none() && has_fraction(cell) {
            self.fraction = Some(line);
        }
        let is_day = DayReadings::of(cell).is_some();
        self.seen.insert(cell.to_owned(), is_day);
        is_day
    }
}

/// Whether a cell is a number with decimals that aren't zero, with either decimal sign.
fn has_fraction(cell: &str) -> bool {
    let mut plains = [DecimalSign::Point, DecimalSign::Comma].into_iter().filter_map(|sign| match figure(cell, sign) {
        Written::Figure(figure) => Some(figure.plain.into_owned()),
        _ => None,
    });
    let is_fraction =
        |plain: &String| plain.split_once('.').is_some_and(|(_, decimals)| decimals.bytes().any(|digit| digit != b'0'));
    plains.next().is_some_and(|first| is_fraction(&first)) && plains.all(|other| is_fraction(&other))
}

impl Sample {
    /// Reads the header and first rows from the beginning of a text, as UTF-8.
    pub(super) fn read(head: impl Read, table: &TablePlan) -> Result<Self, FileError> {
        let mut records =
            Records::open(open(head)?, Some(table.separator), Some(table.header_line), table.line_rules())?;
        records.header()?;
        let names: Vec<String> = records.record().iter().map(|name| bare(name).to_owned()).collect();
        let mut columns: Vec<SampleColumn> = Vec::new();
        columns.resize_with(names.len(), SampleColumn::default);
        for _ in 0..ROWS {
            // Invalid text is reported when the whole file is read.
            let line = match records.advance() {
                Ok(Advance::Record(line)) => line,
                Ok(Advance::NotUtf8(..)) => continue,
                Ok(Advance::End) | Err(_) => break,
            };
            for (at, column) in columns.iter_mut().enumerate() {
                column.look(line, records.record().get(at).map_or("", bare));
            }
        }
        for column in &mut columns {
            column.seen = HashMap::new();
        }
        Ok(Self { names, columns })
    }

    /// The columns that a source names: a header, in any case, `Header#2`, or `#5`.
    pub(super) fn resolve(&self, source: &str) -> Vec<usize> {
        let source = source.trim();
        let places = |fits: &dyn Fn(&str) -> bool| -> Vec<usize> {
            (0..self.names.len()).filter(|place| fits(&self.names[*place])).collect()
        };
        let lower = source.to_lowercase();
        let exact = places(&|name| name == source);
        let found = if exact.is_empty() { places(&|name| name.to_lowercase() == lower) } else { exact };
        if !found.is_empty() {
            return found;
        }
        let Some((name, number)) = source.rsplit_once('#') else { return found };
        let Some(number) = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1)) else { return found };
        if name.is_empty() {
            return (number < self.names.len()).then_some(number).into_iter().collect();
        }
        places(&|other| other == name).get(number).copied().into_iter().collect()
    }

    /// The source that [`Self::resolve`] finds only this column by.
    pub(super) fn source(&self, place: usize) -> String {
        let name = &self.names[place];
        if !name.is_empty() && self.resolve(name) == [place] {
            return name.clone();
        }
        let before = self.names[..place].iter().filter(|other| *other == name).count();
        let numbered = format!("{name}#{}", before + 1);
        if !name.is_empty() && self.resolve(&numbered) == [place] { numbered } else { format!("#{}", place + 1) }
    }

    /// The columns for display.
    pub(super) fn headers(&self, plans: &[crate::import::ColumnPlan]) -> Vec<HeaderSeen> {
        let seen = |(place, column): (usize, &SampleColumn)| HeaderSeen {
            name: self.names[place].clone(),
            source: self.source(place),
            samples: column.samples.clone(),
            columns: plans.iter().filter(|plan| plan.place == place).map(|plan| plan.column).collect(),
        };
        self.columns.iter().enumerate().map(seen).collect()
    }
}
