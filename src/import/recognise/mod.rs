//! Recognition of a CSV file that nobody described: encoding, separator, header, columns, dates, numbers, totals.
//!
//! Two passes over the file in bounded memory: one over the bytes, one over the cells. What the file shows is taken as
//! shown; what it leaves open is left open for a person to say, and whatever is passed over is told in a note.

mod encoding;
mod evidence;
mod names;
mod table;
mod totals;

use std::io::{Read, Seek, SeekFrom};

use serde::{Deserialize, Serialize};

use self::evidence::Evidence;
use self::totals::Totals;
use super::csv::{Advance, NO_ROWS, Records};
use super::guard::{LineRules, RECORD_BYTES};
use super::layout::Decoded;
use super::{Column, DateFormat, FileError, Layout, Mapping, Numbers, open};
use crate::domain::Invalid;

/// What a file is, as far as it shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Recognised {
    /// Where the rows stand.
    pub layout: Layout,
    /// The line the header begins on.
    pub header_line: u64,
    /// Its headers, from left to right.
    pub headers: Vec<HeaderSeen>,
    /// How many rows there are, totals not counted.
    pub rows: u64,
    /// Which header feeds which column, as far as their names and cells say.
    pub columns: Vec<(Column, String)>,
    /// The currency that a header or an amount names.
    pub currency: Option<String>,
    /// What a person should know, a sentence each.
    pub notes: Vec<String>,
}

/// One header, and what stands below it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeaderSeen {
    /// As it is written.
    pub name: String,
    /// The first values that differ, at most five, each cut after 60 characters.
    pub samples: Vec<String>,
    /// Ways to write dates that fit every date in the column. More than one: the file leaves it open.
    pub dates: Vec<DateFormat>,
    /// Ways to write numbers that fit every number in the column, each with a mark of what it reads: those with the same
    /// mark read the same.
    pub numbers: Vec<(Numbers, u64)>,
}

impl Recognised {
    fn header(&self, name: &str) -> Option<&HeaderSeen> {
        self.headers.iter().find(|header| header.name == name)
    }

    /// The ways in which the dates below this header can be read, each reading different days.
    #[must_use]
    pub fn date_formats(&self, header: &str) -> Vec<DateFormat> {
        let own = self.header(header).map(|header| header.dates.clone()).unwrap_or_default();
        if own.len() < 2 {
            return own;
        }
        // A file writes all its dates alike, so a column that leaves no doubt decides for one that does.
        let decided = self.headers.iter().filter(|other| other.dates.len() == 1).flat_map(|other| &other.dates);
        let mut decided: Vec<&DateFormat> = decided.filter(|format| own.contains(format)).collect();
        decided.dedup();
        if let [only] = decided.as_slice() { vec![(*only).clone()] } else { own }
    }

    /// The ways in which the figures below these headers can be read, each reading different figures.
    #[must_use]
    pub fn number_formats(&self, headers: &[&str]) -> Vec<Numbers> {
        let figures: Vec<&HeaderSeen> = headers.iter().filter_map(|name| self.header(name)).collect();
        let figures: Vec<_> = figures.into_iter().filter(|header| !header.numbers.is_empty()).collect();
        let marks = |numbers: Numbers| -> Option<Vec<u64>> {
            let mark = |header: &&HeaderSeen| Some(header.numbers.iter().find(|(other, _)| *other == numbers)?.1);
            figures.iter().map(mark).collect()
        };
        let mut readings: Vec<(Numbers, Vec<u64>)> = Vec::new();
        for numbers in [Numbers::Plain, Numbers::Point, Numbers::Comma] {
            if let Some(marks) = marks(numbers)
                && readings.iter().all(|(_, other)| *other != marks)
            {
                readings.push((numbers, marks));
            }
        }
        let mut open: Vec<Numbers> = readings.into_iter().map(|(numbers, _)| numbers).collect();
        if open.len() > 1 {
            // Other columns of the file write their decimals with one of the two.
            let fits_comma = |header: &HeaderSeen| header.numbers.iter().any(|(numbers, _)| *numbers == Numbers::Comma);
            let fits_point = |header: &HeaderSeen| header.numbers.iter().any(|(numbers, _)| *numbers == Numbers::Point);
            let points = self.headers.iter().any(|header| fits_point(header) && !fits_comma(header));
            let commas = self.headers.iter().any(|header| fits_comma(header) && !fits_point(header));
            if points != commas {
                open.retain(|numbers| (*numbers == Numbers::Comma) == commas);
            }
        }
        open
    }

