//! What must work when things go wrong, tested through the program: backups, a second server, full and broken disks, bad
//! clients.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]
#![expect(clippy::cast_possible_truncation, reason = "small numbers")]

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "each binary uses a part")]
mod common;

mod backups;
mod disks;
mod http_limits;
mod log;
mod misplaced;
mod owner;
mod restores;
mod secrets;
mod sharing;

use std::path::Path;

/// Tries again and again until it is true; fails after half a minute.
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
