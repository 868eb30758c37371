//! The history of everything that changed the stats: files, uploads, edits, undos, marks of days.

use chrono::{DateTime, Utc};
use rusqlite::Row;

use crate::domain::{DayState, ImportId, Invalid, Reason, TokenId};
use crate::store::{
    AdvertiserKey, ImportKey, OrMissing as _, ReadTxn, StoreResult, TokenKey, WriteTxn, from_ms, parsed, to_ms,
};

/// The kind of an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportKind {
    /// A file, on the command line or in the browser.
    File,
    Api,
    /// The demo's sample.
    Demo,
    /// One row, edited by hand.
    Edit,
    /// The undo of another import.
    Undo,
    /// Days marked as provisional or final.
    Mark,
    /// A merge of two publishers or campaigns.
    Merge,
}

impl ImportKind {
    /// Its name in the database and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Api => "api",
            Self::Demo => "demo",
            Self::Edit => "edit",
            Self::Undo => "undo",
            Self::Mark => "mark",
            Self::Merge => "merge",
        }
    }
}

impl std::str::FromStr for ImportKind {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        [Self::File, Self::Api, Self::Demo, Self::Edit, Self::Undo, Self::Mark, Self::Merge]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| Invalid::value("kind", text, "file, api, demo, edit, undo, mark or merge"))
    }
}

/// A new entry.
#[derive(Debug)]
pub struct NewImport<'a> {
    pub id: ImportId,
    pub kind: ImportKind,
    /// The file's name, or another description.
    pub source: &'a str,
    pub actor: &'a str,
    pub reason: Option<&'a Reason>,
    /// The token of the upload.
    pub token: Option<TokenKey>,
    /// The import that it undoes.
    pub undoes: Option<ImportKey>,
    pub now: DateTime<Utc>,
}

/// The result of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportRow {
    /// SHA-256 of the original bytes, in hexadecimal.
    pub sha256: Option<String>,
    /// Lines that were read; for an undo, cells that were reverted.
    pub rows: u64,
    /// New cells.
    pub inserted: u64,
    /// Changed cells.
    pub changed: u64,
    /// Unchanged cells.
    pub unchanged: u64,
    /// Lines whose cost had more than six decimals.
    pub rounded: u64,
    /// Changed cells that were set to zero because the file left them out.
    pub zeroed: u64,
}

#[derive(Debug, Clone)]
pub struct ImportEntry {
    /// Increases with every entry.
    pub key: ImportKey,
    pub id: ImportId,
    pub kind: ImportKind,
    /// The file's name, or another description.
    pub source: String,
    pub actor: String,
    pub reason: Option<String>,
    /// The token of the upload: id and name.
    pub token: Option<(TokenId, String)>,
    pub counts: ImportRow,
    /// The total cost of its lines, exactly as read, if they have one currency.
    pub cost: Option<String>,
    pub clicks: Option<u64>,
    /// Notes and totals, as JSON.
    pub told: Option<String>,
    pub at: DateTime<Utc>,
    /// The state that it marked its days with.
    pub days: Option<DayState>,
    /// The import that it undid.
    pub undoes: Option<ImportId>,
    /// The undo of this import, and when.
    pub undone: Option<(ImportId, DateTime<Utc>)>,
}

/// The days of one advertiser in an import; everything that it changed is in this range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImportSpan {
    pub advertiser: AdvertiserKey,
    /// First day, as stored.
    pub first: i64,
    /// Last day, as stored.
    pub last: i64,
}

/// Entries with their notes and totals.
fn select() -> String {
    format!(include_str!("sql/import_select.sql"), told = "imports.told")
}

fn entry(row: &Row<'_>) -> rusqlite::Result<ImportEntry> {
    let count = |column| row.get::<_, i64>(column).map(i64::unsigned_abs);
    let known = |column| row.get_ref(column).map(|value| value != rusqlite::types::ValueRef::Null);
    Ok(ImportEntry {
        key: ImportKey(row.get(0)?),
        id: parsed(row, 1)?,
        kind: parsed(row, 2)?,
        source: row.get(3)?,
        actor: row.get(4)?,
        reason: row.get(5)?,
        counts: ImportRow {
            sha256: row.get(6)?,
            rows: count(7)?,
            inserted: count(8)?,
            changed: count(9)?,
            unchanged: count(10)?,
            rounded: count(11)?,
            zeroed: count(12)?,
        },
        at: from_ms(row.get(13)?),
        token: if known(14)? { Some((parsed(row, 14)?, row.get(15)?)) } else { None },
        undoes: known(16)?.then(|| parsed(row, 16)).transpose()?,
        undone: if known(17)? { Some((parsed(row, 17)?, from_ms(row.get(18)?))) } else { None },
        days: known(19)?.then(|| parsed(row, 19)).transpose()?,
        cost: row.get(20)?,
        clicks: row.get::<_, Option<i64>>(21)?.map(i64::unsigned_abs),
        told: row.get(22)?,
    })
}

