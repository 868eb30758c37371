//! Merges two campaigns and undoes it, over and over. A merge moves all figures and takes the name away, or does nothing;
//! so does its undo.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::program::text;
use crate::common::rng::Rng;
use crate::ledger::Figures;
use crate::{MERGER, Run};

/// The campaign that is merged into the other.
const SPARE: &str = "W4-Spare";
const KEPT: &str = "W4-Kept";

/// Whether the figures are those after a merge: a campaign that isn't merged has a click on each day.
fn is_merged(figures: &Figures) -> bool {
    figures.iter().filter(|((_, campaign), _)| campaign == SPARE).all(|(_, held)| *held == (0, 0))
}

/// The figures after a merge.
fn merged(before: &Figures) -> Figures {
    let mut after = before.clone();
    for ((day, _), held) in before.iter().filter(|((_, campaign), _)| campaign == SPARE) {
        let sum = after.get_mut(&(day.clone(), KEPT.to_owned())).unwrap();
        *sum = (sum.0 + held.0, sum.1 + held.1);
        after.insert((day.clone(), SPARE.to_owned()), (0, 0));
    }
    after
}

impl Run {
    /// Takes the next step: new figures, a merge or its undo. Returns false if it was killed.
    pub(crate) fn merge_or_undo(&self, rng: &mut Rng, stop: &AtomicBool) -> bool {
        let held = self.writers[MERGER].lock().unwrap().acknowledged.clone();
        let send = |pending: Figures, args: &[&str]| {
            self.writers[MERGER].lock().unwrap().pending = Some(pending);
            let done = self.process.done(args, stop);
            if done.is_some() {
                self.writers[MERGER].lock().unwrap().acknowledge();
            }
            done.is_some()
        };
        if is_merged(&held) {
            let listed = self.process.done(&["--json", "imports", "list", "--limit", "1000"], stop);
            let Some(listed) = listed else { return false };
            let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
            let is_standing = |row: &&serde_json::Value| row["kind"] == "merge" && row["undoneBy"].is_null();
            let standing: Vec<_> = listed.as_array().unwrap().iter().filter(is_standing).collect();
            let [merge] = standing[..] else { panic!("{} merges are not undone, expected 1", standing.len()) };
            let before = self.before_merge.lock().unwrap().clone();
            let is_done = send(before, &["imports", "undo", merge["importId"].as_str().unwrap()]);
            self.counts.unmerged.fetch_add(usize::from(is_done), Ordering::Relaxed);
            return is_done;
        }
        if rng.below(2) == 0 {
            self.before_merge.lock().unwrap().clone_from(&held);
            let is_done = send(merged(&held), &["campaign", "merge", SPARE, "--into", KEPT, "--advertiser", "Acme"]);
            self.counts.merged.fetch_add(usize::from(is_done), Ordering::Relaxed);
            return is_done;
        }
        let (mut batch, mut csv) = (Figures::new(), String::from("date,campaign_name,partner,clicks,cost\n"));
        for _ in 0..=rng.below(20) {
            let day = format!("2026-01-{:02}", 1 + rng.below(28));
            for campaign in [SPARE, KEPT] {
                batch.insert((day.clone(), campaign.to_owned()), (rng.below(5_000_000_000), 1 + rng.below(10_000)));
            }
        }
        for ((day, campaign), (micros, clicks)) in &batch {
            writeln!(csv, "{day},{campaign},Lumen,{clicks},{}.{:06}", micros / 1_000_000, micros % 1_000_000).unwrap();
        }
        let file = self.scratch.join("merging.csv");
        std::fs::write(&file, csv).unwrap();
        send(batch, &["import", text(&file), "--advertiser", "Acme"])
    }

    /// The merged campaign's name is in lists if, and only if, its figures are its own.
    pub(crate) fn check_merge(&self) -> Result<(), String> {
        let listed: serde_json::Value =
            serde_json::from_str(&self.process.must(&["--json", "campaign", "list"])?).unwrap();
        let is_listed = listed.as_array().unwrap().iter().any(|row| row["name"] == SPARE);
        if is_listed == is_merged(&self.writers[MERGER].lock().unwrap().acknowledged) {
            let figures = if is_listed { "the other's" } else { "its own" };
            return Err(format!("half a merge: {SPARE} is listed: {is_listed}, and its figures are {figures}"));
        }
        Ok(())
    }
}
