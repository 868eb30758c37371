//! Finds the separator and the header together, since each shows the other.
//!
//! Of all first records with all separators, the header is the one that names most columns. If none names two, it is the
//! first with words above rows of numbers and days.

use std::collections::{HashMap, HashSet};
use std::io::Read;

use super::findings::{Findings, problem};
use super::headers::{Headers, Known};
use crate::domain::Invalid;
use crate::import::csv::{Advance, Records};
use crate::import::days::DayReadings;
use crate::import::decisions::DecimalSign;
use crate::import::guard::LineRules;
use crate::import::number::{Written, bare, figure};
use crate::import::recognition::ProblemCode;
use crate::import::{Decisions, EMPTY, FileError, Problem, Separator};

/// How many records are looked at.
const LOOKED_AT: usize = 1500;

/// How many records below a header are checked.
const BELOW: usize = 8;

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) separator: Separator,
    pub(super) cr_only: bool,
    pub(super) blanks_before_quotes: bool,
    /// The line the header begins on.
    pub(super) line: u64,
    /// The lines above it that aren't blank, with the beginning of each.
    pub(super) above: Vec<(u64, String)>,
}

/// A record with its line.
type Row = (u64, Vec<String>);

/// Looks at the beginning of a file, as UTF-8.
pub(super) fn find(
    head: &[u8],
    decisions: &Decisions,
    headers: &Headers,
    found: &mut Findings,
) -> Result<Found, FileError> {
    if let Some(words) = other_kind(head) {
        return Err(FileError::Refused(words.to_owned()));
    }
    let cr_only = ends_lines_with_cr(head);
    let mut best: Option<(Score, Found)> = None;
    let mut refused = None;
    let mut names = Names { headers, known: HashMap::new() };
    for separator in Separator::ALL {
        // If another separator makes a header, one that doesn't occur can't.
        if best.as_ref().is_some_and(|(most, _)| most.known > 0) && !head.contains(&separator.byte()) {
            continue;
        }
        let blanks_before_quotes = has_blanks_before_quotes(head, separator.byte());
        let rules = LineRules {
            cr_only,
            blanks_before_quotes: blanks_before_quotes.then(|| separator.byte()),
            padded_end: true,
        };
        let rows = match rows(head, separator, rules) {
            Ok(rows) => rows,
            Err(error) => {
                refused = refused.or(Some(error));
                continue;
            }
        };
        for at in 0..rows.len() {
            if decisions.header_line.is_some_and(|wanted| rows[at].0 < wanted) {
                continue;
            }
            let known = names.columns_named(&rows[at].1);
            if best.as_ref().is_some_and(|(most, _)| known < most.known) {
                if decisions.header_line.is_some() {
                    break;
                }
                continue;
            }
            let score = score(&rows, at, known);
            // If a file has several tables with the same header, rows begin below the first, and the others repeat it.
            let repeats = |found: &Found| {
                found.separator == separator
                    && rows.iter().any(|(line, cells)| *line == found.line && *cells == rows[at].1)
            };
            if best.as_ref().is_none_or(|(most, found)| score > *most && !(score.known == most.known && repeats(found)))
            {
                let above = rows[..at].iter().map(|(line, cells)| (*line, begins(cells.iter().map(String::as_str))));
                let line = rows[at].0;
                let found = Found { separator, cr_only, blanks_before_quotes, line, above: above.collect() };
                best = Some((score, found));
            }
            if decisions.header_line.is_some() {
                break;
            }
        }
    }
    let (score, table) = match (best, refused) {
        (Some(best), _) => best,
        (None, Some(error)) => return Err(error),
        (None, None) => {
            let no_line = |line| format!("the file's beginning has no line {line} that could be the header");
            return Err(FileError::Refused(decisions.header_line.map_or_else(|| EMPTY.to_owned(), no_line)));
        }
    };
    if score.known < 2 && !score.is_words {
        found.problems.push(Problem {
            line: Some(table.line),
            flag: Some("--header-line".to_owned()),
            ..problem(
                ProblemCode::Header,
                format!(
                    "Line {} should be the header, but has figures or days. Put the names of the columns above the \
                     rows, or say \
                     which line has them.",
                    table.line
                ),
            )
        });
    }
    Ok(table)
}

/// Whether a carriage return alone ends lines: no line feed outside of quotation marks.
fn ends_lines_with_cr(head: &[u8]) -> bool {
    if !head.contains(&b'\r') {
        return false;
    }
    let mut quoted = false;
    for byte in head {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => return false,
            _ => {}
        }
    }
    true
}

/// The beginning of a line: its cells with content, at most 60 characters.
pub(super) fn begins<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let filled: Vec<&str> = cells.map(str::trim).filter(|cell| !cell.is_empty()).take(8).collect();
    filled.join(" · ").chars().take(60).collect()
}

/// What speaks for a record being the header, in order of weight.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Score {
    /// How many different columns its cells name; counts from two on.
    known: usize,
    /// Whether all its cells are words above figures or days.
    heads_figures: bool,
    is_words: bool,
    /// How many rows below have as many cells.
    agree: usize,
    width: usize,
}

