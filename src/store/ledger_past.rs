//! What a report said at an earlier version: earlier values of offers, campaigns and apps, and the imports since.

use crate::domain::{CampaignId, Micros, StoreId};
use crate::store::apps::store_id;
use crate::store::{
    AdvertiserKey, AppKey, CampaignKey, ImportKey, OfferKey, PublisherKey, ReadTxn, StoreResult, Version, WriteTxn,
    foreign_value, parsed,
};

/// An offer's values before a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastOffer {
    pub offer: OfferKey,
    /// The version of the change.
    pub until: Version,
    pub name: String,
    /// Whether its cost reporting was on.
    pub cost_reporting: bool,
}

/// A campaign's offer and app before a change; or the current ones, which have no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CampaignPlace {
    pub campaign: CampaignKey,
    /// The version of the change.
    pub until: Version,
    pub offer: OfferKey,
    pub app: AppKey,
}

/// An app's store id before a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastApp {
    pub app: AppKey,
    /// The version of the change.
    pub until: Version,
    pub store: StoreId,
}

/// A cell's value, as far as Singular reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChangedSince {
    pub campaign: CampaignKey,
    pub publisher: PublisherKey,
    /// The import that stated it.
    pub import: ImportKey,
    pub clicks: i64,
    pub cost: Micros,
}

fn changed(row: &rusqlite::Row<'_>) -> rusqlite::Result<ChangedSince> {
    Ok(ChangedSince {
        campaign: CampaignKey(row.get(0)?),
        publisher: PublisherKey(row.get(1)?),
        import: ImportKey(row.get(2)?),
        clicks: row.get(3)?,
        cost: Micros::new(row.get(4)?).map_err(|invalid| foreign_value(4, invalid))?,
    })
}

fn place(row: &rusqlite::Row<'_>) -> rusqlite::Result<CampaignPlace> {
    let (campaign, until) = (CampaignKey(row.get(0)?), Version(row.get(1)?));
    Ok(CampaignPlace { campaign, until, offer: OfferKey(row.get(2)?), app: AppKey(row.get(3)?) })
}

