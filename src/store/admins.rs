//! People who may log in, and the one-time links that make the first admin or set a password.

use chrono::{DateTime, Utc};
use rusqlite::Row;

use crate::domain::{AdminId, Email, Role, TokenHash};
use crate::store::{OrMissing as _, ReadTxn, SessionBounds, StoreError, StoreResult, WriteTxn, from_ms, parsed, to_ms};

/// A person who may log in.
#[derive(Debug, Clone)]
pub struct AdminRow {
    pub id: AdminId,
    pub email: String,
    pub role: Role,
    /// When they were created.
    pub created_at: DateTime<Utc>,
}

fn admin(row: &Row<'_>) -> rusqlite::Result<AdminRow> {
    Ok(AdminRow { id: parsed(row, 0)?, email: row.get(1)?, role: parsed(row, 2)?, created_at: from_ms(row.get(3)?) })
}

/// A person as the list of people shows them.
#[derive(Debug, Clone)]
pub struct PersonRow {
    pub admin: AdminRow,
    /// Whether they were invited and haven't chosen a password yet.
    pub is_invited: bool,
    /// Whether two-step log-in is on.
    pub has_two_step: bool,
    /// Number of their sessions.
    pub sessions: i64,
    /// When one of the sessions was last used.
    pub last_seen_at: Option<DateTime<Utc>>,
}

/// The state of a set-up link.
#[derive(Debug, Clone)]
pub enum SetupLink {
    /// It works: it makes an admin, or sets this person's password.
    Open(Option<AdminRow>),
    /// It was already used.
    Used,
    /// It has expired.
    Expired,
    /// There is no such link; a newer one may have replaced it.
    Unknown,
}

