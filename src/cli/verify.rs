//! `pitlane verify FILE`

use std::path::PathBuf;

use chrono::SecondsFormat;
use serde_json::json;

use super::{print, print_json, say, table};
use crate::config::Global;
use crate::store::{self, AdvertiserTotal, Verified};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file to look at: a backup, or any database of Pitlane's
    file: PathBuf,
}

pub(super) fn run(global: &Global, args: &Args) -> anyhow::Result<()> {
    let verified = store::verify(&args.file)?;
    if verified.seal.is_none() {
        say(format_args!(
            "It has no seal: its structure and references are sound, but whether a value changed can't be told."
        ));
    }
    if global.json { print_json(&as_json(&verified)) } else { describe(&verified) }
}

/// Describes a file in words.
pub(super) fn describe(file: &Verified) -> anyhow::Result<()> {
    let contents = &file.contents;
    let what = match &file.seal {
        Some(seal) => format!(
            "a Pitlane backup, made {} by version {}",
            seal.made_at.to_rfc3339_opts(SecondsFormat::Secs, true),
            seal.made_by
        ),
        None => "a Pitlane database".to_owned(),
    };
    print(format_args!("{}: {what}", file.path.display()))?;
    if let Some(appliance) = &contents.appliance {
        print(format_args!("of the appliance {appliance}"))?;
    }
    print(format_args!("sound; schema {}, {} bytes, {} rows in all", contents.schema, file.bytes, contents.rows()))?;
    let cells: Vec<_> = contents.advertisers.iter().map(cells).collect();
    table::print(["ADVERTISER", "ROWS", "FIRST DAY", "LAST DAY", "COST", "CURRENCY"], &cells)
}

fn cells(total: &AdvertiserTotal) -> [String; 6] {
    let (first, last) = total.days.map_or_else(Default::default, |(a, b)| (a.to_string(), b.to_string()));
    let cost = total.cost.to_string();
    [total.name.clone(), total.rows.to_string(), first, last, cost, total.currency.clone()]
}

/// Describes a file as JSON. Money is text, because a JSON number might not hold it exactly.
pub(super) fn as_json(file: &Verified) -> serde_json::Value {
    let advertisers: Vec<_> = file
        .contents
        .advertisers
        .iter()
        .map(|total| {
            json!({
                "name": total.name,
                "currency": total.currency,
                "rows": total.rows,
                "firstDay": total.days.map(|days| days.0.to_string()),
                "lastDay": total.days.map(|days| days.1.to_string()),
                "cost": total.cost.to_string(),
            })
        })
        .collect();
    json!({
        "file": file.path,
        "bytes": file.bytes,
        "schema": file.contents.schema,
        "sealed": file.seal.is_some(),
        "madeAt": file.seal.as_ref().map(|seal| seal.made_at),
        "appliance": file.contents.appliance,
        "madeBy": file.seal.as_ref().map(|seal| &seal.made_by),
        "lastImportAt": file.contents.last_import,
        "tables": file.contents.tables.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
        "advertisers": advertisers,
    })
}
