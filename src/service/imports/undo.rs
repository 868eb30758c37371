//! Undoes a whole import, if no later import changed the same rows. The undo is an entry of its own in the history.
//!
//! Each cell that has the import's value gets the latest value that another import states which isn't undone. So a value that
//! a later import states too is kept, and belongs to that import from then on.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;

use chrono::Utc;
use uuid::Uuid;

use super::final_days::{FinalDay, FinalDays};
use crate::domain::{Day, DayState, Figures, ImportId, Reason};
use crate::service::{Actor, ServiceError, ServiceResult};
use crate::store::{
    AdvertiserKey, ImportEntry, ImportKey, ImportKind, ImportRow, NewImport, PastValue, ReadTxn, StatKey, StatRow,
    StatedSet, StatedSetKey, Store, StoreError, StoreResult, WriteTxn,
};

/// A later import that changed the same cells.
#[derive(Debug, Clone)]
pub struct LaterChange {
    pub import: ImportEntry,
    /// How many cells both stated.
    pub cells: u64,
}

/// The result of an undo.
#[derive(Debug)]
pub struct Undone {
    /// The id of the undo's own entry.
    pub id: ImportId,
    /// Cells that got their earlier value back.
    pub restored: u64,
    /// Cells that didn't exist before, and were removed.
    pub deleted: u64,
    /// Cells that keep their value because another import states it too.
    pub kept: u64,
}

/// Why an import was not undone. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum UndoError {
    /// Later imports changed the same rows.
    #[error("newer changes affect the same rows: {}. Undo those first, newest first", Listed(.0))]
    Stands(Vec<LaterChange>),
    /// Final days would change, and no reason was given.
    #[error("{}", .0.refusal())]
    Final(FinalDays),
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

/// The later imports that prevent an undo, newest first.
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
    for (key, cells) in merges_above(txn, import)? {
        if later.iter().all(|(known, _)| *known != key) {
            later.push((key, cells));
        }
    }
    later.sort_unstable_by_key(|(key, _)| std::cmp::Reverse(*key));
    later.into_iter().map(|(key, cells)| Ok(LaterChange { import: txn.import_by_key(key)?, cells })).collect()
}

/// Later merges that hide cells which the undo would restore.
fn merges_above(txn: &ReadTxn<'_>, import: ImportKey) -> ServiceResult<BTreeMap<ImportKey, u64>> {
    let merges = txn.merges()?;
    let mut found = BTreeMap::new();
    if merges.latest().is_none_or(|latest| latest <= import) {
        return Ok(found);
    }
    let mut plan = UndoPlan::new(txn, import)?;
    for span in txn.import_spans(import)? {
        for day in txn.import_days_held(import, span)? {
            for UndoneCell { key, new, .. } in plan.day(span.advertiser, day)? {
                let hid = [merges.hid_publisher(key.publisher), merges.hid_campaign(key.campaign)];
                if new.is_some_and(|new| new.figures != Figures::default()) {
                    hid.into_iter()
                        .flatten()
                        .filter(|by| *by > import)
                        .for_each(|by| *found.entry(by).or_default() += 1);
                }
            }
        }
    }
    Ok(found)
}

/// The final days that undoing an import would change or reopen.
pub fn final_days(txn: &ReadTxn<'_>, import: ImportKey) -> ServiceResult<FinalDays> {
    let mut found = FinalDays::default();
    let mut plan = UndoPlan::new(txn, import)?;
    for span in txn.import_spans(import)? {
        let held = txn.import_days_held(import, span)?;
        for mark in txn.day_marks(span.advertiser, span.first, span.last)? {
            if mark.state == DayState::Final {
                let is_held = held.binary_search(&mark.day).is_ok();
                let cells = if is_held { plan.day(span.advertiser, mark.day)? } else { Vec::new() };
                let rows = cells.iter().filter(|cell| cell.is_change()).count() as u64;
                if rows > 0 || mark.import == import {
                    let day = Day::from_stored(mark.day)?;
                    found.0.push(FinalDay { advertiser: span.advertiser, day, rows });
                }
            }
        }
    }
    Ok(found)
}

/// The days of each advertiser on which undoing an import changes clicks or cost.
pub fn undo_days(txn: &ReadTxn<'_>, import: ImportKey) -> ServiceResult<BTreeMap<AdvertiserKey, BTreeSet<i64>>> {
    let mut found: BTreeMap<_, BTreeSet<i64>> = BTreeMap::new();
    let mut plan = UndoPlan::new(txn, import)?;
    for span in txn.import_spans(import)? {
        for day in txn.import_days_held(import, span)? {
            let shown = |row: &StatRow| (row.figures.clicks, row.figures.cost);
            let mut cells = plan.day(span.advertiser, day)?.into_iter();
            if cells.any(|cell| cell.new.is_none_or(|new| shown(&new) != shown(&cell.old))) {
                found.entry(span.advertiser).or_default().insert(day);
            }
        }
    }
    Ok(found)
}

/// The effect of an undo on a cell that has the import's value.
#[derive(Debug, Clone, Copy)]
pub(in crate::service) struct UndoneCell {
    pub(in crate::service) key: StatKey,
    pub(in crate::service) old: StatRow,
    /// Its new value; `None` if no other import states it.
    pub(in crate::service) new: Option<StatRow>,
}

