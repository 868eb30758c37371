//! What turning an offer's cost reporting on or off means for Singular, in sentences.

use chrono::{DateTime, Utc};

use super::effect::{Effect, effect_on_campaigns};
use crate::domain::phrase;
use crate::service::ServiceResult;
use crate::service::stats::{self, LAST_DAYS};
use crate::store::{AdvertiserRow, OfferRow, ReadTxn, StatSum};

/// The effect of the switch that an offer doesn't have now.
#[derive(Debug)]
pub struct SwitchOutlook {
    /// Whether its cost is reported now.
    is_on: bool,
    /// Its last 30 days.
    pub recent: StatSum,
    effect: Effect,
}

impl SwitchOutlook {
    pub fn of(
        txn: &ReadTxn<'_>,
        advertiser: &AdvertiserRow,
        offer: &OfferRow,
        now: DateTime<Utc>,
    ) -> ServiceResult<Self> {
        let own = txn.campaign_owners(advertiser.key)?.into_iter().filter(|(_, owner, _)| *owner == offer.key);
        let campaigns: Vec<_> = own.map(|(campaign, ..)| campaign).collect();
        let days = stats::last_days(txn, advertiser, now)?;
        let mut recent = StatSum::default();
        txn.stat_scan_campaigns(advertiser.key, days, &campaigns, |part| recent += part.sum)?;
        let effect = effect_on_campaigns(txn, advertiser, |row| row.offer.key == offer.key, now)?;
        Ok(Self { is_on: offer.cost_reporting, recent, effect })
    }

    /// What Singular no longer gets, or gets, and how; `cost` is the cost of the last 30 days with its currency.
    #[must_use]
    pub fn sentences(&self, cost: &str) -> Vec<String> {
        let rows = phrase::plural(self.recent.rows, "row");
        let message = if self.is_on {
            format!(
                "{rows} of the last {LAST_DAYS} days, with a cost of {cost}, disappear from the report, and all earlier ones. \
                 Singular keeps what it has received, and gets nothing new."
            )
        } else {
            format!(
                "{rows} of the last {LAST_DAYS} days, with a cost of {cost}, become visible to Singular, and all earlier ones."
            )
        };
        std::iter::once(message).chain(self.effect.message()).collect()
    }
}
