//! How far an advertiser's connection with Singular has come, as far as this server can tell.

use chrono::{DateTime, TimeDelta, Utc};

use super::check::{self, Checked};
use crate::domain::{DayRange, TokenReader};
use crate::service::ServiceResult;
use crate::service::ledger::{Detail, HandoverState, Ledger};
use crate::service::status::{PollingStatus, Setup, TokenState};
use crate::store::{AdvertiserRow, ReadTxn, TokenRow};

/// The days up to yesterday that a first connect asks for.
const FIRST_CONNECT: u64 = 90;

/// How far back imports are looked at for late changes.
const LATELY: TimeDelta = TimeDelta::days(90);

/// The default look-back of Singular's polls, in days.
const USUAL_LOOK_BACK: u64 = 7;

/// Which steps are done.
pub struct Progress {
    /// Catalogue, stats, and offers with cost reporting on.
    pub setup: Setup,
    /// The last check from outside.
    pub check: Option<Checked>,
    /// A live token for Singular.
    pub token: Option<TokenRow>,
    /// The token of the last packet.
    pub packet: Option<TokenRow>,
    /// Whether Singular polls, and the last poll.
    pub polling: PollingStatus,
    /// Of the days of the last three months that have items: how many were polled, and how many there are.
    pub history: (usize, usize),
    /// How many days back imports of the last 90 days changed figures.
    pub changed_back: u64,
}

impl Progress {
    /// The progress at `now`.
    pub fn of(txn: &ReadTxn<'_>, advertiser: &AdvertiserRow, now: DateTime<Utc>) -> ServiceResult<Self> {
        let is_singulars = |row: &TokenRow| {
            row.advertiser == advertiser.key
                && row.reader == TokenReader::Singular
                && row.scope == crate::domain::TokenScope::Report
                && TokenState::of(row, now).is_live()
        };
        Ok(Self {
            setup: Setup::of(txn, Some(advertiser), now)?,
            check: check::last(txn, advertiser.key)?,
            token: txn.token_list()?.into_iter().rfind(is_singulars),
            packet: txn.sandbox_list(advertiser.key)?.into_iter().next(),
            polling: PollingStatus::of(txn, advertiser.id, now)?,
            history: history(txn, advertiser, now)?,
            changed_back: txn.import_reach_back(advertiser.key, now - LATELY)?.unwrap_or_default(),
        })
    }

    /// Whether the report has anything.
    #[must_use]
    pub fn has_report(&self) -> bool {
        self.setup.missing.is_none() && self.setup.has_stats && self.setup.offers_on > 0
    }

    /// Whether the address was reached from outside: by a check, or by Singular.
    #[must_use]
    pub fn is_reached(&self, url: &str) -> bool {
        self.was_polled() || self.check.as_ref().is_some_and(|check| check.url == url && check.is_ok())
    }

    /// Whether a poll by Singular was answered.
    #[must_use]
    pub fn was_polled(&self) -> bool {
        self.polling.last.is_some()
    }

    /// Whether all of the last three months were polled.
    #[must_use]
    pub fn has_history(&self) -> bool {
        self.was_polled() && self.history.0 == self.history.1
    }

    /// How many days back Singular should poll.
    #[must_use]
    pub fn look_back(&self) -> u64 {
        self.changed_back.clamp(USUAL_LOOK_BACK, FIRST_CONNECT)
    }
}

fn history(txn: &ReadTxn<'_>, advertiser: &AdvertiserRow, now: DateTime<Utc>) -> ServiceResult<(usize, usize)> {
    let today = advertiser.time_zone.today(now)?;
    let days = DayRange::new(today.earlier(FIRST_CONNECT).unwrap_or(today), today.earlier(1).unwrap_or(today))?;
    let ledger = Ledger::of(txn, advertiser, Some(days), Detail::States, now)?;
    let asked = ledger.days.iter().filter(|day| day.state != HandoverState::NeverServed).count();
    Ok((asked, ledger.days.len()))
}
