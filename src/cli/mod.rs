//! The command line (contract §5): one file per subcommand.
//!
//! Data goes to stdout, messages and progress to stderr. Exit 0 done, 1 failed, 2 wrong usage. Every command names the
//! database it opened, and works while a server runs on the same database.

mod admin;
mod advertiser;
mod alarm;
mod backup;
mod campaign;
mod catalogue;
mod demo;
mod doctor;
mod export;
mod feed;
mod healthcheck;
mod import;
mod imports;
mod manual;
mod merging;
mod offer;
mod output;
mod preview;
mod publisher;
mod report;
mod restore;
mod serve;
mod service_manager;
mod singular;
mod table;
mod token;
mod verify;

use std::io::IsTerminal as _;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config;
use crate::domain::{Invalid, phrase};
use crate::service::ledger;
use crate::store::{Owner, Store};
use crate::telemetry;
use output::{print, print_json, say};

/// A self-hosted appliance that hands an advertiser's daily campaign cost to Singular
#[derive(Debug, Parser)]
#[command(name = "pitlane", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: config::Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the appliance
    Serve(config::Serve),
    /// Fill an empty data directory with a sample advertiser and 90 days, then serve it
    Demo(config::Serve),
    /// Manage the people who may log in
    #[command(subcommand)]
    Admin(admin::Command),
    /// Manage advertisers, the accounts that pay
    #[command(subcommand)]
    Advertiser(advertiser::Command),
    /// List offers, and switch cost reporting on or off
    #[command(subcommand)]
    Offer(offer::Command),
    /// List, merge and move campaigns, the advertisers' own names for offers
    #[command(subcommand)]
    Campaign(campaign::Command),
    /// List the apps that are advertised
    #[command(subcommand)]
    App(catalogue::OfAdvertiser),
    /// List and merge publishers, the partners that promote offers
    #[command(subcommand)]
    Publisher(publisher::Command),
    /// Manage API tokens
    #[command(subcommand)]
    Token(token::Command),
    /// Import daily stats from a file: all rows, or none if anything is wrong
    Import(import::Args),
    /// List, show and undo imports
    #[command(subcommand)]
    Imports(imports::Command),
    /// List saved mappings, which remember how to read files
    #[command(subcommand)]
    Mapping(catalogue::Shared),
    /// Print the cost report as Singular would get it
    Report(report::Args),
    /// Manage feeds: links that give partners other than Singular an advertiser's cost as CSV
    #[command(subcommand)]
    Feed(feed::Command),
    /// See what Singular received, and connect an advertiser's account in Singular
    #[command(subcommand)]
    Singular(singular::Command),
    /// Write a verified copy of the database, also while a server runs
    Backup(backup::Args),
    /// Put a backup in the database's place; the old database is kept
    Restore(restore::Args),
    /// Say what a file contains and whether it is intact
    Verify(verify::Args),
    /// Check the installation and say what to do
    Doctor(doctor::Args),
    /// Test the alarm channels, and set when stats are due
    #[command(subcommand)]
    Alarm(alarm::Command),
    /// Ask the running server whether it works; exit 1 if not
    Healthcheck,
    /// Write all data as CSV files
    Export(export::Args),
    /// Print a script that completes commands in a shell
    Completions(manual::Completions),
    /// Write the manual pages
    Man(manual::Man),
}

