//! Sessions of logged-in people. Only the SHA-256 of the cookie is stored.
//!
//! A session that is too old is invalid, even if its row still exists; callers say what is too old.

use chrono::{DateTime, Utc};
use rusqlite::Row;
use serde::{Deserialize, Serialize};

use crate::domain::AdminId;
use crate::store::{AdminRow, ReadTxn, StoreResult, WriteTxn, from_ms, parsed, to_ms};

/// A stored session.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// SHA-256 of the cookie, in hexadecimal.
    pub id_sha256: String,
    pub admin: AdminRow,
    /// The address that it was started from.
    pub address: String,
    pub user_agent: String,
    /// When it was started.
    pub created_at: DateTime<Utc>,
    /// When it was last used. Written from time to time, so it lags by minutes.
    pub last_seen_at: DateTime<Utc>,
}

/// The times between which a session must have been started and used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionBounds {
    /// It must have been used since.
    pub seen: DateTime<Utc>,
    /// It must have been started since.
    pub created: DateTime<Utc>,
    /// It must not have been started after this.
    pub latest: DateTime<Utc>,
}

impl SessionBounds {
    /// Accepts any session.
    pub(super) const ANY: Self =
        Self { seen: DateTime::<Utc>::MIN_UTC, created: DateTime::<Utc>::MIN_UTC, latest: DateTime::<Utc>::MAX_UTC };

    /// Whether a session that was started then, and not used since, is valid.
    pub(super) fn has(&self, at: DateTime<Utc>) -> bool {
        at >= self.seen && at >= self.created && at <= self.latest
    }

    /// As parameters of a statement.
    pub(super) fn stored(self) -> (i64, i64, i64) {
        (to_ms(self.seen), to_ms(self.created), to_ms(self.latest))
    }

    /// With the parameter that follows them.
    fn with(self, next: &str) -> (i64, i64, i64, &str) {
        let (seen, created, latest) = self.stored();
        (seen, created, latest, next)
    }
}

const SELECT: &str = include_str!("sql/session_select.sql");

fn session(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    Ok(SessionRow {
        id_sha256: row.get(0)?,
        address: row.get(1)?,
        user_agent: row.get(2)?,
        created_at: from_ms(row.get(3)?),
        last_seen_at: from_ms(row.get(4)?),
        admin: AdminRow {
            id: parsed(row, 5)?,
            email: row.get(6)?,
            role: parsed(row, 7)?,
            created_at: from_ms(row.get(8)?),
        },
    })
}

impl ReadTxn<'_> {
    /// The session with this id, if it isn't too old.
    pub fn session_find(&self, id_sha256: &str, bounds: SessionBounds) -> StoreResult<Option<SessionRow>> {
        if self.is_noted_ended(id_sha256) {
            return Ok(None);
        }
        let sql = format!("{SELECT}    and id_sha256 = ?4");
        match self.first("find a session", &sql, bounds.with(id_sha256), session)? {
            None => self.noted_session(id_sha256, bounds),
            found => Ok(found),
        }
    }

    /// A person's sessions that aren't too old, last used first.
    pub fn session_list(&self, admin: AdminId, bounds: SessionBounds) -> StoreResult<Vec<SessionRow>> {
        let sql = format!("{SELECT}    and admins.id = ?4 order by last_seen_at desc, id_sha256");
        self.list("list sessions", &sql, bounds.with(&admin.to_string()), session)
    }
}

impl WriteTxn<'_> {
    /// Adds a session of `admin`; returns whether it is new.
    pub(super) fn session_create(
        &self,
        id_sha256: &str,
        admin: AdminId,
        address: &str,
        user_agent: &str,
        now: DateTime<Utc>,
    ) -> StoreResult<bool> {
        let sql = "insert into sessions (id_sha256, admin_key, address, user_agent, created_at, last_seen_at)
            select ?1, admin_key, ?3, ?4, ?5, ?5 from admins where id = ?2
            on conflict do nothing";
        Ok(self.run("start a session", sql, (id_sha256, admin.to_string(), address, user_agent, to_ms(now)))? > 0)
    }

    /// Notes that a session was used.
    pub fn session_touch(&self, id_sha256: &str, now: DateTime<Utc>) -> StoreResult<()> {
        let sql = "update sessions set last_seen_at = max(last_seen_at, ?2) where id_sha256 = ?1";
        self.run("note a session's use", sql, (id_sha256, to_ms(now))).map(drop)
    }

    pub(super) fn session_end(&self, id_sha256: &str) -> StoreResult<()> {
        self.run("end a session", "delete from sessions where id_sha256 = ?1", [id_sha256]).map(drop)
    }

    /// Ends a person's sessions except `keep`; returns how many.
    pub fn sessions_end_others(&self, admin: AdminId, keep: &str) -> StoreResult<usize> {
        let sql = "delete from sessions
            where id_sha256 <> ?2 and admin_key = (select admin_key from admins where id = ?1)";
        self.run("end sessions", sql, (admin.to_string(), keep))
    }

    /// Deletes sessions that are too old, or were started while the clock was ahead.
    pub fn session_forget(&self, bounds: SessionBounds) -> StoreResult<()> {
        let sql = "delete from sessions where last_seen_at < ?1 or created_at < ?2 or created_at > ?3";
        self.run("forget old sessions", sql, bounds.stored()).map(drop)
    }
}
