//! Writes the poll history in batches, off the request path.
//!
//! Recording never waits and never fails a request. A kill loses at most the last moment of history; a flood loses its own
//! history, but nothing of the ledger: answers are kept until they are written. For a kill, the database says up to which
//! version the ledger is complete (`store::handing_over`).

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::domain::ReportKind;
use crate::store::{PollRow, ServedAnswer, Store, StoreError, TokenKey, TokenUse, Version, WriteTxn};

/// The most entries in the queue; more are dropped.
const QUEUE: usize = 4096;
/// The shortest time between two batches. The first after a pause is written at once.
const GATHER: Duration = Duration::from_millis(200);
/// When a batch that could not be written is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// From this many answers on, those that later ones cover are removed.
const KEPT_ANSWERS: usize = 4096;
/// How often the queue is emptied. Blocking on the queue would wake the thread for every entry, which costs a busy server
/// more than writing them; at this rate the queue takes 80,000 entries a second.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long polls are kept.
const KEPT: TimeDelta = TimeDelta::days(400);
/// How often old polls are deleted.
const FORGET_EVERY: Duration = Duration::from_hours(12);
/// The most refused polls that are recorded per minute, separately for unknown clients and for those with a token, so that
/// neither a stranger nor the holder of a revoked token can fill the disk.
const REFUSED_A_MINUTE: NonZeroU32 = NonZeroU32::new(60).unwrap();

enum Event {
    /// Not boxed: memory that one thread allocates and another frees costs more than the copy.
    Poll(PollRow),
    Use(TokenUse),
    Stop,
}

/// Takes entries from requests and writes them on a thread of its own.
pub struct PollLog {
    queue: SyncSender<Event>,
    writer: Mutex<Option<JoinHandle<()>>>,
    served: Arc<Answers>,
    under_way: Arc<UnderWay>,
    store: Store,
    strangers: DefaultDirectRateLimiter,
    refused: DefaultDirectRateLimiter,
    dropped: AtomicU64,
}

/// Answers that were handed over and aren't in the ledger yet.
#[derive(Default)]
struct Answers(Mutex<Vec<ServedAnswer>>);

impl Answers {
    fn lock(&self) -> MutexGuard<'_, Vec<ServedAnswer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, poll: &PollRow, token: TokenKey, days: (i64, i64), version: Version) {
        let mut answers = self.lock();
        if let Some(last) = answers.last_mut()
            && (last.token, last.days) == (token, days)
            && (&last.address, &last.user_agent) == (&poll.address, &poll.user_agent)
        {
            (last.version, last.at) = (version, poll.at);
            return;
        }
        answers.push(ServedAnswer {
            token,
            days,
            version,
            at: poll.at,
            address: poll.address.clone(),
            user_agent: poll.user_agent.clone(),
        });
        if answers.len().is_multiple_of(KEPT_ANSWERS) {
            keep_latest(&mut answers);
        }
    }

    fn take(&self) -> Vec<ServedAnswer> {
        let mut answers = std::mem::take(&mut *self.lock());
        keep_latest(&mut answers);
        answers
    }

    /// Puts back answers that could not be written.
    fn give_back(&self, answers: Vec<ServedAnswer>) {
        self.lock().splice(0..0, answers);
    }
}

/// Removes answers to the same reader for the same days as a later one.
fn keep_latest(answers: &mut Vec<ServedAnswer>) {
    let mut seen = HashSet::new();
    answers.reverse();
    answers
        .retain(|answer| seen.insert((answer.token, answer.days, answer.address.clone(), answer.user_agent.clone())));
    answers.reverse();
}

/// Answers that are being sent.
#[derive(Default)]
struct UnderWay(Mutex<Pending>);

#[derive(Default)]
struct Pending {
    /// The latest version of the data.
    known: Version,
    /// How many were requested at which latest version, in order. Finished ones are removed from time to time.
    at: Vec<(Version, usize)>,
}

impl UnderWay {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the latest version, if it could be read, and returns the one up to which all answers are finished.
    fn complete_to(&self, latest: Result<Version, StoreError>) -> Version {
        let mut pending = self.lock();
        pending.known = latest.unwrap_or(pending.known);
        pending.at.retain(|(_, count)| *count > 0);
        pending.at.first().map_or(pending.known, |(version, _)| *version)
    }
}

/// An answer that is being sent, until it is dropped.
pub struct HandOver {
    under_way: Arc<UnderWay>,
    version: Version,
}

impl Drop for HandOver {
    fn drop(&mut self) {
        let mut pending = self.under_way.lock();
        if let Some((_, count)) = pending.at.iter_mut().rfind(|(version, _)| *version == self.version) {
            *count -= 1;
        }
    }
}

impl PollLog {
    pub fn start(store: Store) -> std::io::Result<Self> {
        let (queue, events) = sync_channel(QUEUE);
        let (served, under_way) = (Arc::new(Answers::default()), Arc::new(UnderWay::default()));
        log_failure(store.handing_over_begin());
        under_way.complete_to(store.read(|txn| txn.version_latest()));
        let writer =
            BatchWriter { store: store.clone(), served: Arc::clone(&served), under_way: Arc::clone(&under_way) };
        let writer =
            std::thread::Builder::new().name("poll-log".to_owned()).spawn(move || writer.write_batches(&events))?;
        Ok(Self {
            queue,
            served,
            under_way,
            store,
            writer: Mutex::new(Some(writer)),
            strangers: RateLimiter::direct(Quota::per_minute(REFUSED_A_MINUTE)),
            refused: RateLimiter::direct(Quota::per_minute(REFUSED_A_MINUTE)),
            dropped: AtomicU64::new(0),
        })
    }

