//! Middleware around every route: the limit per address, security headers, the request log, compression.

use std::time::{Duration, Instant};

use actix_http::encoding::Encoder;
use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, ContentEncoding, HeaderMap};
use actix_web::http::{Method, Version};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse, ResponseError as _, web};

use super::client;
use super::error::ClientError;
use super::headers;
use super::place;
use super::state::AppState;

/// Bodies from this size on are compressed for clients that accept it.
const WORTH_COMPRESSING: u64 = 1024;

/// Refuses a request of an address that asks too often, carries out any other, adds the security headers, and logs it.
pub async fn every_request(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, Error> {
    let since = Instant::now();
    let Some(state) = request.app_data::<web::Data<AppState>>().cloned() else { return next.call(request).await };
    let method = request.method().clone();
    let https = client::is_https(request.request(), &state.config);
    let mut response = match over_limit(&state, &request) {
        Some(error) => {
            let refused = Box::pin(refusal(&state, &request, error)).await?;
            request.into_response(refused)
        }
        None => next.call(request).await?,
    };
    add_security_headers(response.headers_mut(), https);
    observe(&state, &method, &response, since.elapsed());
    Ok(response)
}

/// The refusal of an address that asks too often. Requests with a token are left to the guard of the API's routes, which
/// counts them for the token or, if the token is wrong, for the address.
fn over_limit(state: &AppState, request: &ServiceRequest) -> Option<ClientError> {
    if request.path().starts_with("/api/v1/") && request.headers().contains_key(header::AUTHORIZATION) {
        return None;
    }
    state.limits.address(client::address(request.request(), &state.config.trusted_proxy)).err()
}

async fn refusal(state: &AppState, request: &ServiceRequest, error: ClientError) -> Result<HttpResponse, Error> {
    if request.path().starts_with("/admin") {
        return place::with_path(&state.config, error.page()).await;
    }
    Ok(error.error_response())
}

/// Adds the headers of every answer, unless it has them already. Browsers that came by HTTPS are told to use only HTTPS for
/// a year.
fn add_security_headers(headers: &mut HeaderMap, https: bool) {
    for (name, value) in headers::SECURITY {
        if !headers.contains_key(&name) {
            headers.insert(name, value);
        }
    }
    if https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, headers::ONLY_HTTPS);
    }
}

/// Counts and logs a request by its route, never by its path or query, which may hold secrets.
fn observe(state: &AppState, method: &Method, response: &ServiceResponse, took: Duration) {
    if let Some(seen) = state.proxies.note(response.request(), &state.config.trusted_proxy) {
        state.access_log.proxy_seen(seen);
    }
    let route = response.request().match_pattern().unwrap_or_else(|| "none".to_owned());
    let status = response.status().as_u16();
    state.metrics.request(&route, status, took);
    tracing::debug!(%method, route, status, ?took, "answered");
}

/// Compresses answers that are worth it, for clients that accept gzip.
///
/// A client that accepts none of the available encodings, not even the plain one, still gets the plain one (RFC 9110, section
/// 12.5.3). So does HTTP/1.0, which has no chunks.
pub async fn compress<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<Encoder<B>, B>>, Error> {
    let mut encodings = request.headers().get_all(header::ACCEPT_ENCODING);
    let wants_gzip = encodings.any(|value| accepts_gzip(value.as_bytes())) && request.version() > Version::HTTP_10;
    let response = next.call(request).await?;
    let is_small = matches!(response.response().body().size(), BodySize::Sized(length) if length < WORTH_COMPRESSING);
    if !wants_gzip || is_small {
        return Ok(response.map_into_right_body());
    }
    Ok(response.map_body(|head, body| {
        let vary = head.headers().get(header::VARY).cloned();
        let body = EitherBody::left(Encoder::response(ContentEncoding::Gzip, head, body));
        // An answer's own says what the encoder adds.
        if let Some(vary) = vary {
            head.headers_mut().insert(header::VARY, vary);
        }
        body
    }))
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