impl UndoneCell {
    /// Whether its figures change.
    pub(in crate::service) fn is_change(&self) -> bool {
        self.new.is_none_or(|new| new.figures != self.old.figures)
    }
}

/// Computes what undoing an import does, one day at a time.
pub(in crate::service) struct UndoPlan<'t, 'c> {
    txn: &'t ReadTxn<'c>,
    import: ImportKey,
    undone: HashSet<ImportKey>,
    sets: HashMap<StatedSetKey, StatedSet>,
}

impl<'t, 'c> UndoPlan<'t, 'c> {
    pub(in crate::service) fn new(txn: &'t ReadTxn<'c>, import: ImportKey) -> StoreResult<Self> {
        Ok(Self { txn, import, undone: txn.imports_undone()?, sets: HashMap::new() })
    }

    /// The day's cells that have the import's value.
    pub(in crate::service) fn day(&mut self, advertiser: AdvertiserKey, day: i64) -> StoreResult<Vec<UndoneCell>> {
        let held = self.txn.import_cells_held(self.import, advertiser, day)?;
        let past = self.txn.stat_past_of_day(advertiser, day)?;
        let mut statements = self.txn.statements_of_day(advertiser, day)?;
        statements.retain(|(by, _)| *by != self.import);
        for (_, set) in &statements {
            if !self.sets.contains_key(set) {
                self.sets.insert(*set, self.txn.stated_set(*set)?);
            }
        }
        let cells = held.into_iter().map(|(key, old)| {
            let from = past.partition_point(|(other, _)| *other < key);
            let past = past[from..].iter().take_while(|(other, _)| *other == key).map(|(_, past)| past);
            let past: Vec<&PastValue> = past.collect();
            let stating = statements
                .iter()
                .filter(|(_, set)| self.sets.get(set).is_some_and(|set| set.has(key.campaign, key.publisher)));
            UndoneCell { key, old, new: self.below(&old, &past, stating.map(|(by, _)| *by)) }
        });
        Ok(cells.collect())
    }

    /// The latest value of a cell from any other import that isn't undone. `past` is what the cell had, oldest first;
    /// `stating` are the imports that stated it, newest first.
    fn below(
        &self,
        now: &StatRow,
        past: &[&PastValue],
        mut stating: impl Iterator<Item = ImportKey>,
    ) -> Option<StatRow> {
        let held = past.iter().map(|past| past.stated);
        let stands = |row: &StatRow| row.import != self.import && !self.undone.contains(&row.import);
        let changed = held.filter(stands).max_by_key(|row| row.import);
        // The cell's value when an import stated it again; the cell may not have existed then.
        let held_at = |by: ImportKey| past.iter().find(|past| past.ended_by > by).map_or(now, |past| &past.stated);
        let restated = stating.find(|by| held_at(*by).import <= *by);
        match restated {
            Some(by) if changed.is_none_or(|row| row.import < by) => {
                Some(StatRow { figures: held_at(by).figures, import: by, line: 0 })
            }
            _ => changed,
        }
    }
}

/// Undoes an import: every cell with its value gets the value it has without the import, or is removed if there is none; its
/// marks of days end. What it created in the catalogue stays.
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
        // An import from before the history was kept can't be undone if it changed values, or was changed since.
        let mut known = (0, 0);
        for span in txn.import_spans(import.key)? {
            let (changed, inserted) = txn.import_counted(import.key, span)?;
            known = (known.0 + changed, known.1 + inserted);
        }
        if known != (import.counts.changed, import.counts.inserted) {
            let message = "values of this import were changed before Pitlane kept the history, so it can't be undone";
            return Err(StoreError::Conflict(message.to_owned()).into());
        }
        let done = take_back(txn, import.key, key)?;
        if let Some(which) = txn.merge_of(import.key)? {
            txn.merge_touch(which)?;
        }
        let rows = done.restored + done.deleted;
        txn.import_finish(key, &ImportRow { rows, changed: rows, ..ImportRow::default() })?;
        let kept = if done.kept > 0 { format!(", {} kept", done.kept) } else { String::new() };
        txn.audit_add(&actor.did("stats undo", &format!("{} {id} ({rows} rows{kept})", import.source)), now)?;
        Ok(Undone { id: undo, ..done })
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

fn take_back(txn: &WriteTxn<'_>, import: ImportKey, undo: ImportKey) -> ServiceResult<Undone> {
    let mut done = Undone { id: ImportId::from(Uuid::nil()), restored: 0, deleted: 0, kept: 0 };
    let mut plan = UndoPlan::new(txn, import)?;
    for span in txn.import_spans(import)? {
        for day in txn.import_days_held(import, span)? {
            let cells = plan.day(span.advertiser, day)?;
            for cell in &cells {
                txn.stat_take_back(undo, cell.key, cell.new.as_ref())?;
                match cell.new {
                    None => done.deleted += 1,
                    Some(_) if cell.is_change() => done.restored += 1,
                    Some(_) => done.kept += 1,
                }
            }
            if cells.iter().any(UndoneCell::is_change) {
                txn.day_touch(span.advertiser, day, txn.version_take()?)?;
                txn.day_sum_again(span.advertiser, day);
            }
        }
        txn.import_span_add(undo, span)?;
    }
    Ok(done)
}
