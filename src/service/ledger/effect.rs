//! What a change means for Singular, said before it is made.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::polling::LookBack;
use super::state::Calendar;
use crate::domain::{Day, phrase};
use crate::service::ServiceResult;
use crate::store::{AdvertiserRow, OfferKey, ReadTxn, StatFilter};

/// How many of the days that change Singular gets by itself, and how many it does not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Effect {
    /// Days that the next polls ask for.
    pub by_itself: usize,
    /// Days that need a refresh request, within its reach.
    pub refresh: usize,
    /// Days that are older than that and were handed over: Singular keeps what it has.
    pub out_of_reach: usize,
    /// How far polls look back.
    pub look_back: u64,
}

impl Effect {
    /// What Singular gets, and what it does not, in a sentence; nothing where nothing changes for it.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        let days = |count: usize| phrase::plural(i64::try_from(count).unwrap_or(i64::MAX), "day");
        let mut parts = Vec::new();
        if self.by_itself > 0 {
            parts.push(format!("Singular picks up {} by itself", days(self.by_itself)));
        }
        if self.refresh > 0 {
            parts.push(format!(
                "{} need{} a refresh request in Singular, being more than {} days back",
                days(self.refresh),
                if self.refresh == 1 { "s" } else { "" },
                self.look_back,
            ));
        }
        if self.out_of_reach > 0 {
            let is_one = self.out_of_reach == 1;
            parts.push(format!(
                "{} {} older than the 6 months that Singular refreshes",
                days(self.out_of_reach),
                if is_one { "is" } else { "are" },
            ));
        }
        (!parts.is_empty()).then(|| format!("{}.", parts.join("; ")))
    }
}

/// What it means for Singular that the report changes on these days, as stored.
pub fn effect(
    txn: &ReadTxn<'_>,
    advertiser: &AdvertiserRow,
    days: impl IntoIterator<Item = i64>,
    now: DateTime<Utc>,
) -> ServiceResult<Effect> {
    let look_back = LookBack::of(txn, advertiser, now)?;
    let calendar = Calendar::new(advertiser.time_zone.today(now)?, look_back.days);
    let mut found = Effect { look_back: look_back.days, ..Effect::default() };
    for stored in days.into_iter().collect::<BTreeSet<_>>() {
        let day = Day::from_stored(stored)?;
        if !calendar.is_beyond_polls(day) {
            found.by_itself += 1;
        } else if calendar.is_in_reach(day) {
            found.refresh += 1;
        } else {
            found.out_of_reach += 1;
        }
    }
    Ok(found)
}

/// The days, as stored, on which an offer has stats: what its name and its switch change.
pub fn offer_days(txn: &ReadTxn<'_>, advertiser: &AdvertiserRow, offer: OfferKey) -> ServiceResult<BTreeSet<i64>> {
    let mut days = BTreeSet::new();
    for campaign in txn.campaign_list(advertiser.key)?.into_iter().filter(|row| row.offer.key == offer) {
        let (campaign, publisher) = (Some(campaign.key), None);
        let filter = StatFilter { advertiser: advertiser.key, from: i64::MIN, to: i64::MAX, campaign, publisher };
        txn.stat_scan_lines(&filter, |line| {
            days.insert(line.key.day);
        })?;
    }
    Ok(days)
}
