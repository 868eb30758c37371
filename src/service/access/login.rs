//! Logging in: in one step or two, with limits on guessing.
//!
//! An unknown account takes as long as a wrong password, because the traces of a refusal are written later. Wrong codes count
//! like wrong passwords. A session starts only if the password that was checked is still the current one.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use secrecy::{ExposeSecret as _, SecretString};

use crate::domain::{AdminId, Email, TokenHash};
use crate::service::access::access_log::{AccessEvent, AccessLog, RefusedLogin};
use crate::service::access::login_throttle::{self, Attempt, Caller, Guess, LoginThrottle};
use crate::service::access::sessions::{self, Browser, LoggedIn};
use crate::service::access::two_factor::{self, Opened, Person, Waiting};
use crate::service::{Hasher, Lane, ServiceError, ServiceResult};
use crate::store::{AdminRow, Store, UrgentNote, WriteTxn};
use crate::telemetry;

/// Why a log-in, or a confirmation by password, was refused.
#[derive(Debug)]
pub enum LoginError {
    /// The password is wrong. The log-in page doesn't say whether it is the password or the address.
    WrongPassword,
    /// The code is wrong, or was already used.
    WrongCode,
    /// Too many attempts were wrong; this one was not checked.
    Held(Duration),
    /// No log-in waits for a code under this handle, or it no longer does.
    TooLate,
    Failed(ServiceError),
}

impl<E: Into<ServiceError>> From<E> for LoginError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// The result of a step.
#[derive(Debug)]
pub enum LoginOutcome {
    Welcome(LoggedIn),
    /// The password was right; the handle of the second step, where the code is entered.
    Second(SecretString),
}

/// Checks passwords and codes.
pub struct LoginService {
    pub(super) store: Store,
    pub(super) hasher: Arc<Hasher>,
    throttle: LoginThrottle,
    waiting: Waiting,
    log: Arc<AccessLog>,
    nobody: TokenHash,
}

/// A person whose password was right, and how they came.
pub(super) struct Checked {
    pub(super) person: Person,
    pub(super) lane: Lane,
}

impl LoginService {
    /// Works on `store`; checks use `hasher`, and their traces go to `log`.
    pub fn new(store: Store, hasher: Arc<Hasher>, log: Arc<AccessLog>) -> ServiceResult<Self> {
        let nobody = Hasher::hash(sessions::secret()?.expose_secret())?;
        let now = Utc::now();
        let kept =
            store.read(|txn| txn.login_pause_list(now - login_throttle::FORGOTTEN, login_throttle::TABLE / 2))?;
        let throttle = LoginThrottle::load(&kept, Instant::now(), now);
        Ok(Self { store, hasher, throttle, waiting: Waiting::default(), log, nobody })
    }

    /// Starts a session if the password is right, or asks for a code.
    pub async fn log_in(&self, email: &str, password: &str, browser: &Browser) -> Result<LoginOutcome, LoginError> {
        let Checked { person, lane } = self.check(email, password, browser).await?;
        match self.open(&person.admin, password, lane).await? {
            Some(opened) => Ok(LoginOutcome::Second(self.waiting.add(person, opened, Instant::now())?)),
            None => self.welcome(person, browser).await,
        }
    }

    /// Whether a log-in waits for a code under this handle.
    pub fn is_waiting(&self, handle: &str) -> bool {
        self.waiting.find(handle, Instant::now()).is_some()
    }

    /// Starts a session if the code is right.
    pub async fn log_in_with_code(
        &self,
        handle: &str,
        code: &str,
        browser: &Browser,
    ) -> Result<LoginOutcome, LoginError> {
        let wait = self.waiting.find(handle, Instant::now()).ok_or(LoginError::TooLate)?;
        self.check_code(&wait.person.admin, wait.opened, code, browser).await?;
        self.waiting.remove(handle);
        self.welcome(wait.person, browser).await
    }

    /// Starts the session, unless the password was changed or the person removed since it was checked.
    async fn welcome(&self, person: Person, browser: &Browser) -> Result<LoginOutcome, LoginError> {
        let known = self.knows(person.admin.id, browser).await?;
        let forgotten = self.throttle.forget(&person.admin.email, caller(known.as_deref(), browser));
        self.log.add(AccessEvent::Forgotten(forgotten));
        let (logged_in, note) = sessions::new(&person.admin, &person.hash, browser, Utc::now())?;
        let store = self.store.clone();
        if telemetry::blocking(move || store.write_urgently(&note)).await? {
            Ok(LoginOutcome::Welcome(logged_in))
        } else {
            Err(LoginError::WrongPassword)
        }
    }

