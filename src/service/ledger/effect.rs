//! What a change means for Singular, computed before it is made.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::polling::LookBack;
use super::state::{Calendar, HandoverState};
use crate::domain::{Day, phrase};
use crate::service::ServiceResult;
use crate::store::{AdvertiserKey, AdvertiserRow, CampaignRow, ReadTxn};

/// How many changed days Singular gets by itself, and how many it doesn't.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    /// Days that the next polls ask for.
    pub by_itself: usize,
    /// Days that need a refresh request, within its reach.
    pub refresh: usize,
    /// Older days that Singular has already: it keeps what it has.
    pub out_of_reach: usize,
    /// How far polls look back.
    pub look_back: u64,
    /// Today, and how far polls and refresh requests reach.
    pub reach: Calendar,
    /// Whether Singular never received anything: its first poll asks for many more days than later ones.
    pub is_first: bool,
}

impl Effect {
    /// A sentence about what Singular gets and what it doesn't; `None` if nothing changes for it.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        let days = |count: usize| phrase::plural(i64::try_from(count).unwrap_or(i64::MAX), "day");
        if self.is_first && self.by_itself + self.refresh + self.out_of_reach > 0 {
            return Some("Singular has not polled yet; its first poll asks for the last three months.".to_owned());
        }
        let mut parts = Vec::new();
        if self.by_itself > 0 {
            parts.push(format!("Singular picks up {} by itself", days(self.by_itself)));
        }
        if self.refresh > 0 {
            let (needs, they_are) = if self.refresh == 1 { ("needs", "it is") } else { ("need", "they are") };
            parts.push(format!(
                "{} {needs} a refresh request in Singular, because {they_are} more than {} days back",
                days(self.refresh),
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

/// The effect of a change of the report on these days, as stored.
pub fn effect(
    txn: &ReadTxn<'_>,
    advertiser: &AdvertiserRow,
    days: impl IntoIterator<Item = i64>,
    now: DateTime<Utc>,
) -> ServiceResult<Effect> {
    let look_back = LookBack::of(txn, advertiser, now)?;
    let reach = Calendar::new(advertiser.time_zone.today(now)?, look_back.days);
    let is_first = txn.served_last(advertiser.key)?.is_none();
    let mut found = Effect { by_itself: 0, refresh: 0, out_of_reach: 0, look_back: look_back.days, reach, is_first };
    for stored in days.into_iter().collect::<BTreeSet<_>>() {
        let day = Day::from_stored(stored)?;
        match reach.differing(day) {
            HandoverState::NextPoll => found.by_itself += 1,
            HandoverState::Refresh => found.refresh += 1,
            _ => found.out_of_reach += 1,
        }
    }
    Ok(found)
}

/// The same in sentences for several advertisers, with their names.
pub fn effects(
    txn: &ReadTxn<'_>,
    days: &BTreeMap<AdvertiserKey, BTreeSet<i64>>,
    now: DateTime<Utc>,
) -> ServiceResult<Vec<String>> {
    let mut found = Vec::new();
    for (key, own) in days {
        let advertiser = txn.advertiser_by_key(*key)?;
        let message = effect(txn, &advertiser, own.iter().copied(), now)?.message();
        let named = |message| if days.len() == 1 { message } else { format!("{}: {message}", advertiser.name) };
        found.extend(message.map(named));
    }
    Ok(found)
}

/// The effect of a change of texts for these campaigns. Campaigns that aren't in Singular's report don't count.
pub fn effect_on_campaigns(
    txn: &ReadTxn<'_>,
    advertiser: &AdvertiserRow,
    is_wanted: impl Fn(&CampaignRow) -> bool,
    now: DateTime<Utc>,
) -> ServiceResult<Effect> {
    let wanted = txn.campaign_list(advertiser.key)?.into_iter().filter(is_wanted);
    let days = txn.stat_days_of(advertiser.key, wanted.map(|row| row.key))?;
    effect(txn, advertiser, days, now)
}
