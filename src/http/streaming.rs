//! A report on its way out: made on a blocking thread, sent as it is made, in bounded memory. What is known already or takes
//! less time than that thread's help would is made at once.
//!
//! Small reports are held until they are whole, and go out with their length. Longer ones go through a channel of a few
//! chunks, so a slow client slows the reader. The headers leave only after the first rows were read; when reading fails
//! later the connection is aborted, so that a cut report can't be taken for a whole one. A client that leaves stops the
//! reader, and one that takes nothing for a minute, or takes the whole too slowly, is given up: it holds one of a few
//! reading connections and pins a snapshot of the database's log.

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
use tokio::sync::oneshot;

use super::envelope::Envelope;
use super::error::ClientError;
use super::pieces::{self, Receiver, Sender};
use crate::domain::{ReportFormat, ReportKind, ReportQuery};
use crate::service::polls::PollLog;
use crate::service::report::{ReportEnd, ReportHead, ReportSink, Reports, Wanted};
use crate::service::{ServiceError, ServiceResult};
use crate::store::PollRow;
use crate::telemetry;

/// A report up to this size is held until it is whole.
const WHOLE: u64 = 256 * 1024;

const NOTHING_ENABLED: &str = "No offer of this advertiser has cost reporting enabled, so there is nothing to report. \
    Enable it in the catalogue or with: pitlane offer enable NAME --advertiser NAME";

/// A report that was asked for.
pub struct ReportRequest {
    /// Which report.
    pub kind: ReportKind,
    /// In which format.
    pub format: ReportFormat,
    /// Of what.
    pub query: ReportQuery,
    /// What the client has already.
    pub known: Option<IfNoneMatch>,
}

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
}

/// Answers a report. The poll is recorded when the report's making ends, which may be after this returns.
pub async fn answer(
    reports: Arc<Reports>,
    asked: ReportRequest,
    mut poll: PollDraft,
) -> Result<HttpResponse, ClientError> {
    let (kind, format) = (asked.kind, asked.format);
    let start = match make_now(&reports, &asked, &mut poll) {
        Some(Start::Whole(tag, chunks)) if length(&chunks) > WHOLE => {
            let (length, stream) = (length(&chunks), feed(chunks, poll));
            return Ok(headers(HttpResponse::Ok(), &tag, format, kind).body(SizedStream::new(length, stream)));
        }
        Some(start) => {
            poll.finish(start.status());
            start
        }
        None => {
            let (start, started) = oneshot::channel();
            telemetry::start_blocking(move || make(&reports, asked, poll, start));
            // The maker always sends a start; were it to panic, the channel closes.
            started.await.map_err(|_| ClientError::internal(&"the report's maker failed"))?
        }
    };
    Ok(match start {
        Start::Failed(error) => return Err(error),
        Start::Known(tag) => headers(HttpResponse::NotModified(), &tag, format, kind).finish(),
        Start::Whole(tag, chunks) => {
            let length = length(&chunks);
            let chunks = stream::iter(chunks.into_iter().map(Ok::<_, io::Error>));
            headers(HttpResponse::Ok(), &tag, format, kind).body(SizedStream::new(length, chunks))
        }
        Start::Stream(tag, chunks) => headers(HttpResponse::Ok(), &tag, format, kind).body(BodyStream::new(chunks)),
    })
}

fn length(chunks: &[Bytes]) -> u64 {
    chunks.iter().map(|chunk| chunk.len() as u64).sum()
}

/// Makes the report here and now, if that takes little time and no waiting.
fn make_now(reports: &Reports, asked: &ReportRequest, poll: &mut PollDraft) -> Option<Start> {
    let mut sink = HeldSink { asked, tag: String::new(), held: Vec::new() };
    let end = reports.make_now(asked.kind, asked.format, &asked.query, &mut sink)?;
    Some(match end {
        Ok(ReportEnd::NotModified) => Start::Known(sink.tag),
        Ok(ReportEnd::Complete(totals)) => {
            sink.held.extend(closing(asked));
            poll.row.bytes = length(&sink.held);
            (poll.row.rows, poll.row.cost) = (totals.rows, totals.cost);
            Start::Whole(sink.tag, sink.held)
        }
        Err(error) => {
            poll.row.complete = false;
            Start::Failed(error.into())
        }
    })
}

