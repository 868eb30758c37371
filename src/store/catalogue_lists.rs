//! Pages of the catalogue's lists, searched and sorted in the database.

use std::collections::HashMap;

use rusqlite::{Row, named_params};

use crate::domain::{CampaignId, PublisherId};
use crate::store::apps::app;
use crate::store::catalogue::{campaign, offer};
use crate::store::merges::{is_campaign_shown, is_publisher_shown};
use crate::store::publishers::publisher;
use crate::store::{
    AdvertiserKey, AppKey, AppRow, CampaignKey, CampaignRow, OfferKey, OfferRow, OrMissing as _, PublisherKey,
    PublisherRow, ReadTxn, StoreResult,
};

/// Which rows of a list are wanted.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// Only rows that contain this text, in any case; all if it is empty.
    pub search: String,
    /// The index of the column to sort by, from 0.
    pub sort: usize,
    /// Whether to sort descending.
    pub down: bool,
    /// How many rows to skip.
    pub offset: u32,
    /// The most rows.
    pub limit: u32,
}

/// A page of a list, and how many rows the whole list has.
#[derive(Debug)]
pub struct ListPage<T> {
    pub rows: Vec<T>,
    /// Rows on all pages.
    pub total: u32,
}

/// What an advertiser's catalogue has, without loading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CatalogueCounts {
    /// Whether there is an app.
    pub has_apps: bool,
    /// How many offers there are.
    pub offers: usize,
    /// How many of them have cost reporting on.
    pub offers_on: usize,
    /// Whether there is a campaign.
    pub has_campaigns: bool,
    /// Whether there is any publisher; all advertisers share them.
    pub has_publishers: bool,
}

/// A list: its rows, the texts that are searched, and the sort key of each column.
struct List {
    /// From `select` to the end of `where`; `:advertiser` is bound.
    from: &'static str,
    columns: &'static str,
    texts: &'static [&'static str],
    sorts: &'static [&'static str],
    /// Which rows are listed; `None` for all.
    shown: Option<fn() -> String>,
}

const CAMPAIGNS: List = List {
    from: "from campaigns join offers using (offer_key) join apps using (app_key)
        where campaigns.advertiser_key = :advertiser",
    columns: "campaigns.campaign_key, campaigns.id, campaigns.name, offers.offer_key, offers.id, offers.name,
        offers.cost_reporting, apps.name, apps.os, apps.store_id",
    texts: &["campaigns.name", "campaigns.id", "offers.name", "apps.name", "apps.store_id"],
    sorts: &["lower(campaigns.name)", "lower(offers.name)", "lower(apps.name)", "campaigns.id"],
    shown: Some(is_campaign_shown),
};

const OFFERS: List = List {
    from: "from offers where offers.advertiser_key = :advertiser",
    columns: "offers.offer_key, offers.id, offers.name, offers.cost_reporting,
        (select count(*) from campaigns where campaigns.offer_key = offers.offer_key) campaigns",
    texts: &["offers.name", "offers.id"],
    sorts: &["lower(offers.name)", "offers.cost_reporting", "campaigns"],
    shown: None,
};

const APPS: List = List {
    from: "from apps where apps.advertiser_key = :advertiser",
    columns: "apps.app_key, apps.id, apps.name, apps.os, apps.store_id,
        (select count(*) from campaigns where campaigns.app_key = apps.app_key) campaigns",
    texts: &["apps.name", "apps.store_id", "apps.os", "apps.id"],
    sorts: &["lower(apps.name)", "apps.os", "apps.store_id", "campaigns"],
    shown: None,
};

const PUBLISHERS: List = List {
    from: "from publishers where :advertiser is null",
    columns: "publishers.publisher_key, publishers.id, publishers.name",
    texts: &["publishers.name", "publishers.id"],
    sorts: &["lower(publishers.name)", "publishers.id"],
    shown: Some(is_publisher_shown),
};

/// SQLite ignores case only for English letters, so other letters are searched as typed, in lower case and in upper case.
fn spellings(search: &str) -> [String; 3] {
    let typed = search.trim();
    [typed.to_lowercase(), typed.to_uppercase(), typed.to_owned()]
}

fn condition(texts: &[&str]) -> String {
    let one = |text: &&str| {
        format!("instr(lower({text}), :lower) or instr(lower({text}), lower(:upper)) or instr({text}, :typed)")
    };
    let any: Vec<_> = texts.iter().map(one).collect();
    format!("(:typed = '' or {})", any.join(" or "))
}

