//! Merged publishers and campaigns. A merge lasts until its import is undone; until then the first of the two is hidden, and
//! its name finds the second.

use std::collections::HashMap;

use rusqlite::Row;

use crate::store::{
    AdvertiserKey, CampaignKey, CampaignRow, ImportKey, PublisherKey, PublisherRow, ReadTxn, StoreResult, WriteTxn,
};

/// The two that were merged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Merged {
    /// A publisher, and the one that it was merged into.
    Publisher(PublisherKey, PublisherKey),
    /// An advertiser's campaign, and the one that it was merged into.
    Campaign(AdvertiserKey, CampaignKey, CampaignKey),
}

/// What is hidden, and what it was merged into.
#[derive(Debug, Clone, Default)]
pub struct Merges {
    publishers: HashMap<PublisherKey, (PublisherKey, ImportKey)>,
    campaigns: HashMap<CampaignKey, (CampaignKey, ImportKey)>,
}

/// Follows a chain of merges to its end. The target of a merge may itself be merged later, but never into something hidden.
fn followed<K: Copy + Eq + std::hash::Hash>(merged: &HashMap<K, (K, ImportKey)>, key: K) -> K {
    let mut meant = key;
    for _ in 0..merged.len() {
        match merged.get(&meant) {
            Some((next, _)) => meant = *next,
            None => break,
        }
    }
    meant
}

impl Merges {
    /// The publisher itself, or the one it was merged into.
    #[must_use]
    pub fn publisher(&self, key: PublisherKey) -> PublisherKey {
        followed(&self.publishers, key)
    }

    /// The campaign itself, or the one it was merged into.
    #[must_use]
    pub fn campaign(&self, key: CampaignKey) -> CampaignKey {
        followed(&self.campaigns, key)
    }

    /// The import that merged a publisher into another, if one did.
    #[must_use]
    pub fn hid_publisher(&self, key: PublisherKey) -> Option<ImportKey> {
        self.publishers.get(&key).map(|(_, import)| *import)
    }

    /// The import that merged a campaign into another, if one did.
    #[must_use]
    pub fn hid_campaign(&self, key: CampaignKey) -> Option<ImportKey> {
        self.campaigns.get(&key).map(|(_, import)| *import)
    }

    /// The latest merge.
    #[must_use]
    pub fn latest(&self) -> Option<ImportKey> {
        let publishers = self.publishers.values().map(|(_, import)| *import);
        publishers.chain(self.campaigns.values().map(|(_, import)| *import)).max()
    }

    /// Publishers that were merged into this one, each with the import, newest first.
    #[must_use]
    pub fn into_publisher(&self, key: PublisherKey) -> Vec<(PublisherKey, ImportKey)> {
        merged_into(&self.publishers, key)
    }

    /// Campaigns that were merged into this one, each with the import, newest first.
    #[must_use]
    pub fn into_campaign(&self, key: CampaignKey) -> Vec<(CampaignKey, ImportKey)> {
        merged_into(&self.campaigns, key)
    }
}

fn merged_into<K: Copy + Eq>(merged: &HashMap<K, (K, ImportKey)>, key: K) -> Vec<(K, ImportKey)> {
    let own = merged.iter().filter(|(_, (into, _))| *into == key);
    let mut found: Vec<_> = own.map(|(hidden, (_, import))| (*hidden, *import)).collect();
    found.sort_unstable_by_key(|(_, import)| std::cmp::Reverse(*import));
    found
}

const SELECT: &str =
    "select publisher_key, into_publisher_key, advertiser_key, campaign_key, into_campaign_key, import_key
    from merges";

/// Whether the row's merge is not undone.
const STANDS: &str = "not exists (select 1 from imports where undoes_key = merges.import_key)";

/// The condition for campaigns in lists.
pub(in crate::store) fn is_campaign_shown() -> String {
    format!("not exists (select 1 from merges where merges.campaign_key = campaigns.campaign_key and {STANDS})")
}

