//! What Singular last received, and how that differs from what the report says now (contract §8).
//!
//! The database stores when Singular last received each day, and at which version. What the report said at that version
//! follows from the history of values and of the catalogue, so nothing is stored twice. What can't be known counts as
//! differing.

mod catalogue;
mod causes;
mod compare;
mod difference;
mod effect;
mod lost;
mod polling;
mod requests;
mod said;
mod state;
mod switch;
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
pub use self::switch::SwitchOutlook;
pub use self::then::Shown;

use self::catalogue::Catalogue;
use crate::domain::{Day, DayRange};
use crate::service::ServiceResult;
use crate::service::status::{PollingState, PollingStatus};
use crate::store::{AdvertiserRow, ReadTxn, ServedDays, Version};

/// The state of an advertiser's days.
pub struct Ledger {
    pub advertiser: AdvertiserRow,
    pub polling: PollingStatus,
    /// How far its polls look back.
    pub look_back: LookBack,
    /// Today, and how far polls and refresh requests reach.
    pub calendar: Calendar,
    /// The days that have stats, or that Singular received with stats as far as is known, in order.
    pub days: Vec<LedgerDay>,
    catalogue: Catalogue,
}

/// The state of a day.
#[derive(Debug, Clone)]
pub struct LedgerDay {
    pub day: Day,
    pub state: HandoverState,
    /// When Singular last received it, and at which version; `None` if it never did, or if that can't be known.
    pub served: Option<(DateTime<Utc>, Version)>,
    /// What Singular received, and what the report says now.
    pub difference: DayDifference,
    /// Whether a person accepted the difference.
    pub is_accepted: bool,
}

impl Ledger {
    /// The ledger of the advertiser's days: of a range, or all.
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

    /// Reads the days again in another detail, in the same transaction: of a range, or all.
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

    /// Whether a person must act on this day.
    #[must_use]
    pub fn needs_person(&self, day: &LedgerDay) -> bool {
        match day.state {
            HandoverState::Refresh => true,
            HandoverState::NeverServed => self.calendar.is_beyond_polls(day.day) && self.calendar.is_in_reach(day.day),
            HandoverState::InStep | HandoverState::NextPoll | HandoverState::OutOfReach => false,
        }
    }

    /// Whether the day differs for good, since neither a poll nor a refresh request covers it, and nobody has accepted that.
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

    /// The refresh requests to send, in order.
    #[must_use]
    pub fn refresh_requests(&self) -> Vec<RefreshRequest> {
        requests::requests(self)
    }

    /// The number of days per state.
    #[must_use]
    pub fn counts(&self) -> [(HandoverState, usize); 5] {
        HandoverState::ALL.map(|state| (state, self.days.iter().filter(|day| day.state == state).count()))
    }
}

/// The number of days per state of one advertiser, and when Singular last received something.
pub struct Tally {
    pub advertiser: String,
    pub days: [(HandoverState, usize); 5],
    /// Days that need a person.
    pub need_person: usize,
    /// When Singular last received a complete answer.
    pub served_at: Option<DateTime<Utc>>,
}

/// The tallies of all advertisers that aren't disabled.
pub fn tallies(txn: &ReadTxn<'_>, now: DateTime<Utc>) -> ServiceResult<Vec<Tally>> {
    let advertisers = txn.advertiser_list()?.into_iter().filter(|row| row.disabled_at.is_none());
    advertisers.map(|row| Tally::of(txn, &row, now)).collect()
}

impl Tally {
    /// The tally of one advertiser.
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

/// The days that have stats or that Singular received, each with the run that covers it. A run may be much longer than the
/// stats: days outside of them, and after today, have nothing.
fn days<'r>(
    versions: &HashMap<i64, Version>,
    served: &'r [ServedDays],
    today: i64,
    (from, to): (i64, i64),
) -> Vec<(i64, Option<&'r ServedDays>)> {
    let mut wanted: Vec<i64> = versions.keys().copied().collect();
    // If it isn't known what Singular received, a day without stats may have had some.
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
