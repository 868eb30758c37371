//! Logging in: who may, in one step or two, and how fast one may guess; and what else needs the password again.
//!
//! An unknown account takes as long as a wrong password. Wrong codes of the second step count like wrong passwords.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use secrecy::{ExposeSecret as _, SecretString};

use crate::domain::{Email, Invalid, TokenHash};
use crate::service::access::admins::Password;
use crate::service::access::login_throttle::LoginThrottle;
use crate::service::access::sessions::{self, Browser};
use crate::service::access::two_factor::{self, Opened, SharedSecret, Waiting};
use crate::service::{Hasher, ServiceResult};
use crate::store::{AdminRow, Store};
use crate::telemetry;

/// Why somebody was not let in.
#[derive(Debug, Clone, Copy)]
pub enum LoginError {
    /// What was typed is wrong. At the log-in, which part of it is not said.
    Wrong(&'static str),
    /// Too many were wrong; nothing was looked at.
    Held(Duration),
}

/// What came of a step of logging in.
#[derive(Debug)]
pub enum LoginOutcome {
    /// The new session's cookie.
    Welcome(SecretString),
    /// The password was right; the handle to come back with and a code.
    Second(SecretString),
    /// Nobody waits for a code under this handle, or not any more.
    TooLate,
    /// No.
    Refused(LoginError),
}

/// Checks passwords and codes.
pub struct LoginService {
    store: Store,
    hasher: Arc<Hasher>,
    attempts: LoginThrottle,
    waiting: Waiting,
    nobody: TokenHash,
}

impl LoginService {
    /// Works on `store`; all checks take their turn at `hasher`.
    pub fn new(store: Store, hasher: Arc<Hasher>) -> ServiceResult<Self> {
        let nobody = Hasher::hash(sessions::secret()?.expose_secret())?;
        Ok(Self { store, hasher, attempts: LoginThrottle::default(), waiting: Waiting::default(), nobody })
    }

    /// Starts a session for whoever knows the password, or asks them for a code.
    pub async fn log_in(&self, email: &str, password: &str, browser: &Browser) -> ServiceResult<LoginOutcome> {
        let admin = match self.check(email, password, browser).await? {
            Ok((admin, _)) => admin,
            Err(refused) => return Ok(LoginOutcome::Refused(refused)),
        };
        match self.open(&admin, password).await? {
            Some(opened) => self.waiting.add(admin, opened, Instant::now()).map(LoginOutcome::Second),
            None => self.welcome(admin, browser).await,
        }
    }

    /// Whether somebody waits for a code under this handle.
    pub fn is_waiting(&self, handle: &str) -> bool {
        self.waiting.find(handle, Instant::now()).is_some()
    }

    /// Starts a session for whoever comes back with the code.
    pub async fn log_in_with_code(&self, handle: &str, code: &str, browser: &Browser) -> ServiceResult<LoginOutcome> {
        let Some((admin, opened)) = self.waiting.find(handle, Instant::now()) else { return Ok(LoginOutcome::TooLate) };
        if let Err(refused) = self.begin(&admin.email, browser) {
            return Ok(LoginOutcome::Refused(refused));
        }
        if !self.take(&admin, opened, code).await? {
            self.note_refusal(&admin.email, "wrong code", browser).await?;
            return Ok(LoginOutcome::Refused(LoginError::Wrong("code")));
        }
        self.waiting.remove(handle);
        self.attempts.was_right(&admin.email, browser.address, Instant::now());
        self.welcome(admin, browser).await
    }

    async fn welcome(&self, admin: AdminRow, browser: &Browser) -> ServiceResult<LoginOutcome> {
        self.attempts.forget(&admin.email);
        let (store, browser) = (self.store.clone(), browser.clone());
        telemetry::blocking(move || sessions::start(&store, &admin, &browser, "log in"))
            .await
            .map(LoginOutcome::Welcome)
    }

