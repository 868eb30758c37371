//! Recognises the operator of the server, who may see figures that nobody else should (contract §6).

use actix_web::body::BoxBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{Error, HttpRequest, ResponseError as _, web};
use subtle::ConstantTimeEq as _;

use super::access::Access;
use super::error::ClientError;
use super::state::AppState;

/// Headers that a proxy adds.
const FORWARDING: [&str; 6] =
    ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

/// Whether the request comes from this machine without a proxy, or has the metrics token.
#[must_use]
pub fn is_operator(request: &HttpRequest) -> bool {
    let is_local = request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    if is_local && FORWARDING.iter().all(|name| !request.headers().contains_key(*name)) {
        return true;
    }
    let Some(token) = request.app_data::<web::Data<AppState>>().and_then(|state| state.metrics_token.as_ref()) else {
        return false;
    };
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '));
    given.is_some_and(|(scheme, given)| {
        scheme.eq_ignore_ascii_case("Bearer") && bool::from(given.trim().as_bytes().ct_eq(token.as_bytes()))
    })
}

/// Passes the request on to its handler if it is allowed.
pub async fn pass(
    access: Access,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if access == Access::Operator && !is_operator(request.request()) {
        let refused = ClientError::unauthorized_bearer(
            "This is for connections from the server's own machine, and for whoever brings the token of \
             --metrics-token-file: \"Authorization: Bearer …\".",
        );
        return Ok(request.into_response(refused.error_response()));
    }
    next.call(request).await
}
