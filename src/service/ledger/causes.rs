//! Why a day differs from what Singular received: the imports and edits since, and the changes of the catalogue.

use std::collections::{BTreeMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::{CellDifference, LedgerDay};
use crate::service::ServiceResult;
use crate::store::{AdvertiserKey, AuditRow, CampaignKey, ImportEntry, ImportKey, PublisherKey, ReadTxn, Version};

/// A change of a day since Singular received it.
#[derive(Debug, Clone)]
pub enum Cause {
    /// An import, an edit or an undo, with the number of cells that it changed.
    Import(Box<ImportEntry>, u64),
    /// An offer that was renamed, or whose cost reporting was switched.
    Offer {
        /// Its name before.
        name: String,
        /// Whether its cost reporting was on before.
        was_on: bool,
        /// When that changed.
        at: DateTime<Utc>,
        /// The entry in the audit log.
        entry: Option<AuditRow>,
    },
    /// A campaign that was moved, or an app whose store id was changed.
    Catalogue {
        /// When that changed.
        at: DateTime<Utc>,
        /// The entry in the audit log.
        entry: Option<AuditRow>,
    },
}

/// The changes of the day since Singular received it, oldest first.
pub fn causes(txn: &ReadTxn<'_>, advertiser: AdvertiserKey, day: &LedgerDay) -> ServiceResult<Vec<Cause>> {
    let since = day.served.map_or_else(Version::default, |(_, version)| version);
    let last = txn.import_at(since)?;
    let stored = day.day.to_stored();
    let mut cells: BTreeMap<ImportKey, HashSet<(CampaignKey, PublisherKey)>> = BTreeMap::new();
    let mut note = |import: ImportKey, cell| {
        if import > last {
            cells.entry(import).or_default().insert(cell);
        }
    };
    for (key, past) in txn.stat_past_of_day(advertiser, stored)? {
        note(past.ended_by, (key.campaign, key.publisher));
        note(past.stated.import, (key.campaign, key.publisher));
    }
    for changed in txn.stat_changed_since(advertiser, stored, last)? {
        note(changed.import, (changed.campaign, changed.publisher));
    }
    let mut found = Vec::new();
    for (import, cells) in cells {
        let count = u64::try_from(cells.len()).unwrap_or(u64::MAX);
        found.push(Cause::Import(Box::new(txn.import_by_key(import)?), count));
    }
    if day.served.is_some() {
        said_anew(txn, advertiser, day, since, &mut found)?;
    }
    Ok(found)
}

/// The changes of offers, apps and places of campaigns whose texts differ.
fn said_anew(
    txn: &ReadTxn<'_>,
    advertiser: AdvertiserKey,
    day: &LedgerDay,
    since: Version,
    found: &mut Vec<Cause>,
) -> ServiceResult<()> {
    let differing = day.difference.cells.iter().filter(|cell| is_said_anew(cell));
    let campaigns: HashSet<CampaignKey> = differing.map(|cell| cell.campaign).collect();
    if campaigns.is_empty() {
        return Ok(());
    }
    let mut past_places = txn.campaign_past(advertiser)?;
    past_places.retain(|past| campaigns.contains(&past.campaign) && past.until > since);
    let now = txn.campaign_places(advertiser)?.into_iter().filter(|place| campaigns.contains(&place.campaign));
    let (mut offers, mut apps) = (HashSet::new(), HashSet::new());
    for place in now.chain(past_places.iter().copied()) {
        offers.insert(place.offer);
        apps.insert(place.app);
    }
    let mut entries = txn.audit_said_anew(moment(since) - APART)?;
    for past in txn.offer_past(advertiser)? {
        if past.until > since && offers.contains(&past.offer) {
            let at = moment(past.until);
            let entry = take_entry(&mut entries, at, |entry| {
                entry.action.starts_with("offer ") && entry.subject.starts_with(&past.name)
            });
            found.push(Cause::Offer { name: past.name, was_on: past.cost_reporting, at, entry });
        }
    }
    let moved = past_places.into_iter().map(|past| (past.until, "campaign move"));
    let past_apps = txn.app_past(advertiser)?.into_iter();
    let past_apps = past_apps.filter(|past| past.until > since && apps.contains(&past.app));
    for (until, action) in moved.chain(past_apps.map(|past| (past.until, "app change"))) {
        let at = moment(until);
        let entry = take_entry(&mut entries, at, |entry| entry.action == action);
        found.push(Cause::Catalogue { at, entry });
    }
    Ok(())
}

/// How far apart the times of a version and of the audit entry about the same change may be.
const APART: TimeDelta = TimeDelta::seconds(10);

/// Takes out the entry nearest to that time: both were written in one transaction, and each change has its own entry.
fn take_entry(
    entries: &mut Vec<AuditRow>,
    at: DateTime<Utc>,
    is_about: impl Fn(&AuditRow) -> bool,
) -> Option<AuditRow> {
    let apart = |entry: &AuditRow| (entry.at - at).abs();
    let near = entries.iter().enumerate().filter(|(_, entry)| apart(entry) <= APART && is_about(entry));
    let (place, _) = near.min_by_key(|(_, entry)| apart(entry))?;
    Some(entries.remove(place))
}

/// Whether the texts differ: an offer's switch, which adds or removes the item, changes all of them.
fn is_said_anew(cell: &CellDifference) -> bool {
    cell.differs.iter().any(|key| ["offer_name", "store_id", "os"].contains(key))
}

/// A version is at least the clock's microseconds when it was taken.
fn moment(version: Version) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(version.get()).unwrap_or_default()
}
