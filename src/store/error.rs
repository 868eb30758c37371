//! What can go wrong in the store, said once. Constraint violations become a named conflict at the query that meets them.

use std::path::PathBuf;

use rusqlite::ErrorCode;

/// Results of the store.
pub type StoreResult<T> = Result<T, StoreError>;

/// What went wrong in the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something of that name exists already; the words are fit for a user.
    #[error("{0}")]
    Conflict(String),
    /// Nothing goes by that name; the words are fit for a user.
    #[error("{0}")]
    Missing(String),
    /// Another process or request holds what is needed; coming back later helps.
    #[error("the database is busy: {doing}")]
    Busy {
        /// What was being done.
        doing: &'static str,
    },
    /// The data directory or the file in it can't be made or opened.
    #[error("can't use {} for the database: {source}", path.display())]
    Directory {
        /// The directory, or the file in it.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The file was written by a newer Pitlane.
    #[error(
        "the database has schema {found}, this program knows up to {known}: it was written by a newer Pitlane. \
         Install that version again, or restore a backup made before the upgrade"
    )]
    NewerSchema {
        /// The file's schema.
        found: i64,
        /// The newest one this program knows.
        known: i64,
    },
    /// The linked SQLite is known to corrupt databases.
    #[error("this build carries SQLite {found}; 3.51.3 or newer is needed, older ones can corrupt the database")]
    OldSqlite {
        /// The library's version.
        found: &'static str,
    },
    /// Anything else from SQLite.
    #[error("could not {doing}: {source}")]
    Sqlite {
        /// What was being done.
        doing: &'static str,
        /// SQLite's own error.
        source: rusqlite::Error,
    },
    /// An upgrade step failed; the file is as it was before the step.
    #[error("could not upgrade the database: {0}")]
    Upgrade(#[from] rusqlite_migration::Error),
}

impl StoreError {
    pub(super) fn sqlite(doing: &'static str, source: rusqlite::Error) -> Self {
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { doing },
            _ => Self::Sqlite { doing, source },
        }
    }

    /// Turns a broken uniqueness rule into a conflict with these words; other errors stay what they are.
    pub(super) fn or_conflict(self, words: impl FnOnce() -> String) -> Self {
        match &self {
            Self::Sqlite { source, .. } if is_unique_violation(source) => Self::Conflict(words()),
            _ => self,
        }
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

/// Turns "no such row" into an error that says what was looked for.
pub trait OrMissing<T> {
    /// `noun` and `name` say what was looked for.
    fn or_missing(self, noun: &str, name: &str) -> StoreResult<T>;
}

impl<T> OrMissing<T> for Option<T> {
    fn or_missing(self, noun: &str, name: &str) -> StoreResult<T> {
        self.ok_or_else(|| StoreError::Missing(format!("there is no {noun} {}", crate::domain::Invalid::echo(name))))
    }
}
