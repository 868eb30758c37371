//! How things stand, and how bad that is: one home for each rule that pages, commands, metrics and alarms share.
//!
//! What makes a token live, whether Singular polls, what is missing before the first report, and what needs attention. All
//! of it is read from one transaction and judged by a clock that the caller brings; nothing is remembered.

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
