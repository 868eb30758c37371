//! How far back Singular's polls look, and when they come, learned from past polls.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Timelike as _, Utc};

use crate::service::ServiceResult;
use crate::store::{AdvertiserRow, ReadTxn, ServedPoll};

/// The assumed look-back until enough polls were seen (contract §8).
const ASSUMED: u64 = 7;

/// How many dates are learned from, and how many of them must agree.
const DATES: u64 = 14;
const AGREEING: usize = 3;

/// Polls with at most this much time between them are one visit.
const VISIT: TimeDelta = TimeDelta::hours(1);

/// How many days polls look back from their own date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookBack {
    pub days: u64,
    /// Whether it was observed; otherwise it is assumed.
    pub is_observed: bool,
}

impl LookBack {
    /// Learned from the advertiser's polls of the last 14 dates.
    pub fn of(txn: &ReadTxn<'_>, advertiser: &AdvertiserRow, now: DateTime<Utc>) -> ServiceResult<Self> {
        let clock = advertiser.time_zone.clock();
        let today = clock.at(now).0.date();
        let polls = txn.served_polls(advertiser.key, now - TimeDelta::days(15))?;
        let polls = polls.iter().map(|poll| (clock.at(poll.at).0.date(), poll.first));
        Ok(Self::learned(today, polls))
    }

    /// The oldest day, counted back from the poll's own date, that polls reached on at least three dates. `polls` are dates
    /// with the first requested day, as stored.
    fn learned(today: NaiveDate, polls: impl Iterator<Item = (NaiveDate, i64)>) -> Self {
        let oldest = today.checked_sub_days(chrono::Days::new(DATES - 1)).unwrap_or(today);
        let mut reached: BTreeMap<NaiveDate, i64> = BTreeMap::new();
        for (date, first) in polls.filter(|(date, _)| (oldest..=today).contains(date)) {
            let back = i64::from(date.to_epoch_days()) - first;
            let most = reached.entry(date).or_insert(back);
            *most = back.max(*most);
        }
        let mut reached: Vec<i64> = reached.into_values().collect();
        reached.sort_unstable_by_key(|back| std::cmp::Reverse(*back));
        match reached.get(AGREEING - 1) {
            Some(back) => Self { days: u64::try_from(*back).unwrap_or_default(), is_observed: true },
            None => Self { days: ASSUMED, is_observed: false },
        }
    }
}

/// The times of day at which polls come, in the advertiser's zone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PollTimes {
    /// The start times of visits that were seen on three dates.
    pub times: Vec<NaiveTime>,
    /// On how many dates polls were seen.
    pub dates: usize,
}

impl PollTimes {
    /// Learned from the advertiser's polls of the last 14 dates.
    pub fn of(txn: &ReadTxn<'_>, advertiser: &AdvertiserRow, now: DateTime<Utc>) -> ServiceResult<Self> {
        let clock = advertiser.time_zone.clock();
        let polls = txn.served_polls(advertiser.key, now - TimeDelta::days(14))?;
        Ok(Self::learned(&visits(&polls).map(|at| clock.at(at).0).collect::<Vec<_>>()))
    }

    fn learned(visits: &[chrono::NaiveDateTime]) -> Self {
        let dates: BTreeSet<NaiveDate> = visits.iter().map(chrono::NaiveDateTime::date).collect();
        let mut by_time: Vec<_> = visits.iter().map(|at| (at.time(), at.date())).collect();
        by_time.sort_unstable();
        let mut times = Vec::new();
        for visit in by_time.chunk_by(|one, other| other.0 - one.0 < VISIT) {
            let on: BTreeSet<NaiveDate> = visit.iter().map(|(_, date)| *date).collect();
            if on.len() >= AGREEING {
                let usual = visit[visit.len() / 2].0;
                times.push(usual.with_second(0).and_then(|time| time.with_nanosecond(0)).unwrap_or(usual));
            }
        }
        Self { times, dates: dates.len() }
    }

    /// When the next poll is expected: today at the next of these times, or tomorrow at the first.
    #[must_use]
    pub fn next_after(&self, now: chrono::NaiveDateTime) -> Option<chrono::NaiveDateTime> {
        let today = self.times.iter().find(|time| **time > now.time()).map(|time| now.date().and_time(*time));
        let tomorrow = || Some(now.date().succ_opt()?.and_time(*self.times.first()?));
        today.or_else(tomorrow)
    }
}

/// The starts of visits: polls with less than an hour between them are one visit.
fn visits(polls: &[ServedPoll]) -> impl Iterator<Item = DateTime<Utc>> {
    let mut last: Option<DateTime<Utc>> = None;
    polls.iter().filter_map(move |poll| {
        let begins = last.is_none_or(|last| poll.at - last >= VISIT);
        last = Some(poll.at);
        begins.then_some(poll.at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
    }

    fn learned(polls: &[(u32, i64)]) -> (u64, bool) {
        let polls = polls.iter().map(|(day, back)| (date(*day), i64::from(date(*day).to_epoch_days()) - back));
        let LookBack { days, is_observed } = LookBack::learned(date(27), polls);
        (days, is_observed)
    }

    #[test]
    fn three_dates_teach_how_far_polls_look_back_and_one_far_one_does_not() {
        assert_eq!(learned(&[]), (7, false));
        assert_eq!(learned(&[(25, 30), (26, 30)]), (7, false));
        assert_eq!(learned(&[(25, 30), (25, 30), (25, 30), (26, 30)]), (7, false), "dates count, not polls");
        assert_eq!(learned(&[(25, 10), (26, 10), (27, 10)]), (10, true));
        assert_eq!(learned(&[(24, 90), (25, 1), (25, 7), (26, 7), (27, 7)]), (7, true), "a first connect");
        assert_eq!(learned(&[(24, 3), (25, 5), (26, 9), (27, 12)]), (5, true));
        assert_eq!(learned(&[(13, 30), (13, 30), (12, 30), (26, 7), (27, 7)]), (7, false), "older than 14 dates");
        assert_eq!(learned(&[(14, 30), (26, 30), (27, 30)]), (30, true));
        assert_eq!(learned(&[(25, -3), (26, -3), (27, -3)]), (0, true));
    }

    #[test]
    fn the_next_poll_is_expected_when_others_came() {
        let at = |day: u32, hour: u32, minute: u32| date(day).and_hms_opt(hour, minute, 40).unwrap();
        let visits: Vec<_> =
            (24..27).flat_map(|day| [at(day, 0, 3), at(day, 4, day - 20)]).chain([at(26, 15, 0)]).collect();
        let times = PollTimes::learned(&visits);
        let shown: Vec<_> = times.times.iter().map(|time| time.format("%H:%M").to_string()).collect();
        assert_eq!((shown, times.dates), (vec!["00:03".to_owned(), "04:05".to_owned()], 3));
        let next = |now| times.next_after(now).unwrap().format("%d %H:%M").to_string();
        assert_eq!([next(at(27, 0, 0)), next(at(27, 1, 0)), next(at(27, 5, 0))], ["27 00:03", "27 04:05", "28 00:03"]);
        // A poll that is due this very minute has come already.
        assert_eq!(next(date(27).and_hms_opt(0, 3, 0).unwrap()), "27 04:05");
        assert_eq!(PollTimes::default().next_after(at(27, 0, 0)), None);
    }
}
