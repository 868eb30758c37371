//! Who guessed wrong passwords and must wait, so that a restart does not forget it. Subjects are hashes: neither an address
//! nor what somebody typed for an account is here.

use chrono::{DateTime, Utc};

use crate::store::{ReadTxn, StoreResult, WriteTxn, from_ms, to_ms};

/// The wrong tries of one subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginPause {
    /// SHA-256 of who or what it is about.
    pub subject: [u8; 32],
    /// How many were wrong.
    pub wrong: u32,
    /// When the last one came.
    pub last_at: DateTime<Utc>,
    /// Until when the next one has to wait.
    pub held_until: DateTime<Utc>,
}

impl ReadTxn<'_> {
    /// Those whose last wrong try came since; the newest first, at most `limit`.
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
    /// Keeps how a subject stands.
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

    /// Forgets those whose last wrong try came before `oldest`, or after `newest`: a clock ran ahead then.
    pub fn login_pauses_tidy(&self, oldest: DateTime<Utc>, newest: DateTime<Utc>) -> StoreResult<()> {
        let sql = "delete from login_pauses where last_at < ?1 or last_at > ?2";
        self.run("forget old log-in pauses", sql, (to_ms(oldest), to_ms(newest))).map(drop)
    }
}