/// Sends chunks that are there already, under the same deadline as a report that is being made.
fn feed(mut chunks: Vec<Bytes>, mut poll: PollDraft) -> Receiver {
    let (sender, receiver) = pieces::channel();
    actix_web::rt::spawn(async move {
        let last = chunks.pop();
        let fed = async {
            for chunk in chunks {
                sender.send(chunk).await?;
            }
            ServiceResult::Ok(())
        };
        if let Err(error) = fed.await {
            tracing::info!(%error, "a report was given up");
            poll.row.complete = false;
            return poll.finish(StatusCode::OK);
        }
        // Recorded before the client can have all of the answer, so that a stop that follows the answer finds the record.
        poll.finish(StatusCode::OK);
        if let Some(last) = last
            && sender.send(last).await.is_ok()
        {
            // A client that leaves with everything in hand is no news.
            let _ = sender.end().await;
        }
    });
    receiver
}

fn headers(
    mut response: HttpResponseBuilder,
    tag: &str,
    format: ReportFormat,
    kind: ReportKind,
) -> HttpResponseBuilder {
    let name = kind.as_str();
    response
        .insert_header(header::ETag(EntityTag::new_weak(tag.to_owned())))
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .insert_header((header::VARY, "Authorization, Accept-Encoding"));
    match format {
        ReportFormat::Json => response.insert_header((header::CONTENT_TYPE, "application/json")),
        ReportFormat::Csv => response
            .insert_header((header::CONTENT_TYPE, "text/csv; charset=utf-8"))
            .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"cost-report-{name}.csv\""))),
    };
    response
}

/// How an answer begins.
enum Start {
    Failed(ClientError),
    Known(String),
    Whole(String, Vec<Bytes>),
    Stream(String, Receiver),
}

impl Start {
    fn status(&self) -> StatusCode {
        match self {
            Self::Failed(error) => error.status_code(),
            Self::Known(_) => StatusCode::NOT_MODIFIED,
            Self::Whole(..) | Self::Stream(..) => StatusCode::OK,
        }
    }
}

fn make(reports: &Reports, asked: ReportRequest, mut poll: PollDraft, start: oneshot::Sender<Start>) {
    let (kind, format, query) = (asked.kind, asked.format, asked.query);
    let mut sink =
        ClientSink { asked, tag: String::new(), sent: 0, held: Vec::new(), start: Some(start), stream: None };
    let made = reports.make(kind, format, &query, &mut sink).and_then(|end| sink.close(end).map(|()| end));
    poll.row.bytes = sink.sent;
    poll.row.complete = made.is_ok();
    let (status, start) = match made {
        Ok(ReportEnd::NotModified) => (StatusCode::NOT_MODIFIED, Some(Start::Known(std::mem::take(&mut sink.tag)))),
        Ok(ReportEnd::Complete(totals)) => {
            (poll.row.rows, poll.row.cost) = (totals.rows, totals.cost);
            (StatusCode::OK, Some(Start::Whole(std::mem::take(&mut sink.tag), std::mem::take(&mut sink.held))))
        }
        Err(error) => sink.fail(error),
    };
    let complete = poll.row.complete;
    // Recorded before the client can have all of the answer, so that a stop that follows the answer finds the record.
    poll.finish(status);
    sink.release(start, complete);
}

/// Hands a report to the client: held at first, streamed once it is long.
struct ClientSink {
    asked: ReportRequest,
    tag: String,
    sent: u64,
    held: Vec<Bytes>,
    /// There until the answer began.
    start: Option<oneshot::Sender<Start>>,
    /// There while the answer streams.
    stream: Option<Sender>,
}