impl ReadTxn<'_> {
    /// The person with this e-mail address, and the hash of their password.
    pub fn admin_find(&self, email: &Email) -> StoreResult<Option<(AdminRow, TokenHash)>> {
        let sql = "select id, email, role, created_at, password_hash from admins where email = ?1";
        self.first("find an admin", sql, [email.as_str()], |row| Ok((admin(row)?, TokenHash::new(row.get(4)?))))
    }

    /// Whether nobody can log in yet.
    pub fn admins_are_none(&self) -> StoreResult<bool> {
        let sql = "select not exists (select 1 from admins)";
        Ok(self.first("look for admins", sql, (), |row| row.get(0))?.unwrap_or(true))
    }

    /// The state of the link with this hash. No link works for longer than until `longest`.
    pub fn setup_link_find(
        &self,
        secret_sha256: &str,
        now: DateTime<Utc>,
        longest: DateTime<Utc>,
    ) -> StoreResult<SetupLink> {
        let sql = "select used_at, expires_at from setup_links where secret_sha256 = ?1";
        let found = self.first("find a set-up link", sql, [secret_sha256], |row| {
            Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, i64>(1)?))
        })?;
        Ok(match found {
            None => SetupLink::Unknown,
            Some((Some(_), _)) => SetupLink::Used,
            // A link that would work longer than any link may was made while the clock was ahead.
            Some((None, at)) if from_ms(at) <= now || from_ms(at) > longest => SetupLink::Expired,
            Some((None, _)) => SetupLink::Open(self.setup_link_person(secret_sha256)?),
        })
    }

    /// The person whose password a link sets, if it does that.
    fn setup_link_person(&self, secret_sha256: &str) -> StoreResult<Option<AdminRow>> {
        let sql = "select id, email, role, created_at from admins
            where admin_key = (select admin_key from setup_links where secret_sha256 = ?1)";
        self.first("find whose link it is", sql, [secret_sha256], admin)
    }

    /// All people, by address.
    pub fn admin_list(&self) -> StoreResult<Vec<AdminRow>> {
        self.list("list admins", "select id, email, role, created_at from admins order by email", (), admin)
    }

    /// All people with how they log in, by address.
    pub fn person_list(&self, bounds: SessionBounds) -> StoreResult<Vec<PersonRow>> {
        let sql = include_str!("sql/person_select.sql");
        self.list("list people", sql, bounds.stored(), |row| {
            Ok(PersonRow {
                admin: admin(row)?,
                is_invited: row.get(4)?,
                has_two_step: row.get(5)?,
                sessions: row.get(6)?,
                last_seen_at: row.get::<_, Option<i64>>(7)?.map(from_ms),
            })
        })
    }

    /// Whether an admin who can log in would remain without this one.
    fn admins_remain_without(&self, admin: AdminId) -> StoreResult<bool> {
        let sql = "select exists (
            select 1 from admins where role = 'admin' and password_changed_at > 0 and id <> ?1
        )";
        Ok(self.first("look for other admins", sql, [admin.to_string()], |row| row.get(0))?.unwrap_or(false))
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
        self.admin_insert(id, email, role, password, (now, to_ms(now)))
    }

    /// Adds a person who hasn't chosen a password yet; until then `unusable` is the hash of a random one.
    pub fn admin_invite(
        &self,
        id: AdminId,
        email: &Email,
        role: Role,
        unusable: &TokenHash,
        now: DateTime<Utc>,
    ) -> StoreResult<()> {
        self.admin_insert(id, email, role, unusable, (now, 0))
    }

    fn admin_insert(
        &self,
        id: AdminId,
        email: &Email,
        role: Role,
        password: &TokenHash,
        (now, password_changed_at): (DateTime<Utc>, i64),
    ) -> StoreResult<()> {
        let sql = "insert into admins (id, email, role, password_hash, created_at, password_changed_at)
            values (?1, ?2, ?3, ?4, ?5, ?6)";
        let params =
            (id.to_string(), email.as_str(), role.as_str(), password.as_str(), to_ms(now), password_changed_at);
        self.insert("create an admin", sql, params)
            .map(drop)
            .map_err(|error| error.or_conflict(|| format!("there is already somebody with the address {email}")))
    }

    /// Changes a person's role; fails for the last admin.
    pub fn admin_set_role(&self, id: AdminId, role: Role) -> StoreResult<()> {
        if role != Role::Admin {
            self.ensure_admins_without(id)?;
        }
        self.run("set a role", "update admins set role = ?2 where id = ?1", (id.to_string(), role.as_str())).map(drop)
    }

    /// Deletes a person and their sessions; fails for the last admin.
    pub fn admin_remove(&self, id: AdminId, now: DateTime<Utc>) -> StoreResult<()> {
        self.ensure_admins_without(id)?;
        let sql = "insert into shut_for_good (kind, id, at) values ('person', ?1, ?2)";
        self.run("shut a person out", sql, (id.to_string(), to_ms(now)))?;
        self.run("remove a person", "delete from admins where id = ?1", [id.to_string()]).map(drop)
    }

    fn ensure_admins_without(&self, id: AdminId) -> StoreResult<()> {
        if self.admins_remain_without(id)? {
            return Ok(());
        }
        let message = "this is the last admin who can log in: make somebody else an admin first";
        Err(StoreError::Conflict(message.to_owned()))
    }

    /// Sets a person's password. Their sessions end, and so do their links for a password and their known browsers.
    pub fn admin_set_password(&self, email: &Email, password: &TokenHash, now: DateTime<Utc>) -> StoreResult<()> {
        let sql = "update admins set password_hash = ?2, password_changed_at = ?3 where email = ?1 returning admin_key";
        let key: i64 = self
            .first("set a password", sql, (email.as_str(), password.as_str(), to_ms(now)), |row| row.get(0))?
            .or_missing("admin", email.as_str())?;
        self.run("end sessions", "delete from sessions where admin_key = ?1", [key])?;
        // An older link could undo this change, and turn two-step log-in off.
        let sql = "delete from setup_links where admin_key = ?1 and used_at is null";
        self.run("end links for a password", sql, [key])?;
        self.browsers_forget(key)
    }

    /// Adds a set-up link by its secret's hash, to set a person's password or, without a person, to make an admin. Earlier
    /// unused links for the same purpose stop working.
    pub fn setup_link_create(
        &self,
        secret_sha256: &str,
        person: Option<AdminId>,
        expires_at: DateTime<Utc>,
    ) -> StoreResult<()> {
        let person = person.map(|id| id.to_string());
        let sql = "delete from setup_links
            where used_at is null and admin_key is (select admin_key from admins where id = ?1)";
        self.run("replace the set-up link", sql, [&person])?;
        let sql = "insert into setup_links (secret_sha256, admin_key, expires_at)
            values (?1, (select admin_key from admins where id = ?2), ?3)";
        self.run("create a set-up link", sql, (secret_sha256, person, to_ms(expires_at))).map(drop)
    }

    /// Marks a set-up link as used, and returns the person it belongs to. Fails unless it is open.
    pub fn setup_link_use(
        &self,
        secret_sha256: &str,
        now: DateTime<Utc>,
        longest: DateTime<Utc>,
    ) -> StoreResult<Option<AdminRow>> {
        let SetupLink::Open(person) = self.setup_link_find(secret_sha256, now, longest)? else {
            return Err(StoreError::Missing("this set-up link was used, has expired or was replaced".to_owned()));
        };
        let sql = "update setup_links set used_at = ?2 where secret_sha256 = ?1";
        self.run("use the set-up link", sql, (secret_sha256, to_ms(now)))?;
        Ok(person)
    }
}