/// The condition for publishers in lists.
pub(in crate::store) fn is_publisher_shown() -> String {
    format!("not exists (select 1 from merges where merges.publisher_key = publishers.publisher_key and {STANDS})")
}

fn merged(row: &Row<'_>) -> rusqlite::Result<(Merged, ImportKey)> {
    let merged = match row.get::<_, Option<i64>>(0)? {
        Some(publisher) => Merged::Publisher(PublisherKey(publisher), PublisherKey(row.get(1)?)),
        None => Merged::Campaign(AdvertiserKey(row.get(2)?), CampaignKey(row.get(3)?), CampaignKey(row.get(4)?)),
    };
    Ok((merged, ImportKey(row.get(5)?)))
}

impl ReadTxn<'_> {
    /// All merges that aren't undone.
    pub fn merges(&self) -> StoreResult<Merges> {
        let mut found = Merges::default();
        for (which, import) in self.list("read what was merged", &format!("{SELECT} where {STANDS}"), (), merged)? {
            match which {
                Merged::Publisher(hidden, into) => drop(found.publishers.insert(hidden, (into, import))),
                Merged::Campaign(_, hidden, into) => drop(found.campaigns.insert(hidden, (into, import))),
            }
        }
        Ok(found)
    }

    /// What an import merged, undone or not; `None` if it isn't a merge.
    pub fn merge_of(&self, import: ImportKey) -> StoreResult<Option<Merged>> {
        let sql = format!("{SELECT} where import_key = ?1");
        Ok(self.first("read what was merged", &sql, [import.0], merged)?.map(|(which, _)| which))
    }

    /// The advertiser's campaigns without the hidden ones, by key.
    pub fn campaigns_shown(&self, advertiser: AdvertiserKey) -> StoreResult<Vec<CampaignRow>> {
        let merges = self.merges()?;
        let mut rows = self.campaign_list(advertiser)?;
        rows.retain(|row| merges.hid_campaign(row.key).is_none());
        Ok(rows)
    }

    /// The publishers without the hidden ones, by key.
    pub fn publishers_shown(&self) -> StoreResult<Vec<PublisherRow>> {
        let merges = self.merges()?;
        let mut rows = self.publisher_list()?;
        rows.retain(|row| merges.hid_publisher(row.key).is_none());
        Ok(rows)
    }

    /// The imports after this one, not undone, that used the name of what it hid; the newest first.
    pub fn imports_by_merged_name(&self, merge: ImportKey, name: &str) -> StoreResult<Vec<ImportKey>> {
        let sql = "select distinct imports.import_key from imports, json_each(imports.told, '$.notes') note
            where imports.import_key > ?1 and json_extract(note.value, '$.code') = 'merged'
                and instr(json_extract(note.value, '$.message'), ?2) > 0
                and not exists (select 1 from imports undo where undo.undoes_key = imports.import_key)
            order by imports.import_key desc";
        self.list("read which imports used a name", sql, (merge.0, name), |row| Ok(ImportKey(row.get(0)?)))
    }
}

impl WriteTxn<'_> {
    /// Notes a merge.
    pub fn merge_add(&self, import: ImportKey, which: Merged) -> StoreResult<()> {
        let sql = "insert into merges
                (import_key, publisher_key, into_publisher_key, advertiser_key, campaign_key, into_campaign_key)
            values (?1, ?2, ?3, ?4, ?5, ?6)";
        let params = match which {
            Merged::Publisher(hidden, into) => (import.0, Some(hidden.0), Some(into.0), None, None, None),
            Merged::Campaign(advertiser, hidden, into) => {
                (import.0, None, None, Some(advertiser.0), Some(hidden.0), Some(into.0))
            }
        };
        self.run("note what was merged", sql, params)?;
        self.merge_touch(which)
    }

    /// Says that the meaning of these two names has changed.
    pub fn merge_touch(&self, which: Merged) -> StoreResult<()> {
        match which {
            Merged::Publisher(..) => self.publishers_touch(),
            Merged::Campaign(advertiser, ..) => self.catalogue_touch(advertiser),
        }
    }
}
