//! `pitlane singular packet …`

use std::path::PathBuf;

use chrono::Utc;
use serde_json::json;

use crate::cli::open_existing;
use crate::cli::output::{print, print_json, say, warn};
use crate::config::Global;
use crate::service::Actor;
use crate::service::connect::packet::{self, Packet, PacketRequest, START};
use crate::store::Owner;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Args {
    /// Whose connector it is about, by name or id
    #[arg(long, value_name = "NAME-OR-ID")]
    advertiser: String,
    /// Whom Singular's team may ask; the first admin's address if not given
    #[arg(long, value_name = "TEXT")]
    contact: Option<String>,
    /// Address that Singular reaches the server by; what the running server noted if not given
    #[arg(long, env = "PITLANE_PUBLIC_URL", value_name = "URL", value_parser = crate::config::public_url)]
    public_url: Option<String>,
    /// Folder to write it into: a new one, an empty one, or one with an earlier packet
    #[arg(value_name = "DIR")]
    dir: PathBuf,
}

pub(super) fn run(global: &Global, args: &Args) -> anyhow::Result<()> {
    let store = open_existing(global)?;
    let url = args.public_url.clone().or_else(|| Owner::noted(&global.data_dir));
    let Some(url) = url else {
        anyhow::bail!("no server runs here, so say the address that Singular reaches it by: --public-url URL")
    };
    let (advertiser, contact) = store.read(|txn| {
        let contact = match &args.contact {
            Some(contact) => contact.clone(),
            None => packet::usual_contact(txn)?,
        };
        crate::service::ServiceResult::Ok((txn.advertiser_get(&args.advertiser)?, contact))
    })?;
    Packet::ensure_fits(&args.dir)?;
    let request = PacketRequest { advertiser, url, contact };
    let actor = Actor::command_line();
    let packet = packet::make(&store, &request, &actor, Utc::now())?;
    if let Err(error) = packet.write(&args.dir) {
        crate::service::access::tokens::revoke(&store, &packet.token, &actor, Utc::now())?;
        return Err(error.into());
    }
    for warning in &packet.warnings {
        warn(format_args!("{warning}"));
    }
    let dir = args.dir.display();
    say(format_args!("send the folder {dir} to Singular's integration team; {START} is to be read first"));
    say(format_args!(
        "it holds a sandbox token, which reads made-up days; tokens of earlier packets are revoked. To revoke it: pitlane token \
         revoke {}",
        packet.token
    ));
    if global.json {
        let files: Vec<_> = packet.files.iter().map(|(name, _)| name).collect();
        return print_json(&json!({
            "dir": args.dir,
            "files": files,
            "tokenId": packet.token.to_string(),
            "warnings": packet.warnings,
        }));
    }
    print(args.dir.join(START).display())
}
