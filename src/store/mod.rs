//! All access to SQLite.
//!
//! [`Store::read`] and [`Store::write`] run a closure in one transaction; it calls methods of [`ReadTxn`] or
//! [`WriteTxn`], which are named `noun_verb`, in one file per noun. One connection writes, a few read. Another process may have
//! the same file open, so nothing here is cached from one transaction to the next.
//! All calls block: async code goes through `telemetry::blocking`.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::Connection;

mod admins;
mod advertisers;
mod alarms;
mod apps;
mod audit;
mod catalogue;
mod catalogue_lists;
mod checks;
mod convert;
mod error;
mod export;
mod feeds;
mod file;
mod handing_over;
mod imports;
mod keys;
mod known_browsers;
mod lanes;
mod ledger;
mod ledger_past;
mod login_pauses;
mod mappings;
mod merges;
mod network_campaigns;
mod pending_uploads;
mod poll_history;
mod polls;
mod proxies_seen;
mod publishers;
mod sessions;
mod snapshot;
mod stats;
mod tokens;
mod two_factor;
mod txn;
mod urgent;

pub use admins::{AdminRow, PersonRow, SetupLink};
pub use advertisers::AdvertiserRow;
pub use alarms::{AlarmRow, NoticeRow, NoticeText};
pub use apps::AppRow;
pub use audit::{AuditEntry, AuditRow, CUT_OFF};
pub use catalogue::{CampaignRow, OfferRow};
pub use catalogue_lists::{CatalogueCounts, ListPage, ListQuery};
pub use checks::CheckRow;
pub use error::{OrMissing, StoreError, StoreResult};
pub use export::{EXPORTS, Export, NOT_EXPORTED};
pub use feeds::{FeedDays, FeedRow, NewFeed};
pub use file::backup::{Verified, verify};
pub use file::disk::{FilesystemKind, filesystem_kind, free as free_space};
pub use file::import_marker::{ImportMarker, InterruptedImport};
pub use file::lock::Owner;
pub use file::open::{make_private_dir, remove_unfinished, write_private};
pub use file::restore::{Restored, restore};
pub use file::schema::SCHEMA_VERSION;
pub use file::stay_shut::StayedShut;
pub use file::summary::{AdvertiserTotal, DatabaseSummary};
pub use file::trailer::Trailer;
pub use imports::{ImportEntry, ImportKind, ImportRow, ImportSpan, NewImport};
pub use keys::{AdvertiserKey, AppKey, CampaignKey, FeedKey, ImportKey, OfferKey, PublisherKey, TokenKey};
pub use lanes::Lane;
pub use ledger::{NotSingular, SentRequest, ServedAnswer, ServedDays, ServedPoll};
pub use ledger_past::{CampaignPlace, ChangedSince, PastApp, PastOffer};
pub use login_pauses::LoginPause;
pub use mappings::MappingRow;
pub use merges::{Merged, Merges};
pub use network_campaigns::NetworkCampaignRow;
pub use pending_uploads::{PendingUploadRow, UploadPart};
pub use poll_history::{PollFilter, PollSeen};
pub use polls::{PollRow, TokenUse};
pub use proxies_seen::ProxySeen;
pub use publishers::PublisherRow;
pub use sessions::{SessionBounds, SessionRow};
pub use snapshot::{Snapshot, StateId};
pub use stats::daily_stats::{StatCell, StatKey, StatRow, StatWriter, Stored};
pub use stats::day_status::DayStatus;
pub use stats::history::{ChangePage, PastValue, StatChange, UndoChange};
pub use stats::lists::{DaySum, StatFilter, StatLine, Usage};
pub use stats::pages::StatPages;
pub use stats::row::ReportRow;
pub use stats::scan::StatScan;
pub use stats::statements::{StatedSet, StatedSetKey, Statement};
pub use stats::sums::{StatPart, StatSum, SumFault, SumOf, SummedDays};
pub use stats::versions::Version;
pub use tokens::{NewToken, TokenRow};
pub use two_factor::{Code, CodeUse, Sealed, TwoFactorRow};
pub use txn::{ReadTxn, WriteTxn};
pub use urgent::{NewSession, UrgentAct, UrgentNote};

use convert::{Doing, foreign_value, from_ms, parsed, to_ms};
use file::{before_open, disk, epoch, lock, open, upgrade};

/// SQLite before this could corrupt a WAL database that two connections checkpoint at once.
const OLDEST_SOUND_SQLITE: i32 = 3_051_003;

/// How long a stop waits for other processes before it gives up moving the WAL into the database. What stays in the WAL is safe.
const STOP_WAIT: Duration = Duration::from_secs(1);

/// Bytes that must stay free on the disk. Below that, new writes are refused, so that those under way can still finish.
pub const MIN_FREE: u64 = 64 * 1024 * 1024;

