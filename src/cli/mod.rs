//! The command line (contract §5): one file per subcommand.
//!
//! Data goes to stdout, words and progress to stderr. Exit 0 done, 1 failed, 2 usage. Every command names the database it
//! opened, and works while a server runs on the same one.

mod admin;
mod advertiser;
mod backup;
mod demo;
mod doctor;
mod import;
mod imports;
mod offer;
mod preview;
mod report;
mod restore;
mod serve;
mod table;
mod token;
mod verify;

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use crate::config;
use crate::domain::Invalid;
use crate::store::Store;
use crate::telemetry;

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
    /// People who may log in
    #[command(subcommand)]
    Admin(admin::Command),
    /// Accounts that pay
    #[command(subcommand)]
    Advertiser(advertiser::Command),
    /// The cost-reporting switch of an offer
    #[command(subcommand)]
    Offer(offer::Command),
    /// What programs authenticate with
    #[command(subcommand)]
    Token(token::Command),
    /// Put daily stats in from a file: all rows, or, when anything is wrong, none
    Import(import::Args),
    /// What imports did, and taking one back
    #[command(subcommand)]
    Imports(imports::Command),
    /// Print the cost report as Singular would get it
    Report(report::Args),
    /// Write a verified copy of the database, also while a server runs
    Backup(backup::Args),
    /// Put a backup in the database's place; the old database is kept
    Restore(restore::Args),
    /// Say what a file is and whether it is sound
    Verify(verify::Args),
    /// Check the installation and say what to do
    Doctor,
}

/// Runs the program on its arguments.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    telemetry::init();
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
        Command::Backup(args) => backup::run(global, &args),
        Command::Restore(args) => restore::run(global, &args),
        Command::Verify(args) => verify::run(global, &args),
        Command::Doctor => doctor::run(global),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Opens the database, making it where it is missing.
fn open_or_create(global: &config::Global) -> anyhow::Result<Store> {
    let store = Store::open(&global.data_dir)?.with_min_free(global.disk_floor.saturating_mul(1024 * 1024));
    say(format_args!("database: {}", store.path().display()));
    Ok(store)
}

/// Opens the database; a missing one is an error, because what was asked for can't be in it.
fn open_existing(global: &config::Global) -> anyhow::Result<Store> {
    anyhow::ensure!(
        Store::exists(&global.data_dir)?,
        "there is no database at {}; say where it is with --data-dir, or start one with: pitlane serve",
        global.data_dir.join(Store::FILE).display()
    );
    open_or_create(global)
}

/// Words for people, on stderr. Nobody is left to tell when that fails.
fn say(message: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{message}");
}

/// A line of data, on stdout.
fn print(line: impl std::fmt::Display) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).context("could not write to stdout")
}

/// JSON on stdout.
fn print_json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    print(serde_json::to_string(value)?)
}

/// A moment as lists show it.
fn moment(at: chrono::DateTime<chrono::Utc>) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// Lets clap read one of the domain's types and report its error as wrong usage.
fn parse<T: std::str::FromStr<Err = Invalid>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|invalid: Invalid| invalid.reason)
}

/// Lets clap read a name.
fn parse_name(text: &str) -> Result<crate::domain::Name, String> {
    crate::domain::Name::parse("name", text).map_err(|invalid| invalid.reason)
}
