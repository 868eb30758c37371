//! What an import knows of the catalogue: loaded once per advertiser, added to as things are created.

use std::collections::HashMap;

use super::failure::{Failure, refuse};
use crate::domain::{CampaignId, Invalid, Os, PublisherId, StoreId};
use crate::import::{Column, StatLine};
use crate::store::{AdvertiserRow, CampaignKey, OfferKey, PublisherKey, ReadTxn, StoreResult};

pub(super) struct Advertiser {
    pub(super) row: AdvertiserRow,
    pub(super) offers: HashMap<String, OfferKey>,
    pub(super) campaigns: Vec<Campaign>,
    pub(super) by_name: HashMap<String, usize>,
    pub(super) by_id: HashMap<CampaignId, usize>,
    pub(super) by_key: HashMap<CampaignKey, usize>,
}

pub(super) struct Campaign {
    pub(super) key: CampaignKey,
    pub(super) name: String,
    pub(super) offer: String,
    pub(super) app: String,
    pub(super) store: StoreId,
}

#[derive(Default)]
pub(super) struct Publishers {
    pub(super) by_name: HashMap<String, PublisherKey>,
    pub(super) by_id: HashMap<PublisherId, (PublisherKey, String)>,
    pub(super) names: HashMap<PublisherKey, String>,
}

impl Advertiser {
    pub(super) fn load(txn: &ReadTxn<'_>, row: AdvertiserRow) -> StoreResult<Self> {
        let offers = txn.offer_list(row.key)?.into_iter().map(|offer| (offer.name, offer.key)).collect();
        let campaigns = txn.campaign_list(row.key)?;
        let mut loaded = Self {
            row,
            offers,
            campaigns: Vec::new(),
            by_name: HashMap::new(),
            by_id: HashMap::new(),
            by_key: HashMap::new(),
        };
        for known in campaigns {
            let campaign = Campaign {
                key: known.key,
                name: known.name,
                offer: known.offer.name,
                app: known.app,
                store: known.store,
            };
            loaded.add(known.id, campaign);
        }
        Ok(loaded)
    }

    pub(super) fn add(&mut self, id: CampaignId, campaign: Campaign) {
        self.by_id.insert(id, self.campaigns.len());
        self.by_key.insert(campaign.key, self.campaigns.len());
        self.by_name.insert(campaign.name.clone(), self.campaigns.len());
        self.campaigns.push(campaign);
    }
}

impl Campaign {
    /// The key, if nothing in the line contradicts what is stored.
    pub(super) fn agree(&self, line: &StatLine<'_>) -> Result<CampaignKey, Failure> {
        // Stored forms are canonical; what is compared with them is brought into the same form where case does not count.
        let os = line.os.filter(|os| !os.eq_ignore_ascii_case(self.store.os().as_str()));
        let same_store = |id: &&str| {
            *id == self.store.as_str() || (self.store.os() == Os::Web && id.eq_ignore_ascii_case(self.store.as_str()))
        };
        for (column, got, stored) in [
            (Column::OfferName, line.offer_name.filter(|name| *name != self.offer), self.offer.as_str()),
            (Column::App, line.app.filter(|name| *name != self.app), self.app.as_str()),
            (Column::StoreId, line.store_id.filter(|id| !same_store(id)), self.store.as_str()),
            (Column::Os, os, self.store.os().as_str()),
        ] {
            if let Some(got) = got {
                let (got, name) = (Invalid::echo(got), Invalid::echo(&self.name));
                return refuse(
                    column,
                    format!("got {got}, but campaign {name} is stored with {}", Invalid::echo(stored)),
                );
            }
        }
        Ok(self.key)
    }
}

impl Publishers {
    pub(super) fn load(txn: &ReadTxn<'_>) -> StoreResult<Self> {
        let mut loaded = Self::default();
        for row in txn.publisher_list()? {
            loaded.add(row.key, row.id, row.name);
        }
        Ok(loaded)
    }

    pub(super) fn add(&mut self, key: PublisherKey, id: PublisherId, name: String) {
        self.by_name.insert(name.clone(), key);
        self.names.insert(key, name.clone());
        self.by_id.insert(id, (key, name));
    }
}
