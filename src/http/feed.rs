//! A feed as an answer (contract §9). It is made whole before its first byte leaves, in memory or, if it is long, in a file
//! without a name: so its length is known, and a slow reader keeps no connection to the database.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};

use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use chrono::Utc;
use futures_util::{Stream, stream};
use tempfile::SpooledTempFile;

use super::poll::PollRecorder;
use super::state::AppState;
use crate::service::ServiceResult;
use crate::service::connect::feeds;
use crate::store::FeedRow;
use crate::telemetry;

/// Feeds up to this size stay in memory.
const IN_MEMORY: usize = 1024 * 1024;
const CHUNK: usize = 64 * 1024;

/// Answers with a feed. The poll is recorded when its last byte was handed out, or when the client left before.
pub async fn answer(state: &AppState, feed: FeedRow, poll: PollRecorder) -> HttpResponse {
    let store = state.store.clone();
    let name = feed.format.clone();
    let made = telemetry::blocking(move || {
        let mut file = SpooledTempFile::new_in(IN_MEMORY, store.path().with_file_name(""));
        let totals = store.read(|txn| feeds::write(txn, &feed, Utc::now(), &mut file))?;
        let length = file.stream_position().map_err(|error| into_internal(&error))?;
        file.rewind().map_err(|error| into_internal(&error))?;
        ServiceResult::Ok((file, totals, length))
    });
    match made.await {
        Ok((file, totals, length)) => {
            let poll = poll.with_feed(&totals, length);
            let left = Some(Handing { poll: Some(poll), length });
            let body = SizedStream::new(length, chunks(file, left));
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

/// Refuses a request for a feed that is known.
#[must_use]
pub fn refuse(poll: PollRecorder, status: StatusCode, message: &str) -> HttpResponse {
    poll.finish(status);
    refuse_unknown(status, message)
}

/// Refuses a request that no feed is known for.
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

/// Records the poll once all is handed out, or, dropped before, that it was cut.
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

/// The file piece by piece.
fn chunks(file: SpooledTempFile, handing: Option<Handing>) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold((Source::of(file), handing), |(source, handing)| async move {
        let mut handing = handing?;
        let (read, source) = source.next().await;
        match read {
            Ok(bytes) if bytes.is_empty() => None,
            Ok(bytes) => {
                handing.handed(bytes.len());
                Some((Ok(bytes), (source, Some(handing))))
            }
            Err(error) => Some((Err(error), (source, None))),
        }
    })
}

enum Source {
    Memory(Bytes),
    Disk(File),
}

impl Source {
    fn of(file: SpooledTempFile) -> Self {
        match file.into_inner() {
            tempfile::SpooledData::InMemory(cursor) => Self::Memory(cursor.into_inner().into()),
            tempfile::SpooledData::OnDisk(file) => Self::Disk(file),
        }
    }

    async fn next(self) -> (io::Result<Bytes>, Self) {
        match self {
            Self::Memory(bytes) => (Ok(bytes), Self::Memory(Bytes::new())),
            Self::Disk(mut file) => {
                let read = telemetry::blocking(move || {
                    let mut chunk = Vec::with_capacity(CHUNK);
                    let read = file.by_ref().take(CHUNK as u64).read_to_end(&mut chunk);
                    (read.map(|_| Bytes::from(chunk)), file)
                });
                let (read, file) = read.await;
                (read, Self::Disk(file))
            }
        }
    }
}
