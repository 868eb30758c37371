//! Feeds: made and revoked by command, read over HTTP.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::Run;
use crate::common::program::{Server, ask};
use crate::common::rng::Rng;
use crate::ledger::{Figures, Life, read_report};

pub(crate) struct Feed {
    id: String,
    /// Its address without the server.
    path: String,
    life: Life,
}

impl Run {
    /// Makes a feed, and sometimes revokes one; returns false if that was killed.
    pub(crate) fn make_and_revoke_feeds(&self, rng: &mut Rng, stop: &AtomicBool) -> bool {
        let args = ["--json", "feed", "create", "--advertiser", "Acme", "--name", "z", "--format", "generic"];
        let args = [&args[..], &["--from", "2026-01-01", "--to", "2026-12-31"]].concat();
        let Some(made) = self.process.done(&args, stop) else { return false };
        let made: serde_json::Value = serde_json::from_str(&made).unwrap();
        let (id, url) = (made["id"].as_str().unwrap().to_owned(), made["url"].as_str().unwrap());
        let path = url[url.find("/feeds/").unwrap()..].to_owned();
        self.feeds.lock().unwrap().push(Feed { id, path, life: Life::Live });
        self.counts.feeds_made.fetch_add(1, Ordering::Relaxed);
        rng.below(2) == 0 || self.revoke_feed(rng, stop)
    }

    /// Revokes a live feed; returns false if that was killed.
    pub(crate) fn revoke_feed(&self, rng: &mut Rng, stop: &AtomicBool) -> bool {
        let (at, id) = {
            let mut feeds = self.feeds.lock().unwrap();
            let live: Vec<usize> = (0..feeds.len()).filter(|at| feeds[*at].life == Life::Live).collect();
            if live.is_empty() {
                return true;
            }
            let at = live[rng.below(live.len() as u64) as usize];
            feeds[at].life = Life::Unsure;
            (at, feeds[at].id.clone())
        };
        let done = self.process.done(&["feed", "revoke", &id], stop);
        if done.is_some() {
            self.feeds.lock().unwrap()[at].life = Life::Ended;
            self.counts.feeds_revoked.fetch_add(1, Ordering::Relaxed);
        }
        done.is_some()
    }

    /// Compares feeds with the record: those that work show the report's figures. Old ones take turns.
    pub(crate) fn check_feeds(&mut self, server: &Server, reported: &Figures) -> Result<(), String> {
        let mut feeds = self.feeds.lock().unwrap();
        let (count, last) = (feeds.len() as u64, feeds.len().saturating_sub(2));
        for (at, feed) in feeds.iter_mut().enumerate() {
            if at < last && feed.life != Life::Unsure && self.rng.below(count) >= 5 {
                continue;
            }
            let (status, body) =
                ask(&server.address, "", &format!("GET {}", feed.path), "").map_err(|error| error.to_string())?;
            if !matches!(status, 200 | 404) {
                return Err(format!("feed {}: answers {status}", feed.id));
            }
            feed.life.settle(status == 200).map_err(|words| format!("feed {} {words}", feed.id))?;
            if status == 200 && read_report(&body)? != *reported {
                return Err(format!("feed {} shows other figures than the report", feed.id));
            }
        }
        Ok(())
    }
}
