//! Two-step log-in: a person's encrypted secret, and their recovery codes.
//!
//! Nothing here is useful by itself: the secret is encrypted with a key derived from the password, and codes are hashes.

use chrono::{DateTime, Utc};
use rusqlite::Row;

use crate::domain::AdminId;
use crate::store::{ReadTxn, StoreError, StoreResult, WriteTxn, from_ms, to_ms};

/// An encrypted secret, which only the password decrypts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The salt of the key. It is new for every encryption, so it also identifies it.
    pub salt: Vec<u8>,
    /// Nonce and ciphertext.
    pub bytes: Vec<u8>,
}

/// A person's two-step log-in.
#[derive(Debug, Clone)]
pub struct TwoFactorRow {
    pub sealed: Sealed,
    pub created_at: DateTime<Utc>,
    /// Unused recovery codes.
    pub codes_left: i64,
}

fn two_step(row: &Row<'_>) -> rusqlite::Result<TwoFactorRow> {
    Ok(TwoFactorRow {
        sealed: Sealed { salt: row.get(0)?, bytes: row.get(1)? },
        created_at: from_ms(row.get(2)?),
        codes_left: row.get(3)?,
    })
}

impl ReadTxn<'_> {
    /// A person's two-step log-in, if it is on.
    pub fn two_step_find(&self, admin: AdminId) -> StoreResult<Option<TwoFactorRow>> {
        let sql = include_str!("sql/two_step_select.sql");
        self.first("find a second step", sql, [admin.to_string()], two_step)
    }
}

impl WriteTxn<'_> {
    /// Turns a person's two-step log-in on. `step` is the time step of the code that proved that the phone has the secret.
    pub fn two_step_create(&self, admin: AdminId, sealed: &Sealed, step: i64, now: DateTime<Utc>) -> StoreResult<()> {
        let sql = "insert into two_step (admin_key, salt, sealed, last_step, created_at)
            select admin_key, ?2, ?3, ?4, ?5 from admins where id = ?1";
        let params = (admin.to_string(), &sealed.salt, &sealed.bytes, step, to_ms(now));
        self.run("turn two-step log-in on", sql, params)
            .map(drop)
            .map_err(|error| error.or_conflict(|| "two-step log-in is on already".to_owned()))
    }

    /// Replaces the encrypted form of the same secret.
    pub fn two_step_reseal(&self, admin: AdminId, sealed: &Sealed) -> StoreResult<()> {
        let sql = "update two_step set salt = ?2, sealed = ?3
            where admin_key = (select admin_key from admins where id = ?1)";
        self.run("seal a secret anew", sql, (admin.to_string(), &sealed.salt, &sealed.bytes)).map(drop)
    }

    /// Uses up the code of a time step, once, and only for the encrypted secret it was checked with; returns whether that
    /// succeeded. A used step later than `latest` was used while the clock was ahead, and doesn't count.
    pub fn two_step_take(&self, admin: AdminId, sealed: &Sealed, step: i64, latest: i64) -> StoreResult<bool> {
        let sql = "update two_step set last_step = ?3
            where admin_key = (select admin_key from admins where id = ?1) and salt = ?2
                and (last_step < ?3 or last_step > ?4)";
        Ok(self.run("take a code", sql, (admin.to_string(), &sealed.salt, step, latest))? > 0)
    }

    /// Turns a person's two-step log-in off; returns whether it was on.
    pub fn two_step_end(&self, admin: AdminId) -> StoreResult<bool> {
        self.recovery_codes_replace(admin, &[])?;
        let sql = "delete from two_step where admin_key = (select admin_key from admins where id = ?1)";
        Ok(self.run("turn two-step log-in off", sql, [admin.to_string()])? > 0)
    }

    /// Replaces a person's recovery codes, by their hashes.
    pub fn recovery_codes_replace(&self, admin: AdminId, hashes: &[String]) -> StoreResult<()> {
        let sql = "delete from recovery_codes where admin_key = (select admin_key from admins where id = ?1)";
        self.run("forget recovery codes", sql, [admin.to_string()])?;
        let sql = "insert into recovery_codes (admin_key, code_sha256) select admin_key, ?2 from admins where id = ?1";
        hashes.iter().try_for_each(|hash| self.run("keep a recovery code", sql, (admin.to_string(), hash)).map(drop))
    }

    /// Uses up a recovery code; returns whether it existed.
    pub fn recovery_code_take(&self, admin: AdminId, hash: &str, now: DateTime<Utc>) -> StoreResult<bool> {
        let sql = "update recovery_codes set used_at = ?3
            where admin_key = (select admin_key from admins where id = ?1) and code_sha256 = ?2 and used_at is null";
        Ok(self.run("take a recovery code", sql, (admin.to_string(), hash, to_ms(now)))? > 0)
    }

    /// Fails unless a person's encrypted secret is still the one that was read before.
    pub fn two_step_unchanged(&self, admin: AdminId, before: Option<&Sealed>) -> StoreResult<()> {
        let now = self.two_step_find(admin)?.map(|row| row.sealed);
        if now.as_ref() == before {
            return Ok(());
        }
        Err(StoreError::Conflict("two-step log-in was changed meanwhile: try again".to_owned()))
    }
}
