//! Readers that keep a hostile or broken file from filling the memory.
//!
//! [`Lines`] returns one physical line at a time, [`Metered`] counts the bytes since the last complete item. Both refuse more
//! than [`RECORD_BYTES`], and NUL bytes, which no text has but every UTF-16 file. Only the readers of the formats use them.

use std::cell::Cell;
use std::io::{self, BufRead, BufReader, Read};

use super::FileError;

/// The longest record (CSV row, JSON item, NDJSON line): 1 MiB.
pub(super) const RECORD_BYTES: usize = 1 << 20;

const BUFFER_BYTES: usize = 64 << 10;
pub(super) const NUL: &str = "NUL bytes, so the file is UTF-16 or binary: save it as UTF-8 CSV";

/// How lines may differ from contract §4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct LineRules {
    /// A carriage return alone ends a line.
    pub(super) cr_only: bool,
    /// Blanks between this separator and a quotation mark don't belong to the field.
    pub(super) blanks_before_quotes: Option<u8>,
    /// NUL bytes and Ctrl-Z at the end of a line are ignored: old programs end files with them.
    pub(super) padded_end: bool,
}

/// Physical lines, one at a time, in one buffer that is reused.
pub(super) struct Lines<R> {
    input: BufReader<R>,
    rules: LineRules,
    line: Vec<u8>,
    number: u64,
    /// Whether the current line has no line end: it is the last one, and may be cut off.
    unfinished: bool,
}

impl<R: Read> Lines<R> {
    pub(super) fn new(input: R, rules: LineRules) -> Self {
        let input = BufReader::with_capacity(BUFFER_BYTES, input);
        Self { input, rules, line: Vec::new(), number: 0, unfinished: false }
    }

    /// Whether the current line has no line end.
    pub(super) fn is_unfinished(&self) -> bool {
        self.unfinished
    }

    /// Goes to the next line; returns `false` at the end of the file. If the next line continues a record, `began` is the
    /// line on which that record began. `room` is what is left of its [`RECORD_BYTES`].
    pub(super) fn advance(&mut self, began: Option<u64>, room: usize) -> Result<bool, FileError> {
        self.line.clear();
        let end = if self.rules.cr_only { b'\r' } else { b'\n' };
        self.read_line(end, room)?;
        if self.line.is_empty() {
            return Ok(false);
        }
        self.number += 1;
        self.unfinished = self.line.last() != Some(&end);
        if self.rules.cr_only && !self.unfinished {
            self.line.pop();
            self.line.push(b'\n');
        }
        if self.rules.padded_end {
            self.cut_padding();
        }
        if memchr::memchr(0, &self.line).is_some() {
            return Err(FileError::Refused(format!("line {} holds {NUL}", self.number)));
        }
        if self.line.len() > room {
            let began = began.unwrap_or(self.number);
            return Err(FileError::Refused(format!(
                "the row that begins on line {began} is longer than 1 MiB: perhaps a quotation mark is not closed"
            )));
        }
        if self.line.last() != Some(&b'\n') {
            self.line.push(b'\n');
        }
        Ok(true)
    }

    /// Reads to the end of the line, or one byte more than fits, so that a line that fits can be told from one that doesn't.
    fn read_line(&mut self, end: u8, room: usize) -> io::Result<()> {
        loop {
            let held = match self.input.fill_buf() {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                held => held?,
            };
            let most = (room + 1 - self.line.len()).min(held.len());
            let found = memchr::memchr(end, &held[..most]);
            let count = found.map_or(most, |at| at + 1);
            self.line.extend_from_slice(&held[..count]);
            self.input.consume(count);
            if found.is_some() || count == 0 || self.line.len() > room {
                return Ok(());
            }
        }
    }

    fn cut_padding(&mut self) {
        let is_padding = |byte: &u8| matches!(byte, 0 | 0x1A | b' ' | b'\r' | b'\n');
        let text = self.line.iter().rposition(|byte| !is_padding(byte)).map_or(0, |at| at + 1);
        if self.line[text..].iter().any(|byte| matches!(byte, 0 | 0x1A)) {
            // There is no text after the padding, so the line is complete.
            self.unfinished = false;
            self.line.truncate(text);
        }
    }

