//! How a report's rows are written. One file per format; a format knows nothing about the columns.

/// A report format.
///
/// A row is, for each column, the text [before](Format::before) its value and the value itself, and then the row's end.
/// Numbers and days are the same in every format.
pub trait Format: Sync {
    /// The `Content-Type`.
    fn content_type(&self) -> &'static str;

    /// Whether the rows are wrapped in the API's envelope. A format without it is a file to save.
    fn has_envelope(&self) -> bool;

    /// The text before all rows.
    fn header(&self, names: &[&str]) -> String;

    /// The text before the value of the column with this index.
    fn before(&self, place: usize, name: &str) -> String;

    /// A text value.
    fn text(&self, text: &str) -> String;

    /// The text after a row's last value.
    fn row_end(&self) -> &'static str;

    /// Replaces the first byte of the first row.
    fn first_byte(&self) -> Option<u8>;

    /// The text after all rows, if there are any.
    fn end(&self) -> &'static str;

    /// The text for no rows.
    fn nothing(&self) -> &'static str;
}
