//! The sessions of those who logged in.
//!
//! A session is a random cookie whose SHA-256 is in the database: it ends after 12 hours without use, after 7 days in any
//! case, and at once when its row goes.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};

use crate::domain::AdminId;
use crate::service::access::secrets;
use crate::service::{Actor, ServiceResult};
use crate::store::{AdminRow, SessionBounds, SessionRow, Store};

/// A session ends when it was not used for this long.
pub const IDLE: TimeDelta = TimeDelta::hours(12);

/// A session ends this long after it was started.
pub const LIFE: TimeDelta = TimeDelta::days(7);

/// How far the note of a session's last use may trail, so that reading pages does not write.
const TOUCH_EVERY: TimeDelta = TimeDelta::minutes(5);

/// A browser, as the session list shows it.
#[derive(Debug, Clone)]
pub struct Browser {
    /// Where it is.
    pub address: IpAddr,
    /// What it calls itself.
    pub agent: String,
}

impl Browser {
    /// `name` acting through this browser.
    #[must_use]
    pub fn actor(&self, name: &str) -> Actor {
        Actor { name: name.to_owned(), address: Some(self.address.to_string()) }
    }
}

/// Starts a session; its cookie is returned and nowhere kept.
pub fn start(store: &Store, admin: &AdminRow, browser: &Browser, how: &str) -> ServiceResult<SecretString> {
    let cookie = secret()?;
    let now = Utc::now();
    store.write(|txn| {
        txn.session_forget(bounds(now))?;
        txn.session_create(&name(cookie.expose_secret()), admin.id, &browser.address.to_string(), &browser.agent, now)?;
        txn.audit_add(&browser.actor(&admin.email).did(how, "the admin pages"), now)?;
        Ok::<_, crate::service::ServiceError>(())
    })?;
    Ok(cookie)
}

/// The session of this cookie, if it still is one. Notes its use now and then.
pub fn find(store: &Store, cookie: &str, now: DateTime<Utc>) -> ServiceResult<Option<SessionRow>> {
    let id = name(cookie);
    let found = store.read(|txn| txn.session_find(&id, bounds(now)))?;
    if found.as_ref().is_some_and(|session| now - session.last_seen_at > TOUCH_EVERY) {
        store.write(|txn| txn.session_touch(&id, now))?;
    }
    Ok(found)
}

/// A person's sessions.
pub fn list(txn: &crate::store::ReadTxn<'_>, admin: AdminId) -> ServiceResult<Vec<SessionRow>> {
    Ok(txn.session_list(admin, bounds(Utc::now()))?)
}

/// Ends one of a person's sessions, by the hash of its cookie; `which` says for people which one it is.
pub fn end(store: &Store, id_sha256: &str, admin: AdminId, which: &str, actor: &Actor) -> ServiceResult<()> {
    let now = Utc::now();
    store.write(|txn| {
        if txn.session_end(id_sha256, admin)? {
            txn.audit_add(&actor.did("log out", which), now)?;
        }
        Ok(())
    })
}

/// Ends all of a person's sessions but this one; how many.
pub fn end_others(store: &Store, session: &SessionRow, actor: &Actor) -> ServiceResult<usize> {
    let now = Utc::now();
    store.write(|txn| {
        let ended = txn.sessions_end_others(session.admin.id, &session.id_sha256)?;
        let message = if ended == 1 { "1 other browser".to_owned() } else { format!("{ended} other browsers") };
        txn.audit_add(&actor.did("log out", &message), now)?;
        Ok(ended)
    })
}

/// The proof that a form came from a page of this cookie's holder. Tells nothing of the cookie.
#[must_use]
pub fn form_token(cookie: &str) -> String {
    secrets::sha256_hex(format!("a form of {cookie}").as_bytes())
}

/// 256 random bits in hexadecimal.
pub fn secret() -> ServiceResult<SecretString> {
    let mut bytes = [0_u8; 32];
    secrets::random(&mut bytes)?;
    Ok(secrets::hex(&bytes).into())
}

fn name(cookie: &str) -> String {
    secrets::sha256_hex(cookie.as_bytes())
}

/// The moments before which a session is over.
pub(in crate::service) fn bounds(now: DateTime<Utc>) -> SessionBounds {
    SessionBounds { seen: now - IDLE, created: now - LIFE }
}
