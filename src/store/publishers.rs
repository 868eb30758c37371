//! Publishers: the partners that promote offers. Shared by all advertisers.

use chrono::{DateTime, Utc};
use rusqlite::Row;

use crate::domain::{Name, PublisherId};
use crate::store::{OrMissing as _, PublisherKey, ReadTxn, StoreResult, WriteTxn, parsed, to_ms};

#[derive(Debug, Clone)]
pub struct PublisherRow {
    pub key: PublisherKey,
    /// Stable id; `partner_id` in reports.
    pub id: PublisherId,
    /// Unique name.
    pub name: String,
}

/// A publisher, from the row's first columns.
pub(in crate::store) fn publisher(row: &Row<'_>) -> rusqlite::Result<PublisherRow> {
    Ok(PublisherRow { key: PublisherKey(row.get(0)?), id: parsed(row, 1)?, name: row.get(2)? })
}

impl ReadTxn<'_> {
    /// The publisher with this id.
    pub fn publisher_get(&self, id: PublisherId) -> StoreResult<PublisherRow> {
        let sql = "select publisher_key, id, name from publishers where id = ?1";
        self.first("find a publisher", sql, [id.to_string()], publisher)?.or_missing("publisher", &id.to_string())
    }

    /// All publishers, by key.
    pub fn publisher_list(&self) -> StoreResult<Vec<PublisherRow>> {
        let sql = "select publisher_key, id, name from publishers order by publisher_key";
        self.list("list publishers", sql, (), publisher)
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

    /// Renames a publisher; its id can't change.
    pub fn publisher_rename(&self, key: PublisherKey, name: &Name) -> StoreResult<()> {
        self.run(
            "rename a publisher",
            "update publishers set name = ?2 where publisher_key = ?1",
            (key.0, name.as_str()),
        )
        .map_err(|error| error.or_conflict(|| format!("there is already a publisher \"{name}\"")))?;
        self.publishers_touch()
    }

    /// Deletes a publisher; fails if it has stats.
    pub fn publisher_delete(&self, key: PublisherKey) -> StoreResult<()> {
        self.run("delete a publisher", "delete from publishers where publisher_key = ?1", [key.0])
            .map_err(|error| error.or_in_use("the publisher has stats, or had some that the history keeps"))?;
        self.publishers_touch()
    }
}
