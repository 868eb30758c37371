//! Two-step log-in: a person's encrypted secret, and their recovery codes.
//!
//! Nothing here is useful by itself: the secret is encrypted with a key derived from the password, and codes are hashes.

use chrono::{DateTime, Utc};
use rusqlite::Row;
use serde::{Deserialize, Serialize};

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

/// Seconds for which a phone shows a code.
const STEP: i64 = 30;

/// The use of a code. Each code can be used once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeUse {
    /// The id of the person who entered the code.
    pub admin: String,
    /// The salt of the encrypted secret that the code was checked with, which must be the current one.
    pub salt: Vec<u8>,
    pub code: Code,
}

/// A code of two-step log-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The phone's code of this time step.
    OfStep(i64),
    /// A recovery code, by its SHA-256 in hexadecimal.
    Recovery(String),
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

    /// Whether a code of the current secret is unused, also by the notes that aren't carried out yet. A used step in the
    /// future was used while the clock was ahead, and doesn't count.
    pub(in crate::store) fn code_is_unused(&self, wanted: &CodeUse, now: DateTime<Utc>) -> StoreResult<bool> {
        let CodeUse { admin, salt, code } = wanted;
        let sql = "select last_step from two_step join admins using (admin_key) where admins.id = ?1 and salt = ?2";
        let stored: Option<i64> = self.first("find the last code", sql, (admin, salt), |row| row.get(0))?;
        let Some(stored) = stored else { return Ok(false) };
        let mut noted = self.noted_codes().filter(|noted| noted.admin == *admin).map(|noted| &noted.code);
        match code {
            Code::OfStep(step) => {
                let last = noted.fold(stored, |last, noted| if let Code::OfStep(step) = noted { *step } else { last });
                Ok(last < *step || last > now.timestamp() / STEP + 1)
            }
            Code::Recovery(hash) => {
                let sql = "select exists (
                        select 1 from recovery_codes join admins using (admin_key)
                        where admins.id = ?1 and code_sha256 = ?2 and used_at is null)";
                let stored = self.first("find a recovery code", sql, (admin, hash), |row| row.get(0))?;
                Ok(stored == Some(true) && !noted.any(|noted| noted == code))
            }
        }
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

    /// Uses up a code.
    pub(in crate::store) fn code_use(&self, used: &CodeUse, now: DateTime<Utc>) -> StoreResult<()> {
        let done = match &used.code {
            Code::OfStep(step) => {
                let sql = "update two_step set last_step = ?2
                    where admin_key = (select admin_key from admins where id = ?1)";
                self.run("use up a code", sql, (&used.admin, step))
            }
            Code::Recovery(hash) => {
                let sql = "update recovery_codes set used_at = ?3
                    where admin_key = (select admin_key from admins where id = ?1) and code_sha256 = ?2
                        and used_at is null";
                self.run("use up a recovery code", sql, (&used.admin, hash, to_ms(now)))
            }
        };
        done.map(drop)
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
