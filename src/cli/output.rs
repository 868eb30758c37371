//! What commands print: data to stdout, messages to stderr, failures to both if JSON was asked for.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::domain::{Invalid, is_hidden};
use crate::service::ServiceError;
use crate::store::StoreError;

/// Whether messages are written as log records, as in a server whose stderr goes to a log collector.
static AS_RECORDS: AtomicBool = AtomicBool::new(false);

/// From now on stderr has log records only; panics are log records too.
pub(super) fn log_everything() {
    AS_RECORDS.store(true, Ordering::Relaxed);
    std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "the program has a bug")));
}

pub(super) fn logs_everything() -> bool {
    AS_RECORDS.load(Ordering::Relaxed)
}

/// Text that is safe for a terminal: control characters and characters that turn text around are escaped. So no name, file or
/// error can overwrite what the terminal shows. The same escaping leaves JSON's meaning unchanged.
fn printable(text: &impl std::fmt::Display) -> String {
    let mut shown = String::new();
    for c in text.to_string().chars() {
        let is_obeyed = is_hidden(c) && !matches!(c, '\n' | '\t');
        // Writing to a string never fails.
        let _ = if is_obeyed { write!(shown, "\\u{:04x}", u32::from(c)) } else { write!(shown, "{c}") };
    }
    shown
}

/// A message for people, on stderr. A failure to write it can't be reported to anybody.
pub(super) fn say(message: std::fmt::Arguments<'_>) {
    if logs_everything() {
        // Empty lines set paragraphs apart for people only.
        tracing::info!("{}", message.to_string().trim());
    } else {
        let _ = writeln!(std::io::stderr(), "{}", printable(&message));
    }
}

/// A message that somebody should act on.
pub(super) fn warn(message: std::fmt::Arguments<'_>) {
    if logs_everything() {
        tracing::warn!("{message}");
    } else {
        let _ = writeln!(std::io::stderr(), "warning: {}", printable(&message));
    }
}

/// stdout was closed by its reader.
#[derive(Debug, thiserror::Error)]
#[error("the reader closed the output")]
pub(super) struct ClosedPipe;

/// A failure that is already on stdout as JSON.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct AlreadyPrinted(pub(super) String);

/// The error for a failed write to stdout.
pub(super) fn stdout_failed(error: std::io::Error) -> anyhow::Error {
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        ClosedPipe.into()
    } else {
        anyhow::Error::new(error).context("could not write to stdout")
    }
}

/// Prints a line of data on stdout.
pub(super) fn print(line: impl std::fmt::Display) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", printable(&line)).and_then(|()| out.flush()).map_err(stdout_failed)
}

pub(super) fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    print(serde_json::to_string(value)?)
}

/// The exit code. Output into a closed pipe ends the command quietly: its reader has what they wanted.
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
        let _ = writeln!(std::io::stderr(), "error: {}", printable(&format_args!("{error:#}")));
    }
    ExitCode::FAILURE
}

/// Prints a failure as JSON on stdout (contract §5).
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_never_printed() {
        let text = "a\u{1b}[2J\u{9b}31m\u{7f}\r\u{202e}b\tc\nKöln";
        assert_eq!(printable(&text), "a\\u001b[2J\\u009b31m\\u007f\\u000d\\u202eb\tc\nKöln");
        let json = json!({"name": text}).to_string();
        let read: serde_json::Value = serde_json::from_str(&printable(&json)).unwrap();
        assert_eq!(read["name"], text);
    }
}
