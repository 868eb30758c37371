//! `pitlane singular …`: what connects an advertiser's account in Singular (contract §8).

mod links;

use clap::Subcommand;

use crate::config::Global;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Fill pcid, pcn and psid into a tracking link for each campaign and publisher, or say what is wrong in one
    Links(links::Args),
}

pub(super) fn run(global: &Global, command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Links(args) => links::run(global, args),
    }
}
