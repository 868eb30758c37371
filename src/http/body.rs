//! The body of a long report. The thread that sends it makes about 48 KiB at a time, whenever the connection can take more.
//!
//! Reading needs a turn and a database connection. A slow client doesn't keep them: if it takes nothing for a moment while
//! others wait, they are given back. The report continues later in another snapshot, if the remaining days are unchanged
//! there. A client that takes nothing for a minute, or is too slow over all, is disconnected. If a body can't be completed it
//! fails, so that the server aborts the connection and nobody takes a cut report for a whole one.

use std::cell::RefCell;
use std::io;
use std::mem;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::rt;
use bytes::Bytes;
use futures_util::Stream;

use super::poll::PollRecorder;
use super::reading::{Reading, Waiting};
use crate::service::report::{Continued, Report};
use crate::service::{ServiceError, ServiceResult};

/// How many chunks are made before the thread serves other connections.
const CHUNKS_AT_ONCE: u32 = 4;
/// How much is read in one turn while others wait.
const BYTES_A_TURN: u64 = 256 * 1024;
/// How long a client may take nothing before its turn is given back: the first if others wait, the second in any case.
const PAUSE: Duration = Duration::from_millis(50);
const LONG_PAUSE: Duration = Duration::from_secs(2);
/// How long a client may take nothing. With large socket buffers, a slow client can look idle for half a minute.
const PATIENCE: Duration = Duration::from_mins(1);
/// The slowest average speed of a client, in bytes a second.
const SLOWEST: u64 = 32 * 1024;
/// Chunks from this size on are reused after they were sent.
const WORTH_REUSING: usize = 32 * 1024;

/// The body of a long report.
pub(super) struct ReportBody {
    rest: Rc<RefCell<BodyState>>,
    /// The last chunk given to the connection. When the next one is asked for, its bytes have been copied and it can be
    /// reused.
    sent: Option<Bytes>,
    chunks_at_once: u32,
    watch: rt::task::JoinHandle<()>,
}

/// What is still to be sent.
enum BodyState {
    /// Rows, then the end of the envelope.
    Rows(Box<Making>),
    /// The end of the envelope, until it was given to the connection; then the end, where the poll is recorded.
    Closing(Option<Bytes>, Option<Box<PollRecorder>>),
    /// Nothing: the body was cut.
    Cut,
}

/// A report that is being made.
struct Making {
    report: Box<Report>,
    /// Chunks that were made before the headers were sent.
    begun: std::vec::IntoIter<Bytes>,
    closing: Option<Bytes>,
    poll: PollRecorder,
    pace: Pace,
    reading: Reading,
    /// The wait for a turn, and when it began.
    waiting: Option<(Instant, Waiting)>,
    /// How many bytes had been made when the turn began.
    turn_from: u64,
}

/// Whether a report can be read further.
enum ReadingOn {
    AsBefore,
    InANewTurn,
    /// The remaining days have changed.
    Impossible,
}

/// How fast the client reads.
struct Pace {
    since: Instant,
    last: Instant,
    bytes: u64,
}

impl ReportBody {
    /// The rest of a report whose beginning was made already, and the end of its envelope. The poll is recorded when the
    /// connection has taken the last chunk and asks for more, or when it no longer will.
    pub(super) fn new(
        report: Box<Report>,
        begun: Vec<Bytes>,
        closing: Option<Bytes>,
        poll: PollRecorder,
        reading: Reading,
    ) -> Self {
        let now = Instant::now();
        let pace = Pace { since: now, last: now, bytes: 0 };
        let has_turn = reading.turn.is_some();
        let begun = begun.into_iter();
        let making = Making { report, begun, closing, poll, pace, reading, waiting: None, turn_from: 0 };
        let rest = Rc::new(RefCell::new(BodyState::Rows(Box::new(making))));
        let watch = rt::spawn(watch(Rc::clone(&rest)));
        if has_turn {
            rt::spawn(release_when_idle(Rc::downgrade(&rest)));
        }
        Self { rest, sent: None, chunks_at_once: 0, watch }
    }
}

/// The body of a short report, made completely. The poll is recorded when the connection has taken it and asks for more.
pub(super) struct WholeBody {
    chunks: std::vec::IntoIter<Bytes>,
    poll: Option<PollRecorder>,
}

