//! Reads the poll history: what Singular asked for and what it received.

use chrono::{DateTime, Utc};
use rusqlite::Row;

use crate::domain::{AdvertiserId, Day, MicrosSum, ReportFormat, ReportKind, TokenId};
use crate::store::{ReadTxn, StoreResult, TokenKey, from_ms, parsed, to_ms};

/// Which polls are wanted; newest first.
#[derive(Debug, Clone, Default)]
pub struct PollFilter {
    /// Only those of this advertiser's tokens.
    pub advertiser: Option<AdvertiserId>,
    /// Only those of this token.
    pub token: Option<TokenId>,
    /// Only polls of the cost report by Singular: with one of its tokens, from a client that nobody marked as not Singular's.
    pub by_singular: bool,
    /// Only polls without a known token.
    pub strangers: bool,
    /// Only answered ones, or only refused ones.
    pub answered: Option<bool>,
    /// Only those that asked for this day, as stored.
    pub of_day: Option<i64>,
    /// Not before this time.
    pub from: Option<DateTime<Utc>>,
    /// Before this time.
    pub until: Option<DateTime<Utc>>,
    /// Only those with a smaller key.
    pub before: Option<i64>,
    /// The most polls.
    pub limit: u32,
}

/// A recorded poll.
#[derive(Debug, Clone)]
pub struct PollSeen {
    /// Increases with every poll.
    pub key: i64,
    /// When it was answered.
    pub at: DateTime<Utc>,
    /// The token, if it is known: its id and name, and its advertiser's name.
    pub token: Option<(TokenId, String, String)>,
    /// The name of the feed, if one was read.
    pub feed: Option<String>,
    pub report: ReportKind,
    pub format: ReportFormat,
    /// First and last requested day, if they were valid.
    pub days: Option<(Day, Day)>,
    /// HTTP status.
    pub status: u16,
    /// Whether the whole answer was made.
    pub complete: bool,
    pub rows: i64,
    /// The rows' cost, if it fits.
    pub cost: Option<i64>,
    /// Length of the answer's body before compression.
    pub bytes: i64,
    /// Microseconds from the request's arrival to the last byte made.
    pub duration_us: i64,
    /// The client's IP address.
    pub address: String,
    pub user_agent: String,
}

impl PollSeen {
    /// Whether it was answered, or the client already had the report.
    #[must_use]
    pub fn answered(&self) -> bool {
        self.complete && (self.status < 400)
    }

    /// The rows' cost, if the database's integers can hold it.
    #[must_use]
    pub fn cost(&self) -> Option<MicrosSum> {
        self.cost.map(MicrosSum::from_stored)
    }
}

/// The SQL condition for a poll by Singular, in queries with `polls` and `token`.
pub(in crate::store) const BY_SINGULAR: &str = include_str!("sql/by_singular.sql");

/// The keys of the polls that may be an advertiser's.
const OF_ADVERTISER: &str = include_str!("sql/polls_of_advertiser.sql");

/// Fewer polls than these are looked up one by one.
const FEW: i64 = 10_000;

fn poll(row: &Row<'_>) -> rusqlite::Result<PollSeen> {
    let day =
        |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.and_then(|d| Day::from_stored(d).ok()));
    let token = match row.get::<_, Option<String>>(2)? {
        Some(_) => Some((parsed(row, 2)?, row.get(3)?, row.get(4)?)),
        None => None,
    };
    Ok(PollSeen {
        key: row.get(0)?,
        at: from_ms(row.get(1)?),
        token,
        report: parsed(row, 5)?,
        format: parsed(row, 6)?,
        days: day(7)?.zip(day(8)?),
        status: row.get(9)?,
        complete: row.get(10)?,
        rows: row.get(11)?,
        cost: row.get(12)?,
        bytes: row.get(13)?,
        duration_us: row.get(14)?,
        address: row.get(15)?,
        user_agent: row.get(16)?,
        feed: row.get(17)?,
    })
}

