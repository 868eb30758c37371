//! CSV: a header, then one row a record (RFC 4180, and what spreadsheets make of it).
//!
//! Comma, semicolon and tab separate, unless the mapping's layout says otherwise; LF and CRLF end a line; blank lines are
//! passed over. One record buffer is reused for the whole file. [`super::read`] and recognition may call; nobody outside
//! this room.

use std::io::Read;
use std::ops::ControlFlow;

use ::csv::{ErrorKind, Reader, ReaderBuilder, StringRecord, Terminator, Utf8Error};

use super::cell::Cell;
use super::guard::{Lines, RecordReader};
use super::header::{Binding, MAX_HEADERS};
use super::row::RowBuilder;
use super::{EMPTY, FileError, Layout, LineError, Mapping, Separator, Sink, Summary, Unit};

const NOT_UTF8: &str = "got bytes that are not UTF-8, expected UTF-8 text: save the file as UTF-8 CSV";

pub(super) const NO_ROWS: &str = "the file has a header but no rows";

pub(super) fn read(input: impl Read, mapping: &Mapping, sink: &mut Sink<'_>) -> Result<Summary, FileError> {
    let mut records = Records::open(input, &mapping.layout)?;
    let binding = bind(&mut records, mapping)?;
    let width = records.record.len();
    let mut summary = Summary { headers: binding.headers().to_vec(), ..Summary::default() };
    binding.note_ignored(&mut summary.ignored);

    let mut rows = RowBuilder::new(Unit::Line, mapping);
    let mut totals = mapping.layout.totals.iter().peekable();
    let mut any = false;
    loop {
        let advance = records.advance()?;
        let record = &records.record;
        let flow = match advance {
            Advance::End if any => return Ok(summary),
            Advance::End => {
                return Err(FileError::Refused(NO_ROWS.to_owned()));
            }
            Advance::Record(line) if totals.next_if_eq(&&line).is_some() => continue,
            Advance::Record(line) if record.len() == width => {
                let cells = binding.cells(|index| record.get(index).map_or(Cell::Nothing, Cell::Text));
                rows.hand_out(line, &binding, &cells, sink)
            }
            Advance::Record(line) => {
                let reason = format!("got {}, expected {} as in the header", fields(record.len()), fields(width));
                sink(Err(rows.fault(line, None, reason)))
            }
            Advance::NotUtf8(line, error) => sink(Err(not_utf8(&rows, line, &error, &binding))),
        };
        any = true;
        if flow == ControlFlow::Break(()) {
            return Ok(summary);
        }
    }
}

/// The records of a file from its header on, one at a time, in one buffer that is reused.
pub(super) struct Records<R> {
    reader: Reader<RecordReader<R>>,
    pub(super) record: StringRecord,
}

/// What the reader stands on; the number is the line it begins on.
pub(super) enum Advance {
    Record(u64),
    NotUtf8(u64, Utf8Error),
    End,
}

impl<R: Read> Records<R> {
    /// Goes to the line the layout names.
    pub(super) fn open(input: R, layout: &Layout) -> Result<Self, FileError> {
        let mut lines = Lines::new(input);
        loop {
            if !lines.advance_to_record()? {
                return Err(FileError::Refused(EMPTY.to_owned()));
            }
            if layout.header_line.is_none_or(|wanted| lines.number() >= wanted) {
                break;
            }
        }
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(layout.separator.map_or_else(|| separator(lines.line()), Separator::byte))
            // A carriage return before the line feed is trimmed with the blanks. So each record ends with its last line,
            // and never in the middle of one.
            .terminator(Terminator::Any(b'\n'))
            .from_reader(RecordReader::new(lines));
        Ok(Self { reader, record: StringRecord::new() })
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
        let count = self.record.len();
        if count > MAX_HEADERS {
            let words = format!("the header has {count} columns, expected at most {MAX_HEADERS}");
            return Err(FileError::Refused(words));
        }
        Ok(line)
    }

