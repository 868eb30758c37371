//! What encoding the text is in.
//!
//! A byte order mark decides. Without one, UTF-16 is recognised by its zero bytes, and UTF-8 by complete characters. Any
//! other text is read in each encoding that spreadsheets write. Encodings in which it has impossible words, or fewer known
//! headers, are ruled out. If the rest read the same text, that decides; else a person is asked.

use std::io::{self, Read};

use super::findings::{Findings, choice, plural, problem};
use super::headers::Headers;
use super::letters::Reading;
use crate::domain::Invalid;
use crate::import::guard::NUL;
use crate::import::recognition::{NoteCode, ProblemCode};
use crate::import::{Decisions, EMPTY, Encoding, FileError, Memory, Problem};

const CHUNK: usize = 64 << 10;

/// Lines with bytes beyond ASCII that are kept for trying encodings, and the bytes of each.
const KEPT_LINES: usize = 400;
const KEPT_BYTES: usize = 400;

/// The encodings that spreadsheets and old programs write besides Unicode, the most usual first.
const CANDIDATES: [&str; 19] = [
    "windows-1252",
    "windows-1250",
    "windows-1254",
    "windows-1251",
    "windows-1253",
    "windows-1255",
    "windows-1256",
    "windows-874",
    "koi8-r",
    "ibm866",
    "iso-8859-2",
    "iso-8859-5",
    "macintosh",
    "x-mac-cyrillic",
    "gbk",
    "shift_jis",
    "big5",
    "euc-kr",
    "euc-jp",
];

/// The escape sequences by which ISO-2022-JP, which is plain ASCII bytes, switches to Japanese.
const JAPANESE_ESCAPES: [&[u8]; 3] = [b"\x1B$B", b"\x1B$@", b"\x1B(J"];

/// The first bytes of other kinds of files, and what to do about each.
const OTHERS: [(&[u8], &str); 4] = [
    (
        b"\xD0\xCF\x11\xE0",
        "the file is an old Excel workbook or has a password: save it as .xlsx without one, or the sheet as CSV",
    ),
    (b"%PDF", "the file is a PDF: export the report as CSV"),
    (b"\x89PNG", "the file is a picture: export the report as CSV"),
    (b"\xFF\xD8\xFF", "the file is a picture: export the report as CSV"),
];

/// Reads all of the input once.
pub(super) fn find(
    mut input: impl Read,
    decisions: &Decisions,
    memory: &Memory,
    headers: &Headers,
    found: &mut Findings,
) -> Result<Encoding, FileError> {
    let mut chunk = vec![0; CHUNK];
    let mut held = fill(&mut input, &mut chunk, 0)?;
    let first = &chunk[..held];
    if first.is_empty() || first == [0xEF, 0xBB, 0xBF] {
        return Err(FileError::Refused(EMPTY.to_owned()));
    }
    if let Some((_, words)) = OTHERS.iter().find(|(mark, _)| first.starts_with(mark)) {
        return Err(FileError::Refused((*words).to_owned()));
    }
    match first {
        _ if decisions.encoding.is_some() => return Ok(decisions.encoding.unwrap_or_default()),
        [0xEF, 0xBB, 0xBF, ..] => return Ok(Encoding::UTF_8),
        [0xFF, 0xFE, ..] => return Ok(Encoding::UTF_16LE),
        [0xFE, 0xFF, ..] => return Ok(Encoding::UTF_16BE),
        _ => {}
    }
    if let Some(encoding) = by_zeros(first)? {
        return Ok(encoding);
    }
    if first.windows(3).any(|bytes| JAPANESE_ESCAPES.contains(&bytes))
        && let Ok(encoding) = "iso-2022-jp".parse::<Encoding>()
    {
        found.note(NoteCode::Encoding, None, "The text is not UTF-8; it was read as ISO-2022-JP.");
        return Ok(encoding);
    }
    let mut seen = Seen::default();
    while held > 0 {
        let rest = seen.look(&chunk[..held]);
        let start = held - rest;
        chunk.copy_within(start..held, 0);
        held = fill(&mut input, &mut chunk, rest)?;
        if held == rest {
            // The rest is a character that the end of the file cuts off.
            seen.broken += u64::from(rest > 0);
            break;
        }
    }
    seen.decide(memory, headers, found)
}

/// Fills the chunk from `start` on; returns how many bytes it then has.
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

/// UTF-16 without a mark: nearly all characters of an export have a zero byte, always on the same side.
fn by_zeros(head: &[u8]) -> Result<Option<Encoding>, FileError> {
    // Old programs fill the end of a file with zeros.
    let text = head.iter().rposition(|byte| !matches!(byte, 0 | 0x1A)).map_or(0, |at| at + 1);
    let head = &head[..head.len().min(text + 1)];
    let zeros = |offset: usize| head.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd, pairs) = (zeros(0), zeros(1), head.len() / 2);
    match (even, odd) {
        (0 | 1, 0) | (0, 1) => Ok(None),
        (0, odd) if odd * 2 > pairs => Ok(Some(Encoding::UTF_16LE)),
        (even, 0) if even * 2 > pairs => Ok(Some(Encoding::UTF_16BE)),
        _ => Err(FileError::Refused(format!("the file holds {NUL}"))),
    }
}

