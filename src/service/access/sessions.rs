//! The sessions of those who logged in.
//!
//! A session is a random cookie whose SHA-256 is in the database: it ends after 12 hours without use, after 7 days in any
//! case, and at once when its row goes. One that was started while the clock ran ahead is none.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};

use crate::domain::{AdminId, TokenHash};
use crate::service::access::secrets;
use crate::service::{Actor, ServiceResult};
use crate::store::{AdminRow, NewSession, SessionBounds, SessionRow, Store, UrgentAct, UrgentNote, WriteTxn};

/// A session ends when it was not used for this long.
pub const IDLE: TimeDelta = TimeDelta::hours(12);

/// A session ends this long after it was started.
pub const LIFE: TimeDelta = TimeDelta::days(7);

/// How far the note of a session's last use may trail, so that reading pages does not write.
const TOUCH_EVERY: TimeDelta = TimeDelta::minutes(5);

/// A clock is set back by so much now and then. What claims to be later than that was made while the clock ran ahead.
pub(in crate::service) const CLOCK_STEP: TimeDelta = TimeDelta::minutes(5);

/// A browser, as far as its request tells.
#[derive(Debug, Clone)]
pub struct Browser {
    pub address: IpAddr,
    /// What it calls itself.
    pub agent: String,
    /// The value of the cookie by which a browser is known again that somebody logged in with before.
    pub known: Option<SecretString>,
    /// The session it is logged in with.
    pub session: Option<SessionRow>,
}

impl Browser {
    /// `name` acting through this browser.
    #[must_use]
    pub fn actor(&self, name: &str) -> Actor {
        Actor { name: name.to_owned(), address: Some(self.address.to_string()) }
    }

    /// The hash by which it may be known again.
    pub(in crate::service) fn known_hash(&self) -> Option<String> {
        self.known.as_ref().map(|cookie| name(cookie.expose_secret()))
    }
}

/// The cookies of somebody who has just logged in. Their hashes are kept, they themselves nowhere.
#[derive(Debug)]
pub struct LoggedIn {
    /// Stands for the session.
    pub session: SecretString,
    /// Stands for the browser, and outlives the session.
    pub browser: SecretString,
}

/// A session that starts only while the password with this hash holds: its cookies, and the note that starts it.
pub(in crate::service) fn new(
    admin: &AdminRow,
    hash: &TokenHash,
    browser: &Browser,
    now: DateTime<Utc>,
) -> ServiceResult<(LoggedIn, UrgentNote)> {
    let session = secret()?;
    let known = match browser.known.clone().filter(|cookie| is_secret(cookie.expose_secret())) {
        Some(cookie) => cookie,
        None => secret()?,
    };
    let act = UrgentAct::LogIn(NewSession {
        id_sha256: name(session.expose_secret()),
        admin: admin.id.to_string(),
        email: admin.email.clone(),
        password: NewSession::password_of(hash),
        address: browser.address.to_string(),
        user_agent: browser.agent.clone(),
        browser_sha256: name(known.expose_secret()),
        bounds: bounds(now),
    });
    let note = UrgentNote::new(act, &browser.actor(&admin.email).did("log in", "the admin pages"), now);
    Ok((LoggedIn { session, browser: known }, note))
}

/// Starts a session in the transaction that gave the person this password.
pub(in crate::service) fn start(
    txn: &WriteTxn<'_>,
    admin: &AdminRow,
    hash: &TokenHash,
    browser: &Browser,
    now: DateTime<Utc>,
) -> ServiceResult<LoggedIn> {
    let (logged_in, note) = new(admin, hash, browser, now)?;
    note.carry_out(txn)?;
    Ok(logged_in)
}

/// The session of this cookie, if it still is one; and whether its use is to be noted.
pub fn find(store: &Store, cookie: &str, now: DateTime<Utc>) -> ServiceResult<Option<(SessionRow, bool)>> {
    let found = store.read(|txn| txn.session_find(&name(cookie), bounds(now)))?;
    Ok(found.map(|session| {
        let is_due = now - session.last_seen_at > TOUCH_EVERY;
        (session, is_due)
    }))
}

pub fn list(txn: &crate::store::ReadTxn<'_>, admin: AdminId) -> ServiceResult<Vec<SessionRow>> {
    Ok(txn.session_list(admin, bounds(Utc::now()))?)
}

/// Ends one of a person's sessions, by the hash of its cookie; `which` says for people which one it is.
pub fn end(store: &Store, id_sha256: &str, admin: AdminId, which: &str, actor: &Actor) -> ServiceResult<()> {
    let act = UrgentAct::LogOut(id_sha256.to_owned(), admin.to_string());
    store.write_urgently(&UrgentNote::new(act, &actor.did("log out", which), Utc::now()))?;
    Ok(())
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

/// Whether this may be one of our secrets.
fn is_secret(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn name(cookie: &str) -> String {
    secrets::sha256_hex(cookie.as_bytes())
}

/// The moments between which a session is one.
pub(in crate::service) fn bounds(now: DateTime<Utc>) -> SessionBounds {
    SessionBounds { seen: now - IDLE, created: now - LIFE, latest: now + CLOCK_STEP }
}