    /// The proposed mapping: what is left open keeps its default.
    #[must_use]
    pub fn mapping(&self) -> Mapping {
        let of =
            |wanted: Column| self.columns.iter().find(|(column, _)| *column == wanted).map(|(_, name)| name.as_str());
        let date_format = of(Column::Date).and_then(|header| self.date_formats(header).into_iter().next());
        // The contract's own way needs no pattern.
        let date_format = date_format.filter(|format| format.to_string() != DateFormat::CONTRACT);
        let figures: Vec<&str> = Column::FIGURES.into_iter().filter_map(of).collect();
        Mapping {
            columns: self.columns.clone(),
            fixed: Vec::new(),
            date_format,
            numbers: self.number_formats(&figures).first().copied().unwrap_or_default(),
            only_mapped: true,
            layout: self.layout.clone(),
        }
    }
}

/// Looks at all of `input`, from its beginning.
///
/// Refuses, in words, what is no table of text, what has no header or no rows, and what is too wide or too long to be one.
pub fn recognise(mut input: impl Read + Seek) -> Result<Recognised, FileError> {
    let encoding = encoding::find(&mut input)?;
    input.seek(SeekFrom::Start(0))?;
    let mut head = Vec::new();
    open(Decoded::new(&mut input, encoding))?.take(RECORD_BYTES as u64).read_to_end(&mut head)?;
    if head.len() == RECORD_BYTES
        && let Some(end) = head.iter().rposition(|byte| *byte == b'\n')
    {
        head.truncate(end + 1);
    }
    let found = table::find(&head)?;
    drop(head);
    input.seek(SeekFrom::Start(0))?;
    let mut layout =
        Layout { encoding, separator: Some(found.separator), header_line: Some(found.line), totals: Vec::new() };
    let text = open(Decoded::new(&mut input, encoding))?;
    let mut records = Records::open(text, layout.separator, layout.header_line, LineRules::default())?;
    let header_line = records.header()?;
    let names: Vec<String> = records.record.iter().map(|name| name.trim().to_owned()).collect();
    let normals: Vec<String> = names.iter().map(|name| names::normal(name).0).collect();
    let mut totals = Totals::new(&normals);
    let mut evidence: Vec<Evidence> = names.iter().map(|_| Evidence::default()).collect();
    let mut rows = 0;
    let mut notes = Vec::new();
    let above = found.above.iter().map(|(line, text)| (*line, Invalid::echo(text))).collect::<Vec<_>>();
    if let [(first, text), rest @ ..] = above.as_slice() {
        let lines =
            rest.last().map_or(format!("Line {first} stands"), |(last, _)| format!("Lines {first} to {last} stand"));
        notes.push(format!("{lines} above the header and will be passed over: {text}."));
    }
    loop {
        match records.advance()? {
            Advance::End => break,
            Advance::NotUtf8(..) => rows += 1,
            Advance::Record(line) => {
                if totals.takes(line, &records.record) {
                    continue;
                }
                rows += 1;
                for (seen, cell) in evidence.iter_mut().zip(&records.record) {
                    seen.look(line, cell);
                }
            }
        }
    }
    let (passed, unread) = totals.finish();
    rows += unread;
    if rows == 0 {
        return Err(FileError::Refused(NO_ROWS.to_owned()));
    }
    for (line, text) in &passed {
        notes.push(format!(
            "Line {line} is a total or a closing line and will be passed over: {}.",
            Invalid::echo(text)
        ));
    }
    layout.totals = passed.into_iter().map(|(line, _)| line).collect();
    let headers = names.iter().zip(&evidence).map(|(name, evidence)| HeaderSeen {
        name: name.clone(),
        samples: evidence.samples.clone(),
        dates: evidence.date_formats(),
        numbers: evidence.number_formats(),
    });
    let mut recognised = Recognised {
        layout,
        header_line,
        headers: headers.collect(),
        rows,
        columns: Vec::new(),
        currency: None,
        notes,
    };
    recognised.propose(&normals, &evidence, totals.period());
    Ok(recognised)
}

