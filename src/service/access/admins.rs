//! The people who may log in: accounts, roles, passwords, and the one-time links that make an account or set a password.

use std::io::Write as _;
use std::path::PathBuf;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use crate::domain::{AdminId, Email, Invalid, Role};
use crate::service::access::secrets;
use crate::service::access::sessions::{self, Browser, LoggedIn};
use crate::service::{Actor, Hasher, ServiceResult};
use crate::store::{AdminRow, PersonRow, ReadTxn, SetupLink, Store};

/// The shortest and longest password, in characters.
const PASSWORD_CHARS: std::ops::RangeInclusive<usize> = 12..=256;

/// How long a set-up link works.
pub const SETUP_LINK_LIFE: TimeDelta = TimeDelta::minutes(30);

/// How long an invitation link works: it has to reach the person first.
pub const INVITATION_LIFE: TimeDelta = TimeDelta::hours(24);

/// A new password of valid length.
pub struct Password(SecretString);

impl Password {
    /// Checks the length. The error doesn't repeat the password.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let chars = text.chars().count();
        if PASSWORD_CHARS.contains(&chars) {
            Ok(Self(text.into()))
        } else {
            Err(Invalid::because("password", format!("got {chars} characters, expected 12 to 256")))
        }
    }

    /// The password itself, for hashing and encrypting.
    pub(in crate::service) fn reveal(&self) -> &str {
        self.0.expose_secret()
    }
}

pub fn create(store: &Store, email: &Email, role: Role, password: &Password, actor: &Actor) -> ServiceResult<()> {
    let hash = Hasher::hash(password.reveal())?;
    let now = Utc::now();
    store.write(|txn| {
        txn.admin_create(Uuid::new_v4().into(), email, role, &hash, now)?;
        txn.audit_add(&actor.did("admin create", &format!("{email} as {}", role.as_str())), now)?;
        Ok(())
    })
}

/// Gives a person a new password and ends their sessions. Without the old password their two-step secret can't be decrypted,
/// so two-step log-in is turned off. Returns whether it was on.
pub fn reset_password(store: &Store, email: &Email, password: &Password, actor: &Actor) -> ServiceResult<bool> {
    let hash = Hasher::hash(password.reveal())?;
    let now = Utc::now();
    store.write(|txn| {
        txn.admin_set_password(email, &hash, now)?;
        let found = txn.admin_find(email)?;
        let was_on = found.map(|(admin, _)| txn.two_step_end(admin.id)).transpose()?.unwrap_or(false);
        let message = if was_on { format!("{email}, two-step log-in off") } else { email.to_string() };
        txn.audit_add(&actor.did("admin reset-password", &message), now)?;
        Ok(was_on)
    })
}

/// Adds a person, and returns the secret of a link by which they choose a password.
pub fn invite(store: &Store, email: &Email, role: Role, actor: &Actor) -> ServiceResult<SecretString> {
    let unusable = Hasher::hash(sessions::secret()?.expose_secret())?;
    let (secret, hash) = link_secret()?;
    let (now, id) = (Utc::now(), AdminId::from(Uuid::new_v4()));
    store.write(|txn| {
        txn.admin_invite(id, email, role, &unusable, now)?;
        txn.setup_link_create(&hash, Some(id), now + INVITATION_LIFE)?;
        txn.audit_add(&actor.did("admin invite", &format!("{email} as {}", role.as_str())), now)?;
        Ok(secret)
    })
}

/// Makes a link by which a person chooses a new password, and returns its secret; earlier links stop working.
pub fn invite_again(store: &Store, person: &AdminRow, actor: &Actor) -> ServiceResult<SecretString> {
    let (secret, hash) = link_secret()?;
    let now = Utc::now();
    store.write(|txn| {
        txn.setup_link_create(&hash, Some(person.id), now + INVITATION_LIFE)?;
        txn.audit_add(&actor.did("admin password-link", &person.email), now)?;
        Ok(secret)
    })
}

/// All people, with how they log in.
pub fn people(txn: &ReadTxn<'_>) -> ServiceResult<Vec<PersonRow>> {
    Ok(txn.person_list(sessions::bounds(Utc::now()))?)
}

