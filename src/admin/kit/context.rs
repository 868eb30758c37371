//! The context of one page request: who sent it, its form and query, and the ways to answer.
//!
//! The guard makes it; handlers take it as an argument. Reading and writing happen off the async threads.

use std::sync::Arc;

use actix_web::cookie::Cookie;
use actix_web::cookie::time::Duration;
use actix_web::dev::Payload;
use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, web};
use askama::Template;
use secrecy::ExposeSecret as _;

use crate::admin::kit::cookies::{CookieScope, HALF_WAY, KNOWN, KNOWN_LIFE, SESSION};
use crate::domain::{AdvertiserId, Role};
use crate::http::error::ErrorKind;
use crate::http::{AppState, ClientError};
use crate::service::access::sessions::{self, Browser, LoggedIn};
use crate::service::access::two_factor;
use crate::service::{Actor, ServiceError};
use crate::store::{AdvertiserRow, Lane, ReadTxn, SessionRow, Store, StoreError};
use crate::telemetry;

/// The result of every page handler.
pub type Answer = Result<HttpResponse, ClientError>;

/// The colours somebody chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// The system's setting.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// Its name in the cookie and in the style sheet.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme of this name; an unknown name is the system's setting.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }
}

/// What the guard found out about the request.
pub(in crate::admin) struct Found {
    pub(in crate::admin) state: web::Data<AppState>,
    pub(in crate::admin) session: Option<SessionRow>,
    pub(in crate::admin) form_token: String,
    pub(in crate::admin) browser: Browser,
    pub(in crate::admin) path: String,
    pub(in crate::admin) origin: String,
    pub(in crate::admin) cookies: CookieScope,
    pub(in crate::admin) theme: Theme,
    pub(in crate::admin) half_way: String,
    /// The advertiser that was chosen last in this browser.
    pub(in crate::admin) advertiser: String,
    /// The code of the action that redirected here; it is shown once.
    pub(in crate::admin) flash: String,
    pub(in crate::admin) query: Vec<(String, String)>,
    pub(in crate::admin) form: Vec<(String, String)>,
}

/// One request for a page.
#[derive(Clone)]
pub struct RequestContext(Arc<Found>);

