//! The pages people see: one file per page, its template's struct beside its handlers.
//!
//! All of them pass the [`kit::guard`], which knows who may do what. They work without scripts; the answer to a form stands
//! on the page it leads to. Writes go through `service`; reads go straight to the store's [`ReadTxn`](crate::store::ReadTxn).

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
