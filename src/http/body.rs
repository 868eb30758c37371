//! The body of a long report: made some 64 KiB at a time, by the thread that sends it, when the connection has room for more.
//!
//! A slow client slows the reading. One that leaves ends it, and one that takes nothing for a minute, or takes the whole too
//! slowly, is given up: it holds one of a few reading connections and pins a snapshot of the database's log. A body that was
//! not made to its end fails, so that the server aborts the connection and a cut report can't be taken for a whole one.

use std::cell::RefCell;
use std::io;
use std::mem;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::rt;
use bytes::Bytes;
use futures_util::Stream;

use super::poll::PollRecorder;
use crate::service::ServiceResult;
use crate::service::report::Report;

/// Chunks that are made before others have their turn.
const CHUNKS_A_TURN: u32 = 16;
/// How long a client may take nothing. A slow one with large socket buffers looks like that for half a minute at a time.
const PATIENCE: Duration = Duration::from_mins(1);
/// How slowly a client may take a report on the whole, in bytes a second.
const SLOWEST: u64 = 32 * 1024;
/// Chunks from this size on are used again when they were sent.
const WORTH_REUSING: usize = 32 * 1024;

/// The body of a long report.
pub(super) struct ReportBody {
    rest: Rc<RefCell<BodyState>>,
    /// What was handed out last; when the next is asked for, it was copied to where it goes.
    sent: Option<Bytes>,
    chunks_this_turn: u32,
    watch: rt::task::JoinHandle<()>,
}

/// What is still to come.
enum BodyState {
    /// Rows, and what follows.
    Rows(Box<Making>),
    /// What closes the envelope, until it was handed out; then the end, at which the poll is recorded.
    Closing(Option<Bytes>, Option<Box<PollRecorder>>),
    /// Nothing, and that is no end.
    Cut,
}

/// A report in the making.
struct Making {
    report: Report,
    /// Chunks that were made before.
    begun: std::vec::IntoIter<Bytes>,
    closing: Option<Bytes>,
    poll: PollRecorder,
    pace: Pace,
}

/// How the client takes it.
struct Pace {
    since: Instant,
    last: Instant,
    bytes: u64,
}

impl ReportBody {
    /// The rest of a report whose beginning was made already, and what closes the envelope around it. The poll is recorded
    /// when the connection took the last of it and asks for more, or when that is not to be expected any more.
    pub(super) fn new(report: Report, begun: Vec<Bytes>, closing: Option<Bytes>, poll: PollRecorder) -> Self {
        let now = Instant::now();
        let pace = Pace { since: now, last: now, bytes: 0 };
        let making = Making { report, begun: begun.into_iter(), closing, poll, pace };
        let rest = Rc::new(RefCell::new(BodyState::Rows(Box::new(making))));
        let watch = rt::spawn(watch(Rc::clone(&rest)));
        Self { rest, sent: None, chunks_this_turn: 0, watch }
    }
}

/// The body of a short report, all of which was made. The poll is recorded when the connection took it and asks for more.
pub(super) struct WholeBody {
    chunks: std::vec::IntoIter<Bytes>,
    poll: Option<PollRecorder>,
}

impl WholeBody {
    pub(super) fn new(chunks: Vec<Bytes>, poll: PollRecorder) -> Self {
        // Nobody takes the body of a HEAD.
        let poll = if poll.wants_body() {
            Some(poll)
        } else {
            poll.finish(StatusCode::OK);
            None
        };
        Self { chunks: chunks.into_iter(), poll }
    }
}

impl Stream for WholeBody {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.chunks.next();
        if next.is_none()
            && let Some(poll) = self.poll.take()
        {
            poll.finish(StatusCode::OK);
        }
        Poll::Ready(next.map(Ok))
    }
}

impl Drop for WholeBody {
    fn drop(&mut self) {
        if let Some(poll) = self.poll.take() {
            poll.cut(StatusCode::OK);
        }
    }
}

impl Stream for ReportBody {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.chunks_this_turn == CHUNKS_A_TURN {
            self.chunks_this_turn = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.chunks_this_turn += 1;
        let sent = self.sent.take();
        let next = self.rest.borrow_mut().next(sent);
        self.sent = next.as_ref().and_then(|next| next.as_ref().ok()).cloned();
        Poll::Ready(next)
    }
}

impl Drop for ReportBody {
    fn drop(&mut self) {
        self.watch.abort();
        self.rest.borrow_mut().give_up("the client left");
    }
}

/// Gives the report up once its client takes it too slowly. The body can't see that itself: a connection that stands still
/// does not ask it for more.
async fn watch(rest: Rc<RefCell<BodyState>>) {
    loop {
        let latest = match &*rest.borrow() {
            BodyState::Rows(making) => making.pace.latest(),
            BodyState::Closing(..) | BodyState::Cut => return,
        };
        if latest <= Instant::now() {
            return rest.borrow_mut().give_up("the client took the report too slowly");
        }
        rt::time::sleep_until(latest.into()).await;
    }
}

impl BodyState {
    /// The next bytes, perhaps in the memory of those that were sent.
    fn next(&mut self, sent: Option<Bytes>) -> Option<io::Result<Bytes>> {
        if let Self::Rows(making) = self {
            match making.next(sent) {
                Ok(chunk) => {
                    if making.is_over() {
                        self.close();
                    }
                    if let Some(chunk) = chunk {
                        return Some(Ok(chunk));
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "a report was cut off");
                    self.cut();
                }
            }
        }
        match self {
            Self::Closing(bytes, poll) => {
                let closing = bytes.take();
                if closing.is_none()
                    && let Some(poll) = poll.take()
                {
                    poll.finish(StatusCode::OK);
                }
                closing.map(Ok)
            }
            Self::Rows(_) | Self::Cut => Some(Err(io::Error::other("the report was cut off"))),
        }
    }

