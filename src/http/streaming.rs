//! Answers with a report: 304 if the client has it already, else its headers and the envelope around it.
//!
//! Small reports are held until they are complete, and sent with their length. Longer ones are made while they are sent
//! (`body.rs`); their headers are sent only after the first rows were read. Work that may take longer than a chunk (reading
//! all of an advertiser's names, adding up totals) runs on another thread.

use std::sync::{Arc, LazyLock};

use actix_web::body::{BodyStream, SizedStream};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, EntityTag, HeaderValue, IfNoneMatch};
use actix_web::web::Header;
use actix_web::{FromRequest as _, HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError as _};
use bytes::Bytes;
use chrono::{SecondsFormat, Utc};
use uuid::Uuid;

use super::body::{ReportBody, WholeBody};
use super::envelope::Envelope;
use super::error::ClientError;
use super::poll::PollRecorder;
use super::reading::Reading;
use super::state::AppState;
use super::turns::Claim;
use crate::domain::ReportKind;
use crate::service::ServiceResult;
use crate::service::report::{Opened, Report, ReportHead, ReportRequest, format};
use crate::store::{Lane, Snapshot, Version};
use crate::telemetry;

/// A report up to this size is held until it is complete.
const WHOLE: u64 = 256 * 1024;

const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("private, no-cache");
const VARY: HeaderValue = HeaderValue::from_static("Authorization, Accept-Encoding");

const NOTHING_ENABLED: &str = "No offer of this advertiser has cost reporting enabled, so there is nothing to report. \
    Enable it in the catalogue or with: pitlane offer enable NAME --advertiser NAME";

/// The entity tags that the client has, if its header is valid.
#[must_use]
pub fn known_tags(request: &HttpRequest) -> Option<IfNoneMatch> {
    let mut values = request.headers().get_all(header::IF_NONE_MATCH);
    // Most clients send back the one tag they were given, which needs no parsing.
    if let (Some(value), None) = (values.next(), values.next())
        && let Some(tag) = value.to_str().ok()?.strip_prefix("W/\"").and_then(|rest| rest.strip_suffix('"'))
        && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    {
        return Some(IfNoneMatch::Items(vec![EntityTag::new_weak(tag.to_owned())]));
    }
    Header::<IfNoneMatch>::extract(request).into_inner().ok().map(Header::into_inner)
}

/// Answers the holder of a token with the report of `snapshot`. The poll is recorded after this returns, when the connection
/// has taken the last chunk.
pub async fn answer(
    state: &AppState,
    asked: ReportRequest,
    known: Option<IfNoneMatch>,
    snapshot: Snapshot,
    claim: Claim,
    must_measure: bool,
    poll: PollRecorder,
) -> Result<HttpResponse, ClientError> {
    let begun = begin(state, asked, known.as_ref(), snapshot, claim, must_measure).await;
    let begun = begun.map_err(ClientError::from);
    match begun {
        Err(refused) => {
            poll.cut(refused.status_code());
            Err(refused)
        }
        Ok(Begun::Known(report)) => {
            // A tag says which report the client has; `*` doesn't.
            let poll = if matches!(known, Some(IfNoneMatch::Any)) { poll } else { poll.confirming(report.head()) };
            poll.finish(StatusCode::NOT_MODIFIED);
            Ok(headers(HttpResponse::NotModified(), &report.head().tag, asked).finish())
        }
        Ok(Begun::Whole(report, chunks)) => {
            let (length, mut response) = (length(&chunks), headers(HttpResponse::Ok(), &report.head().tag, asked));
            let chunks = WholeBody::new(chunks, poll.with_report(&report, length));
            Ok(response.body(SizedStream::new(length, chunks)))
        }
        Ok(Begun::Long(mut report, chunks, closing, length)) => {
            let mut response = headers(HttpResponse::Ok(), &report.head().tag, asked);
            // Without a turn, it waits for one between two chunks, like all others.
            let turn = state.turns.take_now(claim).filter(|_| report.move_to_long_lane(&state.store));
            if turn.is_none() {
                report.release();
            }
            let reading = Reading { store: state.store.clone(), turns: state.turns.clone(), claim, turn };
            let stream = ReportBody::new(report, chunks, closing, poll, reading);
            Ok(match length {
                Some(length) => response.body(SizedStream::new(length, stream)),
                None => response.body(BodyStream::new(stream)),
            })
        }
    }
}

