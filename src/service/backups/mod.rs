//! The server's own backups: one each night, verified, and restored as a test once a week.
//!
//! The results are stored in a small file beside them, so that the command line and a restarted server know them. A backup
//! counts as verified once it was read back completely; each night all backups are verified again.

mod copy;
mod keep;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{ServiceError, ServiceResult};
use crate::store::{self, Store, StoreError};
pub use copy::CopyStatus;

/// How long a server that missed a backup waits after its start, so that the first requests come first.
const SETTLE: Duration = Duration::from_secs(10);
/// How often the clock is checked; it may jump.
const LOOK: Duration = Duration::from_mins(1);
/// How long after a failure the next attempt waits.
const AGAIN: TimeDelta = TimeDelta::hours(1);
/// How long a test restore counts; a little under a week, so that it stays on the same night.
const DRILL_HOLDS: TimeDelta = TimeDelta::hours(7 * 24 - 12);
/// From this age on, the last verified backup is too old.
const TOO_OLD: TimeDelta = TimeDelta::hours(36);
/// Clocks are sometimes set back by up to this much.
const CLOCK_STEP: TimeDelta = TimeDelta::minutes(5);
const STATUS: &str = "status.json";

/// The state of a data directory's own backups.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct BackupStatus {
    /// When the newest verified backup was made.
    pub proven_at: Option<DateTime<Utc>>,
    /// When a backup was last restored as a test.
    pub drilled_at: Option<DateTime<Utc>>,
    /// When the last attempt began.
    pub attempted_at: Option<DateTime<Utc>>,
    /// Why the last attempt failed, if it did.
    pub failure: Option<String>,
    /// Backups that were found damaged. They are kept.
    pub damaged: Vec<String>,
    /// Backups with names in the future: the clock was wrong when they were made. They stay until somebody deletes them.
    pub dated_ahead: Vec<String>,
}

impl BackupStatus {
    /// The state that the data directory's server stored last; `None` if it never made a backup.
    pub fn of(data_dir: &Path) -> ServiceResult<Self> {
        let path = data_dir.join(Store::BACKUPS).join(STATUS);
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| unusable(&path, &error)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(unusable(&path, &error)),
        }
    }

    /// Age of the last verified backup; `None` if there is none, or if the clock was set back since.
    #[must_use]
    pub fn age(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        self.proven_at.map(|at| now - at).filter(|age| *age >= TimeDelta::zero())
    }

    /// A problem that somebody should look at, if there is one.
    #[must_use]
    pub fn trouble(&self, now: DateTime<Utc>) -> Option<String> {
        if !self.damaged.is_empty() {
            return Some(format!("damaged backups: {}", self.damaged.join(", ")));
        }
        if let Some(failure) = &self.failure {
            return Some(format!("the last backup failed: {failure}"));
        }
        let age = self.age(now)?;
        (age > TOO_OLD).then(|| format!("the last verified backup is {} hours old", age.num_hours()))
    }

    /// Whether a backup is due, if `nightly` is its time of day in UTC.
    fn is_due(&self, nightly: NaiveTime, now: DateTime<Utc>) -> bool {
        if self.failure.is_some() {
            return self.attempted_at.is_none_or(|at| now - at >= AGAIN || at > now);
        }
        let today = now.date_naive().and_time(nightly).and_utc();
        let last_turn = if today <= now { today } else { today - TimeDelta::days(1) };
        // A backup from the future was made while the clock was wrong, so its age isn't known.
        self.proven_at.is_none_or(|at| at < last_turn || at > now)
    }
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> ServiceError {
    ServiceError::Internal(format!("can't use {}: {error}", path.display()))
}

/// Makes the backups of one data directory and keeps their state.
pub struct Backups {
    store: Store,
    dir: PathBuf,
    status: Mutex<BackupStatus>,
    stopping: AtomicBool,
    stop: SyncSender<()>,
}

impl Backups {
    /// Starts making a backup every night at this time in UTC; without a time it only reports the stored state.
    pub fn start(store: Store, nightly: Option<NaiveTime>) -> std::io::Result<Arc<Self>> {
        let status = BackupStatus::of(store.data_dir()).unwrap_or_else(|error| {
            tracing::warn!(%error, "the stored state of earlier backups is lost");
            BackupStatus::default()
        });
        let dir = store.data_dir().join(Store::BACKUPS);
        let (stop, stopped) = sync_channel(1);
        let backups = Arc::new(Self { store, dir, status: Mutex::new(status), stopping: AtomicBool::new(false), stop });
        if let Some(nightly) = nightly {
            let backups = Arc::clone(&backups);
            std::thread::Builder::new()
                .name("backups".to_owned())
                .spawn(move || backups.every_night(nightly, &stopped))?;
        }
        Ok(backups)
    }

    #[must_use]
    pub fn status(&self) -> BackupStatus {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Cancels the running backup, of which nothing stays.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        let _ = self.stop.try_send(());
    }

