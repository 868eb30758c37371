//! An import taken back whole, as long as no later change stands on what it stated. The undo is an entry of its own.

use std::fmt;

use chrono::Utc;
use uuid::Uuid;

use super::final_days::{FinalDay, FinalDays};
use crate::domain::{Day, DayState, ImportId, Reason};
use crate::service::{Actor, ServiceError, ServiceResult};
use crate::store::{
    ImportEntry, ImportKey, ImportKind, ImportRow, ImportSpan, NewImport, ReadTxn, Store, StoreError, WriteTxn,
};

/// A later import whose changes stand on what an import stated.
#[derive(Debug, Clone)]
pub struct LaterChange {
    /// The later import.
    pub import: ImportEntry,
    /// Cells that both stated.
    pub cells: u64,
}

/// What an undo did.
#[derive(Debug)]
pub struct Undone {
    /// The id of the undo's own entry.
    pub id: ImportId,
    /// Cells that got the value back which they had before.
    pub restored: u64,
    /// Cells that had none before, and are gone.
    pub deleted: u64,
}

/// Why an import was not undone. Nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// Later changes stand on its rows.
    #[error("later changes stand on its rows: {}. Undo those first, the newest first", Listed(.0))]
    Stands(Vec<LaterChange>),
    /// Days are final, and no reason was given.
    #[error("days that are final would change: {0}. Give the reason why")]
    Final(FinalDays),
    /// Something else.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl From<StoreError> for UndoError {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}

/// Later changes in one line of text.
struct Listed<'a>(&'a [LaterChange]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, LaterChange { import, cells }) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            let (kind, at) = (import.kind.as_str(), import.at.format("%Y-%m-%d %H:%M UTC"));
            let rows = if *cells == 1 { "row" } else { "rows" };
            write!(f, "{comma}{kind} {} \"{}\" of {at} ({cells} {rows})", import.id, import.source)?;
        }
        Ok(())
    }
}

/// The later imports that keep one from being undone, the newest first.
pub fn later_changes(txn: &ReadTxn<'_>, import: ImportKey) -> ServiceResult<Vec<LaterChange>> {
    let mut later: Vec<(ImportKey, u64)> = Vec::new();
    for span in txn.import_spans(import)? {
        for (key, cells) in txn.import_later(import, span)? {
            match later.iter_mut().find(|(known, _)| *known == key) {
                Some((_, sum)) => *sum += cells,
                None => later.push((key, cells)),
            }
        }
    }
    later.sort_unstable_by_key(|(key, _)| std::cmp::Reverse(*key));
    later.into_iter().map(|(key, cells)| Ok(LaterChange { import: txn.import_by_key(key)?, cells })).collect()
}

/// The final days that undoing an import would change: cells of theirs, or that they are final.
pub fn final_days(txn: &ReadTxn<'_>, import: ImportKey) -> ServiceResult<FinalDays> {
    let mut found = FinalDays::default();
    for span in txn.import_spans(import)? {
        let held = txn.import_days_held(import, span)?;
        for mark in txn.day_marks(span.advertiser, span.first, span.last)? {
            let rows = held.binary_search_by_key(&mark.day, |(day, _)| *day).map_or(0, |at| held[at].1);
            if mark.state == DayState::Final && (rows > 0 || mark.import == import) {
                let day = Day::from_stored(mark.day)?;
                found.0.push(FinalDay { advertiser: span.advertiser, day, rows });
            }
        }
    }
    Ok(found)
}

/// Takes an import back: every cell that holds what it stated gets its old value again, or goes where it had none, and
/// what it called its days counts no more. What it created in the catalogue stays.
pub fn undo(store: &Store, id: ImportId, reason: Option<&Reason>, actor: &Actor) -> Result<Undone, UndoError> {
    let now = Utc::now();
    store.write(|txn| {
        let import = txn.import_get(id)?;
        may_be_undone(&import)?;
        let later = later_changes(txn, import.key)?;
        if !later.is_empty() {
            return Err(UndoError::Stands(later));
        }
        let touched = final_days(txn, import.key)?;
        if !touched.is_empty() && reason.is_none() {
            return Err(UndoError::Final(touched));
        }
        let undo = ImportId::from(Uuid::new_v4());
        let key = txn.import_begin(&NewImport {
            id: undo,
            kind: ImportKind::Undo,
            source: &import.source,
            actor: &actor.name,
            reason,
            token: None,
            undoes: Some(import.key),
            now,
        })?;
        let (mut restored, mut deleted) = (0, 0);
        for span in txn.import_spans(import.key)? {
            let taken = take_back(txn, import.key, key, span)?;
            restored += taken.0;
            deleted += taken.1;
        }
        // An import from before the history was kept can't be taken back where it changed values, or was changed since.
        if (restored, deleted) != (import.counts.changed, import.counts.inserted) {
            let message =
                "values of this import were changed before Pitlane kept what they were, so it can't be undone";
            return Err(StoreError::Conflict(message.to_owned()).into());
        }
        txn.import_finish(
            key,
            &ImportRow { rows: restored + deleted, changed: restored + deleted, ..ImportRow::default() },
        )?;
        let rows = restored + deleted;
        txn.audit_add(&actor.did("stats undo", &format!("{} {id} ({rows} rows)", import.source)), now)?;
        Ok(Undone { id: undo, restored, deleted })
    })
}

fn may_be_undone(import: &ImportEntry) -> Result<(), StoreError> {
    if import.kind == ImportKind::Undo {
        return Err(StoreError::Conflict("an undo can't be undone: import the file again instead".to_owned()));
    }
    if let Some((undo, at)) = import.undone {
        let at = at.format("%Y-%m-%d %H:%M UTC");
        return Err(StoreError::Conflict(format!("the import was undone already, on {at}, by {undo}")));
    }
    Ok(())
}

fn take_back(txn: &WriteTxn<'_>, import: ImportKey, undo: ImportKey, span: ImportSpan) -> ServiceResult<(u64, u64)> {
    let held = txn.import_days_held(import, span)?;
    let taken = txn.import_take_back(import, undo, span)?;
    let version = txn.version_take()?;
    for (day, _) in held {
        txn.day_touch(span.advertiser, day, version)?;
    }
    txn.import_span_add(undo, span)?;
    Ok(taken)
}
