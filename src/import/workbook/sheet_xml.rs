//! What the workbook reader doesn't report about a sheet: hidden rows, and formulas without a value.
//!
//! Reads the sheet's XML tag by tag, in bounded memory. XML that it doesn't understand yields nothing; the reader of cells
//! refuses it.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};

use zip::ZipArchive;

use crate::import::archive::{archive, zip_error};
use crate::import::{FileError, LineSet};

const RELATIONS: &str = "xl/_rels/workbook.xml.rels";

/// The longest list of sheets that is read.
const LIST_BYTES: u64 = 16 << 20;

/// The longest tag with the text before it; no cell's text is that long.
const TAG_BYTES: u64 = 1 << 20;

/// How many formulas without a value are kept.
const FORMULAS: usize = 1_000_000;

/// What a sheet's XML says.
#[derive(Debug, Default)]
pub(super) struct SheetXml {
    /// Hidden rows; the first is 1.
    pub(super) hidden_rows: LineSet,
    /// Row and column, from 0, of formulas without a computed value.
    pub(super) without_value: HashSet<(u32, u32)>,
    /// Whether the workbook counts days from 1904.
    pub(super) from_1904: bool,
}

impl SheetXml {
    /// Reads the sheet with this index.
    pub(super) fn read(file: &mut File, place: usize) -> Result<Self, FileError> {
        let mut archive = archive(file)?;
        let book = list(&mut archive, "xl/workbook.xml")?;
        let relations = list(&mut archive, RELATIONS)?;
        let id = tags(&book).filter(|tag| name_of(tag) == "sheet").nth(place).and_then(|tag| attribute(tag, "id"));
        let is_it = |tag: &&str| name_of(tag) == "Relationship" && attribute(tag, "Id") == id;
        let says_1904 = |tag: &str| matches!(attribute(tag, "date1904"), Some("1" | "true"));
        let from_1904 = tags(&book).any(|tag| name_of(tag) == "workbookPr" && says_1904(tag));
        let Some(target) = tags(&relations).find(is_it).and_then(|tag| attribute(tag, "Target")) else {
            return Ok(Self::default());
        };
        match archive.by_name(&path(target)) {
            Ok(part) => Ok(Self { from_1904, ..Self::scan(BufReader::new(part))? }),
            Err(zip::result::ZipError::FileNotFound) => Ok(Self::default()),
            Err(error) => Err(zip_error(error)),
        }
    }

    fn scan(mut xml: impl std::io::BufRead) -> std::io::Result<Self> {
        let mut found = Self::default();
        let mut chunk = Vec::new();
        let mut row = 0;
        let mut cell = CellXml::default();
        loop {
            chunk.clear();
            if xml.by_ref().take(TAG_BYTES).read_until(b'>', &mut chunk)? == 0 || chunk.last() != Some(&b'>') {
                return Ok(found);
            }
            let open = chunk.iter().rposition(|byte| *byte == b'<').unwrap_or(0);
            let Ok(tag) = std::str::from_utf8(&chunk[open..]) else { continue };
            match name_of(tag) {
                "row" => {
                    row = attribute(tag, "r").and_then(|row| row.parse().ok()).unwrap_or(row + 1);
                    if matches!(attribute(tag, "hidden"), Some("1" | "true")) {
                        found.hidden_rows.push(row);
                    }
                }
                "c" => cell = CellXml::begin(tag),
                "f" => cell.has_formula = true,
                "v" => cell.has_value |= cell.is_text,
                "/v" | "/t" => cell.has_value |= cell.is_text || !chunk[..open].trim_ascii().is_empty(),
                "/c" => {
                    if cell.has_formula && !cell.has_value && found.without_value.len() < FORMULAS {
                        found.without_value.extend(cell.place);
                    }
                    cell = CellXml::default();
                }
                "/sheetData" => return Ok(found),
                _ => {}
            }
        }
    }
}

/// The parts that the workbook's list of relations names, sheets among them.
pub(super) fn targets(archive: &mut ZipArchive<&mut File>) -> Result<Vec<String>, FileError> {
    let relations = list(archive, RELATIONS)?;
    Ok(tags(&relations).filter_map(|tag| attribute(tag, "Target")).map(path).collect())
}

