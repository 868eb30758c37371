//! `pitlane restore FILE`

use std::path::PathBuf;

use serde_json::json;

use super::verify::{as_json, describe};
use super::{print_json, say};
use crate::config::Global;
use crate::store::{self, Store};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The backup to put in the database's place
    file: PathBuf,
}

pub(super) fn run(global: &Global, args: &Args) -> anyhow::Result<()> {
    let target = global.data_dir.join(Store::FILE);
    say(format_args!("database: {}", target.display()));
    let done = store::restore(&args.file, &global.data_dir)?;
    say(format_args!("verified {} and put it in the database's place", args.file.display()));
    match &done.kept {
        Some(kept) => say(format_args!("the old database is kept as {}", kept.display())),
        None => say(format_args!("there was no database before")),
    }
    if done.revoked > 0 {
        say(format_args!("{} tokens that were revoked since the backup stay revoked", done.revoked));
    }
    if let Some(why) = &done.unread {
        say(format_args!(
            "The old database could not be read ({why}), so tokens that were revoked after the backup may be live \
             again. Look through: pitlane token list"
        ));
    }
    say(format_args!("everybody was logged out; what was changed after the backup is only in the old database"));
    if global.json {
        print_json(&json!({"restored": as_json(&done.from), "kept": done.kept, "revoked": done.revoked}))
    } else {
        describe(&done.from)
    }
}