impl ReadTxn<'_> {
    fn listed<T>(
        &self,
        list: &List,
        advertiser: Option<AdvertiserKey>,
        query: &ListQuery,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> StoreResult<ListPage<T>> {
        let [lower, upper, typed] = spellings(&query.search);
        let mut condition = condition(list.texts);
        if let Some(shown) = list.shown {
            condition = format!("{condition} and {}", shown());
        }
        let total = format!("select count(*) {} and {condition}", list.from);
        let advertiser = advertiser.map(|key| key.0);
        let params = named_params! { ":advertiser": advertiser, ":lower": lower, ":upper": upper, ":typed": typed };
        let total = self.first("count a list", &total, params, |row| row.get(0))?.unwrap_or_default();
        let sort = list.sorts.get(query.sort).unwrap_or(&list.sorts[0]);
        let way = if query.down { "desc" } else { "asc" };
        // The first column's text, then the key, make the order stable from page to page.
        let sql = format!(
            "select {} {} and {condition} order by {sort} {way}, {} {way}, 1 {way} limit {} offset {}",
            list.columns, list.from, list.sorts[0], query.limit, query.offset
        );
        Ok(ListPage { rows: self.list("read a list", &sql, params, row)?, total })
    }

    /// What the advertiser's catalogue has.
    pub fn catalogue_counts(&self, advertiser: AdvertiserKey) -> StoreResult<CatalogueCounts> {
        let sql = "select
                exists (select 1 from apps where advertiser_key = ?1),
                (select count(*) from offers where advertiser_key = ?1),
                (select count(*) from offers where advertiser_key = ?1 and cost_reporting = 1),
                exists (select 1 from campaigns where advertiser_key = ?1),
                exists (select 1 from publishers)";
        let counts = self.first("count the catalogue", sql, [advertiser.0], |row| {
            let (offers, offers_on) = (row.get::<_, u32>(1)? as usize, row.get::<_, u32>(2)? as usize);
            Ok(CatalogueCounts {
                has_apps: row.get(0)?,
                offers,
                offers_on,
                has_campaigns: row.get(3)?,
                has_publishers: row.get(4)?,
            })
        })?;
        counts.or_missing("advertiser with key", &advertiser.0.to_string())
    }

    /// A page of the advertiser's campaigns. Columns: name, offer, app, id.
    pub fn campaign_page(&self, advertiser: AdvertiserKey, query: &ListQuery) -> StoreResult<ListPage<CampaignRow>> {
        self.listed(&CAMPAIGNS, Some(advertiser), query, campaign)
    }

    /// A page of the advertiser's offers, each with the number of its campaigns. Columns: name, cost reporting, campaigns.
    pub fn offer_page(&self, advertiser: AdvertiserKey, query: &ListQuery) -> StoreResult<ListPage<(OfferRow, i64)>> {
        self.listed(&OFFERS, Some(advertiser), query, |row| Ok((offer(row, 0)?, row.get(4)?)))
    }

    /// A page of the advertiser's apps, each with the number of its campaigns. Columns: name, system, store id, campaigns.
    pub fn app_page(&self, advertiser: AdvertiserKey, query: &ListQuery) -> StoreResult<ListPage<(AppRow, i64)>> {
        self.listed(&APPS, Some(advertiser), query, |row| Ok((app(row)?, row.get(5)?)))
    }

    /// A page of the publishers. Columns: name, id.
    pub fn publisher_page(&self, query: &ListQuery) -> StoreResult<ListPage<PublisherRow>> {
        self.listed(&PUBLISHERS, None, query, publisher)
    }

    /// The advertiser's campaign with this id.
    pub fn campaign_find(&self, advertiser: AdvertiserKey, id: CampaignId) -> StoreResult<Option<CampaignRow>> {
        let sql = format!("select {} {} and campaigns.id = :id", CAMPAIGNS.columns, CAMPAIGNS.from);
        let params = named_params! { ":advertiser": advertiser.0, ":id": id.to_string() };
        self.first("find a campaign", &sql, params, campaign)
    }

    /// The advertiser's campaigns with these keys, unsorted.
    pub fn campaigns_by_key(&self, advertiser: AdvertiserKey, keys: &[CampaignKey]) -> StoreResult<Vec<CampaignRow>> {
        let sql = format!(
            "select {} {} and campaigns.campaign_key in (select value from json_each(:keys))",
            CAMPAIGNS.columns, CAMPAIGNS.from
        );
        let params = named_params! { ":advertiser": advertiser.0, ":keys": json(keys.iter().map(|key| key.0)) };
        self.list("find campaigns", &sql, params, campaign)
    }

    /// The publishers with these keys, unsorted.
    pub fn publishers_by_key(&self, keys: &[PublisherKey]) -> StoreResult<Vec<PublisherRow>> {
        let sql = "select publisher_key, id, name from publishers
            where publisher_key in (select value from json_each(?1))";
        self.list("find publishers", sql, [json(keys.iter().map(|key| key.0))], publisher)
    }

    /// Each of the advertiser's campaigns with its offer and its app.
    pub fn campaign_owners(&self, advertiser: AdvertiserKey) -> StoreResult<Vec<(CampaignKey, OfferKey, AppKey)>> {
        let sql = "select campaign_key, offer_key, app_key from campaigns where advertiser_key = ?1";
        self.list("list campaigns", sql, [advertiser.0], |row| {
            Ok((CampaignKey(row.get(0)?), OfferKey(row.get(1)?), AppKey(row.get(2)?)))
        })
    }

    /// The names of the advertiser's campaigns, by key.
    pub fn campaign_names(&self, advertiser: AdvertiserKey) -> StoreResult<HashMap<i64, String>> {
        let sql = "select campaign_key, name from campaigns where advertiser_key = ?1";
        let names = self.list("list campaigns", sql, [advertiser.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(names.into_iter().collect())
    }

    /// The names of all publishers, by key.
    pub fn publisher_names(&self) -> StoreResult<HashMap<i64, String>> {
        let names = self.list("list publishers", "select publisher_key, name from publishers", (), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        Ok(names.into_iter().collect())
    }

    /// The advertiser's campaigns that contain this text in their name or id, or in those of their offer or app.
    pub fn campaigns_holding(&self, advertiser: AdvertiserKey, text: &str) -> StoreResult<Vec<CampaignKey>> {
        self.holding(&CAMPAIGNS, "campaigns.campaign_key", Some(advertiser), text, |row| Ok(CampaignKey(row.get(0)?)))
    }

    /// The publishers that contain this text in their name or id.
    pub fn publishers_holding(&self, text: &str) -> StoreResult<Vec<PublisherKey>> {
        self.holding(&PUBLISHERS, "publishers.publisher_key", None, text, |row| Ok(PublisherKey(row.get(0)?)))
    }

    fn holding<T>(
        &self,
        list: &List,
        key: &str,
        advertiser: Option<AdvertiserKey>,
        text: &str,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> StoreResult<Vec<T>> {
        let [lower, upper, typed] = spellings(text);
        let sql = format!("select {key} {} and {}", list.from, condition(list.texts));
        let advertiser = advertiser.map(|key| key.0);
        let params = named_params! { ":advertiser": advertiser, ":lower": lower, ":upper": upper, ":typed": typed };
        self.list("search the catalogue", &sql, params, row)
    }

    /// The publisher with this id.
    pub fn publisher_find(&self, id: PublisherId) -> StoreResult<Option<PublisherRow>> {
        let sql = "select publisher_key, id, name from publishers where id = ?1";
        self.first("find a publisher", sql, [id.to_string()], publisher)
    }

    /// The advertiser's app with this id, and how many campaigns use it.
    pub fn app_with_campaigns(&self, advertiser: AdvertiserKey, id: &str) -> StoreResult<Option<(AppRow, i64)>> {
        let sql = format!("select {} {} and apps.id = :id", APPS.columns, APPS.from);
        let params = named_params! { ":advertiser": advertiser.0, ":id": id };
        self.first("find an app", &sql, params, |row| Ok((app(row)?, row.get(5)?)))
    }

    /// The advertiser's offer with this id, and how many campaigns it has.
    pub fn offer_with_campaigns(&self, advertiser: AdvertiserKey, id: &str) -> StoreResult<Option<(OfferRow, i64)>> {
        let sql = format!("select {} {} and offers.id = :id", OFFERS.columns, OFFERS.from);
        let params = named_params! { ":advertiser": advertiser.0, ":id": id };
        self.first("find an offer", &sql, params, |row| Ok((offer(row, 0)?, row.get(4)?)))
    }
}

/// Keys as a JSON array for `json_each`.
pub(in crate::store) fn json(keys: impl Iterator<Item = i64>) -> String {
    let keys: Vec<_> = keys.map(|key| key.to_string()).collect();
    format!("[{}]", keys.join(","))
}