fn list(archive: &mut ZipArchive<&mut File>, name: &str) -> Result<String, FileError> {
    let Ok(part) = archive.by_name(name) else { return Ok(String::new()) };
    let mut text = Vec::new();
    part.take(LIST_BYTES).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// The part's place in the archive.
fn path(target: &str) -> String {
    let target = target.trim_start_matches('/');
    if target.starts_with("xl/") { target.to_owned() } else { format!("xl/{target}") }
}

/// A cell of which some tags were read.
#[derive(Default)]
struct CellXml {
    place: Option<(u32, u32)>,
    /// Whether its value is a text, which may be empty.
    is_text: bool,
    has_formula: bool,
    has_value: bool,
}

impl CellXml {
    fn begin(tag: &str) -> Self {
        let place = attribute(tag, "r").and_then(place_of);
        Self { place, is_text: attribute(tag, "t") == Some("str"), ..Self::default() }
    }
}

/// Row and column of a cell such as `D3`.
fn place_of(name: &str) -> Option<(u32, u32)> {
    let digits = name.find(|c: char| c.is_ascii_digit())?;
    let letter = |column: u32, byte: u8| {
        let letter = u32::from(byte.checked_sub(b'A')?).checked_add(1).filter(|letter| *letter <= 26)?;
        column.checked_mul(26)?.checked_add(letter)
    };
    let column = name[..digits].bytes().try_fold(0, letter)?;
    Some((name[digits..].parse::<u32>().ok()?.checked_sub(1)?, column.checked_sub(1)?))
}

fn tags(xml: &str) -> impl Iterator<Item = &str> {
    xml.split('<').skip(1)
}

/// The tag's name without its namespace prefix: `row`, `/c`.
fn name_of(tag: &str) -> &str {
    let tag = tag.trim_start_matches('<');
    let (slash, rest) = if tag.starts_with('/') { tag.split_at(1) } else { ("", tag) };
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '/' | '>')).unwrap_or(rest.len());
    let start = rest[..end].find(':').map_or(0, |at| at + 1);
    if slash.is_empty() {
        &rest[start..end]
    } else {
        match &rest[start..end] {
            "v" => "/v",
            "t" => "/t",
            "c" => "/c",
            "sheetData" => "/sheetData",
            _ => "/",
        }
    }
}

/// The value of an attribute, with any namespace prefix.
fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let mut rest = tag;
    loop {
        let at = rest.find('=')?;
        let before = rest[..at].trim_end();
        let found = before.rsplit(|c: char| c.is_whitespace() || c == ':').next()?;
        let value = rest[at + 1..].trim_start();
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
        let (value, after) = value[1..].split_once(quote)?;
        if found == name {
            return Some(value);
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_rows_and_formulas_without_a_value_are_told() {
        let xml = "<x:worksheet><x:sheetData><x:row r=\"2\" spans='1:4' hidden=\"1\"><x:c r=\"A2\"><x:f>B2*2</x:f><x:v>3</x:v></x:c>\
                   <x:c r=\"B2\"><x:f>1+1</x:f><x:v/></x:c><x:c r=\"C2\" t=\"str\"><x:f>IF(1,\"\")</x:f><x:v></x:v></x:c>\
                   <x:c r=\"D2\"><x:f>1</x:f></x:c><x:c r=\"E2\"/></x:row><x:row><x:c r=\"A3\"><x:v>1</x:v></x:c></x:row>\
                   <x:row hidden=\"true\"/></x:sheetData><x:row hidden=\"1\"/></x:worksheet>";
        let found = SheetXml::scan(xml.as_bytes()).unwrap();
        assert_eq!(String::from(found.hidden_rows), "2,4");
        assert_eq!(found.without_value, HashSet::from([(1, 1), (1, 3)]));
        assert_eq!((place_of("AB10"), place_of("A0"), place_of("10")), (Some((9, 27)), None, None));
        assert!(SheetXml::scan(&b"no <xml"[..]).unwrap().hidden_rows.is_empty());
    }
}
