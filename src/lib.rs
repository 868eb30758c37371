//! Pitlane hands an advertiser's daily campaign cost to Singular.
//!
//! The layers. Each imports only layers to its left:
//! `domain, telemetry < config, import, store < service < http < api, admin < server < cli`.
//! `tests/it/layers.rs` fails on any other import.

pub mod admin;
pub mod api;
pub mod cli;
pub mod config;
pub mod domain;
pub mod http;
pub mod import;
pub mod server;
pub mod service;
pub mod store;
pub mod telemetry;
