//! The errors of the store. A violated constraint becomes a named conflict in the query that violates it.

use std::path::PathBuf;

use rusqlite::ErrorCode;

/// Results of the store.
pub type StoreResult<T> = Result<T, StoreError>;

/// What went wrong in the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something with that name exists already; the message is fit for a user.
    #[error("{0}")]
    Conflict(String),
    /// Nothing has that name; the message is fit for a user.
    #[error("{0}")]
    Missing(String),
    /// Another process or request holds a lock; trying again later helps.
    #[error("the database is busy: {doing}")]
    Busy {
        /// What was being done.
        doing: &'static str,
    },
    /// A directory or file can't be created, opened or used.
    #[error("can't use {}: {reason}{hint}", path.display())]
    Directory {
        /// The directory or file.
        path: PathBuf,
        reason: std::io::Error,
        /// Its owner and what to do, if permissions are missing.
        hint: String,
    },
    /// The disk is full; nothing was changed.
    #[error(
        "the disk of {} is full{}. Nothing was changed, and reports go on. Make room there and try again",
        path.display(),
        room.map(|(free, floor)| format!(": {} MB free, {} MB needed", free >> 20, floor >> 20)).unwrap_or_default()
    )]
    DiskFull {
        /// The directory or file.
        path: PathBuf,
        /// Free and needed bytes, if they were checked beforehand.
        room: Option<(u64, u64)>,
    },
    /// A server is already running.
    #[error(
        "another server uses {}: {who}. Stop it first, or use another directory: --data-dir DIR",
        path.display()
    )]
    Served {
        path: PathBuf,
        /// Its process and address.
        who: String,
    },
    /// Other processes have the database open.
    #[error(
        "other Pitlane processes have the database in {} open, and this must be done alone. \
         Wait until they are done, or stop them, and try again",
        path.display()
    )]
    InUse { path: PathBuf },
    /// A file isn't, or is no longer, a valid Pitlane database.
    #[error("{} is not sound: {problem}", path.display())]
    Unsound { path: PathBuf, problem: String },
    /// The file in the database's place is another program's, or the database is gone; nothing was written.
    #[error("{} was not opened: {problem}", path.display())]
    NotOpened { path: PathBuf, problem: String },
    /// The work was cancelled.
    #[error("stopped")]
    Stopped,
    /// The file was written by a newer Pitlane.
    #[error(
        "the database has schema {found}, this program knows up to {known}: it was written by a newer Pitlane. \
         Install that version again, or restore a backup made before the upgrade"
    )]
    NewerSchema {
        found: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// The linked SQLite is known to corrupt databases.
    #[error("this build carries SQLite {found}; 3.51.3 or newer is needed, older ones can corrupt the database")]
    OldSqlite { found: &'static str },
    /// Anything else from SQLite.
    #[error("could not {doing}: {cause}{}", advice(cause))]
    Sqlite {
        /// What was being done.
        doing: &'static str,
        cause: rusqlite::Error,
    },
    /// An upgrade step failed; the file is as it was before the step.
    #[error("could not upgrade the database: {0}")]
    Upgrade(#[from] rusqlite_migration::Error),
}

impl StoreError {
    /// Its kind, for programs; the names don't change.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Conflict(_) => "conflict",
            Self::Missing(_) => "not_found",
            Self::Busy { .. } | Self::Served { .. } | Self::InUse { .. } => "busy",
            Self::DiskFull { .. } => "disk_full",
            _ => "store",
        }
    }

    pub(super) fn sqlite(doing: &'static str, source: rusqlite::Error) -> Self {
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { doing },
            Some(ErrorCode::DiskFull) => Self::DiskFull { path: "the database".into(), room: None },
            _ => Self::Sqlite { doing, cause: source },
        }
    }

    /// Turns a violated uniqueness constraint into a conflict with this message; returns other errors unchanged.
    pub(super) fn or_conflict(self, message: impl FnOnce() -> String) -> Self {
        match &self {
            Self::Sqlite { cause, .. } if is_unique_violation(cause) => Self::Conflict(message()),
            _ => self,
        }
    }

    /// Turns a violated foreign key into a conflict with this message; returns other errors unchanged.
    pub(super) fn or_in_use(self, message: &str) -> Self {
        match &self {
            Self::Sqlite { cause, .. }
                if cause.sqlite_extended_error_code() == Some(rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY) =>
            {
                Self::Conflict(message.to_owned())
            }
            _ => self,
        }
    }
}

/// What to do about an operating system's error.
fn advice(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::SystemIoFailure) => {
            ". The disk or its file system failed; nothing of this change was kept. \
             Look into the system's log, then run: pitlane doctor"
        }
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
            ". Nothing was changed. Is the file system read-only, or the directory somebody else's? pitlane doctor says more"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            ". The file is damaged. Stop the server, then put a backup back: pitlane restore FILE"
        }
        _ => "",
    }
}

fn is_unique_violation(error: &rusqlite::Error) -> bool {
    error.sqlite_extended_error_code().is_some_and(|code| {
        code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE || code == rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY
    })
}

impl From<r2d2::Error> for StoreError {
    fn from(_: r2d2::Error) -> Self {
        Self::Busy { doing: "wait for a connection" }
    }
}

/// Turns "no such row" into an error that names what was looked for.
pub trait OrMissing<T> {
    /// `noun` and `name` say what was looked for.
    fn or_missing(self, noun: &str, name: &str) -> StoreResult<T>;
}

impl<T> OrMissing<T> for Option<T> {
    fn or_missing(self, noun: &str, name: &str) -> StoreResult<T> {
        self.ok_or_else(|| StoreError::Missing(format!("there is no {noun} {}", crate::domain::Invalid::echo(name))))
    }
}