    fn every_night(&self, nightly: NaiveTime, stopped: &Receiver<()>) {
        let mut wait = SETTLE;
        while matches!(stopped.recv_timeout(wait), Err(RecvTimeoutError::Timeout)) {
            if self.status().is_due(nightly, Utc::now()) {
                self.make_one(Utc::now());
            }
            wait = LOOK;
        }
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Makes a backup, verifies the others, deletes old ones, and restores one as a test if that is due.
    pub fn make_one(&self, now: DateTime<Utc>) {
        let mut status = self.status();
        status.attempted_at = Some(now);
        let done = self.night(&mut status, now);
        if self.is_stopping() {
            return;
        }
        status.failure = done.err().map(|error| error.to_string());
        if let Some(trouble) = status.trouble(now) {
            tracing::error!(%trouble, "backups need looking after");
        } else {
            tracing::info!(directory = %self.dir.display(), "backup made and verified");
        }
        if let Err(error) = self.note(&status) {
            tracing::error!(%error, "the result could not be stored");
        }
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    fn night(&self, status: &mut BackupStatus, now: DateTime<Utc>) -> ServiceResult<()> {
        let go_on = || !self.is_stopping();
        store::make_private_dir(&self.dir).map_err(|error| unusable(&self.dir, &error))?;
        self.clean()?;
        let newest = self.dir.join(keep::name(now));
        // After a kill in the second in which the backup got its name, the next start finds it there.
        if !newest.exists() {
            self.store.backup(&newest, &go_on)?;
        }
        status.proven_at = Some(now);
        status.damaged = self.damaged(&go_on)?;
        // A damaged backup stays for inspection, and doesn't count as one of the backups to keep.
        let made: BTreeSet<_> = self
            .names()?
            .iter()
            .filter(|name| !status.damaged.contains(name))
            .filter_map(|n| keep::made_at(n))
            .collect();
        status.dated_ahead = made.range(now + CLOCK_STEP..).map(|at| keep::name(*at)).collect();
        for at in keep::outlived(&made, now) {
            let path = self.dir.join(keep::name(at));
            std::fs::remove_file(&path).map_err(|error| unusable(&path, &error))?;
        }
        if status.drilled_at.is_none_or(|at| now - at > DRILL_HOLDS || at > now) {
            self.drill(&newest)?;
            status.drilled_at = Some(now);
        }
        Ok(())
    }

    /// Restores a backup into a temporary directory and opens the result.
    fn drill(&self, backup: &Path) -> ServiceResult<()> {
        let scratch = tempfile::Builder::new().prefix(".drill-").tempdir_in(&self.dir);
        let scratch = scratch.map_err(|error| unusable(&self.dir, &error))?;
        let restored = store::restore(backup, scratch.path())?;
        let store = Store::open(scratch.path())?;
        let found = store::verify(store.path())?.contents;
        if found.advertisers != restored.from.contents.advertisers {
            let failed = format!("{}: the test restore differs from the backup", backup.display());
            return Err(ServiceError::Internal(failed));
        }
        Ok(())
    }

    /// The kept backups that are damaged.
    fn damaged(&self, go_on: &dyn Fn() -> bool) -> ServiceResult<Vec<String>> {
        let mut damaged = Vec::new();
        for name in self.names()?.into_iter().filter(|name| Path::new(name).extension().is_some_and(|e| e == "db")) {
            if !go_on() {
                return Err(StoreError::Stopped.into());
            }
            if let Err(error) = store::verify(&self.dir.join(&name)) {
                tracing::error!(%error, "a kept backup is damaged");
                damaged.push(name);
            }
        }
        Ok(damaged)
    }

    fn names(&self) -> ServiceResult<Vec<String>> {
        let failed = |error| unusable(&self.dir, &error);
        let entries = std::fs::read_dir(&self.dir).map_err(failed)?;
        let names = entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()));
        let mut names = names.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        names.sort_unstable();
        Ok(names)
    }

    /// Deletes incomplete files of a killed server.
    fn clean(&self) -> ServiceResult<()> {
        store::remove_unfinished(&self.dir).map_err(|error| unusable(&self.dir, &error))?;
        for name in self.names()? {
            let path = self.dir.join(&name);
            let removed = if name.starts_with(".drill-") {
                std::fs::remove_dir_all(&path)
            } else if name.starts_with(".before-schema-") {
                std::fs::remove_file(&path)
            } else {
                continue;
            };
            removed.map_err(|error| unusable(&path, &error))?;
        }
        Ok(())
    }

