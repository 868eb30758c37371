//! Why a line states no cell.

use crate::domain::Invalid;
use crate::import::Column;
use crate::store::StoreError;

/// A failure of the store, which ends the import, or of the line, which is counted.
pub(super) enum Failure {
    Store(StoreError),
    Line(Refusal),
}

/// What is wrong with a line.
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) column: Column,
    pub(super) reason: String,
    /// The name that is at fault.
    pub(super) subject: Option<String>,
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

pub(super) fn refuse<T>(code: &'static str, column: Column, reason: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Line(Refusal { code, column, reason: reason.into(), subject: None }))
}

/// A name that nothing goes by.
pub(super) fn unknown<T>(
    code: &'static str,
    column: Column,
    name: &str,
    reason: impl Into<String>,
) -> Result<T, Failure> {
    Err(Failure::Line(Refusal { code, column, reason: reason.into(), subject: Some(name.to_owned()) }))
}

/// A value that the domain refused, in this column.
pub(super) fn invalid(column: Column) -> impl Fn(Invalid) -> Failure {
    move |invalid| Failure::Line(Refusal { code: "value", column, reason: invalid.reason, subject: None })
}

/// A name that only its exact spelling tells from its twins.
pub(super) fn several<T>(column: Column, name: &str, kind: &str) -> Result<T, Failure> {
    let got = Invalid::echo(name);
    refuse(
        "twins",
        column,
        format!("got {got}, and several {kind} look the same; expected one exactly as it is stored"),
    )
}