/// Answers with a report that doesn't come from the database. It never counts as handed to Singular.
#[must_use]
pub fn answer_made_up(
    asked: ReportRequest,
    tag: String,
    rows: &[u8],
    known: Option<&IfNoneMatch>,
    poll: PollRecorder,
) -> HttpResponse {
    let head = ReportHead { tag, version: Version::default(), any_enabled: true };
    if is_known(known, &head) {
        poll.finish(StatusCode::NOT_MODIFIED);
        return headers(HttpResponse::NotModified(), &head.tag, asked).finish();
    }
    let (opening, closing) = envelope(asked, &head).unwrap_or_default();
    poll.finish(StatusCode::OK);
    headers(HttpResponse::Ok(), &head.tag, asked).body([&opening, rows, &closing].concat())
}

/// What is known about an answer when its headers can be sent.
enum Begun {
    /// The client has it already.
    Known(Box<Report>),
    Whole(Box<Report>, Vec<Bytes>),
    /// Its beginning, the end of the envelope, and its length if it is known.
    Long(Box<Report>, Vec<Bytes>, Option<Bytes>, Option<u64>),
}

/// Most polls need no more than this thread. What others need is boxed, so that those don't carry its state around.
async fn begin(
    state: &AppState,
    asked: ReportRequest,
    known: Option<&IfNoneMatch>,
    snapshot: Snapshot,
    claim: Claim,
    must_measure: bool,
) -> ServiceResult<Begun> {
    let report = match state.reports.open_now(asked, snapshot)? {
        Opened::Ready(report) => report,
        Opened::NeedsNames(snapshot) => {
            let reports = Arc::clone(&state.reports);
            Box::pin(telemetry::blocking(move || reports.open(asked, snapshot))).await?
        }
    };
    if is_known(known, report.head()) {
        return Ok(Begun::Known(report));
    }
    if report.is_made_at_once() {
        return Box::pin(added_up(state, asked, report, claim)).await;
    }
    match first_chunks(asked, report)? {
        Begun::Long(report, chunks, closing, None) if must_measure => {
            Box::pin(measured(state, claim, report, chunks, closing)).await
        }
        begun => Ok(begun),
    }
}

/// A report whose rows are added up first. That may take a while, so it waits for the holder's turn and uses the lane for
/// long work.
async fn added_up(
    state: &AppState,
    asked: ReportRequest,
    mut report: Box<Report>,
    claim: Claim,
) -> ServiceResult<Begun> {
    let (turn, reopened) = if let Some(turn) = state.turns.take_now(claim) {
        (turn, !report.move_to_long_lane(&state.store))
    } else {
        report.release();
        (state.turns.take(claim).await, true)
    };
    let (reports, store) = (Arc::clone(&state.reports), state.store.clone());
    telemetry::blocking(move || {
        let report = if reopened { reports.open(asked, store.snapshot_in(Lane::Long)?)? } else { report };
        let begun = first_chunks(asked, report);
        drop(turn);
        begun
    })
    .await
}

/// A long report with its length, for a client that couldn't notice otherwise that it was cut off.
async fn measured(
    state: &AppState,
    claim: Claim,
    mut report: Box<Report>,
    chunks: Vec<Bytes>,
    closing: Option<Bytes>,
) -> ServiceResult<Begun> {
    // The envelope, if there is one, begins in the first chunk.
    let opening = closing.as_ref().and(chunks.first()).map_or(0, Bytes::len);
    let around = (opening + closing.as_ref().map_or(0, Bytes::len)) as u64;
    let turn = if let Some(turn) = state.turns.take_now(claim) { turn } else { state.turns.take(claim).await };
    telemetry::blocking(move || {
        let length = around + report.measure()?;
        drop(turn);
        Ok(Begun::Long(report, chunks, closing, Some(length)))
    })
    .await
}

