//! What was last handed to Singular, and how that differs from what the report says now (contract §8).
//!
//! The database keeps when each day was last handed over, and the version it was made from. What the report said at that
//! version follows from the history of values and of the catalogue, so nothing is stored twice. What can't be known counts
//! as differing.

mod catalogue;
mod causes;
mod difference;
mod effect;
mod lost;
mod polling;
mod requests;
mod said;
mod state;
mod then;

use std::collections::HashMap;

use chrono::{DateTime, Utc};

pub use self::causes::{Cause, causes};
pub use self::difference::{CellDifference, DayDifference, Detail, Sums};
pub use self::effect::{Effect, effect, effect_on_campaigns, effects};
pub use self::lost::settle_lost;
pub use self::polling::{LookBack, PollTimes};
pub use self::requests::RefreshRequest;
pub use self::said::{accept_days, mark_reader, refresh_sent};
pub use self::state::{Calendar, HandoverState};
pub use self::then::Shown;

use self::catalogue::Catalogue;
use crate::domain::{Day, DayRange};
use crate::service::ServiceResult;
use crate::service::status::{PollingState, PollingStatus};
use crate::store::{AdvertiserRow, ReadTxn, ServedDays, Version};

/// How an advertiser's days stand.
pub struct Ledger {
    pub advertiser: AdvertiserRow,
    pub polling: PollingStatus,
    /// How far its polls look back.
    pub look_back: LookBack,
    /// Today, and what lies within Singular's reach.
    pub calendar: Calendar,
    /// The days that have stats or were handed over, in order, as far as they are known to have had something.
    pub days: Vec<LedgerDay>,
    catalogue: Catalogue,
}

/// How a day stands.
#[derive(Debug, Clone)]
pub struct LedgerDay {
    pub day: Day,
    pub state: HandoverState,
    /// When it was last handed over, and from what; nothing where it never was, or where that can't be known.
    pub served: Option<(DateTime<Utc>, Version)>,
    /// What it was handed over as, and what it is now.
    pub difference: DayDifference,
    /// Whether somebody said to leave it so.
    pub is_accepted: bool,
}

impl Ledger {
    /// How the advertiser's days stand; of a range, or all.
    pub fn of(
        txn: &ReadTxn<'_>,
        advertiser: &AdvertiserRow,
        range: Option<DayRange>,
        detail: Detail,
        now: DateTime<Utc>,
    ) -> ServiceResult<Self> {
        let polling = PollingStatus::of(txn, advertiser.id, now)?;
        let look_back = LookBack::of(txn, advertiser, now)?;
        let calendar = Calendar::new(advertiser.time_zone.today(now)?, look_back.days);
        let catalogue = Catalogue::load(txn, advertiser.key)?;
        let days = Vec::new();
        let mut ledger = Self { advertiser: advertiser.clone(), polling, look_back, calendar, days, catalogue };
        ledger.days = ledger.read(txn, range, detail)?;
        Ok(ledger)
    }

    /// The days again, in other detail; of a range, or all. For the same transaction.
    pub fn read(&self, txn: &ReadTxn<'_>, range: Option<DayRange>, detail: Detail) -> ServiceResult<Vec<LedgerDay>> {
        let key = self.advertiser.key;
        let (from, to) = range.map_or((i64::MIN, i64::MAX), DayRange::stored);
        let versions: HashMap<i64, Version> = txn.day_versions(key, from, to)?.into_iter().collect();
        let accepted: HashMap<i64, Version> = txn.accepted_days(key)?.into_iter().collect();
        let served = txn.served_days(key)?;
        let mut reader = difference::Reader::new(txn, key, &self.catalogue, (from, to), detail)?;
        let mut found = Vec::new();
        for (stored, run) in days(&versions, &served, self.calendar.today.to_stored(), (from, to)) {
            let version = versions.get(&stored).copied();
            let difference = match run {
                Some(ServedDays { version: Some(at), .. }) => reader.since(stored, *at, version)?,
                Some(ServedDays { version: None, .. }) | None => reader.alone(stored)?,
            };
            let day = Day::from_stored(stored)?;
            let state = match run {
                None if difference.held.rows == 0 => continue,
                None => HandoverState::NeverServed,
                Some(_) if !difference.is_any() => HandoverState::InStep,
                Some(_) => self.calendar.differing(day),
            };
            let is_accepted = accepted.get(&stored).is_some_and(|then| *then == version.unwrap_or_default());
            let served = run.and_then(|run| Some((run.at, run.version?)));
            found.push(LedgerDay { day, state, served, difference, is_accepted });
        }
        Ok(found)
    }

