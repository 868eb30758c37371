//! What a report says about campaigns, now and at earlier versions.

use std::cell::OnceCell;
use std::hash::Hash;

use foldhash::{HashMap, HashMapExt as _};

use crate::domain::{CampaignId, PublisherId, StoreId};
use crate::service::{ServiceError, ServiceResult};
use crate::store::{
    AdvertiserKey, AppKey, CampaignKey, CampaignPlace, OfferKey, PastApp, PastOffer, PublisherKey, ReadTxn, Version,
};

/// An advertiser's campaigns, offers and apps, with their earlier values. An advertiser may have tens of thousands, and most
/// pages need no ids, so ids are only loaded when needed.
pub(super) struct Catalogue {
    advertiser: AdvertiserKey,
    campaigns: HashMap<CampaignKey, CampaignPlace>,
    offers: HashMap<OfferKey, (String, bool)>,
    apps: HashMap<AppKey, StoreId>,
    past_campaigns: HashMap<CampaignKey, Vec<CampaignPlace>>,
    past_offers: HashMap<OfferKey, Vec<PastOffer>>,
    past_apps: HashMap<AppKey, Vec<PastApp>>,
    /// Campaigns with any earlier value that a report could show, with the version of the last change.
    ever_changed: HashMap<CampaignKey, Version>,
    /// The version of the last change of anything here.
    pub(super) changed: Version,
    campaign_ids: OnceCell<HashMap<CampaignKey, CampaignId>>,
    publisher_ids: OnceCell<HashMap<PublisherKey, PublisherId>>,
}

/// What a report says about a campaign besides figures, as far as Singular reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said<'a> {
    pub(super) offer: &'a str,
    pub(super) store: &'a StoreId,
}

/// The value at a version: the first that ended after it, or else the current one.
fn at<T>(past: &[T], until: impl Fn(&T) -> Version, version: Version) -> Option<&T> {
    past.iter().find(|past| until(past) > version)
}

fn grouped<K: Eq + Hash, T>(rows: Vec<T>, key: impl Fn(&T) -> K) -> HashMap<K, Vec<T>> {
    let mut groups: HashMap<K, Vec<T>> = HashMap::new();
    for row in rows {
        groups.entry(key(&row)).or_default().push(row);
    }
    groups
}

/// The cell's value, computed when it is first needed.
fn once<T>(cell: &OnceCell<T>, read: impl FnOnce() -> ServiceResult<T>) -> ServiceResult<&T> {
    if cell.get().is_none() {
        let _ = cell.set(read()?);
    }
    cell.get().ok_or_else(|| ServiceError::Internal("what was just read is gone".to_owned()))
}

impl Catalogue {
    pub(super) fn load(txn: &ReadTxn<'_>, advertiser: AdvertiserKey) -> ServiceResult<Self> {
        let offers = txn.offers_said(advertiser)?.into_iter().map(|(key, name, is_on)| (key, (name, is_on))).collect();
        let apps = txn.app_list(advertiser)?.into_iter().map(|row| (row.key, row.store)).collect();
        let past_offers = grouped(txn.offer_past(advertiser)?, |past| past.offer);
        let past_apps = grouped(txn.app_past(advertiser)?, |past| past.app);
        let past_campaigns = grouped(txn.campaign_past(advertiser)?, |past| past.campaign);
        let places = txn.campaign_places(advertiser)?;
        let mut ever_changed = HashMap::new();
        if !(past_offers.is_empty() && past_apps.is_empty() && past_campaigns.is_empty()) {
            for place in &places {
                let offer = past_offers.get(&place.offer).and_then(|past| Some(past.last()?.until));
                let app = past_apps.get(&place.app).and_then(|past| Some(past.last()?.until));
                let moved = past_campaigns.get(&place.campaign).and_then(|past| Some(past.last()?.until));
                if let Some(changed) = [offer, app, moved].into_iter().flatten().max() {
                    ever_changed.insert(place.campaign, changed);
                }
            }
        }
        Ok(Self {
            advertiser,
            changed: ever_changed.values().max().copied().unwrap_or_default(),
            campaigns: places.into_iter().map(|place| (place.campaign, place)).collect(),
            offers,
            apps,
            past_campaigns,
            past_offers,
            past_apps,
            ever_changed,
            campaign_ids: OnceCell::new(),
            publisher_ids: OnceCell::new(),
        })
    }

    /// What the report said about a campaign at a version, or says now; `None` if its offer was off.
    pub(super) fn said(&self, campaign: CampaignKey, version: Option<Version>) -> Option<Said<'_>> {
        let place = self.campaigns.get(&campaign)?;
        let past = version.and_then(|version| at(self.past_campaigns.get(&campaign)?, |past| past.until, version));
        let place = past.unwrap_or(place);
        let past = version.and_then(|version| at(self.past_offers.get(&place.offer)?, |past| past.until, version));
        let (offer, is_on) = match past {
            Some(past) => (past.name.as_str(), past.cost_reporting),
            None => self.offers.get(&place.offer).map(|(name, is_on)| (name.as_str(), *is_on))?,
        };
        let past = version.and_then(|version| at(self.past_apps.get(&place.app)?, |past| past.until, version));
        let store = past.map_or_else(|| self.apps.get(&place.app), |past| Some(&past.store))?;
        is_on.then_some(Said { offer, store })
    }

    /// Campaigns that aren't in Singular's report now.
    pub(super) fn hidden(&self) -> Vec<CampaignKey> {
        self.campaigns.keys().copied().filter(|campaign| !self.is_shown(*campaign)).collect()
    }

    /// Campaigns with a change, since that version, that a report could show.
    pub(super) fn changed_since(&self, since: Version) -> impl Iterator<Item = CampaignKey> {
        self.ever_changed.iter().filter(move |(_, changed)| **changed > since).map(|(campaign, _)| *campaign)
    }

    /// Whether the campaign is in Singular's report now.
    pub(super) fn is_shown(&self, campaign: CampaignKey) -> bool {
        self.said(campaign, None).is_some()
    }

    pub(super) fn campaign_id(&self, txn: &ReadTxn<'_>, campaign: CampaignKey) -> ServiceResult<CampaignId> {
        let read = || Ok(txn.campaign_ids(self.advertiser)?.into_iter().collect());
        once(&self.campaign_ids, read)?.get(&campaign).copied().ok_or_else(dangling)
    }

    pub(super) fn publisher_id(&self, txn: &ReadTxn<'_>, publisher: PublisherKey) -> ServiceResult<PublisherId> {
        let read = || Ok(txn.publisher_list()?.into_iter().map(|row| (row.key, row.id)).collect());
        once(&self.publisher_ids, read)?.get(&publisher).copied().ok_or_else(dangling)
    }
}

fn dangling() -> ServiceError {
    ServiceError::Internal("a stat points at what is not in the catalogue".to_owned())
}
