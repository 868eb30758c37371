//! The one engine behind every way in: a file on the command line, an upload, the demo's sample (contract §4).
//!
//! All of an import runs in one write transaction: lines are parsed, their names looked up (or created), the cells sorted
//! and written. Anything wrong anywhere, and nothing of it stays. A dry run does the same and then undoes it, so what it
//! tells is what would have happened.

mod known;
mod problems;
mod resolver;
mod sorter;

use std::io::{self, Read};
use std::ops::ControlFlow;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

pub use self::problems::Problems;
pub use self::resolver::Created;
use self::resolver::Resolver;
use self::sorter::{Sorted, Sorter, Staged};
use super::{Actor, ServiceError, secrets};
use crate::domain::{Day, ImportId};
use crate::import::{self, FileError, Format, LineError, Mapping, Unit};
use crate::store::{
    ImportKey, ImportKind, ImportRow, StatKey, StatWriter, Store, StoreError, Stored, TokenKey, WriteTxn,
};

/// What to do with a cell that the input states twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Duplicates {
    /// Refuse the input, naming both lines.
    #[default]
    Reject,
    /// Add them up.
    Sum,
}

/// How an import is to be done.
#[derive(Debug)]
pub struct ImportOptions {
    /// How the bytes are to be read.
    pub format: Format,
    /// Which header feeds which column.
    pub mapping: Mapping,
    /// The advertiser of every row, by name or id; else each row names its own.
    pub advertiser: Option<String>,
    /// Whether to create what rows name and nobody knows.
    pub create_missing: bool,
    /// What to do with a cell that is stated twice.
    pub duplicates: Duplicates,
    /// Only say what would happen.
    pub dry_run: bool,
}

/// Where an import comes from, for the history.
#[derive(Debug)]
pub struct ImportSource {
    /// Which way it came.
    pub kind: ImportKind,
    /// File name, or what else the rows came from.
    pub name: String,
    /// The token it came with.
    pub token: Option<TokenKey>,
    /// Who brought it.
    pub actor: Actor,
}

/// What an import did, or would have done.
#[derive(Debug)]
pub struct ImportDone {
    /// Its id in the history.
    pub id: ImportId,
    /// The figures.
    pub counts: ImportRow,
    /// What was created.
    pub created: Created,
    /// First and last day it spoke of.
    pub days: Option<(Day, Day)>,
    /// Headers that no column took.
    pub ignored: Vec<String>,
}

/// What an import did, as the ingest route and `import --json` tell it (contract §4).
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportAnswer {
    import_id: String,
    rows: u64,
    inserted: u64,
    changed: u64,
    unchanged: u64,
    rounded: u64,
}

impl ImportDone {
    /// What was done, for programs.
    #[must_use]
    pub fn answer(&self) -> ImportAnswer {
        ImportAnswer {
            import_id: self.id.to_string(),
            rows: self.counts.rows,
            inserted: self.counts.inserted,
            changed: self.counts.changed,
            unchanged: self.counts.unchanged,
            rounded: self.counts.rounded,
        }
    }
}

