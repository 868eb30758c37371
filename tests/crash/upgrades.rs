//! Kills a start that upgrades a database of an old schema: the result is old or new, never in between, with a backup of
//! what was before.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::common::program::text;
use crate::process::Process;
use crate::{Run, disk};

/// The fixture's rows are copied to this many days, so that a step that rewrites them takes some time.
const DAYS: u32 = 20_000;

/// A database of an old schema, and its expected result.
pub(crate) struct Old {
    schema: u64,
    file: PathBuf,
    /// Its contents, according to `verify`.
    advertisers: serde_json::Value,
    /// The SQL of its schema and of the latest.
    before: Vec<String>,
    latest: Vec<String>,
    version: u64,
    /// How long an upgrade takes without a kill.
    takes: Duration,
}

fn schema_of(file: &Path) -> Vec<String> {
    let conn = Connection::open(file).unwrap();
    let mut statement = conn.prepare("select coalesce(sql, name) from sqlite_schema order by 1").unwrap();
    statement.query_map((), |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn verified(process: &Process, file: &Path) -> Result<serde_json::Value, String> {
    Ok(serde_json::from_str(&process.must(&["--json", "verify", text(file)])?).unwrap())
}

impl Old {
    /// The schemas so far, each with a database that the program of that time made.
    pub(crate) const SCHEMAS: [(u64, &[u8]); 3] = [
        (1, include_bytes!("../fixtures/schema-1.db")),
        (2, include_bytes!("../fixtures/schema-2.db")),
        (11, include_bytes!("../fixtures/schema-11.db")),
    ];

    fn new(scratch: &Path, process: &Process, (schema, bytes): (u64, &[u8])) -> Result<Self, String> {
        let dir = scratch.join(format!("schema-{schema}"));
        std::fs::create_dir(&dir).unwrap();
        let file = dir.join("old.db");
        std::fs::write(&file, bytes).unwrap();
        Connection::open(&file)
            .unwrap()
            .execute_batch(&format!(
                "with recursive days (n) as (select 1 union all select n + 1 from days where n < {DAYS})
                 insert into daily_stats
                     select advertiser_key, day + n, campaign_key, publisher_key, clicks, cost_micros, views, conversions,
                         import_key, import_line
                     from daily_stats, days where day = 20455"
            ))
            .unwrap();
        let trial = process.on(dir.join("trial"), &file);
        let since = Instant::now();
        trial.must(&["advertiser", "list"])?;
        let takes = since.elapsed();
        let database = trial.data_dir.join("pitlane.db");
        let advertisers = verified(process, &file)?["advertisers"].clone();
        let version = verified(process, &database)?["schema"].as_u64().unwrap();
        let (before, latest) = (schema_of(&file), schema_of(&database));
        std::fs::remove_dir_all(&trial.data_dir).unwrap();
        Ok(Self { schema, file, advertisers, before, latest, version, takes })
    }
}

impl Process {
    /// The same in another directory, with a copy of `file`.
    fn on(&self, data_dir: PathBuf, file: &Path) -> Self {
        std::fs::create_dir(&data_dir).unwrap();
        std::fs::copy(file, data_dir.join("pitlane.db")).unwrap();
        // The copy may have the inode of a deleted file, whose recorded writes aren't the copy's.
        disk::forget(&self.undo).unwrap();
        Self { data_dir, ..self.clone() }
    }
}

impl Run {
    /// Kills an upgrade of one of the old schemas in turn.
    pub(crate) fn upgrade(&mut self, cycle: u32, power_cut: bool) -> Result<(), String> {
        let at = cycle as usize / 5 % Old::SCHEMAS.len();
        if self.old[at].is_none() {
            self.old[at] = Some(Old::new(&self.scratch, &self.process, Old::SCHEMAS[at])?);
        }
        let old = self.old[at].as_ref().unwrap();
        let process = self.process.on(self.scratch.join(format!("upgrade-{cycle}")), &old.file);
        let database = process.data_dir.join("pitlane.db");
        let stop = AtomicBool::new(false);
        let patience = old.takes * self.rng.below(1300) as u32 / 1000;
        std::thread::scope(|scope| {
            scope.spawn(|| process.run(&["serve", "--listen", "127.0.0.1:0", "--backup-at", "off"], &stop));
            std::thread::sleep(patience);
            stop.store(true, Ordering::Relaxed);
        });
        if power_cut {
            disk::cut_power(&process.data_dir, &process.undo, &mut self.rng).unwrap();
        }
        disk::forget(&process.undo).unwrap();
        let found = verified(&process, &database)?;
        let holds = |of: &serde_json::Value| of["advertisers"] == old.advertisers;
        let version = found["schema"].as_u64().unwrap();
        if !holds(&found) {
            return Err(format!("an upgrade that was killed took figures with it: {found}"));
        }
        if version > old.schema && !has_backup(&process, old.schema)? {
            return Err(format!("schema {version} was reached without a sound backup of what was before"));
        }
        let between = match version {
            first if first == old.schema => self.schema_left(&database) != old.before,
            last if last == old.version => self.schema_left(&database) != old.latest,
            _ => false,
        };
        if between {
            return Err(format!("a killed upgrade left something between, as schema {version}"));
        }
        process.must(&["advertiser", "list"])?;
        let after = verified(&process, &database)?;
        if after["schema"] != old.version || !holds(&after) || schema_of(&database) != old.latest {
            return Err(format!("the start after a killed upgrade left {after}"));
        }
        std::fs::remove_dir_all(&process.data_dir).unwrap();
        self.counts.upgrades[at].1 += 1;
        self.counts.upgrades_done += usize::from(version == old.version);
        Ok(())
    }

    /// The schema of a database that nobody may open before the program does.
    fn schema_left(&self, database: &Path) -> Vec<String> {
        schema_of(&self.copy_of(database).path().join("pitlane.db"))
    }

    /// A directory with a copy of a database and its WAL.
    pub(crate) fn copy_of(&self, database: &Path) -> tempfile::TempDir {
        let dir = tempfile::tempdir_in(&self.scratch).unwrap();
        for name in ["pitlane.db", "pitlane.db-wal"] {
            let from = database.with_file_name(name);
            if from.exists() {
                std::fs::copy(from, dir.path().join(name)).unwrap();
            }
        }
        dir
    }
}

/// Whether there is a valid backup of this schema.
fn has_backup(process: &Process, schema: u64) -> Result<bool, String> {
    let Ok(entries) = std::fs::read_dir(process.data_dir.join("backups")) else { return Ok(false) };
    let mut found = false;
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("before-schema-") {
            let backup = verified(process, &path)?;
            found |= backup["sealed"] == true && backup["schema"] == schema;
        }
    }
    Ok(found)
}
