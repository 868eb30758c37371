//! Refuses a workbook that wouldn't fit into memory or on the disk, before anything of it is read.
//!
//! The reader of workbooks keeps one piece of XML in memory: a tag with the text before it. Sheets are read piece by piece, so
//! both the sheet and its longest piece are limited. The size that an archive states for a part may be a lie.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _, Seek as _};

use super::sheet_xml::targets;
use crate::import::FileError;
use crate::import::archive::archive;

/// The most bytes of a part that is kept in memory: shared texts, styles, lists.
pub(super) const TEXT_BYTES: u64 = 10 << 20;

/// The most bytes of an unpacked sheet.
const SHEET_BYTES: u64 = 2 << 30;

/// The most bytes of one piece of a sheet. A cell holds at most 32,767 characters.
const PIECE_BYTES: u64 = 1 << 20;

pub(super) fn check(file: &mut File) -> Result<(), FileError> {
    let mut archive = archive(&mut *file)?;
    let damaged = |error: &dyn Display| FileError::Refused(format!("the workbook is damaged: {error}"));
    let mut names = Vec::new();
    for at in 0..archive.len() {
        let part = archive.by_index(at).map_err(|error| damaged(&error))?;
        names.push(part.name().map_err(|error| damaged(&error))?.replace('\\', "/").to_ascii_lowercase());
    }
    let is_text = |name: &str| {
        let kept = ["xl/sharedstrings.xml", "xl/styles.xml", "xl/workbook.xml", "[content_types].xml"];
        name.ends_with("rels") || kept.contains(&name)
    };
    let (lists, others): (Vec<_>, Vec<_>) = names.iter().enumerate().partition(|(_, name)| is_text(name));
    for (at, name) in lists {
        let part = archive.by_index(at).map_err(|error| damaged(&error))?;
        let size = io::copy(&mut part.take(TEXT_BYTES + 1), &mut io::sink()).map_err(|error| damaged(&error))?;
        if size > TEXT_BYTES {
            return Err(too_large(name, TEXT_BYTES));
        }
    }
    // The list of relations may name sheets anywhere.
    let sheets = targets(&mut archive)?;
    for (at, name) in others {
        if !name.starts_with("xl/worksheets/") && !sheets.iter().any(|sheet| sheet.eq_ignore_ascii_case(name)) {
            continue;
        }
        let part = archive.by_index(at).map_err(|error| damaged(&error))?;
        match measure(BufReader::new(part)).map_err(|error| damaged(&error))? {
            Measured::Fits => {}
            Measured::TooLarge => return Err(too_large(name, SHEET_BYTES)),
            Measured::LongPiece => {
                return Err(FileError::Refused(format!(
                    "the workbook's {name} has a cell, or a gap between two cells, of more than {} MiB, expected at most \
                     that: save the sheet as CSV UTF-8",
                    PIECE_BYTES >> 20
                )));
            }
        }
    }
    file.rewind()?;
    Ok(())
}

fn too_large(name: &str, most: u64) -> FileError {
    FileError::Refused(format!(
        "the workbook's {name} unpacks to more than {} MiB, expected at most that: save the sheet as CSV UTF-8",
        most >> 20
    ))
}

/// What an unpacked sheet comes to.
#[derive(Debug, PartialEq)]
enum Measured {
    Fits,
    TooLarge,
    LongPiece,
}

fn measure(mut xml: impl BufRead) -> io::Result<Measured> {
    let (mut chunk, mut size, mut piece) = (Vec::new(), 0, 0);
    let mut within = Within::Text;
    loop {
        chunk.clear();
        let read = xml.by_ref().take(PIECE_BYTES + 1).read_until(b'>', &mut chunk)? as u64;
        (size, piece) = (size + read, piece + read);
        if size > SHEET_BYTES {
            return Ok(Measured::TooLarge);
        }
        if piece > PIECE_BYTES {
            return Ok(Measured::LongPiece);
        }
        if read == 0 {
            return Ok(Measured::Fits);
        }
        within = within.after(&chunk);
        if within == Within::Ended {
            (piece, within) = (0, Within::Text);
        }
    }
}

/// Where in a piece a `>` is. It ends the piece only at the end of a tag: texts, comments and values may hold it too.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Within {
    /// The text before a tag.
    Text,
    /// A tag, and the quote of a value that is open in it.
    Tag(Option<u8>),
    /// A comment or the like, which ends like this.
    Until(&'static [u8]),
    Ended,
}

impl Within {
    /// Where the piece is after the next bytes, up to and including a `>`.
    fn after(self, chunk: &[u8]) -> Self {
        match self {
            Self::Text | Self::Ended => {
                let Some(tag) = chunk.iter().position(|byte| *byte == b'<').and_then(|at| chunk.get(at..)) else {
                    return Self::Text;
                };
                let special: [(&[u8], &'static [u8]); 3] = [(b"<!--", b"-->"), (b"<![CDATA[", b"]]>"), (b"<?", b"?>")];
                match special.into_iter().find(|(start, _)| tag.starts_with(start)) {
                    Some((start, end)) => Self::Until(end).after(tag.get(start.len()..).unwrap_or_default()),
                    None => Self::Tag(None).after(tag),
                }
            }
            Self::Until(end) => {
                if chunk.ends_with(end) {
                    Self::Ended
                } else {
                    self
                }
            }
            Self::Tag(open) => {
                let quote = chunk.iter().fold(open, |open, byte| match open {
                    None => matches!(byte, b'"' | b'\'').then_some(*byte),
                    Some(quote) => (quote != *byte).then_some(quote),
                });
                if quote.is_some() { Self::Tag(quote) } else { Self::Ended }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: usize = 1 << 20;

    #[test]
    fn a_sheet_of_any_length_fits_if_its_pieces_are_short() {
        let cell = "<c r='A1' t=\"inlineStr\"><is><t>a > b</t></is></c><!-- > --><x a='>'/>";
        assert_eq!(measure(cell.repeat(MANY / 16).as_bytes()).unwrap(), Measured::Fits);
        assert_eq!(measure(&b"<a/>"[..]).unwrap(), Measured::Fits);
    }

    #[test]
    fn a_long_gap_text_value_or_comment_is_found() {
        let long = " >".repeat(MANY / 2);
        for xml in [
            format!("<a>{}</a>", " ".repeat(MANY)),
            format!("<a>{long}</a>"),
            format!("<a b=\"{long}\"/>"),
            format!("<a b='{long}'/>"),
            format!("<!--{long}-->"),
            format!("<![CDATA[{long}]]>"),
            format!("<?a {long}?>"),
            format!("<!-->{long}-->"),
            format!("{long} >"),
        ] {
            assert_eq!(measure(xml.as_bytes()).unwrap(), Measured::LongPiece, "{}", &xml[..20]);
        }
    }
}
