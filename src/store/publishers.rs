//! Publishers: who shows the offers. Shared by all advertisers.

use chrono::{DateTime, Utc};

use super::{PublisherKey, ReadTxn, StoreResult, WriteTxn, parsed, to_ms};
use crate::domain::{Name, PublisherId};

/// A publisher.
#[derive(Debug, Clone)]
pub struct PublisherRow {
    /// Surrogate key.
    pub key: PublisherKey,
    /// Stable id; `partner_id` on the wire.
    pub id: PublisherId,
    /// Unique name.
    pub name: String,
}

impl ReadTxn<'_> {
    /// All of them, by key.
    pub fn publisher_list(&self) -> StoreResult<Vec<PublisherRow>> {
        let sql = "select publisher_key, id, name from publishers order by publisher_key";
        self.list("list publishers", sql, (), |row| {
            Ok(PublisherRow { key: PublisherKey(row.get(0)?), id: parsed(row, 1)?, name: row.get(2)? })
        })
    }
}

impl WriteTxn<'_> {
    /// Adds a publisher; its name must be new.
    pub fn publisher_create(&self, id: PublisherId, name: &Name, now: DateTime<Utc>) -> StoreResult<PublisherKey> {
        let sql = "insert into publishers (id, name, created_at) values (?1, ?2, ?3)";
        let key = self
            .insert("create a publisher", sql, (id.to_string(), name.as_str(), to_ms(now)))
            .map_err(|error| error.or_conflict(|| format!("there is already a publisher \"{name}\"")))?;
        self.publishers_touch()?;
        Ok(PublisherKey(key))
    }
}
