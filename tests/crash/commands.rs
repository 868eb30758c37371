//! What somebody does at the command line besides imports: tokens, backups, merges, feeds, and when alarms are due.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::Run;
use crate::common::program::text;
use crate::common::rng::Rng;
use crate::ledger::{Life, Token};

impl Run {
    /// Merges campaigns, makes and revokes feeds, sets when alarms are due.
    pub(crate) fn run_commands(&self, rng: &mut Rng, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let is_done = match rng.below(4) {
                0 => self.make_and_revoke_feeds(rng, stop),
                1 => self.set_alarm(rng, stop),
                _ => self.merge_or_undo(rng, stop),
            };
            if !is_done {
                return;
            }
        }
    }

    /// Sets the hour from which on missing stats raise an alarm; returns false if that was killed.
    fn set_alarm(&self, rng: &mut Rng, stop: &AtomicBool) -> bool {
        let hour = rng.below(24) as u32;
        self.alarm_hour.lock().unwrap().request(hour);
        let done = self.process.done(&["alarm", "stats-due", "--advertiser", "Acme", &hour.to_string()], stop);
        if done.is_some() {
            self.alarm_hour.lock().unwrap().acknowledge();
            self.counts.alarms_set.fetch_add(1, Ordering::Relaxed);
        }
        done.is_some()
    }

    pub(crate) fn issue_and_revoke(&self, rng: &mut Rng, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let issued = self.process.done(&["token", "create", "--advertiser", "Acme", "--name", "y"], stop);
            let Some(secret) = issued else { return };
            let token = Token { secret: secret.trim().to_owned(), life: Life::Live };
            self.tokens.lock().unwrap().push(token);
            self.counts.issued.fetch_add(1, Ordering::Relaxed);
            if rng.below(2) == 0 && !self.revoke_one(rng, stop) {
                return;
            }
        }
    }

    /// Revokes a live token; returns false if that was killed.
    pub(crate) fn revoke_one(&self, rng: &mut Rng, stop: &AtomicBool) -> bool {
        let (at, id) = {
            let mut tokens = self.tokens.lock().unwrap();
            let at = rng.below(tokens.len() as u64) as usize;
            if tokens[at].life != Life::Live {
                return true;
            }
            tokens[at].life = Life::Unsure;
            (at, tokens[at].id().to_owned())
        };
        let done = self.process.done(&["token", "revoke", &id], stop);
        if done.is_some() {
            self.tokens.lock().unwrap()[at].life = Life::Ended;
            self.counts.revoked.fetch_add(1, Ordering::Relaxed);
        }
        done.is_some()
    }

    pub(crate) fn back_up(&self, cycle: u32, stop: &AtomicBool) {
        for number in 0.. {
            let file = self.scratch.join(format!("{cycle}-{number}.db"));
            if self.process.done(&["backup", text(&file)], stop).is_none() {
                return;
            }
            self.counts.backups.fetch_add(1, Ordering::Relaxed);
        }
    }
}
