//! The guard of all pages: who sends the request, may they, and does the form come from one of our pages?
//!
//! Every page's request passes it, with the access that its line in the route table names, so no handler can forget to check.
//! Refusals become pages here. A form must carry a token made from the session's cookie, and come from this origin.

use std::net::IpAddr;

use actix_web::body::BoxBody;
use actix_web::cookie::time::Duration;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, header};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest, HttpResponse, web};
use chrono::Utc;
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use crate::admin::kit::context::{FORM_TOKEN, Found, RequestContext, Theme};
use crate::admin::kit::cookies::{self, CookieScope};
use crate::admin::kit::resume;
use crate::domain::{Invalid, Role};
use crate::http::error::ErrorKind;
use crate::http::multipart::{self, Parts};
use crate::http::{Access, AppState, ClientError, client};
use crate::service::access::sessions::{self, Browser};
use crate::store::SessionRow;
use crate::telemetry;

/// How long a form may take to arrive.
const FORM_TIME: std::time::Duration = std::time::Duration::from_secs(15);

/// Passes the request on to its handler if it is allowed.
pub async fn pass(
    access: Access,
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut guest = None;
    let answered = match admit(access, &mut request, &mut guest).await {
        Ok(None) => next.call(request).await?,
        Ok(Some(elsewhere)) => request.into_response(elsewhere),
        Err(refused) => request.into_response(refused.page()),
    };
    let page = answered.response().error().map(|error| match error.as_error::<ClientError>() {
        Some(refused) => refused.page(),
        None => ClientError::new(ErrorKind::ValidationError, "The request could not be read.").page(),
    });
    let mut answered = match page {
        Some(page) => answered.into_response(page),
        None => answered,
    };
    let headers = answered.response_mut().headers_mut();
    // With "no-referrer", browsers would send `Origin: null` with forms.
    headers.insert(header::REFERRER_POLICY, header::HeaderValue::from_static("same-origin"));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    for cookie in remembered(answered.request(), answered.response()) {
        answered.response_mut().add_cookie(&cookie)?;
    }
    if let Some(cookie) = guest {
        answered.response_mut().add_cookie(&cookie)?;
    }
    Ok(answered)
}

/// The page for unknown addresses.
pub async fn not_found() -> HttpResponse {
    ClientError::new(ErrorKind::NotFound, "The address may be mistyped, or what was there is gone.").page()
}

