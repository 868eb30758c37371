//! Saved mappings: how to read files with other columns than the contract's. Their content is the caller's JSON.

use chrono::{DateTime, Utc};
use rusqlite::Row;

use crate::domain::Name;
use crate::store::{ReadTxn, StoreResult, WriteTxn, from_ms, to_ms};

/// How many mappings without a name are remembered.
const REMEMBERED: u32 = 500;

#[derive(Debug, Clone)]
pub struct MappingRow {
    /// Its unique name.
    pub name: String,
    /// The headers of the file it was made for, a JSON array.
    pub headers: String,
    /// Its content, a JSON object.
    pub spec: String,
    /// When it was first saved.
    pub created_at: DateTime<Utc>,
    /// When it was last used.
    pub used_at: Option<DateTime<Utc>>,
}

const COLUMNS: &str = "name, headers, spec, created_at, used_at";

fn mapping(row: &Row<'_>) -> rusqlite::Result<MappingRow> {
    Ok(MappingRow {
        name: row.get(0)?,
        headers: row.get(1)?,
        spec: row.get(2)?,
        created_at: from_ms(row.get(3)?),
        used_at: row.get::<_, Option<i64>>(4)?.map(from_ms),
    })
}

impl ReadTxn<'_> {
    /// All saved mappings, by name.
    pub fn mapping_list(&self) -> StoreResult<Vec<MappingRow>> {
        self.list("list mappings", &format!("select {COLUMNS} from mappings order by name"), (), mapping)
    }

    /// The mapping with this name.
    pub fn mapping_find(&self, name: &str) -> StoreResult<Option<MappingRow>> {
        let sql = format!("select {COLUMNS} from mappings where name = ?1");
        self.first("find a mapping", &sql, [name.trim()], mapping)
    }

    /// The mapping for these headers that was used last.
    pub fn mapping_for(&self, headers: &str) -> StoreResult<Option<MappingRow>> {
        let sql = format!(
            "select {COLUMNS} from mappings where headers = ?1 order by coalesce(used_at, created_at) desc, mapping_key desc"
        );
        self.first("find a mapping", &sql, [headers], mapping)
    }
}

impl ReadTxn<'_> {
    /// The remembered mapping for headers with this hash.
    pub fn mapping_remembered(&self, headers_sha256: &str) -> StoreResult<Option<String>> {
        let sql = "select spec from mapping_memory where headers_sha256 = ?1";
        self.first("find a remembered mapping", sql, [headers_sha256], |row| row.get(0))
    }
}

impl WriteTxn<'_> {
    /// Remembers how a file with headers of this hash was read; the last 500 are kept.
    pub fn mapping_remember(&self, headers_sha256: &str, spec: &str, now: DateTime<Utc>) -> StoreResult<()> {
        const DOING: &str = "remember a mapping";
        let sql = "insert into mapping_memory (headers_sha256, spec, used_at) values (?1, ?2, ?3)
            on conflict do update set spec = excluded.spec, used_at = excluded.used_at";
        self.run(DOING, sql, (headers_sha256, spec, to_ms(now)))?;
        let sql = "delete from mapping_memory where headers_sha256 not in (
                select headers_sha256 from mapping_memory order by used_at desc limit ?1
            )";
        self.run(DOING, sql, [REMEMBERED]).map(drop)
    }

    /// Forgets how a file with the headers of this hash was read.
    pub fn mapping_forget(&self, headers_sha256: &str) -> StoreResult<()> {
        let sql = "delete from mapping_memory where headers_sha256 = ?1";
        self.run("forget a mapping", sql, [headers_sha256]).map(drop)
    }

    /// Saves a mapping; replaces one of the same name.
    pub fn mapping_save(&self, name: &Name, headers: &str, spec: &str, now: DateTime<Utc>) -> StoreResult<()> {
        let sql = "insert into mappings (name, headers, spec, created_at) values (?1, ?2, ?3, ?4)
            on conflict (name) do update set headers = excluded.headers, spec = excluded.spec";
        self.run("save a mapping", sql, (name.as_str(), headers, spec, to_ms(now))).map(drop)
    }

    /// Notes that a mapping was used.
    pub fn mapping_used(&self, name: &str, now: DateTime<Utc>) -> StoreResult<()> {
        self.run("note a mapping's use", "update mappings set used_at = ?2 where name = ?1", (name, to_ms(now)))
            .map(drop)
    }

    /// Deletes a mapping.
    pub fn mapping_delete(&self, name: &str) -> StoreResult<()> {
        self.run("delete a mapping", "delete from mappings where name = ?1", [name]).map(drop)
    }
}
