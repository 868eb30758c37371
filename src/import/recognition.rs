//! The result of recognition: how a file will be read, its sums, what was left out, and what is still open.

use serde::{Deserialize, Serialize};

use super::plan::Plan;
use super::{Column, LineSet, Memory, Packing};
use crate::domain::{Currency, Day};

/// What was recognised and decided about a file.
///
/// It is complete if `problems` is empty; then `plan` reads it. Otherwise a person decides (see [`Problem::flag`]) and the
/// file is recognised again with the decisions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recognition {
    /// How the file will be read.
    pub plan: Plan,
    /// What to remember about it for the next file of its kind: what this one showed, what somebody decided, and what was remembered
    /// already.
    #[serde(default)]
    pub memory: Memory,
    /// How the file was packed.
    pub packing: Packing,
    /// The sheets of a workbook, in order; empty for a text.
    pub sheets: Vec<String>,
    /// The sheet that was recognised, which must also be the one to read.
    pub sheet: Option<String>,
    /// The columns from left to right.
    pub headers: Vec<HeaderSeen>,
    /// Rows that will be read: without what is left out.
    pub rows: u64,
    /// The sums over those rows that could be read.
    pub sums: Sums,
    /// First and last day of those rows.
    pub days: Option<(Day, Day)>,
    /// The currency of the amounts, if the file names one and none was expected.
    #[serde(skip)]
    pub currency: Option<Currency>,
    /// Lines that will not be read, in order: the first 1,000.
    pub left_out: Vec<LeftOut>,
    /// How many lines will not be read.
    pub left_out_total: u64,
    /// What must be decided or corrected before the import.
    pub problems: Vec<Problem>,
    /// What a person should know.
    pub notes: Vec<Note>,
}

/// The exact sums of some rows or lines.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sums {
    /// In the advertiser's currency: the shortest decimal, `0` if there is none.
    pub cost: String,
    pub clicks: u64,
}

/// A column of the file, with samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeaderSeen {
    /// Its header; may be empty, and may be another column's too.
    pub name: String,
    /// Its source for `--map` and [`super::Decisions::columns`]: the name if no other column has it, else `Name#2` or `#5`.
    pub source: String,
    /// Its first different values, at most five, each cut to 60 characters.
    pub samples: Vec<String>,
    pub columns: Vec<Column>,
}

/// A line that will not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeftOut {
    /// Its line; the first line is 1.
    pub line: u64,
    /// Why, as a code.
    pub code: LeftOutCode,
    /// Why, as a sentence.
    pub reason: String,
    /// The beginning of the line, at most 60 characters.
    pub text: String,
    /// Its cost as the file states it, if it has one.
    pub cost: Option<String>,
    /// Its clicks, if it has any.
    pub clicks: Option<u64>,
}

/// Why a line is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOutCode {
    /// It is above the header.
    Title,
    /// Its figures are the sums of other rows, or it is the first or last of the table, has no day, and says that it is a
    /// total.
    Total,
    /// It ends the report: it has neither day nor figures.
    Closing,
    /// It repeats the header.
    Header,
    Asked,
}

/// Something to decide or correct. Nothing is imported while there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Its kind.
    pub code: ProblemCode,
    /// The line that shows it.
    pub line: Option<u64>,
    /// All its lines, if there are several.
    #[serde(default)]
    pub lines: LineSet,
    /// Its column.
    pub column: Option<Column>,
    /// What came, what was expected, and what to do; a whole sentence.
    pub message: String,
    /// The flag of `pitlane import` that decides it, such as `--dates`.
    pub flag: Option<String>,
    /// The possible answers; empty if only another file or column helps.
    pub choices: Vec<Choice>,
}

/// One answer to a [`Problem`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    /// The value for the flag or form, such as `day-first`.
    pub value: String,
    /// What it means for this file, such as `01/02/2024 is 1 February 2024`.
    pub label: String,
}

/// The kind of a [`Problem`]. The names don't change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    /// The text can be in one of several encodings (`--encoding`).
    Encoding,
    /// No line is a header, or the chosen line isn't one (`--header-line`).
    Header,
    /// A required column has no source (`--map`, `--set`).
    MissingColumn,
    /// A source that was given is not in the file, or several columns have its name (`--map`).
    Column,
    /// No cell can be read as a day (`--map`, `--date-format`), or the file has no days: export it with a Day column.
    NoDays,
    /// Days can be read in several ways (`--dates`, `--date-format`).
    Dates,
    /// Days are written in two forms in one column.
    DatesMixed,
    /// A day later than tomorrow.
    FutureDay,
    /// Rows cover more than a day (`--period`).
    Period,
    /// Numbers can be read in two ways (`--numbers`).
    Numbers,
    /// Amounts may be in millionths (`--money-unit`).
    MoneyUnit,
    /// Amounts are in another currency, or in several.
    Currency,
    /// A line may be a total or a row (`--leave-out`, `--keep`).
    Total,
    /// The last line was cut off (`--leave-out`).
    CutOff,
}

impl ProblemCode {
    /// As `--json` names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Encoding => "encoding",
            Self::Header => "header",
            Self::MissingColumn => "missing_column",
            Self::Column => "column",
            Self::NoDays => "no_days",
            Self::Dates => "dates",
            Self::DatesMixed => "dates_mixed",
            Self::FutureDay => "future_day",
            Self::Period => "period",
            Self::Numbers => "numbers",
            Self::MoneyUnit => "money_unit",
            Self::Currency => "currency",
            Self::Total => "total",
            Self::CutOff => "cut_off",
        }
    }
}

/// Something a person should know; it doesn't block the import.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// Its kind.
    pub code: NoteCode,
    /// The line that shows it.
    pub line: Option<u64>,
    pub message: String,
}

/// The kind of a [`Note`]. The names don't change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoteCode {
    /// Lines were left out.
    LeftOut,
    /// Cells of figures have no value and count as 0.
    Nothing,
    /// Money was stated in hundredths or millionths.
    MoneyUnit,
    /// A column was skipped, and why.
    Column,
    /// The encoding was guessed from evidence, or some bytes are invalid.
    Encoding,
    /// The file only has first days of months, or only Mondays.
    OnlyFirsts,
    /// Rows that cover more than a day were booked on the first day or spread.
    Period,
    /// How an open question was answered.
    Settled,
    /// Which sheet was read, or that a carriage return ends lines.
    Layout,
    /// The last line has no line end and may have been cut off.
    CutOff,
}

impl NoteCode {
    /// As `--json` names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LeftOut => "left_out",
            Self::Nothing => "nothing",
            Self::MoneyUnit => "money_unit",
            Self::Column => "column",
            Self::Encoding => "encoding",
            Self::OnlyFirsts => "only_firsts",
            Self::Period => "period",
            Self::Settled => "settled",
            Self::Layout => "layout",
            Self::CutOff => "cut_off",
        }
    }
}

impl LeftOutCode {
    /// As `--json` names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Total => "total",
            Self::Closing => "closing",
            Self::Header => "header",
            Self::Asked => "asked",
        }
    }
}