/// Adds the [`RequestContext`], redirects, or refuses.
async fn admit(
    access: Access,
    request: &mut ServiceRequest,
    guest: &mut Option<actix_web::cookie::Cookie<'static>>,
) -> Result<Option<HttpResponse>, ClientError> {
    let state = request.app_data::<web::Data<AppState>>().cloned();
    let state = state.ok_or_else(|| ClientError::internal(&"the pages have no state"))?;
    let https = client::is_https(request.request(), &state.config);
    let scope = CookieScope { https, path: state.config.path().to_owned() };
    let cookie = |name| request.cookie(&scope.name(name)).map(|cookie| cookie.value().to_owned());
    let (known, theme, half_way) = (cookie(cookies::SESSION), cookie(cookies::THEME), cookie(cookies::HALF_WAY));
    let (advertiser, flash) = (cookie(cookies::ADVERTISER), cookie(cookies::DONE));
    let address = client::address(request.request(), &state.config.trusted_proxy);
    let session = match &known {
        Some(cookie) => find_session(&state, cookie, address).await?,
        None => None,
    };
    let secret = match (&session, known, cookie(cookies::GUEST)) {
        (Some(_), Some(cookie), _) => cookie,
        (_, _, Some(cookie)) if cookie.len() == 64 => cookie,
        _ => {
            let fresh = sessions::secret()?.expose_secret().to_owned();
            *guest = Some(scope.cookie(cookies::GUEST, fresh.clone(), Duration::days(1)));
            fresh
        }
    };
    let form_token = sessions::form_token(&secret);
    let browser = Browser {
        address,
        agent: client::agent(request.request()),
        known: cookie(cookies::KNOWN).map(SecretString::from),
        session: session.clone(),
    };
    let is_change = *request.method() == Method::POST;
    let role = session.as_ref().map(|session| session.admin.role);
    let mut form = Vec::new();
    if is_change {
        let log = |reason: &str| {
            telemetry::of_strangers(|unsaid| {
                tracing::warn!(address = %browser.address, reason, unsaid, "a form was refused");
            });
        };
        if let Err(refused) = came_from_here(request.request(), &state) {
            log("it came from another origin");
            return Err(refused);
        }
        if let Some(boundary) = multipart::boundary(request.request()) {
            // A file follows, which only its handler reads, so the token must come before it.
            let mut parts = Parts::new(request.take_payload(), &boundary);
            form.extend(in_time(first_token(&mut parts)).await??);
            request.extensions_mut().insert(parts);
        } else {
            let bytes = in_time(request.extract::<web::Bytes>()).await?;
            let bytes = bytes.map_err(|_| ClientError::new(ErrorKind::PayloadTooLarge, "The form is too large."))?;
            form = form_urlencoded::parse(&bytes).into_owned().collect();
        }
        if access == Access::Admin && role == Some(Role::Viewer) {
            log("a viewer sent it");
        }
    }
    let given = form.iter().find(|(name, _)| name == FORM_TOKEN).map_or("", |(_, token)| token.as_str());
    let is_ours = bool::from(given.as_bytes().ct_eq(form_token.as_bytes()));
    let has_token = !given.is_empty();
    let found = Found {
        session,
        form_token,
        browser,
        path: request.path().to_owned(),
        origin: client::origin(request.request(), &state.config),
        cookies: scope,
        theme: Theme::parse(theme.as_deref().unwrap_or_default()),
        half_way: half_way.unwrap_or_default(),
        advertiser: advertiser.unwrap_or_default(),
        flash: flash.unwrap_or_default(),
        query: form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect(),
        form,
        state,
    };
    let context = RequestContext::new(found);
    let needs_session = matches!(access, Access::Viewer | Access::Admin);
    // The session is checked before the form's token: a person who was logged out in the meantime logs in and keeps what they
    // typed.
    match role {
        None if needs_session && is_change => return resume::ended(&context).await.map(Some),
        None if needs_session => return Ok(Some(to_log_in(request.request()))),
        _ => {}
    }
    if is_change && !is_ours {
        let (address, reason) = (context.browser().address, "its token is missing or not of this session");
        tracing::warn!(%address, reason, "a form was refused");
        if needs_session && has_token {
            return resume::other_session(&context).await.map(Some);
        }
        let message = "This form is too old, or came from another site, so nothing was saved. Load the page again and send it once more.";
        return Err(ClientError::new(ErrorKind::Forbidden, message));
    }
    if access == Access::Admin && role == Some(Role::Viewer) {
        let message = "You are logged in as a viewer (viewers can look but not edit), so nothing was changed.";
        return Err(ClientError::new(ErrorKind::Forbidden, message));
    }
    request.extensions_mut().insert(context);
    Ok(None)
}

/// Cookies of this answer: the code of the action, for the page it redirects to, and the chosen advertiser.
fn remembered(request: &HttpRequest, answered: &HttpResponse) -> Vec<actix_web::cookie::Cookie<'static>> {
    let extensions = request.extensions();
    let Some(context) = extensions.get::<RequestContext>() else { return Vec::new() };
    let mut cookies = Vec::new();
    if *request.method() == Method::POST {
        let to = answered.headers().get(header::LOCATION).and_then(|to| to.to_str().ok()).unwrap_or_default();
        let query = to.split_once('?').map_or("", |(_, query)| query);
        if let Some((_, done)) = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "done") {
            cookies.push(context.cookie(cookies::DONE, done.into_owned(), Duration::minutes(5)));
        }
    } else if !context.just_done().is_empty() {
        cookies.push(context.cookie(cookies::DONE, String::new(), Duration::ZERO));
    }
    let chosen = context.query("advertiser");
    if context.newly_chosen(chosen) && answered.status().is_success() {
        cookies.push(context.cookie(cookies::ADVERTISER, chosen.to_owned(), Duration::days(365)));
    }
    cookies
}