    fn note(&self, status: &BackupStatus) -> ServiceResult<()> {
        let path = self.dir.join(STATUS);
        let text = serde_json::to_vec_pretty(status).map_err(|error| unusable(&path, &error))?;
        store::write_private(&path, &text).map_err(|error| unusable(&path, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::demo;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// Backups of the demo's database, made on demand.
    fn backups() -> (tempfile::TempDir, Arc<Backups>) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        demo::fill(&store, crate::domain::Day::parse("day", "2026-11-01").unwrap()).unwrap();
        let backups = Backups::start(store, None).unwrap();
        (dir, backups)
    }

    fn flip(path: &Path, byte: usize) {
        let mut bytes = std::fs::read(path).unwrap();
        bytes[byte] ^= 1;
        std::fs::write(path, bytes).unwrap();
    }

    #[test]
    fn a_backup_is_due_each_night_and_after_a_missed_one() {
        let three = NaiveTime::from_hms_opt(3, 0, 0).unwrap();
        let proven = |text| BackupStatus { proven_at: Some(at(text)), ..BackupStatus::default() };
        assert!(BackupStatus::default().is_due(three, at("2026-11-22T12:00:00Z")));
        assert!(!proven("2026-11-22T03:00:05Z").is_due(three, at("2026-11-22T12:00:00Z")));
        assert!(!proven("2026-11-22T03:00:05Z").is_due(three, at("2026-11-23T02:59:59Z")));
        assert!(proven("2026-11-22T03:00:05Z").is_due(three, at("2026-11-23T03:00:00Z")));
        assert!(proven("2026-11-19T03:00:05Z").is_due(three, at("2026-11-23T02:00:00Z")));
        let mut failed = proven("2026-11-22T03:00:05Z");
        failed.failure = Some("full".to_owned());
        failed.attempted_at = Some(at("2026-11-23T03:00:00Z"));
        assert!(!failed.is_due(three, at("2026-11-23T03:59:00Z")));
        assert!(failed.is_due(three, at("2026-11-23T04:00:00Z")));
        // The clock was wrong when it was made.
        assert!(proven("2031-01-01T03:00:05Z").is_due(three, at("2026-11-23T12:00:00Z")));
    }

    #[test]
    fn a_backup_from_the_future_does_not_count() {
        let (_dir, backups) = backups();
        let (wrong, now) = (Utc::now() + TimeDelta::days(1000), Utc::now());
        backups.make_one(wrong);
        assert_eq!(backups.status().age(now), None);
        for night in (0..12).rev() {
            let night = now - TimeDelta::days(night);
            backups.make_one(night);
            assert!(backups.dir.join(keep::name(night)).exists(), "the night's own backup went at once");
        }
        assert_eq!(backups.status().dated_ahead, [keep::name(wrong)]);
        assert_eq!(backups.status().proven_at, Some(now));
        assert!(backups.status().drilled_at.is_some_and(|at| at <= now), "no drill since the clock was set right");
        assert_eq!(backups.status().trouble(now), None);
        // Made again in the same second, as after a kill before the result was stored.
        backups.make_one(now);
        assert_eq!(backups.status().trouble(now), None);
    }

    #[test]
    fn a_night_leaves_a_verified_backup_and_a_status_that_others_can_read() {
        let (dir, backups) = backups();
        let now = Utc::now();
        backups.make_one(now);
        let mode = std::os::unix::fs::PermissionsExt::mode(&backups.dir.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o700);
        let status = backups.status();
        assert_eq!((status.proven_at, status.drilled_at, status.failure.as_deref()), (Some(now), Some(now), None));
        assert_eq!(status.trouble(now), None);
        assert_eq!(BackupStatus::of(dir.path()).unwrap(), status);
        let names = backups.names().unwrap();
        assert_eq!(names, [keep::name(now), STATUS.to_owned()]);
        assert!(status.trouble(now + TimeDelta::hours(40)).unwrap().contains("40 hours old"));
    }

    #[test]
    fn a_byte_that_flipped_in_a_kept_backup_is_reported_the_next_night() {
        let (_dir, backups) = backups();
        let first = Utc::now() - TimeDelta::days(1);
        backups.make_one(first);
        let path = backups.dir.join(keep::name(first));
        flip(&path, 50_000);
        backups.make_one(Utc::now());
        let status = backups.status();
        assert_eq!(status.damaged, [keep::name(first)]);
        assert!(status.trouble(Utc::now()).unwrap().contains(&keep::name(first)));
        assert!(path.exists());
    }

    #[test]
    fn a_backup_that_can_not_be_made_is_told_at_once() {
        let (dir, backups) = backups();
        std::fs::write(dir.path().join(Store::BACKUPS), "in the way").unwrap();
        backups.make_one(Utc::now());
        assert!(backups.status().trouble(Utc::now()).unwrap().contains("the last backup failed"));
    }

    #[test]
    fn incomplete_files_of_a_killed_server_are_deleted() {
        let (_dir, backups) = backups();
        std::fs::create_dir_all(backups.dir.join(".drill-abc")).unwrap();
        std::fs::write(backups.dir.join(".pitlane-20260101T000000Z.db.x.part"), "half").unwrap();
        std::fs::write(backups.dir.join(".before-schema-2-20260101T000000000Z.db.x.part"), "half").unwrap();
        let now = Utc::now();
        backups.make_one(now);
        assert_eq!(backups.names().unwrap(), [keep::name(now), STATUS.to_owned()]);
    }
}
