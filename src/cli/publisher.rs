//! `pitlane publisher …`

use clap::Subcommand;

use super::{catalogue as lists, merging};
use crate::config::Global;
use crate::service::imports::MergePair;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List them
    List,
    /// Merge two publishers; `imports undo` reverts it
    Merge(merging::Args),
}

pub(super) fn run(global: &Global, command: &Command) -> anyhow::Result<()> {
    match command {
        Command::List => lists::publishers(global),
        Command::Merge(args) => merging::run(global, args, |txn| MergePair::publishers(txn, &args.from, &args.into)),
    }
}
