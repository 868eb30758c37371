//! Libraries to preload into the program: one between it and its disk, which breaks writes and simulates power cuts
//! (`tests/shim/shim.c`), and a clock that a test sets.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::{DateTime, TimeDelta, Utc};

/// Compiles it into `dir`; returns the value for `LD_PRELOAD`.
pub(crate) fn compile(dir: &Path) -> PathBuf {
    build(dir, "shim")
}

fn build(dir: &Path, name: &str) -> PathBuf {
    let source = format!("{}/tests/shim/{name}.c", env!("CARGO_MANIFEST_DIR"));
    let library = dir.join(format!("{name}.so"));
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"]).arg(&library).args([&source, "-ldl"]);
    assert!(cc.status().unwrap().success(), "the shim did not compile");
    library
}

/// A clock that a test sets while programs run: `tests/shim/clock.c`. The monotonic clock isn't changed.
pub(crate) struct Clock {
    library: PathBuf,
    file: PathBuf,
    offset: TimeDelta,
}

impl Clock {
    /// A clock that shows this time; its files are in `dir`.
    pub(crate) fn at(dir: &Path, now: DateTime<Utc>) -> Self {
        let library = build(dir, "clock");
        let mut clock = Self { library, file: dir.join("clock"), offset: TimeDelta::zero() };
        std::fs::write(&clock.file, [0; 8]).unwrap();
        clock.set(now);
        clock
    }

    /// The time it shows.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        Utc::now() + self.offset
    }

    /// Moves it to this time.
    pub(crate) fn set(&mut self, now: DateTime<Utc>) {
        self.offset = now - Utc::now();
        // In place, because running programs have the file mapped.
        let mut file = std::fs::OpenOptions::new().write(true).open(&self.file).unwrap();
        file.write_all(&self.offset.num_milliseconds().to_ne_bytes()).unwrap();
    }

    pub(crate) fn advance(&mut self, by: TimeDelta) {
        self.set(self.now() + by);
    }

    /// Makes a program use this clock.
    pub(crate) fn wind<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.env("LD_PRELOAD", &self.library).env("PITLANE_TEST_CLOCK", &self.file)
    }
}
