//! Browsers that somebody has logged in with before. Only the SHA-256 of the cookie is stored.
//!
//! Such a cookie lets nobody in: it only keeps other people's wrong guesses from delaying this browser.

use chrono::{DateTime, Utc};

use crate::domain::AdminId;
use crate::store::{ReadTxn, StoreResult, WriteTxn, to_ms};

/// How many browsers are remembered per person; a new one replaces the one unused longest.
const EACH: u32 = 20;

impl ReadTxn<'_> {
    /// Whether this person has logged in with this browser before.
    pub fn browser_is_known(&self, id_sha256: &str, admin: AdminId) -> StoreResult<bool> {
        let sql = "select 1 from known_browsers join admins using (admin_key)
            where known_browsers.id_sha256 = ?1 and admins.id = ?2";
        Ok(self.first("find a known browser", sql, (id_sha256, admin.to_string()), |_| Ok(()))?.is_some())
    }
}

impl WriteTxn<'_> {
    /// Remembers that this person logged in with this browser.
    pub fn browser_know(&self, id_sha256: &str, admin: AdminId, now: DateTime<Utc>) -> StoreResult<()> {
        let sql = "insert into known_browsers (id_sha256, admin_key, used_at)
            select ?1, admin_key, ?3 from admins where id = ?2
            on conflict (admin_key, id_sha256) do update set used_at = excluded.used_at";
        self.run("remember a browser", sql, (id_sha256, admin.to_string(), to_ms(now)))?;
        let sql = "delete from known_browsers
            where admin_key = (select admin_key from admins where id = ?1) and id_sha256 not in (
                select id_sha256 from known_browsers
                where admin_key = (select admin_key from admins where id = ?1)
                order by used_at desc
                limit ?2
            )";
        self.run("forget old browsers", sql, (admin.to_string(), EACH)).map(drop)
    }

    /// Forgets all browsers of a person.
    pub(super) fn browsers_forget(&self, admin_key: i64) -> StoreResult<()> {
        self.run("forget browsers", "delete from known_browsers where admin_key = ?1", [admin_key]).map(drop)
    }
}