/// As much of the report as is held before the headers are sent.
fn first_chunks(asked: ReportRequest, mut report: Box<Report>) -> ServiceResult<Begun> {
    let (opening, closing) = envelope(asked, report.head()).unzip();
    let around = opening.iter().chain(&closing).map(|bytes| bytes.len() as u64).sum::<u64>();
    let mut whole = report.length()?;
    let mut chunks = Vec::from_iter(opening);
    while length(&chunks) <= WHOLE {
        let Some(bytes) = report.next_bytes()? else {
            chunks.extend(closing);
            return Ok(Begun::Whole(report, chunks));
        };
        chunks.push(bytes);
    }
    if report.is_made_at_once() {
        whole = report.length()?;
    }
    Ok(Begun::Long(report, chunks, closing, whole.map(|length| around + length)))
}

/// Whether the client has this report already.
fn is_known(known: Option<&IfNoneMatch>, head: &ReportHead) -> bool {
    match known {
        None => false,
        Some(IfNoneMatch::Any) => true,
        Some(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.tag() == head.tag),
    }
}

fn length(chunks: &[Bytes]) -> u64 {
    chunks.iter().map(|chunk| chunk.len() as u64).sum()
}

fn headers(mut response: HttpResponseBuilder, tag: &str, asked: ReportRequest) -> HttpResponseBuilder {
    let format = format(asked.format);
    response
        .insert_header((header::ETAG, ["W/\"", tag, "\""].concat()))
        .insert_header((header::CACHE_CONTROL, CACHE_CONTROL))
        .insert_header((header::VARY, VARY))
        .insert_header((header::CONTENT_TYPE, HeaderValue::from_static(format.content_type())));
    if !format.has_envelope() {
        let (kind, ending) = (asked.kind.as_str(), asked.format.as_str());
        let name = format!("attachment; filename=\"cost-report-{kind}.{ending}\"");
        response.insert_header((header::CONTENT_DISPOSITION, name));
    }
    response
}

/// The opening of an envelope without messages, before and after its response id. Only the id differs from answer to answer.
static AROUND_ID: LazyLock<(String, String)> = LazyLock::new(|| {
    let text = opening(&Envelope { response_id: Uuid::nil(), ..Envelope::success(&[], ()) });
    let (before, after) = text.split_once(&Uuid::nil().to_string()).unwrap_or_default();
    (before.to_owned(), after.to_owned())
});

/// The envelope up to its data, which the report replaces.
fn opening(envelope: &Envelope<'_, ()>) -> String {
    let mut text = serde_json::to_string(envelope).unwrap_or_default();
    text.truncate(text.len().saturating_sub("null}".len()));
    text
}

/// The envelope before and after the report, if the format has one.
fn envelope(asked: ReportRequest, head: &ReportHead) -> Option<(Bytes, Bytes)> {
    if !format(asked.format).has_envelope() {
        return None;
    }
    let is_dated = asked.kind == ReportKind::Singular;
    let mut text = if is_dated && !head.any_enabled {
        opening(&Envelope::success(&[NOTHING_ENABLED.to_owned()], ()))
    } else {
        let (before, after) = &*AROUND_ID;
        let mut id = Uuid::encode_buffer();
        [before, &*Uuid::new_v4().as_hyphenated().encode_lower(&mut id), after].concat()
    };
    if is_dated {
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        text.extend(["{\"generatedAt\":\"", &now, "\",\"items\":"]);
    }
    Some((text.into(), Bytes::from_static(if is_dated { b"}}" } else { b"}" })))
}
