//! The pages that people see: one file per page, with its template's struct beside its handlers.
//!
//! All requests pass [`kit::guard`], which checks who may do what. The pages work without scripts; a form redirects to the
//! page that shows its result. Handlers write through `service` and read from the store's [`ReadTxn`](crate::store::ReadTxn).

pub mod account;
pub mod attention;
pub mod audit;
pub mod catalogue;
pub mod connect;
pub mod home;
pub mod imports;
pub mod kit;
pub mod once;
pub mod polls;
pub mod singular;
pub mod stats;
pub mod token_networks;
pub mod tokens;