impl ReadTxn<'_> {
    /// The polls that match the filter.
    pub fn poll_list(&self, filter: &PollFilter) -> StoreResult<Vec<PollSeen>> {
        let (mut from, mut until) = (filter.from.map_or(i64::MIN, to_ms), filter.until.map_or(i64::MAX, to_ms));
        let mut which = "true".to_owned();
        if let Some(advertiser) = filter.advertiser {
            let Some((first, last)) = self.poll_span(advertiser)? else { return Ok(Vec::new()) };
            (from, until) = (from.max(first), until.min(last.saturating_add(1)));
            if self.has_few_polls(advertiser)? {
                which = format!("polls.poll_key in ({OF_ADVERTISER})");
            }
        }
        let params = rusqlite::named_params! {
            ":advertiser": filter.advertiser.map(|id| id.to_string()),
            ":token": filter.token.as_ref().map(|id| id.as_str()),
            ":by_singular": filter.by_singular,
            ":strangers": filter.strangers,
            ":answered": filter.answered,
            ":of_day": filter.of_day,
            ":from": from,
            ":until": until,
            ":before": filter.before.unwrap_or(i64::MAX),
            ":limit": filter.limit,
        };
        let sql = format!(include_str!("sql/poll_select.sql"), which = which, by_singular = BY_SINGULAR);
        self.list("read the poll history", &sql, params, poll)
    }

    /// Whether it is quicker to look each of the advertiser's polls up than to go through the history.
    fn has_few_polls(&self, advertiser: AdvertiserId) -> StoreResult<bool> {
        let sql = format!("select count(*) from ({OF_ADVERTISER} limit {FEW})");
        let params = rusqlite::named_params! { ":advertiser": advertiser.to_string() };
        let count: Option<i64> = self.first("count an advertiser's polls", &sql, params, |row| row.get(0))?;
        Ok(count.is_none_or(|count| count < FEW))
    }

    /// The times between which the advertiser's tokens polled and its feeds were read. So the whole history isn't searched
    /// for one that polled seldom or never.
    fn poll_span(&self, advertiser: AdvertiserId) -> StoreResult<Option<(i64, i64)>> {
        let sql = include_str!("sql/poll_span.sql");
        let span = self.first("read when an advertiser was polled", sql, [advertiser.to_string()], |row| {
            Ok(row.get::<_, Option<i64>>(0)?.zip(row.get(1)?))
        })?;
        Ok(span.flatten())
    }

    /// The poll with this key.
    pub fn poll_find(&self, key: i64) -> StoreResult<Option<PollSeen>> {
        let filter = PollFilter { before: Some(key.saturating_add(1)), limit: 1, ..PollFilter::default() };
        Ok(self.poll_list(&filter)?.into_iter().next().filter(|poll| poll.key == key))
    }

    /// The advertiser's last answered poll by Singular.
    pub fn poll_last_answered(&self, advertiser: AdvertiserId) -> StoreResult<Option<PollSeen>> {
        self.poll_last(advertiser, "polls.complete = 1 and polls.status < 400", i64::MIN)
    }

    /// The advertiser's last refused poll by Singular since then.
    pub fn poll_last_refused(
        &self,
        advertiser: AdvertiserId,
        since: Option<DateTime<Utc>>,
    ) -> StoreResult<Option<PollSeen>> {
        self.poll_last(advertiser, "polls.status >= 400", since.map_or(i64::MIN, to_ms))
    }

    /// The last poll of each token is found by an index, so the length of the history doesn't matter.
    fn poll_last(&self, advertiser: AdvertiserId, which: &str, since: i64) -> StoreResult<Option<PollSeen>> {
        let sql = format!(include_str!("sql/poll_last.sql"), which = which, by_singular = BY_SINGULAR);
        let params = (advertiser.to_string(), since);
        let keys: Vec<Option<i64>> = self.list("find the last poll", &sql, params, |row| row.get(0))?;
        let mut last: Option<PollSeen> = None;
        for key in keys.into_iter().flatten() {
            last = last.into_iter().chain(self.poll_find(key)?).max_by_key(|poll| (poll.at, poll.key));
        }
        Ok(last)
    }

    /// The times of answered polls by Singular since then, newest first: at most `limit` per token.
    pub fn poll_times(
        &self,
        advertiser: AdvertiserId,
        since: DateTime<Utc>,
        limit: u32,
    ) -> StoreResult<Vec<DateTime<Utc>>> {
        let sql = "select token_key from advertisers join api_tokens using (advertiser_key)
            where advertisers.id = ?1 and scope = 'report' and reader = 'singular'";
        let tokens: Vec<i64> = self.list("list tokens", sql, [advertiser.to_string()], |row| row.get(0))?;
        let mut found = Vec::new();
        let sql = format!(include_str!("sql/poll_times.sql"), by_singular = BY_SINGULAR);
        for token in tokens {
            found.extend(
                self.list("read the poll history", &sql, (token, to_ms(since), limit), |row| Ok(from_ms(row.get(0)?)))?,
            );
        }
        found.sort_unstable_by_key(|at| std::cmp::Reverse(*at));
        Ok(found)
    }

    /// The advertiser's tokens whose last poll since then was refused because of the token: name and status.
    pub fn tokens_refused(&self, advertiser: AdvertiserId, since: DateTime<Utc>) -> StoreResult<Vec<(String, u16)>> {
        let sql = format!(include_str!("sql/tokens_refused.sql"), by_singular = BY_SINGULAR);
        self.list("find refused tokens", &sql, (advertiser.to_string(), to_ms(since)), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
    }

    /// How many polls with the advertiser's tokens were refused since then.
    pub fn polls_refused_since(&self, advertiser: AdvertiserId, since: DateTime<Utc>) -> StoreResult<i64> {
        let sql = "select count(*) from polls
            join api_tokens using (token_key)
            join advertisers using (advertiser_key)
            where advertisers.id = ?1 and polls.at >= ?2 and polls.status >= 400";
        let count = self.first("count refused polls", sql, (advertiser.to_string(), to_ms(since)), |row| row.get(0))?;
        Ok(count.unwrap_or_default())
    }

    /// Refusals with 403 of the advertiser's tokens since then: token and address.
    pub fn polls_forbidden_since(
        &self,
        advertiser: AdvertiserId,
        since: DateTime<Utc>,
    ) -> StoreResult<Vec<(TokenKey, String)>> {
        let sql = "select distinct polls.token_key, polls.address from polls
            join api_tokens using (token_key)
            join advertisers using (advertiser_key)
            where advertisers.id = ?1 and polls.at >= ?2 and polls.status >= 400 and polls.status = 403
            limit 100";
        self.list("find forbidden polls", sql, (advertiser.to_string(), to_ms(since)), |row| {
            Ok((TokenKey(row.get(0)?), row.get(1)?))
        })
    }

    /// How many polls without a valid token were refused since then.
    pub fn polls_of_strangers_since(&self, since: DateTime<Utc>) -> StoreResult<i64> {
        let sql = "select count(*) from polls where token_key is null and feed_key is null and at >= ?1";
        Ok(self.first("count polls of strangers", sql, [to_ms(since)], |row| row.get(0))?.unwrap_or_default())
    }
}
