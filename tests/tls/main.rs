//! HTTPS by the server itself, against Pebble, the test server of Let's Encrypt's makers, and clients as people have them:
//! curl, Python, and rustls for what the two don't show. Wants `pebble`, `curl` and `python3` (Debian: the packages of
//! those names).

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

/// Asks again and again until it is so; fails after a minute.
#[track_caller]
pub(crate) fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_mins(1);
    while !so() {
        assert!(Instant::now() < until, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
