//! The catalogue: advertisers, apps, offers, campaigns, publishers, and the audit entries of their changes.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::domain::{Currency, Name, ReportingZone, StoreId};
use crate::service::{Actor, ServiceError, ServiceResult, ledger, names};
use crate::store::{
    AdvertiserKey, AdvertiserRow, AppRow, CampaignRow, OfferRow, PublisherRow, ReadTxn, Store, StoreError, WriteTxn,
};

pub fn create_advertiser(
    store: &Store,
    name: &Name,
    currency: Currency,
    time_zone: ReportingZone,
    actor: &Actor,
) -> ServiceResult<AdvertiserRow> {
    let now = Utc::now();
    store.write(|txn| {
        names::free_advertiser(txn, name, None)?;
        let created = txn.advertiser_create(Uuid::new_v4().into(), name, currency, time_zone, now)?;
        txn.audit_add(&actor.did("advertiser create", name.as_str()), now)?;
        Ok(created)
    })
}

/// Turns an offer's cost reporting on or off. Returns the offer, and whether anything changed.
pub fn switch_offer(
    store: &Store,
    advertiser: &str,
    offer: &str,
    on: bool,
    actor: &Actor,
) -> ServiceResult<(OfferRow, bool)> {
    store.write(|txn| {
        let advertiser = txn.advertiser_get(advertiser)?;
        let offer = names::offer(txn, advertiser.key, offer)?.or_missing("offer", offer)?;
        let changed = txn.offer_set_cost_reporting(advertiser.key, offer.key, on)?;
        if changed {
            let action = if on { "offer enable" } else { "offer disable" };
            txn.audit_add(&actor.did(action, &format!("{} of {}", offer.name, advertiser.name)), Utc::now())?;
        }
        Ok((offer, changed))
    })
}

/// Changes an advertiser's name and zone.
pub fn update_advertiser(
    store: &Store,
    advertiser: &AdvertiserRow,
    name: &Name,
    time_zone: ReportingZone,
    actor: &Actor,
) -> ServiceResult<()> {
    store.write(|txn| {
        let now = txn.advertiser_by_key(advertiser.key)?;
        unless_moved(now.name == advertiser.name && now.time_zone.name() == advertiser.time_zone.name())?;
        names::free_advertiser(txn, name, Some(advertiser.key))?;
        txn.advertiser_update(advertiser.key, name, time_zone)?;
        let subject = format!("{} is now {name}, days in {}", advertiser.name, time_zone.name());
        txn.audit_add(&actor.did("advertiser change", &subject), Utc::now())?;
        Ok(())
    })
}

/// Disables an advertiser, so that its tokens are refused, or enables it.
pub fn switch_advertiser(store: &Store, advertiser: &AdvertiserRow, on: bool, actor: &Actor) -> ServiceResult<()> {
    let now = Utc::now();
    store.write(|txn| {
        txn.advertiser_set_disabled(advertiser.key, (!on).then_some(now))?;
        let action = if on { "advertiser enable" } else { "advertiser disable" };
        txn.audit_add(&actor.did(action, &advertiser.name), now)?;
        Ok(())
    })
}

