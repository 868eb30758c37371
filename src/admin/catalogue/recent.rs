//! Clicks and cost of catalogue entries over the last 30 days, with a sparkline each.

use std::collections::HashMap;

use crate::admin::catalogue::entry::scope;
use crate::admin::kit::format;
use crate::admin::kit::table::Cell;
use crate::service::{ServiceError, stats};
use crate::store::{AdvertiserRow, CampaignKey, ReadTxn, StatPart, StatSum};

/// If there were more rows than this in the last 30 days, lists show no sums.
const MOST_ROWS: i64 = 300_000;

/// The note of lists that show no sums.
pub const LEFT_OUT: &str =
    "The last 30 days have too many rows to sum them here. Open the stats of one to see its cost.";

/// Up to this many campaigns are looked up one by one.
const FEW: usize = 500;

/// Sums of the last 30 days, by the entries' keys.
pub struct Recent {
    sums: HashMap<i64, (StatSum, Vec<i64>)>,
    /// Whether the sums were left out because there are too many rows.
    pub is_left_out: bool,
}

impl Recent {
    /// Sums the rows by `key_of`; only the given campaigns if they are known.
    pub fn of(
        txn: &ReadTxn<'_>,
        advertiser: &AdvertiserRow,
        campaigns: Option<&[CampaignKey]>,
        key_of: impl Fn(&StatPart) -> Option<i64>,
    ) -> Result<Self, ServiceError> {
        let (from, to) = stats::last_days(txn, advertiser, chrono::Utc::now())?;
        let mut found = Self { sums: HashMap::new(), is_left_out: false };
        let add = |part: StatPart| {
            let Some(key) = key_of(&part) else { return };
            let (sum, line) = found.sums.entry(key).or_insert_with(|| (StatSum::default(), vec![0; 30]));
            *sum += part.sum;
            if let Some(point) = usize::try_from(part.day - from).ok().and_then(|at| line.get_mut(at)) {
                *point = point.saturating_add(part.sum.cost.to_stored().unwrap_or(i64::MAX));
            }
        };
        if let Some(few) = campaigns.filter(|campaigns| campaigns.len() <= FEW) {
            txn.stat_scan_campaigns(advertiser.key, (from, to), few, add)?;
            return Ok(found);
        }
        let rows: i64 = txn.day_sums(advertiser.key, from, to)?.iter().map(|(_, sum)| sum.rows).sum();
        if rows > MOST_ROWS {
            found.is_left_out = true;
        } else {
            txn.stat_scan_parts(advertiser.key, (from, to), add)?;
        }
        Ok(found)
    }

    #[must_use]
    pub fn sum(&self, key: i64) -> StatSum {
        self.sums.get(&key).map(|(sum, _)| *sum).unwrap_or_default()
    }

    /// An entry's cells for cost and sparkline, with a link to its stats.
    #[must_use]
    pub fn cells(&self, advertiser: &AdvertiserRow, key: i64, filter: (&str, &str), by: &str, name: &str) -> [Cell; 2] {
        let href = format!("/admin/stats{}&range=30d&by={by}&{}={}", scope(advertiser), filter.0, filter.1);
        let label = format!("Stats of {name}");
        let Some((sum, line)) = self.sums.get(&key) else {
            let none = if self.is_left_out { "see its stats" } else { "–" };
            return [Cell::new(none).to(href, true).label(format!("{none}: {label}")), Cell::default()];
        };
        let cost = Cell::new(format::amount(sum.cost, advertiser.currency)).title(sum.cost.to_string());
        [
            cost.to(href, true).label(format!("{label}: {}", format::amount(sum.cost, advertiser.currency))),
            Cell::default().line(line),
        ]
    }
}