    /// Starts sending an answer. Until it is recorded or dropped, the ledger counts as incomplete.
    #[must_use]
    pub fn hand_over(&self) -> HandOver {
        let mut asked = self.under_way.lock();
        let version = asked.known;
        match asked.at.last_mut() {
            Some((last, count)) if *last == version => *count += 1,
            _ => asked.at.push((version, 1)),
        }
        HandOver { under_way: Arc::clone(&self.under_way), version }
    }

    pub fn poll(&self, poll: PollRow) {
        self.served_by(&poll);
        let limit = if poll.token.is_none() && poll.feed.is_none() { &self.strangers } else { &self.refused };
        if poll.status >= 400 && limit.check().is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        } else {
            self.send(Event::Poll(poll));
        }
    }

    /// Keeps the answer to a poll for the ledger.
    fn served_by(&self, poll: &PollRow) {
        if let (Some(token), Some(days), Some(version)) = (poll.token, poll.days, poll.served)
            && poll.report == ReportKind::Singular
        {
            self.served.add(poll, token, days.stored(), version);
        }
    }

    /// Records a use of a token that is not a poll.
    pub fn token_use(&self, seen: TokenUse) {
        self.send(Event::Use(seen));
    }

    /// Entries that were dropped because there were too many at once.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Writes what is left and ends the thread. Later entries are dropped.
    pub fn stop(&self) {
        if let Some(writer) = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take()
            && self.queue.send(Event::Stop).is_ok()
        {
            if writer.join().is_err() {
                tracing::error!("the poll history's writer had failed");
            } else if self.served.lock().is_empty() && self.under_way.lock().at.iter().all(|(_, count)| *count == 0) {
                log_failure(self.store.handing_over_end());
            }
        }
    }

    fn send(&self, event: Event) {
        if self.queue.try_send(event).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The state of the writing thread.
struct BatchWriter {
    store: Store,
    served: Arc<Answers>,
    under_way: Arc<UnderWay>,
}

impl BatchWriter {
    fn write_batches(&self, events: &Receiver<Event>) {
        let Self { store, served, under_way } = self;
        let mut forget_at = Instant::now();
        let mut gather_until = Instant::now();
        loop {
            if Instant::now() >= forget_at {
                log_failure(store.write(|txn| txn.poll_forget(Utc::now() - KEPT)));
                forget_at = Instant::now() + FORGET_EVERY;
            }
            let is_left = !served.lock().is_empty();
            let (batch, stop) = match events.recv_timeout(if is_left { RETRY } else { FORGET_EVERY }) {
                Ok(first) => gather(first, events, gather_until),
                Err(RecvTimeoutError::Timeout) if is_left => (Vec::new(), false),
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            // In this order: an answer that is neither being sent nor among the taken ones has already been written.
            let complete_to = under_way.complete_to(store.read(|txn| txn.version_latest()));
            let answers = served.take();
            if answers.is_empty() {
                log_failure(store.write(|txn| write_batch(txn, &batch)));
            } else {
                let written = store.write_ledger(|txn| {
                    write_batch(txn, &batch)?;
                    txn.ledger_complete_up_to(complete_to)?;
                    answers.iter().try_for_each(|answer| txn.served_add(answer).map(drop))
                });
                if written.is_err() {
                    served.give_back(answers);
                }
                log_failure(written);
            }
            gather_until = Instant::now() + GATHER;
            if stop {
                return;
            }
        }
    }
}

fn write_batch(txn: &WriteTxn<'_>, batch: &[Event]) -> Result<(), StoreError> {
    // Only a token's last use is stored, so the batch's others need not be written.
    let (mut polls, mut last_uses) = (Vec::new(), HashMap::new());
    for event in batch {
        let (token, seen) = match event {
            Event::Poll(poll) => {
                polls.push(poll);
                if let (Some(feed), 200..400) = (poll.feed, poll.status) {
                    txn.feed_seen(feed, poll.at, &poll.address, &poll.user_agent)?;
                }
                (poll.token, (poll.at, &poll.address, &poll.user_agent))
            }
            Event::Use(seen) => (Some(seen.token), (seen.at, &seen.address, &seen.user_agent)),
            Event::Stop => continue,
        };
        last_uses.extend(token.map(|token| (token, seen)));
    }
    txn.polls_add(&polls)?;
    last_uses.into_iter().try_for_each(|(token, (at, address, agent))| txn.token_seen(token, at, address, agent))
}

/// The first event and those that arrive until then, up to a queue's length; whether a stop was among them.
fn gather(first: Event, events: &Receiver<Event>, until: Instant) -> (Vec<Event>, bool) {
    let mut batch = vec![first];
    while batch.len() < QUEUE && !matches!(batch.last(), Some(Event::Stop)) {
        match events.try_recv() {
            Ok(event) => batch.push(event),
            Err(TryRecvError::Empty) if Instant::now() < until => std::thread::sleep(LOOK_EVERY),
            Err(_) => break,
        }
    }
    let stop = matches!(batch.last(), Some(Event::Stop));
    (batch, stop)
}

fn log_failure<T>(written: Result<T, StoreError>) {
    if let Err(error) = written {
        tracing::error!(%error, "the poll history could not be written");
    }
}
