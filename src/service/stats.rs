//! One cell edited by hand: an import of one row, with a reason.

use chrono::Utc;
use uuid::Uuid;

use crate::domain::{Figures, Invalid, Reason};
use crate::service::imports::{CellWriter, Written};
use crate::service::{Actor, ServiceResult};
use crate::store::{ImportKind, ImportRow, NewImport, ReadTxn, StatCell, StatKey, Store, StoreError, StoreResult};

/// One cell as somebody wants it to be.
#[derive(Debug)]
pub struct CellEdit<'a> {
    pub key: StatKey,
    /// What it is to hold.
    pub figures: Figures,
    /// What it held when the person looked.
    pub seen: Seen,
    /// Why. Needed where figures change that were there, and on final days.
    pub reason: Option<&'a Reason>,
    /// The cell's name for people.
    pub what: &'a str,
}

/// What somebody saw in a cell before they changed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It is not known; whatever is there is overwritten.
    Unknown,
    /// There was no such row.
    Nothing,
    /// It held these figures.
    Figures(Figures),
}

impl Seen {
    /// What a row holds, if there is one.
    #[must_use]
    pub fn of(held: Option<Figures>) -> Self {
        held.map_or(Self::Nothing, Self::Figures)
    }
}

/// What an edit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edited {
    /// The cell holds other figures now.
    Changed,
    /// It held these figures already.
    Unchanged,
    /// It does not hold what the person saw, but this; nothing was changed.
    Moved(Option<Figures>),
}

/// What is said of a row that can't be edited, since it holds the zeros of what was merged.
pub const MERGED: &str =
    "Its campaign or publisher was merged into another: edit the row of that one, or undo the merge first.";

/// Whether a cell's campaign or publisher was merged.
pub fn is_merged(txn: &ReadTxn<'_>, key: &StatKey) -> StoreResult<bool> {
    let merges = txn.merges()?;
    Ok(merges.hid_campaign(key.campaign).or(merges.hid_publisher(key.publisher)).is_some())
}

/// Restates one cell; whether that changed anything. `what` names the cell for people.
pub fn edit(
    store: &Store,
    key: StatKey,
    figures: Figures,
    reason: &Reason,
    what: &str,
    actor: &Actor,
) -> ServiceResult<bool> {
    let edit = CellEdit { key, figures, seen: Seen::Unknown, reason: Some(reason), what };
    Ok(edit_seen(store, &edit, actor)? == Edited::Changed)
}

/// Restates one cell, unless it holds something else than the person saw.
pub fn edit_seen(store: &Store, edit: &CellEdit<'_>, actor: &Actor) -> ServiceResult<Edited> {
    let now = Utc::now();
    let CellEdit { key, figures, reason, what, .. } = *edit;
    store.write(|txn| {
        if is_merged(txn, &key)? {
            return Err(StoreError::Conflict(MERGED.to_owned()).into());
        }
        let held = txn.stat_find(key)?.map(|row| row.figures);
        if held == Some(figures) {
            return Ok(Edited::Unchanged);
        }
        if edit.seen != Seen::Unknown && edit.seen != Seen::of(held) {
            return Ok(Edited::Moved(held));
        }
        if reason.is_none() {
            if held.is_some() {
                return Err(Invalid::because("reason", "say why these figures change").into());
            }
            if txn.day_is_final(key.advertiser, key.day)? {
                return Err(Invalid::because("reason", "this day is marked final: say why it changes").into());
            }
        }
        let import = txn.import_begin(&NewImport {
            id: Uuid::new_v4().into(),
            kind: ImportKind::Edit,
            source: what,
            actor: &actor.name,
            reason,
            token: None,
            undoes: None,
            now,
        })?;
        let mut writer = CellWriter::new(txn, import, false, None)?;
        writer.put(StatCell { key, figures }, 1, &mut |_| {})?;
        let Written { counts, .. } = writer.finish(&mut |_| {})?;
        txn.import_finish(import, &ImportRow { rows: 1, ..counts })?;
        let why = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
        let to = format!("{what}: {} clicks, cost {}{why}", figures.clicks, figures.cost);
        txn.audit_add(&actor.did("stats edit", &to), now)?;
        Ok(Edited::Changed)
    })
}
