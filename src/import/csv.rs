//! CSV: a header, then one row a record (RFC 4180, and what spreadsheets make of it).
//!
//! The separator is the comma, semicolon or tab that the header has most of; LF and CRLF end a line; blank lines are skipped.
//! One record buffer is reused for the whole file. Only [`super::read`] and recognition call this.

use std::io::Read;
use std::ops::ControlFlow;

use ::csv::{ErrorKind, Reader, ReaderBuilder, StringRecord, Terminator, Utf8Error};

use super::ahead::read_ahead;
use super::cell::Cell;
use super::guard::{LineRules, Lines, Next, RecordReader};
use super::header::{Binding, MAX_HEADERS};
use super::record::{Record, RecordBuffer};
use super::row::{Forms, RowBuilder};
use super::{EMPTY, FileError, Mapping, Separator, Sink, Summary, Unit};

const NOT_UTF8: &str = "got bytes that are not UTF-8, expected UTF-8 text: save the file as UTF-8 CSV";

pub(super) const NO_ROWS: &str = "the file has a header but no rows";

pub(super) fn read(input: impl Read + Send, mapping: &Mapping, sink: &mut Sink<'_>) -> Result<Summary, FileError> {
    let mut records = Records::open(input, None, None, LineRules::default())?;
    let binding = bind(&mut records, mapping)?;
    let width = records.record().len();
    let mut summary = Summary { headers: binding.headers().to_vec(), ..Summary::default() };
    binding.note_ignored(&mut summary.ignored);

    let mut rows = RowBuilder::new(Unit::Line, Forms::of_mapping(mapping));
    let mut any = false;
    records.each(|Item { line, record, not_utf8, .. }| {
        any = true;
        if let Some(error) = not_utf8 {
            return sink(Err(rows.fault(*line, binding.label_of_field(error.field()), NOT_UTF8)));
        }
        if record.len() != width {
            let reason = format!("got {}, expected {} as in the header", fields(record.len()), fields(width));
            return sink(Err(rows.fault(*line, None, reason)));
        }
        let cells = binding.cells(|index| record.get(index).map_or(Cell::Nothing, Cell::Text));
        rows.hand_out(*line, &binding, &cells, None, sink)
    })?;
    if any { Ok(summary) } else { Err(FileError::Refused(NO_ROWS.to_owned())) }
}

/// The records of a file from its header on, one at a time, in one buffer that is reused.
pub(super) struct Records<R> {
    reader: Reader<RecordReader<R>>,
    separator: u8,
    /// Holds the record that `advance` read last.
    own: RecordBuffer,
    /// The buffer that the parser fills.
    parsed: StringRecord,
}

/// The current item of the reader; the number is the line it begins on.
pub(super) enum Advance {
    Record(u64),
    NotUtf8(u64, Utf8Error),
    End,
}

/// A record with its line, as [`Records::each`] passes it on.
pub(super) struct Item<'b> {
    /// The line it begins on.
    pub(super) line: u64,
    /// Without cells if it isn't text.
    pub(super) record: Record<'b>,
    pub(super) not_utf8: Option<&'b Utf8Error>,
    /// Whether it is the last one and lacks the end of its line, and whether it then ends in a quotation mark.
    pub(super) is_unfinished: bool,
    pub(super) ends_quoted: bool,
}

/// Records that are read ahead together, in memory that is used again.
#[derive(Default)]
struct Batch {
    records: RecordBuffer,
    lines: Vec<u64>,
    /// Those that aren't text, by index.
    not_utf8: Vec<(usize, Utf8Error)>,
    /// Whether the last one lacks the end of its line, and ends in a quotation mark.
    ends: (bool, bool),
}

/// How many records are read ahead at once: at most this many, and no further one after this many bytes.
const BATCH: usize = 512;
const BATCH_BYTES: usize = 128 << 10;

impl<R: Read> Records<R> {
    /// Goes to the header's line: the first line that isn't blank, unless one is given.
    pub(super) fn open(
        input: R,
        separator: Option<Separator>,
        header_line: Option<u64>,
        rules: LineRules,
    ) -> Result<Self, FileError> {
        let mut lines = Lines::new(input, rules);
        loop {
            if !lines.advance_to_record()? {
                return Err(FileError::Refused(EMPTY.to_owned()));
            }
            if header_line.is_none_or(|wanted| lines.number() >= wanted) {
                break;
            }
        }
        let separator = separator.map_or_else(|| most_frequent_separator(lines.line()), Separator::byte);
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            // A carriage return before the line feed is trimmed like a blank. So each record ends with its last line, never
            // in the middle of one.
            .terminator(Terminator::Any(b'\n'))
            .from_reader(RecordReader::new(lines));
        Ok(Self { reader, separator, own: RecordBuffer::default(), parsed: StringRecord::new() })
    }

    fn is_unfinished(&self) -> bool {
        self.reader.get_ref().is_unfinished()
    }

    fn ends_quoted(&self) -> bool {
        self.reader.get_ref().ends_quoted()
    }

