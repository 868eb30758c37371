//! How looking a line up can fail.

use crate::domain::Invalid;
use crate::import::Column;
use crate::store::StoreError;

/// What is wrong with one cell of a line.
type LineProblem = (Option<Column>, String);

/// A failure of the store, which ends the import, or of the line, which is counted.
pub(super) enum Failure {
    Store(StoreError),
    Line(LineProblem),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

pub(super) fn refuse<T>(column: Column, reason: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Line((Some(column), reason.into())))
}

/// A value that the domain refused, in this column.
pub(super) fn invalid(column: Column) -> impl Fn(Invalid) -> Failure {
    move |invalid| Failure::Line((Some(column), invalid.reason))
}
