//! The poll history: what was asked for and what was answered. Written in batches, off the request path.

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use rusqlite::{Statement, ToSql};

use crate::domain::{DayRange, MicrosSum, ReportFormat, ReportKind};
use crate::store::{Doing as _, FeedKey, StoreResult, TokenKey, Version, WriteTxn, to_ms};

/// Polls that one statement inserts. A statement for each would open the table and its indexes again and again.
const MANY_POLLS: usize = 32;

const COLUMNS: [&str; 16] = [
    "at",
    "token_key",
    "feed_key",
    "report",
    "format",
    "date_from",
    "date_to",
    "status",
    "complete",
    "rows",
    "cost_micros",
    "bytes",
    "duration_us",
    "address",
    "user_agent",
    "served_version",
];

/// A statement that inserts this many polls.
fn insert(polls: usize) -> String {
    let row = format!("({})", ["?"; COLUMNS.len()].join(", "));
    format!("insert into polls ({}) values {}", COLUMNS.join(", "), vec![row; polls].join(", "))
}

/// A report request and its answer.
#[derive(Debug, Clone)]
pub struct PollRow {
    /// When it was answered.
    pub at: DateTime<Utc>,
    /// The token of the request, if it is known.
    pub token: Option<TokenKey>,
    /// The feed, if one was read instead of a report.
    pub feed: Option<FeedKey>,
    pub report: ReportKind,
    pub format: ReportFormat,
    /// The range asked for, if its dates were valid.
    pub days: Option<DayRange>,
    /// HTTP status.
    pub status: u16,
    /// Whether the whole answer was made.
    pub complete: bool,
    pub rows: u64,
    pub cost: MicrosSum,
    /// Length of the answer's body before compression.
    pub bytes: u64,
    /// From the request's arrival to the last byte made.
    pub duration: std::time::Duration,
    /// The client's IP address.
    pub address: String,
    /// What the client calls itself.
    pub user_agent: String,
    /// The version of the data in the answer, if a GET of the Singular report received all of it.
    pub served: Option<Version>,
}

impl PollRow {
    /// Binds its values, in the order of `COLUMNS`, to the parameters from `first` on. Looking parameters up by name would take
    /// a quarter of the time of recording a poll.
    fn bind(&self, first: usize, statement: &mut Statement<'_>) -> rusqlite::Result<()> {
        let values: [&dyn ToSql; COLUMNS.len()] = [
            &to_ms(self.at),
            &self.token.map(|key| key.0),
            &self.feed.map(|key| key.0),
            &self.report.as_str(),
            &self.format.as_str(),
            &self.days.map(|days| days.from().to_stored()),
            &self.days.map(|days| days.to().to_stored()),
            &self.status,
            &self.complete,
            &i64::try_from(self.rows).unwrap_or(i64::MAX),
            &self.cost.to_stored(),
            &i64::try_from(self.bytes).unwrap_or(i64::MAX),
            &i64::try_from(self.duration.as_micros()).unwrap_or(i64::MAX),
            &self.address,
            &self.user_agent,
            &self.served.map(Version::get),
        ];
        (first..).zip(values).try_for_each(|(place, value)| statement.raw_bind_parameter(place, value))
    }
}

/// A use of a token.
#[derive(Debug, Clone)]
pub struct TokenUse {
    pub token: TokenKey,
    pub at: DateTime<Utc>,
    pub address: String,
    /// What the client calls itself.
    pub user_agent: String,
}

impl WriteTxn<'_> {
    /// Adds polls to the history. Their tokens' last uses are written separately, once for many polls.
    pub fn polls_add(&self, polls: &[&PollRow]) -> StoreResult<()> {
        static ONE: LazyLock<String> = LazyLock::new(|| insert(1));
        static MANY: LazyLock<String> = LazyLock::new(|| insert(MANY_POLLS));
        let (many, rest) = polls.as_chunks::<MANY_POLLS>();
        many.iter().try_for_each(|polls| self.insert_polls(&MANY, polls)).doing("record polls")?;
        rest.chunks(1).try_for_each(|poll| self.insert_polls(&ONE, poll)).doing("record a poll")
    }

    fn insert_polls(&self, sql: &str, polls: &[&PollRow]) -> rusqlite::Result<()> {
        let mut statement = self.conn.prepare_cached(sql)?;
        for (at, poll) in polls.iter().enumerate() {
            poll.bind(1 + at * COLUMNS.len(), &mut statement)?;
        }
        statement.raw_execute().map(drop)
    }

    /// Deletes polls from before `oldest` and returns how many there were.
    pub fn poll_forget(&self, oldest: DateTime<Utc>) -> StoreResult<usize> {
        self.run("forget old polls", "delete from polls where at < ?1", [to_ms(oldest)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[test]
    fn polls_that_are_added_together_are_those_added_one_by_one() {
        let polls: Vec<PollRow> = (0..2 * MANY_POLLS as u64 + 3)
            .map(|number| PollRow {
                at: DateTime::from_timestamp_millis(number.cast_signed()).unwrap(),
                token: None,
                feed: None,
                report: ReportKind::Singular,
                format: ReportFormat::Json,
                days: None,
                status: 200 + u16::try_from(number).unwrap(),
                complete: number % 2 == 0,
                rows: number * 3,
                cost: MicrosSum::from_micros(u128::from(number) * 5),
                bytes: number * 7,
                duration: std::time::Duration::from_micros(number * 11),
                address: format!("192.0.2.{number}"),
                user_agent: format!("agent {number}"),
                served: None,
            })
            .collect();
        let polls: Vec<&PollRow> = polls.iter().collect();
        let kept = |size: usize| {
            let dir = tempfile::tempdir().unwrap();
            let store = Store::open(dir.path()).unwrap();
            store.write(|txn| polls.chunks(size).try_for_each(|polls| txn.polls_add(polls))).unwrap();
            let read = store.read(|txn| {
                let columns = COLUMNS.map(|column| format!("quote({column})")).join(" || ',' || ");
                txn.list("read polls", &format!("select {columns} from polls order by at"), (), |row| row.get(0))
            });
            let rows: Vec<String> = read.unwrap();
            rows
        };
        let together = kept(polls.len());
        assert_eq!(together.len(), polls.len());
        assert_eq!(together, kept(1));
    }
}
