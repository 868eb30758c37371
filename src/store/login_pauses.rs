//! Who must wait after wrong passwords, stored so that a restart doesn't forget it. Subjects are hashes: neither an address
//! nor an account's name is stored.

use chrono::{DateTime, Utc};

use crate::store::{ReadTxn, StoreResult, WriteTxn, from_ms, to_ms};

/// The wrong tries of one subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginPause {
    /// SHA-256 of the subject.
    pub subject: [u8; 32],
    /// The number of wrong tries.
    pub wrong: u32,
    /// When the last one was.
    pub last_at: DateTime<Utc>,
    /// When the next try is allowed.
    pub held_until: DateTime<Utc>,
}

impl ReadTxn<'_> {
    /// Subjects whose last wrong try was since then; newest first, at most `limit`.
    pub fn login_pause_list(&self, since: DateTime<Utc>, limit: usize) -> StoreResult<Vec<LoginPause>> {
        let sql = "select subject_sha256, wrong, last_at, held_until from login_pauses
            where last_at >= ?1
            order by last_at desc
            limit ?2";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.list("read log-in pauses", sql, (to_ms(since), limit), |row| {
            Ok(LoginPause {
                subject: row.get(0)?,
                wrong: row.get(1)?,
                last_at: from_ms(row.get(2)?),
                held_until: from_ms(row.get(3)?),
            })
        })
    }
}

impl WriteTxn<'_> {
    /// Stores a subject's state.
    pub fn login_pause_put(&self, pause: &LoginPause) -> StoreResult<()> {
        let sql = "insert into login_pauses (subject_sha256, wrong, last_at, held_until) values (?1, ?2, ?3, ?4)
            on conflict (subject_sha256) do update
            set wrong = excluded.wrong, last_at = excluded.last_at, held_until = excluded.held_until";
        let params = (pause.subject, pause.wrong, to_ms(pause.last_at), to_ms(pause.held_until));
        self.run("keep a log-in pause", sql, params).map(drop)
    }

    pub fn login_pause_forget(&self, subject: [u8; 32]) -> StoreResult<()> {
        self.run("forget a log-in pause", "delete from login_pauses where subject_sha256 = ?1", [subject]).map(drop)
    }

    /// Deletes subjects whose last wrong try was before `oldest`, or after `newest`, when the clock was ahead.
    pub fn login_pauses_tidy(&self, oldest: DateTime<Utc>, newest: DateTime<Utc>) -> StoreResult<()> {
        let sql = "delete from login_pauses where last_at < ?1 or last_at > ?2";
        self.run("forget old log-in pauses", sql, (to_ms(oldest), to_ms(newest))).map(drop)
    }
}
