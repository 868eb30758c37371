//! Turns bytes into rows of stats: CSV, JSON and NDJSON as people and programs write them (contract §4).
//!
//! [`read`] pushes one [`StatLine`] or [`LineError`] after another into a sink, so that a row can borrow from a buffer that
//! the next row reuses, and memory stays bounded for a file of any length. Nothing is looked up here: the caller checks
//! whether a campaign exists and whether a key comes twice. The three formats share the code that turns cells into a row, so
//! the same cells mean the same in each. `service` calls this.

mod ahead;
mod archive;
mod calendar_words;
mod cell;
mod csv;
mod currency;
mod currency_marks;
mod date;
mod days;
mod decisions;
mod file;
mod guard;
mod header;
mod json;
mod layout;
mod mapping;
mod narrow;
mod number;
mod plan;
mod recogniser;
mod recognition;
mod record;
mod row;
#[cfg(test)]
mod tests;
mod typed;
mod unpack;
mod workbook;

use std::fmt;
use std::io::{self, Cursor, Read};
use std::ops::ControlFlow;

use crate::domain::{CampaignId, Count, Day, ExactCost, PublisherId};

pub use currency::CurrencyClaim;
pub use date::DateFormat;
pub use days::DateForm;
pub use decisions::{
    Catalogue, Context, DayOrder, DecimalSign, Decisions, EmptyCatalogue, LineSet, Memory, MoneyUnit, Period,
};
pub use file::read_file;
pub use layout::{Encoding, Separator};
pub use mapping::{Column, Mapping};
pub use plan::{ColumnPlan, PeriodLength, PeriodPlan, Plan, TablePlan};
pub use recogniser::{Headers, recognise_file};
pub use recognition::{
    Choice, HeaderSeen, LeftOut, LeftOutCode, Note, NoteCode, Problem, ProblemCode, Recognition, Sums,
};
pub use typed::{TypedFigure, typed_figure};
pub use unpack::{Packing, Unpacked, unpack};

/// How the bytes are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A header and rows, separated by comma, semicolon or tab.
    Csv,
    /// One object `{"items":[{…}]}`.
    Json,
    /// One object per line.
    NdJson,
}

/// What [`LineError::line`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Physical lines of the file; the first is 1.
    Line,
    /// Entries of the JSON `items` array; the first is 1.
    Item,
}

/// `line` or `item`.
impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Line => "line",
            Self::Item => "item",
        })
    }
}

/// A row in which every cell is valid. Texts are trimmed; an empty one is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatLine<'a> {
    /// The line on which the row begins, or the item's number; the first is 1.
    pub line: u64,
    /// The day, from 2000-01-01 to 2199-12-31.
    pub day: Day,
    pub clicks: Count,
    /// The cost exactly as stated; negative for a credit.
    pub cost: ExactCost,
    /// Impressions; 0 if missing.
    pub views: Count,
    /// Conversions; 0 if missing.
    pub conversions: Count,
    /// The campaign's id. At least one of this, the name, and the network's id is there.
    pub campaign_id: Option<CampaignId>,
    pub campaign_name: Option<&'a str>,
    /// The id that the ad network itself gives the campaign.
    pub network_campaign_id: Option<&'a str>,
    /// The publisher's id. At least one of this and the name is there.
    pub partner_id: Option<PublisherId>,
    pub partner: Option<&'a str>,
    /// The currency of the row's cost.
    pub currency: Option<CurrencyClaim>,
    pub advertiser: Option<&'a str>,
    pub offer_name: Option<&'a str>,
    pub app: Option<&'a str>,
    /// The app's id in its store.
    pub store_id: Option<&'a str>,
    /// The system the app runs on.
    pub os: Option<&'a str>,
}

