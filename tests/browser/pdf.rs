//! The text of the PDFs that the browser prints: pages, each with its words in the order in which they are drawn.

use std::collections::HashMap;
use std::io::Read as _;

use flate2::read::ZlibDecoder;

type Objects<'p> = HashMap<u32, &'p [u8]>;

/// Where `wanted` begins.
fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// The number after `key`.
fn number(object: &[u8], key: &str) -> Option<u32> {
    let rest = &object[find(object, key.as_bytes())? + key.len()..];
    let digits: String = rest.iter().map(|byte| char::from(*byte)).take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Each object's bytes, by number.
fn objects(pdf: &[u8]) -> Objects<'_> {
    let mut found = HashMap::new();
    let mut rest = pdf;
    while let Some(at) = find(rest, b" 0 obj\n") {
        let digits = rest[..at].iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let end = at + find(&rest[at..], b"\nendobj").unwrap();
        let number = std::str::from_utf8(&rest[at - digits..at]).unwrap();
        found.insert(number.parse().unwrap(), &rest[at + 7..end]);
        rest = &rest[end..];
    }
    found
}

/// A compressed stream's text.
fn stream(object: &[u8]) -> String {
    let start = find(object, b"stream\n").unwrap() + 7;
    let mut bytes = Vec::new();
    ZlibDecoder::new(&object[start..]).read_to_end(&mut bytes).unwrap();
    bytes.into_iter().map(char::from).collect()
}

/// The numbers in `<0014> <001B>`; a number of more than two bytes is several UTF-16 units, of which the first counts.
fn codes(line: &str) -> Vec<u16> {
    let hex = line.split('<').skip(1).filter_map(|part| part.split('>').next());
    hex.filter_map(|hex| u16::from_str_radix(hex.get(..4)?, 16).ok()).collect()
}

/// The characters of a font's glyphs.
fn characters(font: &[u8], objects: &Objects<'_>) -> HashMap<u16, char> {
    let mut known = HashMap::new();
    let Some(map) = number(font, "/ToUnicode ") else { return known };
    for line in stream(objects[&map]).lines() {
        match codes(line)[..] {
            [glyph, unit] => {
                known.insert(glyph, char::from_u32(unit.into()).unwrap_or('?'));
            }
            [first, last, unit] => {
                let letters = (first..=last).zip(u32::from(unit)..);
                known.extend(letters.map(|(glyph, unit)| (glyph, char::from_u32(unit).unwrap_or('?'))));
            }
            _ => {}
        }
    }
    known
}

/// The text of each page; each piece that is drawn by itself ends with a line break.
pub(crate) fn pages(pdf: &[u8]) -> Vec<String> {
    let objects = objects(pdf);
    let mut numbers: Vec<_> = objects.iter().filter(|(_, object)| find(object, b"/Type /Page\n").is_some()).collect();
    numbers.sort();
    let mut fonts: HashMap<u32, HashMap<u16, char>> = HashMap::new();
    let mut page = |page: &[u8]| {
        let (mut text, mut font) = (String::new(), 0);
        for line in stream(objects[&number(page, "/Contents ").unwrap()]).lines() {
            if let Some(name) = line.strip_prefix("/F").filter(|_| line.ends_with(" Tf")) {
                let name = format!("/F{} ", name.split(' ').next().unwrap());
                font = number(page, &name).unwrap();
                fonts.entry(font).or_insert_with(|| characters(objects[&font], &objects));
            }
            if let Some((start, _)) = line.split_once("> Tj") {
                let glyphs = start.rsplit('<').next().unwrap();
                let glyphs =
                    (0..glyphs.len()).step_by(4).map(|at| u16::from_str_radix(&glyphs[at..at + 4], 16).unwrap());
                text.extend(glyphs.map(|glyph| fonts[&font].get(&glyph).copied().unwrap_or('?')));
            }
            if line == "ET" {
                text.push('\n');
            }
        }
        text
    };
    numbers.into_iter().map(|(_, object)| page(object)).collect()
}