impl RequestContext {
    pub(in crate::admin) fn new(found: Found) -> Self {
        Self(Arc::new(found))
    }

    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.state.store
    }

    /// The state that all routes share.
    #[must_use]
    pub fn state(&self) -> &AppState {
        &self.0.state
    }

    /// The session, on pages that need one.
    pub fn session(&self) -> Result<&SessionRow, ClientError> {
        self.0.session.as_ref().ok_or_else(|| ClientError::new(ErrorKind::Unauthorized, "Your session has ended."))
    }

    /// Whether somebody is logged in.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.0.session.is_some()
    }

    /// Whether others on the network can read what is typed: plain HTTP from another machine.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        !self.0.cookies.https && !self.0.browser.address.is_loopback()
    }

    /// Whether the person may change anything.
    #[must_use]
    pub fn may_change(&self) -> bool {
        self.0.session.as_ref().is_some_and(|session| session.admin.role == Role::Admin)
    }

    /// The person and browser, for the audit log.
    #[must_use]
    pub fn actor(&self) -> Actor {
        self.0.browser.actor(self.0.session.as_ref().map_or("nobody", |session| &session.admin.email))
    }

    /// The browser, as the session list shows it.
    #[must_use]
    pub fn browser(&self) -> &Browser {
        &self.0.browser
    }

    /// The token that proves that a form came from one of these pages.
    #[must_use]
    pub fn form_token(&self) -> &str {
        &self.0.form_token
    }

    #[must_use]
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// Scheme and host of the server as people reach it.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.0.origin
    }

    #[must_use]
    pub fn theme(&self) -> Theme {
        self.0.theme
    }

    /// The handle of a log-in that waits for a code; empty if there is none.
    #[must_use]
    pub fn half_way(&self) -> &str {
        &self.0.half_way
    }

    /// A query parameter, trimmed; empty if it is missing.
    #[must_use]
    pub fn query(&self, name: &str) -> &str {
        value(&self.0.query, name).trim()
    }

    /// The code of the action that redirected here; empty after a reload.
    #[must_use]
    pub fn just_done(&self) -> &str {
        if self.0.flash == self.query("done") { &self.0.flash } else { "" }
    }

    /// All query parameters.
    #[must_use]
    pub fn queries(&self) -> &[(String, String)] {
        &self.0.query
    }

    /// A field of the form, as it was typed; empty if it is missing.
    #[must_use]
    pub fn field(&self, name: &str) -> &str {
        value(&self.0.form, name)
    }

    /// A field of the form, if the form has it.
    #[must_use]
    pub fn sent(&self, name: &str) -> Option<&str> {
        self.0.form.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All fields of the form.
    #[must_use]
    pub fn fields(&self) -> &[(String, String)] {
        &self.0.form
    }

    /// All values of a field that can come several times, such as checkboxes of one name.
    pub fn all<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s str> {
        self.0.form.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The values of all fields whose names begin with `start`.
    pub fn beginning_with<'s>(&'s self, start: &'s str) -> impl Iterator<Item = &'s str> {
        self.0.form.iter().filter(move |(key, _)| key.starts_with(start)).map(|(_, value)| value.as_str())
    }

    /// All advertisers, and the chosen one: the one in the query, else the one chosen last, else the first that isn't
    /// disabled.
    pub fn advertisers(&self, txn: &ReadTxn<'_>) -> Result<(Vec<AdvertiserRow>, Option<AdvertiserRow>), StoreError> {
        let all = txn.advertiser_list()?;
        let named = |text: &str| {
            let id = text.parse::<AdvertiserId>().ok()?;
            all.iter().find(|row| row.id == id)
        };
        let chosen = named(self.query("advertiser"))
            .or_else(|| named(&self.0.advertiser))
            .or_else(|| all.iter().find(|row| row.disabled_at.is_none()))
            .or(all.first())
            .cloned();
        Ok((all, chosen))
    }

    /// Whether this is an advertiser's id, and not the one the browser remembers.
    pub(in crate::admin) fn newly_chosen(&self, id: &str) -> bool {
        self.0.advertiser != id && id.parse::<AdvertiserId>().is_ok()
    }

    /// Answers with the page that `work` makes in one read transaction.
    pub async fn show<P: Template>(
        &self,
        work: impl FnOnce(&Self, &ReadTxn<'_>) -> Result<P, ServiceError> + Send + 'static,
    ) -> Answer {
        self.show_as(StatusCode::OK, work).await
    }

    /// The same with another status.
    pub async fn show_as<P: Template>(
        &self,
        status: StatusCode,
        work: impl FnOnce(&Self, &ReadTxn<'_>) -> Result<P, ServiceError> + Send + 'static,
    ) -> Answer {
        let context = self.clone();
        let html = telemetry::blocking(move || {
            let page = context.store().read_in(Lane::Page, |txn| work(&context, txn))?;
            page.render().map_err(|error| ServiceError::Internal(format!("a page could not be made: {error}")))
        });
        let html = html.await.map_err(missing_is_not_found)?;
        Ok(HttpResponse::build(status).content_type("text/html; charset=utf-8").body(html))
    }

    /// Shows a page that holds a secret at an address that answers once, so that a reload doesn't make a second secret.
    ///
    /// `form` is the id of the form that was sent; sending it again redirects to the same address, by [`Self::shown_once`].
    pub async fn show_once<P: Template>(
        &self,
        form: &str,
        work: impl FnOnce(&Self, &ReadTxn<'_>) -> Result<P, ServiceError> + Send + 'static,
    ) -> Answer {
        let context = self.clone();
        let html = telemetry::blocking(move || {
            let page = context.store().read(|txn| work(&context, txn))?;
            page.render().map_err(|error| ServiceError::Internal(format!("a page could not be made: {error}")))
        });
        let html = html.await.map_err(missing_is_not_found)?;
        let id = self.state().one_time.keep(&self.session()?.id_sha256, form, html)?;
        Ok(self.go(&format!("/admin/once/{id}")))
    }

    /// Redirects to the page that this form made before, if there is one; waits while the page is being made.
    pub async fn shown_once(&self, form: &str) -> Result<Option<HttpResponse>, ClientError> {
        let session = &self.session()?.id_sha256;
        Ok(self.state().one_time.made_by(session, form).await.map(|id| self.go(&format!("/admin/once/{id}"))))
    }

    /// Says that this form made no secret, so that it can be sent again.
    pub fn made_nothing(&self, form: &str) -> Result<(), ClientError> {
        self.state().one_time.forget(&self.session()?.id_sha256, form);
        Ok(())
    }

    /// Runs `work`, which may write.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, ServiceError> + Send + 'static,
    ) -> Result<T, ServiceError> {
        let context = self.clone();
        telemetry::blocking(move || work(&context)).await
    }

    /// Redirects to another page.
    #[must_use]
    pub fn go(&self, to: &str) -> HttpResponse {
        HttpResponse::SeeOther().insert_header((header::LOCATION, to)).finish()
    }

    /// Redirects with a new session.
    #[must_use]
    pub fn go_logged_in(&self, to: &str, logged_in: &LoggedIn) -> HttpResponse {
        self.logged_in(self.go(to), logged_in)
    }

    /// The same answer with a new session.
    #[must_use]
    pub fn logged_in(&self, mut response: HttpResponse, logged_in: &LoggedIn) -> HttpResponse {
        let session = logged_in.session.expose_secret().to_owned();
        add_cookie(&mut response, &self.cookie(SESSION, session, Duration::seconds(sessions::LIFE.num_seconds())));
        let browser = logged_in.browser.expose_secret().to_owned();
        add_cookie(&mut response, &self.cookie(KNOWN, browser, KNOWN_LIFE));
        if !self.half_way().is_empty() {
            add_cookie(&mut response, &self.cookie(HALF_WAY, String::new(), Duration::ZERO));
        }
        response
    }

    /// Redirects with the handle of a log-in that waits for a code.
    #[must_use]
    pub fn go_half_way(&self, to: &str, handle: &str) -> HttpResponse {
        self.half_way_in(self.go(to), handle)
    }

    /// Adds the handle of a log-in that waits for a code to the answer.
    #[must_use]
    pub fn half_way_in(&self, mut response: HttpResponse, handle: &str) -> HttpResponse {
        let life = Duration::try_from(two_factor::WAIT).unwrap_or(Duration::ZERO);
        add_cookie(&mut response, &self.cookie(HALF_WAY, handle.to_owned(), life));
        response
    }

    /// Redirects without the session.
    #[must_use]
    pub fn go_logged_out(&self, to: &str) -> HttpResponse {
        let mut response = self.go(to);
        add_cookie(&mut response, &self.cookie(SESSION, String::new(), Duration::ZERO));
        response
    }

    /// A cookie with the attributes of all our cookies: hidden from scripts, never sent by other sites.
    #[must_use]
    pub fn cookie(&self, name: &str, value: String, life: Duration) -> Cookie<'static> {
        self.0.cookies.cookie(name, value, life)
    }
}

/// The field for the form token, which every form has.
pub(in crate::admin) const FORM_TOKEN: &str = "form_token";

/// `to` if it is the address of one of our pages, else the start page. Our addresses contain neither control characters nor
/// blanks.
pub(in crate::admin) fn own_page(to: &str) -> &str {
    let is_ours = to.starts_with("/admin/") && to.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_ours { to } else { "/admin/" }
}

/// Adds a cookie to an answer.
pub(in crate::admin) fn add_cookie(response: &mut HttpResponse, cookie: &Cookie<'_>) {
    if let Err(error) = response.add_cookie(cookie) {
        tracing::error!(%error, "a cookie could not be set");
    }
}

fn value<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    pairs.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
}

/// Missing rows become 404.
pub(in crate::admin) fn missing_is_not_found(error: ServiceError) -> ClientError {
    match error {
        ServiceError::Store(StoreError::Missing(message)) => ClientError::new(ErrorKind::NotFound, message),
        other => other.into(),
    }
}

impl FromRequest for RequestContext {
    type Error = ClientError;
    type Future = std::future::Ready<Result<Self, ClientError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let context = request.extensions().get::<Self>().cloned();
        std::future::ready(context.ok_or_else(|| ClientError::internal(&"a page's route does not pass the guard")))
    }
}
