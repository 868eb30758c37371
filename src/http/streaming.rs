//! A report on its way out: made on a blocking thread, sent as it is made, in bounded memory.
//!
//! Small reports are held until they are whole, and go out with their length. Longer ones go through a channel of a few
//! chunks, so a slow client slows the reader. The headers leave only after the first rows were read; when reading fails
//! later the connection is aborted, so that a cut report can't be taken for a whole one. A client that leaves stops the
//! reader, and one that takes nothing for a minute, or takes the whole too slowly, is given up: it holds one of a few
//! reading connections and pins a snapshot of the database's log.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::{BodyStream, SizedStream};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, EntityTag, IfNoneMatch};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError as _};
use bytes::Bytes;
use chrono::{SecondsFormat, Utc};
use futures_util::stream;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

use super::envelope::Envelope;
use super::error::ClientError;
use crate::domain::{ReportFormat, ReportKind, ReportQuery};
use crate::service::polls::PollLog;
use crate::service::report::{ReportEnd, ReportHead, ReportSink, Reports, Wanted};
use crate::service::{ServiceError, ServiceResult};
use crate::store::PollRow;
use crate::telemetry;

/// A report up to this size is held until it is whole.
const WHOLE: u64 = 512 * 1024;
/// Chunks of about 64 KiB that may wait for a client.
const WAITING: usize = 4;
/// How long a client may take nothing. A slow one with large socket buffers looks like that for half a minute at a time.
const PATIENCE: Duration = Duration::from_mins(1);
/// How slowly a client may take a report on the whole, in bytes a second.
const SLOWEST: u64 = 32 * 1024;

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
pub async fn answer(reports: Arc<Reports>, asked: ReportRequest, poll: PollDraft) -> Result<HttpResponse, ClientError> {
    let (kind, format) = (asked.kind, asked.format);
    let (start, started) = oneshot::channel();
    telemetry::start_blocking(move || make(&reports, asked, poll, start));
    // The maker always sends a start; were it to panic, the channel closes.
    let start = started.await.map_err(|_| ClientError::internal(&"the report's maker failed"))?;
    let name = kind.as_str();
    Ok(match start {
        Start::Failed(error) => return Err(error),
        Start::Known(tag) => headers(HttpResponse::NotModified(), &tag, format, name).finish(),
        Start::Whole(tag, chunks) => {
            let length = chunks.iter().map(|chunk| chunk.len() as u64).sum();
            let chunks = stream::iter(chunks.into_iter().map(Ok::<_, io::Error>));
            headers(HttpResponse::Ok(), &tag, format, name).body(SizedStream::new(length, chunks))
        }
        Start::Stream(tag, chunks) => {
            let chunks = stream::unfold(Some(chunks), async |chunks| {
                let mut chunks = chunks?;
                match chunks.recv().await {
                    Some(Piece::Chunk(bytes)) => Some((Ok(bytes), Some(chunks))),
                    Some(Piece::End) => None,
                    // The error makes the server close the connection without the end of the body.
                    None => Some((Err(io::Error::other("cut off")), None)),
                }
            });
            headers(HttpResponse::Ok(), &tag, format, name).body(BodyStream::new(Box::pin(chunks)))
        }
    })
}

fn headers(mut response: HttpResponseBuilder, tag: &str, format: ReportFormat, name: &str) -> HttpResponseBuilder {
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
    Stream(String, mpsc::Receiver<Piece>),
}

/// What a streamed answer is made of. One whose maker goes away without the `End`, for whatever reason, was cut off.
enum Piece {
    Chunk(Bytes),
    End,
}

fn make(reports: &Reports, asked: ReportRequest, mut poll: PollDraft, start: oneshot::Sender<Start>) {
    let (kind, format, query) = (asked.kind, asked.format, asked.query);
    let mut sink = ClientSink {
        asked,
        tag: String::new(),
        sent: 0,
        held: Vec::new(),
        start: Some(start),
        stream: None,
        since: Instant::now(),
    };
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
    stream: Option<mpsc::Sender<Piece>>,
    since: Instant,
}

impl ReportSink for ClientSink {
    fn begin(&mut self, head: &ReportHead) -> ServiceResult<Wanted> {
        self.tag.clone_from(&head.tag);
        let known = match &self.asked.known {
            None => false,
            Some(IfNoneMatch::Any) => true,
            Some(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.tag() == head.tag),
        };
        if known {
            return Ok(Wanted::Nothing);
        }
        if self.asked.format == ReportFormat::Json {
            self.chunk(opening(self.asked.kind, head).into())?;
        }
        Ok(Wanted::Rows)
    }

    fn chunk(&mut self, bytes: Bytes) -> ServiceResult<()> {
        self.sent += bytes.len() as u64;
        if self.stream.is_some() {
            return self.send(Piece::Chunk(bytes));
        }
        self.held.push(bytes);
        if self.sent <= WHOLE {
            return Ok(());
        }
        let (stream, chunks) = mpsc::channel(WAITING);
        self.stream = Some(stream);
        self.start(|sink| Start::Stream(std::mem::take(&mut sink.tag), chunks));
        std::mem::take(&mut self.held).into_iter().try_for_each(|bytes| self.send(Piece::Chunk(bytes)))
    }
}

impl ClientSink {
    /// Puts behind the rows what belongs there.
    fn close(&mut self, end: ReportEnd) -> ServiceResult<()> {
        match (end, self.asked.format, self.asked.kind) {
            (ReportEnd::NotModified, ..) | (_, ReportFormat::Csv, _) => Ok(()),
            (_, ReportFormat::Json, ReportKind::Singular) => self.chunk(Bytes::from_static(b"}}")),
            (_, ReportFormat::Json, ReportKind::General) => self.chunk(Bytes::from_static(b"}")),
        }
    }

    /// The status for the history, and what the client can still be told.
    fn fail(&mut self, error: ServiceError) -> (StatusCode, Option<Start>) {
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
        if self.stream.is_some() {
            // Dropping the stream without the end cuts the answer off; so does a client that left before it.
            let _ = if complete { self.send(Piece::End) } else { Ok(()) };
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

    fn send(&self, piece: Piece) -> ServiceResult<()> {
        let Some(stream) = &self.stream else { return Ok(()) };
        let latest = self.since + PATIENCE + Duration::from_secs(self.sent / SLOWEST);
        let patience = latest.saturating_duration_since(Instant::now()).min(PATIENCE);
        let sent = Handle::current().block_on(async { tokio::time::timeout(patience, stream.send(piece)).await });
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(ServiceError::Abandoned("the client left")),
            Err(_) => Err(ServiceError::Abandoned("the client took the report too slowly")),
        }
    }
}

/// The envelope up to where the report's own bytes go.
fn opening(kind: ReportKind, head: &ReportHead) -> String {
    let unseen = kind == ReportKind::Singular && !head.any_enabled;
    let messages = if unseen { vec![NOTHING_ENABLED.to_owned()] } else { Vec::new() };
    let mut text = serde_json::to_string(&Envelope::success(&messages, ())).unwrap_or_default();
    // The envelope ends with `"data":null}`; the report takes the place of the null.
    text.truncate(text.len().saturating_sub("null}".len()));
    if kind == ReportKind::Singular {
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        text.extend(["{\"generatedAt\":\"", &now, "\",\"items\":"]);
    }
    text
}
