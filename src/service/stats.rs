//! Editing one row by hand: an import of one row, with a reason. And which days the last ones are.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::{Day, Figures, Invalid, Reason};
use crate::service::imports::{CellWriter, Written};
use crate::service::{Actor, ServiceResult};
use crate::store::{
    AdvertiserRow, ImportKind, ImportRow, NewImport, ReadTxn, StatCell, StatKey, Store, StoreError, StoreResult,
};

/// The last of "the last 30 days": today where stats reach it, else yesterday.
pub fn last_day(txn: &ReadTxn<'_>, advertiser: &AdvertiserRow, now: DateTime<Utc>) -> ServiceResult<Day> {
    let today = advertiser.time_zone.today(now)?;
    let has_today = txn.stat_span(advertiser.key)?.is_some_and(|(_, last)| last >= today.to_stored());
    Ok(if has_today { today } else { today.earlier(1).unwrap_or(today) })
}

/// How many days "the last 30 days" are.
pub const LAST_DAYS: i64 = 30;

/// "The last 30 days", as stored: the first and the last.
pub fn last_days(txn: &ReadTxn<'_>, advertiser: &AdvertiserRow, now: DateTime<Utc>) -> ServiceResult<(i64, i64)> {
    let last = last_day(txn, advertiser, now)?.to_stored();
    Ok((last - LAST_DAYS + 1, last))
}

/// An edit of one row.
#[derive(Debug)]
pub struct CellEdit<'a> {
    pub key: StatKey,
    /// Its new figures.
    pub figures: Figures,
    /// Its figures when the person looked.
    pub seen: Seen,
    /// The reason. Required if existing figures change, and for final days.
    pub reason: Option<&'a Reason>,
    /// The row's name in the history.
    pub what: &'a str,
}

/// What a person saw in a row before editing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Not known; the current value is overwritten.
    Unknown,
    /// The row didn't exist.
    Nothing,
    /// It had these figures.
    Figures(Figures),
}

impl Seen {
    /// A row's value, if it exists.
    #[must_use]
    pub fn of(held: Option<Figures>) -> Self {
        held.map_or(Self::Nothing, Self::Figures)
    }
}

/// The result of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edited {
    /// The row has the new figures.
    Changed,
    /// It already had these figures.
    Unchanged,
    /// The row no longer has the figures that the person saw, but these; nothing was changed.
    Moved(Option<Figures>),
}

/// The error for a row that can't be edited because its campaign or publisher was merged.
pub const MERGED: &str =
    "Its campaign or publisher was merged into another: edit the row of that one, or undo the merge first.";

/// Whether a row's campaign or publisher was merged.
pub fn is_merged(txn: &ReadTxn<'_>, key: &StatKey) -> StoreResult<bool> {
    let merges = txn.merges()?;
    Ok(merges.hid_campaign(key.campaign).or(merges.hid_publisher(key.publisher)).is_some())
}

/// Edits one row; returns whether that changed anything. `what` is the row's name in the history.
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

/// Edits one row, unless its figures differ from those the person saw.
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
