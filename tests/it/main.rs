//! The integration tests: one binary, so that everything is linked once.
//!
//! What the contract promises is tested from outside, through HTTP or the program; `layers` reads the source. No test sleeps,
//! or needs a fixed port, the network, or another test.
#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop where it stands")]

#[path = "../common/mod.rs"]
#[expect(dead_code, reason = "each binary uses a part")]
mod common;
#[path = "../common/serving.rs"]
mod serving;

mod alarm_rules;
mod alarm_world;
mod alarms;
mod check;
mod cli;
mod cli_catalogue;
mod cli_export;
mod cli_import;
mod cli_imports;
mod cli_live;
mod connection;
mod documents;
mod errors;
mod feeds;
mod fixtures;
mod freshness;
mod general;
mod handover;
mod harness;
mod http;
mod ingest;
mod layers;
mod ledger;
mod links;
mod lost;
mod malformed;
mod merging;
mod model;
mod names;
mod packet;
mod places;
mod polls;
mod promises;
mod properties;
mod report;
mod report_body;
mod report_dates;
mod routes;
mod secrets;
mod singular;
mod token_secrets;
mod undo;
mod week;