    /// Whether a person has to do something about this day.
    #[must_use]
    pub fn needs_person(&self, day: &LedgerDay) -> bool {
        match day.state {
            HandoverState::Refresh => true,
            HandoverState::NeverServed => self.calendar.is_beyond_polls(day.day) && self.calendar.is_in_reach(day.day),
            HandoverState::InStep | HandoverState::NextPoll | HandoverState::OutOfReach => false,
        }
    }

    /// Whether the day differs for good, and nobody accepted that: neither a poll nor a request brings it.
    #[must_use]
    pub fn is_lasting(&self, day: &LedgerDay) -> bool {
        let is_out = self.calendar.is_beyond_polls(day.day) && !self.calendar.is_in_reach(day.day);
        is_out && !day.is_accepted && day.state != HandoverState::InStep
    }

    /// Whether polling is alive and no day needs a person.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.polling.state == PollingState::Alive && !self.days.iter().any(|day| self.needs_person(day))
    }

    /// The refresh requests to send, in that order.
    #[must_use]
    pub fn refresh_requests(&self) -> Vec<RefreshRequest> {
        requests::requests(self)
    }

    /// How many days are in each state.
    #[must_use]
    pub fn counts(&self) -> [(HandoverState, usize); 5] {
        HandoverState::ALL.map(|state| (state, self.days.iter().filter(|day| day.state == state).count()))
    }
}

/// How many days of an advertiser are in each state, and when something was last handed to Singular.
pub struct Tally {
    pub advertiser: String,
    pub days: [(HandoverState, usize); 5],
    /// Days that a person has to do something about.
    pub need_person: usize,
    /// When something was last handed over whole.
    pub served_at: Option<DateTime<Utc>>,
}

/// How the days of all advertisers stand that are not disabled.
pub fn tallies(txn: &ReadTxn<'_>, now: DateTime<Utc>) -> ServiceResult<Vec<Tally>> {
    let advertisers = txn.advertiser_list()?.into_iter().filter(|row| row.disabled_at.is_none());
    advertisers.map(|row| Tally::of(txn, &row, now)).collect()
}

impl Tally {
    /// How the days of one advertiser stand.
    pub fn of(txn: &ReadTxn<'_>, advertiser: &AdvertiserRow, now: DateTime<Utc>) -> ServiceResult<Self> {
        let ledger = Ledger::of(txn, advertiser, None, Detail::States, now)?;
        Ok(Self {
            advertiser: advertiser.name.clone(),
            days: ledger.counts(),
            need_person: ledger.days.iter().filter(|day| ledger.needs_person(day)).count(),
            served_at: txn.served_last(advertiser.key)?,
        })
    }
}

/// The days that have stats or were handed over, each with the run that covers it. A run may be much longer than anything
/// there is: beyond the stats, and after today, its days had and have nothing.
fn days<'r>(
    versions: &HashMap<i64, Version>,
    served: &'r [ServedDays],
    today: i64,
    (from, to): (i64, i64),
) -> Vec<(i64, Option<&'r ServedDays>)> {
    let mut wanted: Vec<i64> = versions.keys().copied().collect();
    // Where it is not known what was handed over, a day without stats may have had some.
    let unknown = served.iter().filter(|run| run.version.is_none());
    let first = wanted.iter().min().copied().unwrap_or(today).max(from);
    wanted.extend(unknown.flat_map(|run| run.first.max(first)..=run.last.min(to).min(today)));
    wanted.sort_unstable();
    wanted.dedup();
    let covering = |day: i64| {
        let after = served.partition_point(|run| run.first <= day);
        after.checked_sub(1).and_then(|at| served.get(at)).filter(|run| run.last >= day)
    };
    wanted.into_iter().map(|day| (day, covering(day))).collect()
}