    pub(super) fn advance(&mut self) -> Result<Advance, FileError> {
        let Self { reader, record } = self;
        let read = reader.read_record(record);
        let line = reader.get_ref().began();
        let advance = match read {
            Ok(true) => Advance::Record(line),
            Ok(false) => Advance::End,
            Err(error) => match error.into_kind() {
                ErrorKind::Utf8 { err, .. } => Advance::NotUtf8(line, err),
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

fn fields(count: usize) -> String {
    if count == 1 { "1 field".to_owned() } else { format!("{count} fields") }
}

fn not_utf8(rows: &RowBuilder<'_>, line: u64, error: &Utf8Error, binding: &Binding<'_>) -> LineError {
    rows.fault(line, binding.label_of_field(error.field()), NOT_UTF8)
}

fn bind<'m>(records: &mut Records<impl Read>, mapping: &'m Mapping) -> Result<Binding<'m>, FileError> {
    let line = records.header()?;
    let binding = Binding::new(records.record.iter(), mapping)
        .map_err(|clash| FileError::Refused(format!("line {line}, the header: {}", clash.reason)))?;
    binding.require_needed()?;
    Ok(binding)
}

/// The separator that occurs most outside quotation marks; a comma if none does.
fn separator(header: &[u8]) -> u8 {
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
mod tests {
    use std::io;

    use super::*;
    use crate::import::tests::{Reading, read_bytes, read_text};
    use crate::import::{self, Column, Encoding, Format, Layout};

    fn csv(text: &str) -> Reading {
        read_text(Format::Csv, text, &Mapping::default())
    }

    fn refusal(bytes: &[u8]) -> String {
        read_bytes(Format::Csv, bytes, &Mapping::default()).end.unwrap_err()
    }

    const HEADER: &str = "date,campaign_name,partner,clicks,cost\n";

    fn numbers(reading: &Reading) -> Vec<u64> {
        reading.lines.iter().map(|line| line.line).collect()
    }

    #[test]
    fn a_row_is_numbered_by_the_line_it_begins_on() {
        for end in ["\n", "\r\n"] {
            let rows = ["", HEADER.trim(), "", "2025-05-28,a,p,1,2", "  ", "", "2025-05-28,\"b", "c\",p,1,2"];
            let rows = [rows.as_slice(), &["2025-05-28,d,p,1,2", "2025-05-28,e,p,1"]].concat();
            let reading = csv(&rows.join(end));
            assert_eq!(numbers(&reading), [4, 7, 9]);
            assert_eq!(reading.lines[1].campaign_name, Some(format!("b{end}c").as_str()));
            assert_eq!(reading.faults[0].to_string(), "line 10: got 4 fields, expected 5 fields as in the header");
        }
    }

    #[test]
    fn the_separator_is_the_one_the_header_has_most_of_outside_quotation_marks() {
        for (header, expected) in [
            ("a,b;c,d", b','),
            ("a;b;c,d", b';'),
            ("a\tb\tc;d", b'\t'),
            ("\"a;b;c\",d", b','),
            ("\"a,,\"\"b,\";c", b';'),
            ("a", b','),
        ] {
            assert_eq!(separator(header.as_bytes()), expected, "{header}");
        }
    }

    #[test]
    fn what_spreadsheets_write_is_read() {
        let text = "\u{feff} Date ;campaign_name;\"clicks\";partner;\"cost\"\r\n\
                    2025-05-28;\"a;b\"\"c\"; 1 ;p;\" 2.5 \"\r\n";
        let reading = csv(text);
        assert_eq!(reading.faults, []);
        assert_eq!(reading.lines[0].campaign_name, Some("a;b\"c"));
        assert_eq!(reading.lines[0].cost.to_string(), "2.5");
    }

    #[test]
    fn a_quotation_mark_within_a_value_is_only_a_character() {
        let reading = csv(&format!("{HEADER}2025-05-28,5\" screen,p,1,2\n2025-05-28,b,p,1,2"));
        assert_eq!(numbers(&reading), [2, 3]);
        assert_eq!(reading.lines[0].campaign_name, Some("5\" screen"));
    }

    #[test]
    fn an_unclosed_quotation_mark_is_refused() {
        for end in ["", "\n", "\n\n"] {
            let error = refusal(format!("{HEADER}2025-05-28,b,p,1,2\n2025-05-28,\"c,p,1,2{end}").as_bytes());
            assert_eq!(error, "the row that begins on line 3 opens a quotation mark that is never closed");
        }
        assert!(refusal(b"\"date,x").contains("line 1 opens a quotation mark"));
    }

    #[test]
    fn files_that_are_no_csv_are_refused_in_words() {
        for (bytes, words) in [
            (&b""[..], "the file is empty"),
            (b"\xEF\xBB\xBF", "the file is empty"),
            (b"\n \r\n", "the file is empty"),
            (b"\xFF\xFEd\0a\0", "the file is UTF-16, expected UTF-8"),
            (b"\xFE\xFF\0d\0a", "the file is UTF-16, expected UTF-8"),
            (b"d\0a\0t\0e\0", "the file holds NUL bytes"),
            (b"date,campaign_name,partner,clicks,cost\n\0\n", "line 2 holds NUL bytes"),
            (b"PK\x03\x04....", "Excel workbook"),
            (b"\x1F\x8B\x08", "gzip"),
            (b"d\xE9te,x\n", "line 1, the header: got bytes that are not UTF-8"),
            (b"date,Date,clicks\n", "line 1, the header: date is named twice, as \"date\" and as \"Date\""),
            (
                b"a,b\n1,2\n",
                "no header for date, campaign_id or campaign_name, partner_id or partner, clicks, cost; it has",
            ),
        ] {
            let error = refusal(bytes);
            assert!(error.contains(words), "{error}");
        }
        assert_eq!(refusal(HEADER.as_bytes()), "the file has a header but no rows");
    }

    #[test]
    fn a_row_that_is_not_utf_8_costs_only_itself() {
        let bytes = [HEADER.as_bytes(), b"2025-05-28,caf\xE9,p,1,2\n2025-05-28,b,p,1,2\n"].concat();
        let reading = read_bytes(Format::Csv, &bytes, &Mapping::default());
        let error = reading.faults[0].to_string();
        assert!(error.starts_with("line 2, column campaign_name: got bytes that are not UTF-8"), "{error}");
        assert_eq!(numbers(&reading), [3]);
    }

    #[test]
    fn a_header_has_at_most_a_thousand_columns() {
        let wide = |columns: usize| format!("{}{}\n", HEADER.trim(), ",x".repeat(columns - 5));
        assert_eq!(refusal(wide(1000).as_bytes()), "the file has a header but no rows");
        assert_eq!(refusal(wide(1001).as_bytes()), "the header has 1001 columns, expected at most 1000");
    }

    #[test]
    fn an_endless_row_is_given_up_early() {
        for (start, byte, began) in [("", b'a', 2), ("\n\"", b'a', 3), ("\"", b'\n', 2), ("x\n\"a\nb", b'"', 3)] {
            let head = format!("{HEADER}{start}");
            let mut input = head.as_bytes().chain(io::repeat(byte)).take(4 << 20);
            let end = import::read(Format::Csv, &mut input, &Mapping::default(), &mut |_| ControlFlow::Continue(()));
            let error = end.unwrap_err().to_string();
            assert!(error.starts_with(&format!("the row that begins on line {began} is longer than 1 MiB")), "{error}");
            let seen = (4 << 20) - input.limit();
            assert!(seen < (1 << 20) + (128 << 10), "{seen} bytes were read");
        }
    }

    #[test]
    fn a_reader_that_fails_is_an_io_error() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("the disk is gone"))
            }
        }
        let input = HEADER.as_bytes().chain(Broken);
        let end = import::read(Format::Csv, input, &Mapping::default(), &mut |_| ControlFlow::Continue(()));
        assert!(matches!(end, Err(FileError::Io(error)) if error.to_string() == "the disk is gone"));
    }

    #[test]
    fn an_export_with_names_of_its_own_is_read_through_a_mapping() {
        let text = "Date,ad_id,xyz_campaign_id,Impressions,Clicks,Spent,Total_Conversion\n\
                    31-08-2023,708746,916,7350,1,1.429999948,2\n";
        let map = ["campaign_name=xyz_campaign_id", "cost=spent", "views=Impressions", "conversions=Total_Conversion"];
        let mapping = Mapping {
            columns: map.iter().map(|pair| Mapping::parse_map(pair).unwrap()).collect(),
            fixed: vec![(Column::Partner, "Facebook".to_owned()), (Column::Os, "WEB".to_owned())],
            date_format: Some("%d-%m-%Y".parse().unwrap()),
            ..Mapping::default()
        };
        let reading = read_text(Format::Csv, text, &mapping);
        let [line] = reading.lines.as_slice() else { panic!("{:?}", reading.faults) };
        assert_eq!((line.campaign_name, line.partner, line.os), (Some("916"), Some("Facebook"), Some("WEB")));
        assert_eq!((line.day.to_string(), line.cost.to_string()), ("2023-08-31".to_owned(), "1.429999948".to_owned()));
        assert_eq!((line.views.get(), line.conversions.get()), (7350, 2));
        assert_eq!(reading.end.unwrap().ignored, ["ad_id"]);
    }

    #[test]
    fn the_layout_says_where_the_rows_stand() {
        let text = "Report of August\nnobody|reads|this\ndate|campaign_name|partner|clicks|cost\n2025-05-28|a|p|1|2\n\
                    Total|--|--|1|2\n2025-05-29|a|p|1|2\nTotal\n";
        let layout = Layout {
            encoding: Encoding::UTF_16LE,
            separator: Some(Separator::Pipe),
            header_line: Some(3),
            totals: vec![5, 7],
        };
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let reading = read_bytes(Format::Csv, &bytes, &Mapping { layout, ..Mapping::default() });
        assert_eq!((numbers(&reading), reading.faults, reading.end.is_ok()), (vec![4, 6], vec![], true));
    }
}
