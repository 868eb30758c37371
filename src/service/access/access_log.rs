//! Writes what authentication leaves behind, on a thread of its own: refused log-ins, pauses, uses of sessions.
//!
//! No answer waits for it. So pages need no write lock, and a refusal takes equally long for an existing account and for a
//! made-up one. A kill loses at most the last moment.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};

use crate::domain::Email;
use crate::service::Actor;
use crate::service::access::login_throttle::FORGOTTEN;
use crate::service::access::sessions;
use crate::store::{LoginPause, ProxySeen, Store, StoreError, TokenKey, WriteTxn};

/// The most events in the queue; more are dropped.
const QUEUE: usize = 4096;
/// How long the first entry of a batch waits for others.
const GATHER: Duration = Duration::from_millis(20);
/// How often old entries are deleted.
const TIDY_EVERY: Duration = Duration::from_hours(1);
/// The most entries about refused log-ins per minute: nobody can shorten the audit log, so strangers must not be able to fill
/// it.
const ENTRIES_A_MINUTE: NonZeroU32 = NonZeroU32::new(60).unwrap();

/// An event to write.
pub(in crate::service) enum AccessEvent {
    /// A log-in was refused.
    Refused(RefusedLogin),
    /// The new pauses after a wrong attempt.
    Paused(Vec<LoginPause>),
    Forgotten(Vec<[u8; 32]>),
    /// A session was used.
    SessionUsed {
        id_sha256: String,
        at: DateTime<Utc>,
    },
    /// A token without check bits was used with its right secret.
    SecretSeen {
        token: TokenKey,
        /// The check bits to store.
        check: u32,
    },
    /// A request had proxy headers.
    ProxySeen(ProxySeen),
}

/// A refused log-in. Similar ones share one entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::service) struct RefusedLogin {
    pub(in crate::service) account: String,
    pub(in crate::service) why: &'static str,
    pub(in crate::service) address: String,
}

enum Message {
    Event(AccessEvent),
    Stop,
}

/// Takes events from requests.
pub struct AccessLog {
    queue: SyncSender<Message>,
    writer: Mutex<Option<JoinHandle<()>>>,
    dropped: AtomicU64,
}

impl AccessLog {
    pub fn start(store: Store) -> std::io::Result<Self> {
        let (queue, messages) = sync_channel(QUEUE);
        let entries = RateLimiter::direct(Quota::per_minute(ENTRIES_A_MINUTE));
        let writer = Writer { store, entries, left_out: 0 };
        let writer =
            std::thread::Builder::new().name("access-log".to_owned()).spawn(move || writer.write_all(&messages))?;
        Ok(Self { queue, writer: Mutex::new(Some(writer)), dropped: AtomicU64::new(0) })
    }

