//! `pitlane feed …` (contract §9)

use chrono::{TimeDelta, Utc};
use clap::Subcommand;
use serde_json::json;

use super::output::warn;
use super::token::parse_life;
use super::{moment, open_existing, parse, parse_name, print, print_json, say, table};
use crate::config::Global;
use crate::domain::{Day, DayRange, FeedId, Name};
use crate::service::Actor;
use crate::service::connect::feeds::{self, FeedRequest, USUAL_DAYS};
use crate::store::{FeedDays, FeedRow, Owner};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make a feed and print its address; this is the only time it is shown
    Create(Create),
    /// List the feeds; never shows an address
    List,
    /// Revoke a feed from the next request on
    Revoke {
        /// Its id, as the list shows it
        #[arg(value_parser = parse::<FeedId>)]
        id: FeedId,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Create {
    /// Whose cost it shows, by name or id
    #[arg(long, value_name = "NAME-OR-ID")]
    advertiser: String,
    /// Name of whoever reads it
    #[arg(long, value_parser = parse_name)]
    name: Name,
    /// generic, appsflyer, branch or kochava
    #[arg(long, value_parser = format)]
    format: String,
    /// How many days up to today it shows
    #[arg(long, value_name = "DAYS", conflicts_with_all = ["from", "to"], default_value_t = USUAL_DAYS, value_parser = clap::value_parser!(u32).range(1..=36_525))]
    days: u32,
    /// Always show the same days: the first
    #[arg(long, value_name = "DAY", requires = "to", value_parser = day)]
    from: Option<Day>,
    /// The last of them
    #[arg(long, value_name = "DAY", requires = "from", value_parser = day)]
    to: Option<Day>,
    /// Show only this publisher, by name or id; appsflyer needs it
    #[arg(long, value_name = "NAME-OR-ID")]
    partner: Option<String>,
    /// How long it works, such as 90d, 8w or 1y; without it, until it is revoked
    #[arg(long, value_name = "TIME", value_parser = parse_life)]
    expires_in: Option<TimeDelta>,
    /// Address people and programs reach the server by
    #[arg(long, env = "PITLANE_PUBLIC_URL", value_name = "URL", value_parser = crate::config::public_url)]
    public_url: Option<String>,
}

fn format(text: &str) -> Result<String, String> {
    feeds::format(text).map(|format| format.name().to_owned()).map_err(|invalid| invalid.reason)
}

fn day(text: &str) -> Result<Day, String> {
    Day::parse("day", text).map_err(|invalid| invalid.reason)
}

pub(super) fn run(global: &Global, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Create(create) => make(global, create),
        Command::List => list(global),
        Command::Revoke { id } => {
            let revoked = feeds::revoke(&open_existing(global)?, id, &Actor::command_line(), Utc::now())?;
            say(format_args!("feed {id} {}", if revoked { "is revoked from now on" } else { "was revoked already" }));
            if global.json {
                print_json(&json!({"id": id.to_string(), "revoked": revoked}))?;
            }
            Ok(())
        }
    }
}

fn make(global: &Global, create: Create) -> anyhow::Result<()> {
    let (store, now) = (open_existing(global)?, Utc::now());
    let days = match (create.from, create.to) {
        (Some(from), Some(to)) => FeedDays::Fixed(DayRange::new(from, to)?),
        _ => FeedDays::Last(create.days),
    };
    let request = FeedRequest {
        advertiser: create.advertiser,
        name: create.name,
        format: feeds::format(&create.format)?,
        days,
        publisher: create.partner,
        expires_at: create.expires_in.map(|life| now + life),
    };
    let made = feeds::create(&store, &request, &Actor::command_line(), now)?;
    say(format_args!("This address is shown only now. Anyone who has it can read the feed."));
    for note in request.format.notes() {
        say(format_args!("{note}"));
    }
    for warning in &made.warnings {
        warn(format_args!("{warning}"));
    }
    let origin = create.public_url.or_else(|| Owner::noted(&global.data_dir));
    if origin.is_none() {
        warn(format_args!("no server runs here and PITLANE_PUBLIC_URL is not set, so this is the path alone"));
    }
    let url = format!("{}{}", origin.as_deref().unwrap_or_default().trim_end_matches('/'), made.path());
    if global.json {
        return print_json(&json!({"id": made.id.to_string(), "url": url, "warnings": made.warnings}));
    }
    print(url)
}

fn list(global: &Global) -> anyhow::Result<()> {
    let (rows, now) = (open_existing(global)?.read(|txn| txn.feed_list())?, Utc::now());
    if global.json {
        let rows = rows.iter().map(|row| {
            json!({
                "id": row.id.to_string(),
                "name": row.name,
                "advertiser": row.advertiser_name,
                "format": row.format,
                "createdAt": row.created_at,
                "lastUsedAt": row.last_used_at,
                "revokedAt": row.revoked_at,
            })
        });
        return print_json(&rows.collect::<Vec<_>>());
    }
    let state = |row: &FeedRow| match (row.revoked_at, row.expires_at) {
        (Some(at), _) => format!("revoked {}", moment(at)),
        (None, Some(at)) if at <= now => format!("expired {}", moment(at)),
        (None, Some(at)) => format!("live until {}", moment(at)),
        (None, None) => "live".to_owned(),
    };
    let days = |days| match days {
        FeedDays::Last(count) => format!("last {count}"),
        FeedDays::Fixed(range) => format!("{} to {}", range.from(), range.to()),
    };
    let cells = |row: &FeedRow| {
        [
            row.id.to_string(),
            row.advertiser_name.clone(),
            row.name.clone(),
            row.format.clone(),
            days(row.days),
            state(row),
            row.last_used_at.map_or_else(|| "never".to_owned(), moment),
        ]
    };
    let rows: Vec<_> = rows.iter().map(cells).collect();
    table::print(["ID", "ADVERTISER", "NAME", "FORMAT", "DAYS", "STATE", "LAST USED"], &rows)
}
