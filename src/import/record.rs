//! One record of a table: its text, and where each cell is in it. Every row of a file passes through one, three times.

use ::csv::StringRecord;

/// The cells of one record, in one text that is reused.
#[derive(Debug, Default)]
pub(super) struct Record {
    text: String,
    /// Where each cell begins and ends.
    cells: Vec<(usize, usize)>,
}

/// Memory beyond this many bytes and cells isn't kept for the next record: few records are as long.
const KEPT_BYTES: usize = 4096;
const KEPT_CELLS: usize = 256;

impl Record {
    /// Frees what a long record took.
    pub(super) fn shrink(&mut self) {
        if self.text.capacity() > KEPT_BYTES || self.cells.capacity() > KEPT_CELLS {
            *self = Self::default();
        }
    }

    /// The length of its text.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Splits a line without quotation marks.
    pub(super) fn split(&mut self, line: &str, separator: u8) {
        self.text.clear();
        self.text.push_str(line);
        self.cells.clear();
        let mut start = 0;
        let mut end_at = |end: usize| {
            self.cells.push((start, end));
            start = end + 1;
        };
        // Eight bytes at a time: cells are too short for a search of their own.
        let (eights, rest) = line.as_bytes().as_chunks::<8>();
        for (at, eight) in (0..).step_by(8).zip(eights) {
            let mut found = equal_bytes(u64::from_le_bytes(*eight), separator);
            while found != 0 {
                end_at(at + found.trailing_zeros() as usize / 8);
                found &= found - 1;
            }
        }
        for (at, byte) in (eights.len() * 8..).zip(rest) {
            if *byte == separator {
                end_at(at);
            }
        }
        end_at(line.len());
    }

    /// Copies what the parser read.
    pub(super) fn copy(&mut self, read: &StringRecord) {
        self.text.clear();
        self.text.push_str(read.as_slice());
        self.cells.clear();
        self.cells.extend((0..read.len()).filter_map(|place| read.range(place)).map(|range| (range.start, range.end)));
    }

    /// How many cells there are.
    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    /// The cell with this index; the first is 0.
    #[inline]
    pub(super) fn get(&self, place: usize) -> Option<&str> {
        self.cells.get(place).map(|(start, end)| &self.text[*start..*end])
    }

    #[inline]
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &str> + Clone {
        self.cells.iter().map(|(start, end)| &self.text[*start..*end])
    }
}

/// The top bit of each of the eight bytes that equals `wanted`.
fn equal_bytes(eight: u64, wanted: u8) -> u64 {
    const LOWER: u64 = u64::from_le_bytes([0x7f; 8]);
    let differs = eight ^ u64::from_le_bytes([wanted; 8]);
    !(((differs & LOWER) + LOWER) | differs | LOWER)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_line_is_split_at_every_separator(line in "[,;a-cé\u{2c2c}\u{1}\t|]{0,60}") {
            let mut record = Record::default();
            for separator in [b',', b';', b'\t', b'|'] {
                record.split(&line, separator);
                let expected: Vec<&str> = line.split(char::from(separator)).collect();
                prop_assert_eq!(record.iter().collect::<Vec<_>>(), expected);
                prop_assert_eq!(record.get(record.len()), None);
            }
        }
    }
}
