//! The content of one cell, in any format. The readers of all formats use it.

use super::Column;

/// The content of one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cell<'a> {
    Nothing,
    /// A text or a number as it was written.
    Text(&'a str),
    /// Neither of these; the text says what it is.
    Wrong(&'static str),
}

/// The cells of one row, by column.
pub(super) type Cells<'a> = [Cell<'a>; Column::COUNT];

/// Whether neither end of a text can be a blank or an invisible character, which is true of nearly all cells.
#[inline]
pub(super) fn has_plain_ends(text: &str) -> bool {
    match text.as_bytes() {
        [first, .., last] => first.is_ascii_graphic() && last.is_ascii_graphic(),
        [only] => only.is_ascii_graphic(),
        [] => true,
    }
}
