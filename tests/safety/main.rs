//! What must hold when things go wrong, tested through the program: backups, one owner, full and broken disks, rude clients.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]
#![expect(clippy::cast_possible_truncation, reason = "small numbers")]

#[path = "../shim/mod.rs"]
mod shim;

mod backups;
mod disks;
mod http_limits;
mod owner;
mod secrets;

use std::path::{Path, PathBuf};
use std::process::Output;

use shim::pitlane;

/// A data directory with one advertiser, two days of stats and whatever else a test adds.
pub(crate) struct Site {
    root: tempfile::TempDir,
}

pub(crate) const CSV: &str = "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n\
     2026-01-01,AOS_TEST,Lumen,100,69,Coin Game,Coin Game,com.example.coingame,ANDROID\n\
     2026-01-02,AOS_TEST,Lumen,10,12.5,Coin Game,Coin Game,com.example.coingame,ANDROID\n";

/// Restates the first day and adds a third.
pub(crate) const LATER: &str = "date,campaign_name,partner,clicks,cost\n\
     2026-01-01,AOS_TEST,Lumen,101,70.25\n2026-01-03,AOS_TEST,Lumen,7,1.000001\n";

impl Site {
    pub(crate) fn new() -> Self {
        let site = Self { root: tempfile::tempdir().unwrap() };
        let file = site.file("first.csv", CSV);
        site.done(&["import", shim::text(&file), "--advertiser", "Acme", "--create-missing"]);
        site
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.root.path().join("data")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        std::fs::write(self.path(name), content).unwrap();
        self.path(name)
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        pitlane(&self.data_dir()).args(args).output().unwrap()
    }

    /// Runs what must succeed; its stdout.
    pub(crate) fn done(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs what must fail with exit code 1; its stderr.
    pub(crate) fn fails(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert_eq!(output.status.code(), Some(1), "{args:?} printed {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    }

    pub(crate) fn report(&self) -> String {
        self.done(&["report", "--advertiser", "Acme", "--from", "2026-01-01", "--to", "2026-12-31", "--format", "csv"])
    }

    pub(crate) fn token(&self, scope: &str) -> String {
        let args = ["token", "create", "--advertiser", "Acme", "--name", "test", "--scope", scope];
        self.done(&args).trim().to_owned()
    }

    /// Lets somebody log in.
    pub(crate) fn admit(&self, email: &str, password: &str) {
        shim::admit(pitlane(&self.data_dir()), email, password);
    }

    pub(crate) fn import_later(&self) {
        let file = self.file("later.csv", LATER);
        self.done(&["import", shim::text(&file), "--advertiser", "Acme"]);
    }

    pub(crate) fn serve(&self, flags: &[&str]) -> shim::Server {
        shim::Server::start(pitlane(&self.data_dir()), flags).unwrap()
    }
}

/// Asks again and again until it is so; fails after half a minute.
pub(crate) fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !so() {
        assert!(std::time::Instant::now() < until, "in vain: {what}");
        std::thread::yield_now();
    }
}

/// The names in a directory.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
