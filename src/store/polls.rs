//! The poll history: what was asked for and what was answered. Written in batches, off the request path.

use chrono::{DateTime, Utc};

use crate::domain::{DayRange, MicrosSum, ReportFormat, ReportKind};
use crate::store::{FeedKey, StoreResult, TokenKey, Version, WriteTxn, to_ms};

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
    /// Adds a poll to the history. Its token's last use is written separately, once for many polls.
    pub fn poll_add(&self, poll: &PollRow) -> StoreResult<()> {
        // Positional: looking parameters up by name took a quarter of the time of recording a poll.
        let params = (
            to_ms(poll.at),
            poll.token.map(|key| key.0),
            poll.feed.map(|key| key.0),
            poll.report.as_str(),
            poll.format.as_str(),
            poll.days.map(|days| days.from().to_stored()),
            poll.days.map(|days| days.to().to_stored()),
            poll.status,
            poll.complete,
            i64::try_from(poll.rows).unwrap_or(i64::MAX),
            poll.cost.to_stored(),
            i64::try_from(poll.bytes).unwrap_or(i64::MAX),
            i64::try_from(poll.duration.as_micros()).unwrap_or(i64::MAX),
            &poll.address,
            &poll.user_agent,
            poll.served.map(Version::get),
        );
        self.run("record a poll", include_str!("sql/poll_add.sql"), params).map(drop)
    }

    /// Notes a use of a token.
    pub fn token_use_add(&self, seen: &TokenUse) -> StoreResult<()> {
        self.token_seen(seen.token, seen.at, &seen.address, &seen.user_agent)
    }

    /// Deletes polls from before `oldest` and returns how many there were.
    pub fn poll_forget(&self, oldest: DateTime<Utc>) -> StoreResult<usize> {
        self.run("forget old polls", "delete from polls where at < ?1", [to_ms(oldest)])
    }
}
