//! What a killed server may have handed over without writing it to the ledger.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::catalogue::Catalogue;
use super::days;
use super::difference::{Detail, Reader};
use crate::service::ServiceResult;
use crate::store::{AdvertiserRow, ReadTxn, Store, Version};

/// After a kill, marks days as unknown if an answer that isn't in the ledger may have contained something else; returns how
/// many. Must be called while no server runs, before anything reads the ledger.
pub fn settle_lost(store: &Store, now: DateTime<Utc>) -> ServiceResult<usize> {
    if store.read(|txn| txn.ledger_complete_to())?.is_none() {
        return Ok(0);
    }
    store.write_ledger(|txn| {
        let Some(complete_to) = txn.ledger_complete_to()? else { return Ok(0) };
        let mut count = 0;
        for advertiser in txn.advertiser_list()? {
            let found = doubtful(txn, &advertiser, complete_to, now)?;
            count += found.len();
            found.into_iter().try_for_each(|day| txn.served_forget(advertiser.key, day, now))?;
        }
        txn.ledger_complete()?;
        Ok(count)
    })
}

/// The days, as stored, for which a missing answer may differ from the ledger.
///
/// A missing answer was asked for when `complete_to` or a later version was the latest. A day that has not changed since was
/// in it as it is now; if that is also what the ledger says, it does not matter whether the answer is missing. A day that
/// has items and of which the ledger says nothing may have been in it, and may lose its items before it is polled again.
fn doubtful(
    txn: &ReadTxn<'_>,
    advertiser: &AdvertiserRow,
    complete_to: Version,
    now: DateTime<Utc>,
) -> ServiceResult<Vec<i64>> {
    if !txn.has_singular_token(advertiser.key)? {
        return Ok(Vec::new());
    }
    let all = (i64::MIN, i64::MAX);
    let versions: HashMap<i64, Version> = txn.day_versions(advertiser.key, all.0, all.1)?.into_iter().collect();
    let served = txn.served_days(advertiser.key)?;
    let catalogue = Catalogue::load(txn, advertiser.key)?;
    let mut reader = Reader::new(txn, advertiser.key, &catalogue, all, Detail::States)?;
    let mut found = Vec::new();
    for (day, run) in days(&versions, &served, advertiser.time_zone.today(now)?.to_stored(), all) {
        let version = versions.get(&day).copied();
        let has_changed = catalogue.changed > complete_to || version.is_some_and(|version| version > complete_to);
        let is_doubtful = match run.map(|run| run.version) {
            Some(Some(since)) => has_changed || reader.since(day, since, version)?.is_any(),
            // It already counts as differing.
            Some(None) => false,
            None => has_changed || reader.alone(day)?.held.rows > 0,
        };
        if is_doubtful {
            found.push(day);
        }
    }
    Ok(found)
}
