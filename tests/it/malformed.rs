//! Files that aren't files of stats: refused with a message, without being read completely. What isn't read can't fill
//! memory.

use std::io::{self, Read, Seek};

use pitlane::import::Format;
use pitlane::service::Actor;
use pitlane::service::imports::{self, ImportOptions, ImportSource};
use pitlane::store::{ImportKind, Store};

const GIGABYTE: u64 = 1 << 30;

/// More than a row may have, plus the buffers in between.
const BOUND: u64 = (1 << 20) + (512 << 10);

/// The error for a file, and how many bytes of it were read.
fn refusal(format: Format, bytes: impl Read + Send) -> (String, u64) {
    struct Counting<R>(R, u64);
    impl<R: Read> Read for Counting<R> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.0.read(buffer)?;
            self.1 += count as u64;
            Ok(count)
        }
    }
    /// What is refused is read once.
    impl<R> Seek for Counting<R> {
        fn seek(&mut self, _: io::SeekFrom) -> io::Result<u64> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let options =
        ImportOptions { advertiser: Some("Acme".to_owned()), create_missing: true, ..ImportOptions::new(format) };
    let source =
        ImportSource { kind: ImportKind::File, name: "a file".to_owned(), token: None, actor: Actor::command_line() };
    let mut input = Counting(bytes, 0);
    let error = imports::run(&store, &mut input, &options, &source).unwrap_err().to_string();
    // Not even the new advertiser was created.
    assert!(store.read(|txn| txn.advertiser_list()).unwrap().is_empty());
    (error, input.1)
}

const HEADER: &str = "date,campaign_name,partner,clicks,cost\n";

/// A gigabyte of one byte after some text, generated while it is read.
fn endless(start: &str, byte: u8) -> impl Read {
    io::Cursor::new(start.to_owned()).chain(io::repeat(byte).take(GIGABYTE))
}

#[test]
fn a_line_of_a_gigabyte_is_given_up_after_a_mebibyte() {
    for (format, start, byte, words) in [
        (Format::Csv, HEADER, b'a', "the row that begins on line 2 is longer than 1 MiB"),
        (Format::Csv, "", b'a', "the row that begins on line 1 is longer than 1 MiB"),
        (Format::Csv, &format!("{HEADER}\""), b'\n', "perhaps a quotation mark is not closed"),
        (Format::NdJson, "{\"date\":\"", b'a', "longer than 1 MiB"),
        (Format::Json, "{\"items\":[{\"date\":\"", b'a', "item 1 is longer than 1 MiB"),
        (Format::Json, "{\"other\":\"", b'a', "more than 1 MiB stands outside of \"items\""),
    ] {
        let (error, read) = refusal(format, endless(start, byte));
        assert!(error.contains(words), "{error}");
        assert!(read < BOUND, "{read} bytes were read before: {error}");
    }
}

#[test]
fn what_is_no_text_is_refused_at_once() {
    let binary: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let (error, _) = refusal(Format::Csv, binary.as_slice());
    assert!(error.contains("NUL bytes"), "{error}");
    let (error, read) = refusal(Format::Csv, endless(&format!("{HEADER}2025-05-28"), 0));
    assert!(error.contains("line 2 holds NUL bytes"), "{error}");
    assert!(read < BOUND, "{read} bytes were read");
}

#[test]
fn ten_thousand_columns_an_open_quote_and_nothing_at_all_are_told_apart() {
    let wide = format!("{}{}\n1\n", HEADER.trim_end(), ",x".repeat(9_995));
    let open = format!("{HEADER}2025-05-28,\"A,Lumen,1,1\n2025-05-29,A,Lumen,1,1\n");
    for (text, words) in [
        (wide.as_str(), "the header has 10000 columns, expected at most 1000"),
        (&open, "the row that begins on line 2 opens a quotation mark that is never closed: the file may be cut off"),
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        (HEADER, "the file has a header but no rows"),
    ] {
        assert_eq!(refusal(Format::Csv, text.as_bytes()).0, words);
    }
}
