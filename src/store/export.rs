//! The tables of `pitlane export`, as text. Secrets, and data that only makes the program faster, are not exported.
//!
//! The SQL's column names say how integers are formatted: `:money`, `:day`, `:at`; without one of these they are plain
//! numbers.

use chrono::SecondsFormat;
use rusqlite::types::ValueRef;

use crate::domain::{Day, MicrosSum};
use crate::store::{Doing as _, ReadTxn, StoreError, foreign_value, from_ms};

/// A table that is exported.
#[derive(Debug)]
pub struct Export {
    pub name: &'static str,
    pub about: &'static str,
    /// The table in the schema.
    pub table: &'static str,
    sql: &'static str,
}

#[rustfmt::skip]
pub const EXPORTS: &[Export] = &[
    Export { name: "advertisers", table: "advertisers", sql: include_str!("sql/export/advertisers.sql"), about: "accounts that pay, with their currency and time zone" },
    Export { name: "apps", table: "apps", sql: include_str!("sql/export/apps.sql"), about: "what is advertised" },
    Export { name: "publishers", table: "publishers", sql: include_str!("sql/export/publishers.sql"), about: "who shows the offers; their id is partner_id in reports" },
    Export { name: "offers", table: "offers", sql: include_str!("sql/export/offers.sql"), about: "what users see, and whether Singular is shown the cost" },
    Export { name: "campaigns", table: "campaigns", sql: include_str!("sql/export/campaigns.sql"), about: "the advertiser's own names for offers; their id is campaign_id in reports" },
    Export { name: "network_campaigns", table: "network_campaigns", sql: include_str!("sql/export/network_campaigns.sql"), about: "the ids that ad networks give campaigns" },
    Export { name: "stats", table: "daily_stats", sql: include_str!("sql/export/stats.sql"), about: "clicks, cost, views and conversions per day, campaign and publisher; pitlane import reads it as it is" },
    Export { name: "history", table: "stat_history", sql: include_str!("sql/export/history.sql"), about: "the values that rows of stats held before, and which import stated and which ended them" },
    Export { name: "imports", table: "imports", sql: include_str!("sql/export/imports.sql"), about: "everything that ever changed the stats" },
    Export { name: "import_days", table: "import_spans", sql: include_str!("sql/export/import_days.sql"), about: "which days of which advertiser each import stated" },
    Export { name: "day_marks", table: "day_marks", sql: include_str!("sql/export/day_marks.sql"), about: "days called provisional or final" },
    Export { name: "mappings", table: "mappings", sql: include_str!("sql/export/mappings.sql"), about: "saved ways to read files; headers and spec are JSON" },
    Export { name: "tokens", table: "api_tokens", sql: include_str!("sql/export/tokens.sql"), about: "API tokens without their secrets" },
    Export { name: "token_networks", table: "token_networks", sql: include_str!("sql/export/token_networks.sql"), about: "networks that a token may be used from; one without any may be used from anywhere" },
    Export { name: "feeds", table: "feeds", sql: include_str!("sql/export/feeds.sql"), about: "links for partners beside Singular, without their secrets" },
    Export { name: "merges", table: "merges", sql: include_str!("sql/export/merges.sql"), about: "publishers and campaigns that became one, by id, and the import that did it" },
    Export { name: "people", table: "admins", sql: include_str!("sql/export/people.sql"), about: "people who may log in, without their passwords" },
    Export { name: "polls", table: "polls", sql: include_str!("sql/export/polls.sql"), about: "report requests of the last 400 days, answered or refused" },
    Export { name: "served", table: "served_days", sql: include_str!("sql/export/served.sql"), about: "runs of days with the last answer that was handed to Singular whole" },
    Export { name: "audit", table: "audit_log", sql: include_str!("sql/export/audit.sql"), about: "who did what, when, from where" },
];