impl Recognised {
    /// Finds the columns by the names of the headers, as far as the cells agree.
    fn propose(&mut self, normals: &[String], evidence: &[Evidence], period: Option<u64>) {
        for column in Column::ALL {
            let contract = |normal: &String| normal.replace(' ', "_") == column.name();
            let Some(at) = normals.iter().position(contract).or_else(|| names::best(column, normals)) else { continue };
            let name = self.headers[at].name.clone();
            let fits = match column {
                Column::CampaignId | Column::PartnerId => evidence[at].is_ids(),
                Column::Conversions => !self.is_cut(at, evidence),
                Column::Date if period.is_some() => {
                    let line = period.unwrap_or_default();
                    self.notes.push(format!(
                        "Line {line} covers more than one day, from {} on. Export the report again with a breakdown by day.",
                        Invalid::echo(&name)
                    ));
                    false
                }
                // Trackers call the visitor's system so; the app's own is meant.
                Column::Os | Column::App | Column::StoreId | Column::OfferName => {
                    [Column::App, Column::StoreId, Column::Os]
                        .iter()
                        .all(|column| normals.iter().any(|normal| normal.replace(' ', "_") == column.name()))
                }
                _ => true,
            };
            if fits {
                self.columns.push((column, name));
            }
        }
        self.propose_campaign(normals);
        self.note_nothing(evidence);
        self.currency = self.currency_of(evidence);
    }

    /// Whether a column of counts has fractions, which then is told.
    fn is_cut(&mut self, at: usize, evidence: &[Evidence]) -> bool {
        let Some(line) = evidence[at].fraction else { return false };
        let name = Invalid::echo(&self.headers[at].name);
        self.notes.push(format!(
            "{name} holds fractions (line {line}), so conversions are left out. Singular is not told them."
        ));
        true
    }

    fn propose_campaign(&mut self, normals: &[String]) {
        if self.columns.iter().any(|(column, _)| matches!(column, Column::CampaignId | Column::CampaignName)) {
            return;
        }
        let speaking = names::speak_of_campaigns(normals);
        let names: Vec<String> = speaking.iter().map(|at| Invalid::echo(&self.headers[*at].name)).collect();
        let Some(first) = speaking.first() else { return };
        self.columns.push((Column::CampaignName, self.headers[*first].name.clone()));
        if names.len() > 1 {
            self.notes.push(format!(
                "{} speak of campaigns; the first was taken as the campaign's name. Check that it is the right one.",
                names.join(" and ")
            ));
        }
    }

    /// Dashes and empty cells in figures are zeros, which should not go unsaid.
    fn note_nothing(&mut self, evidence: &[Evidence]) {
        for (column, name) in &self.columns {
            let at = self.headers.iter().position(|header| header.name == *name);
            let nothing = at.map_or(0, |at| evidence[at].nothing);
            if Column::FIGURES.contains(column) && nothing > 0 {
                let cells =
                    if nothing == 1 { "1 cell that is".to_owned() } else { format!("{nothing} cells that are") };
                self.notes.push(format!("{} has {cells} empty or a dash: counted as 0.", Invalid::echo(name)));
            }
        }
    }

    fn currency_of(&self, evidence: &[Evidence]) -> Option<String> {
        let cost = &self.columns.iter().find(|(column, _)| *column == Column::Cost)?.1;
        let at = self.headers.iter().position(|header| header.name == *cost)?;
        // A bare dollar or yen is that of many countries.
        let sign = || {
            let only = crate::domain::Currency::parse(&evidence[at].sign?.to_string()).ok();
            only.map(|currency| currency.code().to_owned())
        };
        names::normal(cost).1.map(|currency| currency.code().to_owned()).or_else(sign)
    }
}

#[cfg(test)]
mod tests;
