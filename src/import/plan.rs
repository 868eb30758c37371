//! How one file is read: everything that was recognised and decided, so that no question is left.

use serde::{Deserialize, Serialize};

use super::days::DateForm;
use super::decisions::{DecimalSign, LineSet, MoneyUnit, Period};
use super::{Column, Encoding, Separator};

/// How one file is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Where the table is in the file.
    pub table: TablePlan,
    /// Which column of the file is which column of the contract.
    pub columns: Vec<ColumnPlan>,
    /// Columns with the same value in every row.
    pub fixed: Vec<(Column, String)>,
    /// How days are written.
    pub dates: DateForm,
    pub numbers: DecimalSign,
    /// The unit of the money.
    pub money_unit: MoneyUnit,
    /// What to do with rows that cover more than a day.
    pub period: Option<PeriodPlan>,
}

/// Where the table is in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TablePlan {
    pub encoding: Encoding,
    /// The separator of fields.
    pub separator: Separator,
    /// Whether a carriage return alone ends a line.
    pub cr_only: bool,
    /// Whether there are blanks between a separator and a quotation mark.
    pub blanks_before_quotes: bool,
    /// The line the header begins on.
    pub header_line: u64,
    /// Lines below the header that aren't rows.
    pub left_out: LineSet,
}

/// A column of the file, and the contract's column that it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnPlan {
    pub column: Column,
    /// Its index; the first is 0.
    pub place: usize,
    /// Its header, for messages.
    pub header: String,
}

/// How rows that cover more than a day are booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeriodPlan {
    pub how: Period,
    /// How long rows are.
    pub length: PeriodLength,
}

/// How many days a row covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PeriodLength {
    /// Until the day in the column with this index, inclusive.
    Until(usize),
    Week,
    /// Until the end of the month.
    Month,
    /// One day: not the day of the spend, but somebody chose it on purpose.
    Day,
}

impl Plan {
    /// The index of the column's source.
    #[must_use]
    pub fn place(&self, column: Column) -> Option<usize> {
        self.columns.iter().find(|plan| plan.column == column).map(|plan| plan.place)
    }
}
