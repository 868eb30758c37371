//! What a report says of campaigns, now and at earlier versions.

use std::collections::HashMap;

use crate::domain::{CampaignId, PublisherId, StoreId};
use crate::service::ServiceResult;
use crate::store::{
    AdvertiserKey, AppKey, CampaignKey, CampaignPlace, OfferKey, PastApp, PastOffer, PublisherKey, ReadTxn, Version,
};

/// An advertiser's campaigns, offers and apps, with what they were.
pub(super) struct Catalogue {
    campaigns: HashMap<CampaignKey, Campaign>,
    offers: HashMap<OfferKey, (String, bool)>,
    apps: HashMap<AppKey, StoreId>,
    past_offers: HashMap<OfferKey, Vec<PastOffer>>,
    past_apps: HashMap<AppKey, Vec<PastApp>>,
    publishers: HashMap<PublisherKey, PublisherId>,
    /// The last change of anything here.
    pub(super) changed: Version,
}

struct Campaign {
    id: CampaignId,
    place: CampaignPlace,
    past: Vec<CampaignPlace>,
    /// The last change that a report could show.
    changed: Version,
}

/// What a report says of a campaign besides figures, as far as Singular reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Said<'a> {
    pub(super) offer: &'a str,
    pub(super) store: &'a StoreId,
}

/// What was there at a version: the first that ended after it, or else what is there now.
fn at<T>(past: &[T], until: impl Fn(&T) -> Version, version: Version) -> Option<&T> {
    past.iter().find(|past| until(past) > version)
}

fn grouped<K: Eq + std::hash::Hash, T>(rows: Vec<T>, key: impl Fn(&T) -> K) -> HashMap<K, Vec<T>> {
    let mut groups: HashMap<K, Vec<T>> = HashMap::new();
    for row in rows {
        groups.entry(key(&row)).or_default().push(row);
    }
    groups
}

impl Catalogue {
    pub(super) fn load(txn: &ReadTxn<'_>, advertiser: AdvertiserKey) -> ServiceResult<Self> {
        let offers = txn.offer_list(advertiser)?;
        let offers: HashMap<_, _> = offers.into_iter().map(|row| (row.key, (row.name, row.cost_reporting))).collect();
        let apps: HashMap<_, _> = txn.app_list(advertiser)?.into_iter().map(|row| (row.key, row.store)).collect();
        let past_offers = grouped(txn.offer_past(advertiser)?, |past| past.offer);
        let past_apps = grouped(txn.app_past(advertiser)?, |past| past.app);
        let mut past = grouped(txn.campaign_past(advertiser)?, |past| past.campaign);
        let places: HashMap<_, _> =
            txn.campaign_places(advertiser)?.into_iter().map(|place| (place.campaign, place)).collect();
        let mut campaigns = HashMap::new();
        for row in txn.campaign_list(advertiser)? {
            let Some(place) = places.get(&row.key).copied() else { continue };
            let past = past.remove(&row.key).unwrap_or_default();
            let offer = past_offers.get(&place.offer).and_then(|past| Some(past.last()?.until));
            let app = past_apps.get(&place.app).and_then(|past| Some(past.last()?.until));
            let moved = past.last().map(|past| past.until);
            let changed = [offer, app, moved].into_iter().flatten().max().unwrap_or_default();
            campaigns.insert(row.key, Campaign { id: row.id, place, past, changed });
        }
        let changed = campaigns.values().map(|campaign| campaign.changed).max().unwrap_or_default();
        let publishers = txn.publisher_list()?.into_iter().map(|row| (row.key, row.id)).collect();
        Ok(Self { campaigns, offers, apps, past_offers, past_apps, publishers, changed })
    }

    /// Whether anything was changed since that version that a report says of this campaign.
    pub(super) fn is_changed(&self, campaign: CampaignKey, since: Version) -> bool {
        self.campaigns.get(&campaign).is_none_or(|campaign| campaign.changed > since)
    }

    /// What the report said of a campaign at a version, or, without one, says now; nothing where its offer was switched off.
    pub(super) fn said(&self, campaign: CampaignKey, version: Option<Version>) -> Option<Said<'_>> {
        let Campaign { place, past, .. } = self.campaigns.get(&campaign)?;
        let place = version.and_then(|version| at(past, |past| past.until, version)).unwrap_or(place);
        let past = version.and_then(|version| at(self.past_offers.get(&place.offer)?, |past| past.until, version));
        let (offer, is_on) = match past {
            Some(past) => (past.name.as_str(), past.cost_reporting),
            None => self.offers.get(&place.offer).map(|(name, is_on)| (name.as_str(), *is_on))?,
        };
        let past = version.and_then(|version| at(self.past_apps.get(&place.app)?, |past| past.until, version));
        let store = past.map_or_else(|| self.apps.get(&place.app), |past| Some(&past.store))?;
        is_on.then_some(Said { offer, store })
    }

    /// The campaigns that Singular is not shown now.
    pub(super) fn hidden(&self) -> Vec<CampaignKey> {
        self.campaigns.keys().copied().filter(|campaign| !self.is_shown(*campaign)).collect()
    }

    /// The campaigns of which something that a report could show was ever changed, with the version of the last change.
    pub(super) fn ever_changed(&self) -> Vec<(CampaignKey, Version)> {
        let all = self.campaigns.iter().map(|(key, campaign)| (*key, campaign.changed));
        all.filter(|(_, changed)| *changed > Version::default()).collect()
    }

    /// Whether Singular is shown the campaign now.
    pub(super) fn is_shown(&self, campaign: CampaignKey) -> bool {
        self.said(campaign, None).is_some()
    }

    pub(super) fn campaign_id(&self, campaign: CampaignKey) -> Option<CampaignId> {
        self.campaigns.get(&campaign).map(|campaign| campaign.id)
    }

    pub(super) fn publisher_id(&self, publisher: PublisherKey) -> Option<PublisherId> {
        self.publishers.get(&publisher).copied()
    }
}
