//! People who may log in, and the one-time links that make the first of them.

use chrono::{DateTime, Utc};

use super::{OrMissing as _, ReadTxn, StoreResult, WriteTxn, from_ms, parsed, to_ms};
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

impl ReadTxn<'_> {
    /// All of them, by address.
    pub fn admin_list(&self) -> StoreResult<Vec<AdminRow>> {
        self.list("list admins", "select id, email, role, created_at from admins order by email", (), |row| {
            Ok(AdminRow {
                id: parsed(row, 0)?,
                email: row.get(1)?,
                role: parsed(row, 2)?,
                created_at: from_ms(row.get(3)?),
            })
        })
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
}
