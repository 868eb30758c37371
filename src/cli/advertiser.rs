//! `pitlane advertiser …`

use clap::Subcommand;
use serde_json::json;

use super::{moment, open_existing, open_or_create, parse, parse_name, print, print_json, table};
use crate::config::Global;
use crate::domain::{Currency, Name, ReportingZone};
use crate::service::{Actor, catalogue};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Add an advertiser and print its id
    Create {
        /// Its name; unique
        #[arg(long, value_parser = parse_name)]
        name: Name,
        /// ISO 4217 code of the currency all its cost is in
        #[arg(long, default_value = "USD", value_parser = parse_currency)]
        currency: Currency,
        /// IANA name of the zone its days are counted in
        #[arg(long, default_value = "UTC", value_parser = parse::<ReportingZone>)]
        time_zone: ReportingZone,
    },
    /// List the advertisers
    List,
}

fn parse_currency(text: &str) -> Result<Currency, String> {
    Currency::parse(text).map_err(|invalid| invalid.reason)
}

pub(super) fn run(global: &Global, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Create { name, currency, time_zone } => {
            let store = open_or_create(global)?;
            let created = catalogue::create_advertiser(&store, &name, currency, time_zone, &Actor::command_line())?;
            if global.json {
                return print_json(&json!({"id": created.id.to_string()}));
            }
            print(created.id)
        }
        Command::List => {
            let rows = open_existing(global)?.read(|txn| txn.advertiser_list())?;
            if global.json {
                let rows = rows.iter().map(|row| {
                    json!({
                        "id": row.id.to_string(),
                        "name": row.name,
                        "currency": row.currency.code(),
                        "timeZone": row.time_zone.name(),
                        "disabledAt": row.disabled_at,
                        "createdAt": row.created_at,
                    })
                });
                return print_json(&rows.collect::<Vec<_>>());
            }
            let rows: Vec<_> = rows
                .into_iter()
                .map(|row| {
                    let state = if row.disabled_at.is_some() { "disabled" } else { "active" };
                    [
                        row.name,
                        row.id.to_string(),
                        row.currency.code().to_owned(),
                        row.time_zone.name().to_owned(),
                        state.to_owned(),
                        moment(row.created_at),
                    ]
                })
                .collect();
            table::print(["NAME", "ID", "CURRENCY", "TIME ZONE", "STATE", "CREATED"], &rows)
        }
    }
}