impl WholeBody {
    pub(super) fn new(chunks: Vec<Bytes>, poll: PollRecorder) -> Self {
        // Nobody reads the body of a HEAD request.
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
        // The end of the envelope goes out with the last rows.
        if self.chunks_at_once >= CHUNKS_AT_ONCE && !self.rest.borrow().is_closing() {
            self.chunks_at_once = 0;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.chunks_at_once += 1;
        let sent = self.sent.take();
        let got_turn = match self.rest.borrow_mut().poll_turn(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(got_turn) => got_turn,
        };
        if got_turn {
            rt::spawn(release_when_idle(Rc::downgrade(&self.rest)));
        }
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

/// Ends the report when its client is too slow. The body itself can't notice that: a stalled connection doesn't poll it.
async fn watch(rest: Rc<RefCell<BodyState>>) {
    loop {
        let latest = match &*rest.borrow() {
            BodyState::Rows(making) if making.waiting.is_some() => Instant::now() + PATIENCE,
            BodyState::Rows(making) => making.pace.latest(),
            BodyState::Closing(..) | BodyState::Cut => return,
        };
        if latest <= Instant::now() {
            return rest.borrow_mut().give_up("the client took the report too slowly");
        }
        rt::time::sleep_until(latest.into()).await;
    }
}

/// Gives the turn back if the client takes nothing for a while: sooner if others wait for it.
async fn release_when_idle(rest: Weak<RefCell<BodyState>>) {
    loop {
        rt::time::sleep(PAUSE).await;
        let Some(rest) = rest.upgrade() else { return };
        let BodyState::Rows(making) = &mut *rest.borrow_mut() else { return };
        if making.reading.turn.is_none() {
            return;
        }
        let idle = making.pace.last.elapsed();
        if idle >= LONG_PAUSE || (idle >= PAUSE && making.reading.turns.are_wanted()) {
            return making.release();
        }
    }
}

impl BodyState {
    fn is_closing(&self) -> bool {
        matches!(self, Self::Closing(..))
    }

    /// Ready when the next bytes can be made, or never will be. Returns whether a turn was taken.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let Self::Rows(making) = self else { return Poll::Ready(false) };
        let Poll::Ready(turned) = making.poll_turn(cx) else { return Poll::Pending };
        match turned {
            Ok(ReadingOn::AsBefore) => {}
            Ok(ReadingOn::InANewTurn) => return Poll::Ready(true),
            Ok(ReadingOn::Impossible) => {
                self.give_up("days that its slow client had still to take were restated meanwhile");
            }
            Err(error) => {
                tracing::error!(%error, "a report was cut off");
                self.cut();
            }
        }
        Poll::Ready(false)
    }

    /// The next bytes, in the memory of the chunk that was sent if possible.
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

    /// All rows have been sent: frees the reading connection while the client takes the last chunk.
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
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<ServiceResult<ReadingOn>> {
        if self.reading.turn.is_some()
            && self.pace.bytes - self.turn_from >= BYTES_A_TURN
            && self.reading.turns.are_wanted()
        {
            self.release();
        }
        if !self.begun.as_slice().is_empty() || !self.report.waits_for_snapshot() {
            return Poll::Ready(Ok(ReadingOn::AsBefore));
        }
        let reading = &self.reading;
        let (since, waiting) = self.waiting.get_or_insert_with(|| (Instant::now(), reading.wait()));
        let Poll::Ready(got) = waiting.as_mut().poll(cx) else { return Poll::Pending };
        self.pace.excuse(*since);
        self.waiting = None;
        Poll::Ready(got.map_err(ServiceError::from).and_then(|(turn, snapshot)| {
            Ok(match self.report.go_on(snapshot)? {
                Continued::Same => {
                    (self.reading.turn, self.turn_from) = (Some(turn), self.pace.bytes);
                    ReadingOn::InANewTurn
                }
                Continued::Changed => ReadingOn::Impossible,
            })
        }))
    }

    fn release(&mut self) {
        self.report.release();
        self.reading.turn = None;
    }

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

    /// Doesn't count the time since then against the client.
    fn excuse(&mut self, since: Instant) {
        self.last = Instant::now();
        self.since += self.last - since;
    }

    /// The latest time at which the next bytes must be asked for.
    fn latest(&self) -> Instant {
        self.last.min(self.since + Duration::from_secs(self.bytes / SLOWEST)) + PATIENCE
    }
}

#[cfg(test)]
mod tests;
