//! The history of what changed the stats.

use chrono::{DateTime, Utc};

use super::{ImportKey, StoreResult, TokenKey, WriteTxn, to_ms};
use crate::domain::ImportId;

/// Which way the rows came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportKind {
    /// The command line.
    File,
    /// The ingest route.
    Api,
    /// The demo's own sample.
    Demo,
    /// One cell, by hand.
    Edit,
}

impl ImportKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Api => "api",
            Self::Demo => "demo",
            Self::Edit => "edit",
        }
    }
}

/// What an import did, once it is known.
#[derive(Debug, Clone, Default)]
pub struct ImportRow {
    /// SHA-256 of the bytes as they came, in hexadecimal.
    pub sha256: Option<String>,
    /// Lines that were read.
    pub rows: u64,
    /// Cells that were new.
    pub inserted: u64,
    /// Cells that held something else.
    pub changed: u64,
    /// Cells that held the same.
    pub unchanged: u64,
    /// Lines whose cost had more than six decimals.
    pub rounded: u64,
}

impl WriteTxn<'_> {
    /// Opens an entry in the history, so that cells can point at it.
    pub fn import_begin(
        &self,
        id: ImportId,
        kind: ImportKind,
        source: &str,
        actor: &str,
        token: Option<TokenKey>,
        now: DateTime<Utc>,
    ) -> StoreResult<ImportKey> {
        let sql = "insert into imports (
                id, kind, source, actor, token_key, rows, inserted, changed, unchanged, rounded, zeroed, created_at
            ) values (?1, ?2, ?3, ?4, ?5, 0, 0, 0, 0, 0, 0, ?6)";
        let params = (id.to_string(), kind.as_str(), source, actor, token.map(|key| key.0), to_ms(now));
        self.insert("record an import", sql, params).map(ImportKey)
    }

    /// Says why somebody changed stats by hand.
    pub fn import_set_reason(&self, key: ImportKey, reason: &str) -> StoreResult<()> {
        self.run("record a reason", "update imports set reason = ?2 where import_key = ?1", (key.0, reason)).map(drop)
    }

    /// Completes the entry with what was done.
    pub fn import_finish(&self, key: ImportKey, done: &ImportRow) -> StoreResult<()> {
        let sql = "update imports
            set sha256 = ?2, rows = ?3, inserted = ?4, changed = ?5, unchanged = ?6, rounded = ?7
            where import_key = ?1";
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let params = (
            key.0,
            done.sha256.as_deref(),
            count(done.rows),
            count(done.inserted),
            count(done.changed),
            count(done.unchanged),
            count(done.rounded),
        );
        self.run("record an import", sql, params).map(drop)
    }
}
