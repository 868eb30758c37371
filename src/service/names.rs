//! Looks up names (contract §4), for imports, forms and commands: first an exact match, then one by the contract's
//! comparison. A merged name finds what it was merged into.

use foldhash::HashMap;

use crate::domain::{Invalid, Name, NameKey};
use crate::service::{ServiceError, ServiceResult};
use crate::store::{
    AdvertiserKey, AppRow, CampaignKey, CampaignRow, OfferKey, OfferRow, PublisherKey, PublisherRow, ReadTxn,
    StoreError, StoreResult,
};

/// How many spellings are remembered; others are compared each time.
const SPELLINGS: usize = 100_000;

/// Names of one kind, looked up by the contract's rules (§4): exactly, or else by comparison.
#[derive(Debug)]
pub struct Names<K> {
    exact: HashMap<String, K>,
    /// Built when a name has no exact match.
    alike: Option<HashMap<NameKey, Vec<K>>>,
    spellings: usize,
    key: fn(&str) -> NameKey,
}

/// The result of looking up a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named<K> {
    /// No name matches.
    Nothing,
    /// The only match.
    One(K),
    /// Names that were stored before they were compared like this; only their exact spelling tells them apart.
    Several,
}

impl<K: Copy + Eq> Names<K> {
    /// Names that differ by letter case.
    pub(in crate::service) fn new() -> Self {
        Self { exact: HashMap::default(), alike: None, spellings: 0, key: NameKey::new }
    }

    /// Names that don't differ by letter case.
    pub(in crate::service) fn ignoring_case() -> Self {
        Self { key: NameKey::ignoring_case, ..Self::new() }
    }

    pub(in crate::service) fn add(&mut self, name: &str, key: K) {
        if let Some(alike) = &mut self.alike {
            put(alike, (self.key)(name), key);
        }
        self.exact.insert(name.to_owned(), key);
    }

    /// Makes a name find a known one; does nothing if that doesn't exist.
    pub(in crate::service) fn alias(&mut self, name: &str, known: &str) {
        if let Named::One(key) = self.find(known) {
            self.exact.insert(name.to_owned(), key);
        }
    }

