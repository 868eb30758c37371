//! Reads an input: looks up every line, sorts the cells, and plans what to create. Writes nothing and holds no lock.
//!
//! So a preview blocks nobody, and an import holds the write lock only for writing.

use std::io::{self, Read};
use std::ops::ControlFlow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::catalogue_versions::CatalogueVersions;
use super::cells::{Cells, CellsWriter};
use super::creations::Creations;
use super::merge::Merge;
use super::problems::{ProblemLog, Problems};
use super::resolver::{LineOutcome, Resolver};
use super::sorter::Sorter;
use super::{ImportError, ImportNote, ImportOptions, LeftOutLine, unit};
use crate::domain::{Currency, ExactCost};
use crate::import::{self, Column, FileError, LineError, StatLine, Summary};
use crate::service::access::secrets;
use crate::store::Store;

/// The result of reading an input.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Reading {
    /// Rows that were read.
    pub rows: u64,
    /// Rows whose cost had more than six decimals.
    pub rounded: u64,
    /// Rows of a cell that an earlier row already stated.
    pub repeated: u64,
    /// The total cost, exactly as read; `None` if the rows have several currencies.
    pub cost: Option<String>,
    /// What they are in.
    pub currency: Option<Currency>,
    pub clicks: u64,
    /// SHA-256 of the original bytes, in hexadecimal.
    pub sha256: String,
    /// The input's headers, or the keys of its first item.
    pub headers: Vec<String>,
    /// Headers that weren't used.
    pub ignored: Vec<String>,
    /// Lines that weren't read as rows.
    pub left_out: Vec<LeftOutLine>,
    /// How many there are.
    pub left_out_total: u64,
    /// Notes.
    pub notes: Vec<ImportNote>,
    /// What new campaigns need and their lines don't have.
    pub lacking: Vec<Column>,
}

pub(super) struct Staging {
    pub(super) creations: Creations,
    pub(super) catalogue: CatalogueVersions,
    pub(super) cells: Cells,
    pub(super) reading: Reading,
}

#[derive(Default)]
struct Sums {
    rows: u64,
    rounded: u64,
    cost: Option<ExactCost>,
    clicks: u64,
    overflown: bool,
}

impl Sums {
    fn add(&mut self, line: &StatLine<'_>) {
        self.rows += 1;
        self.rounded += u64::from(line.cost.is_finer_than_micros());
        self.clicks = self.clicks.saturating_add(line.clicks.get().unsigned_abs());
        let sum = self.cost.unwrap_or_default().checked_add(line.cost);
        self.overflown |= sum.is_none();
        self.cost = sum;
    }
}

/// Reads the input. If lines are wrong, `problems` gets their problems, and the cells can't be used.
pub(super) fn stage(
    store: &Store,
    input: impl Read + Send,
    options: &ImportOptions,
    now: DateTime<Utc>,
    problems: &mut ProblemLog<'_>,
) -> Result<Staging, ImportError> {
    let dir = store.path().parent().unwrap_or_else(|| std::path::Path::new(".")).to_owned();
    let hash = if options.sha256.is_some() { None } else { Some(Sha256::new()) };
    let mut input = Hashing { input, hash };
    let mut resolver = Resolver::new(store, options, now)?;
    let mut sorter = Sorter::new(&dir);
    let mut sums = Sums::default();
    let mut take = |line: Result<StatLine<'_>, LineError>| -> Result<(), ImportError> {
        let outcome = match line {
            Err(problem) => LineOutcome::Refused(vec![problem.into()]),
            Ok(line) => {
                sums.add(&line);
                resolver.stage(&line)?
            }
        };
        match outcome {
            LineOutcome::Staged(line) => sorter.push(line)?,
            LineOutcome::Refused(found) => found.into_iter().for_each(|problem| problems.add(problem)),
        }
        Ok(())
    };
    let mut taken = Ok(());
    let summary = read(&mut input, options, &mut |line| {
        taken = take(line);
        if taken.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })?;
    taken?;
    let sha256 = input.finish()?.or_else(|| options.sha256.clone()).unwrap_or_default();
    let mut merge = Merge::new(sorter.sorted()?, unit(options), options.duplicates);
    let mut cells = CellsWriter::new(&dir);
    while let Some(staged) = merge.next(&resolver, &mut |problem| problems.add(problem))? {
        // After the first wrong line the cells can't be used; the rest is only read for its problems.
        if problems.is_empty() {
            cells.push(staged)?;
        }
    }
    let currency = only(resolver.currencies());
    let lacking = std::mem::take(&mut resolver.lacking);
    let (creations, mut notes, catalogue) = resolver.finish();
    let (mut left_out, mut left_out_total) = (Vec::new(), 0);
    if let Some(recognition) = &options.recognition {
        notes.splice(0..0, recognition.notes.iter().map(ImportNote::from));
        left_out.extend(recognition.left_out.iter().map(LeftOutLine::from));
        left_out_total = recognition.left_out_total;
    }
    let cost = sums.cost.unwrap_or_default().to_string();
    let reading = Reading {
        rows: sums.rows,
        rounded: sums.rounded,
        repeated: merge.repeated,
        cost: currency.filter(|_| !sums.overflown).map(|_| cost),
        currency,
        clicks: sums.clicks,
        sha256,
        headers: summary.headers,
        ignored: summary.ignored,
        left_out,
        left_out_total,
        notes,
        lacking,
    };
    Ok(Staging { creations, catalogue, cells: cells.finish()?, reading })
}

/// The one currency that there is.
fn only(mut currencies: impl Iterator<Item = Currency>) -> Option<Currency> {
    let first = currencies.next()?;
    currencies.all(|other| other == first).then_some(first)
}

fn read(
    input: &mut (impl Read + Send),
    options: &ImportOptions,
    sink: &mut dyn FnMut(Result<StatLine<'_>, LineError>) -> ControlFlow<()>,
) -> Result<Summary, FileError> {
    match &options.recognition {
        Some(recognition) => import::read_file(input, &recognition.plan, sink),
        None => import::read(options.format, input, &options.mapping, sink),
    }
}

/// Stages an input without problems; returns the problems if there are any.
pub(super) fn stage_sound(
    store: &Store,
    input: impl Read + Send,
    options: &ImportOptions,
    now: DateTime<Utc>,
) -> Result<Staging, ImportError> {
    let mut problems = ProblemLog::default();
    let staging = stage(store, input, options, now, &mut problems)?;
    let problems: Problems = problems.take();
    if problems.is_empty() { Ok(staging) } else { Err(ImportError::Lines(problems)) }
}

/// Hashes the bytes that pass through, unless the hash is known.
struct Hashing<R> {
    input: R,
    hash: Option<Sha256>,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        if let Some(hash) = &mut self.hash {
            hash.update(&buffer[..read]);
        }
        Ok(read)
    }
}

impl<R: Read> Hashing<R> {
    /// The hash of all bytes, including those that the parser didn't read.
    fn finish(mut self) -> io::Result<Option<String>> {
        if self.hash.is_some() {
            io::copy(&mut self, &mut io::sink())?;
        }
        Ok(self.hash.map(|hash| secrets::hex(&hash.finalize())))
    }
}
