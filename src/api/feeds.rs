//! Feeds (contract §9): anybody with the link can read one.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::Utc;

use crate::http::turns::{Claim, Holder};
use crate::http::{AppState, ClientError, PollRecorder, client, feed};
use crate::service::connect::feeds;
use crate::telemetry;

/// The feed of this link. The secret isn't logged: the log names routes, not paths.
pub async fn answer(
    state: web::Data<AppState>,
    request: HttpRequest,
    secret: web::Path<String>,
) -> Result<HttpResponse, ClientError> {
    let store = state.store.clone();
    let found = telemetry::blocking(move || {
        store.read(|txn| {
            let Some(feed) = feeds::find(txn, &secret)? else { return Ok(None) };
            let disabled =
                txn.advertiser_list()?.into_iter().any(|row| row.key == feed.advertiser && row.disabled_at.is_some());
            crate::service::ServiceResult::Ok(Some((feed, disabled)))
        })
    });
    let Some((found, disabled)) = found.await? else {
        return Ok(feed::refuse_unknown(StatusCode::NOT_FOUND, "There is no such feed."));
    };
    let poll = PollRecorder::of_feed(&state, &request, found.key);
    if let Err(limited) = state.limits.feed(found.key) {
        return Err(poll.refused(limited));
    }
    let refusal = match (found.revoked_at, found.expires_at) {
        (Some(_), _) => Some((StatusCode::NOT_FOUND, "This feed was revoked.")),
        (None, Some(at)) if at <= Utc::now() => Some((StatusCode::NOT_FOUND, "This feed has expired.")),
        _ if disabled => Some((StatusCode::FORBIDDEN, "The advertiser of this feed is disabled.")),
        _ => None,
    };
    if let Some((status, message)) = refusal {
        return Ok(feed::refuse(poll, status, message));
    }
    let from = client::address(&request, &state.config.trusted_proxy);
    let claim = Claim::new(Holder::Feed(found.key), from);
    Ok(feed::answer(&state, found, claim, poll).await)
}
