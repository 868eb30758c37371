//! `pitlane app list`, `campaign list`, `offer list`, `publisher list`, `mapping list`: names and ids, without merged
//! entries.

use clap::Subcommand;
use serde_json::{Value, json};

use super::{moment, open_existing, print_json, table};
use crate::config::Global;
use crate::store::{AdvertiserRow, ReadTxn, StoreResult};

/// A noun that belongs to an advertiser.
#[derive(Debug, Subcommand)]
pub(super) enum OfAdvertiser {
    /// List them
    List(Whose),
}

/// A noun that all advertisers share.
#[derive(Debug, Subcommand)]
pub(super) enum Shared {
    /// List them
    List,
}

#[derive(Debug, clap::Args)]
pub(super) struct Whose {
    /// Only this advertiser's, by name or id
    #[arg(long, value_name = "NAME-OR-ID")]
    advertiser: Option<String>,
}

pub(super) fn apps(global: &Global, OfAdvertiser::List(whose): &OfAdvertiser) -> anyhow::Result<()> {
    let rows = of_advertisers(global, whose, |txn, advertiser| {
        let rows = txn.app_list(advertiser.key)?.into_iter().map(|row| {
            let (os, id) = (row.store.os().as_str(), row.store.as_str().to_owned());
            let fields = json!({"id": row.id.to_string(), "name": row.name, "storeId": id, "os": os});
            (fields, [row.name, row.id.to_string(), advertiser.name.clone(), os.to_owned(), id])
        });
        Ok(rows.collect())
    })?;
    show(global, ["NAME", "ID", "ADVERTISER", "OS", "STORE ID"], rows)
}

pub(super) fn offers(global: &Global, whose: &Whose) -> anyhow::Result<()> {
    let rows = of_advertisers(global, whose, |txn, advertiser| {
        let rows = txn.offer_list(advertiser.key)?.into_iter().map(|row| {
            let fields = json!({"id": row.id.to_string(), "name": row.name, "costReporting": row.cost_reporting});
            let reporting = if row.cost_reporting { "on" } else { "off" };
            (fields, [row.name, row.id.to_string(), advertiser.name.clone(), reporting.to_owned()])
        });
        Ok(rows.collect())
    })?;
    show(global, ["NAME", "ID", "ADVERTISER", "COST REPORTING"], rows)
}

pub(super) fn campaigns(global: &Global, whose: &Whose) -> anyhow::Result<()> {
    let rows = of_advertisers(global, whose, |txn, advertiser| {
        let rows = txn.campaigns_shown(advertiser.key)?.into_iter().map(|row| {
            let (os, store_id) = (row.store.os().as_str(), row.store.as_str());
            let fields = json!({
                "id": row.id.to_string(), "name": row.name, "offer": row.offer.name,
                "offerId": row.offer.id.to_string(), "app": row.app, "storeId": store_id, "os": os,
            });
            (fields, [row.name, row.id.to_string(), advertiser.name.clone(), row.offer.name, row.app, os.to_owned()])
        });
        Ok(rows.collect())
    })?;
    show(global, ["NAME", "ID", "ADVERTISER", "OFFER", "APP", "OS"], rows)
}

pub(super) fn publishers(global: &Global) -> anyhow::Result<()> {
    let rows = open_existing(global)?.read(|txn| txn.publishers_shown())?.into_iter();
    let rows = rows.map(|row| (json!({"id": row.id.to_string(), "name": row.name}), [row.name, row.id.to_string()]));
    show(global, ["NAME", "ID"], rows.collect())
}

pub(super) fn mappings(global: &Global, Shared::List: &Shared) -> anyhow::Result<()> {
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
    let rows = open_existing(global)?.read(|txn| txn.mapping_list())?.into_iter();
    let rows = rows.map(|row| {
        let headers = json(&row.headers);
        let columns = headers.as_array().map_or(0, Vec::len).to_string();
        let fields = json!({
            "name": row.name, "headers": headers, "spec": json(&row.spec),
            "createdAt": row.created_at, "usedAt": row.used_at,
        });
        (fields, [row.name, columns, moment(row.created_at), row.used_at.map_or_else(|| "never".to_owned(), moment)])
    });
    show(global, ["NAME", "COLUMNS", "SAVED", "LAST USED"], rows.collect())
}

type Listed<const N: usize> = Vec<(Value, [String; N])>;

/// The rows of all advertisers, or of one; the JSON of each row also has its advertiser.
fn of_advertisers<const N: usize>(
    global: &Global,
    whose: &Whose,
    list: impl Fn(&ReadTxn<'_>, &AdvertiserRow) -> StoreResult<Listed<N>>,
) -> anyhow::Result<Listed<N>> {
    let rows = open_existing(global)?.read(|txn| {
        let advertisers = match &whose.advertiser {
            Some(name) => vec![txn.advertiser_get(name)?],
            None => txn.advertiser_list()?,
        };
        let mut all = Vec::new();
        for advertiser in advertisers {
            for (mut fields, cells) in list(txn, &advertiser)? {
                fields["advertiser"] = advertiser.name.clone().into();
                fields["advertiserId"] = advertiser.id.to_string().into();
                all.push((fields, cells));
            }
        }
        Ok::<_, crate::store::StoreError>(all)
    })?;
    Ok(rows)
}

fn show<const N: usize>(global: &Global, header: [&str; N], rows: Listed<N>) -> anyhow::Result<()> {
    let (fields, cells): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    if global.json { print_json(&fields) } else { table::print(header, &cells) }
}
