//! Alerts from the ledger: days that only a refresh request covers, and days of which Singular received too little.

use chrono::{DateTime, Utc};

use super::alert::{Alert, AlertKind, critical, warning};
use crate::domain::DayRange;
use crate::service::ServiceResult;
use crate::service::ledger::{Detail, HandoverState, Ledger, LedgerDay};
use crate::store::ReadTxn;

/// How many earlier days a day is compared with, and the fewest of them.
const COMPARED: usize = 10;
const ENOUGH: usize = 3;

/// The alerts from an advertiser's ledger of all days.
pub fn of_ledger(txn: &ReadTxn<'_>, ledger: &Ledger) -> ServiceResult<Vec<Alert>> {
    let less = served_less(ledger, &recent(txn, ledger)?, txn.stats_due_hour(ledger.advertiser.key)?);
    Ok(less.map(critical).into_iter().chain(refresh_needed(ledger).map(warning)).collect())
}

/// The days that polls still ask for, and the earlier days to compare them with, with their sums.
fn recent(txn: &ReadTxn<'_>, ledger: &Ledger) -> ServiceResult<Vec<LedgerDay>> {
    let is_before = |day: &LedgerDay| ledger.calendar.is_beyond_polls(day.day);
    let before = &ledger.days[..ledger.days.partition_point(is_before)];
    let was_served = |day: &&LedgerDay| day.served.is_some();
    let all = before.iter().filter(was_served).count();
    let mut wanted = COMPARED;
    loop {
        let earliest = before.iter().rev().filter(was_served).take(wanted).last().or(ledger.days.get(before.len()));
        let (Some(first), Some(last)) = (earliest, ledger.days.last()) else { return Ok(Vec::new()) };
        let days = ledger.read(txn, Some(DayRange::new(first.day, last.day)?), Detail::Sums)?;
        // Days that were received without items can't be compared with, so more days may be needed.
        let usable = days.iter().filter(|day| is_before(day) && items(day).is_some_and(|items| items > 0)).count();
        if usable >= COMPARED || wanted >= all {
            return Ok(days);
        }
        wanted = wanted.saturating_mul(4);
    }
}

/// How many items Singular received for a day, if that is known.
fn items(day: &LedgerDay) -> Option<u64> {
    day.difference.served.map(|served| served.rows)
}

fn refresh_needed(ledger: &Ledger) -> Option<AlertKind> {
    let days: Vec<_> = ledger.days.iter().filter(|day| ledger.needs_person(day)).map(|day| day.day).collect();
    let (first, last) = (*days.first()?, *days.last()?);
    Some(AlertKind::RefreshNeeded { count: whole(days.len()), first, last })
}

/// Days that polls still ask for, and of which Singular received nothing or less than a quarter of the usual. Only answers
/// after the day's stats were due count, because a day may be incomplete before. Days without stats have a rule of their own.
fn served_less(ledger: &Ledger, recent: &[LedgerDay], due_hour: u32) -> Option<AlertKind> {
    let clock = ledger.advertiser.time_zone.clock();
    let was_due = |day: &LedgerDay, at: DateTime<Utc>| {
        let due = day.day.date().succ_opt().and_then(|next| next.and_hms_opt(due_hour, 0, 0));
        due.is_some_and(|due| clock.at(at).0 >= due)
    };
    let mut found: Option<AlertKind> = None;
    for (place, day) in recent.iter().enumerate() {
        let (Some(held), Some((at, _))) = (items(day), day.served) else { continue };
        if ledger.calendar.is_beyond_polls(day.day) || !was_due(day, at) {
            continue;
        }
        let before = recent[..place].iter().rev().filter_map(items).filter(|items| *items > 0).take(COMPARED);
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
