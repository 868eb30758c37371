//! What the ledger says needs attention: days that only a refresh request brings, days of which Singular was handed too little.

use chrono::{DateTime, Utc};

use super::alert::{Alert, AlertKind, critical, warning};
use crate::service::ServiceResult;
use crate::service::ledger::{Detail, HandoverState, Ledger, LedgerDay};
use crate::store::{AdvertiserRow, ReadTxn};

/// Earlier days that a day is compared with, and how many of them there must be.
const COMPARED: usize = 10;
const ENOUGH: usize = 3;

/// What of an advertiser's ledger needs attention.
pub fn of_ledger(txn: &ReadTxn<'_>, advertiser: &AdvertiserRow, now: DateTime<Utc>) -> ServiceResult<Vec<Alert>> {
    let ledger = Ledger::of(txn, advertiser, None, Detail::Sums, now)?;
    let less = served_less(&ledger, txn.stats_due_hour(advertiser.key)?);
    Ok(less.map(critical).into_iter().chain(refresh_needed(&ledger).map(warning)).collect())
}

fn refresh_needed(ledger: &Ledger) -> Option<AlertKind> {
    let days: Vec<_> = ledger.days.iter().filter(|day| ledger.needs_person(day)).map(|day| day.day).collect();
    let (first, last) = (*days.first()?, *days.last()?);
    Some(AlertKind::RefreshNeeded { count: whole(days.len()), first, last })
}

/// Days that polls still ask for, and of which Singular was handed nothing or less than a quarter of what is usual. Only
/// answers count from after the hour by which the day's stats were due: until then a day is not expected to be whole. Days
/// without stats are told of by a rule of their own.
fn served_less(ledger: &Ledger, due_hour: u32) -> Option<AlertKind> {
    let clock = ledger.advertiser.time_zone.clock();
    let was_due = |day: &LedgerDay, at: DateTime<Utc>| {
        let due = day.day.date().succ_opt().and_then(|next| next.and_hms_opt(due_hour, 0, 0));
        due.is_some_and(|due| clock.at(at).0 >= due)
    };
    let items = |day: &LedgerDay| day.difference.served.map(|served| served.rows);
    let mut found: Option<AlertKind> = None;
    for (place, day) in ledger.days.iter().enumerate() {
        let (Some(held), Some((at, _))) = (items(day), day.served) else { continue };
        if ledger.calendar.is_beyond_polls(day.day) || !was_due(day, at) {
            continue;
        }
        let before = ledger.days[..place].iter().rev().filter_map(items).filter(|items| *items > 0).take(COMPARED);
        let Some(usual) = usual(before.collect()) else { continue };
        if held.saturating_mul(4) < usual {
            let count = match found {
                Some(AlertKind::ServedLess { count, .. }) => count + 1,
                _ => 1,
            };
            let (items, usual) = (i64::try_from(held).unwrap_or(i64::MAX), i64::try_from(usual).unwrap_or(i64::MAX));
            let is_coming = day.state == HandoverState::NextPoll;
            found = Some(AlertKind::ServedLess { day: day.day, count, items, usual, is_coming });
        }
    }
    found
}

fn usual(mut items: Vec<u64>) -> Option<u64> {
    items.sort_unstable();
    (items.len() >= ENOUGH).then(|| items.get(items.len() / 2).copied()).flatten()
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
