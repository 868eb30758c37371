//! How a report's rows are written down. One file for each format; which columns there are is none of its business.

/// A way to write a table.
///
/// A row is, for each column, what stands [before](Format::before) its value and the value itself, and then the row's end.
/// Numbers and days are written as they are.
pub trait Format: Sync {
    /// For the answer's header of that name.
    fn content_type(&self) -> &'static str;

    /// Whether the API's envelope goes around the rows. What has none is a file to save.
    fn has_envelope(&self) -> bool;

    /// What stands before all rows.
    fn header(&self, names: &[&str]) -> String;

    /// What stands before the value of the column at this place, counted from 0.
    fn before(&self, place: usize, name: &str) -> String;

    /// A text as a value.
    fn text(&self, text: &str) -> String;

    /// What stands behind a row's last value.
    fn row_end(&self) -> &'static str;

    /// What the first of all rows has instead of its first byte.
    fn first_byte(&self) -> Option<u8>;

    /// What stands behind all rows, if there are any.
    fn end(&self) -> &'static str;

    /// What stands for no rows.
    fn nothing(&self) -> &'static str;
}
