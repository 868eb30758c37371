//! Feeds: links by which partners read an advertiser's cost. Only the SHA-256 of the secret is stored.

use chrono::{DateTime, Utc};
use rusqlite::Row;

use crate::domain::{Day, DayRange, FeedId, Name};
use crate::store::{
    AdvertiserKey, FeedKey, OrMissing as _, PublisherKey, ReadTxn, StoreResult, WriteTxn, foreign_value, from_ms,
    parsed, to_ms,
};

/// Which days a feed has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeedDays {
    /// The last days.
    Last(u32),
    /// Always the same days.
    Fixed(DayRange),
}

/// A stored feed.
#[derive(Debug, Clone)]
pub struct FeedRow {
    pub key: FeedKey,
    pub id: FeedId,
    /// Name of whoever reads it.
    pub name: String,
    /// The advertiser whose cost it has.
    pub advertiser: AdvertiserKey,
    pub advertiser_name: String,
    /// The name of its format.
    pub format: String,
    pub days: FeedDays,
    /// Its only publisher; `None` for all.
    pub publisher: Option<PublisherKey>,
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last read. Written in batches, so it lags a little.
    pub last_used_at: Option<DateTime<Utc>>,
    /// The address that last read it.
    pub last_used_address: Option<String>,
    /// The user agent that last read it.
    pub last_used_agent: Option<String>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

/// A new feed.
#[derive(Debug)]
pub struct NewFeed<'a> {
    pub id: FeedId,
    /// The advertiser whose cost it has.
    pub advertiser: AdvertiserKey,
    /// Name of whoever reads it.
    pub name: &'a Name,
    /// The name of its format.
    pub format: &'a str,
    /// SHA-256 of its secret, in hexadecimal.
    pub secret_sha256: &'a str,
    pub days: FeedDays,
    /// Its only publisher; `None` for all.
    pub publisher: Option<PublisherKey>,
    pub expires_at: Option<DateTime<Utc>>,
}

const SELECT: &str =
    "select feed_key, feeds.id, feeds.name, advertiser_key, advertisers.name, format, days, first_day, last_day,
    publisher_key, expires_at, revoked_at, last_used_at, last_used_address, last_used_agent, feeds.created_at
    from feeds join advertisers using (advertiser_key)";

fn feed(row: &Row<'_>) -> rusqlite::Result<FeedRow> {
    let moment = |column| row.get::<_, Option<i64>>(column).map(|ms| ms.map(from_ms));
    let day = |column| Day::from_stored(row.get(column)?).map_err(|invalid| foreign_value(column, invalid));
    let days = match row.get(6)? {
        Some(days) => FeedDays::Last(days),
        None => FeedDays::Fixed(DayRange::new(day(7)?, day(8)?).map_err(|invalid| foreign_value(8, invalid))?),
    };
    Ok(FeedRow {
        key: FeedKey(row.get(0)?),
        id: parsed(row, 1)?,
        name: row.get(2)?,
        advertiser: AdvertiserKey(row.get(3)?),
        advertiser_name: row.get(4)?,
        format: row.get(5)?,
        days,
        publisher: row.get::<_, Option<i64>>(9)?.map(PublisherKey),
        expires_at: moment(10)?,
        revoked_at: moment(11)?,
        last_used_at: moment(12)?,
        last_used_address: row.get(13)?,
        last_used_agent: row.get(14)?,
        created_at: from_ms(row.get(15)?),
    })
}

impl ReadTxn<'_> {
    /// The feed whose secret has this SHA-256, live or not.
    pub fn feed_find(&self, secret_sha256: &str) -> StoreResult<Option<FeedRow>> {
        let found = self.first("find a feed", &format!("{SELECT} where secret_sha256 = ?1"), [secret_sha256], feed)?;
        Ok(found.map(|row| self.feed_as_noted(row)))
    }

    /// The feed with this id.
    pub fn feed_get(&self, id: FeedId) -> StoreResult<FeedRow> {
        let id = id.to_string();
        let found = self.first("find a feed", &format!("{SELECT} where feeds.id = ?1"), [&id], feed)?;
        found.map(|row| self.feed_as_noted(row)).or_missing("feed", &id)
    }

    /// All feeds, by advertiser and age.
    pub fn feed_list(&self) -> StoreResult<Vec<FeedRow>> {
        let list = self.list("list feeds", &format!("{SELECT} order by advertisers.name, feed_key"), (), feed)?;
        Ok(list.into_iter().map(|row| self.feed_as_noted(row)).collect())
    }

    fn feed_as_noted(&self, row: FeedRow) -> FeedRow {
        FeedRow { revoked_at: row.revoked_at.or_else(|| self.noted_revocation(&row.id.to_string())), ..row }
    }
}

impl WriteTxn<'_> {
    pub fn feed_create(&self, new: &NewFeed<'_>, now: DateTime<Utc>) -> StoreResult<FeedKey> {
        let sql = "insert into feeds (id, advertiser_key, name, format, secret_sha256, days, first_day, last_day, publisher_key,
                expires_at, created_at)
            values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
        let (last, range) = match new.days {
            FeedDays::Last(days) => (Some(days), None),
            FeedDays::Fixed(range) => (None, Some(range)),
        };
        let params = (
            new.id.to_string(),
            new.advertiser.0,
            new.name.as_str(),
            new.format,
            new.secret_sha256,
            last,
            range.map(|range| range.from().to_stored()),
            range.map(|range| range.to().to_stored()),
            new.publisher.map(|key| key.0),
            new.expires_at.map(to_ms),
            to_ms(now),
        );
        self.insert("create a feed", sql, params).map(FeedKey)
    }

    /// Revokes a feed from the next request on.
    pub(super) fn feed_revoke(&self, id: &str, now: DateTime<Utc>) -> StoreResult<()> {
        let sql = "update feeds set revoked_at = ?2 where id = ?1 and revoked_at is null";
        self.run("revoke a feed", sql, (id, to_ms(now))).map(drop)
    }

    /// Notes when and from where a feed was read.
    pub fn feed_seen(&self, key: FeedKey, at: DateTime<Utc>, address: &str, agent: &str) -> StoreResult<()> {
        let sql =
            "update feeds set last_used_at = ?2, last_used_address = ?3, last_used_agent = ?4 where feed_key = ?1";
        self.run("note a feed's use", sql, (key.0, to_ms(at), address, agent)).map(drop)
    }
}
