//! Answers with a feed (contract §9). When it is the feed's turn, all of it is made before the first byte is sent.

use std::io;

use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use chrono::Utc;
use futures_util::TryStreamExt as _;

use super::poll::PollRecorder;
use super::spooled::Spooled;
use super::state::AppState;
use super::turns::Claim;
use crate::service::ServiceResult;
use crate::service::connect::feeds;
use crate::store::{FeedRow, Lane};
use crate::telemetry;

/// Answers with a feed. The poll is recorded when the last byte was sent, or when the client disconnected.
pub async fn answer(state: &AppState, feed: FeedRow, claim: Claim, poll: PollRecorder) -> HttpResponse {
    let store = state.store.clone();
    let name = feed.format.clone();
    let turn = state.turns.take(claim).await;
    let made = telemetry::blocking(move || {
        let mut file = Spooled::new(&store);
        let totals = store.read_in(Lane::Long, |txn| feeds::write(txn, &feed, Utc::now(), &mut file))?;
        drop(turn);
        let (length, chunks) = file.finish().map_err(|error| into_internal(&error))?;
        ServiceResult::Ok((totals, length, chunks))
    });
    match made.await {
        Ok((totals, length, chunks)) => {
            let mut left = Handing { poll: Some(poll.with_feed(&totals, length)), length };
            let body = SizedStream::new(length, Box::pin(chunks.inspect_ok(move |bytes| left.handed(bytes.len()))));
            let mut response = headers(StatusCode::OK);
            response.insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"cost-{name}.csv\"")));
            response.insert_header((header::CONTENT_TYPE, "text/csv; charset=utf-8")).body(body)
        }
        Err(error) => {
            tracing::error!(%error, "a feed could not be made");
            refuse(poll, StatusCode::SERVICE_UNAVAILABLE, "The feed could not be made just now. Ask again later.")
        }
    }
}

/// Refuses a request for a known feed.
#[must_use]
pub fn refuse(poll: PollRecorder, status: StatusCode, message: &str) -> HttpResponse {
    poll.finish(status);
    refuse_unknown(status, message)
}

/// Refuses a request for an unknown feed.
#[must_use]
pub fn refuse_unknown(status: StatusCode, message: &str) -> HttpResponse {
    let mut response = headers(status);
    response.insert_header((header::CONTENT_TYPE, "text/plain; charset=utf-8")).body(format!("{message}\n"))
}

fn headers(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response
        .insert_header((header::CACHE_CONTROL, "private, no-store"))
        .insert_header(("X-Robots-Tag", HeaderValue::from_static("noindex")));
    response
}

fn into_internal(error: &io::Error) -> crate::service::ServiceError {
    crate::service::ServiceError::Internal(format!("a feed could not be kept for sending: {error}"))
}

/// Records the poll when everything was sent; if dropped before, records that it was cut.
struct Handing {
    poll: Option<PollRecorder>,
    length: u64,
}

impl Handing {
    fn handed(&mut self, bytes: usize) {
        self.length = self.length.saturating_sub(bytes as u64);
    }
}

impl Drop for Handing {
    fn drop(&mut self) {
        match self.poll.take() {
            Some(poll) if self.length == 0 => poll.finish(StatusCode::OK),
            Some(poll) => poll.cut(StatusCode::OK),
            None => {}
        }
    }
}
