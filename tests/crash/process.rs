//! The program on a bad disk: commands that a stop kills, and a server.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::common::program::{Server, gather, pitlane};

/// The program's directory and what is between it and the disk.
#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) data_dir: PathBuf,
    pub(crate) undo: PathBuf,
    pub(crate) shim: PathBuf,
    pub(crate) words: PathBuf,
    /// Where servers send alarms.
    pub(crate) alarm_webhook: String,
    /// Whether flushing does nothing.
    pub(crate) lie: bool,
}

/// The result of a command.
pub(crate) enum End {
    Done(String),
    Failed(String),
    Killed,
}

impl Process {
    pub(crate) fn command(&self) -> Command {
        let mut command = pitlane(&self.data_dir);
        command.env("LD_PRELOAD", &self.shim).env("SHIM_DIR", &self.data_dir).env("SHIM_UNDO", &self.undo);
        if self.lie {
            command.env("SHIM_LIE", "1");
        }
        command
    }

    /// Runs a command to its end, or kills it once `stop` is set.
    pub(crate) fn run(&self, args: &[&str], stop: &AtomicBool) -> End {
        let mut command = self.command();
        let child = command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap();
        // Read in a thread, because a full pipe would block the program.
        let (out, err) = (gather(child.stdout.take().unwrap()), gather(child.stderr.take().unwrap()));
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if stop.load(Ordering::Relaxed) {
                child.kill().unwrap();
                break child.wait().unwrap();
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let (out, err) = (out.join().unwrap(), err.join().unwrap());
        match status.code() {
            Some(0) => End::Done(out),
            Some(_) => End::Failed(err),
            None => End::Killed,
        }
    }

    /// The output of a command that must not fail; `None` if it was killed once `stop` was set.
    pub(crate) fn done(&self, args: &[&str], stop: &AtomicBool) -> Option<String> {
        match self.run(args, stop) {
            End::Done(out) => Some(out),
            End::Failed(words) => panic!("{args:?} failed: {words}"),
            End::Killed => None,
        }
    }

    /// Runs a command that must succeed.
    pub(crate) fn must(&self, args: &[&str]) -> Result<String, String> {
        match self.run(args, &AtomicBool::new(false)) {
            End::Done(out) => Ok(out),
            End::Failed(words) => Err(format!("{args:?} failed: {words}")),
            End::Killed => Err(format!("{args:?} was killed by somebody else")),
        }
    }

    /// Starts the server without rate limits. Its output goes to a file.
    pub(crate) fn serve(&self) -> Result<Server, String> {
        let mut command = self.command();
        let words = std::fs::File::options().create(true).append(true).open(&self.words).unwrap();
        command
            .args(["serve", "--rate-limit", "0", "--alarm-webhook", &self.alarm_webhook])
            .env("PITLANE_LOG", "error")
            .stderr(words);
        Server::start(command)
    }
}
