//! The program itself, as people run it: commands with a data directory of their own, and a server as a child.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use tempfile::TempDir;

use crate::harness::Anonymous;

/// A data directory and the commands that are run on it.
pub(crate) struct Program {
    dir: TempDir,
    data: PathBuf,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// What it printed, where it did what was asked.
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.stdout
    }

    /// Its words, where it failed in this way and printed no data.
    #[track_caller]
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), ""), "{}", self.stderr);
        self.stderr
    }
}

impl Program {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { data: dir.path().join("data"), dir }
    }

    /// Commands on a data directory that a server of the harness has.
    pub(crate) fn on(data: &Path) -> Self {
        Self { dir: tempfile::tempdir().unwrap(), data: data.to_owned() }
    }

    /// A place beside the data, for the files a test makes.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The data directory. The first command makes it.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// A file beside the data.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), content).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pitlane"));
        command.env_clear().current_dir(self.dir.path()).arg("--data-dir").arg(self.data()).args(args);
        command
    }

    /// Runs a command with nothing on stdin.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        self.run_on("", args)
    }

    /// Runs a command with `stdin` on stdin.
    pub(crate) fn run_on(&self, stdin: impl AsRef<[u8]>, args: &[&str]) -> Ended {
        let mut command = self.command(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that does not read its stdin may be gone already.
        drop(child.stdin.take().unwrap().write_all(stdin.as_ref()));
        let output = child.wait_with_output().unwrap();
        let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        Ended { code: output.status.code(), stdout, stderr }
    }

    /// Starts a command and leaves it to itself; its words are thrown away.
    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        self.command(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Runs a command that must do what it was asked to; what it printed.
    #[track_caller]
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        self.run(args).done()
    }

    /// Runs a command that prints JSON.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.ok(&[&["--json"], args].concat())).unwrap()
    }

    /// Starts `serve` or `demo`, and waits until it accepts.
    pub(crate) fn start(&self, command: &str, log: &str) -> ImportMarker {
        let mut command = self.command(&[command, "--listen", "127.0.0.1:0"]);
        command.env("PITLANE_LOG", log).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = gather(child.stderr.take().unwrap());
        let mut greeting = String::new();
        let origin = loop {
            let start = greeting.len();
            assert_ne!(stdout.read_line(&mut greeting).unwrap(), 0, "it ended before it listened: {greeting}");
            if let Some(origin) = greeting[start..].strip_prefix("listening on ") {
                break origin.trim_end().to_owned();
            }
        };
        ImportMarker { child, origin, greeting, stdout: Some(gather(stdout)), stderr: Some(stderr) }
    }
}

fn gather(mut pipe: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = String::new();
        pipe.read_to_string(&mut text).unwrap();
        text
    })
}

/// A server that runs as a process.
pub(crate) struct ImportMarker {
    child: Child,
    pub(crate) origin: String,
    /// What it printed up to the line that says it listens.
    pub(crate) greeting: String,
    stdout: Option<JoinHandle<String>>,
    stderr: Option<JoinHandle<String>>,
}

impl ImportMarker {
    pub(crate) fn anonymous(&self) -> Anonymous {
        Anonymous::at(&self.origin)
    }

    /// Asks it to stop, as a service manager does, and waits; all of what it printed.
    pub(crate) fn stop(mut self) -> Ended {
        let asked = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.child.id())]).status().unwrap();
        assert!(asked.success());
        let code = self.child.wait().unwrap().code();
        let [stdout, stderr] = [&mut self.stdout, &mut self.stderr].map(|pipe| pipe.take().unwrap().join().unwrap());
        Ended { code, stdout: format!("{}{stdout}", self.greeting), stderr }
    }
}

impl Drop for ImportMarker {
    fn drop(&mut self) {
        // Only where a test failed: after a stop the process is gone.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// All files under `dir`, with what they hold; but for the one whose purpose is to hold the set-up link.
pub(crate) fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| !path.ends_with("setup-link.txt"))
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![(path.clone(), std::fs::read(&path).unwrap())] })
        .collect()
}
