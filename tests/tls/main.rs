//! HTTPS by the server itself, tested with Pebble, the test server of Let's Encrypt's makers, and with clients: curl, Python,
//! and rustls for details that the two don't show. Needs `pebble`, `curl` and `python3` (Debian: the packages of those
//! names).

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "each binary uses a part")]
mod common;

mod acme;
mod authority;
mod check;
mod client;
mod files;
mod host;

use std::time::{Duration, Instant};

/// Tries again and again until it is true; fails after a minute.
#[track_caller]
pub(crate) fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_mins(1);
    while !so() {
        assert!(Instant::now() < until, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