/// Tables that are not exported, and why.
pub const NOT_EXPORTED: &[(&str, &str)] = &[
    ("appliance", "names this appliance"),
    ("sandbox_tokens", "which tokens read made-up days for Singular's integration team; tokens.csv leaves them out"),
    ("checks", "what the last checks from outside found; they can be made again"),
    ("proxies_seen", "who sent headers of proxies lately"),
    ("shut_for_good", "what a restore keeps shut"),
    ("known_browsers", "hashes of browsers that somebody logged in with"),
    ("login_pauses", "who guessed wrong passwords and must wait"),
    ("change_clock", "orders changes inside the program"),
    ("day_versions", "says when a cached day is stale"),
    ("stated_sets", "what imports stated, for an undo of others"),
    ("stated_cells", "what imports stated, for an undo of others"),
    ("import_statements", "what imports stated, for an undo of others"),
    ("offer_history", "what Singular was handed is compared with it"),
    ("campaign_history", "what Singular was handed is compared with it"),
    ("app_history", "what Singular was handed is compared with it"),
    ("not_singular", "addresses and agents that are not Singular"),
    ("unknown_days", "days of which it is not known what Singular was handed"),
    ("refresh_requests", "refresh requests that were sent to Singular; the audit log has them"),
    ("accepted_days", "days that were accepted as they are; the audit log has them"),
    ("alarms", "what people were told of; the server finds it again"),
    ("alarm_notices", "mails and webhook posts that are still to be sent"),
    ("epoch", "tells this file from older copies of it"),
    ("day_sums", "sums of the stats, kept with each change"),
    ("month_sums", "the same by month"),
    ("import_drafts", "uploads that wait for their import"),
    ("mapping_memory", "answers to files that were imported before, saved under no name"),
    ("setup_links", "hashes of one-time links"),
    ("sessions", "browsers that are logged in"),
    ("two_step", "sealed secrets of two-step log-in"),
    ("recovery_codes", "hashes of recovery codes"),
];

/// How a column's integers are formatted.
#[derive(Clone, Copy)]
enum Reading {
    Number,
    Money,
    Day,
    Moment,
}

impl ReadTxn<'_> {
    /// Calls `line` with the column names, then with each row; returns the number of rows.
    pub fn export<E: From<StoreError>>(
        &self,
        export: &Export,
        mut line: impl FnMut(&[String]) -> Result<(), E>,
    ) -> Result<u64, E> {
        let doing = "export a table";
        let mut statement = self.conn.prepare(export.sql).doing(doing)?;
        let columns: Vec<_> = statement.column_names().into_iter().map(read_as).collect();
        let mut cells: Vec<_> = columns.iter().map(|(name, _)| name.clone()).collect();
        line(&cells)?;
        let mut rows = statement.query(()).doing(doing)?;
        let mut count = 0;
        while let Some(row) = rows.next().doing(doing)? {
            for (at, (cell, (_, reading))) in cells.iter_mut().zip(&columns).enumerate() {
                *cell = row.get_ref(at).and_then(|value| text(at, value, *reading)).doing(doing)?;
            }
            line(&cells)?;
            count += 1;
        }
        Ok(count)
    }
}

fn read_as(column: &str) -> (String, Reading) {
    let (name, reading) = match column.split_once(':') {
        Some((name, "money")) => (name, Reading::Money),
        Some((name, "day")) => (name, Reading::Day),
        Some((name, "at")) => (name, Reading::Moment),
        _ => (column, Reading::Number),
    };
    (name.to_owned(), reading)
}

fn text(column: usize, value: ValueRef<'_>, reading: Reading) -> rusqlite::Result<String> {
    Ok(match (value, reading) {
        (ValueRef::Null, _) => String::new(),
        (ValueRef::Integer(number), Reading::Number) => number.to_string(),
        (ValueRef::Integer(micros), Reading::Money) => MicrosSum::from_stored(micros).to_string(),
        (ValueRef::Integer(day), Reading::Day) => {
            Day::from_stored(day).map_err(|invalid| foreign_value(column, invalid))?.to_string()
        }
        (ValueRef::Integer(at), Reading::Moment) => from_ms(at).to_rfc3339_opts(SecondsFormat::Millis, true),
        (ValueRef::Text(text), _) => String::from_utf8_lossy(text).into_owned(),
        (other @ (ValueRef::Real(_) | ValueRef::Blob(_)), _) => {
            return Err(rusqlite::Error::InvalidColumnType(column, "an exported column".to_owned(), other.data_type()));
        }
    })
}