/// A change of an advertiser's catalogue.
#[derive(Debug)]
pub enum Change<'a> {
    AddApp(&'a Name, &'a StoreId),
    /// Change an app's name or store id.
    UpdateApp(&'a AppRow, &'a Name, &'a StoreId),
    /// Delete an app.
    DeleteApp(&'a AppRow),
    /// Add an offer, with cost reporting on or off.
    AddOffer(&'a Name, bool),
    RenameOffer(&'a OfferRow, &'a Name),
    /// Delete an offer.
    DeleteOffer(&'a OfferRow),
    AddCampaign(&'a Name, &'a OfferRow, &'a AppRow),
    RenameCampaign(&'a CampaignRow, &'a Name),
    /// Move a campaign to another offer or app.
    MoveCampaign(&'a CampaignRow, &'a OfferRow, &'a AppRow),
    /// Delete a campaign.
    DeleteCampaign(&'a CampaignRow),
}

/// The message if something was changed between being read and being written.
const MOVED: &str = "somebody else changed this at the same moment, so nothing was saved; look at it again";

/// Fails if something isn't as it was when it was read.
pub(in crate::service) fn unless_moved(is_same: bool) -> ServiceResult<()> {
    if is_same { Ok(()) } else { Err(StoreError::Conflict(MOVED.to_owned()).into()) }
}

fn merged(name: &str) -> ServiceError {
    StoreError::Conflict(format!("\"{name}\" was merged, so it can't be changed; undo the merge first")).into()
}

fn not_merged(txn: &WriteTxn<'_>, campaign: &CampaignRow) -> ServiceResult<()> {
    if txn.merges()?.hid_campaign(campaign.key).is_some() { Err(merged(&campaign.name)) } else { Ok(()) }
}

impl Change<'_> {
    /// Fails if something isn't as it was when it was read, or if a name already means something else.
    fn check(&self, txn: &WriteTxn<'_>, advertiser: AdvertiserKey) -> ServiceResult<()> {
        unless_moved(match self {
            Self::AddApp(..) | Self::AddOffer(..) | Self::AddCampaign(..) => true,
            Self::UpdateApp(app, ..) | Self::DeleteApp(app) => {
                let now = txn.app_with_campaigns(advertiser, &app.id.to_string())?;
                now.is_some_and(|(now, _)| now.name == app.name && now.store == app.store)
            }
            Self::RenameOffer(offer, _) | Self::DeleteOffer(offer) => {
                let now = txn.offer_with_campaigns(advertiser, &offer.id.to_string())?;
                now.is_some_and(|(now, _)| now.name == offer.name)
            }
            Self::RenameCampaign(campaign, _) | Self::MoveCampaign(campaign, ..) | Self::DeleteCampaign(campaign) => {
                not_merged(txn, campaign)?;
                let is_moved =
                    |now: CampaignRow| (now.offer.key, now.store) != (campaign.offer.key, campaign.store.clone());
                let now = txn.campaign_find(advertiser, campaign.id)?.filter(|now| now.name == campaign.name);
                now.is_some_and(|now| !matches!(self, Self::MoveCampaign(..)) || !is_moved(now))
            }
        })?;
        match self {
            Self::AddOffer(name, _) => names::free_offer(txn, advertiser, name, None),
            Self::RenameOffer(offer, name) => names::free_offer(txn, advertiser, name, Some(offer.key)),
            Self::AddCampaign(name, ..) => names::free_campaign(txn, advertiser, name, None),
            Self::RenameCampaign(campaign, name) => names::free_campaign(txn, advertiser, name, Some(campaign.key)),
            _ => Ok(()),
        }
    }
}

/// The app that a campaign runs on.
pub fn app_of(txn: &ReadTxn<'_>, advertiser: &AdvertiserRow, campaign: &CampaignRow) -> ServiceResult<AppRow> {
    let found = txn.app_list(advertiser.key)?.into_iter().find(|app| app.store == campaign.store);
    found.ok_or_else(|| StoreError::Missing(format!("the app of \"{}\" is gone", campaign.name)).into())
}

/// What moving a campaign to an offer and an app changes, in sentences.
pub fn move_outlook(
    txn: &ReadTxn<'_>,
    advertiser: &AdvertiserRow,
    campaign: &CampaignRow,
    (offer, app): (&OfferRow, &AppRow),
    now: DateTime<Utc>,
) -> ServiceResult<Vec<String>> {
    let (old, name) = (&campaign.offer, &campaign.name);
    let is_other_offer = old.key != offer.key;
    if !is_other_offer && campaign.store == app.store {
        return Ok(vec![format!("“{name}” runs that offer on that app already.")]);
    }
    let mut found = vec![format!(
        "All rows of “{name}”, past ones too, are reported under the offer “{}” on {} ({} {}). Its id {} stays.",
        offer.name,
        app.name,
        app.store.os(),
        app.store.as_str(),
        campaign.id,
    )];
    match (old.cost_reporting, offer.cost_reporting) {
        (true, false) => found.push(format!(
            "Cost reporting of “{}” is off: its rows disappear from the report, and Singular keeps what it has.",
            offer.name
        )),
        (false, true) => found.push(format!(
            "Cost reporting of “{}” is off, of “{}” on: its rows become visible to Singular.",
            old.name, offer.name
        )),
        _ => {}
    }
    found.push("Files that still name its old offer or app in their columns are refused.".to_owned());
    if is_other_offer {
        found
            .push(format!("Tracking links say the offer's name as pcn: change those of “{name}” to “{}”.", offer.name));
    }
    if old.cost_reporting || offer.cost_reporting {
        let effect = ledger::effect_on_campaigns(txn, advertiser, |row| row.key == campaign.key, now)?;
        found.extend(effect.message());
    }
    Ok(found)
}

/// Carries out a change of the advertiser's catalogue.
pub fn change(store: &Store, advertiser: &AdvertiserRow, change: &Change<'_>, actor: &Actor) -> ServiceResult<()> {
    let (now, key) = (Utc::now(), advertiser.key);
    store.write(|txn| {
        change.check(txn, key)?;
        let (action, subject) = match change {
            Change::AddApp(name, id) => {
                txn.app_create(key, Uuid::new_v4().into(), name, id, now)?;
                ("app create", format!("{name} ({})", id.as_str()))
            }
            Change::UpdateApp(app, name, id) => {
                txn.app_update(key, app.key, name, id)?;
                ("app change", format!("{} ({}) is now {name} ({})", app.name, app.store.as_str(), id.as_str()))
            }
            Change::DeleteApp(app) => {
                txn.app_delete(key, app.key)?;
                ("app delete", app.name.clone())
            }
            Change::AddOffer(name, reporting) => {
                txn.offer_create(key, Uuid::new_v4().into(), name, *reporting, now)?;
                ("offer create", format!("{name}, cost reporting {}", if *reporting { "on" } else { "off" }))
            }
            Change::RenameOffer(offer, name) => {
                txn.offer_rename(key, offer.key, name)?;
                ("offer rename", format!("{} is now {name}", offer.name))
            }
            Change::DeleteOffer(offer) => {
                txn.offer_delete(key, offer.key)?;
                ("offer delete", offer.name.clone())
            }
            Change::AddCampaign(name, offer, app) => {
                txn.campaign_create(key, Uuid::new_v4().into(), name, offer.key, app.key, now)?;
                ("campaign create", format!("{name} for {}", offer.name))
            }
            Change::RenameCampaign(campaign, name) => {
                txn.campaign_rename(key, campaign.key, name)?;
                ("campaign rename", format!("{} is now {name}", campaign.name))
            }
            Change::MoveCampaign(campaign, offer, app) => {
                txn.campaign_move(key, campaign.key, offer.key, app.key)?;
                let (app, store) = (&app.name, app.store.as_str());
                ("campaign move", format!("{} runs {} on {app} ({store}) now", campaign.name, offer.name))
            }
            Change::DeleteCampaign(campaign) => {
                txn.campaign_delete(key, campaign.key)?;
                ("campaign delete", campaign.name.clone())
            }
        };
        txn.audit_add(&actor.did(action, &format!("{subject} of {}", advertiser.name)), now)?;
        Ok(())
    })
}

pub fn create_publisher(store: &Store, name: &Name, actor: &Actor) -> ServiceResult<()> {
    let now = Utc::now();
    store.write(|txn| {
        names::free_publisher(txn, name, None)?;
        txn.publisher_create(Uuid::new_v4().into(), name, now)?;
        txn.audit_add(&actor.did("publisher create", name.as_str()), now)?;
        Ok(())
    })
}

pub fn rename_publisher(store: &Store, publisher: &PublisherRow, name: &Name, actor: &Actor) -> ServiceResult<()> {
    store.write(|txn| {
        unless_moved(txn.publisher_get(publisher.id)?.name == publisher.name)?;
        if txn.merges()?.hid_publisher(publisher.key).is_some() {
            return Err(merged(&publisher.name));
        }
        names::free_publisher(txn, name, Some(publisher.key))?;
        txn.publisher_rename(publisher.key, name)?;
        let subject = format!("{} is now {name}", publisher.name);
        txn.audit_add(&actor.did("publisher rename", &subject), Utc::now())?;
        Ok(())
    })
}

/// Deletes a publisher without stats.
pub fn delete_publisher(store: &Store, publisher: &PublisherRow, actor: &Actor) -> ServiceResult<()> {
    store.write(|txn| {
        txn.publisher_delete(publisher.key)?;
        txn.audit_add(&actor.did("publisher delete", &publisher.name), Utc::now())?;
        Ok(())
    })
}
