//! Converts SQLite's values and errors to ours and back.

use chrono::{DateTime, Utc};

use crate::store::{StoreError, StoreResult};

/// Names what was being done when SQLite failed, and converts its error.
pub(in crate::store) trait Doing<T> {
    fn doing(self, doing: &'static str) -> StoreResult<T>;
}

impl<T> Doing<T> for rusqlite::Result<T> {
    fn doing(self, doing: &'static str) -> StoreResult<T> {
        self.map_err(|source| StoreError::sqlite(doing, source))
    }
}

/// A time as stored: milliseconds since 1970 in UTC.
pub(in crate::store) fn to_ms(moment: DateTime<Utc>) -> i64 {
    moment.timestamp_millis()
}

pub(in crate::store) fn from_ms(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}

/// A column that a domain type parses. The schema's checks keep other text out, so a failure means that another program wrote
/// the file.
pub(in crate::store) fn parsed<T: std::str::FromStr<Err = crate::domain::Invalid>>(
    row: &rusqlite::Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|invalid| foreign_value(column, invalid))
}

/// The error for a stored value that the domain type refuses.
pub(in crate::store) fn foreign_value(column: usize, invalid: crate::domain::Invalid) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(invalid))
}
