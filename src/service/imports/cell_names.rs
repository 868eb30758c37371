//! Names for the keys of a cell: as stored, or as the import will create them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::creations::PlannedNames;
use crate::domain::{Currency, Day};
use crate::service::ServiceResult;
use crate::store::{AdvertiserKey, CampaignKey, PublisherKey, ReadTxn, StatKey, StoreResult};

/// A cell, named as people know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellName {
    pub advertiser: String,
    pub day: Day,
    pub campaign: String,
    pub publisher: String,
}

/// Looks up names in one snapshot. Those of an advertiser are loaded when they are first needed.
pub(super) struct CellNames<'t, 'c> {
    txn: &'t ReadTxn<'c>,
    planned: PlannedNames,
    advertisers: HashMap<AdvertiserKey, AdvertiserNames>,
    publishers: Option<HashMap<PublisherKey, String>>,
}

struct AdvertiserNames {
    name: String,
    /// The currency; `None` if the import will create the advertiser.
    currency: Option<Currency>,
    /// Loaded when a campaign is first named.
    campaigns: Option<HashMap<i64, String>>,
}

impl<'t, 'c> CellNames<'t, 'c> {
    pub(super) fn new(txn: &'t ReadTxn<'c>, planned: PlannedNames) -> Self {
        Self { txn, planned, advertisers: HashMap::new(), publishers: None }
    }

    fn names(&mut self, key: AdvertiserKey) -> StoreResult<&mut AdvertiserNames> {
        match self.advertisers.entry(key) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(free) => {
                if let Some(name) = self.planned.advertisers.get(&key.get()) {
                    let name = name.clone();
                    return Ok(free.insert(AdvertiserNames { name, currency: None, campaigns: None }));
                }
                let row = self.txn.advertiser_by_key(key)?;
                Ok(free.insert(AdvertiserNames { name: row.name, currency: Some(row.currency), campaigns: None }))
            }
        }
    }

    pub(super) fn advertiser(&mut self, key: AdvertiserKey) -> StoreResult<(String, Option<Currency>)> {
        self.names(key).map(|names| (names.name.clone(), names.currency))
    }

    pub(super) fn campaign(&mut self, advertiser: AdvertiserKey, key: CampaignKey) -> StoreResult<String> {
        if let Some(name) = self.planned.campaigns.get(&key.get()) {
            return Ok(name.clone());
        }
        let (txn, campaigns) = (self.txn, &mut self.names(advertiser)?.campaigns);
        let all = match campaigns {
            Some(all) => all,
            None => campaigns.insert(txn.campaign_names(advertiser)?),
        };
        Ok(all.get(&key.get()).cloned().unwrap_or_default())
    }

    pub(super) fn publisher(&mut self, key: PublisherKey) -> StoreResult<String> {
        if let Some(name) = self.planned.publishers.get(&key.get()) {
            return Ok(name.clone());
        }
        if self.publishers.is_none() {
            let all = self.txn.publisher_list()?.into_iter().map(|row| (row.key, row.name)).collect();
            self.publishers = Some(all);
        }
        Ok(self.publishers.as_ref().and_then(|all| all.get(&key)).cloned().unwrap_or_default())
    }

    pub(super) fn cell(&mut self, key: &StatKey) -> ServiceResult<CellName> {
        Ok(CellName {
            advertiser: self.advertiser(key.advertiser)?.0,
            day: Day::from_stored(key.day)?,
            campaign: self.campaign(key.advertiser, key.campaign)?,
            publisher: self.publisher(key.publisher)?,
        })
    }
}
