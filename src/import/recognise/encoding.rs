//! What the bytes are: text in one of the encodings that spreadsheets write, or something that is no table at all.
//!
//! A byte order mark says it. Without one, UTF-16 shows in its zero bytes, UTF-8 in that all of the file is valid as such,
//! and Windows-1252 is what is left when nothing speaks against it.

use std::io::{self, Read};

use crate::import::guard::NUL;
use crate::import::{EMPTY, Encoding, FileError};

const CHUNK: usize = 64 << 10;

/// What other kinds of files begin with, and what to do about each.
const OTHERS: [(&[u8], &str); 8] = [
    (b"PK\x03\x04", "the file is an Excel workbook or a ZIP archive: open it and save the sheet as CSV"),
    (b"\xD0\xCF\x11\xE0", "the file is an old Excel workbook: open it and save the sheet as CSV"),
    (b"\x1F\x8B", "the file is compressed with gzip: unpack it first"),
    (b"%PDF", "the file is a PDF: export the report as CSV"),
    (b"<", "the file is a web page or XML: export the report as CSV"),
    (b"{", "the file is JSON: export the report as CSV, or send it with a token (see the API documentation)"),
    (b"[", "the file is JSON: export the report as CSV, or send it with a token (see the API documentation)"),
    (b"\x89PNG", "the file is a picture: export the report as CSV"),
];

/// Reads all of the input once.
pub(super) fn find(mut input: impl Read) -> Result<Encoding, FileError> {
    let mut chunk = vec![0; CHUNK];
    let mut held = fill(&mut input, &mut chunk, 0)?;
    let first = &chunk[..held];
    match first {
        [] | [0xEF, 0xBB, 0xBF] => return refuse(EMPTY),
        [0xEF, 0xBB, 0xBF, ..] => return Ok(Encoding::UTF_8),
        [0xFF, 0xFE, ..] => return Ok(Encoding::UTF_16LE),
        [0xFE, 0xFF, ..] => return Ok(Encoding::UTF_16BE),
        _ => {}
    }
    if let Some((_, words)) = OTHERS.iter().find(|(mark, _)| first.trim_ascii_start().starts_with(mark)) {
        return refuse(words);
    }
    if let Some(encoding) = by_zeros(first)? {
        return Ok(encoding);
    }
    let mut seen = Seen::default();
    while held > 0 {
        let rest = seen.look(&chunk[..held]);
        let start = held - rest;
        chunk.copy_within(start..held, 0);
        let before = rest;
        held = fill(&mut input, &mut chunk, rest)?;
        if held == before {
            // What is left is a character that the end of the file cuts off.
            seen.is_utf8 &= rest == 0;
            break;
        }
    }
    seen.verdict()
}

/// Fills the chunk from `start` on as far as the input goes; how much it holds then.
fn fill(input: &mut impl Read, chunk: &mut [u8], start: usize) -> io::Result<usize> {
    let mut held = start;
    while held < chunk.len() {
        match input.read(&mut chunk[held..])? {
            0 => break,
            read => held += read,
        }
    }
    Ok(held)
}

fn refuse<T>(words: &str) -> Result<T, FileError> {
    Err(FileError::Refused(words.to_owned()))
}

/// UTF-16 without a mark: nearly all characters of an export have a zero byte, always on the same side.
fn by_zeros(head: &[u8]) -> Result<Option<Encoding>, FileError> {
    let zeros = |offset: usize| head.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd, pairs) = (zeros(0), zeros(1), head.len() / 2);
    match (even, odd) {
        (0, 0) => Ok(None),
        (0, odd) if odd * 2 > pairs => Ok(Some(Encoding::UTF_16LE)),
        (even, 0) if even * 2 > pairs => Ok(Some(Encoding::UTF_16BE)),
        _ => refuse(&format!("the file holds {NUL}")),
    }
}

/// What speaks for and against the encodings, in all that was looked at.
struct Seen {
    is_utf8: bool,
    /// A byte that no text holds.
    control: bool,
    /// A byte that Windows-1252 does not know.
    unknown: bool,
}

impl Default for Seen {
    fn default() -> Self {
        Self { is_utf8: true, control: false, unknown: false }
    }
}

impl Seen {
    /// Looks at a chunk; how many bytes at its end belong to a character that the next chunk completes.
    fn look(&mut self, chunk: &[u8]) -> usize {
        self.control |= chunk.iter().any(|byte| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0B | 0x0C));
        if self.is_utf8 {
            match std::str::from_utf8(chunk) {
                Ok(_) => return 0,
                Err(error) if error.error_len().is_none() => return chunk.len() - error.valid_up_to(),
                Err(_) => self.is_utf8 = false,
            }
        }
        self.unknown |= chunk.iter().any(|byte| matches!(byte, 0x81 | 0x8D | 0x8F | 0x90 | 0x9D));
        0
    }

    fn verdict(&self) -> Result<Encoding, FileError> {
        match self {
            Self { control: true, .. } => {
                refuse("the file holds bytes that no text has, so it is no CSV: export it again")
            }
            Self { is_utf8: true, .. } => Ok(Encoding::UTF_8),
            Self { unknown: false, .. } => Ok(Encoding::WINDOWS_1252),
            Self { .. } => refuse("the text is neither UTF-8, UTF-16 nor Windows-1252: save the file as UTF-8 CSV"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(bytes: &[u8]) -> String {
        find(bytes).unwrap_err().to_string()
    }

    #[test]
    fn each_encoding_is_found_by_what_speaks_for_it() {
        let long = "Day;Café\n".repeat(30_000);
        let units: Vec<u16> = long.encode_utf16().collect();
        let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
        let western: Vec<u8> = units.iter().map(|unit| u8::try_from(*unit).unwrap()).collect();
        for (bytes, expected) in [
            (long.as_bytes(), Encoding::UTF_8),
            (&little, Encoding::UTF_16LE),
            (&big, Encoding::UTF_16BE),
            (&western, Encoding::WINDOWS_1252),
            (b"\xFF\xFED\0", Encoding::UTF_16LE),
            (b"\xFE\xFF\0D", Encoding::UTF_16BE),
            (b"\xEF\xBB\xBFDay", Encoding::UTF_8),
            (b"Caf\xE9", Encoding::WINDOWS_1252),
        ] {
            assert_eq!(find(bytes).unwrap(), expected);
        }
    }

    #[test]
    fn a_character_across_two_chunks_is_one() {
        for shift in 0..4 {
            let text = "x".repeat(CHUNK - shift) + "€,1\n";
            assert_eq!(find(text.as_bytes()).unwrap(), Encoding::UTF_8, "{shift}");
        }
    }

    #[test]
    fn what_is_no_text_is_refused_in_words() {
        for (bytes, expected) in [
            (&b""[..], "the file is empty"),
            (b"PK\x03\x04..", "Excel workbook"),
            (b"\xD0\xCF\x11\xE0", "old Excel workbook"),
            (b"\n<html>", "web page"),
            (b" {\"items\":[]}", "JSON"),
            (b"a,b\n\0\0\0,1\n", "NUL bytes"),
            (b"a,b\n\x01,1\n", "no text has"),
            (b"a,b\n\x81\xE9,1\n", "neither UTF-8"),
        ] {
            assert!(words(bytes).contains(expected), "{}", words(bytes));
        }
    }
}