impl ReportSink for ClientSink {
    fn begin(&mut self, head: &ReportHead) -> ServiceResult<Wanted> {
        self.tag.clone_from(&head.tag);
        if self.asked.knows(head) {
            return Ok(Wanted::Nothing);
        }
        opening(&self.asked, head).map_or(Ok(()), |bytes| self.chunk(bytes))?;
        Ok(Wanted::Rows)
    }

    fn chunk(&mut self, bytes: Bytes) -> ServiceResult<()> {
        self.sent += bytes.len() as u64;
        if let Some(stream) = &self.stream {
            return stream.send_blocking(bytes);
        }
        self.held.push(bytes);
        if self.sent <= WHOLE {
            return Ok(());
        }
        let (stream, chunks) = pieces::channel();
        self.start(|sink| Start::Stream(std::mem::take(&mut sink.tag), chunks));
        let held = std::mem::take(&mut self.held);
        let stream = self.stream.insert(stream);
        held.into_iter().try_for_each(|bytes| stream.send_blocking(bytes))
    }

    fn spare(&mut self) -> Option<Vec<u8>> {
        self.stream.as_ref()?.spare()
    }
}

impl ClientSink {
    /// Puts behind the rows what belongs there.
    fn close(&mut self, end: ReportEnd) -> ServiceResult<()> {
        match closing(&self.asked) {
            Some(bytes) if end != ReportEnd::NotModified => self.chunk(bytes),
            _ => Ok(()),
        }
    }

    /// The status for the history, and what the client can still be told.
    fn fail(&self, error: ServiceError) -> (StatusCode, Option<Start>) {
        if self.stream.is_none() {
            let refused = ClientError::from(error);
            return (refused.status_code(), Some(Start::Failed(refused)));
        }
        if matches!(error, ServiceError::Abandoned(_)) {
            tracing::info!(%error, "a report was given up");
        } else {
            tracing::error!(%error, "a report was cut off");
        }
        (StatusCode::OK, None)
    }

    /// Lets go of the answer: with its start where that was held, else with its end where it came to one.
    fn release(mut self, start: Option<Start>, complete: bool) {
        if let Some(stream) = self.stream.take() {
            // Dropping the stream without its end makes the server abort the connection.
            let _ = if complete { stream.end_blocking() } else { Ok(()) };
        } else if let Some(start) = start {
            self.start(|_| start);
        }
    }

    fn start(&mut self, how: impl FnOnce(&mut Self) -> Start) {
        if let Some(sender) = self.start.take() {
            // A client that left in the meantime needs no start; sending to it finds that out later.
            let _ = sender.send(how(self));
        }
    }
}

/// Holds a report that is made at once.
struct HeldSink<'a> {
    asked: &'a ReportRequest,
    tag: String,
    held: Vec<Bytes>,
}

impl ReportSink for HeldSink<'_> {
    fn begin(&mut self, head: &ReportHead) -> ServiceResult<Wanted> {
        self.tag.clone_from(&head.tag);
        if self.asked.knows(head) {
            return Ok(Wanted::Nothing);
        }
        self.held.extend(opening(self.asked, head));
        Ok(Wanted::Rows)
    }

    fn chunk(&mut self, bytes: Bytes) -> ServiceResult<()> {
        self.held.push(bytes);
        Ok(())
    }
}

impl ReportRequest {
    /// Whether the client has this report already.
    fn knows(&self, head: &ReportHead) -> bool {
        match &self.known {
            None => false,
            Some(IfNoneMatch::Any) => true,
            Some(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.tag() == head.tag),
        }
    }
}

/// The envelope up to where the report's own bytes go. CSV has none.
fn opening(asked: &ReportRequest, head: &ReportHead) -> Option<Bytes> {
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
fn closing(asked: &ReportRequest) -> Option<Bytes> {
    match (asked.format, asked.kind) {
        (ReportFormat::Csv, _) => None,
        (ReportFormat::Json, ReportKind::Singular) => Some(Bytes::from_static(b"}}")),
        (ReportFormat::Json, ReportKind::General) => Some(Bytes::from_static(b"}")),
    }
}