/// What was seen in the text so far.
#[derive(Default)]
struct Seen {
    /// Complete characters of several bytes, and bytes that belong to none.
    whole: u64,
    broken: u64,
    /// The first lines with bytes beyond ASCII, and always the very first line.
    lines: Vec<Vec<u8>>,
    line: Vec<u8>,
    line_is_odd: bool,
}

impl Seen {
    /// Looks at a chunk; returns how many bytes at its end belong to a character that the next chunk completes.
    fn look(&mut self, chunk: &[u8]) -> usize {
        let mut rest = chunk;
        let mut open = 0;
        while !rest.is_empty() {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    self.whole += beyond_ascii(text);
                    rest = &[];
                }
                Err(error) => {
                    let (valid, bad) = rest.split_at(error.valid_up_to());
                    self.whole += std::str::from_utf8(valid).map_or(0, beyond_ascii);
                    if let Some(length) = error.error_len() {
                        self.broken += 1;
                        rest = &bad[length..];
                    } else {
                        open = bad.len();
                        rest = &[];
                    }
                }
            }
        }
        self.keep(&chunk[..chunk.len() - open]);
        open
    }

    /// Keeps lines for trying encodings.
    fn keep(&mut self, bytes: &[u8]) {
        if self.lines.len() >= KEPT_LINES || bytes.is_ascii() && !self.lines.is_empty() && !self.line_is_odd {
            self.line.clear();
            return;
        }
        for byte in bytes {
            if matches!(byte, b'\n' | b'\r') {
                if (self.line_is_odd || self.lines.is_empty()) && self.lines.len() < KEPT_LINES {
                    self.lines.push(std::mem::take(&mut self.line));
                }
                self.line.clear();
                self.line_is_odd = false;
            } else if self.line.len() < KEPT_BYTES {
                self.line.push(*byte);
                self.line_is_odd |= !byte.is_ascii();
            }
        }
    }

    fn decide(mut self, memory: &Memory, headers: &Headers, found: &mut Findings) -> Result<Encoding, FileError> {
        if self.broken == 0 {
            return Ok(Encoding::UTF_8);
        }
        // Text in another encoding hardly ever has complete characters of UTF-8.
        if self.whole > self.broken {
            found.note(
                NoteCode::Encoding,
                None,
                format!(
                    "The text is UTF-8 but for {}. A row that has one is refused with its line.",
                    plural(self.broken, "byte that is not a character")
                        .replace("byte that is not a characters", "bytes that are no characters")
                ),
            );
            return Ok(Encoding::UTF_8);
        }
        if self.line_is_odd || self.lines.is_empty() {
            self.lines.push(std::mem::take(&mut self.line));
        }
        let mut readings: Vec<Reading> =
            CANDIDATES.iter().filter_map(|label| Reading::of(label, &self.lines, headers)).collect();
        // If only one encoding makes known headers, that decides.
        let most = readings.iter().map(|reading| reading.known).max().unwrap_or(0);
        readings.retain(|reading| reading.known == most);
        // So do impossible words in one encoding, if another has none.
        let fewest = readings.iter().map(|reading| reading.odd).min().unwrap_or(0);
        readings.retain(|reading| reading.odd == fewest);
        // Of those that read the same, the most common one is taken.
        let mut distinct: Vec<Reading> = Vec::new();
        for reading in readings {
            if distinct.iter().all(|other| other.lines != reading.lines) {
                distinct.push(reading);
            }
        }
        match distinct.as_slice() {
            [] => Err(FileError::Refused(
                "the text is neither UTF-8, UTF-16 nor in an encoding that spreadsheets write: save the file as CSV UTF-8, or name \
                 its encoding"
                    .to_owned(),
            )),
            [only] => {
                let message = format!("The text is not UTF-8; it was read as {}.", only.encoding.name());
                found.note(NoteCode::Encoding, None, message);
                Ok(only.encoding)
            }
            several => Ok(settle(several, memory, found)),
        }
    }
}

fn beyond_ascii(text: &str) -> u64 {
    if text.is_ascii() { 0 } else { text.chars().filter(|c| !c.is_ascii()).count() as u64 }
}

/// Several encodings are possible: takes that of an earlier file of this kind, or asks.
fn settle(readings: &[Reading], memory: &Memory, found: &mut Findings) -> Encoding {
    if let Some(known) = readings.iter().find(|reading| Some(reading.encoding) == memory.encoding) {
        let name = known.encoding.name();
        found.note(NoteCode::Settled, None, format!("The text was read as {name}, as earlier files of this kind."));
        return known.encoding;
    }
    // The question shows a line that they read differently.
    let differing = (0..readings[0].lines.len())
        .max_by_key(|at| {
            let differ = readings.iter().filter(|reading| reading.lines[*at] != readings[0].lines[*at]).count();
            (differ, usize::MAX - at)
        })
        .unwrap_or(0);
    let sample = |reading: &Reading| Invalid::echo(&reading.lines[differing].chars().take(60).collect::<String>());
    let choices = readings.iter().map(|reading| choice(reading.encoding.name(), sample(reading))).collect();
    let names: Vec<&str> = readings.iter().map(|reading| reading.encoding.name()).collect();
    found.problems.push(Problem {
        flag: Some("--encoding".to_owned()),
        choices,
        ..problem(
            ProblemCode::Encoding,
            format!(
                "The text is not UTF-8, and can be read as {}. Say which reads right, or save the file as CSV UTF-8.",
                names.join(", ")
            ),
        )
    });
    readings[0].encoding
}
