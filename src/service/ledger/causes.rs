//! What made a day differ from what was handed over: the imports and edits since, and the changes of the catalogue.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::LedgerDay;
use crate::service::ServiceResult;
use crate::store::{AdvertiserKey, ImportEntry, ImportKey, ReadTxn, Version};

/// Something that changed a day since it was handed over.
#[derive(Debug, Clone)]
pub enum Cause {
    /// An import, an edit or an undo, with the number of cells that it changed.
    Import(Box<ImportEntry>, u64),
    /// An offer that had another name, or was switched.
    Offer {
        /// Its name until then.
        name: String,
        /// Whether Singular was shown its cost until then.
        was_on: bool,
        /// When that changed.
        at: DateTime<Utc>,
    },
    /// A campaign that belonged elsewhere, or an app that had another store id.
    Catalogue {
        /// When that changed.
        at: DateTime<Utc>,
    },
}

/// What changed the day since it was handed over, the oldest first.
pub fn causes(txn: &ReadTxn<'_>, advertiser: AdvertiserKey, day: &LedgerDay) -> ServiceResult<Vec<Cause>> {
    let since = day.served.map_or_else(Version::default, |(_, version)| version);
    let last = txn.import_at(since)?;
    let stored = day.day.to_stored();
    let mut cells: BTreeMap<ImportKey, u64> = BTreeMap::new();
    for (_, past) in txn.stat_past_of_day(advertiser, stored)? {
        if past.ended_by > last {
            *cells.entry(past.ended_by).or_default() += 1;
        }
    }
    for changed in txn.stat_changed_since(advertiser, stored, last)? {
        cells.entry(changed.import).or_insert(1);
    }
    let mut found = Vec::new();
    for (import, count) in cells {
        found.push(Cause::Import(Box::new(txn.import_by_key(import)?), count));
    }
    if day.served.is_some() && day.difference.cells.iter().any(|cell| is_said_anew(&cell.differs)) {
        for past in txn.offer_past(advertiser)?.into_iter().filter(|past| past.until > since) {
            found.push(Cause::Offer { name: past.name, was_on: past.cost_reporting, at: moment(past.until) });
        }
        let moved = txn.campaign_past(advertiser)?.into_iter().map(|past| past.until);
        let apps = txn.app_past(advertiser)?.into_iter().map(|past| past.until);
        found.extend(
            moved.chain(apps).filter(|until| *until > since).map(|until| Cause::Catalogue { at: moment(until) }),
        );
    }
    Ok(found)
}

fn is_said_anew(differs: &[&str]) -> bool {
    differs.iter().any(|key| ["offer_name", "store_id", "os"].contains(key))
}

/// Versions are at least the clock's microseconds.
fn moment(version: Version) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(version.get()).unwrap_or_default()
}