    /// Queues an event. If the queue is full the event is dropped: a flood only loses its own events.
    pub(in crate::service) fn add(&self, event: AccessEvent) {
        if self.queue.try_send(Message::Event(event)).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes the use of a session.
    pub fn session_used(&self, id_sha256: String, at: DateTime<Utc>) {
        self.add(AccessEvent::SessionUsed { id_sha256, at });
    }

    /// Notes proxy headers.
    pub fn proxy_seen(&self, seen: ProxySeen) {
        self.add(AccessEvent::ProxySeen(seen));
    }

    /// Writes what is queued and ends the thread.
    pub fn stop(&self) {
        let dropped = self.dropped.load(Ordering::Relaxed);
        if dropped > 0 {
            tracing::warn!(dropped, "traces of log-ins were not written: there were too many at once");
        }
        if let Some(writer) = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take()
            && self.queue.send(Message::Stop).is_ok()
            && writer.join().is_err()
        {
            tracing::error!("the writer of log-ins had failed");
        }
    }
}

struct Writer {
    store: Store,
    entries: DefaultDirectRateLimiter,
    /// Refused log-ins that were left out of the audit log since the last entry that says how many.
    left_out: u64,
}

impl Writer {
    fn write_all(mut self, messages: &Receiver<Message>) {
        let mut tidy_at = Instant::now();
        loop {
            if Instant::now() >= tidy_at {
                log_failure(self.store.write(|txn| tidy(txn, Utc::now())));
                tidy_at = Instant::now() + TIDY_EVERY;
            }
            let (batch, is_last) = match messages.recv_timeout(TIDY_EVERY) {
                Ok(first) => gather(first, messages),
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if !batch.is_empty() {
                log_failure(self.write(batch));
            }
            if is_last {
                return;
            }
        }
    }

    fn write(&mut self, batch: Vec<AccessEvent>) -> Result<(), StoreError> {
        let (mut pauses, mut refused) = (HashMap::new(), BTreeMap::<_, u64>::new());
        let (mut used, mut seen, mut proxies) = (HashMap::new(), HashMap::new(), Vec::new());
        for event in batch {
            match event {
                AccessEvent::Refused(login) => *refused.entry(login).or_default() += 1,
                AccessEvent::Paused(kept) => pauses.extend(kept.into_iter().map(|pause| (pause.subject, Some(pause)))),
                AccessEvent::Forgotten(subjects) => pauses.extend(subjects.into_iter().map(|subject| (subject, None))),
                AccessEvent::SessionUsed { id_sha256, at } => drop(used.insert(id_sha256, at)),
                AccessEvent::SecretSeen { token, check } => drop(seen.insert(token, check)),
                AccessEvent::ProxySeen(seen) => proxies.push(seen),
            }
        }
        let store = self.store.clone();
        store.write(|txn| {
            for (subject, pause) in &pauses {
                match pause {
                    Some(pause) => txn.login_pause_put(pause)?,
                    None => txn.login_pause_forget(*subject)?,
                }
            }
            used.iter().try_for_each(|(id, at)| txn.session_touch(id, *at))?;
            proxies.iter().try_for_each(|seen| txn.proxy_seen(seen))?;
            seen.iter().try_for_each(|(token, check)| txn.token_set_check(*token, *check))?;
            refused.iter().try_for_each(|(login, count)| self.tell_of(txn, login, *count))
        })
    }

    /// Notes refused log-ins of one kind, if the account exists; made-up accounts would only fill the audit log.
    fn tell_of(&mut self, txn: &WriteTxn<'_>, login: &RefusedLogin, count: u64) -> Result<(), StoreError> {
        let Ok(email) = login.account.parse::<Email>() else { return Ok(()) };
        if txn.admin_find(&email)?.is_none() {
            return Ok(());
        }
        if self.entries.check().is_err() {
            self.left_out += count;
            return Ok(());
        }
        let mut subject = login.why.to_owned();
        if count > 1 {
            subject = format!("{subject}, {count} times");
        }
        if self.left_out > 0 {
            subject = format!("{subject}; {} more before, not listed", std::mem::take(&mut self.left_out));
        }
        let actor = Actor { name: email.to_string(), address: Some(login.address.clone()) };
        txn.audit_add(&actor.did("log-in refused", &subject), Utc::now())
    }
}

fn tidy(txn: &WriteTxn<'_>, now: DateTime<Utc>) -> Result<(), StoreError> {
    txn.session_forget(sessions::bounds(now))?;
    txn.login_pauses_tidy(now - FORGOTTEN, now + sessions::CLOCK_STEP)
}

/// The first event and those that follow within the gathering time; whether a stop was among them.
fn gather(first: Message, messages: &Receiver<Message>) -> (Vec<AccessEvent>, bool) {
    let deadline = Instant::now() + GATHER;
    let (mut batch, mut next) = (Vec::new(), Some(first));
    loop {
        match next.take() {
            Some(Message::Event(event)) => batch.push(event),
            Some(Message::Stop) => return (batch, true),
            None if Instant::now() >= deadline => return (batch, false),
            None => std::thread::sleep(deadline.saturating_duration_since(Instant::now())),
        }
        if batch.len() >= QUEUE {
            return (batch, false);
        }
        next = match messages.try_recv() {
            Ok(message) => Some(message),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => return (batch, true),
        };
    }
}

fn log_failure(written: Result<(), StoreError>) {
    if let Err(error) = written {
        tracing::error!(%error, "what log-ins leave behind could not be written");
    }
}