/// Why a row was refused. The rows around it are still read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct LineError {
    /// The line on which the row begins, or the item's number; the first is 1.
    pub line: u64,
    /// Which of the two `line` is.
    pub unit: Unit,
    /// The column, with the file's header if that differs; `None` if the row as a whole is wrong.
    pub column: Option<String>,
    /// What came and what was expected.
    pub reason: String,
    /// Its kind, for programs; the names don't change.
    pub code: &'static str,
    /// The flag of `pitlane import` that solves it, if there is one.
    pub flag: Option<&'static str>,
}

impl LineError {
    /// An error in a value, which no flag solves.
    pub fn new(line: u64, unit: Unit, column: Option<String>, reason: impl Into<String>) -> Self {
        Self { line, unit, column, reason: reason.into(), code: "value", flag: None }
    }
}

/// `line 3, column cost: got "x", expected …`
impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.unit, self.line)?;
        if let Some(column) = &self.column {
            write!(f, ", column {column}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// Why the whole file can't be read. Rows passed on before it must be dropped.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Reading failed.
    #[error("the file can't be read: {0}")]
    Io(#[source] io::Error),
    /// A required column has no header; the text names the columns and lists the headers.
    #[error("{0}")]
    Missing(String),
    /// The bytes aren't a table of stats; the text says what came and what was expected.
    #[error("{0}")]
    Refused(String),
}

impl From<io::Error> for FileError {
    fn from(error: io::Error) -> Self {
        match error.get_ref() {
            Some(source) if source.is::<layout::Torn>() => Self::Refused(source.to_string()),
            _ => Self::Io(error),
        }
    }
}

/// What is known after the file was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// The headers, or the keys of the first item, trimmed.
    pub headers: Vec<String>,
    /// Headers (or keys) that aren't used, in order of appearance, at most 1,000, each cut to 200 characters.
    pub ignored: Vec<String>,
}

/// Receives each row as it is read; [`ControlFlow::Break`] stops the reading.
type Sink<'s> = dyn FnMut(Result<StatLine<'_>, LineError>) -> ControlFlow<()> + 's;

/// Reads `input` to its end, or until `sink` breaks, and passes every row to `sink` in order.
///
/// Every bad cell is an error of its own, and a row with an error isn't passed on. A [`FileError`] may follow rows that were
/// passed on. If a sink breaks, it gets the summary of what was read so far.
pub fn read(
    format: Format,
    input: impl Read + Send,
    mapping: &Mapping,
    sink: &mut dyn FnMut(Result<StatLine<'_>, LineError>) -> ControlFlow<()>,
) -> Result<Summary, FileError> {
    mapping.check()?;
    match format {
        Format::Csv => self::csv::read(open(input)?, mapping, sink),
        Format::Json => json::read_document(open(input)?, mapping, sink),
        Format::NdJson => json::read_lines(open(input)?, mapping, sink),
    }
}

/// Checks the first bytes: refuses other kinds of files and skips a UTF-8 byte order mark.
fn open<R: Read>(mut input: R) -> Result<impl Read + use<R>, FileError> {
    let mut head = Vec::with_capacity(4);
    input.by_ref().take(4).read_to_end(&mut head)?;
    let refuse = |what: &str| Err(FileError::Refused(what.to_owned()));
    match head.as_slice() {
        [] | [0xEF, 0xBB, 0xBF] => return refuse(EMPTY),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => {
            return refuse("the file is UTF-16, expected UTF-8: save it as UTF-8 (in Excel: \"CSV UTF-8\")");
        }
        [b'P', b'K', 3, 4] => {
            return refuse(
                "the file is an Excel workbook or a ZIP archive, expected text: save the sheet as UTF-8 CSV",
            );
        }
        [0x1F, 0x8B, ..] => return refuse("the file is compressed with gzip, expected text: unpack it first"),
        head if head.contains(&0) => return refuse(&format!("the file holds {}", guard::NUL)),
        _ => {}
    }
    if head.starts_with(&[0xEF, 0xBB, 0xBF]) {
        head.drain(..3);
    }
    Ok(Cursor::new(head).chain(input))
}

const EMPTY: &str = "the file is empty";
