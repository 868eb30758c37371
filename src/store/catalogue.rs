//! Apps, offers and campaigns of an advertiser. Every change here increases the advertiser's catalogue version.

use chrono::{DateTime, Utc};
use rusqlite::Row;

use crate::domain::{AdvertiserId, AppId, CampaignId, Name, OfferId, StoreId};
use crate::store::apps::store_id;
use crate::store::{
    AdvertiserKey, AppKey, CampaignKey, OfferKey, OrMissing as _, ReadTxn, StoreResult, Version, WriteTxn, parsed,
    to_ms,
};

#[derive(Debug, Clone)]
pub struct OfferRow {
    pub key: OfferKey,
    pub id: OfferId,
    /// The name users see; unique within the advertiser.
    pub name: String,
    /// Whether Singular gets its cost.
    pub cost_reporting: bool,
}

/// A campaign with everything a report says about it.
#[derive(Debug, Clone)]
pub struct CampaignRow {
    pub key: CampaignKey,
    pub id: CampaignId,
    /// The advertiser's own name; unique within the advertiser.
    pub name: String,
    pub offer: OfferRow,
    pub app: String,
    /// The app's id in its store.
    pub store: StoreId,
}

/// An offer, from the row's columns `at` on.
pub(in crate::store) fn offer(row: &Row<'_>, at: usize) -> rusqlite::Result<OfferRow> {
    Ok(OfferRow {
        key: OfferKey(row.get(at)?),
        id: parsed(row, at + 1)?,
        name: row.get(at + 2)?,
        cost_reporting: row.get(at + 3)?,
    })
}

/// A campaign, from the columns of `campaign_list.sql`, which other lists of campaigns share.
pub(in crate::store) fn campaign(row: &Row<'_>) -> rusqlite::Result<CampaignRow> {
    Ok(CampaignRow {
        key: CampaignKey(row.get(0)?),
        id: parsed(row, 1)?,
        name: row.get(2)?,
        offer: offer(row, 3)?,
        app: row.get(7)?,
        store: store_id(row, 8)?,
    })
}

impl ReadTxn<'_> {
    /// All campaigns whose offers have cost reporting off.
    pub fn campaigns_hidden(&self) -> StoreResult<std::collections::HashSet<CampaignKey>> {
        let sql = "select campaign_key from campaigns join offers using (offer_key) where cost_reporting = 0";
        let found = self.list("find hidden campaigns", sql, (), |row| row.get(0).map(CampaignKey))?;
        Ok(found.into_iter().collect())
    }

    /// The advertiser's key, and its catalogue version, which increases whenever the report could differ for unchanged stats.
    pub fn catalogue_version(&self, advertiser: AdvertiserId) -> StoreResult<(AdvertiserKey, Version)> {
        let sql = "select advertiser_key, catalogue_version from advertisers where id = ?1";
        let id = advertiser.to_string();
        self.first("read the catalogue's version", sql, [&id], |row| {
            Ok((AdvertiserKey(row.get(0)?), Version(row.get(1)?)))
        })?
        .or_missing("advertiser", &id)
    }

    /// All campaigns of the advertiser, by key.
    pub fn campaign_list(&self, advertiser: AdvertiserKey) -> StoreResult<Vec<CampaignRow>> {
        self.list("list campaigns", include_str!("sql/campaign_list.sql"), [advertiser.0], campaign)
    }

    /// All offers of the advertiser, by name.
    pub fn offer_list(&self, advertiser: AdvertiserKey) -> StoreResult<Vec<OfferRow>> {
        let sql = "select offer_key, id, name, cost_reporting from offers where advertiser_key = ?1 order by name";
        self.list("list offers", sql, [advertiser.0], |row| offer(row, 0))
    }

    /// The advertiser's app with this store id: its key and name.
    pub fn app_find(&self, advertiser: AdvertiserKey, store: &StoreId) -> StoreResult<Option<(AppKey, String)>> {
        let sql = "select app_key, name from apps where advertiser_key = ?1 and os = ?2 and store_id = ?3";
        let params = (advertiser.0, store.os().as_str(), store.as_str());
        self.first("find an app", sql, params, |row| Ok((AppKey(row.get(0)?), row.get(1)?)))
    }
}

