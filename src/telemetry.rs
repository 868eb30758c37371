//! The log, and a function that runs blocking work inside of the request's span.

use std::io::{IsTerminal as _, stderr};
use std::num::NonZeroU32;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt};

mod queue;

pub use queue::Flush;

/// The default log filter. The web server's messages about clients that disconnect or send nonsense are left out, because any
/// stranger could fill the disk with them.
const USUAL: &str = "info,actix_server=warn,actix_http=off";

/// Writes the log to stderr, as JSON lines or as text. `PITLANE_LOG` filters it, as in `PITLANE_LOG=debug`; an invalid filter
/// is reported, and the default is used. A second call changes nothing.
///
/// A server's records go through a queue, so that it never waits for the log's reader; the returned value must live to its end.
pub fn init(as_json: bool, is_server: bool) -> Option<Flush> {
    let asked = std::env::var("PITLANE_LOG").unwrap_or_default();
    let wanted = if asked.is_empty() { USUAL } else { &asked };
    let (filter, unreadable) = match wanted.parse::<Targets>() {
        Ok(filter) => (filter, None),
        Err(error) => (USUAL.parse().unwrap_or_default(), Some(error)),
    };
    // Without the thread, records are written at once.
    let flush = if is_server { queue::start().ok() } else { None };
    let writer = if flush.is_some() { BoxMakeWriter::new(queue::Queued) } else { BoxMakeWriter::new(stderr) };
    let lines = fmt::layer().with_writer(writer);
    let lines =
        if as_json { lines.json().boxed() } else { lines.with_target(false).with_ansi(stderr().is_terminal()).boxed() };
    let is_first = tracing_subscriber::registry().with(filter).with(lines).try_init().is_ok();
    if let Some(error) = unreadable.filter(|_| is_first) {
        tracing::warn!(got = asked, %error, "PITLANE_LOG is not a valid log filter, so it is ignored; expected one such as \"debug\" or \"pitlane=debug\"");
    }
    flush
}

/// How many lines per minute strangers can cause.
const STRANGERS_A_MINUTE: NonZeroU32 = NonZeroU32::new(60).unwrap();

static STRANGERS: LazyLock<DefaultDirectRateLimiter> =
    LazyLock::new(|| RateLimiter::direct(Quota::per_minute(STRANGERS_A_MINUTE)));
static UNSAID: AtomicU64 = AtomicU64::new(0);

/// Logs what any stranger can cause: only some lines per minute, each with how many were left out since the last one.
pub fn of_strangers(log: impl FnOnce(u64)) {
    if STRANGERS.check().is_ok() {
        log(UNSAID.swap(0, Ordering::Relaxed));
    } else {
        UNSAID.fetch_add(1, Ordering::Relaxed);
    }
}

/// Starts blocking work on another thread, inside the current span, and doesn't wait for it.
pub fn start_blocking(work: impl FnOnce() + Send + 'static) {
    spawn_boxed(Box::new(work));
}

/// Runs blocking work (SQLite, Argon2, files) on another thread, inside the current span.
///
/// # Panics
/// When `work` panics: the panic goes on in the caller.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (give, got) = oneshot::channel();
    // The receiver may be gone.
    let ended = spawn_boxed(Box::new(move || drop(give.send(work())))).await;
    match (ended, got.await) {
        (Ok(()), Ok(done)) => done,
        (Err(error), _) => std::panic::resume_unwind(error.into_panic()),
        (Ok(()), Err(_)) => unreachable!("the work ended without its value"),
    }
}

/// One task type for all work: a type per closure made the program a megabyte larger.
fn spawn_boxed(work: Box<dyn FnOnce() + Send>) -> JoinHandle<()> {
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work))
}