impl ReadTxn<'_> {
    /// The newest entries, or those before `before`; at most `limit`; of one advertiser, or of all. Without their notes and
    /// totals, which may be long.
    pub fn import_list(
        &self,
        advertiser: Option<AdvertiserKey>,
        before: Option<ImportKey>,
        limit: u32,
    ) -> StoreResult<Vec<ImportEntry>> {
        let entries = format!(include_str!("sql/import_select.sql"), told = "null");
        let whose = match advertiser {
            Some(_) => "imports.import_key in (select import_key from import_spans where advertiser_key = ?2)",
            None => "?2 is null",
        };
        let sql = format!(
            "{entries}where imports.import_key < ?1 and {whose}
            order by imports.import_key desc
            limit ?3"
        );
        let params = (before.map_or(i64::MAX, |key| key.0), advertiser.map(|key| key.0), limit);
        self.list("list imports", &sql, params, entry)
    }

    /// The entry with this id.
    pub fn import_find(&self, id: ImportId) -> StoreResult<Option<ImportEntry>> {
        self.first("find an import", &format!("{}where imports.id = ?1", select()), [id.to_string()], entry)
    }

    /// The entry with this id; an error if there is none.
    pub fn import_get(&self, id: ImportId) -> StoreResult<ImportEntry> {
        self.import_find(id)?.or_missing("import", &id.to_string())
    }

    /// The entry with this key.
    pub fn import_by_key(&self, key: ImportKey) -> StoreResult<ImportEntry> {
        self.first("find an import", &format!("{}where imports.import_key = ?1", select()), [key.0], entry)?
            .or_missing("import with key", &key.0.to_string())
    }

    /// The days of each advertiser in an import.
    pub fn import_spans(&self, key: ImportKey) -> StoreResult<Vec<ImportSpan>> {
        let sql = "select advertiser_key, first_day, last_day from import_spans where import_key = ?1
            order by advertiser_key";
        self.list("read an import's days", sql, [key.0], |row| {
            Ok(ImportSpan { advertiser: AdvertiserKey(row.get(0)?), first: row.get(1)?, last: row.get(2)? })
        })
    }
}

impl ReadTxn<'_> {
    /// The most days that an import since then reached back from its own date, if it changed figures of the advertiser.
    pub fn import_reach_back(&self, advertiser: AdvertiserKey, since: DateTime<Utc>) -> StoreResult<Option<u64>> {
        let sql = "select max(imports.created_at / 86400000 - import_spans.first_day)
            from imports join import_spans using (import_key)
            where advertiser_key = ?1 and changed > 0 and created_at >= ?2";
        let most = self.first("find how far imports reach back", sql, (advertiser.0, to_ms(since)), |row| {
            row.get::<_, Option<i64>>(0)
        })?;
        Ok(most.flatten().and_then(|days| u64::try_from(days).ok()))
    }
}

impl WriteTxn<'_> {
    /// Adds an entry, so that cells can refer to it.
    pub fn import_begin(&self, new: &NewImport<'_>) -> StoreResult<ImportKey> {
        let sql = "insert into imports (
                id, kind, source, actor, reason, token_key, undoes_key,
                rows, inserted, changed, unchanged, rounded, zeroed, created_at, version
            ) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0, 0, 0, 0, 0, ?8, ?9)";
        let params = (
            new.id.to_string(),
            new.kind.as_str(),
            new.source,
            new.actor,
            new.reason.map(Reason::as_str),
            new.token.map(|key| key.0),
            new.undoes.map(|key| key.0),
            to_ms(new.now),
            self.version_take()?.get(),
        );
        self.insert("record an import", sql, params)
            .map(ImportKey)
            .map_err(|error| error.or_conflict(|| "the import was undone already".to_owned()))
    }

    /// Notes which days of an advertiser are in it.
    pub fn import_span_add(&self, key: ImportKey, span: ImportSpan) -> StoreResult<()> {
        let sql = "insert into import_spans (import_key, advertiser_key, first_day, last_day) values (?1, ?2, ?3, ?4)";
        self.run("record an import's days", sql, (key.0, span.advertiser.0, span.first, span.last)).map(drop)
    }

    /// Stores the total cost, and the notes and totals.
    pub fn import_tell(&self, key: ImportKey, cost: Option<&str>, clicks: u64, told: &str) -> StoreResult<()> {
        let sql = "update imports set cost = ?2, clicks = ?3, told = ?4 where import_key = ?1";
        let clicks = i64::try_from(clicks).unwrap_or(i64::MAX);
        self.run("record what an import came to", sql, (key.0, cost, clicks, told)).map(drop)
    }

    /// Completes the entry with the result.
    pub fn import_finish(&self, key: ImportKey, done: &ImportRow) -> StoreResult<()> {
        let sql = "update imports
            set sha256 = ?2, rows = ?3, inserted = ?4, changed = ?5, unchanged = ?6, rounded = ?7, zeroed = ?8
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
            count(done.zeroed),
        );
        self.run("record an import", sql, params).map(drop)
    }
}
