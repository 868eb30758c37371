//! Where the table begins: the separator and the header, found together, since each shows the other.
//!
//! Of all first records under all separators the header is the one that names most columns of the contract; where none
//! names two, the first one that as many records agree with as possible in how many fields they have.

use std::io::Read;

use super::names;
use crate::import::csv::{Advance, Records};
use crate::import::guard::LineRules;
use crate::import::{FileError, Separator};

/// Records that are looked at, and how many of them may stand above the header.
const LOOKED_AT: usize = 60;
const ABOVE: usize = 20;

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) separator: Separator,
    /// The line the header begins on.
    pub(super) line: u64,
    /// The lines above it that are not blank, with the first field of each.
    pub(super) above: Vec<(u64, String)>,
}

/// Looks at the beginning of a file, as UTF-8.
pub(super) fn find(head: &[u8]) -> Result<Found, FileError> {
    let mut best: Option<((usize, usize, usize), Found)> = None;
    let mut refused = None;
    for separator in Separator::ALL {
        let records = match records(head, separator) {
            Ok(records) => records,
            Err(error) => {
                refused = refused.or(Some(error));
                continue;
            }
        };
        for (at, (line, fields)) in records.iter().enumerate().take(ABOVE) {
            let known = names::known(fields.iter().map(String::as_str));
            let agree = records[at + 1..].iter().filter(|(_, other)| other.len() == fields.len()).count();
            let score = match fields.len() {
                1 => (0, 0, 0),
                width => (if known < 2 { 0 } else { known }, agree, width),
            };
            if best.as_ref().is_none_or(|(most, _)| score > *most) {
                let first = |(line, fields): &(u64, Vec<String>)| {
                    (*line, fields.first().map(|field| field.chars().take(60).collect()).unwrap_or_default())
                };
                let above = records[..at].iter().map(first).collect();
                best = Some((score, Found { separator, line: *line, above }));
            }
        }
    }
    match (best, refused) {
        (Some((_, found)), _) => Ok(found),
        (None, Some(error)) => Err(error),
        (None, None) => Err(FileError::Refused(crate::import::EMPTY.to_owned())),
    }
}

/// The first records. What can't be read ends them, unless it is the first.
fn records(head: impl Read, separator: Separator) -> Result<Vec<(u64, Vec<String>)>, FileError> {
    let mut reader = Records::open(head, Some(separator), None, LineRules::default())?;
    let mut records = Vec::new();
    while records.len() < LOOKED_AT {
        match reader.advance() {
            Ok(Advance::Record(line)) => {
                records.push((line, reader.record.iter().map(|field| field.trim().to_owned()).collect()));
            }
            Ok(Advance::NotUtf8(..)) => {}
            Err(error) if records.is_empty() => return Err(error),
            Ok(Advance::End) | Err(_) => break,
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> (Separator, u64) {
        let found = find(text.as_bytes()).unwrap();
        (found.separator, found.line)
    }

    #[test]
    fn separator_and_header_show_each_other() {
        for (text, expected) in [
            ("Day,Campaign,Cost\n2023-08-31,a,1\n", (Separator::Comma, 1)),
            ("Day;Campaign;Cost\n2023-08-31;a;1,5\n2023-08-31;a, b, c, d;1,5\n", (Separator::Semicolon, 1)),
            ("Day|Campaign|Cost\n", (Separator::Pipe, 1)),
            (
                "Campaign report\n\"August 1, 2023 - August 31, 2023\"\nDay\tCampaign\tCost\nx\ty\t1\n",
                (Separator::Tab, 3),
            ),
            ("Campaign report,,\n\nDay,Campaign,Cost\n", (Separator::Comma, 3)),
            ("Tag;Kampagne;Kosten\n1;2;3\n1;2;3\n", (Separator::Semicolon, 1)),
            ("Bericht\nTag;Kampagne;Kosten\n1;2;3\n1;2;3\n", (Separator::Semicolon, 2)),
            ("Day\n2023-08-31\n", (Separator::Comma, 1)),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn the_lines_above_the_header_are_kept_for_the_note() {
        let above = find(b"Report\n\nAugust\nDay,Campaign,Cost\n").unwrap().above;
        assert_eq!(above, [(1, "Report".to_owned()), (3, "August".to_owned())]);
    }
}
