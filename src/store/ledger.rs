//! The ledger: for each advertiser and day the last complete answer to Singular, and what people noted about it.
//!
//! Days are stored in runs that don't overlap: a poll's run replaces the parts of earlier runs that it covers. Written in
//! batches with the poll history, off the request path.

use chrono::{DateTime, Utc};

use crate::store::poll_history::BY_SINGULAR;
use crate::store::{AdvertiserKey, Doing as _, ReadTxn, StoreResult, TokenKey, Version, WriteTxn, from_ms, to_ms};

/// A run of days and the last answer that covered them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServedDays {
    /// First day, as stored.
    pub first: i64,
    /// Last day, as stored.
    pub last: i64,
    /// When the last byte was sent.
    pub at: DateTime<Utc>,
    /// The version of the data in it; `None` if that is no longer known.
    pub version: Option<Version>,
}

/// A complete answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedAnswer {
    pub token: TokenKey,
    /// First and last day, as stored.
    pub days: (i64, i64),
    /// The version of the data in it.
    pub version: Version,
    /// When the last byte was sent.
    pub at: DateTime<Utc>,
    pub address: String,
    pub user_agent: String,
}

/// A poll with a complete answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServedPoll {
    pub at: DateTime<Utc>,
    /// First day, as stored.
    pub first: i64,
    /// Last day, as stored.
    pub last: i64,
}

/// An address and user agent that aren't Singular's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotSingular {
    pub address: String,
    pub user_agent: String,
    pub actor: String,
    pub at: DateTime<Utc>,
}

/// A refresh request that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentRequest {
    /// Increases with every request.
    pub key: i64,
    /// First day, as stored.
    pub first: i64,
    /// Last day, as stored.
    pub last: i64,
    pub actor: String,
    pub at: DateTime<Utc>,
}

const RUN: &str = "first_day, last_day, at, version";

fn run(row: &rusqlite::Row<'_>) -> rusqlite::Result<ServedDays> {
    let version: i64 = row.get(3)?;
    let version = (version > 0).then_some(Version(version));
    Ok(ServedDays { first: row.get(0)?, last: row.get(1)?, at: from_ms(row.get(2)?), version })
}

impl ReadTxn<'_> {
    /// All runs of days that Singular received, in order.
    pub fn served_days(&self, advertiser: AdvertiserKey) -> StoreResult<Vec<ServedDays>> {
        let sql = format!("select {RUN} from served_days where advertiser_key = ?1 order by first_day");
        self.list("read what was handed over", &sql, [advertiser.0], run)
    }

    /// Singular's polls since then, oldest first.
    pub fn served_polls(&self, advertiser: AdvertiserKey, since: DateTime<Utc>) -> StoreResult<Vec<ServedPoll>> {
        let sql = format!(include_str!("sql/served_polls.sql"), by_singular = BY_SINGULAR);
        self.list("read Singular's polls", &sql, (advertiser.0, to_ms(since)), |row| {
            Ok(ServedPoll { at: from_ms(row.get(0)?), first: row.get(1)?, last: row.get(2)? })
        })
    }

    /// When Singular last received something.
    pub fn served_last(&self, advertiser: AdvertiserKey) -> StoreResult<Option<DateTime<Utc>>> {
        let sql = "select max(at) from served_days where advertiser_key = ?1 and version > 0";
        let found = self.first("read what was handed over", sql, [advertiser.0], |row| row.get::<_, Option<i64>>(0))?;
        Ok(found.flatten().map(from_ms))
    }

    /// Whether the advertiser ever had a token that answers could be handed to Singular with.
    pub fn has_singular_token(&self, advertiser: AdvertiserKey) -> StoreResult<bool> {
        let sql = "select exists (select 1 from api_tokens
            where advertiser_key = ?1 and scope = 'report' and reader = 'singular')";
        let found = self.first("look for Singular's tokens", sql, [advertiser.0], |row| row.get(0))?;
        Ok(found.unwrap_or_default())
    }

    /// Addresses and user agents that aren't Singular's.
    pub fn not_singular_list(&self, advertiser: AdvertiserKey) -> StoreResult<Vec<NotSingular>> {
        let sql = "select address, user_agent, actor, created_at from not_singular
            where advertiser_key = ?1
            order by created_at";
        self.list("list what is not Singular", sql, [advertiser.0], |row| {
            let (address, user_agent, actor) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(NotSingular { address, user_agent, actor, at: from_ms(row.get(3)?) })
        })
    }

    /// The refresh requests since then, newest first.
    pub fn refresh_request_list(
        &self,
        advertiser: AdvertiserKey,
        since: DateTime<Utc>,
    ) -> StoreResult<Vec<SentRequest>> {
        let sql = "select request_key, first_day, last_day, actor, created_at from refresh_requests
            where advertiser_key = ?1 and created_at >= ?2
            order by request_key desc";
        self.list("list refresh requests", sql, (advertiser.0, to_ms(since)), |row| {
            let (key, first, last) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(SentRequest { key, first, last, actor: row.get(3)?, at: from_ms(row.get(4)?) })
        })
    }

    /// The days that somebody accepted, each with its version at that time.
    pub fn accepted_days(&self, advertiser: AdvertiserKey) -> StoreResult<Vec<(i64, Version)>> {
        let sql = "select day, version from accepted_days where advertiser_key = ?1 order by day";
        self.list("list accepted days", sql, [advertiser.0], |row| Ok((row.get(0)?, Version(row.get(1)?))))
    }
}