impl WriteTxn<'_> {
    /// Adds an app; its store id must be new to the advertiser.
    pub fn app_create(
        &self,
        advertiser: AdvertiserKey,
        id: AppId,
        name: &Name,
        store: &StoreId,
        now: DateTime<Utc>,
    ) -> StoreResult<AppKey> {
        let sql =
            "insert into apps (id, advertiser_key, name, os, store_id, created_at) values (?1, ?2, ?3, ?4, ?5, ?6)";
        let params = (id.to_string(), advertiser.0, name.as_str(), store.os().as_str(), store.as_str(), to_ms(now));
        let key = self.insert("create an app", sql, params).map_err(|error| {
            error.or_conflict(|| {
                format!("there is already an app with the store id {} on {}", store.as_str(), store.os())
            })
        })?;
        self.catalogue_touch(advertiser)?;
        Ok(AppKey(key))
    }

    /// Adds an offer; its name must be new to the advertiser.
    pub fn offer_create(
        &self,
        advertiser: AdvertiserKey,
        id: OfferId,
        name: &Name,
        cost_reporting: bool,
        now: DateTime<Utc>,
    ) -> StoreResult<OfferKey> {
        let sql =
            "insert into offers (id, advertiser_key, name, cost_reporting, created_at) values (?1, ?2, ?3, ?4, ?5)";
        let params = (id.to_string(), advertiser.0, name.as_str(), cost_reporting, to_ms(now));
        let key = self
            .insert("create an offer", sql, params)
            .map_err(|error| error.or_conflict(|| format!("there is already an offer \"{name}\"")))?;
        self.catalogue_touch(advertiser)?;
        Ok(OfferKey(key))
    }

    /// Turns an offer's cost reporting on or off; returns whether that changed anything.
    pub fn offer_set_cost_reporting(&self, advertiser: AdvertiserKey, offer: OfferKey, on: bool) -> StoreResult<bool> {
        self.offer_keep(offer)?;
        let sql = "update offers set cost_reporting = ?3
            where advertiser_key = ?1 and offer_key = ?2 and cost_reporting <> ?3";
        let changed = self.run("switch cost reporting", sql, (advertiser.0, offer.0, on))? > 0;
        if changed {
            self.catalogue_touch(advertiser)?;
        }
        Ok(changed)
    }

    /// Adds a campaign; its name must be new to the advertiser.
    ///
    /// An offer's first campaign gets the offer's own id (contract §1), a further one gets `spare`. So does every later one
    /// if the offer's id was already used, wherever that campaign is now. Returns the id with the key.
    pub fn campaign_create(
        &self,
        advertiser: AdvertiserKey,
        spare: CampaignId,
        name: &Name,
        offer: OfferKey,
        app: AppKey,
        now: DateTime<Utc>,
    ) -> StoreResult<(CampaignKey, CampaignId)> {
        let params = rusqlite::named_params! {
            ":advertiser": advertiser.0,
            ":offer": offer.0,
            ":app": app.0,
            ":name": name.as_str(),
            ":spare": spare.to_string(),
            ":now": to_ms(now),
        };
        let created: (CampaignKey, CampaignId) = self
            .first("create a campaign", include_str!("sql/campaign_create.sql"), params, |row| {
                Ok((CampaignKey(row.get(0)?), parsed(row, 1)?))
            })
            .map_err(|error| error.or_conflict(|| format!("there is already a campaign \"{name}\"")))?
            .or_missing("offer for campaign", name.as_str())?;
        let sql = "update offers set id_given = 1 where offer_key = ?1 and id = ?2";
        self.run("note whose id a campaign has", sql, (offer.0, created.1.to_string()))?;
        self.catalogue_touch(advertiser)?;
        Ok(created)
    }

    /// Moves a campaign to another offer and app of the advertiser; its id, name and stats are kept.
    pub fn campaign_move(
        &self,
        advertiser: AdvertiserKey,
        campaign: CampaignKey,
        offer: OfferKey,
        app: AppKey,
    ) -> StoreResult<()> {
        self.campaign_keep(campaign)?;
        let sql = "update campaigns set offer_key = ?3, app_key = ?4 where advertiser_key = ?1 and campaign_key = ?2";
        self.run("move a campaign", sql, (advertiser.0, campaign.0, offer.0, app.0))?;
        self.catalogue_touch(advertiser)
    }

    /// Renames an offer; its id can't change.
    pub fn offer_rename(&self, advertiser: AdvertiserKey, offer: OfferKey, name: &Name) -> StoreResult<()> {
        self.offer_keep(offer)?;
        let sql = "update offers set name = ?3 where advertiser_key = ?1 and offer_key = ?2";
        self.run("rename an offer", sql, (advertiser.0, offer.0, name.as_str()))
            .map_err(|error| error.or_conflict(|| format!("there is already an offer \"{name}\"")))?;
        self.catalogue_touch(advertiser)
    }

    /// Deletes an offer; fails if it has campaigns.
    pub fn offer_delete(&self, advertiser: AdvertiserKey, offer: OfferKey) -> StoreResult<()> {
        let sql = "delete from offers where advertiser_key = ?1 and offer_key = ?2";
        self.run("delete an offer", sql, (advertiser.0, offer.0))
            .map_err(|error| error.or_in_use("the offer has campaigns, or had some that Singular may know by it"))?;
        self.catalogue_touch(advertiser)
    }

    /// Renames a campaign; its id can't change.
    pub fn campaign_rename(&self, advertiser: AdvertiserKey, campaign: CampaignKey, name: &Name) -> StoreResult<()> {
        let sql = "update campaigns set name = ?3 where advertiser_key = ?1 and campaign_key = ?2";
        self.run("rename a campaign", sql, (advertiser.0, campaign.0, name.as_str()))
            .map_err(|error| error.or_conflict(|| format!("there is already a campaign \"{name}\"")))?;
        self.catalogue_touch(advertiser)
    }

    /// Deletes a campaign; fails if it has stats.
    pub fn campaign_delete(&self, advertiser: AdvertiserKey, campaign: CampaignKey) -> StoreResult<()> {
        let sql = "delete from campaigns where advertiser_key = ?1 and campaign_key = ?2";
        self.run("delete a campaign", sql, (advertiser.0, campaign.0))
            .map_err(|error| error.or_in_use("the campaign has stats, or had some that the history keeps"))?;
        self.catalogue_touch(advertiser)
    }
}
