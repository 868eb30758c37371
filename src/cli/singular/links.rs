//! `pitlane singular links …`

use serde_json::json;

use crate::cli::open_existing;
use crate::cli::output::{AlreadyPrinted, print, print_json, say, warn};
use crate::config::Global;
use crate::service::connect::links::{Meant, Pairs, TrackingLink, several_apps, verify};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Whose campaigns, by name or id
    #[arg(long, value_name = "NAME-OR-ID")]
    advertiser: String,
    /// The advertiser's own tracking link, as Singular made it
    #[arg(long, value_name = "TRACKING-LINK", required_unless_present = "verify", value_parser = link)]
    link: Option<TrackingLink>,
    /// Only campaigns of the app with this store id
    #[arg(long, value_name = "STORE-ID", conflicts_with = "verify")]
    app: Option<String>,
    /// A link in use: say what is wrong in it, and exit with 1 if anything is
    #[arg(long, value_name = "LINK", value_parser = link)]
    verify: Option<TrackingLink>,
    /// The campaign that the link to verify is meant for, by name or id
    #[arg(long, value_name = "NAME-OR-ID", requires = "verify")]
    campaign: Option<String>,
    /// The publisher that it is meant for, by name or id
    #[arg(long, value_name = "NAME-OR-ID", requires = "verify")]
    publisher: Option<String>,
}

fn link(text: &str) -> Result<TrackingLink, String> {
    TrackingLink::parse(text).map_err(|invalid| invalid.reason)
}

pub(super) fn run(global: &Global, args: &Args) -> anyhow::Result<()> {
    let store = open_existing(global)?;
    let pairs = store.read(|txn| Pairs::load(txn, txn.advertiser_get(&args.advertiser)?.key))?;
    match (&args.verify, &args.link) {
        (Some(verified), base) => check(global, args, &pairs, verified, base.as_ref()),
        (None, Some(base)) => list(global, args, &pairs, base),
        (None, None) => anyhow::bail!("nothing to do: give --link or --verify"),
    }
}

fn list(global: &Global, args: &Args, pairs: &Pairs, base: &TrackingLink) -> anyhow::Result<()> {
    let (found, apps) = pairs.of_app(args.app.as_deref());
    if let Some(warning) = several_apps(&apps) {
        warn(format_args!("{warning}. Choose with --app"));
    }
    if found.is_empty() {
        say(format_args!("no campaign has stats here yet, so there is no link to make"));
    }
    if global.json {
        let links = found.iter().map(|(campaign, publisher)| {
            json!({
                "campaignId": campaign.id.to_string(),
                "campaignName": campaign.name,
                "offerName": campaign.offer.name,
                "partnerId": publisher.id.to_string(),
                "partner": publisher.name,
                "storeId": campaign.store.as_str(),
                "os": campaign.store.os().as_str(),
                "costReporting": campaign.offer.cost_reporting,
                "link": base.filled(campaign, publisher),
            })
        });
        return print_json(&links.collect::<Vec<_>>());
    }
    let rows: Vec<_> = found
        .iter()
        .map(|(campaign, publisher)| [campaign.name.clone(), publisher.name.clone(), base.filled(campaign, publisher)])
        .collect();
    crate::cli::table::print(["CAMPAIGN", "PUBLISHER", "LINK"], &rows)
}

fn check(
    global: &Global,
    args: &Args,
    pairs: &Pairs,
    link: &TrackingLink,
    base: Option<&TrackingLink>,
) -> anyhow::Result<()> {
    let meant = Meant { campaign: args.campaign.clone(), publisher: args.publisher.clone() };
    let found = verify(pairs, link, base, &meant)?;
    if global.json {
        print_json(&json!({
            "ok": found.problems.is_empty(),
            "campaign": found.campaign.map(|row| json!({"id": row.id.to_string(), "name": row.name})),
            "partner": found.publisher.map(|row| json!({"id": row.id.to_string(), "name": row.name})),
            "problems": found.problems,
        }))?;
    } else {
        if let (Some(campaign), Some(publisher)) = (found.campaign, found.publisher) {
            print(format_args!("campaign {} ({}), publisher {}", campaign.name, campaign.offer.name, publisher.name))?;
        }
        for problem in &found.problems {
            print(format_args!("{} {}", problem.parameter, problem.message))?;
        }
    }
    if found.problems.is_empty() {
        say(format_args!("the link is right"));
        return Ok(());
    }
    Err(AlreadyPrinted(format!("{} wrong in this link", found.problems.len())).into())
}
