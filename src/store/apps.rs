//! Apps that are advertised. Every change here increases the advertiser's catalogue version.

use rusqlite::Row;

use crate::domain::{AppId, Name, Os, StoreId};
use crate::store::{AdvertiserKey, AppKey, ReadTxn, StoreResult, WriteTxn, foreign_value, parsed};

#[derive(Debug, Clone)]
pub struct AppRow {
    pub key: AppKey,
    pub id: AppId,
    pub name: String,
    /// Its id in its store; unique within the advertiser.
    pub store: StoreId,
}

/// An operating system and a store id, from the row's columns `at` on.
pub(in crate::store) fn store_id(row: &Row<'_>, at: usize) -> rusqlite::Result<StoreId> {
    let os: Os = parsed(row, at)?;
    StoreId::parse(os, row.get_ref(at + 1)?.as_str()?).map_err(|invalid| foreign_value(at + 1, invalid))
}

/// An app, from the row's first columns.
pub(in crate::store) fn app(row: &Row<'_>) -> rusqlite::Result<AppRow> {
    Ok(AppRow { key: AppKey(row.get(0)?), id: parsed(row, 1)?, name: row.get(2)?, store: store_id(row, 3)? })
}

impl ReadTxn<'_> {
    /// All apps of the advertiser, by name.
    pub fn app_list(&self, advertiser: AdvertiserKey) -> StoreResult<Vec<AppRow>> {
        let sql = "select app_key, id, name, os, store_id from apps where advertiser_key = ?1 order by name, os";
        self.list("list apps", sql, [advertiser.0], app)
    }
}

impl WriteTxn<'_> {
    /// Changes an app's name or store id; its own id can't change.
    pub fn app_update(&self, advertiser: AdvertiserKey, key: AppKey, name: &Name, store: &StoreId) -> StoreResult<()> {
        self.app_keep(key)?;
        let sql = "update apps set name = ?3, os = ?4, store_id = ?5 where advertiser_key = ?1 and app_key = ?2";
        let params = (advertiser.0, key.0, name.as_str(), store.os().as_str(), store.as_str());
        self.run("change an app", sql, params).map_err(|error| {
            error.or_conflict(|| {
                format!("there is already an app with the store id {} on {}", store.as_str(), store.os())
            })
        })?;
        self.catalogue_touch(advertiser)
    }

    /// Deletes an app; fails if it has campaigns.
    pub fn app_delete(&self, advertiser: AdvertiserKey, key: AppKey) -> StoreResult<()> {
        let sql = "delete from apps where advertiser_key = ?1 and app_key = ?2";
        self.run("delete an app", sql, (advertiser.0, key.0))
            .map_err(|error| error.or_in_use("the app has campaigns, or had some that Singular may know by it"))?;
        self.catalogue_touch(advertiser)
    }
}
