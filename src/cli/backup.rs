//! `pitlane backup FILE`

use std::path::PathBuf;

use super::verify::{as_json, describe};
use super::{open_existing, print_json, say};
use crate::config::Global;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file to write; it must not exist
    file: PathBuf,
}

pub(super) fn run(global: &Global, args: &Args) -> anyhow::Result<()> {
    let done = open_existing(global)?.backup(&args.file, &|| true)?;
    say(format_args!("backed up, and verified against the database:"));
    if global.json { print_json(&as_json(&done)) } else { describe(&done) }
}