    /// The person whose password it is, with its hash; or why not.
    async fn check(
        &self,
        email: &str,
        password: &str,
        browser: &Browser,
    ) -> ServiceResult<Result<(AdminRow, TokenHash), LoginError>> {
        if let Err(refused) = self.begin(email, browser) {
            return Ok(Err(refused));
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
        if let Some(found) = found.filter(|_| matches) {
            self.attempts.was_right(email, browser.address, Instant::now());
            return Ok(Ok(found));
        }
        self.note_refusal(email, "wrong password", browser).await?;
        Ok(Err(LoginError::Wrong("password")))
    }

    fn begin(&self, email: &str, browser: &Browser) -> Result<(), LoginError> {
        self.attempts.begin(email, browser.address, Instant::now()).map_err(|wait| {
            tracing::warn!(address = %browser.address, wait = wait.as_secs(), "a log-in was held off");
            LoginError::Held(wait)
        })
    }

    /// The person's secret, if they log in with two steps; the password is right.
    async fn open(&self, admin: &AdminRow, password: &str) -> ServiceResult<Option<Opened>> {
        let (store, id) = (self.store.clone(), admin.id);
        match telemetry::blocking(move || store.read(|txn| txn.two_step_find(id))).await? {
            Some(row) => two_factor::open(&self.hasher, row.sealed, id, password).await.map(Some),
            None => Ok(None),
        }
    }

    async fn take(&self, admin: &AdminRow, opened: Opened, code: &str) -> ServiceResult<bool> {
        let (store, id, code) = (self.store.clone(), admin.id, SecretString::from(code));
        telemetry::blocking(move || {
            store.write(|txn| two_factor::take(txn, id, &opened, code.expose_secret(), Utc::now()))
        })
        .await
    }

    /// Refusals of accounts that exist are told in the audit log; made-up accounts would only fill it.
    async fn note_refusal(&self, email: &str, why: &'static str, browser: &Browser) -> ServiceResult<()> {
        tracing::warn!(address = %browser.address, why, "a log-in was refused");
        let Ok(email) = email.parse::<Email>() else { return Ok(()) };
        let (store, actor) = (self.store.clone(), browser.actor(email.as_str()));
        telemetry::blocking(move || {
            store.write(|txn| match txn.admin_find(&email)? {
                Some(_) => txn.audit_add(&actor.did("log-in refused", why), Utc::now()),
                None => Ok(()),
            })
        })
        .await?;
        Ok(())
    }

    /// Changes one's password, which ends all sessions. What it seals is sealed anew.
    pub async fn change_password(
        &self,
        admin: &AdminRow,
        password: &str,
        new: Password,
        browser: &Browser,
    ) -> ServiceResult<Result<(), LoginError>> {
        if let Err(refused) = self.check(&admin.email, password, browser).await? {
            return Ok(Err(refused));
        }
        let opened = self.open(admin, password).await?;
        let resealed = match &opened {
            Some(opened) => Some(two_factor::seal(&self.hasher, &opened.secret, admin.id, new.reveal()).await?),
            None => None,
        };
        let (store, id, email) = (self.store.clone(), admin.id, admin.email.parse::<Email>()?);
        let actor = browser.actor(email.as_str());
        telemetry::blocking(move || {
            let (hash, now) = (Hasher::hash(new.reveal())?, Utc::now());
            store.write(|txn| {
                txn.two_step_unchanged(id, opened.as_ref().map(Opened::sealed))?;
                txn.admin_set_password(&email, &hash, now)?;
                resealed.iter().try_for_each(|sealed| txn.two_step_reseal(id, sealed))?;
                txn.audit_add(&actor.did("password change", email.as_str()), now)?;
                Ok(Ok(()))
            })
        })
        .await
    }

    /// Turns one's second step on, with the code that proves that the phone has the secret; the recovery codes.
    pub async fn turn_two_step_on(
        &self,
        admin: &AdminRow,
        password: &str,
        secret: &SharedSecret,
        code: &str,
        browser: &Browser,
    ) -> ServiceResult<Result<Vec<String>, LoginError>> {
        let Some(step) = secret.step_of(code, Utc::now()) else { return Ok(Err(LoginError::Wrong("code"))) };
        let hash = match self.check(&admin.email, password, browser).await? {
            Ok((_, hash)) => hash,
            Err(refused) => return Ok(Err(refused)),
        };
        let sealed = two_factor::seal(&self.hasher, secret, admin.id, password).await?;
        let (store, id, email) = (self.store.clone(), admin.id, admin.email.parse::<Email>()?);
        let actor = browser.actor(email.as_str());
        telemetry::blocking(move || {
            let (codes, hashes) = two_factor::mint()?;
            let now = Utc::now();
            store.write(|txn| {
                // A password that changed meanwhile would not open what this one sealed.
                if txn.admin_find(&email)?.is_none_or(|(_, now)| now.as_str() != hash.as_str()) {
                    return Err(Invalid::because("password", "the password was changed meanwhile: try again").into());
                }
                txn.two_step_create(id, &sealed, step, now)?;
                txn.recovery_codes_replace(id, &hashes)?;
                txn.audit_add(&actor.did("two-step on", email.as_str()), now)?;
                Ok(Ok(codes))
            })
        })
        .await
    }

    /// New recovery codes instead of the old ones, for whoever has password and code.
    pub async fn renew_codes(
        &self,
        admin: &AdminRow,
        password: &str,
        code: &str,
        browser: &Browser,
    ) -> ServiceResult<Result<Vec<String>, LoginError>> {
        if let Err(refused) = self.prove(admin, password, code, browser).await? {
            return Ok(Err(refused));
        }
        let (store, id, actor) = (self.store.clone(), admin.id, browser.actor(&admin.email));
        telemetry::blocking(move || {
            let (codes, hashes) = two_factor::mint()?;
            store.write(|txn| {
                txn.recovery_codes_replace(id, &hashes)?;
                txn.audit_add(&actor.did("two-step codes", "new recovery codes"), Utc::now())?;
                Ok(Ok(codes))
            })
        })
        .await
    }

    /// Turns one's second step off, for whoever has password and code.
    pub async fn turn_two_step_off(
        &self,
        admin: &AdminRow,
        password: &str,
        code: &str,
        browser: &Browser,
    ) -> ServiceResult<Result<(), LoginError>> {
        if let Err(refused) = self.prove(admin, password, code, browser).await? {
            return Ok(Err(refused));
        }
        let (store, id, actor) = (self.store.clone(), admin.id, browser.actor(&admin.email));
        telemetry::blocking(move || {
            store.write(|txn| {
                txn.two_step_end(id)?;
                txn.audit_add(&actor.did("two-step off", &actor.name), Utc::now())?;
                Ok(Ok(()))
            })
        })
        .await
    }

    /// Whether password and code are both right; the code is used up.
    async fn prove(
        &self,
        admin: &AdminRow,
        password: &str,
        code: &str,
        browser: &Browser,
    ) -> ServiceResult<Result<(), LoginError>> {
        if let Err(refused) = self.check(&admin.email, password, browser).await? {
            return Ok(Err(refused));
        }
        let Some(opened) = self.open(admin, password).await? else { return Ok(Ok(())) };
        if let Err(refused) = self.begin(&admin.email, browser) {
            return Ok(Err(refused));
        }
        if self.take(admin, opened, code).await? {
            self.attempts.was_right(&admin.email, browser.address, Instant::now());
            return Ok(Ok(()));
        }
        self.note_refusal(&admin.email, "wrong code", browser).await?;
        Ok(Err(LoginError::Wrong("code")))
    }
}