    /// Ends with all rows handed out. The reading connection is free for others while the client takes the last of them.
    fn close(&mut self) {
        if let Self::Rows(making) = mem::replace(self, Self::Cut) {
            let Making { report, closing, poll, pace, .. } = *making;
            let bytes = pace.bytes + closing.as_ref().map_or(0, |bytes| bytes.len() as u64);
            *self = Self::Closing(closing, Some(Box::new(poll.with_report(&report, bytes))));
        }
    }

    fn give_up(&mut self, reason: &str) {
        if matches!(self, Self::Rows(_) | Self::Closing(_, Some(_))) {
            tracing::info!(reason, "a report was given up");
            self.cut();
        }
    }

    fn cut(&mut self) {
        let poll = match mem::replace(self, Self::Cut) {
            Self::Rows(making) => Some(making.poll),
            Self::Closing(_, poll) => poll.map(|poll| *poll),
            Self::Cut => None,
        };
        if let Some(poll) = poll {
            poll.cut(StatusCode::OK);
        }
    }
}

impl Making {
    fn next(&mut self, sent: Option<Bytes>) -> ServiceResult<Option<Bytes>> {
        let chunk = if let Some(chunk) = self.begun.next() {
            Some(chunk)
        } else {
            if let Some(memory) = sent.filter(|sent| sent.len() >= WORTH_REUSING && sent.is_unique()) {
                self.report.reuse(memory.into());
            }
            self.report.next_bytes()?
        };
        if let Some(chunk) = &chunk {
            self.pace.takes(chunk.len() as u64);
        }
        Ok(chunk)
    }

    fn is_over(&self) -> bool {
        self.begun.as_slice().is_empty() && self.report.is_over()
    }
}

impl Pace {
    fn takes(&mut self, bytes: u64) {
        self.last = Instant::now();
        self.bytes += bytes;
    }

    /// When the next bytes must be asked for.
    fn latest(&self) -> Instant {
        self.last.min(self.since + Duration::from_secs(self.bytes / SLOWEST)) + PATIENCE
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_web::rt::System;
    use futures_util::StreamExt as _;

    use super::*;
    use crate::domain::{Day, RawReport, ReportFormat, ReportKind, ReportQuery};
    use crate::service::demo;
    use crate::service::polls::PollLog;
    use crate::service::report::{ReportRequest, Reports};
    use crate::store::{PollFilter, Store};

    /// A long report of the sample, handed to `take`; whether the history has it as complete.
    fn recorded(take: impl AsyncFnOnce(ReportBody)) -> bool {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        demo::fill(&store, Day::parse("date", "2025-03-31").unwrap()).unwrap();
        let (kind, format) = (ReportKind::Singular, ReportFormat::Json);
        let days = ["2025-01-01", "2025-03-31"].map(|day| Some(day.to_owned()));
        let [date_from, date_to] = days;
        let advertiser = store.read(|txn| txn.advertiser_get(demo::ADVERTISER)).unwrap();
        let query = ReportQuery::new(advertiser.id, &RawReport { date_from, date_to, offer_id: None }).unwrap();
        let report = Reports::new(0).open(ReportRequest { kind, format, query }, store.snapshot().unwrap()).unwrap();
        let log = Arc::new(PollLog::start(store.clone()).unwrap());
        let poll = PollRecorder::begin(&log, kind, format, String::new(), String::new());
        let closing = Some(Bytes::from_static(b"}}"));
        System::new().block_on(async { take(ReportBody::new(report, Vec::new(), closing, poll)).await });
        log.stop();
        let polls = store.read(|txn| txn.poll_list(&PollFilter { limit: 9, ..PollFilter::default() })).unwrap();
        assert_eq!(polls.len(), 1, "each poll is recorded once");
        polls[0].complete
    }

    #[test]
    fn a_report_is_recorded_once_its_last_bytes_were_taken() {
        let is_complete = recorded(async |mut body| {
            let mut bytes = Vec::new();
            while let Some(chunk) = body.next().await {
                bytes.extend_from_slice(&chunk.unwrap());
            }
            assert!(bytes.len() > 3 * 64 * 1024 && bytes.ends_with(b"}]}}"), "{} bytes", bytes.len());
        });
        assert!(is_complete);
    }

    #[test]
    fn a_client_that_leaves_is_recorded_as_having_less() {
        let is_complete = recorded(async |mut body| assert!(body.next().await.unwrap().is_ok()));
        assert!(!is_complete);
    }

    #[test]
    fn a_report_that_was_given_up_fails_and_frees_what_it_held() {
        let is_complete = recorded(async |mut body| {
            assert!(body.next().await.unwrap().is_ok());
            body.rest.borrow_mut().give_up("too slow");
            assert!(matches!(*body.rest.borrow(), BodyState::Cut));
            assert!(body.next().await.unwrap().is_err());
        });
        assert!(!is_complete);
    }

    #[test]
    fn a_client_may_stand_still_for_a_minute_and_be_slow_but_not_too_slow() {
        let since = Instant::now();
        let after = |seconds| since + Duration::from_secs(seconds);
        let latest = |last, bytes| Pace { since, last: after(last), bytes }.latest();
        assert_eq!(latest(0, 0), after(60));
        assert_eq!(latest(100, 1 << 30), after(160), "a quick one");
        assert_eq!(latest(1000, 1000 * SLOWEST), after(1060), "one that is just quick enough");
        assert_eq!(latest(1000, 500 * SLOWEST), after(560), "one that drips");
    }
}
