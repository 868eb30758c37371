//! `pitlane offer …`

use chrono::Utc;
use clap::Subcommand;
use serde_json::json;

use super::catalogue::Whose;
use super::{catalogue as lists, open_existing, print_json, say};
use crate::config::Global;
use crate::service::ledger::SwitchOutlook;
use crate::service::{Actor, ServiceError, catalogue, names};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List them
    List(Whose),
    /// Show an offer's cost to Singular
    Enable(Which),
    /// Hide an offer's cost from Singular
    Disable(Which),
}

#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// The offer
    #[arg(value_name = "NAME-OR-ID")]
    offer: String,
    /// Whose it is, by name or id
    #[arg(long, value_name = "NAME-OR-ID")]
    advertiser: String,
}

pub(super) fn run(global: &Global, command: Command) -> anyhow::Result<()> {
    let (on, which) = match command {
        Command::List(whose) => return lists::offers(global, &whose),
        Command::Enable(which) => (true, which),
        Command::Disable(which) => (false, which),
    };
    let store = open_existing(global)?;
    // The page of the switch says the same before it.
    let meant = store.read(|txn| {
        let advertiser = txn.advertiser_get(&which.advertiser)?;
        let offer = names::offer(txn, advertiser.key, &which.offer)?.or_missing("offer", &which.offer)?;
        let outlook = SwitchOutlook::of(txn, &advertiser, &offer, Utc::now())?;
        let cost = format!("{} {}", outlook.recent.cost, advertiser.currency.code());
        Ok::<_, ServiceError>(outlook.sentences(&cost))
    })?;
    let (offer, changed) =
        catalogue::switch_offer(&store, &which.advertiser, &which.offer, on, &Actor::command_line())?;
    let state = if on { "enabled" } else { "disabled" };
    let already = if changed { "is now" } else { "was already" };
    say(format_args!("cost reporting of \"{}\" {already} {state}", offer.name));
    for sentence in meant.iter().filter(|_| changed) {
        say(format_args!("{sentence}"));
    }
    if global.json {
        print_json(&json!({"id": offer.id.to_string(), "name": offer.name, "costReporting": on, "changed": changed}))?;
    }
    Ok(())
}