    /// The header, with its line; the first thing to be read.
    pub(super) fn header(&mut self) -> Result<u64, FileError> {
        let line = match self.advance()? {
            Advance::Record(line) => line,
            Advance::NotUtf8(line, _) => {
                return Err(FileError::Refused(format!("line {line}, the header: {NOT_UTF8}")));
            }
            Advance::End => return Err(FileError::Refused(EMPTY.to_owned())),
        };
        let count = self.record().len();
        if count > MAX_HEADERS {
            let words = format!("the header has {count} columns, expected at most {MAX_HEADERS}");
            return Err(FileError::Refused(words));
        }
        Ok(line)
    }

    /// The record just read.
    pub(super) fn record(&self) -> Record<'_> {
        self.own.get(0)
    }

    pub(super) fn advance(&mut self) -> Result<Advance, FileError> {
        let mut own = std::mem::take(&mut self.own);
        own.clear();
        let advance = self.advance_into(&mut own);
        self.own = own;
        advance
    }

    /// Adds the next record to `records`; without cells if it isn't text.
    fn advance_into(&mut self, records: &mut RecordBuffer) -> Result<Advance, FileError> {
        let Self { reader, separator, parsed, .. } = self;
        match reader.get_mut().next_plain()? {
            Next::Plain(line, text) => {
                records.split(text, *separator);
                reader.get_mut().finish_record();
                return Ok(Advance::Record(line));
            }
            Next::ForParser => {}
            Next::End => return Ok(Advance::End),
        }
        let read = reader.read_record(parsed);
        let line = reader.get_ref().began();
        let advance = match read {
            Ok(true) => {
                records.copy(parsed);
                Advance::Record(line)
            }
            Ok(false) => Advance::End,
            Err(error) => match error.into_kind() {
                ErrorKind::Utf8 { err, .. } => {
                    records.finish();
                    Advance::NotUtf8(line, err)
                }
                ErrorKind::Io(error) => {
                    return Err(reader.get_mut().take_fault().unwrap_or(FileError::Io(error)));
                }
                kind => return Err(FileError::Refused(format!("line {line} can't be read: {kind:?}"))),
            },
        };
        reader.get_mut().finish_record();
        Ok(advance)
    }
}

impl<R: Read + Send> Records<R> {
    /// Passes on the records that follow, in order, until `look` breaks. In a long file they are read ahead.
    pub(super) fn each(mut self, mut look: impl FnMut(&Item<'_>) -> ControlFlow<()>) -> Result<(), FileError> {
        read_ahead(move |batch| self.fill(batch), |batch: &Batch| batch.each(&mut look))
    }

    /// Fills a batch; returns `false` at the end of the file.
    fn fill(&mut self, batch: &mut Batch) -> Result<bool, FileError> {
        let Batch { records, lines, not_utf8, ends } = batch;
        records.clear();
        lines.clear();
        not_utf8.clear();
        while records.len() < BATCH && records.bytes() < BATCH_BYTES {
            match self.advance_into(records)? {
                Advance::Record(line) => lines.push(line),
                Advance::NotUtf8(line, error) => {
                    not_utf8.push((lines.len(), error));
                    lines.push(line);
                }
                Advance::End => return Ok(false),
            }
            let is_unfinished = self.is_unfinished();
            *ends = (is_unfinished, is_unfinished && self.ends_quoted());
        }
        Ok(true)
    }
}

impl Batch {
    fn each(&self, look: &mut impl FnMut(&Item<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
        let mut not_utf8 = self.not_utf8.iter().peekable();
        self.lines.iter().enumerate().try_for_each(|(at, line)| {
            let not_utf8 = not_utf8.next_if(|(other, _)| *other == at).map(|(_, error)| error);
            let (is_unfinished, ends_quoted) = if at + 1 == self.lines.len() { self.ends } else { (false, false) };
            look(&Item { line: *line, record: self.records.get(at), not_utf8, is_unfinished, ends_quoted })
        })
    }
}

fn fields(count: usize) -> String {
    if count == 1 { "1 field".to_owned() } else { format!("{count} fields") }
}

fn bind<'m>(records: &mut Records<impl Read>, mapping: &'m Mapping) -> Result<Binding<'m>, FileError> {
    let line = records.header()?;
    let binding = Binding::new(records.record().iter(), mapping)
        .map_err(|clash| FileError::Refused(format!("line {line}, the header: {}", clash.reason)))?;
    binding.require_needed()?;
    Ok(binding)
}

/// The separator that occurs most outside quotation marks; a comma if none does.
fn most_frequent_separator(header: &[u8]) -> u8 {
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0)];
    let mut quoted = false;
    for byte in header {
        quoted ^= *byte == b'"';
        if !quoted && let Some((_, count)) = counts.iter_mut().find(|(separator, _)| separator == byte) {
            *count += 1;
        }
    }
    let most = counts.iter().map(|(_, count)| *count).max();
    counts.iter().find(|(_, count)| Some(*count) == most).map_or(b',', |(separator, _)| *separator)
}

#[cfg(test)]
mod tests;
