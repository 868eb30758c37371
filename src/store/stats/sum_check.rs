//! Whether the sums that are kept beside the stats are what the cells come to.

use std::collections::{BTreeMap, BTreeSet};

use crate::store::stats::sums::{MonthSums, days_of, month_of};
use crate::store::{AdvertiserKey, ReadTxn, StoreResult, SumFault, SumOf, SummedDays};

impl ReadTxn<'_> {
    /// The stored sums that differ from the sums of the cells, by advertiser and month. Reads every cell.
    pub fn sum_faults(&self) -> StoreResult<Vec<SumFault>> {
        let mut faults = Vec::new();
        for advertiser in
            self.list("list advertisers", "select advertiser_key from advertisers", (), |row| row.get(0))?
        {
            let advertiser = AdvertiserKey(advertiser);
            for month in self.summed_months(advertiser)? {
                let kept = listed(self.month_as_kept(advertiser, month)?, month);
                let cells = listed(self.month_of_cells(advertiser, month)?, month);
                let all: BTreeSet<SumOf> = kept.keys().chain(cells.keys()).copied().collect();
                faults.extend(all.into_iter().filter_map(|of| {
                    let (kept, cells) = (kept.get(&of).copied(), cells.get(&of).copied());
                    (kept != cells).then_some(SumFault { advertiser, of, kept, cells })
                }));
            }
        }
        Ok(faults)
    }

    /// The months from the first to the last with cells or stored sums.
    fn summed_months(&self, advertiser: AdvertiserKey) -> StoreResult<BTreeSet<i64>> {
        const DOING: &str = "find the stats' months";
        let cells = "select min(day), (select max(day) from daily_stats where advertiser_key = ?1)
            from daily_stats where advertiser_key = ?1";
        let span = self.first(DOING, cells, [advertiser.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let days = "select day from day_sums where advertiser_key = ?1";
        let months = "select distinct month from month_sums where advertiser_key = ?1";
        let mut found: BTreeSet<i64> =
            self.list(DOING, days, [advertiser.0], |row| row.get(0).map(month_of))?.into_iter().collect();
        found.extend(self.list(DOING, months, [advertiser.0], |row| row.get::<_, i64>(0))?);
        if let Some((Some(first), Some(last))) = span {
            found.extend(month_of(first)..=month_of(last));
        }
        Ok(found)
    }
}

fn listed(MonthSums { days, parts }: MonthSums, month: i64) -> BTreeMap<SumOf, SummedDays> {
    let days = days.into_iter().map(|(day, sum)| (SumOf::Day(day), SummedDays { days: (day, day), sum }));
    let first = days_of(month).0;
    let of_part = |(campaign, publisher)| SumOf::Month(first, campaign, publisher);
    days.chain(parts.into_iter().map(|(key, sum)| (of_part(key), sum))).collect()
}
