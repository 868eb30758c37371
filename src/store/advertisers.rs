//! Advertisers: the accounts that pay.

use chrono::{DateTime, Utc};
use rusqlite::Row;

use crate::domain::{AdvertiserId, Currency, Name, NameKey, ReportingZone};
use crate::store::{
    AdvertiserKey, OrMissing as _, ReadTxn, StoreResult, WriteTxn, foreign_value, from_ms, parsed, to_ms,
};

#[derive(Debug, Clone)]
pub struct AdvertiserRow {
    pub key: AdvertiserKey,
    pub id: AdvertiserId,
    /// Unique name.
    pub name: String,
    /// The currency of all its money.
    pub currency: Currency,
    /// The zone in which its days are counted.
    pub time_zone: ReportingZone,
    /// When it was disabled, if it is.
    pub disabled_at: Option<DateTime<Utc>>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

const COLUMNS: &str = "advertiser_key, id, name, currency, time_zone, disabled_at, created_at";

fn advertiser(row: &Row<'_>) -> rusqlite::Result<AdvertiserRow> {
    Ok(AdvertiserRow {
        key: AdvertiserKey(row.get(0)?),
        id: parsed(row, 1)?,
        name: row.get(2)?,
        currency: Currency::parse(row.get_ref(3)?.as_str()?).map_err(|invalid| foreign_value(3, invalid))?,
        time_zone: parsed(row, 4)?,
        disabled_at: row.get::<_, Option<i64>>(5)?.map(from_ms),
        created_at: from_ms(row.get(6)?),
    })
}

impl ReadTxn<'_> {
    /// All advertisers, by name.
    pub fn advertiser_list(&self) -> StoreResult<Vec<AdvertiserRow>> {
        self.list("list advertisers", &format!("select {COLUMNS} from advertisers order by name"), (), advertiser)
    }

    /// The advertiser with this name or id. Without an exact match, the only name that is equal by the contract's comparison
    /// (§4).
    pub fn advertiser_find(&self, name_or_id: &str) -> StoreResult<Option<AdvertiserRow>> {
        // A name wins over an id: nobody takes another's id as a name by accident.
        let sql =
            format!("select {COLUMNS} from advertisers where name = ?1 or id = lower(?1) order by name = ?1 desc");
        if let Some(found) = self.first("find an advertiser", &sql, [name_or_id.trim()], advertiser)? {
            return Ok(Some(found));
        }
        let looks = NameKey::new(name_or_id);
        let mut alike = self.advertiser_list()?.into_iter().filter(|row| NameKey::new(&row.name) == looks);
        Ok(alike.next().filter(|_| alike.next().is_none()))
    }

    /// The advertiser with this name or id; an error if there is none.
    pub fn advertiser_get(&self, name_or_id: &str) -> StoreResult<AdvertiserRow> {
        self.advertiser_find(name_or_id)?.or_missing("advertiser", name_or_id)
    }

    /// The advertiser with this key.
    pub fn advertiser_by_key(&self, key: AdvertiserKey) -> StoreResult<AdvertiserRow> {
        let sql = format!("select {COLUMNS} from advertisers where advertiser_key = ?1");
        self.first("find an advertiser", &sql, [key.0], advertiser)?
            .or_missing("advertiser with key", &key.0.to_string())
    }

    /// Whether the database is still empty.
    pub fn is_empty(&self) -> StoreResult<bool> {
        let sql = "select not exists (select 1 from advertisers) and not exists (select 1 from admins)";
        Ok(self.first("look for rows", sql, (), |row| row.get(0))?.unwrap_or(true))
    }
}

impl WriteTxn<'_> {
    /// Adds an advertiser; its name must be new.
    pub fn advertiser_create(
        &self,
        id: AdvertiserId,
        name: &Name,
        currency: Currency,
        time_zone: ReportingZone,
        now: DateTime<Utc>,
    ) -> StoreResult<AdvertiserRow> {
        let version = self.version_take()?;
        let sql = "insert into advertisers (id, name, currency, time_zone, catalogue_version, created_at)
            values (?1, ?2, ?3, ?4, ?5, ?6)";
        let params = (id.to_string(), name.as_str(), currency.code(), time_zone.name(), version.0, to_ms(now));
        let key = self
            .insert("create an advertiser", sql, params)
            .map_err(|error| error.or_conflict(|| format!("there is already an advertiser \"{name}\"")))?;
        self.advertiser_by_key(AdvertiserKey(key))
    }

    /// Disables an advertiser, or enables it with `None`. While it is disabled its tokens are refused.
    pub fn advertiser_set_disabled(&self, key: AdvertiserKey, at: Option<DateTime<Utc>>) -> StoreResult<()> {
        let sql = "update advertisers set disabled_at = ?2 where advertiser_key = ?1";
        self.run("switch an advertiser", sql, (key.0, at.map(to_ms))).map(drop)
    }

    /// Changes an advertiser's name and zone; its id and currency can't change.
    pub fn advertiser_update(&self, key: AdvertiserKey, name: &Name, time_zone: ReportingZone) -> StoreResult<()> {
        let sql = "update advertisers set name = ?2, time_zone = ?3 where advertiser_key = ?1";
        self.run("change an advertiser", sql, (key.0, name.as_str(), time_zone.name()))
            .map(drop)
            .map_err(|error| error.or_conflict(|| format!("there is already an advertiser \"{name}\"")))
    }
}