    /// Like [`Self::advance`] for a new record: skips blank lines.
    pub(super) fn advance_to_record(&mut self) -> Result<bool, FileError> {
        loop {
            if !self.advance(None, RECORD_BYTES)? {
                return Ok(false);
            }
            if !self.line.iter().all(|byte| matches!(byte, b' ' | b'\r' | b'\n')) {
                return Ok(true);
            }
        }
    }

    /// The current line. It ends in `\n` even where the file's last one doesn't.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }

    /// The current line's number; the first is 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

/// Feeds the CSV parser one record's lines at a time, so that it never holds more than one record.
///
/// The parser asks for another line within a record only while a quotation mark is open. So this reader knows on which line
/// each record begins, and whether a quotation mark is never closed, without parsing quotation marks itself.
pub(super) struct RecordReader<R> {
    lines: Lines<R>,
    handed: usize,
    size: usize,
    began: Option<u64>,
    /// Whether a quotation mark is open at the end of the current line.
    quoted: bool,
    fault: Option<FileError>,
}

/// The next item of a file.
pub(super) enum Next<'l> {
    /// A record of this one line, with its number; without its line end.
    Plain(u64, &'l str),
    /// A record that needs the CSV parser.
    ForParser,
    End,
}

impl<R: Read> RecordReader<R> {
    /// Starts with the current line of `lines`.
    pub(super) fn new(lines: Lines<R>) -> Self {
        let (size, began) = (lines.line().len(), Some(lines.number()));
        let mut reader = Self { lines, handed: 0, size, began, quoted: false, fault: None };
        reader.drop_blanks_before_quotes();
        reader
    }

    /// Whether the record just read ends in a line without a line end.
    pub(super) fn is_unfinished(&self) -> bool {
        self.lines.is_unfinished()
    }

    /// Whether the current line ends in a quotation mark.
    pub(super) fn ends_quoted(&self) -> bool {
        self.lines.line().trim_ascii_end().ends_with(b"\"")
    }

    /// The next record, if it is one line without quotation marks, which needs no parser.
    pub(super) fn next_plain(&mut self) -> Result<Next<'_>, FileError> {
        // The parser has begun a record, or has read more than one: in such a file, a line may contain line feeds.
        if self.began.is_some() || self.lines.rules.cr_only {
            return Ok(Next::ForParser);
        }
        if !self.advance()? {
            return Ok(Next::End);
        }
        let Some((_, line)) = self.lines.line().split_last().filter(|(_, line)| memchr::memchr(b'"', line).is_none())
        else {
            return Ok(Next::ForParser);
        };
        let Ok(text) = std::str::from_utf8(line) else { return Ok(Next::ForParser) };
        self.handed = line.len() + 1;
        Ok(Next::Plain(self.lines.number(), text))
    }

    fn drop_blanks_before_quotes(&mut self) {
        let Some(separator) = self.lines.rules.blanks_before_quotes else { return };
        if memchr::memchr(b'"', self.lines.line()).is_none() {
            return;
        }
        let line = std::mem::take(&mut self.lines.line);
        let mut kept = Vec::with_capacity(line.len());
        let mut begins = !self.quoted;
        for byte in line {
            match byte {
                b'"' if begins && !self.quoted => {
                    while kept.last() == Some(&b' ') {
                        kept.pop();
                    }
                    self.quoted = true;
                }
                b'"' if self.quoted => self.quoted = false,
                // A doubled quotation mark in a quoted field reopens it.
                b'"' if kept.last() == Some(&b'"') => self.quoted = true,
                _ => {}
            }
            begins = !self.quoted && (byte == separator || byte == b' ' && begins);
            kept.push(byte);
        }
        self.lines.line = kept;
    }

    /// The line the current record begins on.
    pub(super) fn began(&self) -> u64 {
        self.began.unwrap_or(self.lines.number())
    }

    /// Must be called after each record.
    pub(super) fn finish_record(&mut self) {
        self.began = None;
        self.size = 0;
        self.quoted = false;
    }

    /// The error, if the last read failed in this reader.
    pub(super) fn take_fault(&mut self) -> Option<FileError> {
        self.fault.take()
    }

