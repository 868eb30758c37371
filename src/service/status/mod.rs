//! The state of things, and which of it is an alert. Pages, commands, metrics and alarms share these rules.
//!
//! When a token is live, whether Singular polls, what is missing before the first report, and what needs attention.
//! Everything is read from one transaction with the caller's clock; nothing is cached.

mod alert;
mod attention;
mod handover;
mod polling;
mod setup;
mod token;

pub use alert::{Alert, AlertKind, Severity};
pub use attention::{ApplianceStatus, ChannelStatus, of_advertiser, of_appliance};
pub use handover::of_ledger;
pub use polling::{PollingState, PollingStatus, polling_states};
pub use setup::{CatalogueEntry, Setup};
pub use token::{EXPIRY_NOTICE, Rotation, TokenState, rotation};
