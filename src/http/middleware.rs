//! Middleware around every route: security headers, the request log, the limit per address.

use std::time::Instant;

use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Version;
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::{DefaultHeaders, Next};
use actix_web::{Error, ResponseError as _, web};

use super::client;
use super::headers;
use super::place;
use super::state::AppState;

/// Bodies from this size on are compressed for clients that accept it.
const WORTH_COMPRESSING: u64 = 1024;
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");
const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// Headers of every answer.
#[must_use]
pub fn security_headers() -> DefaultHeaders {
    headers::SECURITY.into_iter().fold(DefaultHeaders::new(), |headers, header| headers.add(header))
}

/// Tells browsers that came by HTTPS to use only HTTPS for a year.
pub async fn strict_transport<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let state = request.app_data::<web::Data<AppState>>();
    let https = state.is_some_and(|state| client::is_https(request.request(), &state.config));
    let mut response = next.call(request).await?;
    if https {
        let value = HeaderValue::from_static("max-age=31536000");
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    Ok(response)
}

/// Counts and logs every request by its route, never by its path or query, which may hold secrets.
pub async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let since = Instant::now();
    let state = request.app_data::<web::Data<AppState>>().cloned();
    let method = request.method().clone();
    let response = next.call(request).await?;
    if let Some(state) = state {
        if let Some(seen) = state.proxies.note(response.request(), &state.config.trusted_proxy) {
            state.access_log.proxy_seen(seen);
        }
        let route = response.request().match_pattern().unwrap_or_else(|| "none".to_owned());
        let (status, took) = (response.status().as_u16(), since.elapsed());
        state.metrics.request(&route, status, took);
        tracing::debug!(%method, route, status, ?took, "answered");
    }
    Ok(response)
}

/// Keeps small answers from being compressed, which would cost more than it saves. Runs inside of `Compress`, which skips
/// answers that say they are encoded already; [`tidy_encoding`] removes that mark.
pub async fn mark_small(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    if matches!(response.response().body().size(), BodySize::Sized(length) if length < WORTH_COMPRESSING) {
        response.headers_mut().insert(header::CONTENT_ENCODING, IDENTITY);
    }
    Ok(response)
}

/// Runs outside of `Compress`: removes the mark of [`mark_small`], and the second `Vary` that compression adds to a report's
/// own.
///
/// A client that accepts none of the available encodings, not even the plain one, still gets the plain one (RFC 9110, section
/// 12.5.3). So does HTTP/1.0, which has no chunks.
pub async fn tidy_encoding<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let wants_gzip = request.headers().get_all(header::ACCEPT_ENCODING).any(|value| accepts_gzip(value.as_bytes()));
    if request.headers().contains_key(header::ACCEPT_ENCODING) {
        request.headers_mut().remove(header::ACCEPT_ENCODING);
        if wants_gzip && request.version() > Version::HTTP_10 {
            request.headers_mut().insert(header::ACCEPT_ENCODING, GZIP);
        }
    }
    let mut response = next.call(request).await?;
    if response.headers().get(header::CONTENT_ENCODING) == Some(&IDENTITY) {
        response.headers_mut().remove(header::CONTENT_ENCODING);
    }
    if let Some(first) = response.headers().get(header::VARY).cloned() {
        response.headers_mut().insert(header::VARY, first);
    }
    Ok(response)
}

/// Whether `Accept-Encoding` names gzip, under one of its names or by `*`, and doesn't refuse it.
fn accepts_gzip(codings: &[u8]) -> bool {
    let codings = codings.split(|byte| *byte == b',').filter_map(|coding| std::str::from_utf8(coding).ok());
    let weights = codings.map(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        (name, weight.is_none_or(|weight| weight.bytes().any(|digit| matches!(digit, b'1'..=b'9'))))
    });
    let weights: Vec<_> = weights.collect();
    let of = |wanted: &[&str]| weights.iter().find(|(name, _)| wanted.contains(&name.as_str())).map(|(_, is)| *is);
    of(&["gzip", "x-gzip"]).or_else(|| of(&["*"])).unwrap_or(false)
}

/// Refuses an address that asks too often. Requests with a token are left to the guard of the API's routes, which counts them
/// for the token or, if the token is wrong, for the address.
pub async fn limit_address<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let is_guarded = request.path().starts_with("/api/v1/") && request.headers().contains_key(header::AUTHORIZATION);
    let state = request.app_data::<web::Data<AppState>>().filter(|_| !is_guarded);
    let refused = state.and_then(|state| {
        let address = client::address(request.request(), &state.config.trusted_proxy);
        state.limits.address(address).err()
    });
    match refused {
        Some(error) => {
            let state = request.app_data::<web::Data<AppState>>().cloned();
            let is_page = request.path().starts_with("/admin");
            let response = match state.filter(|_| is_page) {
                Some(state) => place::with_path(&state.config, error.page()).await?,
                None => error.error_response(),
            };
            Ok(request.into_response(response).map_into_right_body())
        }
        None => next.call(request).await.map(ServiceResponse::map_into_left_body),
    }
}
