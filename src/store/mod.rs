//! The only room that sees SQLite.
//!
//! [`Store::read`] and [`Store::write`] run a closure in one transaction; the methods it can call are named `noun_verb` and
//! stand in one file per noun, on [`ReadTxn`] or [`WriteTxn`]. One writing connection, a few reading ones. The same file may
//! be opened by another process at the same time, so nothing here is remembered from one transaction to the next.
//! All calls block: async code goes through `telemetry::blocking`.

use std::ops::{ControlFlow, Deref};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

mod admins;
mod advertisers;
mod audit;
mod catalogue;
mod daily_stats;
mod error;
mod imports;
mod keys;
mod polls;
mod publishers;
mod schema;
mod tokens;
mod versions;

pub use admins::AdminRow;
pub use advertisers::AdvertiserRow;
pub use audit::AuditEntry;
pub use catalogue::{CampaignRow, OfferRow};
pub use daily_stats::{GeneralCell, StatCell, StatKey, StatWriter, Stored};
pub use error::{OrMissing, StoreError, StoreResult};
pub use imports::{ImportKind, ImportRow};
pub use keys::{AdvertiserKey, AppKey, CampaignKey, ImportKey, OfferKey, PublisherKey, TokenKey};
pub use polls::{PollRow, TokenUse};
pub use publishers::PublisherRow;
pub use schema::SCHEMA_VERSION;
pub use tokens::{NewToken, TokenRow};
pub use versions::Version;

/// SQLite before this could corrupt a WAL database that two connections checkpoint at once.
const OLDEST_SOUND_SQLITE: i32 = 3_051_003;

/// How long a writer waits for another one, in this process or outside. An import of millions of rows holds the lock for
/// seconds; nobody should see "database is locked" for it.
const WRITE_WAIT: Duration = Duration::from_mins(1);

/// How long a reader waits for a free connection before the answer is "come back later".
const READ_WAIT: Duration = Duration::from_secs(5);

/// Reading connections. Each may hold 2 MB of cache; a report keeps one for as long as its client takes it.
const READERS: u32 = 8;

/// The database: one writing connection and a few reading ones on one file.
#[derive(Clone)]
pub struct Store {
    writer: r2d2::Pool<SqliteConnectionManager>,
    readers: r2d2::Pool<SqliteConnectionManager>,
    path: Arc<PathBuf>,
}

impl Store {
    /// The database's file name inside a data directory.
    pub const FILE: &'static str = "pitlane.db";

    /// Opens the database in `data_dir`, makes both where they are missing, and brings the schema up to date.
    ///
    /// Fails on a schema newer than this program's, and on a SQLite library known to corrupt files.
    pub fn open(data_dir: &Path) -> StoreResult<Self> {
        if rusqlite::version_number() < OLDEST_SOUND_SQLITE {
            return Err(StoreError::OldSqlite { found: rusqlite::version() });
        }
        make_private_dir(data_dir).map_err(|source| StoreError::Directory { path: data_dir.to_owned(), source })?;
        let path = data_dir.join(Self::FILE);
        make_private_file(&path).map_err(|source| StoreError::Directory { path: path.clone(), source })?;
        let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let writer = pool(1, WRITE_WAIT, &path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE, prepare_writer)?;
        schema::upgrade(&mut *writer.get()?)?;
        let readers = pool(READERS, READ_WAIT, &path, flags | OpenFlags::SQLITE_OPEN_READ_ONLY, prepare_reader)?;
        Ok(Self { writer, readers, path: Arc::new(path) })
    }

    /// The database's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` on one unchanging state of the database.
    pub fn read<T, E: From<StoreError>>(&self, work: impl FnOnce(&ReadTxn<'_>) -> Result<T, E>) -> Result<T, E> {
        let conn = self.readers.get().map_err(StoreError::from)?;
        let txn = conn.unchecked_transaction().doing("begin reading")?;
        work(&ReadTxn { conn: &txn })
    }

    /// Runs `work` and commits what it wrote, or, when it fails, leaves everything as it was.
    pub fn write<T, E: From<StoreError>>(&self, work: impl FnOnce(&WriteTxn<'_>) -> Result<T, E>) -> Result<T, E> {
        match self.write_or_undo(|txn| work(txn).map(ControlFlow::Continue))? {
            ControlFlow::Continue(kept) => Ok(kept),
            ControlFlow::Break(undone) => Ok(undone),
        }
    }

    /// Like [`Store::write`], but `work` may end with `Break`: its result is handed on and nothing is written.
    pub fn write_or_undo<C, B, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&WriteTxn<'_>) -> Result<ControlFlow<B, C>, E>,
    ) -> Result<ControlFlow<B, C>, E> {
        let mut conn = self.writer.get().map_err(StoreError::from)?;
        let txn = conn.transaction_with_behavior(TransactionBehavior::Immediate).doing("begin writing")?;
        let write = WriteTxn { read: ReadTxn { conn: &txn } };
        let result = work(&write)?;
        if result.is_continue() {
            txn.commit().doing("commit")?;
        } else {
            txn.rollback().doing("roll back")?;
        }
        Ok(result)
    }

    /// Whether the write lock can be had within a moment; nothing is written.
    pub fn can_write(&self) -> StoreResult<()> {
        let mut conn = self.writer.get_timeout(Duration::from_secs(1))?;
        conn.busy_timeout(Duration::from_secs(1)).doing("shorten the wait")?;
        let taken = conn.transaction_with_behavior(TransactionBehavior::Immediate).and_then(Transaction::rollback);
        conn.busy_timeout(WRITE_WAIT).doing("restore the wait")?;
        taken.doing("take the write lock")
    }

    /// Moves the log into the database file, for a tidy stop. Readers of another process may keep part of it; that is fine.
    pub fn checkpoint(&self) -> StoreResult<()> {
        let conn = self.writer.get()?;
        conn.query_row("pragma wal_checkpoint(truncate)", (), |_| Ok(())).doing("checkpoint")
    }

    /// SQLite's own check of the whole file: the problems it found.
    pub fn integrity_problems(&self) -> StoreResult<Vec<String>> {
        self.read(|txn| {
            let mut problems =
                txn.list("check the file", "pragma integrity_check", (), |row| row.get::<_, String>(0))?;
            problems.retain(|line| line != "ok");
            problems.extend(txn.list("check references", "pragma foreign_key_check", (), |row| {
                Ok(format!(
                    "a row of {} points at a missing row of {}",
                    row.get::<_, String>(0)?,
                    row.get::<_, String>(2)?
                ))
            })?);
            Ok(problems)
        })
    }
}

/// One unchanging state of the database.
pub struct ReadTxn<'c> {
    conn: &'c Connection,
}

