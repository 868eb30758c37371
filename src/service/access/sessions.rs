//! Sessions of logged-in people.
//!
//! A session is a random cookie whose SHA-256 is in the database. It ends after 12 hours without use, after 7 days in any
//! case, and at once if its row is deleted. A session that was started while the clock was ahead isn't valid.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};

use crate::domain::{AdminId, TokenHash};
use crate::service::access::secrets;
use crate::service::{Actor, ServiceResult};
use crate::store::{AdminRow, NewSession, SessionBounds, SessionRow, Store, UrgentAct, UrgentNote, WriteTxn};

/// A session ends if it isn't used for this long.
pub const IDLE: TimeDelta = TimeDelta::hours(12);

/// A session ends this long after its start.
pub const LIFE: TimeDelta = TimeDelta::days(7);

/// How far the stored last use may lag behind, so that reading pages doesn't write.
const TOUCH_EVERY: TimeDelta = TimeDelta::minutes(5);

/// Clocks are sometimes set back by up to this much. A time further in the future was stored while the clock was ahead.
pub(in crate::service) const CLOCK_STEP: TimeDelta = TimeDelta::minutes(5);

/// A browser, as its request describes it.
#[derive(Debug, Clone)]
pub struct Browser {
    pub address: IpAddr,
    /// What it calls itself.
    pub agent: String,
    /// The cookie of a browser that somebody has logged in with before.
    pub known: Option<SecretString>,
    /// The session of the browser.
    pub session: Option<SessionRow>,
}

impl Browser {
    /// The person `name`, acting through this browser.
    #[must_use]
    pub fn actor(&self, name: &str) -> Actor {
        Actor { name: name.to_owned(), address: Some(self.address.to_string()) }
    }

    /// The hash of the cookie by which it may be known.
    pub(in crate::service) fn known_hash(&self) -> Option<String> {
        self.known.as_ref().map(|cookie| name(cookie.expose_secret()))
    }
}

/// The cookies of somebody who has just logged in. Only their hashes are stored.
#[derive(Debug)]
pub struct LoggedIn {
    /// The session's cookie.
    pub session: SecretString,
    /// The browser's cookie, which outlives the session.
    pub browser: SecretString,
}

/// A session that starts only if this is still the hash of the person's password: its cookies, and the note that starts it.
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

/// Starts a session in the transaction that set this password.
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

/// The session of this cookie if it is valid, and whether its use should be noted.
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

/// Ends one of a person's sessions, by the hash of its cookie; `which` describes it in the audit log.
pub fn end(store: &Store, id_sha256: &str, admin: AdminId, which: &str, actor: &Actor) -> ServiceResult<()> {
    let act = UrgentAct::LogOut(id_sha256.to_owned(), admin.to_string());
    store.write_urgently(&UrgentNote::new(act, &actor.did("log out", which), Utc::now()))?;
    Ok(())
}

/// Ends all sessions of a person but this one; returns how many.
pub fn end_others(store: &Store, session: &SessionRow, actor: &Actor) -> ServiceResult<usize> {
    let now = Utc::now();
    store.write(|txn| {
        let ended = txn.sessions_end_others(session.admin.id, &session.id_sha256)?;
        let message = if ended == 1 { "1 other browser".to_owned() } else { format!("{ended} other browsers") };
        txn.audit_add(&actor.did("log out", &message), now)?;
        Ok(ended)
    })
}

/// The token that proves that a form came from a page of this cookie's holder. It reveals nothing about the cookie.
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

/// Whether the text has the form of our secrets.
fn is_secret(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn name(cookie: &str) -> String {
    secrets::sha256_hex(cookie.as_bytes())
}

/// The times between which a session must have been started and used.
pub(in crate::service) fn bounds(now: DateTime<Utc>) -> SessionBounds {
    SessionBounds { seen: now - IDLE, created: now - LIFE, latest: now + CLOCK_STEP }
}
