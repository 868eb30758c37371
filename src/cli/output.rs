//! What commands say: data to stdout, words to stderr, failures to both where JSON was asked for.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::domain::Invalid;
use crate::service::ServiceError;
use crate::store::StoreError;

/// Whether words become log records, as they do in a server whose stderr is read by a log collector.
static AS_RECORDS: AtomicBool = AtomicBool::new(false);

/// From now on stderr holds log records only; a panic is one too.
pub(super) fn log_everything() {
    AS_RECORDS.store(true, Ordering::Relaxed);
    std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "the program has a fault")));
}

pub(super) fn logs_everything() -> bool {
    AS_RECORDS.load(Ordering::Relaxed)
}

/// Words for people, on stderr. Nobody is left to tell when that fails.
pub(super) fn say(message: std::fmt::Arguments<'_>) {
    if logs_everything() {
        tracing::info!("{message}");
    } else {
        let _ = writeln!(std::io::stderr(), "{message}");
    }
}

/// Words that somebody should act on.
pub(super) fn warn(message: std::fmt::Arguments<'_>) {
    if logs_everything() {
        tracing::warn!("{message}");
    } else {
        let _ = writeln!(std::io::stderr(), "warning: {message}");
    }
}

/// Nobody reads stdout any more.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the output any more")]
pub(super) struct ClosedPipe;

/// A failure whose JSON stands on stdout already.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct AlreadyPrinted(pub(super) String);

/// A write to stdout that failed.
pub(super) fn stdout_failed(error: std::io::Error) -> anyhow::Error {
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        ClosedPipe.into()
    } else {
        anyhow::Error::new(error).context("could not write to stdout")
    }
}

/// A line of data, on stdout.
pub(super) fn print(line: impl std::fmt::Display) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(stdout_failed)
}

/// JSON on stdout.
pub(super) fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    print(serde_json::to_string(value)?)
}

/// How the command ended. Output into a closed pipe ends it quietly: whoever closed it has what they wanted.
pub(super) fn ended(done: anyhow::Result<()>, as_json: bool) -> ExitCode {
    let Err(error) = done else { return ExitCode::SUCCESS };
    if error.is::<ClosedPipe>() {
        return ExitCode::SUCCESS;
    }
    if as_json && !error.is::<AlreadyPrinted>() {
        print_failure(code(&error), &format!("{error:#}"));
    }
    if logs_everything() {
        tracing::error!("{error:#}");
    } else {
        let _ = writeln!(std::io::stderr(), "error: {error:#}");
    }
    ExitCode::FAILURE
}

/// A failure as JSON on stdout (contract §5).
pub(super) fn print_failure(code: &str, message: &str) {
    let _ = print_json(&json!({"error": {"code": code, "message": message}}));
}

/// The kind of failure, for programs.
fn code(error: &anyhow::Error) -> &'static str {
    for cause in error.chain() {
        if cause.is::<Invalid>() {
            return "invalid";
        }
        if let Some(error) = cause.downcast_ref::<StoreError>() {
            return error.code();
        }
        if let Some(error) = cause.downcast_ref::<ServiceError>() {
            return error.code();
        }
    }
    "failed"
}