    /// The person with this e-mail and password, or why the log-in is refused.
    pub(super) async fn check(&self, email: &str, password: &str, browser: &Browser) -> Result<Checked, LoginError> {
        let found = match email.parse::<Email>() {
            Ok(email) => {
                let store = self.store.clone();
                telemetry::blocking(move || store.read(|txn| txn.admin_find(&email))).await?
            }
            Err(_) => None,
        };
        let known = match &found {
            Some((admin, _)) => self.knows(admin.id, browser).await?,
            // The same number of look-ups as for an existing account.
            None => self.knows(uuid::Uuid::nil().into(), browser).await?,
        };
        let attempt = self.begin(email, known.as_deref(), Guess::Password, browser)?;
        let lane = if known.is_some() { Lane::KnownPeople } else { Lane::Strangers(browser.address) };
        let hash = found.as_ref().map_or(&self.nobody, |(_, hash)| hash);
        let matches = match self.hasher.matches(password, hash, lane).await {
            Ok(matches) => matches,
            Err(error) => {
                // The attempt was not checked.
                self.throttle.was_right(attempt, Instant::now());
                return Err(error.into());
            }
        };
        if let Some((admin, hash)) = found.filter(|_| matches) {
            self.throttle.was_right(attempt, Instant::now());
            return Ok(Checked { person: Person { admin, hash }, lane });
        }
        self.refused(email, "wrong password", attempt, browser);
        Err(LoginError::WrongPassword)
    }

    /// Uses the code up, or says why it is refused.
    pub(super) async fn check_code(
        &self,
        admin: &AdminRow,
        opened: Opened,
        code: &str,
        browser: &Browser,
    ) -> Result<(), LoginError> {
        let known = self.knows(admin.id, browser).await?;
        let attempt = self.begin(&admin.email, known.as_deref(), Guess::Code, browser)?;
        let (store, now) = (self.store.clone(), Utc::now());
        let note = UrgentNote::of_code(two_factor::use_of(admin.id, &opened, code, now), now);
        let is_right = telemetry::blocking(move || store.write_urgently(&note)).await;
        if !matches!(is_right, Ok(false)) {
            // Right, or not checked.
            self.throttle.was_right(attempt, Instant::now());
            return is_right.map(drop).map_err(LoginError::from);
        }
        self.refused(&admin.email, "wrong code", attempt, browser);
        Err(LoginError::WrongCode)
    }

    /// How this browser is known as the person's own: by its session, or by the cookie of an earlier one.
    async fn knows(&self, admin: AdminId, browser: &Browser) -> ServiceResult<Option<String>> {
        if let Some(session) = browser.session.as_ref().filter(|session| session.admin.id == admin) {
            return Ok(Some(session.id_sha256.clone()));
        }
        let Some(hash) = browser.known_hash() else { return Ok(None) };
        let (store, asked) = (self.store.clone(), hash.clone());
        let is_known = telemetry::blocking(move || store.read(|txn| txn.browser_is_known(&asked, admin))).await?;
        Ok(is_known.then_some(hash))
    }

    fn begin(
        &self,
        account: &str,
        known: Option<&str>,
        guess: Guess,
        browser: &Browser,
    ) -> Result<Attempt, LoginError> {
        self.throttle.begin(account, caller(known, browser), guess, Instant::now()).map_err(|wait| {
            telemetry::of_strangers(|unsaid| {
                tracing::warn!(address = %browser.address, wait = wait.as_secs(), unsaid, "a log-in was paused");
            });
            LoginError::Held(wait)
        })
    }

    fn refused(&self, account: &str, why: &'static str, attempt: Attempt, browser: &Browser) {
        telemetry::of_strangers(|unsaid| {
            tracing::warn!(address = %browser.address, why, unsaid, "a log-in was refused");
        });
        self.log.add(AccessEvent::Paused(self.throttle.was_wrong(attempt, Instant::now(), Utc::now())));
        let (account, address) = (account.to_owned(), browser.address.to_string());
        self.log.add(AccessEvent::Refused(RefusedLogin { account, why, address }));
    }

    /// The person's two-step secret, decrypted with the right password, if they use two-step log-in.
    pub(super) async fn open(&self, admin: &AdminRow, password: &str, lane: Lane) -> ServiceResult<Option<Opened>> {
        let (store, id) = (self.store.clone(), admin.id);
        match telemetry::blocking(move || store.read(|txn| txn.two_step_find(id))).await? {
            Some(row) => two_factor::open(&self.hasher, row.sealed, id, password, lane).await.map(Some),
            None => Ok(None),
        }
    }
}

fn caller<'a>(known: Option<&'a str>, browser: &Browser) -> Caller<'a> {
    known.map_or(Caller::Stranger(browser.address), Caller::Known)
}

/// The person as they are now, if the password that was checked is still the current one.
pub(super) fn current(txn: &WriteTxn<'_>, person: &Person) -> Result<AdminRow, LoginError> {
    let email: Email = person.admin.email.parse().map_err(ServiceError::from)?;
    let found = txn.admin_find(&email)?.filter(|(_, hash)| hash.as_str() == person.hash.as_str());
    found.map(|(admin, _)| admin).ok_or(LoginError::WrongPassword)
}
