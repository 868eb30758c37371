//! Records of a table: their texts, and where each cell is in them. Every row of a file passes through here, three times.

use ::csv::StringRecord;

/// Records one after the other in one text that is reused. Another thread may read what one has filled, so it is compact.
#[derive(Debug, Default)]
pub(super) struct RecordBuffer {
    text: String,
    /// Where each cell ends, from the beginning of its record. The next one begins one byte behind.
    ends: Vec<u32>,
    /// Where each record ends in the text, and in the ends of cells.
    records: Vec<(usize, usize)>,
}

impl RecordBuffer {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.records.clear();
    }

    /// The length of all texts.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Adds a line without quotation marks, split into cells.
    pub(super) fn split(&mut self, line: &str, separator: u8) {
        self.text.push_str(line);
        let mut end_at = |end: usize| self.ends.push(place(end));
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
        self.finish();
    }

    /// Adds what the parser read.
    pub(super) fn copy(&mut self, read: &StringRecord) {
        let begin = self.text.len();
        for cell in read {
            self.text.push_str(cell);
            self.ends.push(place(self.text.len() - begin));
            self.text.push('\n');
        }
        self.finish();
    }

    /// Adds a record without cells, or ends the one that was added.
    pub(super) fn finish(&mut self) {
        self.records.push((self.text.len(), self.ends.len()));
    }

    /// How many records there are.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// The record with this index; the first is 0. Without cells if there are fewer.
    pub(super) fn get(&self, at: usize) -> Record<'_> {
        let before = at.checked_sub(1).and_then(|at| self.records.get(at)).copied().unwrap_or_default();
        let own = self.records.get(at).copied().unwrap_or(before);
        Record { text: &self.text[before.0..own.0], ends: &self.ends[before.1..own.1] }
    }
}

/// A record is at most 1 MiB long.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The cells of one record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record<'b> {
    text: &'b str,
    ends: &'b [u32],
}

impl<'b> Record<'b> {
    /// How many cells there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The cell with this index; the first is 0.
    #[inline]
    pub(super) fn get(&self, place: usize) -> Option<&'b str> {
        let end = *self.ends.get(place)? as usize;
        let start = place.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end as usize + 1);
        Some(&self.text[start..end])
    }

    #[inline]
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &'b str> + Clone + use<'b> {
        let (text, ends) = (self.text, self.ends);
        ends.iter().enumerate().map(move |(place, end)| {
            let start = place.checked_sub(1).map_or(0, |before| ends[before] as usize + 1);
            &text[start..*end as usize]
        })
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
            let mut records = RecordBuffer::default();
            for (at, separator) in [b',', b';', b'\t', b'|'].into_iter().enumerate() {
                let expected: Vec<&str> = line.split(char::from(separator)).collect();
                records.split(&line, separator);
                records.copy(&StringRecord::from(expected.clone()));
                for record in [records.get(2 * at), records.get(2 * at + 1)] {
                    prop_assert_eq!(record.iter().collect::<Vec<_>>(), expected.clone());
                    prop_assert_eq!(record.iter().rev().count(), record.len());
                    let cells: Vec<&str> = (0..).map_while(|place| record.get(place)).collect();
                    prop_assert_eq!(cells, expected.clone());
                }
            }
            prop_assert_eq!(records.len(), 8);
        }
    }
}