/// The database: one writing connection and a few reading ones on one file.
#[derive(Clone)]
pub struct Store {
    readers: r2d2::Pool<SqliteConnectionManager>,
    lanes: Arc<lanes::Lanes>,
    // Dropped after the readers: only the last connection to close checkpoints the WAL, and a reader can't.
    writer: r2d2::Pool<SqliteConnectionManager>,
    path: Arc<PathBuf>,
    urgent: Arc<urgent::NoteFile>,
    epoch: Arc<str>,
    is_other_copy: bool,
    /// Device and inode of the file that was opened, where the system has them.
    identity: Option<(u64, u64)>,
    floor: u64,
    /// Keeps the lock while the database is open anywhere in this process.
    _used: Arc<lock::Use>,
}

impl Store {
    /// The database's file name inside a data directory.
    pub const FILE: &'static str = "pitlane.db";
    /// The directory inside a data directory for the nightly backups.
    pub const BACKUPS: &'static str = "backups";

    /// Opens the database in `data_dir`, creates both if they are missing, and upgrades the schema.
    ///
    /// Fails if the schema is newer than this program's, if the file is another program's or was lost, or if the SQLite
    /// library is known to corrupt files.
    pub fn open(data_dir: &Path) -> StoreResult<Self> {
        if rusqlite::version_number() < OLDEST_SOUND_SQLITE {
            return Err(StoreError::OldSqlite { found: rusqlite::version() });
        }
        open::make_private_dir(data_dir).map_err(|source| disk::refused(data_dir, source))?;
        let used = lock::Use::share(data_dir)?;
        let path = data_dir.join(Self::FILE);
        before_open::check(&path)?;
        open::make_private_file(&path).map_err(|source| disk::refused(&path, source))?;
        let writer = open::writer(&path)?;
        upgrade::upgrade(&mut *writer.get()?, &path, &used)?;
        let (epoch, is_other_copy) = epoch::settle(&mut *writer.get()?, &path)?;
        let readers = open::readers(&path)?;
        Ok(Self {
            readers,
            lanes: Arc::default(),
            writer,
            identity: disk::identity(&path),
            urgent: Arc::new(urgent::NoteFile::of(&path)),
            path: Arc::new(path),
            epoch: epoch.into(),
            is_other_copy,
            floor: MIN_FREE,
            _used: Arc::new(used),
        })
    }

    /// The same database, which refuses writes while fewer than `floor` bytes are free on the disk.
    #[must_use]
    pub fn with_min_free(self, floor: u64) -> Self {
        Self { floor, ..self }
    }

    /// Fails if the disk has less than the floor free; the error says how much is free and needed.
    pub fn ensure_free_space(&self) -> StoreResult<()> {
        disk::ensure_free(disk::dir_of(&self.path), self.floor)
    }

    /// The directory of the database and its files.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// Fails if the file at the path is gone or has been replaced since it was opened: writes to it would be lost.
    pub fn ensure_in_place(&self) -> StoreResult<()> {
        if disk::identity(&self.path) == self.identity {
            return Ok(());
        }
        Err(StoreError::Unsound {
            path: self.path.to_path_buf(),
            problem:
                "the file is gone, or another took its place while the program had it open. Stop the program, put \
                 the right file there, and start it again"
                    .to_owned(),
        })
    }

    /// Fails if the disk has less than `bytes` free on top of the floor.
    pub fn ensure_free_space_for(&self, bytes: u64) -> StoreResult<()> {
        disk::ensure_free(disk::dir_of(&self.path), self.floor.saturating_add(bytes))
    }

