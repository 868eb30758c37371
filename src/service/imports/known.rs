//! What an import knows of the catalogue: loaded once per advertiser, added to as lines name what is to be created.

use std::collections::HashMap;

use super::failure::{Failure, refuse};
use crate::domain::{CampaignId, Day, Invalid, NameKey, Os, PublisherId, StoreId};
use crate::import::{Column, StatLine};
use crate::store::{AdvertiserRow, AppKey, CampaignKey, OfferKey, PublisherKey, ReadTxn, StoreResult, Version};

/// Spellings of known names that are remembered; what comes after them is compared anew each time.
const SPELLINGS: usize = 100_000;

/// Names of one kind, found as the contract compares them (§4): as they are written, or else as they look.
#[derive(Debug)]
pub(super) struct Names<K> {
    exact: HashMap<String, K>,
    /// Made when a name is looked up that is not written like any.
    alike: Option<HashMap<NameKey, Vec<K>>>,
    spellings: usize,
    key: fn(&str) -> NameKey,
}

/// What goes by a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named<K> {
    Nothing,
    One(K),
    /// Twins from before names were compared so; only their exact spelling tells them apart.
    Several,
}

impl<K: Copy + Eq> Names<K> {
    /// Names whose letter case counts.
    pub(super) fn new() -> Self {
        Self { exact: HashMap::new(), alike: None, spellings: 0, key: NameKey::new }
    }

    /// Names whose letter case does not count.
    pub(super) fn ignoring_case() -> Self {
        Self { key: NameKey::ignoring_case, ..Self::new() }
    }

    pub(super) fn add(&mut self, name: &str, key: K) {
        if let Some(alike) = &mut self.alike {
            alike.entry((self.key)(name)).or_default().push(key);
        }
        self.exact.insert(name.to_owned(), key);
    }

    /// Lets a name stand for a known one; nothing happens where that is not known.
    pub(super) fn alias(&mut self, name: &str, known: &str) {
        if let Named::One(key) = self.find(known) {
            self.exact.insert(name.to_owned(), key);
        }
    }

    pub(super) fn find(&mut self, text: &str) -> Named<K> {
        if let Some(key) = self.exact.get(text) {
            return Named::One(*key);
        }
        let Self { exact, alike, key, .. } = self;
        let alike = alike.get_or_insert_with(|| {
            let mut alike: HashMap<NameKey, Vec<K>> = HashMap::new();
            for (name, found) in exact.iter() {
                alike.entry(key(name)).or_default().push(*found);
            }
            alike
        });
        match alike.get(&key(text)).map(Vec::as_slice) {
            None | Some([]) => Named::Nothing,
            Some([only]) => {
                let only = *only;
                if self.spellings < SPELLINGS {
                    self.spellings += 1;
                    self.exact.insert(text.to_owned(), only);
                }
                Named::One(only)
            }
            Some(_) => Named::Several,
        }
    }
}

#[derive(Debug)]
pub(super) struct Advertiser {
    pub(super) row: AdvertiserRow,
    /// Of the catalogue when it was loaded; nothing where the import itself creates the advertiser.
    pub(super) version: Option<Version>,
    /// The last day that may be stated: tomorrow in its zone (contract §4).
    pub(super) last_day: Day,
    pub(super) offers: Names<OfferKey>,
    pub(super) apps: HashMap<StoreId, (AppKey, String)>,
    pub(super) campaigns: Vec<Campaign>,
    pub(super) by_name: Names<usize>,
    pub(super) by_id: HashMap<CampaignId, usize>,
    pub(super) by_key: HashMap<CampaignKey, usize>,
    pub(super) network: HashMap<PublisherKey, HashMap<String, usize>>,
    /// Made when the first campaign is to be created.
    without_case: Option<HashMap<NameKey, String>>,
}

