//! `pitlane token …`

use std::ffi::OsStr;

use anyhow::Context as _;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Subcommand;
use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use ipnet::IpNet;
use serde_json::json;

use super::{moment, open_existing, parse, parse_name, print, print_json, say, table};
use crate::config::Global;
use crate::domain::{Invalid, Name, TokenId, TokenReader, TokenScope};
use crate::service::Actor;
use crate::service::access::tokens::{self, TokenRequest};
use crate::service::status::TokenState;
use crate::store::TokenRow;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Issue a token and print it; this is the only time it is shown
    Create {
        /// Whose it is, by name or id
        #[arg(long, value_name = "NAME-OR-ID")]
        advertiser: String,
        /// Name of whoever will use it
        #[arg(long, value_name = "LABEL", value_parser = parse_name)]
        name: Name,
        /// report reads reports, ingest writes stats
        #[arg(long, default_value = "report", value_parser = parse::<TokenScope>)]
        scope: TokenScope,
        /// Who will use it; only polls with tokens of reader `singular` count as handed to Singular
        #[arg(long, default_value = "singular", value_parser = parse::<TokenReader>)]
        reader: TokenReader,
        /// Networks it may be used from, such as 203.0.113.0/24; from anywhere if not given; may be repeated
        #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = crate::config::network)]
        allow: Vec<IpNet>,
        /// How long it works, such as 12h, 90d, 8w or 1y; without it, until it is revoked
        #[arg(long, value_name = "TIME", value_parser = parse_life)]
        expires_in: Option<TimeDelta>,
    },
    /// List the tokens; never shows a secret
    List,
    /// Issue a new token in place of another; both work until the old one is revoked
    Rotate {
        /// The old one: the 16 letters and digits after plt_
        #[arg(value_parser = IdParser)]
        id: TokenId,
        /// Name of whoever will use it; as before if not given
        #[arg(long, value_name = "LABEL", value_parser = parse_name)]
        name: Option<Name>,
        /// How long it works; without it as long as the old one was given
        #[arg(long, value_name = "TIME", value_parser = parse_life)]
        expires_in: Option<TimeDelta>,
    },
    /// Revoke a token from the next request on
    Revoke {
        /// The 16 letters and digits after plt_
        #[arg(value_parser = IdParser)]
        id: TokenId,
    },
}

pub(super) fn run(global: &Global, command: Command) -> anyhow::Result<()> {
    let store = open_existing(global)?;
    let (actor, now) = (Actor::command_line(), Utc::now());
    match command {
        Command::Create { advertiser, name, scope, reader, allow, expires_in } => {
            let expires_at = expires_in.map(|life| now + life);
            let request = TokenRequest { advertiser, name, scope, expires_at, reader };
            let token = tokens::issue(&store, &request, &actor, now)?;
            // It has just been made, so it can't have been used yet.
            if !allow.is_empty() {
                tokens::allow(&store, token.id(), &allow, &actor, now)?;
            }
            say(format_args!("This token is shown this once; only its hash is stored."));
            if global.json {
                let id = token.id().as_str();
                return print_json(&json!({"token": token.reveal(), "id": id, "expiresAt": expires_at}));
            }
            print(token.reveal())
        }
        Command::List => {
            let rows = store.read(|txn| txn.token_list())?;
            if global.json {
                return print_json(&rows.iter().map(|row| as_json(row, now)).collect::<Vec<_>>());
            }
            let rows: Vec<_> = rows.iter().map(|row| as_cells(row, now)).collect();
            table::print(["ID", "ADVERTISER", "NAME", "SCOPE", "STATE", "LAST USED", "CREATED"], &rows)
        }
        Command::Rotate { id, name, expires_in } => {
            let old = store.read(|txn| txn.token_find(&id))?;
            let old = old.with_context(|| format!("there is no token {id}"))?;
            if let TokenState::Revoked(at) = TokenState::of(&old, now) {
                anyhow::bail!("the token {id} was revoked on {}; issue a new one: pitlane token create", moment(at));
            }
            let name = match name {
                Some(name) => name,
                None => Name::parse("name", &old.name)?,
            };
            let life = expires_in.or(old.expires_at.map(|at| at - old.created_at));
            let token = tokens::rotate(&store, &old, name, life.map(|life| now + life), &actor, now)?;
            say(format_args!(
                "This token is shown this once; only its hash is stored. When it is in use, end the old one:"
            ));
            say(format_args!("  pitlane token revoke {id}"));
            if global.json {
                let expires_at = life.map(|life| now + life);
                let new = token.id().as_str();
                return print_json(
                    &json!({"token": token.reveal(), "id": new, "expiresAt": expires_at, "replaces": id.as_str()}),
                );
            }
            print(token.reveal())
        }
        Command::Revoke { id } => {
            let revoked = tokens::revoke(&store, &id, &actor, now)?;
            say(format_args!("token {id} {}", if revoked { "is revoked from now on" } else { "was revoked already" }));
            if global.json {
                print_json(&json!({"id": id.as_str(), "revoked": revoked}))?;
            }
            Ok(())
        }
    }
}

