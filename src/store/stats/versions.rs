//! Versions of everything that a report can show. See the comment on `change_clock` in `schema.sql`.

use chrono::Utc;

use crate::store::{AdvertiserKey, ReadTxn, StoreResult, WriteTxn};

/// Increases with every change; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version(pub(in crate::store) i64);

impl Version {
    /// The number, for entity tags and cache keys.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }
}

impl ReadTxn<'_> {
    /// The epoch of the versions: another copy of the database may use the same versions for other changes.
    pub fn epoch(&self) -> StoreResult<String> {
        Ok(self.first("read the epoch", "select id from epoch", (), |row| row.get(0))?.unwrap_or_default())
    }

    /// Changes whenever a publisher is added, deleted or renamed.
    pub fn publishers_version(&self) -> StoreResult<Version> {
        let found =
            self.first("read the publishers' version", "select publishers from change_clock", (), |row| row.get(0))?;
        Ok(Version(found.unwrap_or_default()))
    }

    /// The days of the range with stats, in order, each with its version. Both ends are included.
    pub fn day_versions(&self, advertiser: AdvertiserKey, from: i64, to: i64) -> StoreResult<Vec<(i64, Version)>> {
        self.list(
            "read the days' versions",
            "select day, version from day_versions where advertiser_key = ?1 and day between ?2 and ?3 order by day",
            (advertiser.0, from, to),
            |row| Ok((row.get(0)?, Version(row.get(1)?))),
        )
    }
}

impl WriteTxn<'_> {
    /// Says that a publisher was added, deleted or renamed.
    pub(in crate::store) fn publishers_touch(&self) -> StoreResult<()> {
        let version = self.version_take()?;
        self.run("mark the publishers as changed", "update change_clock set publishers = ?1", [version.0]).map(drop)
    }

    /// The version of all changes in this transaction.
    pub fn version_take(&self) -> StoreResult<Version> {
        if let Some(version) = self.version.get() {
            return Ok(version);
        }
        let sql = "insert into change_clock (only, latest, publishers) values (1, ?1, 0)
            on conflict do update set latest = max(latest + 1, excluded.latest)
            returning latest";
        let taken = self.first("take a version", sql, [Utc::now().timestamp_micros()], |row| row.get(0))?;
        let version = Version(taken.unwrap_or_default());
        self.version.set(Some(version));
        Ok(version)
    }

    /// Says that stats of this day have changed, so that clients' copies are outdated.
    pub fn day_touch(&self, advertiser: AdvertiserKey, day: i64, version: Version) -> StoreResult<()> {
        let sql = "insert into day_versions (advertiser_key, day, version) values (?1, ?2, ?3)
            on conflict do update set version = excluded.version";
        self.run("mark a day as changed", sql, (advertiser.0, day, version.0)).map(drop)
    }

    /// Says that the advertiser's apps, offers or campaigns changed.
    pub fn catalogue_touch(&self, advertiser: AdvertiserKey) -> StoreResult<()> {
        let version = self.version_take()?;
        let sql = "update advertisers set catalogue_version = ?2 where advertiser_key = ?1";
        self.run("mark the catalogue as changed", sql, (advertiser.0, version.0)).map(drop)
    }
}
