//! What somebody does at the command line besides imports: tokens, backups, merges, feeds, and when alarms are due.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::Run;
use crate::common::program::text;
use crate::common::rng::Rng;
use crate::ledger::{Life, Token};
use crate::process::End;

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
        match self.process.run(&["alarm", "stats-due", "--advertiser", "Acme", &hour.to_string()], stop) {
            End::Done(_) => {
                self.alarm_hour.lock().unwrap().acknowledge();
                self.counts.alarms_set.fetch_add(1, Ordering::Relaxed);
                true
            }
            End::Failed(words) => panic!("an alarm could not be set: {words}"),
            End::Killed => false,
        }
    }

    pub(crate) fn issue_and_revoke(&self, rng: &mut Rng, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let issued = self.process.run(&["token", "create", "--advertiser", "Acme", "--name", "y"], stop);
            match issued {
                End::Done(secret) => {
                    let token = Token { secret: secret.trim().to_owned(), life: Life::Live };
                    self.tokens.lock().unwrap().push(token);
                    self.counts.issued.fetch_add(1, Ordering::Relaxed);
                }
                End::Failed(words) => panic!("a token could not be issued: {words}"),
                End::Killed => return,
            }
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
        match self.process.run(&["token", "revoke", &id], stop) {
            End::Done(_) => {
                self.tokens.lock().unwrap()[at].life = Life::Ended;
                self.counts.revoked.fetch_add(1, Ordering::Relaxed);
                true
            }
            End::Failed(words) => panic!("a token could not be revoked: {words}"),
            End::Killed => false,
        }
    }

    pub(crate) fn back_up(&self, cycle: u32, stop: &AtomicBool) {
        for number in 0.. {
            let file = self.scratch.join(format!("{cycle}-{number}.db"));
            match self.process.run(&["backup", text(&file)], stop) {
                End::Done(_) => drop(self.counts.backups.fetch_add(1, Ordering::Relaxed)),
                End::Failed(words) => panic!("a backup failed: {words}"),
                End::Killed => return,
            }
        }
    }
}
