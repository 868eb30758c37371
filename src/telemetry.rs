//! Logs, and the one helper that runs blocking work and carries the request's span with it.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// What is logged unless somebody asks otherwise. The web server's own words about clients that break off or talk nonsense
/// are left out: any stranger could fill the disk with them.
const USUAL: &str = "info,actix_server=warn,actix_http=off";

/// Writes logs to stderr: for people on a terminal, as JSON lines elsewhere. `PITLANE_LOG` filters them, as in
/// `PITLANE_LOG=debug`. A second call changes nothing.
pub fn init() {
    let filter = EnvFilter::try_from_env("PITLANE_LOG").unwrap_or_else(|_| EnvFilter::new(USUAL));
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_span_events(FmtSpan::NONE);
    let _ = if std::io::stderr().is_terminal() { lines.with_target(false).try_init() } else { lines.json().try_init() };
}

/// Starts work that blocks off the async threads, inside the current span, and does not wait for it.
pub fn start_blocking(work: impl FnOnce() + Send + 'static) {
    let span = tracing::Span::current();
    tokio::task::spawn_blocking(move || span.in_scope(work));
}

/// Runs work that blocks (SQLite, Argon2, files) off the async threads, inside the current span.
///
/// # Panics
/// When `work` panics: the panic goes on in the caller.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let span = tracing::Span::current();
    match tokio::task::spawn_blocking(move || span.in_scope(work)).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