    fn advance(&mut self) -> Result<bool, FileError> {
        self.handed = 0;
        let more = match self.began {
            None => self.lines.advance_to_record()?,
            Some(began) => {
                if !self.lines.advance(Some(began), RECORD_BYTES.saturating_sub(self.size))? {
                    return Err(FileError::Refused(format!(
                        "the row that begins on line {began} opens a quotation mark that is never closed: the file may be \
                         cut off"
                    )));
                }
                true
            }
        };
        if more {
            self.drop_blanks_before_quotes();
            self.began.get_or_insert(self.lines.number());
            self.size += self.lines.line().len();
        }
        Ok(more)
    }
}

impl<R: Read> Read for RecordReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.handed == self.lines.line().len() {
            match self.advance() {
                Ok(true) => {}
                Ok(false) => return Ok(0),
                Err(fault) => {
                    self.fault = Some(fault);
                    return Err(io::Error::other("refused"));
                }
            }
        }
        let rest = &self.lines.line()[self.handed..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.handed += count;
        Ok(count)
    }
}

/// What [`Metered`] has read; shared with the code that knows where an item ends.
#[derive(Default)]
pub(super) struct Meter {
    bytes: Cell<usize>,
    nul: Cell<bool>,
}

impl Meter {
    /// Counts from zero again: an item is finished.
    pub(super) fn reset(&self) {
        self.bytes.set(0);
    }

    /// Whether reading stopped because an item is larger than [`RECORD_BYTES`]. Bytes that are read ahead don't count.
    pub(super) fn overflowed(&self) -> bool {
        self.bytes.get() > RECORD_BYTES + BUFFER_BYTES
    }

    /// Why reading stopped, if it was for a NUL byte.
    pub(super) fn nul(&self) -> Option<FileError> {
        self.nul.get().then(|| FileError::Refused(format!("the file holds {NUL}")))
    }
}

/// Counts what is read on a [`Meter`], and stops at its limit.
pub(super) struct Metered<'m, R> {
    input: R,
    meter: &'m Meter,
}

impl<'m, R: Read> Metered<'m, R> {
    /// Buffered on the outside: byte by byte reads come from the buffer, and only filling it is counted.
    pub(super) fn buffered(input: R, meter: &'m Meter) -> BufReader<Self> {
        BufReader::with_capacity(BUFFER_BYTES, Self { input, meter })
    }
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.meter.bytes.set(self.meter.bytes.get().saturating_add(count));
        if buffer[..count].contains(&0) {
            self.meter.nul.set(true);
        }
        if self.meter.overflowed() || self.meter.nul.get() {
            return Err(io::Error::other("refused"));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(text: &str) -> Vec<(u64, String)> {
        let mut lines = Lines::new(text.as_bytes(), LineRules::default());
        let mut seen = Vec::new();
        while lines.advance_to_record().unwrap() {
            seen.push((lines.number(), String::from_utf8(lines.line().to_vec()).unwrap()));
        }
        seen
    }

    #[test]
    fn blank_lines_are_counted_but_not_handed_out() {
        let expected = [(2, "a\r\n".to_owned()), (5, "b\n".to_owned())];
        assert_eq!(numbered("\r\na\r\n  \n\nb"), expected);
    }

    #[test]
    fn a_line_may_be_one_mebibyte_long_and_not_a_byte_more() {
        let fits = [vec![b'a'; RECORD_BYTES - 1], vec![b'\n']].concat();
        assert!(Lines::new(fits.as_slice(), LineRules::default()).advance_to_record().unwrap());
        let over = [vec![b'a'; RECORD_BYTES], vec![b'\n']].concat();
        let error = Lines::new(over.as_slice(), LineRules::default()).advance_to_record().unwrap_err().to_string();
        assert!(error.contains("begins on line 1 is longer than 1 MiB"), "{error}");
    }

    #[test]
    fn the_meter_stops_an_endless_item_and_starts_anew_after_each_finished_one() {
        let meter = Meter::default();
        let mut reader = Metered::buffered(io::repeat(b'x'), &meter);
        let mut piece = vec![0; RECORD_BYTES + BUFFER_BYTES];
        reader.read_exact(&mut piece).unwrap();
        meter.reset();
        reader.read_exact(&mut piece).unwrap();
        assert!(!meter.overflowed());
        assert!(reader.read(&mut piece).is_err() && meter.overflowed());
    }
}
