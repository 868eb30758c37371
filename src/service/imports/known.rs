//! The catalogue as an import knows it: loaded once per advertiser, and extended with what the import will create.

use std::collections::HashMap;
use std::sync::Arc;

use super::failure::{Failure, refuse};
use crate::domain::{CampaignId, Day, Invalid, NameKey, Os, PublisherId, StoreId};
use crate::import::{Column, StatLine};
use crate::service::names::{self, Names};
use crate::store::{
    AdvertiserRow, AppKey, AppRow, CampaignKey, CampaignRow, OfferKey, PublisherKey, ReadTxn, StoreError, StoreResult,
    Version,
};

#[derive(Debug)]
pub(super) struct Advertiser {
    pub(super) row: AdvertiserRow,
    /// The catalogue's version when it was loaded; `None` if the import creates the advertiser.
    pub(super) version: Option<Version>,
    /// The last valid day: tomorrow in the advertiser's zone (contract §4).
    pub(super) last_day: Day,
    pub(super) offers: Names<OfferKey>,
    pub(super) apps: HashMap<StoreId, Arc<App>>,
    pub(super) campaigns: Vec<Campaign>,
    pub(super) by_name: Names<usize>,
    pub(super) by_id: HashMap<CampaignId, usize>,
    pub(super) by_key: HashMap<CampaignKey, usize>,
    pub(super) network: HashMap<PublisherKey, HashMap<String, usize>>,
    /// Built when the first campaign is to be created.
    without_case: Option<HashMap<NameKey, usize>>,
}

#[derive(Debug)]
pub(super) struct App {
    pub(super) key: AppKey,
    pub(super) name: String,
    pub(super) store: StoreId,
}

#[derive(Debug)]
pub(super) struct Campaign {
    pub(super) key: CampaignKey,
    pub(super) facts: Facts,
    /// Campaigns that were merged into it.
    pub(super) merged: Vec<(CampaignId, Facts)>,
}

/// What a line may say about a campaign.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) name: String,
    pub(super) offer: String,
    pub(super) app: Arc<App>,
}

impl Advertiser {
    pub(super) fn new(row: AdvertiserRow, last_day: Day) -> Self {
        Self {
            row,
            version: None,
            last_day,
            offers: Names::new(),
            apps: HashMap::new(),
            campaigns: Vec::new(),
            by_name: Names::new(),
            by_id: HashMap::new(),
            by_key: HashMap::new(),
            network: HashMap::new(),
            without_case: None,
        }
    }

    pub(super) fn load(txn: &ReadTxn<'_>, row: AdvertiserRow, last_day: Day) -> StoreResult<Self> {
        let (key, id) = (row.key, row.id);
        let mut loaded = Self::new(row, last_day);
        loaded.version = Some(txn.catalogue_version(id)?.1);
        loaded.offers = names::offers(txn, key)?;
        for AppRow { key, name, store, .. } in txn.app_list(key)? {
            loaded.add_app(key, name, store);
        }
        let merges = txn.merges()?;
        let (hidden, shown): (Vec<_>, Vec<_>) =
            txn.campaign_list(key)?.into_iter().partition(|row| merges.hid_campaign(row.key).is_some());
        for row in shown {
            loaded.by_id.insert(row.id, loaded.campaigns.len());
            let (key, facts) = (row.key, loaded.facts(row)?);
            loaded.add(key, facts);
        }
        for row in hidden {
            if let Some(at) = loaded.by_key.get(&merges.campaign(row.key)).copied() {
                loaded.by_id.insert(row.id, at);
                loaded.by_name.add(&row.name, at);
                let (id, facts) = (row.id, loaded.facts(row)?);
                loaded.campaigns[at].merged.push((id, facts));
            }
        }
        for known in txn.network_campaign_list(key)? {
            if let Some(at) = loaded.by_key.get(&merges.campaign(known.campaign)) {
                loaded.network.entry(merges.publisher(known.publisher)).or_default().insert(known.network_id, *at);
            }
        }
        Ok(loaded)
    }

    fn facts(&self, row: CampaignRow) -> StoreResult<Facts> {
        let lost = || StoreError::Missing(format!("the app of campaign {} is missing", Invalid::echo(&row.name)));
        let app = self.apps.get(&row.store).cloned().ok_or_else(lost)?;
        Ok(Facts { name: row.name, offer: row.offer.name, app })
    }

    pub(super) fn add_app(&mut self, key: AppKey, name: String, store: StoreId) -> Arc<App> {
        let app = Arc::new(App { key, name, store: store.clone() });
        self.apps.insert(store, Arc::clone(&app));
        app
    }

    /// The known app with this store id; without a system, the only one that has it.
    pub(super) fn app(&self, os: Option<&str>, store_id: &str) -> Option<Arc<App>> {
        let all = [Os::Ios, Os::Android, Os::Web];
        let systems = os.map_or(Some(all.as_slice()), |_| None);
        let given = os.and_then(|os| os.parse::<Os>().ok());
        let mut found = systems.unwrap_or_default().iter().copied().chain(given).filter_map(|os| {
            let store = StoreId::parse(os, store_id).ok()?;
            self.apps.get(&store).cloned()
        });
        found.next().filter(|_| found.next().is_none())
    }

