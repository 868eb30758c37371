//! `pitlane singular check …`

use serde_json::json;

use crate::cli::open_existing;
use crate::cli::output::{AlreadyPrinted, print, print_json, say};
use crate::config::Global;
use crate::service::Actor;
use crate::service::connect::check;
use crate::store::Owner;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Address that Singular uses, such as <https://costs.example.com>; without it, the one that the running server noted
    #[arg(value_name = "URL", env = "PITLANE_PUBLIC_URL", value_parser = crate::config::public_url)]
    url: Option<String>,
    /// Whose report, by name or id; the first advertiser's if not given
    #[arg(long, value_name = "NAME-OR-ID")]
    advertiser: Option<String>,
    /// PEM file with the roots to trust instead of those that browsers trust, for a certificate that Singular would not take
    #[arg(long, value_name = "FILE")]
    root: Option<std::path::PathBuf>,
}

pub(super) fn run(global: &Global, args: &Args) -> anyhow::Result<()> {
    let store = open_existing(global)?;
    let url = args.url.clone().or_else(|| Owner::noted(&global.data_dir));
    let Some(url) = url else { anyhow::bail!("no server runs here, so say the address: pitlane singular check URL") };
    let advertiser = store.read(|txn| match &args.advertiser {
        Some(wanted) => txn.advertiser_get(wanted).map(Some),
        None => Ok(txn.advertiser_list()?.into_iter().find(|row| row.disabled_at.is_none())),
    })?;
    let Some(advertiser) = advertiser else { anyhow::bail!("there is no advertiser whose report could be asked for") };
    say(format_args!("asking {url} for the report of {}, as Singular would", advertiser.name));
    let checked = check::run(&store, &url, &advertiser, args.root.as_deref(), &Actor::command_line())?;
    if global.json {
        print_json(&json!({
            "url": checked.url,
            "advertiser": advertiser.name,
            "ok": checked.is_ok(),
            "findings": checked.findings,
        }))?;
    } else {
        for finding in &checked.findings {
            let mark = if finding.ok { "ok  " } else { "FAIL" };
            print(format_args!("{mark} {}: {}", finding.check, finding.message))?;
            if let Some(mend) = &finding.mend {
                print(format_args!("     {mend}"))?;
            }
        }
    }
    let wrong = checked.findings.iter().filter(|finding| !finding.ok).count();
    if wrong == 0 {
        say(format_args!("Singular can read the report at {url}"));
        return Ok(());
    }
    Err(AlreadyPrinted(format!("{wrong} of {} checks failed", checked.findings.len())).into())
}