impl ReadTxn<'_> {
    /// All rows of a query whose statement is kept prepared.
    fn list<T>(
        &self,
        doing: &'static str,
        sql: &str,
        params: impl rusqlite::Params,
        row: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> StoreResult<Vec<T>> {
        let mut statement = self.conn.prepare_cached(sql).doing(doing)?;
        statement.query_map(params, row).and_then(Iterator::collect).doing(doing)
    }

    /// The first row of a query whose statement is kept prepared.
    fn first<T>(
        &self,
        doing: &'static str,
        sql: &str,
        params: impl rusqlite::Params,
        row: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> StoreResult<Option<T>> {
        use rusqlite::OptionalExtension as _;
        let mut statement = self.conn.prepare_cached(sql).doing(doing)?;
        statement.query_row(params, row).optional().doing(doing)
    }
}

/// A transaction that holds the write lock. Everything readable is readable here too, its own changes included.
pub struct WriteTxn<'c> {
    read: ReadTxn<'c>,
}

impl<'c> Deref for WriteTxn<'c> {
    type Target = ReadTxn<'c>;

    fn deref(&self) -> &ReadTxn<'c> {
        &self.read
    }
}

impl WriteTxn<'_> {
    /// Runs a statement that is kept prepared; the number of rows it touched.
    fn run(&self, doing: &'static str, sql: &str, params: impl rusqlite::Params) -> StoreResult<usize> {
        self.conn.prepare_cached(sql).and_then(|mut statement| statement.execute(params)).doing(doing)
    }

    /// Runs an insert; the key of the new row.
    fn insert(&self, doing: &'static str, sql: &str, params: impl rusqlite::Params) -> StoreResult<i64> {
        self.conn.prepare_cached(sql).and_then(|mut statement| statement.insert(params)).doing(doing)
    }
}

/// What was being done when SQLite refused; turns its error into ours.
trait Doing<T> {
    fn doing(self, doing: &'static str) -> StoreResult<T>;
}

impl<T> Doing<T> for rusqlite::Result<T> {
    fn doing(self, doing: &'static str) -> StoreResult<T> {
        self.map_err(|source| StoreError::sqlite(doing, source))
    }
}

fn pool(
    size: u32,
    wait: Duration,
    path: &Path,
    flags: OpenFlags,
    prepare: fn(&mut Connection) -> rusqlite::Result<()>,
) -> StoreResult<r2d2::Pool<SqliteConnectionManager>> {
    // One connection is opened first, outside the pool: the pool would log and retry, and say nothing of the reason.
    let mut probe = Connection::open_with_flags(path, flags).doing("open the database")?;
    prepare(&mut probe).doing("prepare the database")?;
    drop(probe);
    let manager = SqliteConnectionManager::file(path).with_flags(flags).with_init(prepare);
    let pool = r2d2::Pool::builder()
        .max_size(size)
        .min_idle(Some(0))
        .max_lifetime(None)
        .idle_timeout(None)
        .test_on_check_out(false)
        .connection_timeout(wait)
        .build_unchecked(manager);
    Ok(pool)
}

fn prepare_writer(conn: &mut Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(WRITE_WAIT)?;
    conn.pragma_update(None, "journal_mode", "wal")?;
    conn.pragma_update(None, "synchronous", "full")?;
    prepare_any(conn)
}

fn prepare_reader(conn: &mut Connection) -> rusqlite::Result<()> {
    conn.busy_timeout(READ_WAIT)?;
    conn.pragma_update(None, "query_only", true)?;
    prepare_any(conn)
}

fn prepare_any(conn: &Connection) -> rusqlite::Result<()> {
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "mmap_size", 0)?;
    conn.pragma_update(None, "cache_size", -2048)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Makes the directory for its owner alone: it holds an advertiser's spend.
fn make_private_dir(dir: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(dir)
}

/// Makes the database's file for its owner alone, if it is missing; SQLite gives its log the same rights.
fn make_private_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.append(true).create(true).open(path).map(drop)
}

/// A moment as stored: milliseconds since 1970 in UTC.
fn to_ms(moment: DateTime<Utc>) -> i64 {
    moment.timestamp_millis()
}

/// A stored moment.
fn from_ms(ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}

/// A column whose text one of the domain's types reads. The schema's checks keep other text out, so a failure means that
/// somebody else wrote the file.
fn parsed<T: std::str::FromStr<Err = crate::domain::Invalid>>(
    row: &rusqlite::Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    text.parse().map_err(|invalid| foreign_value(column, invalid))
}

/// A stored value that is none of the domain's.
fn foreign_value(column: usize, invalid: crate::domain::Invalid) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(invalid))
}