/// Why an import did nothing.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Lines were wrong.
    #[error("{0}")]
    Lines(Problems),
    /// The file as a whole was.
    #[error(transparent)]
    File(#[from] FileError),
    /// Something else was.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl From<StoreError> for ImportError {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}

/// Imports `input`, all or nothing. Blocks, and holds the write lock: `input` should be a file rather than a network.
pub fn run(
    store: &Store,
    input: impl Read,
    options: &ImportOptions,
    source: &ImportSource,
) -> Result<ImportDone, ImportError> {
    let now = Utc::now();
    let id = ImportId::from(Uuid::new_v4());
    let outcome = store.write_or_undo(|txn| {
        let key = txn.import_begin(id, source.kind, &source.name, &source.actor.name, source.token, now)?;
        let done = import_in_txn(txn, input, options, id, key, now)?;
        txn.import_finish(key, &done.counts)?;
        txn.audit_add(&source.actor.did("stats import", &format!("{} ({} rows)", source.name, done.counts.rows)), now)?;
        Ok::<_, ImportError>(if options.dry_run { ControlFlow::Break(done) } else { ControlFlow::Continue(done) })
    })?;
    let (ControlFlow::Break(done) | ControlFlow::Continue(done)) = outcome;
    Ok(done)
}

fn import_in_txn(
    txn: &WriteTxn<'_>,
    input: impl Read,
    options: &ImportOptions,
    id: ImportId,
    key: ImportKey,
    now: DateTime<Utc>,
) -> Result<ImportDone, ImportError> {
    let mut input = Hashing { input, hash: Sha256::new() };
    let mut resolver = Resolver::new(txn, options, now)?;
    let mut problems = Problems::default();
    let mut counts = ImportRow::default();
    let mut sorter = Sorter::new();
    let mut failed = None;
    let summary = import::read(options.format, &mut input, &options.mapping, &mut |line| {
        let staged = line.map(|line| {
            counts.rows += 1;
            counts.rounded += u64::from(line.rounded);
            resolver.stage(&line)
        });
        match staged {
            Err(problem) => problems.add(problem),
            Ok(Err(error)) => failed = Some(ImportError::from(error)),
            Ok(Ok(Err(refused))) => refused.into_iter().for_each(|problem| problems.add(problem)),
            Ok(Ok(Ok(cell))) => failed = sorter.push(cell).err().map(|error| FileError::Io(error).into()),
        }
        if failed.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    counts.sha256 = Some(input.finish()?);
    let mut merge = Merge { cells: sorter.sorted().map_err(FileError::Io)?, next: None, unit: unit(options.format) };
    let days = if problems.is_empty() {
        let mut days = None;
        let mut writer = DayWriter { txn, writer: txn.stat_writer(key)?, changed: None, version: None };
        while let Some(cell) = merge.next(options.duplicates, &resolver, &mut problems)? {
            // Once a duplicate was found nothing of this will stay; the rest is only read for its own problems.
            if problems.is_empty() {
                writer.put(cell, &mut counts)?;
                days = Some(days.map_or((cell.cell.key.day, cell.cell.key.day), |(first, last): (i64, i64)| {
                    (first.min(cell.cell.key.day), last.max(cell.cell.key.day))
                }));
            }
        }
        writer.finish_day()?;
        days
    } else {
        while merge.next(options.duplicates, &resolver, &mut problems)?.is_some() {}
        None
    };
    if !problems.is_empty() {
        return Err(ImportError::Lines(problems));
    }
    let day = |stored| Day::from_stored(stored).map_err(ServiceError::from);
    let days = days.map(|(first, last)| Ok::<_, ServiceError>((day(first)?, day(last)?))).transpose()?;
    Ok(ImportDone { id, counts, created: resolver.created(), days, ignored: summary.ignored })
}

fn unit(format: Format) -> Unit {
    if format == Format::Json { Unit::Item } else { Unit::Line }
}

/// Brings the lines that state the same cell together.
struct Merge {
    cells: Sorted,
    next: Option<Staged>,
    unit: Unit,
}

impl Merge {
    /// The next cell, with what `duplicates` says about further statements of it.
    fn next(
        &mut self,
        duplicates: Duplicates,
        resolver: &Resolver<'_, '_>,
        problems: &mut Problems,
    ) -> Result<Option<Staged>, ImportError> {
        let first = match self.next.take() {
            Some(first) => Some(first),
            None => self.cells.next().map_err(FileError::Io)?,
        };
        let Some(mut merged) = first else { return Ok(None) };
        while let Some(next) = self.cells.next().map_err(FileError::Io)? {
            if next.cell.key != merged.cell.key {
                self.next = Some(next);
                break;
            }
            let reason = match duplicates {
                Duplicates::Reject => Some(format!(
                    "states {} again, as line {} did; expected each once, or that duplicates are to be summed",
                    resolver.describe(&next.cell.key),
                    merged.line
                )),
                Duplicates::Sum => match merged.cell.figures.checked_add(next.cell.figures) {
                    Some(sum) => {
                        merged.cell.figures = sum;
                        None
                    }
                    None => {
                        Some(format!("adds up to more than one cell can hold: {}", resolver.describe(&next.cell.key)))
                    }
                },
            };
            if let Some(reason) = reason {
                problems.add(LineError { line: next.line, unit: self.unit, column: None, reason });
            }
        }
        Ok(Some(merged))
    }
}

/// Writes cells in order and gives each day that changed the import's version.
struct DayWriter<'t, 'c> {
    txn: &'t WriteTxn<'c>,
    writer: StatWriter<'t>,
    /// The day of the last cell that was new or different.
    changed: Option<StatKey>,
    version: Option<crate::store::Version>,
}

impl DayWriter<'_, '_> {
    fn put(&mut self, staged: Staged, counts: &mut ImportRow) -> Result<(), StoreError> {
        let key = staged.cell.key;
        if self.changed.is_some_and(|last| (last.advertiser, last.day) != (key.advertiser, key.day)) {
            self.finish_day()?;
        }
        match self.writer.put(staged.cell, staged.line)? {
            Stored::Unchanged => counts.unchanged += 1,
            Stored::Inserted => {
                counts.inserted += 1;
                self.changed = Some(key);
            }
            Stored::Changed => {
                counts.changed += 1;
                self.changed = Some(key);
            }
        }
        Ok(())
    }

    fn finish_day(&mut self) -> Result<(), StoreError> {
        let Some(StatKey { advertiser, day, .. }) = self.changed.take() else { return Ok(()) };
        let version = match self.version {
            Some(version) => version,
            None => *self.version.insert(self.txn.version_take()?),
        };
        self.txn.day_touch(advertiser, day, version)
    }
}

/// Hashes what passes through.
struct Hashing<R> {
    input: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}

impl<R: Read> Hashing<R> {
    /// The hash of all there is, whether or not the parser wanted the last bytes.
    fn finish(mut self) -> Result<String, FileError> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(secrets::hex(&self.hash.finalize()))
    }
}