/// Changes a person's role, from their next request on.
pub fn set_role(store: &Store, person: &AdminRow, role: Role, actor: &Actor) -> ServiceResult<()> {
    store.write(|txn| {
        txn.admin_set_role(person.id, role)?;
        let message = format!("{} is now {}", person.email, role.as_str());
        txn.audit_add(&actor.did("admin role", &message), Utc::now())?;
        Ok(())
    })
}

/// Removes a person and ends their sessions.
pub fn remove(store: &Store, person: &AdminRow, actor: &Actor) -> ServiceResult<()> {
    let now = Utc::now();
    store.write(|txn| {
        txn.admin_remove(person.id, now)?;
        txn.audit_add(&actor.did("admin remove", &person.email), now)?;
        Ok(())
    })
}

/// Ends all of a person's sessions.
pub fn end_sessions(store: &Store, person: &AdminRow, actor: &Actor) -> ServiceResult<()> {
    store.write(|txn| {
        let ended = txn.sessions_end_others(person.id, "")?;
        let message = format!("{} in {ended} browser{}", person.email, if ended == 1 { "" } else { "s" });
        txn.audit_add(&actor.did("admin log-out", &message), Utc::now())?;
        Ok(())
    })
}

/// The state of the link with this secret.
pub fn find_setup_link(store: &Store, secret: &str) -> ServiceResult<SetupLink> {
    let now = Utc::now();
    Ok(store.read(|txn| txn.setup_link_find(&secrets::sha256_hex(secret.as_bytes()), now, longest(now)))?)
}

/// The latest end of a link's life.
fn longest(now: DateTime<Utc>) -> DateTime<Utc> {
    now + INVITATION_LIFE + sessions::CLOCK_STEP
}

/// Uses a link up: makes an admin, or sets the password of the link's person. Returns their new session.
pub fn set_up(
    store: &Store,
    secret: &str,
    email: &Email,
    password: &Password,
    browser: &Browser,
) -> ServiceResult<LoggedIn> {
    let hash = Hasher::hash(password.reveal())?;
    let (now, id) = (Utc::now(), AdminId::from(Uuid::new_v4()));
    let (logged_in, is_new) = store.write(|txn| {
        if let Some(person) = txn.setup_link_use(&secrets::sha256_hex(secret.as_bytes()), now, longest(now))? {
            let email: Email = person.email.parse()?;
            txn.admin_set_password(&email, &hash, now)?;
            txn.two_step_end(person.id)?;
            txn.audit_add(&browser.actor(email.as_str()).did("password change", "by a one-time link"), now)?;
            return Ok((sessions::start(txn, &person, &hash, browser, now)?, false));
        }
        txn.admin_create(id, email, Role::Admin, &hash, now)?;
        txn.audit_add(&browser.actor(email.as_str()).did("admin create", &format!("{email} by set-up link")), now)?;
        let admin = AdminRow { id, email: email.as_str().to_owned(), role: Role::Admin, created_at: now };
        Ok::<_, crate::service::ServiceError>((sessions::start(txn, &admin, &hash, browser, now)?, true))
    })?;
    if is_new && let Err(error) = remove_setup_file(store) {
        tracing::warn!(%error, "the used set-up link could not be removed from the data directory");
    }
    Ok(logged_in)
}

fn setup_file(store: &Store) -> PathBuf {
    store.path().with_file_name("setup-link.txt")
}

/// Writes the link to a file beside the database that only its owner can read.
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

/// Removes the file with the link, if there is one.
pub fn remove_setup_file(store: &Store) -> std::io::Result<()> {
    match std::fs::remove_file(setup_file(store)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes a one-time link's secret of 256 bits; earlier unused links stop working.
pub fn create_setup_secret(store: &Store, actor: &Actor) -> ServiceResult<(SecretString, DateTime<Utc>)> {
    let (secret, hash) = link_secret()?;
    let now = Utc::now();
    let expires_at = now + SETUP_LINK_LIFE;
    store.write(|txn| {
        txn.setup_link_create(&hash, None, expires_at)?;
        txn.audit_add(&actor.did("admin setup-link", "a one-time link"), now)?;
        Ok::<_, crate::service::ServiceError>(())
    })?;
    Ok((secret, expires_at))
}

/// A link's secret, and the hash that is stored.
fn link_secret() -> ServiceResult<(SecretString, String)> {
    let secret = sessions::secret()?;
    let hash = secrets::sha256_hex(secret.expose_secret().as_bytes());
    Ok((secret, hash))
}
