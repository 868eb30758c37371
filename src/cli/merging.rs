//! `pitlane publisher merge` and `pitlane campaign merge`.

use chrono::Utc;
use serde_json::json;

use super::{open_existing, parse, print_json, say};
use crate::config::Global;
use crate::domain::Reason;
use crate::service::imports::{self, MergePair};
use crate::service::{Actor, ServiceResult, ledger};
use crate::store::ReadTxn;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The one to merge: its figures are added to the other's, its own rows become zeros
    #[arg(value_name = "NAME-OR-ID")]
    pub(super) from: String,
    /// The one to keep
    #[arg(long, value_name = "NAME-OR-ID")]
    pub(super) into: String,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Why; required if final days change
    #[arg(long, value_name = "TEXT", value_parser = parse::<Reason>)]
    reason: Option<Reason>,
}

/// Merges the two that `pair` finds.
pub(super) fn run(
    global: &Global,
    args: &Args,
    pair: impl FnOnce(&ReadTxn<'_>) -> ServiceResult<MergePair>,
) -> anyhow::Result<()> {
    let store = open_existing(global)?;
    let (pair, outlook, effects) = store.read(|txn| {
        let pair = pair(txn)?;
        let outlook = imports::merge_outlook(txn, &pair)?;
        let effects = ledger::effects(txn, &outlook.shown_days(), Utc::now())?;
        Ok::<_, crate::service::ServiceError>((pair, outlook, effects))
    })?;
    if args.dry_run {
        say(format_args!("dry run, nothing was changed"));
    }
    for sentence in outlook.sentences.iter().chain(&effects) {
        say(format_args!("{sentence}"));
    }
    if args.dry_run && !outlook.final_days.is_empty() {
        let needed = if args.reason.is_some() { "" } else { ". Without --reason TEXT the merge will be refused" };
        say(format_args!("days that are final would change: {}{needed}", outlook.final_days));
    }
    let done = if args.dry_run {
        None
    } else {
        Some(imports::merge(&store, &pair, Some(&outlook.key), args.reason.as_ref(), &Actor::command_line())?)
    };
    let (from, into) = pair.names();
    if let Some(done) = &done {
        say(format_args!("\"{from}\" stands for \"{into}\" from now on; to undo it: pitlane imports undo {}", done.id));
    }
    if global.json {
        let rows: u64 = outlook.parts.iter().map(|part| part.rows).sum();
        print_json(&json!({
            "importId": done.map(|done| done.id.to_string()),
            "merged": from,
            "into": into,
            "rows": rows,
            "added": outlook.parts.iter().map(|part| part.added).sum::<u64>(),
            "notes": outlook.sentences,
            "singular": effects,
        }))?;
    }
    Ok(())
}