    pub(super) fn add(&mut self, key: CampaignKey, facts: Facts) {
        let at = self.campaigns.len();
        self.by_key.insert(key, at);
        self.by_name.add(&facts.name, at);
        if let Some(known) = &mut self.without_case {
            known.insert(NameKey::ignoring_case(&facts.name), at);
        }
        self.campaigns.push(Campaign { key, facts, merged: Vec::new() });
    }

    /// A campaign whose name differs only in letter case.
    pub(super) fn but_for_case(&mut self, name: &str) -> Option<&String> {
        let known = self.without_case.get_or_insert_with(|| {
            let names = self.campaigns.iter().map(|known| &known.facts.name);
            names.zip(0..).map(|(name, at)| (NameKey::ignoring_case(name), at)).collect()
        });
        let at = known.get(&NameKey::ignoring_case(name))?;
        Some(&self.campaigns[*at].facts.name)
    }
}

impl Campaign {
    /// The campaign's key, if nothing in the line contradicts the campaign or one that was merged into it.
    pub(super) fn agree(&self, line: &StatLine<'_>) -> Result<CampaignKey, Failure> {
        let agreed = self.facts.agree(line);
        if agreed.is_err() && self.merged.iter().any(|(_, facts)| facts.agree(line).is_ok()) {
            return Ok(self.key);
        }
        agreed.map(|()| self.key)
    }

    /// The name of the merged campaign that the line means by this id or name.
    pub(super) fn merged_name(&self, id: Option<CampaignId>, name: Option<&str>) -> Option<&str> {
        let is_meant = |facts: &Facts| name.is_some_and(|name| is_called(&facts.name, name));
        let found = self.merged.iter().find(|(merged, facts)| id == Some(*merged) || is_meant(facts));
        found.map(|(_, facts)| facts.name.as_str())
    }
}

impl Facts {
    fn agree(&self, line: &StatLine<'_>) -> Result<(), Failure> {
        // Stored values are canonical; a line's values are brought into the same form, except where case matters.
        let App { name: app, store, .. } = self.app.as_ref();
        let os = line.os.filter(|os| !os.eq_ignore_ascii_case(store.os().as_str()));
        let same_store =
            |id: &&str| *id == store.as_str() || (store.os() == Os::Web && id.eq_ignore_ascii_case(store.as_str()));
        for (column, got, stored) in [
            (Column::OfferName, line.offer_name.filter(|name| !is_called(&self.offer, name)), self.offer.as_str()),
            (Column::App, line.app.filter(|name| !is_called(app, name)), app.as_str()),
            (Column::StoreId, line.store_id.filter(|id| !same_store(id)), store.as_str()),
            (Column::Os, os, store.os().as_str()),
        ] {
            if let Some(got) = got {
                let (got, name) = (Invalid::echo(got), Invalid::echo(&self.name));
                return refuse(
                    "contradiction",
                    column,
                    format!("got {got}, but campaign {name} is stored with {}", Invalid::echo(stored)),
                );
            }
        }
        Ok(())
    }
}

/// Whether a stored name and one in a file are the same.
pub(super) fn is_called(stored: &str, name: &str) -> bool {
    stored == name || NameKey::new(stored) == NameKey::new(name)
}

#[derive(Debug)]
pub(super) struct Publishers {
    pub(super) version: Version,
    pub(super) by_name: Names<PublisherKey>,
    pub(super) by_id: HashMap<PublisherId, PublisherKey>,
    pub(super) names: HashMap<PublisherKey, String>,
    /// Merged publishers, by the one they were merged into.
    hidden: HashMap<PublisherKey, Vec<(PublisherId, String)>>,
}

impl Publishers {
    pub(super) fn load(txn: &ReadTxn<'_>) -> StoreResult<Self> {
        let version = txn.publishers_version()?;
        let (merges, by_name) = (txn.merges()?, names::publishers(txn)?);
        let (by_id, names, hidden) = (HashMap::new(), HashMap::new(), HashMap::new());
        let mut loaded = Self { version, by_name, by_id, names, hidden };
        for row in txn.publisher_list()? {
            let meant = merges.publisher(row.key);
            loaded.by_id.insert(row.id, meant);
            if meant == row.key {
                loaded.names.insert(row.key, row.name);
            } else {
                loaded.hidden.entry(meant).or_default().push((row.id, row.name));
            }
        }
        Ok(loaded)
    }

    pub(super) fn add(&mut self, key: PublisherKey, id: PublisherId, name: &str) {
        self.by_name.add(name, key);
        self.by_id.insert(id, key);
        self.names.insert(key, name.to_owned());
    }

    /// A known publisher's name.
    pub(super) fn name(&self, key: PublisherKey) -> &str {
        self.names.get(&key).map_or("", String::as_str)
    }
    /// The name of the merged publisher that the line means by this id or name.
    pub(super) fn merged_name(&self, key: PublisherKey, id: Option<PublisherId>, name: Option<&str>) -> Option<&str> {
        let look = |name: &str| NameKey::ignoring_case(name);
        let is_meant = |stored: &str| name.is_some_and(|name| stored == name || look(stored) == look(name));
        let found = self.hidden.get(&key)?.iter().find(|(merged, stored)| id == Some(*merged) || is_meant(stored));
        found.map(|(_, name)| name.as_str())
    }
}
