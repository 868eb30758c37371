//! What is killed besides the server under load: restores, and first starts on an empty directory.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::common::program::text;
use crate::ledger::{Figures, Life};
use crate::process::{End, Process};
use crate::{HTTP_WRITERS, Run, disk};

/// The expected state after a restore.
struct Books {
    figures: Vec<Figures>,
    switch: bool,
}

impl Books {
    fn all(&self) -> Figures {
        self.figures.iter().flatten().map(|(k, v)| (k.clone(), *v)).collect()
    }
}

impl Run {
    /// Restores an older backup, and sometimes kills that at a random moment: the result is the old state or the backup's.
    pub(crate) fn restore(&mut self, cycle: u32, power_cut: bool) -> Result<(), String> {
        let never = AtomicBool::new(false);
        let file = self.scratch.join("restore.sealed");
        self.process.must(&["backup", text(&file)])?;
        let before = self.books();
        // The restore gives up what came after the backup, but not revocations.
        let mut rng = self.rng.split();
        let csv = self.writers[HTTP_WRITERS].lock().unwrap().batch(HTTP_WRITERS, &mut rng);
        let import = self.scratch.join("import.csv");
        std::fs::write(&import, csv).unwrap();
        self.process.must(&["import", text(&import), "--advertiser", "Acme", "--create-missing"])?;
        self.writers[HTTP_WRITERS].lock().unwrap().acknowledge();
        let word = if self.switch.lock().unwrap().turn() { "disable" } else { "enable" };
        self.process.must(&["offer", word, "Switched", "--advertiser", "Acme"])?;
        self.switch.lock().unwrap().acknowledge();
        if !self.tokens.lock().unwrap().is_empty() {
            self.revoke_one(&mut rng, &never);
        }
        self.revoke_feed(&mut rng, &never);
        let stop = AtomicBool::new(false);
        // Every second restore is not killed.
        let kill = self.rng.below(2) == 0;
        let patience = kill.then(|| self.restore_takes * self.rng.below(1000) as u32 / 1000);
        let since = Instant::now();
        let end = std::thread::scope(|scope| {
            let restoring = scope.spawn(|| self.process.run(&["restore", text(&file)], &stop));
            if let Some(patience) = patience {
                std::thread::sleep(patience);
                stop.store(true, Ordering::Relaxed);
            }
            restoring.join().unwrap()
        });
        if !kill {
            self.restore_takes = since.elapsed();
        }
        self.after_kill(power_cut);
        let server = self.process.serve()?;
        let reported = self.reported(&server)?;
        drop(server);
        let restored = reported == before.all();
        match end {
            End::Failed(words) => return Err(format!("a restore failed: {words}")),
            End::Done(_) if !restored => return Err("a restore was acknowledged and is not there".to_owned()),
            End::Done(_) => self.counts.restores += 1,
            End::Killed if !restored && reported != self.books().all() => {
                return Err(format!("cycle {cycle}: a killed restore left neither the old figures nor the backup's"));
            }
            End::Killed => self.counts.restores_killed += 1,
        }
        if restored {
            for (writer, figures) in self.writers.iter().zip(before.figures) {
                writer.lock().unwrap().acknowledged = figures;
            }
            // What was switched off after the backup stays off.
            self.switch.lock().unwrap().acknowledged &= before.switch;
            // A backup has no files of uploads.
            *self.upload.lock().unwrap() = None;
            // The restore logged everybody out.
            *self.uploader.lock().unwrap() = None;
            self.sessions.lock().unwrap().iter_mut().for_each(|session| session.life = Life::Ended);
        }
        std::fs::remove_file(&file).unwrap();
        Ok(())
    }

    fn books(&self) -> Books {
        let figures = self.writers.iter().map(|writer| writer.lock().unwrap().acknowledged.clone()).collect();
        Books { figures, switch: self.switch.lock().unwrap().acknowledged }
    }

    /// Kills the first command on an empty directory: the next one works.
    pub(crate) fn first_start(&mut self, cycle: u32, power_cut: bool) -> Result<(), String> {
        let process = Process { data_dir: self.scratch.join(format!("first-{cycle}")), ..self.process.clone() };
        let stop = AtomicBool::new(false);
        let patience = Duration::from_millis(self.rng.below(40));
        std::thread::scope(|scope| {
            scope.spawn(|| process.run(&["advertiser", "create", "--name", "New"], &stop));
            std::thread::sleep(patience);
            stop.store(true, Ordering::Relaxed);
        });
        if power_cut && process.data_dir.exists() {
            disk::cut_power(&process.data_dir, &process.undo, &mut self.rng).unwrap();
        }
        disk::forget(&process.undo).unwrap();
        process.must(&["advertiser", "create", "--name", "Newer"])?;
        process.must(&["verify", text(&process.data_dir.join("pitlane.db"))])?;
        std::fs::remove_dir_all(&process.data_dir).unwrap();
        self.counts.first_starts += 1;
        Ok(())
    }
}
