//! How people change their own log-in: password and two-step log-in. Each change asks for the password again.

use chrono::Utc;

use crate::domain::Email;
use crate::service::access::admins::Password;
use crate::service::access::login::{Checked, LoginError, LoginService, current};
use crate::service::access::sessions::{self, Browser, LoggedIn};
use crate::service::access::two_factor::{self, Opened, SharedSecret};
use crate::service::{Hasher, ServiceError};
use crate::store::AdminRow;
use crate::telemetry;

impl LoginService {
    /// Changes a person's password, which ends all their sessions, and returns a new session for this browser. The two-step
    /// secret is encrypted again with the new password.
    pub async fn change_password(
        &self,
        admin: &AdminRow,
        password: &str,
        new: Password,
        browser: &Browser,
    ) -> Result<LoggedIn, LoginError> {
        let Checked { person, lane } = self.check(&admin.email, password, browser).await?;
        let opened = self.open(admin, password, lane).await?;
        let resealed = match &opened {
            Some(opened) => Some(two_factor::seal(&self.hasher, &opened.secret, admin.id, new.reveal(), lane).await?),
            None => None,
        };
        let (store, browser) = (self.store.clone(), browser.clone());
        telemetry::blocking(move || {
            let (hash, now) = (Hasher::hash(new.reveal())?, Utc::now());
            store.write(|txn| {
                let admin = current(txn, &person)?;
                let email: Email = admin.email.parse().map_err(ServiceError::from)?;
                txn.two_step_unchanged(admin.id, opened.as_ref().map(Opened::sealed))?;
                txn.admin_set_password(&email, &hash, now)?;
                resealed.iter().try_for_each(|sealed| txn.two_step_reseal(admin.id, sealed))?;
                txn.audit_add(&browser.actor(email.as_str()).did("password change", email.as_str()), now)?;
                Ok(sessions::start(txn, &admin, &hash, &browser, now)?)
            })
        })
        .await
    }

    /// Turns two-step log-in on, with a code that proves that the phone has the secret. Returns the recovery codes.
    pub async fn turn_two_step_on(
        &self,
        admin: &AdminRow,
        password: &str,
        secret: &SharedSecret,
        code: &str,
        browser: &Browser,
    ) -> Result<Vec<String>, LoginError> {
        let step = secret.step_of(code, Utc::now()).ok_or(LoginError::WrongCode)?;
        let Checked { person, lane } = self.check(&admin.email, password, browser).await?;
        let sealed = two_factor::seal(&self.hasher, secret, admin.id, password, lane).await?;
        let (store, browser) = (self.store.clone(), browser.clone());
        telemetry::blocking(move || {
            let (codes, hashes) = two_factor::mint()?;
            let now = Utc::now();
            store.write(|txn| {
                // If the password has changed since, the new one couldn't decrypt this secret.
                let admin = current(txn, &person)?;
                txn.two_step_create(admin.id, &sealed, step, now)?;
                txn.recovery_codes_replace(admin.id, &hashes)?;
                txn.audit_add(&browser.actor(&admin.email).did("two-step on", &admin.email), now)?;
                Ok(codes)
            })
        })
        .await
    }

    /// Makes new recovery codes instead of the old ones; needs password and code.
    pub async fn renew_codes(
        &self,
        admin: &AdminRow,
        password: &str,
        code: &str,
        browser: &Browser,
    ) -> Result<Vec<String>, LoginError> {
        self.prove(admin, password, code, browser).await?;
        let (store, id, actor) = (self.store.clone(), admin.id, browser.actor(&admin.email));
        telemetry::blocking(move || {
            let (codes, hashes) = two_factor::mint()?;
            store.write(|txn| {
                txn.recovery_codes_replace(id, &hashes)?;
                txn.audit_add(&actor.did("two-step codes", "new recovery codes"), Utc::now())?;
                Ok(codes)
            })
        })
        .await
    }

    /// Turns two-step log-in off; needs password and code.
    pub async fn turn_two_step_off(
        &self,
        admin: &AdminRow,
        password: &str,
        code: &str,
        browser: &Browser,
    ) -> Result<(), LoginError> {
        self.prove(admin, password, code, browser).await?;
        let (store, id, actor) = (self.store.clone(), admin.id, browser.actor(&admin.email));
        telemetry::blocking(move || {
            store.write(|txn| {
                txn.two_step_end(id)?;
                txn.audit_add(&actor.did("two-step off", &actor.name), Utc::now())?;
                Ok(())
            })
        })
        .await
    }

    /// Whether password and code are both right. Uses the code up.
    async fn prove(&self, admin: &AdminRow, password: &str, code: &str, browser: &Browser) -> Result<(), LoginError> {
        let Checked { lane, .. } = self.check(&admin.email, password, browser).await?;
        match self.open(admin, password, lane).await? {
            Some(opened) => self.check_code(admin, opened, code, browser).await,
            None => Ok(()),
        }
    }
}
