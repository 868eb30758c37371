//! What an import creates: planned while the input is read, created under the write lock.
//!
//! Reading takes no lock, so new entries get provisional keys first. These are larger than all real keys and ascend in the
//! order of creation, as the real ones will. So cells that were sorted by them stay sorted.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::failure::{Failure, refuse};
use crate::domain::phrase::grouped;
use crate::domain::{Currency, Name, Os, PublisherId, ReportingZone, StoreId};
use crate::import::Column;
use crate::service::ServiceResult;
use crate::store::{AdvertiserKey, AppKey, CampaignKey, OfferKey, PublisherKey, StatKey, StoreError, WriteTxn};

/// The first provisional key.
const PROVISIONAL: i64 = 1 << 60;

/// What an import created, or would create: names by kind, in the order of the lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    pub advertisers: Vec<String>,
    pub apps: Vec<String>,
    pub offers: Vec<String>,
    pub campaigns: Vec<String>,
    pub publishers: Vec<String>,
}

impl Created {
    /// Each kind's names, with its noun for one and for several.
    #[must_use]
    pub fn kinds(&self) -> [(&'static str, &'static str, &[String]); 5] {
        [
            ("advertiser", "advertisers", &self.advertisers),
            ("app", "apps", &self.apps),
            ("offer", "offers", &self.offers),
            ("campaign", "campaigns", &self.campaigns),
            ("publisher", "publishers", &self.publishers),
        ]
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kinds().iter().all(|(_, _, names)| names.is_empty())
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Creations {
    advertisers: Vec<(String, String)>,
    apps: Vec<NewApp>,
    offers: Vec<(i64, String)>,
    campaigns: Vec<NewCampaign>,
    publishers: Vec<(Uuid, String)>,
    network_ids: Vec<NetworkId>,
    /// The length of all names.
    bytes: usize,
}

/// The most names that one import creates, and their length together. While an input is read, its new names are in memory,
/// each several times, at up to 1.2 kB besides the text.
const NAMES: usize = 50_000;
const NAME_BYTES: usize = 4 << 20;

/// The most ids of ad networks that one import adds.
const NETWORK_IDS: usize = 100_000;

/// What to do if an input creates too much.
const SPLIT: &str = "split it into several files by campaign, and import one after the other";

#[derive(Debug, Clone, Serialize, Deserialize)]
struct NewApp {
    advertiser: i64,
    name: String,
    os: String,
    store_id: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct NewCampaign {
    advertiser: i64,
    offer: i64,
    app: i64,
    name: String,
}

/// An ad network's id for a campaign, found in a line.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct NetworkId {
    advertiser: i64,
    publisher: i64,
    id: String,
    campaign: i64,
}

/// The real keys of the planned entries.
#[derive(Debug, Default)]
pub(super) struct RealKeys {
    advertisers: Vec<AdvertiserKey>,
    campaigns: Vec<CampaignKey>,
    publishers: Vec<PublisherKey>,
}

fn provisional<K: From<i64>>(place: usize) -> K {
    K::from(PROVISIONAL + i64::try_from(place).unwrap_or_default())
}

/// The index in the plan for a provisional key.
fn place(key: i64) -> Option<usize> {
    key.checked_sub(PROVISIONAL).and_then(|place| usize::try_from(place).ok())
}

fn real<K: From<i64> + Copy>(key: i64, made: &[K]) -> K {
    place(key).and_then(|place| made.get(place)).copied().unwrap_or_else(|| K::from(key))
}

/// A key without anything stored yet.
pub(super) fn is_provisional(key: i64) -> bool {
    key >= PROVISIONAL
}

impl Creations {
    /// Refuses a line that would create more than one import may; the reason is the same for all such lines.
    pub(super) fn check_room(&self, column: Column) -> Result<(), Failure> {
        let Self { advertisers, apps, offers, campaigns, publishers, bytes, .. } = self;
        let names = advertisers.len() + apps.len() + offers.len() + campaigns.len() + publishers.len();
        // A campaign may come with an offer and an app.
        if names + 3 <= NAMES && *bytes <= NAME_BYTES {
            return Ok(());
        }
        let reason = format!(
            "the file creates too many names for one import: expected at most {} campaigns, offers, apps and publishers, \
             whose names are at most {} MiB long together; {SPLIT}",
            grouped(&NAMES.to_string()),
            NAME_BYTES >> 20,
        );
        refuse("too_many_new", column, reason)
    }

    /// The same for the id that an ad network gives a campaign.
    pub(super) fn check_room_for_network_id(&self) -> Result<(), Failure> {
        if self.network_ids.len() < NETWORK_IDS {
            return Ok(());
        }
        let most = grouped(&NETWORK_IDS.to_string());
        let reason =
            format!("the file has too many new ids of campaigns for one import: expected at most {most}; {SPLIT}");
        refuse("too_many_new", Column::NetworkCampaignId, reason)
    }

    /// A name to be kept.
    fn keep(&mut self, name: &Name) -> String {
        let name = name.to_string();
        self.bytes += name.len();
        name
    }

    pub(super) fn advertiser(&mut self, name: &Name, currency: Currency) -> AdvertiserKey {
        let name = self.keep(name);
        self.advertisers.push((name, currency.code().to_owned()));
        provisional(self.advertisers.len() - 1)
    }

    pub(super) fn app(&mut self, advertiser: AdvertiserKey, name: &Name, store: &StoreId) -> AppKey {
        let (advertiser, name, os) = (advertiser.get(), self.keep(name), store.os().as_str().to_owned());
        self.apps.push(NewApp { advertiser, name, os, store_id: store.as_str().to_owned() });
        provisional(self.apps.len() - 1)
    }

    pub(super) fn offer(&mut self, advertiser: AdvertiserKey, name: &Name) -> OfferKey {
        let name = self.keep(name);
        self.offers.push((advertiser.get(), name));
        provisional(self.offers.len() - 1)
    }

    pub(super) fn campaign(
        &mut self,
        advertiser: AdvertiserKey,
        offer: OfferKey,
        app: AppKey,
        name: &Name,
    ) -> CampaignKey {
        let (advertiser, offer, app, name) = (advertiser.get(), offer.get(), app.get(), self.keep(name));
        self.campaigns.push(NewCampaign { advertiser, offer, app, name });
        provisional(self.campaigns.len() - 1)
    }

    pub(super) fn publisher(&mut self, id: PublisherId, name: &Name) -> PublisherKey {
        let name = self.keep(name);
        self.publishers.push((id.into(), name));
        provisional(self.publishers.len() - 1)
    }

    pub(super) fn network_id(
        &mut self,
        advertiser: AdvertiserKey,
        publisher: PublisherKey,
        id: &str,
        campaign: CampaignKey,
    ) {
        let (advertiser, publisher, campaign) = (advertiser.get(), publisher.get(), campaign.get());
        self.network_ids.push(NetworkId { advertiser, publisher, id: id.to_owned(), campaign });
    }

    /// The names, by kind.
    pub(super) fn names(&self) -> Created {
        Created {
            advertisers: self.advertisers.iter().map(|(name, _)| name.clone()).collect(),
            apps: self.apps.iter().map(|app| app.name.clone()).collect(),
            offers: self.offers.iter().map(|(_, name)| name.clone()).collect(),
            campaigns: self.campaigns.iter().map(|campaign| campaign.name.clone()).collect(),
            publishers: self.publishers.iter().map(|(_, name)| name.clone()).collect(),
        }
    }

    /// The stored advertisers that get new campaigns.
    pub(super) fn advertisers_with_campaigns(&self) -> Vec<AdvertiserKey> {
        let mut keys: Vec<i64> = self.campaigns.iter().map(|campaign| campaign.advertiser).collect();
        keys.retain(|key| !is_provisional(*key));
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter().map(AdvertiserKey::from).collect()
    }

    /// The names of an advertiser's new campaigns.
    pub(super) fn campaigns_of(&self, advertiser: AdvertiserKey) -> Vec<String> {
        let own = self.campaigns.iter().filter(|campaign| campaign.advertiser == advertiser.get());
        own.map(|campaign| campaign.name.clone()).collect()
    }

    /// The names of an advertiser's new offers.
    pub(super) fn offers_of(&self, advertiser: AdvertiserKey) -> Vec<String> {
        let own = self.offers.iter().filter(|(owner, _)| *owner == advertiser.get());
        own.map(|(_, name)| name.clone()).collect()
    }

    /// The planned names of new advertisers, campaigns and publishers, by provisional key.
    pub(super) fn planned_names(&self) -> PlannedNames {
        let numbered = |names: Vec<String>| (PROVISIONAL..).zip(names).collect();
        let Created { advertisers, campaigns, publishers, .. } = self.names();
        PlannedNames {
            advertisers: numbered(advertisers),
            campaigns: numbered(campaigns),
            publishers: numbered(publishers),
        }
    }

    /// Creates what was planned.
    pub(super) fn carry_out(&self, txn: &WriteTxn<'_>, now: DateTime<Utc>) -> ServiceResult<RealKeys> {
        let mut made = RealKeys::default();
        for (name, currency) in &self.advertisers {
            let (name, currency) = (Name::parse("advertiser", name)?, Currency::parse(currency)?);
            let row = txn.advertiser_create(Uuid::new_v4().into(), &name, currency, ReportingZone::UTC, now)?;
            made.advertisers.push(row.key);
        }
        let (mut apps, mut offers) = (Vec::<AppKey>::new(), Vec::<OfferKey>::new());
        for NewApp { advertiser, name, os, store_id } in &self.apps {
            let store = StoreId::parse(os.parse::<Os>()?, store_id)?;
            let advertiser = real(*advertiser, &made.advertisers);
            apps.push(txn.app_create(advertiser, Uuid::new_v4().into(), &Name::parse("app", name)?, &store, now)?);
        }
        for (advertiser, name) in &self.offers {
            let (advertiser, name) = (real(*advertiser, &made.advertisers), Name::parse("offer_name", name)?);
            offers.push(txn.offer_create(advertiser, Uuid::new_v4().into(), &name, true, now)?);
        }
        for NewCampaign { advertiser, offer, app, name } in &self.campaigns {
            let (advertiser, name) = (real(*advertiser, &made.advertisers), Name::parse("campaign_name", name)?);
            let (offer, app) = (real(*offer, &offers), real(*app, &apps));
            let (key, _) = txn.campaign_create(advertiser, Uuid::new_v4().into(), &name, offer, app, now)?;
            made.campaigns.push(key);
        }
        for (id, name) in &self.publishers {
            made.publishers.push(txn.publisher_create((*id).into(), &Name::parse("partner", name)?, now)?);
        }
        for NetworkId { advertiser, publisher, id, campaign } in &self.network_ids {
            let advertiser = real(*advertiser, &made.advertisers);
            let (publisher, campaign) = (real(*publisher, &made.publishers), real(*campaign, &made.campaigns));
            let stored = txn.network_campaign_add(advertiser, publisher, id, campaign, now)?;
            if stored != campaign {
                let message = format!("another import gave the network's campaign {id} to another campaign meanwhile");
                return Err(StoreError::Conflict(message).into());
            }
        }
        Ok(made)
    }
}

impl RealKeys {
    /// The real key of a staged cell.
    pub(super) fn of(&self, key: StatKey) -> StatKey {
        StatKey {
            advertiser: real(key.advertiser.get(), &self.advertisers),
            day: key.day,
            campaign: real(key.campaign.get(), &self.campaigns),
            publisher: real(key.publisher.get(), &self.publishers),
        }
    }
}

/// Names of entries that aren't stored yet.
#[derive(Debug, Default)]
pub(super) struct PlannedNames {
    pub(super) advertisers: BTreeMap<i64, String>,
    pub(super) campaigns: BTreeMap<i64, String>,
    pub(super) publishers: BTreeMap<i64, String>,
}
