//! Whose request it is: the token in the `Authorization` header, as the database has it now (contract §1 and §2).

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::header;
use chrono::Utc;

use super::error::{ClientError, ErrorKind};
use super::state::AppState;
use crate::domain::{PlainToken, TokenScope};
use crate::service::access::tokens::Presented;
use crate::service::status::TokenState;
use crate::store::{Snapshot, TokenKey, TokenRow};

/// One message for all the ways of having no token, so that none of them can be told from another.
const REFUSED: &str = "A valid API token is needed: \"Authorization: ApiToken plt_…\".";

/// A refused request, with the token where one was recognised: the poll history tells whose it was.
pub struct AuthError {
    /// What the client is told.
    pub error: ClientError,
    /// The token, if its secret was right.
    pub token: Option<TokenKey>,
}

impl From<ClientError> for AuthError {
    fn from(error: ClientError) -> Self {
        Self { error, token: None }
    }
}

/// The token of the request, if it may be used for `scope` now. It is looked up in `snapshot`, where there is one; that is
/// given up where the secret has to wait for its check.
pub async fn authenticate(
    state: &AppState,
    request: &HttpRequest,
    scope: TokenScope,
    snapshot: &mut Option<Snapshot>,
) -> Result<Arc<TokenRow>, AuthError> {
    let row = recognise(state, request, snapshot).await?;
    let check = usable(&row, scope).and_then(|()| state.limits.token(row.key));
    match check {
        Ok(()) => Ok(row),
        Err(error) => Err(AuthError { error, token: Some(row.key) }),
    }
}

/// The token of the request, whatever its state, once its secret was seen to be right.
async fn recognise(
    state: &AppState,
    request: &HttpRequest,
    snapshot: &mut Option<Snapshot>,
) -> Result<Arc<TokenRow>, ClientError> {
    let refused = || ClientError::unauthorized(REFUSED);
    let token = presented(request).ok_or_else(refused)?;
    match state.tokens.look_up(&token, snapshot.as_ref()).await? {
        Presented::Right(row) => Ok(row),
        Presented::Unknown | Presented::Wrong => Err(refused()),
        Presented::Unproven(row) => {
            // Waiting in line for Argon2 must not keep one of a few connections. A revocation meanwhile counts as later.
            *snapshot = None;
            if state.tokens.prove(&token, &row).await? { Ok(row) } else { Err(refused()) }
        }
    }
}

/// The token in the header: one header, scheme `ApiToken` or `Bearer` in any case.
#[must_use]
pub fn presented(request: &HttpRequest) -> Option<PlainToken> {
    let mut values = request.headers().get_all(header::AUTHORIZATION);
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.trim().split_once(' ')?;
    let known = scheme.eq_ignore_ascii_case("ApiToken") || scheme.eq_ignore_ascii_case("Bearer");
    known.then(|| PlainToken::parse(token.trim())).flatten()
}

fn usable(row: &TokenRow, scope: TokenScope) -> Result<(), ClientError> {
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
