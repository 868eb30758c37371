//! What people note in the ledger, with its audit entries.

use chrono::{DateTime, Utc};

use crate::domain::{Day, DayRange};
use crate::service::{Actor, ServiceResult};
use crate::store::{AdvertiserRow, Store};

/// Notes that a refresh of these days was requested in Singular.
pub fn refresh_sent(
    store: &Store,
    advertiser: &AdvertiserRow,
    days: DayRange,
    actor: &Actor,
    now: DateTime<Utc>,
) -> ServiceResult<()> {
    store.write(|txn| {
        txn.refresh_request_add(advertiser.key, days.stored(), &actor.name, now)?;
        let subject = format!("{} to {} of {}", days.from(), days.to(), advertiser.name);
        txn.audit_add(&actor.did("singular refresh sent", &subject), now)?;
        Ok(())
    })
}

/// Accepts days that will differ for good, until their stats change again.
pub fn accept_days(
    store: &Store,
    advertiser: &AdvertiserRow,
    days: &[Day],
    actor: &Actor,
    now: DateTime<Utc>,
) -> ServiceResult<()> {
    store.write(|txn| {
        for day in days {
            let stored = day.to_stored();
            let version = txn.day_versions(advertiser.key, stored, stored)?.first().map(|(_, version)| *version);
            txn.day_accept(advertiser.key, stored, version.unwrap_or_default(), &actor.name, now)?;
        }
        if let [first, .., last] | [first @ last] = days {
            let subject = format!("{} days from {first} to {last} of {}", days.len(), advertiser.name);
            txn.audit_add(&actor.did("singular days accept", &subject), now)?;
        }
        Ok(())
    })
}

/// Says whether polls from an address with a user agent are Singular's; recomputes the ledger.
pub fn mark_reader(
    store: &Store,
    advertiser: &AdvertiserRow,
    (address, user_agent): (&str, &str),
    is_singular: bool,
    actor: &Actor,
    now: DateTime<Utc>,
) -> ServiceResult<()> {
    store.write_ledger(|txn| {
        txn.not_singular_set(advertiser.key, (address, user_agent), !is_singular, &actor.name, now)?;
        let action = if is_singular { "singular reader mark" } else { "singular reader unmark" };
        let subject = format!("{address} \"{user_agent}\" of {}", advertiser.name);
        txn.audit_add(&actor.did(action, &subject), now)?;
        Ok(())
    })
}