    /// The database's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work`, which must be short, in one read transaction.
    pub fn read<T, E: From<StoreError>>(&self, work: impl FnOnce(&ReadTxn<'_>) -> Result<T, E>) -> Result<T, E> {
        self.read_in(Lane::Short, work)
    }

    /// Runs `work` in one read transaction, on a connection of the lane.
    pub fn read_in<T, E: From<StoreError>>(
        &self,
        lane: Lane,
        work: impl FnOnce(&ReadTxn<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        work(&self.snapshot_in(lane)?.txn())
    }

    /// A snapshot of the database, for short work. Waits for a reading connection.
    pub fn snapshot(&self) -> StoreResult<Snapshot> {
        self.snapshot_in(Lane::Short)
    }

    /// A snapshot of the database. Waits for one of the lane's connections.
    pub fn snapshot_in(&self, lane: Lane) -> StoreResult<Snapshot> {
        self.snapshot_with(lane, || self.urgent.read())
    }

    fn snapshot_with(&self, lane: Lane, notes: impl FnOnce() -> StoreResult<Vec<UrgentNote>>) -> StoreResult<Snapshot> {
        let place = self.lanes.take(lane, open::READ_WAIT)?;
        let conn = self.readers.get()?;
        conn.busy_timeout(open::READ_WAIT).doing("set the wait")?;
        Snapshot::begin(conn, place, notes()?)
    }

    /// Like [`Store::snapshot_in`], but never waits: `None` if no connection is idle or another process locks the file.
    ///
    /// For threads that must not block. Pages in neither cache are still read from the disk, so such a thread should read
    /// little at a time.
    pub fn snapshot_now(&self, lane: Lane) -> StoreResult<Option<Snapshot>> {
        let Ok(place) = self.lanes.take(lane, Duration::ZERO) else { return Ok(None) };
        let Some(conn) = self.readers.try_get() else { return Ok(None) };
        // A snapshot never waits once it has begun.
        conn.busy_timeout(Duration::ZERO).doing("shorten the wait")?;
        match Snapshot::begin(conn, place, self.urgent.read()?) {
            Err(StoreError::Busy { .. }) => Ok(None),
            begun => begun.map(Some),
        }
    }

    /// Runs `work` in a write transaction: commits if it succeeds, rolls back if it fails.
    pub fn write<T, E: From<StoreError>>(&self, work: impl FnOnce(&WriteTxn<'_>) -> Result<T, E>) -> Result<T, E> {
        match self.write_or_undo(|txn| work(txn).map(ControlFlow::Continue))? {
            ControlFlow::Continue(kept) => Ok(kept),
            ControlFlow::Break(undone) => Ok(undone),
        }
    }

    /// Like [`Store::write`], but rolls back if `work` returns `Break`, whose value the caller gets.
    pub fn write_or_undo<C, B, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&WriteTxn<'_>) -> Result<ControlFlow<B, C>, E>,
    ) -> Result<ControlFlow<B, C>, E> {
        self.ensure_free_space()?;
        self.write_regardless(work)
    }

    /// Like [`Store::write_or_undo`], even if the disk is nearly full: for what can't wait, such as a revocation.
    pub fn write_regardless<C, B, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&WriteTxn<'_>) -> Result<ControlFlow<B, C>, E>,
    ) -> Result<ControlFlow<B, C>, E> {
        self.ensure_in_place()?;
        let conn = self.writer.get().map_err(StoreError::from)?;
        self.write_on(&conn, work)
    }

    /// Like [`Store::write_or_undo`], for millions of rows of stats. SQLite doesn't check their references; the [`StatWriter`]
    /// does. The WAL is moved into the database after the write lock has been released.
    pub fn write_many<C, B, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&WriteTxn<'_>) -> Result<ControlFlow<B, C>, E>,
    ) -> Result<ControlFlow<B, C>, E> {
        self.ensure_free_space()?;
        self.ensure_in_place()?;
        let result = {
            let conn = self.writer.get().map_err(StoreError::from)?;
            let _many = open::ManyRows::begin(&conn).doing("prepare to write many rows")?;
            self.write_on(&conn, work)?
        };
        if let Err(error) = open::fold_log(&self.path) {
            tracing::warn!(%error, "the log was not moved into the database; one of the next writers will do it");
        }
        Ok(result)
    }

    fn write_on<C, B, E: From<StoreError>>(
        &self,
        conn: &Connection,
        work: impl FnOnce(&WriteTxn<'_>) -> Result<ControlFlow<B, C>, E>,
    ) -> Result<ControlFlow<B, C>, E> {
        let (txn, _) = urgent::begin(conn, self.urgent.path(), false)?;
        let write = WriteTxn::of(&txn);
        let result = work(&write)?;
        if result.is_continue() {
            write.sums_renew()?;
            txn.commit().doing("commit")?;
        } else {
            txn.rollback().doing("roll back")?;
        }
        // Carry out what was noted while this held the lock. If that fails, the notes still count.
        if let Err(error) = urgent::settle(conn, self.urgent.path()) {
            tracing::warn!(%error, "what is urgent is not carried out yet");
        }
        Ok(result)
    }

    /// Moves the WAL into the database file before a stop. Readers in another process may keep part of it there; that is safe.
    pub fn checkpoint(&self) -> StoreResult<()> {
        let conn = self.writer.get_timeout(STOP_WAIT)?;
        let _short = ShortWait::begin(&conn, STOP_WAIT, open::WRITE_WAIT)?;
        conn.query_row("pragma wal_checkpoint(truncate)", (), |_| Ok(())).doing("checkpoint")
    }
}

/// Shortens a connection's busy timeout until it is dropped.
struct ShortWait<'c> {
    conn: &'c Connection,
    usual: Duration,
}

impl<'c> ShortWait<'c> {
    fn begin(conn: &'c Connection, wait: Duration, usual: Duration) -> StoreResult<Self> {
        conn.busy_timeout(wait).doing("shorten the wait")?;
        Ok(Self { conn, usual })
    }
}

impl Drop for ShortWait<'_> {
    fn drop(&mut self) {
        // It only fails on a connection that is closed.
        let _ = self.conn.busy_timeout(self.usual);
    }
}
