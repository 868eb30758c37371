//! What is killed besides the load: restores, first starts and upgrades.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::ledger::Figures;
use crate::plant::{End, Plant};
use crate::shim::text;
use crate::{HTTP_WRITERS, Run, disk};

impl Run {
    /// Restores an older backup and kills that at a random moment: what is there then is the old state or the backup's.
    pub(crate) fn restore(&mut self, cycle: u32, power_cut: bool) -> Result<(), String> {
        let never = AtomicBool::new(false);
        let file = self.scratch.join("restore.sealed");
        self.plant.must(&["backup", text(&file)])?;
        let before: Vec<Figures> = self.figures();
        // What comes after the backup is given up by the restore; a revocation is not.
        let mut chance = self.chance.split();
        let csv = self.writers[HTTP_WRITERS].lock().unwrap().batch(HTTP_WRITERS, &mut chance);
        let import = self.scratch.join("import.csv");
        std::fs::write(&import, csv).unwrap();
        self.plant.must(&["import", text(&import), "--advertiser", "Acme", "--create-missing"])?;
        self.writers[HTTP_WRITERS].lock().unwrap().acknowledge();
        if !self.tokens.lock().unwrap().is_empty() {
            self.revoke_one(&mut chance, &never);
        }
        let stop = AtomicBool::new(false);
        let patience = Duration::from_millis(self.chance.below(30));
        let end = std::thread::scope(|scope| {
            let restoring = scope.spawn(|| self.plant.run(&["restore", text(&file)], &stop));
            std::thread::sleep(patience);
            stop.store(true, Ordering::Relaxed);
            restoring.join().unwrap()
        });
        self.after_kill(power_cut);
        let server = self.plant.serve()?;
        let reported = self.reported(&server)?;
        drop(server);
        let after: Vec<Figures> = self.figures();
        let merged = |all: &[Figures]| all.iter().flatten().map(|(k, v)| (k.clone(), *v)).collect::<Figures>();
        let restored = reported == merged(&before);
        match end {
            End::Failed(words) => return Err(format!("a restore failed: {words}")),
            End::Done(_) if !restored => return Err("a restore was acknowledged and is not there".to_owned()),
            End::Done(_) => drop(self.counts.restores.fetch_add(1, Ordering::Relaxed)),
            End::Killed if !restored && reported != merged(&after) => {
                return Err(format!("cycle {cycle}: a killed restore left neither the old figures nor the backup's"));
            }
            End::Killed => {}
        }
        if restored {
            for (writer, figures) in self.writers.iter().zip(before) {
                writer.lock().unwrap().acknowledged = figures;
            }
        }
        std::fs::remove_file(&file).unwrap();
        Ok(())
    }

    fn figures(&self) -> Vec<Figures> {
        self.writers.iter().map(|writer| writer.lock().unwrap().acknowledged.clone()).collect()
    }

    /// Kills the first command on an empty directory, and on a database that lacks the last steps: the next one works.
    pub(crate) fn first_start(&mut self, cycle: u32, power_cut: bool) -> Result<(), String> {
        let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/schema-1.db");
        for old in [false, true] {
            let plant = Plant {
                data_dir: self.scratch.join(format!("first-{cycle}-{old}")),
                undo: self.plant.undo.clone(),
                shim: self.plant.shim.clone(),
                lie: self.plant.lie,
            };
            if old {
                std::fs::create_dir(&plant.data_dir).unwrap();
                std::fs::copy(fixture, plant.data_dir.join("pitlane.db")).unwrap();
            }
            let stop = AtomicBool::new(false);
            let patience = Duration::from_millis(self.chance.below(40));
            std::thread::scope(|scope| {
                scope.spawn(|| plant.run(&["advertiser", "create", "--name", "New"], &stop));
                std::thread::sleep(patience);
                stop.store(true, Ordering::Relaxed);
            });
            if power_cut && plant.data_dir.exists() {
                disk::cut_power(&plant.data_dir, &plant.undo, &mut self.chance).unwrap();
            }
            disk::forget(&plant.undo).unwrap();
            plant.must(&["advertiser", "create", "--name", "Newer"])?;
            plant.must(&["verify", text(&plant.data_dir.join("pitlane.db"))])?;
            if old
                && plant.must(&["report", "--advertiser", "Acme", "--from", "2026-01-01", "--to", "2026-01-01"])?.len()
                    < 50
            {
                return Err("an upgrade that was killed took figures with it".to_owned());
            }
            std::fs::remove_dir_all(&plant.data_dir).unwrap();
            self.counts.first_starts.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}
