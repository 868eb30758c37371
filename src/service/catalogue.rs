//! Advertisers and offers, with the audit entries that belong to their changes.

use chrono::Utc;
use uuid::Uuid;

use super::{Actor, ServiceResult};
use crate::domain::{Currency, Name, ReportingZone};
use crate::store::{AdvertiserRow, OfferRow, Store};

/// Adds an advertiser.
pub fn create_advertiser(
    store: &Store,
    name: &Name,
    currency: Currency,
    time_zone: ReportingZone,
    actor: &Actor,
) -> ServiceResult<AdvertiserRow> {
    let now = Utc::now();
    store.write(|txn| {
        let created = txn.advertiser_create(Uuid::new_v4().into(), name, currency, time_zone, now)?;
        txn.audit_add(&actor.did("advertiser create", name.as_str()), now)?;
        Ok(created)
    })
}

/// Turns an offer's cost reporting on or off. The offer, and whether that changed anything.
pub fn switch_offer(
    store: &Store,
    advertiser: &str,
    offer: &str,
    on: bool,
    actor: &Actor,
) -> ServiceResult<(OfferRow, bool)> {
    store.write(|txn| {
        let advertiser = txn.advertiser_get(advertiser)?;
        let offer = txn.offer_get(advertiser.key, offer)?;
        let changed = txn.offer_set_cost_reporting(advertiser.key, offer.key, on)?;
        if changed {
            let action = if on { "offer enable" } else { "offer disable" };
            txn.audit_add(&actor.did(action, &format!("{} of {}", offer.name, advertiser.name)), Utc::now())?;
        }
        Ok((offer, changed))
    })
}
