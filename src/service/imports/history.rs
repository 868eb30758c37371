//! Reads the history: what an import did, and all values of one cell.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use chrono::{DateTime, Utc};

use super::CellName;
use crate::domain::{Day, Figures};
use crate::service::ServiceResult;
use crate::store::{AdvertiserKey, ChangePage, ImportEntry, ImportKey, ReadTxn, StatChange, StatKey, UndoChange};

/// What an import changed, in the order of the table: at most `limit` cells after `after`. For an undo, what it reverted.
///
/// New cells are only included if `with_new`; there may be a million of them.
pub fn changes(
    txn: &ReadTxn<'_>,
    import: &ImportEntry,
    after: Option<StatKey>,
    with_new: bool,
    limit: u32,
) -> ServiceResult<Vec<ChangedCell>> {
    let mut found: Vec<ChangedCell> = Vec::new();
    for span in txn.import_spans(import.key)? {
        // Spans are in the order of advertisers, so those before the cell's own are done.
        if after.is_some_and(|key| key.advertiser > span.advertiser) {
            continue;
        }
        let after = after.filter(|key| key.advertiser == span.advertiser);
        let room = usize::try_from(limit).unwrap_or(usize::MAX).saturating_sub(found.len());
        let page = ChangePage { span, after, with_new, limit: u32::try_from(room).unwrap_or(limit) };
        if import.undoes.is_some() {
            let cells = txn.undo_changes(import.key, &page)?.into_iter();
            found.extend(cells.map(|UndoChange { key, old, new, line }| ChangedCell {
                key,
                old: Some(old),
                new,
                line,
            }));
        } else {
            let cells = txn.import_changes(import.key, &page)?.into_iter();
            found.extend(cells.map(|StatChange { key, old, new, line }| ChangedCell {
                key,
                old,
                new: Some(new),
                line,
            }));
        }
    }
    Ok(found)
}

/// What an import did to one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangedCell {
    pub key: StatKey,
    /// Its value before, if it existed.
    pub old: Option<Figures>,
    /// Its value afterwards, if it existed.
    pub new: Option<Figures>,
    /// The import's line; 0 if the file left the cell out and it was set to zero. For an undo, the line in the import that it
    /// undid.
    pub line: u64,
}

/// The same with names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedChange {
    pub cell: CellName,
    /// Its value before, if it existed.
    pub old: Option<Figures>,
    /// Its value afterwards, if it existed.
    pub new: Option<Figures>,
    /// As in [`ChangedCell`].
    pub line: u64,
}

/// Looks up the names of cells.
pub fn named(txn: &ReadTxn<'_>, cells: &[ChangedCell]) -> ServiceResult<Vec<NamedChange>> {
    let publishers: HashMap<_, _> = txn.publisher_list()?.into_iter().map(|row| (row.key, row.name)).collect();
    let mut advertisers: HashMap<AdvertiserKey, (String, HashMap<_, _>)> = HashMap::new();
    let mut found = Vec::with_capacity(cells.len());
    for ChangedCell { key, old, new, line } in cells.iter().copied() {
        let (advertiser, campaigns) = match advertisers.entry(key.advertiser) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => {
                let campaigns = txn.campaign_list(key.advertiser)?.into_iter().map(|row| (row.key, row.name)).collect();
                free.insert((txn.advertiser_by_key(key.advertiser)?.name, campaigns))
            }
        };
        let cell = CellName {
            advertiser: advertiser.clone(),
            day: Day::from_stored(key.day)?,
            campaign: campaigns.get(&key.campaign).cloned().unwrap_or_default(),
            publisher: publishers.get(&key.publisher).cloned().unwrap_or_default(),
        };
        found.push(NamedChange { cell, old, new, line });
    }
    Ok(found)
}

/// A value that a cell had for some time.
#[derive(Debug, Clone)]
pub struct LifeStep {
    /// The value; `None` if an undo removed the cell.
    pub figures: Option<Figures>,
    pub at: DateTime<Utc>,
    /// The import that stated the value, or the undo that restored or removed it.
    pub brought_by: ImportEntry,
    /// The import that stated the value, and the line.
    pub stated_by: Option<(ImportEntry, u64)>,
}

/// All values of a cell, oldest first. The last one is the current one.
pub fn life(txn: &ReadTxn<'_>, key: StatKey) -> ServiceResult<Vec<LifeStep>> {
    let past = txn.stat_past(key)?;
    let now = txn.stat_find(key)?.map(|stated| (stated, None));
    let mut steps: Vec<LifeStep> = Vec::new();
    let mut ended_by: Option<ImportKey> = None;
    for (stated, ends) in past.into_iter().map(|past| (past.stated, Some(past.ended_by))).chain(now) {
        let stated_by = txn.import_by_key(stated.import)?;
        // A value from an import after the last change: the cell didn't exist in between.
        if let Some(gone) = ended_by.filter(|ended| stated.import > *ended) {
            steps.push(gone_step(txn, gone)?);
        }
        // A value from an import before the last change: that change restored it.
        let brought_by = match ended_by {
            Some(ended) if stated.import < ended => txn.import_by_key(ended)?,
            _ => stated_by.clone(),
        };
        steps.push(LifeStep {
            figures: Some(stated.figures),
            at: brought_by.at,
            brought_by,
            stated_by: Some((stated_by, stated.line)),
        });
        ended_by = ends;
    }
    if let Some(gone) = ended_by {
        steps.push(gone_step(txn, gone)?);
    }
    Ok(steps)
}

fn gone_step(txn: &ReadTxn<'_>, undo: ImportKey) -> ServiceResult<LifeStep> {
    let brought_by = txn.import_by_key(undo)?;
    Ok(LifeStep { figures: None, at: brought_by.at, brought_by, stated_by: None })
}
