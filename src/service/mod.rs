//! What the program does, over the store: issue and check tokens, make reports, run imports, keep the poll history, make backups.
//!
//! Shared by the JSON routes, the admin pages and the command line. Knows nothing of HTTP. Functions block unless they
//! are `async`.

pub mod access;
pub mod alarms;
pub mod backups;
pub mod catalogue;
pub mod certificates;
pub mod connect;
pub mod demo;
pub mod imports;
pub mod ledger;
pub mod names;
pub mod pending_uploads;
pub mod polls;
pub mod probe;
pub mod report;
mod snapshot_cache;
pub mod stats;
pub mod status;

use crate::domain::Invalid;
use crate::store::StoreError;

pub use access::lanes::Lane;
pub use access::secrets::{Hasher, hex};

/// Results of the services.
pub type ServiceResult<T> = Result<T, ServiceError>;

/// What went wrong in a service.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The request is invalid.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Too many others wait; trying again later helps.
    #[error("too many secrets are being checked at once")]
    Overloaded,
    /// An error that the caller can't avoid.
    #[error("{0}")]
    Internal(String),
}

impl ServiceError {
    /// Its kind, for programs; the names don't change.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "invalid",
            Self::Store(error) => error.code(),
            Self::Overloaded => "busy",
            Self::Internal(_) => "internal",
        }
    }
}

/// The person or program that acts, for the audit log.
#[derive(Debug, Clone)]
pub struct Actor {
    /// `command line`, an admin's address or a token's id.
    pub name: String,
    /// Its address, if it came over the network.
    pub address: Option<String>,
}

impl Actor {
    /// Anybody who can run commands on the machine.
    #[must_use]
    pub fn command_line() -> Self {
        Self { name: "command line".to_owned(), address: None }
    }

    fn did<'a>(&'a self, action: &'a str, subject: &'a str) -> crate::store::AuditEntry<'a> {
        crate::store::AuditEntry { actor: &self.name, action, subject, address: self.address.as_deref() }
    }
}
