//! Who did what. Append-only.

use chrono::{DateTime, Utc};

use super::{StoreResult, WriteTxn, to_ms};

/// One thing somebody did.
#[derive(Debug, Clone)]
pub struct AuditEntry<'a> {
    /// Who: `command line`, an admin's address, a token's id.
    pub actor: &'a str,
    /// Noun and verb, such as `token revoke`.
    pub action: &'a str,
    /// What it was done to, by the name people know.
    pub subject: &'a str,
    /// From where, if it came over the network.
    pub address: Option<&'a str>,
}

impl WriteTxn<'_> {
    /// Adds an entry, in the transaction of what it tells about.
    pub fn audit_add(&self, entry: &AuditEntry<'_>, now: DateTime<Utc>) -> StoreResult<()> {
        let sql = "insert into audit_log (at, actor, action, subject, address) values (?1, ?2, ?3, ?4, ?5)";
        self.run("write the audit log", sql, (to_ms(now), entry.actor, entry.action, entry.subject, entry.address))
            .map(drop)
    }
}
