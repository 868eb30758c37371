//! People who may log in, and the one-time links that make the first of them.

use chrono::{DateTime, Utc};
use rusqlite::Row;

use super::{OrMissing as _, ReadTxn, StoreError, StoreResult, WriteTxn, from_ms, parsed, to_ms};
use crate::domain::{AdminId, Email, Role, TokenHash};

/// A person who may log in.
#[derive(Debug, Clone)]
pub struct AdminRow {
    /// Stable id.
    pub id: AdminId,
    /// What they log in with.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// When they were created.
    pub created_at: DateTime<Utc>,
}

fn admin(row: &Row<'_>) -> rusqlite::Result<AdminRow> {
    Ok(AdminRow { id: parsed(row, 0)?, email: row.get(1)?, role: parsed(row, 2)?, created_at: from_ms(row.get(3)?) })
}

/// Whether a set-up link can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetupLink {
    /// It can.
    Open,
    /// It made an admin already.
    Used,
    /// Its time is over.
    Expired,
    /// There is no such link; a newer one may have replaced it.
    Unknown,
}

impl ReadTxn<'_> {
    /// The person who logs in with this address, and the hash of their password.
    pub fn admin_find(&self, email: &Email) -> StoreResult<Option<(AdminRow, TokenHash)>> {
        let sql = "select id, email, role, created_at, password_hash from admins where email = ?1";
        self.first("find an admin", sql, [email.as_str()], |row| Ok((admin(row)?, TokenHash::new(row.get(4)?))))
    }

    /// Whether nobody may log in yet.
    pub fn admins_are_none(&self) -> StoreResult<bool> {
        let sql = "select not exists (select 1 from admins)";
        Ok(self.first("look for admins", sql, (), |row| row.get(0))?.unwrap_or(true))
    }

    /// What has become of the link whose secret has this hash.
    pub fn setup_link_find(&self, secret_sha256: &str, now: DateTime<Utc>) -> StoreResult<SetupLink> {
        let sql = "select used_at, expires_at from setup_links where secret_sha256 = ?1";
        let found = self.first("find a set-up link", sql, [secret_sha256], |row| {
            Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, i64>(1)?))
        })?;
        Ok(match found {
            None => SetupLink::Unknown,
            Some((Some(_), _)) => SetupLink::Used,
            Some((None, expires_at)) if expires_at <= to_ms(now) => SetupLink::Expired,
            Some((None, _)) => SetupLink::Open,
        })
    }

    /// All of them, by address.
    pub fn admin_list(&self) -> StoreResult<Vec<AdminRow>> {
        self.list("list admins", "select id, email, role, created_at from admins order by email", (), admin)
    }
}

impl WriteTxn<'_> {
    /// Adds a person; the address must be new.
    pub fn admin_create(
        &self,
        id: AdminId,
        email: &Email,
        role: Role,
        password: &TokenHash,
        now: DateTime<Utc>,
    ) -> StoreResult<()> {
        let sql = "insert into admins (id, email, role, password_hash, created_at, password_changed_at)
            values (?1, ?2, ?3, ?4, ?5, ?5)";
        let params = (id.to_string(), email.as_str(), role.as_str(), password.as_str(), to_ms(now));
        self.insert("create an admin", sql, params)
            .map(drop)
            .map_err(|error| error.or_conflict(|| format!("there is already somebody with the address {email}")))
    }

    /// Gives a person a new password and ends their sessions.
    pub fn admin_set_password(&self, email: &Email, password: &TokenHash, now: DateTime<Utc>) -> StoreResult<()> {
        let sql = "update admins set password_hash = ?2, password_changed_at = ?3 where email = ?1 returning admin_key";
        let key: i64 = self
            .first("set a password", sql, (email.as_str(), password.as_str(), to_ms(now)), |row| row.get(0))?
            .or_missing("admin", email.as_str())?;
        self.run("end sessions", "delete from sessions where admin_key = ?1", [key]).map(drop)
    }

    /// Adds a set-up link by its secret's hash; links that were not used yet end with it.
    pub fn setup_link_create(&self, secret_sha256: &str, expires_at: DateTime<Utc>) -> StoreResult<()> {
        self.run("replace the set-up link", "delete from setup_links where used_at is null", ())?;
        let sql = "insert into setup_links (secret_sha256, expires_at) values (?1, ?2)";
        self.run("create a set-up link", sql, (secret_sha256, to_ms(expires_at))).map(drop)
    }

    /// Marks a set-up link as used. Fails unless it is open.
    pub fn setup_link_use(&self, secret_sha256: &str, now: DateTime<Utc>) -> StoreResult<()> {
        let sql = "update setup_links set used_at = ?2
            where secret_sha256 = ?1 and used_at is null and expires_at > ?2";
        match self.run("use the set-up link", sql, (secret_sha256, to_ms(now)))? {
            0 => Err(StoreError::Missing("this set-up link was used, has expired or was replaced".to_owned())),
            _ => Ok(()),
        }
    }
}