/// How many texts are remembered.
const TEXTS: usize = 10_000;

/// What cells mean as headers. Most texts of a file occur in many rows.
struct Names<'h> {
    headers: &'h Headers,
    known: HashMap<String, Option<Known>>,
}

impl Names<'_> {
    fn of(&mut self, cell: &str) -> Option<Known> {
        if let Some(known) = self.known.get(cell) {
            return *known;
        }
        let known = self.headers.first(cell);
        if self.known.len() < TEXTS {
            self.known.insert(cell.to_owned(), known);
        }
        known
    }

    /// How many different columns these cells name; 0 if it is only one, or if only one cell has content.
    fn columns_named(&mut self, cells: &[String]) -> usize {
        let filled = || cells.iter().filter(|cell| !cell.is_empty());
        if filled().nth(1).is_none() {
            return 0;
        }
        let named: HashSet<Known> = filled().filter_map(|cell| self.of(cell)).collect();
        if named.len() < 2 { 0 } else { named.len() }
    }
}

fn score(rows: &[Row], at: usize, known: usize) -> Score {
    let (_, cells) = &rows[at];
    let filled = cells.iter().filter(|cell| !cell.is_empty()).count();
    if filled < 2 {
        // A table of one column is possible, but everything else is preferred.
        return Score { known: 0, heads_figures: false, is_words: cells.len() == 1, agree: 0, width: 0 };
    }
    let is_words = cells.iter().all(|cell| !is_value(cell));
    let below = &rows[at + 1..rows.len().min(at + 1 + BELOW)];
    let heads = |(_, row): &&Row| {
        let over = row.iter().zip(cells).filter(|(value, header)| !header.is_empty() && is_value(value)).count();
        over > 0 && row.iter().filter(|cell| !cell.is_empty()).count() * 2 > filled
    };
    let heads_figures = is_words && below.iter().filter(heads).count() * 2 > below.len();
    let agree = rows[at + 1..].iter().take(60).filter(|(_, other)| other.len() == cells.len()).count();
    Score { known, heads_figures, is_words, agree, width: filled }
}

/// Whether a cell is a number or a day.
fn is_value(cell: &str) -> bool {
    let cell = bare(cell);
    let is_number = |sign| matches!(figure(cell, sign), Written::Figure(_));
    cell.bytes().any(|byte| byte.is_ascii_digit())
        && (is_number(DecimalSign::Point) || is_number(DecimalSign::Comma) || DayReadings::of(cell).is_some())
}

/// The first records. Invalid text ends them, unless it is the first record.
fn rows(head: impl Read, separator: Separator, rules: LineRules) -> Result<Vec<Row>, FileError> {
    let mut reader = Records::open(head, Some(separator), None, rules)?;
    let mut rows = Vec::new();
    while rows.len() < LOOKED_AT {
        match reader.advance() {
            Ok(Advance::Record(line)) => {
                let cells: Vec<String> = reader.record().iter().map(|field| bare(field).to_owned()).collect();
                if cells.iter().any(|cell| !cell.is_empty()) {
                    rows.push((line, cells));
                }
            }
            Ok(Advance::NotUtf8(..)) => {}
            Err(error) if rows.is_empty() => return Err(error),
            Ok(Advance::End) | Err(_) => break,
        }
    }
    Ok(rows)
}

/// Whether a field begins with blanks and a quotation mark: some programs put a blank after each separator.
fn has_blanks_before_quotes(head: &[u8], separator: u8) -> bool {
    head.contains(&b'"') && head.windows(3).any(|window| window == [separator, b' ', b'"'])
}

/// What kind of text this is, if not a table. Only valid JSON and the like counts: a title may begin with any sign.
fn other_kind(head: &[u8]) -> Option<&'static str> {
    let text = head.trim_ascii_start();
    match text.first()? {
        b'{' | b'[' => {
            let mut values = serde_json::Deserializer::from_slice(text).into_iter::<serde::de::IgnoredAny>();
            // `[1] Report` begins like a JSON array but is a title.
            let is_json = match (values.next()?, values.next()) {
                (Ok(_), None | Some(Ok(_))) => true,
                (Ok(_), Some(Err(error))) | (Err(error), _) => error.is_eof() && text.len() > 2,
            };
            is_json.then_some("the file is JSON: export the report as CSV; JSON goes in by the command line (--format json) and the API")
        }
        b'<' => {
            let start: String = text.iter().take(20).map(|byte| char::from(byte.to_ascii_lowercase())).collect();
            let is_page = ["<!doctype", "<html", "<?xml", "<table", "<head", "<body", "<workbook"];
            let is_page = is_page.iter().any(|tag| start.starts_with(tag));
            is_page.then_some("the file is a web page or XML: export the report as CSV")
        }
        _ => None,
    }
}

/// The headers as an error lists them.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let all: Vec<&str> = names.collect();
    let mut listed: Vec<String> = all.iter().take(30).map(|name| Invalid::echo(name)).collect();
    if all.len() > 30 {
        listed.push(format!("and {} more", all.len() - 30));
    }
    listed.join(", ")
}