impl ReadTxn<'_> {
    /// Earlier values of the advertiser's offers, oldest first.
    pub fn offer_past(&self, advertiser: AdvertiserKey) -> StoreResult<Vec<PastOffer>> {
        let sql = "select past.offer_key, past.until, past.name, past.cost_reporting from offer_history past
            join offers using (offer_key)
            where offers.advertiser_key = ?1
            order by past.offer_key, past.until";
        self.list("read what offers were", sql, [advertiser.0], |row| {
            let (offer, until) = (OfferKey(row.get(0)?), Version(row.get(1)?));
            Ok(PastOffer { offer, until, name: row.get(2)?, cost_reporting: row.get(3)? })
        })
    }

    /// Current values of the advertiser's offers: the name, and whether cost reporting is on.
    pub fn offers_said(&self, advertiser: AdvertiserKey) -> StoreResult<Vec<(OfferKey, String, bool)>> {
        let sql = "select offer_key, name, cost_reporting from offers where advertiser_key = ?1";
        self.list("list offers", sql, [advertiser.0], |row| Ok((OfferKey(row.get(0)?), row.get(1)?, row.get(2)?)))
    }

    /// The ids of the advertiser's campaigns.
    pub fn campaign_ids(&self, advertiser: AdvertiserKey) -> StoreResult<Vec<(CampaignKey, CampaignId)>> {
        let sql = "select campaign_key, id from campaigns where advertiser_key = ?1";
        self.list("list campaigns", sql, [advertiser.0], |row| Ok((CampaignKey(row.get(0)?), parsed(row, 1)?)))
    }

    /// Current offers and apps of the advertiser's campaigns.
    pub fn campaign_places(&self, advertiser: AdvertiserKey) -> StoreResult<Vec<CampaignPlace>> {
        let sql = "select campaign_key, 0, offer_key, app_key from campaigns where advertiser_key = ?1";
        self.list("read campaigns' places", sql, [advertiser.0], place)
    }

    /// Earlier offers and apps of the advertiser's campaigns, oldest first.
    pub fn campaign_past(&self, advertiser: AdvertiserKey) -> StoreResult<Vec<CampaignPlace>> {
        let sql = "select past.campaign_key, past.until, past.offer_key, past.app_key from campaign_history past
            join campaigns using (campaign_key)
            where campaigns.advertiser_key = ?1
            order by past.campaign_key, past.until";
        self.list("read where campaigns belonged", sql, [advertiser.0], place)
    }

    /// Earlier store ids of the advertiser's apps, oldest first.
    pub fn app_past(&self, advertiser: AdvertiserKey) -> StoreResult<Vec<PastApp>> {
        let sql = "select past.app_key, past.until, past.os, past.store_id from app_history past
            join apps using (app_key)
            where apps.advertiser_key = ?1
            order by past.app_key, past.until";
        self.list("read what apps were", sql, [advertiser.0], |row| {
            Ok(PastApp { app: AppKey(row.get(0)?), until: Version(row.get(1)?), store: store_id(row, 2)? })
        })
    }

    /// The last import that is contained in a version.
    pub fn import_at(&self, version: Version) -> StoreResult<ImportKey> {
        let sql = "select max(import_key) from imports where version <= ?1";
        let found = self.first("place an import", sql, [version.0], |row| row.get::<_, Option<i64>>(0))?;
        Ok(ImportKey(found.flatten().unwrap_or_default()))
    }

    /// The day's cells whose value comes from an import after this one, each with that import, its clicks and its cost.
    pub fn stat_changed_since(
        &self,
        advertiser: AdvertiserKey,
        day: i64,
        import: ImportKey,
    ) -> StoreResult<Vec<ChangedSince>> {
        let sql = "select campaign_key, publisher_key, import_key, clicks, cost_micros from daily_stats
            where advertiser_key = ?1 and day = ?2 and import_key > ?3
            order by campaign_key, publisher_key";
        self.list("read what changed", sql, (advertiser.0, day, import.0), changed)
    }

    /// The day's cells before imports after this one changed them: for each cell, in order, the value that the first of them
    /// ended, with the import that had stated it. At most `limit` cells.
    pub fn stat_held_until(
        &self,
        advertiser: AdvertiserKey,
        day: i64,
        import: ImportKey,
        limit: Option<u32>,
    ) -> StoreResult<Vec<ChangedSince>> {
        let sql = "select campaign_key, publisher_key, import_key, clicks, cost_micros, min(ended_by)
            from stat_history
            where advertiser_key = ?1 and day = ?2 and ended_by > ?3
            group by campaign_key, publisher_key
            order by campaign_key, publisher_key
            limit ?4";
        let limit = limit.map_or(-1, i64::from);
        self.list("read a day's history", sql, (advertiser.0, day, import.0, limit), changed)
    }
}

impl WriteTxn<'_> {
    /// Stores an offer's values before they change.
    pub fn offer_keep(&self, offer: OfferKey) -> StoreResult<()> {
        let sql = "insert into offer_history (offer_key, until, name, cost_reporting)
            select offer_key, ?2, name, cost_reporting from offers where offer_key = ?1
            on conflict do nothing";
        self.run("keep what an offer was", sql, (offer.0, self.version_take()?.0)).map(drop)
    }

    /// Stores a campaign's offer and app before it is moved.
    pub fn campaign_keep(&self, campaign: CampaignKey) -> StoreResult<()> {
        let sql = "insert into campaign_history (campaign_key, until, offer_key, app_key)
            select campaign_key, ?2, offer_key, app_key from campaigns where campaign_key = ?1
            on conflict do nothing";
        self.run("keep where a campaign belonged", sql, (campaign.0, self.version_take()?.0)).map(drop)
    }

    /// Stores an app's store id before it changes.
    pub fn app_keep(&self, app: AppKey) -> StoreResult<()> {
        let sql = "insert into app_history (app_key, until, os, store_id)
            select app_key, ?2, os, store_id from apps where app_key = ?1
            on conflict do nothing";
        self.run("keep what an app was", sql, (app.0, self.version_take()?.0)).map(drop)
    }
}