/// The session of this cookie. Its last use is noted from time to time.
async fn find_session(state: &AppState, cookie: &str, address: IpAddr) -> Result<Option<SessionRow>, ClientError> {
    let (store, cookie) = (state.store.clone(), cookie.to_owned());
    let found = telemetry::blocking(move || sessions::find(&store, &cookie, Utc::now())).await?;
    let Some((session, is_due)) = found else {
        telemetry::of_strangers(|unsaid| {
            tracing::info!(%address, unsaid, "a session that is not known or has ended was shown");
        });
        return Ok(None);
    };
    if is_due {
        state.access_log.session_used(session.id_sha256.clone(), Utc::now());
    }
    Ok(Some(session))
}

async fn in_time<T>(reading: impl Future<Output = T>) -> Result<T, ClientError> {
    let slow = |_| ClientError::new(ErrorKind::ValidationError, "The form came too slowly.");
    tokio::time::timeout(FORM_TIME, reading).await.map_err(slow)
}

/// The form token, if it is the first field.
async fn first_token(parts: &mut Parts) -> Result<Option<(String, String)>, ClientError> {
    let is_first = parts.next().await?.is_some_and(|part| part.name == FORM_TOKEN);
    Ok(if is_first { Some((FORM_TOKEN.to_owned(), parts.text().await?)) } else { None })
}

/// Redirects to the log-in page, which returns to the page that was wanted.
fn to_log_in(request: &HttpRequest) -> HttpResponse {
    let wanted = request.uri().path_and_query().map_or("/admin/", |wanted| wanted.as_str());
    let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("next", wanted).finish();
    let to = if wanted == "/admin/" { "/admin/login".to_owned() } else { format!("/admin/login?{query}") };
    HttpResponse::SeeOther().insert_header((header::LOCATION, to)).finish()
}

/// Refuses a form that the browser says another site sent. Browsers always send one of the two headers with a form.
fn came_from_here(request: &HttpRequest, state: &AppState) -> Result<(), ClientError> {
    let text = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let site = text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    let here = client::origin(request, &state.config);
    let hosts = [here.split_once("://").map_or("", |(_, rest)| rest), text("host").unwrap_or_default()];
    let origin = text("origin");
    let known = origin.is_none_or(|origin| hosts.iter().any(|host| is_host_of(host, origin)));
    if site && known {
        return Ok(());
    }
    let message = match origin {
        Some(origin) if site || !known => format!(
            "The form was sent from {}, but this server knows itself as {here}, so nothing was changed. If that is this \
             server too, start it with --public-url {}; or have the proxy send X-Forwarded-Host and X-Forwarded-Proto, and \
             name it with --trusted-proxy.",
            Invalid::echo(origin),
            if origin.starts_with("http") { origin } else { "URL" },
        ),
        _ => "The form was sent from another site, so nothing was changed.".to_owned(),
    };
    Err(ClientError::new(ErrorKind::Forbidden, message))
}

/// Whether the origin belongs to the host, which may be written with a path, or with its scheme's default port.
fn is_host_of(host: &str, origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let usual = if scheme == "https" { ":443" } else { ":80" };
    let bare = |text: &str| {
        let host = text.split('/').next().unwrap_or_default();
        host.strip_suffix(usual).unwrap_or(host).to_ascii_lowercase()
    };
    !host.is_empty() && bare(host) == bare(authority)
}
