//! The admin pages from outside: over plain HTTP, and in a real browser.
//!
//! A test binary of its own, so that it can be run by itself: `cargo test --test browser`. It needs Chromium and its driver
//! (Debian: `apt-get install chromium chromium-driver`); on a machine without them it fails instead of skipping tests.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop where it stands")]

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "each binary uses a part")]
mod common;
#[path = "../common/serving.rs"]
mod serving;

mod ahead;
mod axe;
mod connect;
mod csrf;
mod docs;
mod first_report;
mod flow;
mod guessing;
mod hand;
mod harness;
mod history;
mod home;
mod import_fields;
mod import_pages;
mod imports;
mod log;
mod merging;
mod pdf;
mod people;
mod prints;
mod sessions;
mod settle;
mod singular;
mod stale;
mod stats;
mod switches;
mod tasks;
mod together;
mod two_step;
mod uploads;
mod viewer;
mod widths;
mod words;
