//! `pitlane campaign …`

use chrono::Utc;
use clap::Subcommand;
use serde_json::json;

use super::catalogue::{self as lists, Whose};
use super::{merging, open_existing, print_json, say};
use crate::config::Global;
use crate::service::catalogue::{self, Change};
use crate::service::imports::MergePair;
use crate::service::{Actor, ServiceError, names};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List them
    List(Whose),
    /// Merge two campaigns of an advertiser; `imports undo` reverts it
    Merge {
        #[command(flatten)]
        args: merging::Args,
        /// Whose they are, by name or id
        #[arg(long, value_name = "NAME-OR-ID")]
        advertiser: String,
    },
    /// Move a campaign to another offer or app; its id and its stats stay
    Move(Move),
}

#[derive(Debug, clap::Args)]
pub(super) struct Move {
    /// The campaign
    #[arg(value_name = "NAME-OR-ID")]
    campaign: String,
    /// Whose it is, by name or id
    #[arg(long, value_name = "NAME-OR-ID")]
    advertiser: String,
    /// The offer that it runs from now on
    #[arg(long, value_name = "NAME-OR-ID", required_unless_present = "app")]
    offer: Option<String>,
    /// The app that it runs on from now on
    #[arg(long, value_name = "STORE-ID-OR-ID")]
    app: Option<String>,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(global: &Global, command: Command) -> anyhow::Result<()> {
    match command {
        Command::List(whose) => lists::campaigns(global, &whose),
        Command::Merge { args, advertiser } => merging::run(global, &args, |txn| {
            MergePair::campaigns(txn, txn.advertiser_get(&advertiser)?, &args.from, &args.into)
        }),
        Command::Move(wanted) => move_campaign(global, &wanted),
    }
}

fn move_campaign(global: &Global, wanted: &Move) -> anyhow::Result<()> {
    let store = open_existing(global)?;
    let (advertiser, campaign, offer, app, outlook) = store.read(|txn| {
        let advertiser = txn.advertiser_get(&wanted.advertiser)?;
        let campaign =
            names::campaign(txn, advertiser.key, &wanted.campaign)?.or_missing("campaign", &wanted.campaign)?;
        let offer = match &wanted.offer {
            Some(text) => names::offer(txn, advertiser.key, text)?.or_missing("offer", text)?,
            None => campaign.offer.clone(),
        };
        let app = match &wanted.app {
            Some(text) => names::app(txn, advertiser.key, text)?.or_missing("app", text)?,
            None => catalogue::app_of(txn, &advertiser, &campaign)?,
        };
        let outlook = catalogue::move_outlook(txn, &advertiser, &campaign, (&offer, &app), Utc::now())?;
        Ok::<_, ServiceError>((advertiser, campaign, offer, app, outlook))
    })?;
    if wanted.dry_run {
        say(format_args!("dry run, nothing was changed"));
    } else {
        let change = Change::MoveCampaign(&campaign, &offer, &app);
        catalogue::change(&store, &advertiser, &change, &Actor::command_line())?;
        let (app, id) = (&app.name, app.store.as_str());
        say(format_args!("\"{}\" runs \"{}\" on {app} ({id}) from now on", campaign.name, offer.name));
    }
    for sentence in &outlook {
        say(format_args!("{sentence}"));
    }
    if global.json {
        print_json(&json!({
            "id": campaign.id.to_string(), "name": campaign.name, "offer": offer.name, "offerId": offer.id.to_string(),
            "app": app.name, "storeId": app.store.as_str(), "os": app.store.os().as_str(),
            "changed": !wanted.dry_run, "notes": outlook,
        }))?;
    }
    Ok(())
}
