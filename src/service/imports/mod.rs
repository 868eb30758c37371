//! The one engine behind every way in: a file on the command line or in the browser, an upload, one cell edited by hand.
//!
//! All of an import runs in one write transaction: lines are parsed, their names looked up (or created), the cells sorted
//! and written. Anything wrong anywhere, and nothing of it stays. A preview does the same and then takes it all back, so
//! what it tells is what would have happened.

mod answer;
mod cut_off;
mod failure;
mod final_days;
mod history;
mod known;
mod mappings;
mod marks;
mod merge;
mod outliers;
mod preview;
mod problems;
mod resolver;
mod sorter;
mod undo;
mod writer;

use std::io::{self, Read};
use std::ops::ControlFlow;

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

pub use self::answer::{ImportAnswer, PreviewAnswer};
pub use self::cut_off::{CUT_OFF_NOTICE, note_cut_off, recently_cut_off};
pub use self::final_days::{FinalDay, FinalDays};
pub use self::history::{ChangedCell, LifeStep, NamedChange, changes, life, named};
pub use self::mappings::{SavedMapping, delete_mapping, mapping_for, save_mapping, saved_mapping, use_mapping};
pub use self::marks::mark_days;
use self::merge::Merge;
pub use self::outliers::{Outlier, Outliers};
use self::preview::Watch;
pub use self::preview::{CellChange, CellName, Preview, preview};
use self::problems::ProblemLog;
pub use self::problems::Problems;
pub use self::resolver::Created;
use self::resolver::{LineOutcome, Resolver};
use self::sorter::{Sorter, Staged};
pub use self::undo::{LaterChange, UndoError, Undone, final_days, later_changes, undo, undo_days};
pub(super) use self::writer::{CellWriter, Written};
use super::access::secrets;
use super::{Actor, ServiceError};
use crate::domain::{Day, DayState, ImportId, Reason};
use crate::import::{self, FileError, Format, LineError, Mapping, StatLine, Unit};
use crate::store::{ImportKey, ImportKind, ImportRow, NewImport, Store, StoreError, TokenKey, WriteTxn};

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
    /// Set to zero what the days and publishers of the input have besides what it states.
    pub replace: bool,
    /// What the days of the input are called from now on.
    pub days: Option<DayState>,
    /// Why; needed where final days change.
    pub reason: Option<Reason>,
}

impl ImportOptions {
    /// Reads the contract's own columns, and refuses whatever could be refused.
    #[must_use]
    pub fn new(format: Format) -> Self {
        Self {
            format,
            mapping: Mapping::default(),
            advertiser: None,
            create_missing: false,
            duplicates: Duplicates::default(),
            replace: false,
            days: None,
            reason: None,
        }
    }
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
    /// The input's headers, or the keys of its first item.
    pub headers: Vec<String>,
    /// Headers that no column took.
    pub ignored: Vec<String>,
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
    /// Days are final, and no reason was given.
    #[error("days that are final would change: {0}. Give the reason why")]
    Final(FinalDays),
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
    let (now, id) = (Utc::now(), ImportId::from(Uuid::new_v4()));
    note_cut_off(store)?;
    let _running = cut_off::begin(store, id, &source.name, now)?;
    store.write(|txn| {
        let import = Import::begin(txn, options, source, id, now)?;
        let key = import.key;
        let outcome = import.read(input, &mut ProblemLog::default(), None)?;
        if !outcome.problems.is_empty() {
            return Err(ImportError::Lines(outcome.problems));
        }
        if !outcome.final_days.is_empty() && options.reason.is_none() {
            return Err(ImportError::Final(outcome.final_days));
        }
        let done = outcome.done;
        txn.import_finish(key, &done.counts)?;
        txn.audit_add(&source.actor.did("stats import", &format!("{} ({} rows)", source.name, done.counts.rows)), now)?;
        Ok(done)
    })
}

/// An import under way in its transaction.
struct Import<'t, 'c> {
    txn: &'t WriteTxn<'c>,
    options: &'t ImportOptions,
    id: ImportId,
    key: ImportKey,
    now: DateTime<Utc>,
}

/// What came of reading and writing the input.
struct Outcome {
    done: ImportDone,
    final_days: FinalDays,
    /// Lines that stated a cell again.
    repeated: u64,
    problems: Problems,
}

impl<'t, 'c> Import<'t, 'c> {
    fn begin(
        txn: &'t WriteTxn<'c>,
        options: &'t ImportOptions,
        source: &ImportSource,
        id: ImportId,
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let key = txn.import_begin(&NewImport {
            id,
            kind: source.kind,
            source: &source.name,
            actor: &source.actor.name,
            reason: options.reason.as_ref(),
            token: source.token,
            undoes: None,
            now,
        })?;
        Ok(Self { txn, options, id, key, now })
    }

    /// Reads the input and, unless a line is wrong, writes what it states.
    fn read(
        &self,
        input: impl Read,
        problems: &mut ProblemLog<'_>,
        mut watch: Option<&mut Watch>,
    ) -> Result<Outcome, ImportError> {
        let (txn, options) = (self.txn, self.options);
        let mut input = Hashing { input, hash: Sha256::new() };
        let mut resolver = Resolver::new(txn, options, self.now)?;
        let mut sorter = Sorter::new();
        let (mut rows, mut rounded) = (0, 0);
        let mut take = |line: Result<StatLine<'_>, LineError>| -> Result<(), ImportError> {
            let outcome = match line {
                Err(problem) => LineOutcome::Refused(vec![problem]),
                Ok(line) => {
                    rows += 1;
                    rounded += u64::from(line.cost.is_finer_than_micros());
                    resolver.stage(&line)?
                }
            };
            match outcome {
                LineOutcome::Staged(cell) => sorter.push(cell).map_err(FileError::Io)?,
                LineOutcome::Refused(found) => found.into_iter().for_each(|problem| problems.add(problem)),
            }
            Ok(())
        };
        let mut taken = Ok(());
        let summary = import::read(options.format, &mut input, &options.mapping, &mut |line| {
            taken = take(line);
            if taken.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        taken?;
        let sha256 = Some(input.finish()?);
        let mut merge = Merge::new(sorter.sorted().map_err(FileError::Io)?, unit(options.format), options.duplicates);
        let mut writer = CellWriter::new(txn, self.key, options.replace, options.days)?;
        let mut seen = |change| {
            if let Some(watch) = watch.as_deref_mut() {
                watch.see(&change, &resolver);
            }
        };
        while let Some((cell, line)) = merge.next(&resolver, &mut |problem| problems.add(problem))? {
            // Once a line was wrong nothing of this will stay; the rest is only read for its own problems.
            if problems.is_empty() {
                writer.put(cell, line, &mut seen)?;
            }
        }
        let written = if problems.is_empty() { writer.finish(&mut seen)? } else { Written::default() };
        let Written { counts, final_days, days } = written;
        if let Some(watch) = watch {
            watch.look_around(txn, self.key, &resolver)?;
        }
        let counts = ImportRow { sha256, rows, rounded, ..counts };
        let import::Summary { headers, ignored } = summary;
        let done = ImportDone { id: self.id, counts, created: resolver.created(), days, headers, ignored };
        Ok(Outcome { done, final_days, repeated: merge.repeated, problems: problems.take() })
    }
}

fn unit(format: Format) -> Unit {
    if format == Format::Json { Unit::Item } else { Unit::Line }
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
