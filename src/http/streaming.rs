//! A report on its way out: made some 64 KiB at a time, by the thread that sends it, as fast as the client takes it.
//!
//! Small reports are held until they are whole, and go out with their length. Longer ones go through a channel of a few
//! chunks, so a slow client slows the reading. The headers leave only after the first rows were read; when reading fails
//! later the connection is aborted, so that a cut report can't be taken for a whole one. A client that leaves ends the
//! reading, and one that takes nothing for a minute, or takes the whole too slowly, is given up: it holds one of a few
//! reading connections and pins a snapshot of the database's log. What may take longer than a chunk does (waiting for a
//! connection, reading all of an advertiser's names, adding up totals) is left to another thread.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use actix_web::body::{BodyStream, SizedStream};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, EntityTag, IfNoneMatch};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError as _};
use bytes::Bytes;
use chrono::{SecondsFormat, Utc};
use futures_util::stream;

use super::envelope::Envelope;
use super::error::ClientError;
use super::pieces::{self, Receiver, Sender};
use super::state::AppState;
use crate::domain::{ReportFormat, ReportKind};
use crate::service::polls::PollLog;
use crate::service::report::{Asked, Report, ReportHead};
use crate::service::{ServiceError, ServiceResult};
use crate::store::{PollRow, Snapshot};
use crate::telemetry;

/// A report up to this size is held until it is whole.
const WHOLE: u64 = 256 * 1024;

const NOTHING_ENABLED: &str = "No offer of this advertiser has cost reporting enabled, so there is nothing to report. \
    Enable it in the catalogue or with: pitlane offer enable NAME --advertiser NAME";

/// A poll on its way into the history.
pub struct PollDraft {
    /// What is known so far.
    pub row: PollRow,
    /// When the request came.
    pub since: Instant,
    /// Where it will be kept.
    pub log: Arc<PollLog>,
}

impl PollDraft {
    /// Records the poll with the status it got.
    pub fn finish(mut self, status: StatusCode) {
        self.row.status = status.as_u16();
        self.row.duration = self.since.elapsed();
        self.row.at = Utc::now();
        self.log.poll(self.row);
    }

    /// Records a poll that was answered with all of a report, in so many bytes.
    fn finish_report(mut self, report: &Report, bytes: u64) {
        let totals = report.totals();
        (self.row.rows, self.row.cost, self.row.bytes) = (totals.rows, totals.cost, bytes);
        self.finish(StatusCode::OK);
    }
}

/// Answers a report of what `snapshot` sees, or, without one, of what there is by then. The poll is recorded when the
/// report's making ends, which may be after this returns.
pub async fn answer(
    state: &AppState,
    asked: Asked,
    known: Option<IfNoneMatch>,
    snapshot: Option<Snapshot>,
    mut poll: PollDraft,
) -> Result<HttpResponse, ClientError> {
    let begun = begin(state, asked, known.as_ref(), snapshot).await;
    let begun = begun.map_err(ClientError::from);
    match begun {
        Err(refused) => {
            poll.row.complete = false;
            poll.finish(refused.status_code());
            Err(refused)
        }
        Ok(Begun::Known(tag)) => {
            poll.finish(StatusCode::NOT_MODIFIED);
            Ok(headers(HttpResponse::NotModified(), tag, asked).finish())
        }
        Ok(Begun::Whole(report, chunks)) => {
            let length = length(&chunks);
            poll.finish_report(&report, length);
            let chunks = stream::iter(chunks.into_iter().map(Ok::<_, io::Error>));
            let tag = report.head().tag.clone();
            Ok(headers(HttpResponse::Ok(), tag, asked).body(SizedStream::new(length, chunks)))
        }
        Ok(Begun::Long(report, chunks, length)) => {
            let mut response = headers(HttpResponse::Ok(), report.head().tag.clone(), asked);
            let stream = feed(report, chunks, closing(asked), poll);
            Ok(match length {
                Some(length) => response.body(SizedStream::new(length, stream)),
                None => response.body(BodyStream::new(stream)),
            })
        }
    }
}

/// What is known of an answer when its headers can go out.
enum Begun {
    /// The client has it already.
    Known(String),
    /// All of it.
    Whole(Report, Vec<Bytes>),
    /// Its beginning, and, if that can be told, its length.
    Long(Report, Vec<Bytes>, Option<u64>),
}

