//! Why a line isn't a valid cell.

use crate::domain::Invalid;
use crate::import::Column;
use crate::store::StoreError;

/// An error of the store, which ends the import, or of the line, which is counted.
pub(super) enum Failure {
    Store(StoreError),
    Line(Refusal),
}

/// The problem of a line.
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) column: Column,
    pub(super) reason: String,
    /// The name that caused it.
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

/// The error for an unknown name.
pub(super) fn unknown<T>(
    code: &'static str,
    column: Column,
    name: &str,
    reason: impl Into<String>,
) -> Result<T, Failure> {
    Err(Failure::Line(Refusal { code, column, reason: reason.into(), subject: Some(name.to_owned()) }))
}

/// The error for an invalid value in this column.
pub(super) fn invalid(column: Column) -> impl Fn(Invalid) -> Failure {
    move |invalid| Failure::Line(Refusal { code: "value", column, reason: invalid.reason, subject: None })
}

/// The error for a name that several entries share but for their exact spelling.
pub(super) fn several<T>(column: Column, name: &str, kind: &str) -> Result<T, Failure> {
    let got = Invalid::echo(name);
    refuse(
        "twins",
        column,
        format!("got {got}, and several {kind} look the same; expected one exactly as it is stored"),
    )
}
