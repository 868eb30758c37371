//! How CSV is read, and how it is refused.

use std::io;

use proptest::prelude::*;

use super::*;
use crate::import::tests::{Reading, read_bytes, read_text};
use crate::import::{self, Column, Format};

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
        assert_eq!(reading.lines[1].campaign_name, Some("b c"));
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
        assert_eq!(most_frequent_separator(header.as_bytes()), expected, "{header}");
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
        assert!(
            error.starts_with("the row that begins on line 3 opens a quotation mark that is never closed"),
            "{error}"
        );
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
    };
    let reading = read_text(Format::Csv, text, &mapping);
    let [line] = reading.lines.as_slice() else { panic!("{:?}", reading.faults) };
    assert_eq!((line.campaign_name, line.partner, line.os), (Some("916"), Some("Facebook"), Some("WEB")));
    assert_eq!((line.day.to_string(), line.cost.to_string()), ("2023-08-31".to_owned(), "1.429999948".to_owned()));
    assert_eq!((line.views.get(), line.conversions.get()), (7350, 2));
    assert_eq!(reading.end.unwrap().ignored, ["ad_id"]);
}

proptest! {
    /// Lines without quotation marks skip the parser; the result must be the same.
    #[test]
    fn records_are_those_of_the_csv_parser(lines in prop::collection::vec("x[a,; é\"\r]{0,12}", 1..12), end in any::<bool>()) {
        let text = lines.join("\n") + if end { "\n" } else { "" };
        // A quotation mark that is never closed is refused here, and closed by the end of the file there.
        prop_assume!(!text.contains(",\""));
        let mut parser = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .terminator(Terminator::Any(b'\n'))
            .from_reader(text.as_bytes());
        let expected: Vec<StringRecord> = parser.records().map(Result::unwrap).collect();
        let mut records = Records::open(text.as_bytes(), Some(Separator::Comma), None, LineRules::default()).unwrap();
        let mut found = Vec::new();
        while let Advance::Record(line) = records.advance().unwrap() {
            prop_assert_eq!(usize::try_from(line).unwrap(), found.len() + 1);
            found.push(records.record().iter().collect::<StringRecord>());
        }
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn quoted_rows_and_bytes_that_are_no_text_stand_between_plain_ones() {
    let text = b"a,b\n1,2\n\"3\n4\",5\n6,7\n8,\xFF\n9,10\n\"11\",12";
    let mut records = Records::open(text.as_slice(), None, None, LineRules::default()).unwrap();
    let mut seen = Vec::new();
    loop {
        seen.push(match records.advance().unwrap() {
            Advance::Record(line) => format!("{line}: {}", records.record().iter().collect::<Vec<_>>().join("|")),
            Advance::NotUtf8(line, error) => format!("{line}: field {} is no text", error.field()),
            Advance::End => break,
        });
    }
    let expected = ["1: a|b", "2: 1|2", "3: 3\n4|5", "5: 6|7", "6: field 1 is no text", "7: 9|10", "8: 11|12"];
    assert_eq!(seen, expected);
}

/// Each record with its line and, of the last one, how it ends.
fn read_each(text: &[u8]) -> (Vec<String>, Result<(), String>) {
    let records = Records::open(text, None, None, LineRules::default()).unwrap();
    let mut seen = Vec::new();
    let end = records.each(|Item { line, record, not_utf8, is_unfinished, ends_quoted }| {
        let cells = record.iter().map(|cell| cell.get(..20).unwrap_or(cell)).collect::<Vec<_>>().join("|");
        let what = if not_utf8.is_some() { "no text" } else { &cells };
        seen.push(format!("{line}: {what} {is_unfinished} {ends_quoted}"));
        ControlFlow::Continue(())
    });
    (seen, end.map_err(|error| error.to_string()))
}

#[test]
fn a_long_file_is_read_ahead_record_by_record() {
    let (mut text, mut expected, mut line) = (b"a,b\n".to_vec(), vec!["1: a|b false false".to_owned()], 2);
    for row in 0..5000 {
        let (bytes, cells, lines) = match row % 7 {
            0 => (format!("\"{row}\n\",x\n").into_bytes(), format!("{row}\n|x"), 2),
            1 => ([row.to_string().as_bytes(), b",\xFF\n"].concat(), "no text".to_owned(), 1),
            2 => (format!("\n\n{row},y\n").into_bytes(), format!("{row}|y"), 3),
            // Longer than is kept for the next record.
            3 if row % 100 == 3 => {
                (format!("{row},{}\n", "z".repeat(300_000)).into_bytes(), format!("{row}|{}", "z".repeat(20)), 1)
            }
            4 if row % 100 == 4 => {
                (format!("{row}{}\n", ",w".repeat(300)).into_bytes(), format!("{row}{}", "|w".repeat(300)), 1)
            }
            _ => (format!("{row},\n").into_bytes(), format!("{row}|"), 1),
        };
        text.extend(bytes);
        let begins = line + if row % 7 == 2 { 2 } else { 0 };
        expected.push(format!("{begins}: {cells} false false"));
        line += lines;
    }
    let ends = |end: &[u8], last: &str| {
        let (seen, read) = read_each(&[&text, end].concat());
        let expected: Vec<_> =
            expected.iter().cloned().chain((!last.is_empty()).then(|| format!("{line}: {last}"))).collect();
        assert_eq!(seen, expected);
        read
    };
    assert_eq!(ends(b"", ""), Ok(()));
    assert_eq!(ends(b"1,2", "1|2 true false"), Ok(()));
    assert_eq!(ends(b"1,\"2\"", "1|2 true true"), Ok(()));
    assert!(ends(b"1,\"2\n", "").unwrap_err().contains(&format!("line {line} opens a quotation mark")));
    assert!(ends(b"\0", "").unwrap_err().contains(&format!("line {line} holds NUL")));
}
