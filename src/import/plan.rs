//! How one file is read: everything that recognition found and somebody decided, so that reading it asks nothing more.

use serde::{Deserialize, Serialize};

use super::days::DateForm;
use super::decisions::{DecimalSign, LineSet, MoneyUnit, Period};
use super::{Column, Encoding, Memory, Separator};

/// How one file is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Where the table stands in the bytes.
    pub table: TablePlan,
    /// Which column of the file feeds which column of ours.
    pub columns: Vec<ColumnPlan>,
    /// Columns that hold the same value in every row.
    pub fixed: Vec<(Column, String)>,
    /// How days are written.
    pub dates: DateForm,
    pub numbers: DecimalSign,
    /// What the money is stated in.
    pub money_unit: MoneyUnit,
    /// What to do with rows that cover more than a day.
    pub period: Option<PeriodPlan>,
}

/// Where the table stands in the bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TablePlan {
    pub encoding: Encoding,
    /// What stands between two fields.
    pub separator: Separator,
    /// Whether lines end in a carriage return alone.
    pub cr_only: bool,
    /// Whether blanks stand between a separator and a quotation mark.
    pub blanks_before_quotes: bool,
    /// The line the header begins on.
    pub header_line: u64,
    /// Lines below it that are no rows.
    pub left_out: LineSet,
}

/// A column of the file that feeds one of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnPlan {
    pub column: Column,
    /// Its place; the first is 0.
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
    /// Up to the day in the column at this place, which counts too.
    Until(usize),
    Week,
    /// Up to the end of the month.
    Month,
    /// One day, which is not when the money was spent but was chosen on purpose.
    Day,
}

impl Plan {
    /// The place that feeds a column.
    #[must_use]
    pub fn place(&self, column: Column) -> Option<usize> {
        self.columns.iter().find(|plan| plan.column == column).map(|plan| plan.place)
    }

    /// What is worth remembering of this file for the next of its kind.
    #[must_use]
    pub fn memory(&self) -> Memory {
        Memory {
            dates: self.dates.order(),
            numbers: Some(self.numbers),
            money_unit: Some(self.money_unit),
            encoding: Some(self.table.encoding),
        }
    }
}
