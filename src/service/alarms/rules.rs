//! Which of the things that need attention are told, and under which name.

use chrono::{DateTime, Timelike as _, Utc};

use crate::service::ServiceResult;
use crate::service::ledger::{Detail, Ledger};
use crate::service::status::{self, Alert, AlertKind, ApplianceStatus, Severity};
use crate::store::{AdvertiserRow, ReadTxn};

/// What is wrong now.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) found: Vec<FoundAlarm>,
    /// Alarms that neither begin nor end now.
    pub(super) undecided: Vec<String>,
}

/// Something to tell.
#[derive(Debug)]
pub(super) struct FoundAlarm {
    pub(super) name: String,
    pub(super) message: String,
}

/// Everything that is to be told. Advertisers that Singular never polled are still being set up, and disabled ones are
/// meant to be silent: nothing is told of either.
pub(super) fn look(
    txn: &ReadTxn<'_>,
    appliance: &ApplianceStatus,
    with_ledger: bool,
    now: DateTime<Utc>,
) -> ServiceResult<Look> {
    let mut look = Look::default();
    for alert in status::of_appliance(appliance, now) {
        look.add("", &alert.kind, &alert.kind.message());
    }
    for advertiser in txn.advertiser_list()?.iter().filter(|row| row.disabled_at.is_none()) {
        if status::PollingStatus::of(txn, advertiser.id, now)?.last.is_none() {
            continue;
        }
        let hour = advertiser.time_zone.clock().at(now).0.hour();
        let is_due = hour >= txn.stats_due_hour(advertiser.key)?;
        let id = advertiser.id.to_string();
        let mut alerts = status::of_advertiser(txn, advertiser, now)?;
        if with_ledger {
            alerts.extend(of_ledger(txn, advertiser, now)?);
        } else {
            look.undecided.push(format!("{id} refresh"));
        }
        for alert in alerts {
            if matches!(alert.kind, AlertKind::NoStats { .. }) && !is_due {
                continue;
            }
            look.add(&id, &alert.kind, &format!("{}: {}", advertiser.name, alert.kind.message()));
        }
        if !is_due {
            look.undecided.push(format!("{id} no-stats"));
        }
    }
    Ok(look)
}

impl Look {
    fn add(&mut self, advertiser: &str, kind: &AlertKind, message: &str) {
        if let Some(name) = kind.alarm_name() {
            let name = format!("{advertiser} {name}").trim().to_owned();
            self.found.push(FoundAlarm { name, message: message.to_owned() });
        }
    }
}

/// What the ledger says needs somebody: days that only a refresh request brings to Singular.
fn of_ledger(txn: &ReadTxn<'_>, advertiser: &AdvertiserRow, now: DateTime<Utc>) -> ServiceResult<Option<Alert>> {
    let ledger = Ledger::of(txn, advertiser, None, Detail::Sums, now)?;
    let days: Vec<_> = ledger.days.iter().filter(|day| ledger.needs_person(day)).map(|day| day.day).collect();
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(None) };
    let count = i64::try_from(days.len()).unwrap_or(i64::MAX);
    let kind = AlertKind::RefreshNeeded { count, first: *first, last: *last };
    Ok(Some(Alert { severity: Severity::Warning, kind }))
}
