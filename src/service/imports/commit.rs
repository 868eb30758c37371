//! Writes a staged input into the database in one write transaction, all or nothing.

use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::thread::Builder;

use chrono::{DateTime, Utc};

use super::cell_names::CellNames;
use super::creations::PlannedNames;
use super::cut_off::{self, note_cut_off};
use super::outlook::{Outlook, Tally};
use super::staging::Staging;
use super::surroundings::{self, Unnamed};
use super::writer::{CellWriter, Written};
use super::{ImportDone, ImportError, ImportNote, ImportOptions, ImportSource, Told};
use crate::domain::{DraftId, ImportId};
use crate::service::ServiceError;
use crate::store::{ImportKind, ImportMarker, ImportRow, Lane, NewImport, Store, WriteTxn};

/// A staged input to be written.
pub(super) struct Commit<'i> {
    pub(super) options: &'i ImportOptions,
    pub(super) source: &'i ImportSource,
    pub(super) id: ImportId,
    /// The upload to delete with the import.
    pub(super) draft: Option<DraftId>,
    /// What the preview showed. If the import would do something else, nothing is written.
    pub(super) expected: Option<&'i Outlook>,
    pub(super) now: DateTime<Utc>,
}

/// Returns the notes once they were found, perhaps by another thread.
type Unfinished = Box<dyn FnOnce() -> Result<Vec<ImportNote>, ImportError>>;

impl Commit<'_> {
    /// Marks the import as running until the result is dropped.
    pub(super) fn begin(&self, store: &Store) -> Result<ImportMarker, ImportError> {
        note_cut_off(store)?;
        Ok(cut_off::begin(store, self.id, &self.source.name, self.now)?)
    }

    /// Writes the staged input. `None` if the catalogue has changed since it was staged.
    pub(super) fn run(&self, store: &Store, staging: &mut Staging) -> Result<Option<ImportDone>, ImportError> {
        if let Some(wanted) = &self.options.control_total {
            wanted
                .check(staging.reading.cost.as_deref(), staging.reading.currency)
                .map_err(ImportError::ControlTotal)?;
        }
        let unnamed = self.unnamed(store, staging)?;
        let are_many = staging.cells.are_many();
        let work = |txn: &WriteTxn<'_>| {
            if !staging.catalogue.holds(txn)? {
                return Ok::<_, ImportError>(ControlFlow::Break(()));
            }
            self.write(txn, staging, unnamed).map(ControlFlow::Continue)
        };
        let outcome = if are_many { store.write_many(work) } else { store.write_or_undo(work) }?;
        Ok(match outcome {
            ControlFlow::Continue(done) => Some(done),
            ControlFlow::Break(()) => None,
        })
    }

    /// Looks for campaigns that the input doesn't name, in a snapshot from before the write. That takes as long as reading the
    /// days, so for many cells another thread does it during the write, and the result waits for it.
    fn unnamed(&self, store: &Store, staging: &mut Staging) -> Result<Unfinished, ImportError> {
        if self.source.kind != ImportKind::File || self.options.replace {
            return Ok(Box::new(|| Ok(Vec::new())));
        }
        let (planned, scopes) = (staging.creations.planned_names(), surroundings::scopes(&mut staging.cells)?);
        let snapshot = store.snapshot_in(Lane::Long)?;
        let look = move || {
            let txn = snapshot.txn();
            let found = surroundings::unnamed(&txn, &scopes, &mut CellNames::new(&txn, planned))?;
            Ok(found.iter().map(Unnamed::note).collect())
        };
        if staging.cells.are_many() {
            let looking = Builder::new().name("unnamed".to_owned()).spawn(look)?;
            return Ok(Box::new(|| looking.join().unwrap_or_else(|panic| resume_unwind(panic))));
        }
        let notes = look()?;
        Ok(Box::new(|| Ok(notes)))
    }

    fn write(&self, txn: &WriteTxn<'_>, staging: &mut Staging, unnamed: Unfinished) -> Result<ImportDone, ImportError> {
        let Self { options, source, id, now, .. } = *self;
        if let Some(draft) = self.draft
            && !txn.draft_delete(draft)?
        {
            return Err(ImportError::Taken);
        }
        let keys = staging.creations.carry_out(txn, now)?;
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
        let mut writer = CellWriter::new(txn, key, options.replace, options.days)?;
        let mut tally = Tally::default();
        let mut cells = staging.cells.reader()?;
        while let Some(mut staged) = cells.next()? {
            staged.cell.key = keys.of(staged.cell.key);
            tally.put(&staged.cell);
            writer.put(staged.cell, staged.line, &mut |change| tally.see(&change))?;
        }
        let written = writer.finish(&mut |change| tally.see(&change))?;
        let outlook = tally.finish(&written, &mut CellNames::new(txn, PlannedNames::default()))?;
        if let Some(expected) = self.expected.filter(|expected| **expected != outlook) {
            return Err(ImportError::Moved(outlook.differences(expected)));
        }
        let Written { counts, final_days, days } = written;
        if !final_days.is_empty() && options.reason.is_none() {
            return Err(ImportError::Final(final_days));
        }
        let mut reading = staging.reading.clone();
        reading.notes.extend(unnamed()?);
        let (sha256, rows, rounded) = (Some(reading.sha256.clone()), reading.rows, reading.rounded);
        let counts = ImportRow { sha256, rows, rounded, ..counts };
        let created = staging.creations.names();
        txn.import_finish(key, &counts)?;
        let told = Told {
            created: created.clone(),
            notes: reading.notes.clone(),
            left_out: reading.left_out.clone(),
            left_out_total: reading.left_out_total,
            outlook: outlook.clone(),
        };
        let told = serde_json::to_string(&told).map_err(|error| ServiceError::Internal(error.to_string()))?;
        txn.import_tell(key, reading.cost.as_deref(), reading.clicks, &told)?;
        txn.audit_add(&source.actor.did("stats import", &format!("{} ({rows} rows)", source.name)), now)?;
        Ok(ImportDone { id, counts, created, days, reading, outlook })
    }
}
