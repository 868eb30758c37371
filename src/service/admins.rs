//! People who may log in: their creation, their passwords, and the one-time set-up link.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::{Actor, Hasher, ServiceResult, secrets};
use crate::domain::{Email, Invalid, Role};
use crate::store::Store;

/// Shortest and longest password, in characters.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 12..=256;

/// How long a set-up link may be used.
pub const SETUP_LINK_LIFE: TimeDelta = TimeDelta::minutes(30);

/// A password somebody chose, long enough to be one.
pub struct Password(SecretString);

impl Password {
    /// Checks the length. The error does not repeat what was typed.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let chars = text.chars().count();
        if PASSWORD_CHARS.contains(&chars) {
            Ok(Self(text.into()))
        } else {
            Err(Invalid::because("password", format!("got {chars} characters, expected 12 to 256")))
        }
    }
}

/// Adds a person.
pub fn create(store: &Store, email: &Email, role: Role, password: &Password, actor: &Actor) -> ServiceResult<()> {
    let hash = Hasher::hash(password.0.expose_secret())?;
    let now = Utc::now();
    store.write(|txn| {
        txn.admin_create(Uuid::new_v4().into(), email, role, &hash, now)?;
        txn.audit_add(&actor.did("admin create", &format!("{email} as {}", role.as_str())), now)?;
        Ok(())
    })
}

/// Gives a person a new password and ends their sessions.
pub fn reset_password(store: &Store, email: &Email, password: &Password, actor: &Actor) -> ServiceResult<()> {
    let hash = Hasher::hash(password.0.expose_secret())?;
    let now = Utc::now();
    store.write(|txn| {
        txn.admin_set_password(email, &hash, now)?;
        txn.audit_add(&actor.did("admin reset-password", email.as_str()), now)?;
        Ok(())
    })
}

/// Makes a one-time link's secret of 256 bits; earlier links that were not used end with it.
pub fn create_setup_secret(store: &Store, actor: &Actor) -> ServiceResult<(SecretString, DateTime<Utc>)> {
    let mut bytes = [0_u8; 32];
    secrets::random(&mut bytes)?;
    let secret = secrets::hex(&bytes);
    let now = Utc::now();
    let expires_at = now + SETUP_LINK_LIFE;
    store.write(|txn| {
        txn.setup_link_create(&secrets::sha256_hex(secret.as_bytes()), expires_at)?;
        txn.audit_add(&actor.did("admin setup-link", "a one-time link"), now)?;
        Ok::<_, super::ServiceError>(())
    })?;
    Ok((secret.into(), expires_at))
}
