//! The guard of the API's routes: which token a request has, and whether it may use the route (contract §1 and §2).
//!
//! A request that passes gets an [`ApiClient`]; any other never reaches its handler. Requests for a report are recorded in
//! the poll history: here if they are refused, else by their handler.

use std::future::{Ready, ready};
use std::net::IpAddr;
use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage as _, HttpRequest, ResponseError as _, web};
use chrono::Utc;

use super::access::{Access, from_guard};
use super::client;
use super::error::{ClientError, ErrorKind};
use super::poll::PollRecorder;
use super::state::AppState;
use crate::domain::{PlainToken, ReportFormat, ReportKind, TokenScope};
use crate::service::access::tokens::{self, Presented};
use crate::service::status::TokenState;
use crate::store::{Lane, Snapshot, Store, StoreResult, TokenRow};
use crate::telemetry;

/// The same message for every invalid token, so that nobody learns why it is invalid.
const REFUSED: &str = "A valid API token is needed: \"Authorization: ApiToken plt_…\".";

/// A program whose token may use the route.
pub struct ApiClient {
    pub token: Arc<TokenRow>,
    /// The snapshot in which the token was found. It occupies one of the few reading connections.
    pub snapshot: Snapshot,
}

impl FromRequest for ApiClient {
    type Error = ClientError;
    type Future = Ready<Result<Self, ClientError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(from_guard(request))
    }
}

/// Passes the request on to its handler if it is allowed. `report` is the report of the route, if it has one.
pub async fn pass(
    access: Access,
    report: Option<(ReportKind, ReportFormat)>,
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let scope = match access {
        Access::ReportToken => TokenScope::Report,
        Access::IngestToken => TokenScope::Ingest,
        Access::Anyone | Access::Operator | Access::Viewer | Access::Admin => return next.call(request).await,
    };
    let Some(state) = request.app_data::<web::Data<AppState>>().cloned() else {
        return Ok(request.into_response(ClientError::internal(&"the API has no state").error_response()));
    };
    let mut poll = report.map(|(kind, format)| PollRecorder::new(&state, request.request(), kind, format));
    // A valid token is counted by itself: others at its address, as behind a proxy, can't use up its budget.
    let admitted = match recognise(&state, request.request()).await {
        Ok(client) => {
            poll = poll.map(|poll| poll.by(&client.token));
            let from = client::address(request.request(), &state.config.trusted_proxy);
            usable(&client.token, scope, from)
                .and_then(|()| within_sandbox(&client.token, report))
                .and_then(|()| state.limits.token(client.token.key))
                .map(|allowance| (client, allowance))
        }
        Err(error) if request.headers().contains_key(header::AUTHORIZATION) => {
            let address = client::address(request.request(), &state.config.trusted_proxy);
            Err(state.limits.address(address).err().unwrap_or(error))
        }
        Err(error) => Err(error),
    };
    match admitted {
        Ok((client, allowance)) => {
            request.extensions_mut().insert(client);
            if let Some(poll) = poll {
                request.extensions_mut().insert(poll);
            }
            let mut response = next.call(request).await?;
            if let Some(allowance) = allowance {
                allowance.tell(response.headers_mut());
            }
            Ok(response)
        }
        Err(error) => {
            let error = match poll {
                Some(poll) => poll.refused(error),
                None => error,
            };
            Ok(request.into_response(error.error_response()))
        }
    }
}

/// The request's token in any state, once its secret has been verified.
async fn recognise(state: &AppState, request: &HttpRequest) -> Result<ApiClient, ClientError> {
    let refused = || ClientError::unauthorized(REFUSED);
    let token = presented(request).ok_or_else(refused)?;
    let snapshot = snapshot(&state.store).await?;
    match state.tokens.look_up(&token, &snapshot)? {
        Presented::Right(token) => Ok(ApiClient { token, snapshot }),
        Presented::Unknown | Presented::Wrong => Err(refused()),
        Presented::Unproven(row) => {
            // Waiting for Argon2 must not occupy one of the few connections.
            drop(snapshot);
            let from = client::address(request, &state.config.trusted_proxy);
            // Boxed, since nearly no request comes here.
            if !Box::pin(state.tokens.prove(&token, &row, from)).await? {
                return Err(refused());
            }
            let snapshot = self::snapshot(&state.store).await?;
            let token = state.tokens.find(&snapshot, token.id())?.ok_or_else(refused)?;
            Ok(ApiClient { token, snapshot })
        }
    }
}

/// Fails if a token that was verified may no longer be used for its scope.
pub async fn ensure_usable(state: &AppState, token: &TokenRow, from: IpAddr) -> Result<(), ClientError> {
    let now = state.tokens.find(&snapshot(&state.store).await?, &token.id)?;
    let now = now.ok_or_else(|| ClientError::unauthorized(REFUSED))?;
    usable(&now, token.scope, from)
}

/// A snapshot of the database. If no connection is idle, another thread waits for one.
async fn snapshot(store: &Store) -> StoreResult<Snapshot> {
    if let Some(snapshot) = store.snapshot_now(Lane::Short)? {
        return Ok(snapshot);
    }
    let store = store.clone();
    Box::pin(telemetry::blocking(move || store.snapshot())).await
}

/// The token in the `Authorization` header: one header, scheme `ApiToken` or `Bearer` in any case.
#[must_use]
pub fn presented(request: &HttpRequest) -> Option<PlainToken> {
    let mut values = request.headers().get_all(header::AUTHORIZATION);
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.trim().split_once(' ')?;
    let known = scheme.eq_ignore_ascii_case("ApiToken") || scheme.eq_ignore_ascii_case("Bearer");
    known.then(|| PlainToken::parse(token.trim())).flatten()
}

/// A packet's sandbox token reads made-up days of the Singular report, and only that route can answer it.
fn within_sandbox(row: &TokenRow, report: Option<(ReportKind, ReportFormat)>) -> Result<(), ClientError> {
    if !row.is_sandbox || matches!(report, Some((ReportKind::Singular, _))) {
        return Ok(());
    }
    let message = "This is the sandbox token of a packet: it reads the Singular cost report, with made-up days, and nothing else.";
    Err(ClientError::new(ErrorKind::Forbidden, message))
}

fn usable(row: &TokenRow, scope: TokenScope, from: IpAddr) -> Result<(), ClientError> {
    let over = |what: &str, at: chrono::DateTime<Utc>| {
        let date = at.format("%Y-%m-%d %H:%M UTC");
        Err(ClientError::unauthorized(format!("This API token {what} on {date}.")))
    };
    let state = TokenState::of(row, Utc::now());
    match state {
        TokenState::Revoked(at) => return over("was revoked", at),
        TokenState::Expired(at) => return over("expired", at),
        TokenState::Disabled(_) | TokenState::Ending(_) | TokenState::Live(_) => {}
    }
    if !tokens::is_allowed_from(row, from) {
        let message =
            format!("This API token may not be used from {from}. Its advertiser's list of networks says from where.");
        return Err(ClientError::new(ErrorKind::Forbidden, message));
    }
    if row.scope != scope {
        let (has, needs) = (row.scope.as_str(), scope.as_str());
        return Err(ClientError::new(
            ErrorKind::Forbidden,
            format!("This API token has the scope \"{has}\"; this route needs \"{needs}\"."),
        ));
    }
    if state.is_live() {
        return Ok(());
    }
    Err(ClientError::new(ErrorKind::Forbidden, "The advertiser this API token belongs to is disabled."))
}
