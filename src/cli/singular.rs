//! `pitlane singular …`: what Singular received, and how to connect an advertiser's account in it (contract §8).

mod check;
mod links;
mod packet;
mod status;

use clap::Subcommand;

use crate::config::Global;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Ask for the report from outside, as Singular would, and say what is in the way; exit 1 if anything
    Check(check::Args),
    /// Fill pcid, pcn and psid into a tracking link for each campaign and publisher, or say what is wrong in one
    Links(Box<links::Args>),
    /// Write what Singular's integration team needs to set up the connector: a folder with a document, schemas, samples and a
    /// sandbox token
    Packet(packet::Args),
    /// Say which days Singular has as they are now, and what to do about the others; exit 1 if a person must act
    Status(status::Args),
}

pub(super) fn run(global: &Global, command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Check(args) => check::run(global, args),
        Command::Links(args) => links::run(global, args),
        Command::Packet(args) => packet::run(global, args),
        Command::Status(args) => status::run(global, args),
    }
}