async fn begin(
    state: &AppState,
    asked: Asked,
    known: Option<&IfNoneMatch>,
    snapshot: Option<Snapshot>,
) -> ServiceResult<Begun> {
    let opened = match snapshot {
        Some(snapshot) => state.reports.open_now(asked, snapshot)?.map_err(Some),
        None => Err(None),
    };
    let mut report = match opened {
        Ok(report) => report,
        Err(snapshot) => {
            let (reports, store) = (Arc::clone(&state.reports), state.store.clone());
            let open = move || reports.open(asked, snapshot.map_or_else(|| store.snapshot(), Ok)?);
            telemetry::blocking(open).await?
        }
    };
    if is_known(known, report.head()) {
        return Ok(Begun::Known(report.head().tag.clone()));
    }
    let begin = move || {
        let (opening, closing) = (opening(asked, report.head()), closing(asked));
        let around = opening.iter().chain(&closing).map(|bytes| bytes.len() as u64).sum::<u64>();
        let whole = report.length().map(|length| around + length);
        let mut chunks = Vec::from_iter(opening);
        while length(&chunks) <= WHOLE {
            let Some(bytes) = report.next_bytes()? else {
                chunks.extend(closing);
                return Ok(Begun::Whole(report, chunks));
            };
            chunks.push(bytes);
        }
        Ok(Begun::Long(report, chunks, whole))
    };
    match asked.kind {
        ReportKind::Singular => begin(),
        ReportKind::General => telemetry::blocking(begin).await,
    }
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

/// Makes and sends the rest of a report whose beginning was made.
fn feed(mut report: Report, begun: Vec<Bytes>, closing: Option<Bytes>, mut poll: PollDraft) -> Receiver {
    let (sender, receiver) = pieces::channel();
    actix_web::rt::spawn(async move {
        let fed = send_rows(&mut report, begun, &sender).await;
        match fed {
            Err(error) => {
                poll.row.complete = false;
                if matches!(error, ServiceError::Abandoned(_)) {
                    tracing::info!(%error, "a report was given up");
                } else {
                    tracing::error!(%error, "a report was cut off");
                }
                // Dropping the sender without its end makes the server abort the connection.
                poll.finish(StatusCode::OK);
            }
            Ok(last) => {
                let last: Vec<_> = last.into_iter().chain(closing).collect();
                // Recorded before the client can have all of the answer, so that a stop that follows the answer finds the record.
                poll.finish_report(&report, sender.sent() + length(&last));
                // The connection is free for others while the client takes the rest.
                drop(report);
                for chunk in last {
                    if sender.send(chunk).await.is_err() {
                        return;
                    }
                }
                // A client that leaves with everything in hand is no news.
                let _ = sender.end().await;
            }
        }
    });
    receiver
}

/// Sends all rows but the last chunk of them, which is handed back.
async fn send_rows(report: &mut Report, begun: Vec<Bytes>, sender: &Sender) -> ServiceResult<Option<Bytes>> {
    let mut last = None;
    for chunk in begun {
        if let Some(before) = last.replace(chunk) {
            sender.send(before).await?;
        }
    }
    loop {
        if let Some(memory) = sender.spare() {
            report.reuse(memory);
        }
        let Some(chunk) = report.next_bytes()? else { return Ok(last) };
        if let Some(before) = last.replace(chunk) {
            sender.send(before).await?;
        }
    }
}

fn headers(mut response: HttpResponseBuilder, tag: String, asked: Asked) -> HttpResponseBuilder {
    response
        .insert_header(header::ETag(EntityTag::new_weak(tag)))
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .insert_header((header::VARY, "Authorization, Accept-Encoding"));
    match asked.format {
        ReportFormat::Json => response.insert_header((header::CONTENT_TYPE, "application/json")),
        ReportFormat::Csv => {
            let name = format!("attachment; filename=\"cost-report-{}.csv\"", asked.kind.as_str());
            response
                .insert_header((header::CONTENT_TYPE, "text/csv; charset=utf-8"))
                .insert_header((header::CONTENT_DISPOSITION, name))
        }
    };
    response
}

/// The envelope up to where the report's own bytes go. CSV has none.
fn opening(asked: Asked, head: &ReportHead) -> Option<Bytes> {
    if asked.format == ReportFormat::Csv {
        return None;
    }
    let unseen = asked.kind == ReportKind::Singular && !head.any_enabled;
    let messages = if unseen { vec![NOTHING_ENABLED.to_owned()] } else { Vec::new() };
    let mut text = serde_json::to_string(&Envelope::success(&messages, ())).unwrap_or_default();
    // The envelope ends with `"data":null}`; the report takes the place of the null.
    text.truncate(text.len().saturating_sub("null}".len()));
    if asked.kind == ReportKind::Singular {
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        text.extend(["{\"generatedAt\":\"", &now, "\",\"items\":"]);
    }
    Some(text.into())
}

/// The rest of the envelope.
fn closing(asked: Asked) -> Option<Bytes> {
    match (asked.format, asked.kind) {
        (ReportFormat::Csv, _) => None,
        (ReportFormat::Json, ReportKind::Singular) => Some(Bytes::from_static(b"}}")),
        (ReportFormat::Json, ReportKind::General) => Some(Bytes::from_static(b"}")),
    }
}