fn state(row: &TokenRow, now: DateTime<Utc>) -> String {
    match TokenState::of(row, now) {
        TokenState::Revoked(at) => format!("revoked {}", moment(at)),
        TokenState::Expired(at) => format!("expired {}", moment(at)),
        TokenState::Disabled(at) => format!("advertiser disabled {}", moment(at)),
        TokenState::Ending(at) | TokenState::Live(Some(at)) => format!("live until {}", moment(at)),
        TokenState::Live(None) => "live".to_owned(),
    }
}

fn as_cells(row: &TokenRow, now: DateTime<Utc>) -> [String; 7] {
    [
        row.id.to_string(),
        row.advertiser_name.clone(),
        row.name.clone(),
        row.scope.as_str().to_owned(),
        state(row, now),
        row.last_used_at.map_or_else(|| "never".to_owned(), moment),
        moment(row.created_at),
    ]
}

fn as_json(row: &TokenRow, now: DateTime<Utc>) -> serde_json::Value {
    json!({
        "id": row.id.as_str(),
        "advertiser": row.advertiser_name,
        "advertiserId": row.advertiser_id.to_string(),
        "name": row.name,
        "scope": row.scope.as_str(),
        "reader": row.reader.as_str(),
        "allow": row.networks.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "live": TokenState::of(row, now).is_live(),
        "createdAt": row.created_at,
        "expiresAt": row.expires_at,
        "revokedAt": row.revoked_at,
        "lastUsedAt": row.last_used_at,
    })
}

/// Parses a token's id, also out of a whole token. Clap's own parsers repeat their input in errors; a pasted secret must not
/// be repeated.
#[derive(Debug, Clone)]
struct IdParser;

impl TypedValueParser for IdParser {
    type Value = TokenId;

    fn parse_ref(&self, _: &clap::Command, _: Option<&clap::Arg>, value: &OsStr) -> Result<TokenId, clap::Error> {
        let text = value.to_string_lossy();
        let id = text.strip_prefix("plt_").unwrap_or(&text).split('_').next().unwrap_or_default();
        id.parse().map_err(|invalid: Invalid| clap::Error::raw(ErrorKind::ValueValidation, format!("{invalid}\n")))
    }
}

/// A whole number of hours, days, weeks or years of 365 days; at most a century.
pub(super) fn parse_life(text: &str) -> Result<TimeDelta, String> {
    let expected = || "expected a number with h, d, w or y, such as 90d, up to 100y".to_owned();
    let (number, unit) = text.split_at(text.len().saturating_sub(text.chars().next_back().map_or(0, char::len_utf8)));
    let hours: i64 = match unit {
        "h" => 1,
        "d" => 24,
        "w" => 24 * 7,
        "y" => 24 * 365,
        _ => return Err(expected()),
    };
    let number: i64 = number.parse().ok().filter(|number| *number > 0).ok_or_else(expected)?;
    let hours = number.checked_mul(hours).filter(|hours| *hours <= 100 * 365 * 24).ok_or_else(expected)?;
    Ok(TimeDelta::hours(hours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lives_are_written_with_a_unit() {
        assert_eq!(parse_life("90d"), Ok(TimeDelta::days(90)));
        assert_eq!(parse_life("12h"), Ok(TimeDelta::hours(12)));
        assert_eq!(parse_life("1y"), Ok(TimeDelta::days(365)));
        for wrong in ["", "d", "90", "0d", "-1d", "1é", "101y", "99999999999999999999d", "1.5d"] {
            assert!(parse_life(wrong).is_err(), "{wrong:?} was accepted");
        }
    }
}