/// Runs the program on its arguments.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    // Dropped last, when everything has been said.
    let _flush = start_log(&cli.command);
    let global = &cli.global;
    let done = match cli.command {
        Command::Serve(config) => serve::run(global, config),
        Command::Demo(config) => demo::run(global, config),
        Command::Admin(command) => admin::run(global, command),
        Command::Advertiser(command) => advertiser::run(global, command),
        Command::Offer(command) => offer::run(global, command),
        Command::Token(command) => token::run(global, command),
        Command::Import(args) => import::run(global, args),
        Command::Imports(command) => imports::run(global, command),
        Command::Report(args) => report::run(global, &args),
        Command::Feed(command) => feed::run(global, command),
        Command::Singular(command) => singular::run(global, &command),
        Command::Backup(args) => backup::run(global, &args),
        Command::Restore(args) => restore::run(global, &args),
        Command::Verify(args) => verify::run(global, &args),
        Command::Doctor(args) => doctor::run(global, &args),
        Command::Alarm(command) => alarm::run(global, command),
        Command::Campaign(command) => campaign::run(global, command),
        Command::App(command) => catalogue::apps(global, &command),
        Command::Publisher(command) => publisher::run(global, &command),
        Command::Mapping(command) => catalogue::mappings(global, &command),
        Command::Healthcheck => healthcheck::run(global),
        Command::Export(args) => export::run(global, &args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::man(&args),
    };
    output::ended(done, global.json)
}

/// Prints help, the version, or what is wrong with the arguments.
fn usage(error: &clap::Error) -> ExitCode {
    let asked_for_json = std::env::args_os().any(|arg| arg == "--json");
    if error.use_stderr() && asked_for_json {
        let message = error.to_string();
        output::print_failure("usage", message.trim_start_matches("error: ").trim_end());
    }
    // Help was printed into a closed pipe.
    let _ = error.print();
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Starts the log: text on a terminal, JSON elsewhere, unless the flag says otherwise. In JSON, stderr has log records only.
/// Other commands log little, between their messages.
fn start_log(command: &Command) -> Option<telemetry::Flush> {
    let (format, is_server) = match command {
        Command::Serve(config) | Command::Demo(config) => (config.log_format, true),
        _ => (Some(config::LogFormat::Text), false),
    };
    let as_json = format.map_or(!std::io::stderr().is_terminal(), |format| format == config::LogFormat::Json);
    let flush = telemetry::init(as_json, is_server);
    if as_json {
        output::log_everything();
    }
    flush
}

/// Opens the database, or creates it if it is missing.
fn open_or_create(global: &config::Global) -> anyhow::Result<Store> {
    let store = Store::open(&global.data_dir)?.with_min_free(global.disk_floor.saturating_mul(1024 * 1024));
    if output::logs_everything() {
        tracing::info!(database = %store.path().display(), "database opened");
    } else {
        say(format_args!("database: {}", store.path().display()));
    }
    if store.is_other_copy() {
        tracing::warn!(
            "the database is another copy than the one last used here, so it isn't known any more what Singular \
             received"
        );
    }
    // A running server does this before it serves.
    if Owner::is_gone(&global.data_dir)? {
        settle_lost(&store)?;
    }
    Ok(store)
}

/// After a server was killed: marks as unknown what the ledger can't be sure of.
fn settle_lost(store: &Store) -> anyhow::Result<()> {
    let days = ledger::settle_lost(store, chrono::Utc::now())?;
    if days > 0 {
        output::warn(format_args!(
            "the server was killed, so what Singular was handed last is not known any more for {}; the next polls, or refresh \
             requests, settle it: pitlane singular status",
            phrase::plural(i64::try_from(days).unwrap_or(i64::MAX), "day")
        ));
    }
    Ok(())
}

/// Opens the database; fails if there is none, because what was asked for can't be in it.
fn open_existing(global: &config::Global) -> anyhow::Result<Store> {
    anyhow::ensure!(
        Store::exists(&global.data_dir)?,
        "there is no database at {}; say where it is with --data-dir, or start one with: pitlane serve",
        global.data_dir.join(Store::FILE).display()
    );
    open_or_create(global)
}

/// A time as lists show it.
fn moment(at: chrono::DateTime<chrono::Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// Lets clap parse a domain type and report its error as wrong usage.
fn parse<T: std::str::FromStr<Err = Invalid>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|invalid: Invalid| invalid.reason)
}

/// Lets clap parse a name.
fn parse_name(text: &str) -> Result<crate::domain::Name, String> {
    crate::domain::Name::parse("name", text).map_err(|invalid| invalid.reason)
}