impl WriteTxn<'_> {
    /// Adds an answer to the ledger; returns whether its reader was Singular.
    pub fn served_add(&self, answer: &ServedAnswer) -> StoreResult<bool> {
        let sql = include_str!("sql/served_by.sql");
        let params = (answer.token.0, &answer.address, &answer.user_agent);
        let advertiser = self.first("find a token's reader", sql, params, |row| row.get(0).map(AdvertiserKey))?;
        if let Some(advertiser) = advertiser {
            let (first, last) = answer.days;
            let version = Some(answer.version);
            self.served_put(advertiser, &ServedDays { first, last, at: answer.at, version })?;
        }
        Ok(advertiser.is_some())
    }

    /// Adds a run, which replaces the parts of earlier runs that it covers.
    fn served_put(&self, advertiser: AdvertiserKey, new: &ServedDays) -> StoreResult<()> {
        for old in self.served_below(advertiser, new)? {
            let sql = "delete from served_days where advertiser_key = ?1 and first_day = ?2";
            self.run("note what was handed over", sql, (advertiser.0, old.first))?;
            if old.first < new.first {
                self.served_insert(advertiser, &ServedDays { last: new.first - 1, ..old })?;
            }
            if old.last > new.last {
                self.served_insert(advertiser, &ServedDays { first: new.last + 1, ..old })?;
            }
        }
        self.served_insert(advertiser, new)
    }

    /// The runs that share days with this one.
    fn served_below(&self, advertiser: AdvertiserKey, new: &ServedDays) -> StoreResult<Vec<ServedDays>> {
        const DOING: &str = "read what was handed over";
        let sql = format!(
            "select {RUN} from served_days where advertiser_key = ?1 and first_day <= ?2 order by first_day desc"
        );
        let mut statement = self.conn.prepare_cached(&sql).doing(DOING)?;
        let mut rows = statement.query((advertiser.0, new.last)).doing(DOING)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().doing(DOING)? {
            let old = run(row).doing(DOING)?;
            if old.last < new.first {
                break;
            }
            found.push(old);
        }
        Ok(found)
    }

    fn served_insert(&self, advertiser: AdvertiserKey, run: &ServedDays) -> StoreResult<()> {
        let sql = "insert into served_days (advertiser_key, first_day, last_day, at, version)
            values (?1, ?2, ?3, ?4, ?5)";
        let version = run.version.map_or(0, |version| version.0);
        self.run("note what was handed over", sql, (advertiser.0, run.first, run.last, to_ms(run.at), version))
            .map(drop)
    }

    /// Marks days as unknown: from now on it isn't known what Singular received.
    pub(in crate::store) fn served_unknown(&self, advertiser: AdvertiserKey, unknown: &ServedDays) -> StoreResult<()> {
        let sql = "insert into unknown_days (advertiser_key, first_day, last_day, at) values (?1, ?2, ?3, ?4)
            on conflict do update set last_day = max(last_day, excluded.last_day)";
        let params = (advertiser.0, unknown.first, unknown.last, to_ms(unknown.at));
        self.run("forget what was handed over", sql, params)?;
        self.served_put(advertiser, unknown)
    }

    /// The same for one day.
    pub fn served_forget(&self, advertiser: AdvertiserKey, day: i64, now: DateTime<Utc>) -> StoreResult<()> {
        self.served_unknown(advertiser, &ServedDays { first: day, last: day, at: now, version: None })
    }

    /// Recomputes the ledger from the poll history after somebody said who is Singular. Days whose last answer is older than
    /// the history stay as they are, and unknown days stay unknown until a later answer. Where polls were forgotten, one of
    /// them may have covered a day that no other did: what it was handed over as is unknown then.
    pub fn served_again(&self, advertiser: AdvertiserKey) -> StoreResult<()> {
        let kept = "select min(at) from polls join api_tokens using (token_key) where advertiser_key = ?1";
        let oldest = self.first("read the poll history", kept, [advertiser.0], |row| row.get::<_, Option<i64>>(0))?;
        let Some(oldest) = oldest.flatten() else { return Ok(()) };
        let sql = format!(include_str!("sql/served_again.sql"), by_singular = BY_SINGULAR);
        let runs: Vec<ServedDays> = self.list("read Singular's polls", &sql, (advertiser.0, oldest), run)?;
        self.run("work the ledger out anew", "delete from served_days where advertiser_key = ?1", [advertiser.0])?;
        runs.iter().try_for_each(|run| self.served_put(advertiser, run))
    }

    /// Marks an address and user agent as not Singular's, or removes the mark.
    pub fn not_singular_set(
        &self,
        advertiser: AdvertiserKey,
        (address, user_agent): (&str, &str),
        is_marked: bool,
        actor: &str,
        now: DateTime<Utc>,
    ) -> StoreResult<()> {
        const DOING: &str = "mark what is not Singular";
        if is_marked {
            let sql = "insert into not_singular (advertiser_key, address, user_agent, actor, created_at)
                values (?1, ?2, ?3, ?4, ?5)
                on conflict do nothing";
            self.run(DOING, sql, (advertiser.0, address, user_agent, actor, to_ms(now)))?;
        } else {
            let sql = "delete from not_singular where advertiser_key = ?1 and address = ?2 and user_agent = ?3";
            self.run(DOING, sql, (advertiser.0, address, user_agent))?;
        }
        self.served_again(advertiser)
    }

    /// Notes a refresh request that was sent.
    pub fn refresh_request_add(
        &self,
        advertiser: AdvertiserKey,
        (first, last): (i64, i64),
        actor: &str,
        now: DateTime<Utc>,
    ) -> StoreResult<()> {
        let sql = "insert into refresh_requests (advertiser_key, first_day, last_day, actor, created_at)
            values (?1, ?2, ?3, ?4, ?5)";
        self.run("note a refresh request", sql, (advertiser.0, first, last, actor, to_ms(now))).map(drop)
    }

    /// Accepts a day as it is.
    pub fn day_accept(
        &self,
        advertiser: AdvertiserKey,
        day: i64,
        version: Version,
        actor: &str,
        now: DateTime<Utc>,
    ) -> StoreResult<()> {
        let sql = "insert or replace into accepted_days (advertiser_key, day, version, actor, created_at)
            values (?1, ?2, ?3, ?4, ?5)";
        self.run("accept a day", sql, (advertiser.0, day, version.0, actor, to_ms(now))).map(drop)
    }
}
