//! Logging in: who may, how fast one may guess, and the sessions of those who did.
//!
//! A session is a random cookie whose SHA-256 is in the database: it ends after 12 hours without use, after 7 days in any
//! case, and at once when its row goes. An unknown account takes as long as a wrong password.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret as _, SecretString};

use super::attempts::Attempts;
use super::{Actor, Hasher, ServiceResult, secrets};
use crate::domain::{AdminId, Email, TokenHash};
use crate::store::{AdminRow, SessionBounds, SessionRow, Store};
use crate::telemetry;

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

/// What came of an attempt to log in.
#[derive(Debug)]
pub enum LogIn {
    /// The new session's cookie.
    Welcome(SecretString),
    /// Account and password do not belong together; which of them is wrong is not said.
    Wrong,
    /// Too many were wrong; nothing was looked at.
    Held(Duration),
}

/// Checks passwords.
pub struct SignIn {
    store: Store,
    hasher: Arc<Hasher>,
    attempts: Attempts,
    nobody: TokenHash,
}

impl SignIn {
    /// Works on `store`; all checks take their turn at `hasher`.
    pub fn new(store: Store, hasher: Arc<Hasher>) -> ServiceResult<Self> {
        let nobody = Hasher::hash(secret()?.expose_secret())?;
        Ok(Self { store, hasher, attempts: Attempts::default(), nobody })
    }

    /// Starts a session for whoever knows the password.
    pub async fn log_in(&self, email: &str, password: &str, browser: &Browser) -> ServiceResult<LogIn> {
        let admin = match self.check(email, password, browser).await? {
            Ok(admin) => admin,
            Err(refused) => return Ok(refused),
        };
        let (store, browser) = (self.store.clone(), browser.clone());
        telemetry::blocking(move || start(&store, &admin, &browser, "log in")).await.map(LogIn::Welcome)
    }

    /// The person whose password it is, or why not.
    pub async fn check(
        &self,
        email: &str,
        password: &str,
        browser: &Browser,
    ) -> ServiceResult<Result<AdminRow, LogIn>> {
        if let Err(wait) = self.attempts.begin(email, browser.address, Instant::now()) {
            tracing::warn!(address = %browser.address, wait = wait.as_secs(), "a log-in was held off");
            return Ok(Err(LogIn::Held(wait)));
        }
        let found = match email.parse::<Email>() {
            Ok(email) => {
                let store = self.store.clone();
                telemetry::blocking(move || store.read(|txn| txn.admin_find(&email))).await?
            }
            Err(_) => None,
        };
        let hash = found.as_ref().map_or(&self.nobody, |(_, hash)| hash);
        let matches = self.hasher.matches(password, hash).await?;
        if let Some((admin, _)) = found.filter(|_| matches) {
            self.attempts.succeeded(email, browser.address, Instant::now());
            return Ok(Ok(admin));
        }
        tracing::warn!(address = %browser.address, "a log-in was refused: wrong account or password");
        self.note_refusal(email, browser).await?;
        Ok(Err(LogIn::Wrong))
    }

    /// Wrong passwords of accounts that exist are told in the audit log; made-up accounts would only fill it.
    async fn note_refusal(&self, email: &str, browser: &Browser) -> ServiceResult<()> {
        let Ok(email) = email.parse::<Email>() else { return Ok(()) };
        let (store, actor) = (self.store.clone(), browser.actor(email.as_str()));
        telemetry::blocking(move || {
            store.write(|txn| match txn.admin_find(&email)? {
                Some(_) => txn.audit_add(&actor.did("log-in refused", "wrong password"), Utc::now()),
                None => Ok(()),
            })
        })
        .await?;
        Ok(())
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
        Ok::<_, super::ServiceError>(())
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

/// Ends one of a person's sessions.
pub fn end(store: &Store, session: &SessionRow, actor: &Actor) -> ServiceResult<()> {
    let now = Utc::now();
    store.write(|txn| {
        if txn.session_end(&session.id_sha256, session.admin.id)? {
            txn.audit_add(&actor.did("log out", "this browser"), now)?;
        }
        Ok(())
    })
}

/// Ends all of a person's sessions but this one; how many.
pub fn end_others(store: &Store, session: &SessionRow, actor: &Actor) -> ServiceResult<usize> {
    let now = Utc::now();
    store.write(|txn| {
        let ended = txn.sessions_end_others(session.admin.id, &session.id_sha256)?;
        txn.audit_add(&actor.did("log out", &format!("{ended} other browsers")), now)?;
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

fn bounds(now: DateTime<Utc>) -> SessionBounds {
    SessionBounds { seen: now - IDLE, created: now - LIFE }
}
