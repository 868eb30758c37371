//! Decodes records of the big table, by SQLite's file format (sqlite.org/fileformat2.html, section 2.1).

use crate::store::stats::row::COLUMNS;

/// The first columns of a record. Ten integers never take more than 127 bytes, so lengths and kinds are
/// one byte each and nothing overflows to another page.
#[expect(
    clippy::inline_always,
    reason = "measured: handing six numbers over in memory took a tenth of a report's time"
)]
#[inline(always)]
pub(in crate::store) fn first_columns(bytes: &[u8]) -> Option<[i64; COLUMNS]> {
    let (length, record) = bytes.split_first().filter(|(length, _)| **length < 0x80)?;
    let header = usize::from(*record.first()?);
    let kinds = record.get(1..header)?.first_chunk::<COLUMNS>()?;
    let mut at = header;
    // Written out: a loop takes a report a thirtieth more instructions.
    let columns = [
        column(record, kinds[0], &mut at)?,
        column(record, kinds[1], &mut at)?,
        column(record, kinds[2], &mut at)?,
        column(record, kinds[3], &mut at)?,
        column(record, kinds[4], &mut at)?,
        column(record, kinds[5], &mut at)?,
    ];
    (at <= usize::from(*length)).then_some(columns)
}

/// The number at `at`, which then is where the next one begins.
#[expect(clippy::inline_always, reason = "as for `first_columns`")]
#[inline(always)]
fn column(record: &[u8], kind: u8, at: &mut usize) -> Option<i64> {
    let kind = KINDS.get(usize::from(kind))?;
    // Loads eight bytes from the number on, whatever its length; the bytes after a short number are shifted out.
    let wide = match record.get(*at..)?.first_chunk() {
        Some(wide) => *wide,
        None => padded(record.get(*at..*at + kind.bytes)?),
    };
    *at += kind.bytes;
    Some((i64::from_be_bytes(wide) >> kind.shift) & kind.kept | kind.value)
}

/// For the last number of a page: eight bytes, padded with zeros.
#[cold]
fn padded(number: &[u8]) -> [u8; 8] {
    let mut wide = [0; 8];
    wide[..number.len()].copy_from_slice(number);
    wide
}

/// How an integer is stored.
#[derive(Clone, Copy)]
struct Kind {
    bytes: usize,
    /// By how many bits the eight loaded bytes are shifted.
    shift: u32,
    /// Zero for the types that encode a constant.
    kept: i64,
    value: i64,
}

/// This table has neither null nor floating point. Their lengths here exceed any record, so they are refused.
const KINDS: [Kind; 10] = [
    NONE,
    stored(1),
    stored(2),
    stored(3),
    stored(4),
    stored(6),
    stored(8),
    NONE,
    Kind { bytes: 0, shift: 0, kept: 0, value: 0 },
    Kind { bytes: 0, shift: 0, kept: 0, value: 1 },
];
const NONE: Kind = Kind { bytes: 0x100, shift: 0, kept: 0, value: 0 };

const fn stored(bytes: u32) -> Kind {
    Kind { bytes: bytes as usize, shift: 64 - 8 * bytes, kept: -1, value: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_another_form_is_no_row() {
        let whole = [&[21, 11][..], &[1; 10], &[1, 2, 3, 4, 7, 9, 0, 0, 1, 1]].concat();
        assert_eq!(first_columns(&whole), Some([1, 2, 3, 4, 7, 9]));
        let changed = |change: fn(&mut Vec<u8>)| {
            let mut bytes = whole.clone();
            change(&mut bytes);
            first_columns(&bytes)
        };
        assert_eq!(changed(Vec::clear), None, "nothing");
        assert_eq!(changed(|bytes| bytes[0] = 0x81), None, "a length of two bytes");
        assert_eq!(changed(|bytes| bytes[0] = 16), None, "shorter than its columns");
        assert_eq!(changed(|bytes| bytes.truncate(1)), None, "no header");
        assert_eq!(changed(|bytes| bytes[1] = 0), None, "a header of no bytes");
        assert_eq!(changed(|bytes| bytes[1] = 6), None, "a header of five columns");
        assert_eq!(changed(|bytes| bytes[1] = 99), None, "a header that goes on past the page");
        assert_eq!(changed(|bytes| bytes[2] = 0), None, "null");
        assert_eq!(changed(|bytes| bytes[2] = 7), None, "floating point");
        assert_eq!(changed(|bytes| bytes[2] = 13), None, "text");
        assert_eq!(changed(|bytes| bytes.truncate(16)), None, "cut off");
    }
}
