//! People who may log in: their creation, their passwords, and the one-time set-up link.

use std::io::Write as _;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::sessions::Browser;
use super::{Actor, Hasher, ServiceResult, secrets};
use crate::domain::{AdminId, Email, Invalid, Role};
use crate::store::{AdminRow, SetupLink, Store};

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

/// What has become of the set-up link with this secret.
pub fn find_setup_link(store: &Store, secret: &str) -> ServiceResult<SetupLink> {
    Ok(store.read(|txn| txn.setup_link_find(&secrets::sha256_hex(secret.as_bytes()), Utc::now()))?)
}

/// Makes an admin with a set-up link, which is used up by it.
pub fn set_up(
    store: &Store,
    secret: &str,
    email: &Email,
    password: &Password,
    browser: &Browser,
) -> ServiceResult<AdminRow> {
    let hash = Hasher::hash(password.0.expose_secret())?;
    let (now, id) = (Utc::now(), AdminId::from(Uuid::new_v4()));
    store.write(|txn| {
        txn.setup_link_use(&secrets::sha256_hex(secret.as_bytes()), now)?;
        txn.admin_create(id, email, Role::Admin, &hash, now)?;
        txn.audit_add(&browser.actor(email.as_str()).did("admin create", &format!("{email} by set-up link")), now)?;
        Ok::<_, super::ServiceError>(())
    })?;
    if let Err(error) = remove_setup_file(store) {
        tracing::warn!(%error, "the used set-up link could not be removed from the data directory");
    }
    Ok(AdminRow { id, email: email.as_str().to_owned(), role: Role::Admin, created_at: now })
}

fn setup_file(store: &Store) -> PathBuf {
    store.path().with_file_name("setup-link.txt")
}

/// Puts the link beside the database, readable by its owner alone.
pub fn write_setup_file(store: &Store, link: &str) -> std::io::Result<PathBuf> {
    let path = setup_file(store);
    remove_setup_file(store)?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    writeln!(options.open(&path)?, "{link}")?;
    Ok(path)
}

/// Takes away the file with the link, if there is one.
pub fn remove_setup_file(store: &Store) -> std::io::Result<()> {
    match std::fs::remove_file(setup_file(store)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
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
