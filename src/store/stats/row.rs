//! What a report reads from a cell.

use crate::domain::{Count, Invalid, Micros};
use crate::store::{AdvertiserKey, CampaignKey, PublisherKey};

/// Advertiser, day, campaign, publisher: the table's key, in its order.
pub(in crate::store) type Key = [i64; 4];

/// The key's columns, and the figures after them that a report reads.
pub(in crate::store) const COLUMNS: usize = 6;

/// The key before all cells of the advertiser from this day on.
pub(in crate::store) fn before(advertiser: AdvertiserKey, day: i64) -> Key {
    [advertiser.0, day, i64::MIN, i64::MIN]
}

/// A cell for a report, in the database's own numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportRow {
    /// Days since 1970-01-01.
    pub day: i64,
    pub campaign: CampaignKey,
    pub publisher: PublisherKey,
    pub clicks: i64,
    pub cost: Micros,
}

impl ReportRow {
    /// From the first columns of the table, if the figures are within the schema's bounds.
    #[expect(clippy::inline_always, reason = "measured")]
    #[inline(always)]
    pub(in crate::store) fn new([_, day, campaign, publisher, clicks, cost]: [i64; COLUMNS]) -> Result<Self, Invalid> {
        let (clicks, cost) = (Count::new("clicks", clicks)?.get(), Micros::new(cost)?);
        Ok(Self { day, campaign: CampaignKey(campaign), publisher: PublisherKey(publisher), clicks, cost })
    }
}