#[derive(Debug)]
pub(super) struct Campaign {
    pub(super) key: CampaignKey,
    pub(super) name: String,
    pub(super) offer: String,
    pub(super) app: String,
    pub(super) store: StoreId,
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
        for offer in txn.offer_list(key)? {
            loaded.offers.add(&offer.name, offer.key);
        }
        loaded.apps = txn.app_list(key)?.into_iter().map(|app| (app.store, (app.key, app.name))).collect();
        for known in txn.campaign_list(key)? {
            let campaign = Campaign {
                key: known.key,
                name: known.name,
                offer: known.offer.name,
                app: known.app,
                store: known.store,
            };
            loaded.by_id.insert(known.id, loaded.campaigns.len());
            loaded.add(campaign);
        }
        for known in txn.network_campaign_list(key)? {
            if let Some(at) = loaded.by_key.get(&known.campaign) {
                loaded.network.entry(known.publisher).or_default().insert(known.network_id, *at);
            }
        }
        Ok(loaded)
    }

    /// Adds a campaign; its place.
    pub(super) fn add(&mut self, campaign: Campaign) -> usize {
        let at = self.campaigns.len();
        self.by_key.insert(campaign.key, at);
        self.by_name.add(&campaign.name, at);
        if let Some(known) = &mut self.without_case {
            known.insert(NameKey::ignoring_case(&campaign.name), campaign.name.clone());
        }
        self.campaigns.push(campaign);
        at
    }

    /// The campaign whose name differs from this one only in letter case.
    pub(super) fn but_for_case(&mut self, name: &str) -> Option<&String> {
        let known = self.without_case.get_or_insert_with(|| {
            self.campaigns.iter().map(|known| (NameKey::ignoring_case(&known.name), known.name.clone())).collect()
        });
        known.get(&NameKey::ignoring_case(name))
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
            (Column::OfferName, line.offer_name.filter(|name| !is_called(&self.offer, name)), self.offer.as_str()),
            (Column::App, line.app.filter(|name| !is_called(&self.app, name)), self.app.as_str()),
            (Column::StoreId, line.store_id.filter(|id| !same_store(id)), self.store.as_str()),
            (Column::Os, os, self.store.os().as_str()),
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
        Ok(self.key)
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
}

impl Publishers {
    pub(super) fn load(txn: &ReadTxn<'_>) -> StoreResult<Self> {
        let version = txn.publishers_version()?;
        let (by_id, names) = (HashMap::new(), HashMap::new());
        let mut loaded = Self { version, by_name: Names::ignoring_case(), by_id, names };
        for row in txn.publisher_list()? {
            loaded.add(row.key, row.id, &row.name);
        }
        Ok(loaded)
    }

    pub(super) fn add(&mut self, key: PublisherKey, id: PublisherId, name: &str) {
        self.by_name.add(name, key);
        self.by_id.insert(id, key);
        self.names.insert(key, name.to_owned());
    }

    /// What a known publisher is called.
    pub(super) fn name(&self, key: PublisherKey) -> &str {
        self.names.get(&key).map_or("", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_as_they_are_written_or_as_they_look() {
        let mut names = Names::new();
        for (name, key) in [("Café", 1), ("Brand  Spring", 2), ("Twin", 3), ("Twi\u{200b}n", 4)] {
            names.add(name, key);
        }
        for (text, found) in [
            ("Café", Named::One(1)),
            ("Cafe\u{301}", Named::One(1)),
            ("Brand\nSpring", Named::One(2)),
            ("café", Named::Nothing),
            ("Twin", Named::One(3)),
            ("Twi\u{200b}n", Named::One(4)),
            ("T\u{200b}win", Named::Several),
        ] {
            assert_eq!(names.find(text), found, "{text:?}");
        }
        names.add("cafe\u{301}", 5);
        assert_eq!(names.find("café"), Named::One(5));
        let mut names = Names::ignoring_case();
        names.add("Facebook", 1);
        assert_eq!(names.find("FACEBOOK"), Named::One(1));
        names.add("facebook", 2);
        assert_eq!((names.find("facebook"), names.find("faceBook")), (Named::One(2), Named::Several));
    }
}
