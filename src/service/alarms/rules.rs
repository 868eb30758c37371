//! Which alerts become alarms, and under which name.

use chrono::{DateTime, Timelike as _, Utc};

use crate::domain::phrase;
use crate::service::ServiceResult;
use crate::service::ledger::{Detail, Ledger};
use crate::service::status::{self, Alert, AlertKind, ApplianceStatus};
use crate::store::{AdvertiserRow, ReadTxn};

/// The alerts that are found now.
#[derive(Debug, Default)]
pub(super) struct Look {
    pub(super) found: Vec<FoundAlarm>,
    /// Alarms that stay as they are: it isn't known yet whether they are over.
    pub(super) undecided: Vec<String>,
    /// The texts for alarms that end now, by name.
    pub(super) endings: Vec<(String, String)>,
}

#[derive(Debug)]
pub(super) struct FoundAlarm {
    pub(super) name: String,
    pub(super) message: String,
}

/// All alerts that become alarms. While Singular has never polled an advertiser, it is still being set up, so only refused
/// tokens count. Disabled advertisers have no alarms.
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
        look.advertiser(txn, advertiser, with_ledger, now)?;
    }
    Ok(look)
}

impl Look {
    fn advertiser(
        &mut self,
        txn: &ReadTxn<'_>,
        advertiser: &AdvertiserRow,
        with_ledger: bool,
        now: DateTime<Utc>,
    ) -> ServiceResult<()> {
        let id = advertiser.id.to_string();
        let is_polled = txn.poll_last_answered(advertiser.id)?.is_some();
        let is_due = advertiser.time_zone.clock().at(now).0.hour() >= txn.stats_due_hour(advertiser.key)?;
        let mut alerts = status::of_advertiser(txn, advertiser, now)?;
        if with_ledger {
            let ledger = Ledger::of(txn, advertiser, None, Detail::States, now)?;
            alerts.extend(status::of_ledger(txn, &ledger)?);
            self.endings.push((
                format!("{id} served-less"),
                "For every day that it asks for, Singular now has as many items as usual.".to_owned(),
            ));
        } else {
            self.undecided.extend(["refresh", "served-less"].map(|name| format!("{id} {name}")));
        }
        for Alert { kind, .. } in alerts {
            let is_told = match kind {
                AlertKind::TokenRefused { .. } => true,
                AlertKind::NoStats { .. } => is_polled && is_due,
                _ => is_polled,
            };
            if is_told {
                self.add(&id, &kind, &format!("{}: {}", advertiser.name, kind.message()));
            }
        }
        if let (true, Some(yesterday)) = (is_due, advertiser.time_zone.today(now)?.earlier(1)) {
            self.endings.push((format!("{id} no-stats"), format!("{} has stats.", phrase::day(yesterday))));
        } else {
            self.undecided.push(format!("{id} no-stats"));
        }
        Ok(())
    }

    fn add(&mut self, advertiser: &str, kind: &AlertKind, message: &str) {
        let Some(name) = kind.alarm_name() else { return };
        let name = format!("{advertiser} {name}").trim().to_owned();
        match self.found.iter_mut().find(|found| found.name == name) {
            // Two tokens may have the same name.
            Some(found) => found.message = format!("{} {message}", found.message),
            None => self.found.push(FoundAlarm { name, message: message.to_owned() }),
        }
    }
}
