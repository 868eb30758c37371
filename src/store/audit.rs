//! Who did what. Append-only.

use chrono::{DateTime, Utc};

use crate::store::{ReadTxn, StoreResult, WriteTxn, from_ms, to_ms};

/// An entry to add.
#[derive(Debug, Clone)]
pub struct AuditEntry<'a> {
    /// Who did it: `command line`, an admin's address, a token's id.
    pub actor: &'a str,
    /// Noun and verb, such as `token revoke`.
    pub action: &'a str,
    /// What it was done to, by its name.
    pub subject: &'a str,
    /// The address, if it came over the network.
    pub address: Option<&'a str>,
}

#[derive(Debug, Clone)]
pub struct AuditRow {
    /// Increases with every entry.
    pub key: i64,
    pub at: DateTime<Utc>,
    /// Who did it.
    pub actor: String,
    /// Noun and verb.
    pub action: String,
    /// What it was done to.
    pub subject: String,
    /// The address, if it came over the network.
    pub address: Option<String>,
}

fn audit(row: &rusqlite::Row<'_>) -> rusqlite::Result<AuditRow> {
    Ok(AuditRow {
        key: row.get(0)?,
        at: from_ms(row.get(1)?),
        actor: row.get(2)?,
        action: row.get(3)?,
        subject: row.get(4)?,
        address: row.get(5)?,
    })
}

impl ReadTxn<'_> {
    /// The newest entries older than `before` that contain `message`; at most `limit`. A search covers 150,000 entries.
    pub fn audit_list(&self, message: &str, before: Option<i64>, limit: u32) -> StoreResult<Vec<AuditRow>> {
        let sql = "select audit_key, at, actor, action, subject, address from audit_log
            where audit_key < ?1
                and audit_key >= case when ?2 = '' then 0 else min(?1, (select max(audit_key) from audit_log) + 1) - ?4 end
                and instr(lower(actor || ' ' || action || ' ' || subject), lower(?2)) > 0
            order by audit_key desc
            limit ?3";
        self.list("read the audit log", sql, (before.unwrap_or(i64::MAX), message, limit, SEARCHED), audit)
    }

    /// The entries since then about changes of names and switches, after which the report says something else for the same
    /// figures; newest first, at most 1,000, among the last 150,000 entries.
    pub fn audit_said_anew(&self, since: DateTime<Utc>) -> StoreResult<Vec<AuditRow>> {
        let sql = "select audit_key, at, actor, action, subject, address from audit_log
            where audit_key > (select coalesce(max(audit_key), 0) from audit_log) - ?2
                and at >= ?1
                and action in ('offer rename', 'offer enable', 'offer disable', 'campaign move', 'app change')
            order by audit_key desc
            limit 1000";
        self.list("read the audit log", sql, (to_ms(since), SEARCHED), audit)
    }

    /// The entries since then about imports that were cut off, newest first; at most 20.
    pub fn audit_cut_off(&self, since: DateTime<Utc>) -> StoreResult<Vec<AuditRow>> {
        // In the same words as the index, so that SQLite uses it.
        let sql = format!(
            "select audit_key, at, actor, action, subject, address from audit_log
            where at >= ?1 and action = '{CUT_OFF}'
            order by at desc, audit_key desc
            limit 20"
        );
        self.list("read the audit log", &sql, [to_ms(since)], audit)
    }
}

/// The audit log's action for an import whose process was killed.
pub const CUT_OFF: &str = "stats import cut off";

/// How many entries a search covers at once.
const SEARCHED: i64 = 150_000;

/// How far back [`ReadTxn::audit_last`] looks.
const LOOK_BACK: i64 = 20_000;

impl ReadTxn<'_> {
    /// Where a search for entries older than `before` stops, if there are entries that it doesn't cover.
    pub fn audit_searched_to(&self, before: Option<i64>) -> StoreResult<Option<i64>> {
        let sql = "select min(?1, max(audit_key) + 1) - ?2, min(audit_key) from audit_log";
        let params = (before.unwrap_or(i64::MAX), SEARCHED);
        let found = self.first("read the audit log", sql, params, |row| {
            Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?))
        })?;
        Ok(found.and_then(|(end, first)| end.zip(first)).filter(|(end, first)| end > first).map(|(end, _)| end))
    }

    /// The newest entry of an action on `noun` whose subject contains `text`, among the last 20,000 entries.
    pub fn audit_last(&self, noun: &str, text: &str) -> StoreResult<Option<AuditRow>> {
        let sql = "select audit_key, at, actor, action, subject, address from audit_log
            where audit_key > (select coalesce(max(audit_key), 0) from audit_log) - ?3
                and action like ?1 || ' %' and instr(subject, ?2)
            order by audit_key desc
            limit 1";
        self.first("read the audit log", sql, (noun, text, LOOK_BACK), audit)
    }
}

impl WriteTxn<'_> {
    /// Adds an entry, in the transaction of the change that it is about.
    pub fn audit_add(&self, entry: &AuditEntry<'_>, now: DateTime<Utc>) -> StoreResult<()> {
        let sql = "insert into audit_log (at, actor, action, subject, address) values (?1, ?2, ?3, ?4, ?5)";
        self.run("write the audit log", sql, (to_ms(now), entry.actor, entry.action, entry.subject, entry.address))
            .map(drop)
    }
}