    pub(in crate::service) fn find(&mut self, text: &str) -> Named<K> {
        if let Some(key) = self.exact.get(text) {
            return Named::One(*key);
        }
        let Self { exact, alike, key, .. } = self;
        let alike = alike.get_or_insert_with(|| {
            let mut alike: HashMap<NameKey, Vec<K>> = HashMap::default();
            for (name, found) in exact.iter() {
                put(&mut alike, key(name), *found);
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

/// Two names that find the same entry, because one was merged into the other, aren't ambiguous.
fn put<K: Copy + Eq>(alike: &mut HashMap<NameKey, Vec<K>>, name: NameKey, key: K) {
    let found = alike.entry(name).or_default();
    if !found.contains(&key) {
        found.push(key);
    }
}

/// The publishers by name.
pub(in crate::service) fn publishers(txn: &ReadTxn<'_>) -> StoreResult<Names<PublisherKey>> {
    let (merges, mut names) = (txn.merges()?, Names::ignoring_case());
    txn.publisher_list()?.into_iter().for_each(|row| names.add(&row.name, merges.publisher(row.key)));
    Ok(names)
}

/// An advertiser's campaigns by name.
fn campaigns(txn: &ReadTxn<'_>, advertiser: AdvertiserKey) -> StoreResult<Names<CampaignKey>> {
    let (merges, mut names) = (txn.merges()?, Names::new());
    for (key, name) in txn.campaign_names(advertiser)? {
        names.add(&name, merges.campaign(key.into()));
    }
    Ok(names)
}

/// An advertiser's offers by name.
pub(in crate::service) fn offers(txn: &ReadTxn<'_>, advertiser: AdvertiserKey) -> StoreResult<Names<OfferKey>> {
    let mut names = Names::new();
    txn.offer_list(advertiser)?.into_iter().for_each(|row| names.add(&row.name, row.key));
    Ok(names)
}

/// The publisher with this name or id.
pub fn publisher(txn: &ReadTxn<'_>, text: &str) -> StoreResult<Named<PublisherRow>> {
    let text = text.trim();
    let key = match publishers(txn)?.find(text) {
        Named::Nothing => match text.parse().ok().map(|id| txn.publisher_find(id)).transpose()?.flatten() {
            None => return Ok(Named::Nothing),
            Some(row) => txn.merges()?.publisher(row.key),
        },
        Named::One(key) => key,
        Named::Several => return Ok(Named::Several),
    };
    Ok(txn.publishers_by_key(&[key])?.pop().map_or(Named::Nothing, Named::One))
}

/// The advertiser's campaign with this name or id.
pub fn campaign(txn: &ReadTxn<'_>, advertiser: AdvertiserKey, text: &str) -> StoreResult<Named<CampaignRow>> {
    let text = text.trim();
    let key = match campaigns(txn, advertiser)?.find(text) {
        Named::Nothing => match text.parse().ok().map(|id| txn.campaign_find(advertiser, id)).transpose()?.flatten() {
            None => return Ok(Named::Nothing),
            Some(row) => txn.merges()?.campaign(row.key),
        },
        Named::One(key) => key,
        Named::Several => return Ok(Named::Several),
    };
    Ok(txn.campaigns_by_key(advertiser, &[key])?.pop().map_or(Named::Nothing, Named::One))
}

/// The advertiser's offer with this name or id.
pub fn offer(txn: &ReadTxn<'_>, advertiser: AdvertiserKey, text: &str) -> StoreResult<Named<OfferRow>> {
    let text = text.trim();
    let found = offers(txn, advertiser)?.find(text);
    let mut rows = txn.offer_list(advertiser)?.into_iter();
    Ok(match found {
        Named::Nothing => {
            rows.find(|row| row.id.to_string().eq_ignore_ascii_case(text)).map_or(Named::Nothing, Named::One)
        }
        Named::One(key) => rows.find(|row| row.key == key).map_or(Named::Nothing, Named::One),
        Named::Several => Named::Several,
    })
}

/// The advertiser's app with this store id, id or name.
pub fn app(txn: &ReadTxn<'_>, advertiser: AdvertiserKey, text: &str) -> StoreResult<Named<AppRow>> {
    let text = text.trim();
    let is_meant = |row: &AppRow| {
        let id = row.id.to_string();
        row.store.as_str() == text || id.eq_ignore_ascii_case(text) || NameKey::new(&row.name) == NameKey::new(text)
    };
    let mut found = txn.app_list(advertiser)?.into_iter().filter(is_meant);
    Ok(match (found.next(), found.next()) {
        (None, _) => Named::Nothing,
        (Some(only), None) => Named::One(only),
        (Some(_), Some(_)) => Named::Several,
    })
}

impl<T> Named<T> {
    /// The match, or an error that says why there is none.
    pub fn or_missing(self, noun: &str, text: &str) -> ServiceResult<T> {
        match self {
            Self::One(found) => Ok(found),
            Self::Nothing => {
                Err(StoreError::Missing(format!("there is no {noun} {}", Invalid::echo(text.trim()))).into())
            }
            Self::Several => {
                let text = Invalid::echo(text.trim());
                let message =
                    format!("several {noun}s look like {text}; expected one exactly as it is stored, or its id");
                Err(StoreError::Conflict(message).into())
            }
        }
    }
}

/// Refuses a name that finds another advertiser.
pub(in crate::service) fn free_advertiser(
    txn: &ReadTxn<'_>,
    name: &Name,
    own: Option<AdvertiserKey>,
) -> ServiceResult<()> {
    let rows = txn.advertiser_list()?;
    match taken(rows.iter().map(|row| (row.key, row.name.as_str())), NameKey::new, name, own.as_ref()) {
        Some((_, stored)) => Err(refused("advertiser", name, stored, stored)),
        None => Ok(()),
    }
}

/// Refuses a name that finds another publisher.
pub(in crate::service) fn free_publisher(
    txn: &ReadTxn<'_>,
    name: &Name,
    own: Option<PublisherKey>,
) -> ServiceResult<()> {
    let (rows, merges) = (txn.publisher_list()?, txn.merges()?);
    let called = |key| rows.iter().find(|row| row.key == key).map_or_else(String::new, |row| row.name.clone());
    let known = rows.iter().map(|row| (row.key, row.name.as_str()));
    match taken(known, NameKey::ignoring_case, name, own.as_ref()) {
        Some((key, stored)) => Err(refused("publisher", name, stored, &called(merges.publisher(key)))),
        None => Ok(()),
    }
}

/// Refuses a name that finds another of the advertiser's campaigns.
pub(in crate::service) fn free_campaign(
    txn: &ReadTxn<'_>,
    advertiser: AdvertiserKey,
    name: &Name,
    own: Option<CampaignKey>,
) -> ServiceResult<()> {
    let (rows, merges) = (txn.campaign_names(advertiser)?, txn.merges()?);
    let called = |key: CampaignKey| rows.get(&key.get()).cloned().unwrap_or_default();
    let known = rows.iter().map(|(key, name)| (CampaignKey::from(*key), name.as_str()));
    match taken(known, NameKey::new, name, own.as_ref()) {
        Some((key, stored)) => Err(refused("campaign", name, stored, &called(merges.campaign(key)))),
        None => Ok(()),
    }
}

/// Refuses a name that finds another of the advertiser's offers.
pub(in crate::service) fn free_offer(
    txn: &ReadTxn<'_>,
    advertiser: AdvertiserKey,
    name: &Name,
    own: Option<OfferKey>,
) -> ServiceResult<()> {
    let rows = txn.offer_list(advertiser)?;
    match taken(rows.iter().map(|row| (row.key, row.name.as_str())), NameKey::new, name, own.as_ref()) {
        Some((_, stored)) => Err(refused("offer", name, stored, stored)),
        None => Ok(()),
    }
}

/// What else the name finds: an exact match first.
fn taken<'n, K: PartialEq>(
    known: impl Iterator<Item = (K, &'n str)>,
    look: fn(&str) -> NameKey,
    name: &Name,
    own: Option<&K>,
) -> Option<(K, &'n str)> {
    let looks = look(name.as_str());
    let others = known.filter(|(key, stored)| own != Some(key) && look(stored) == looks);
    others.max_by_key(|(_, stored)| *stored == name.as_str())
}

fn refused(noun: &str, name: &Name, stored: &str, meant: &str) -> ServiceError {
    let stored_as = if stored == name.as_str() { String::new() } else { ", which counts as the same name".to_owned() };
    let message = if meant == stored {
        format!(
            "there is already {} {noun} \"{stored}\"{stored_as}",
            if noun.starts_with(['a', 'o']) { "an" } else { "a" }
        )
    } else {
        format!("\"{stored}\"{stored_as} was merged into \"{meant}\" and stands for it")
    };
    StoreError::Conflict(message).into()
}

/// A campaign of the advertiser whose name differs only in letter case.
pub fn differs_in_case(
    txn: &ReadTxn<'_>,
    advertiser: AdvertiserKey,
    name: &Name,
    own: Option<CampaignKey>,
) -> StoreResult<Option<String>> {
    let (looks, same) = (NameKey::ignoring_case(name.as_str()), NameKey::new(name.as_str()));
    let others = txn.campaign_names(advertiser)?.into_iter().filter(|(key, _)| own.is_none_or(|own| own.get() != *key));
    let resembles = |stored: &String| NameKey::ignoring_case(stored) == looks && NameKey::new(stored) != same;
    Ok(others.map(|(_, stored)| stored).find(resembles))
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
        let mut names = Names::ignoring_case();
        names.add("Facebook", 1);
        names.add("facebook", 1);
        assert_eq!(names.find("faceBook"), Named::One(1));
    }
}
