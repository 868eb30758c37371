//! How the sums beside the stats follow a writer: what it changed is added up and written into them month by month, since cells
//! come in the order of days. The cells of a month that were there before need not be read for it.

use foldhash::HashMap;

use super::daily_stats::{StatCell, Stored};
use super::sums::{DAY_SUM, StatSum, day_sum, month_of};
use crate::domain::{Figures, MicrosSum};
use crate::store::{StoreResult, WriteTxn};

/// What changed in a month and is not in the sums yet.
#[derive(Default)]
pub(in crate::store) struct SumChanges {
    /// Advertiser and month.
    month: Option<(i64, i64)>,
    days: Vec<(i64, DayChange)>,
    /// By campaign and publisher.
    parts: HashMap<(i64, i64), PartChange>,
}

/// What changed on a day: cells that are new, and clicks, millionths, views and conversions.
#[derive(Debug, Clone, Copy, Default)]
struct DayChange {
    rows: i64,
    figures: [i128; 4],
}

/// What changed in a month, of a campaign at a publisher.
struct PartChange {
    rows: i64,
    days: (i64, i64),
    /// A month's 31 cells fit: each figure is at most 10^17.
    figures: [i64; 4],
    /// Whether cells that were there changed.
    has_old: bool,
}

fn numbers(figures: &Figures) -> [i64; 4] {
    let Figures { clicks, cost, views, conversions } = figures;
    [clicks.get(), cost.get(), views.get(), conversions.get()]
}

impl SumChanges {
    /// Cells of one day of the month.
    fn add(&mut self, day: i64, cells: &[(StatCell, u64)], done: &[Stored]) {
        if self.days.last().is_none_or(|(last, _)| *last != day) {
            self.days.push((day, DayChange::default()));
        }
        let Some((_, of_day)) = self.days.last_mut() else { return };
        for ((cell, _), stored) in cells.iter().zip(done) {
            let (is_new, old) = match stored {
                Stored::Unchanged => continue,
                Stored::Inserted => (true, [0; 4]),
                Stored::Changed(old) => (false, numbers(old)),
            };
            let new = PartChange { rows: 0, days: (day, day), figures: [0; 4], has_old: false };
            let part = self.parts.entry((cell.key.campaign.0, cell.key.publisher.0)).or_insert(new);
            part.days = (part.days.0.min(day), part.days.1.max(day));
            part.has_old |= !is_new;
            part.rows += i64::from(is_new);
            of_day.rows += i64::from(is_new);
            for (at, (new, old)) in numbers(&cell.figures).into_iter().zip(old).enumerate() {
                part.figures[at] += new - old;
                of_day.figures[at] += i128::from(new - old);
            }
        }
    }
}

impl DayChange {
    /// The day's sum with it; nothing where a figure is, or was, more than the table holds.
    fn added(self, before: StatSum) -> Option<StatSum> {
        let [clicks, cost, views, conversions] = self.figures;
        let add = |before: i64, change: i128| {
            i64::try_from(i128::from(before) + change).ok().filter(|after| before < i64::MAX && *after < i64::MAX)
        };
        let micros = before.cost.micros().checked_add(cost).and_then(|micros| u128::try_from(micros).ok())?;
        Some(StatSum {
            rows: before.rows + self.rows,
            clicks: add(before.clicks, clicks)?,
            cost: MicrosSum::from_micros(micros),
            views: add(before.views, views)?,
            conversions: add(before.conversions, conversions)?,
        })
    }
}

impl WriteTxn<'_> {
    /// Sees what a writer did with cells of one day.
    pub(super) fn sums_see(&self, cells: &[(StatCell, u64)], done: &[Stored]) -> StoreResult<()> {
        let Some((StatCell { key, .. }, _)) = cells.first() else { return Ok(()) };
        let month = (key.advertiser.0, month_of(key.day));
        if self.sum_changes.borrow().month != Some(month) {
            self.sums_follow()?;
            self.sum_changes.borrow_mut().month = Some(month);
        }
        self.sum_changes.borrow_mut().add(key.day, cells, done);
        Ok(())
    }

    /// Writes into the sums what was seen since.
    pub(super) fn sums_follow(&self) -> StoreResult<()> {
        const DOING: &str = "sum a month";
        let SumChanges { month, days, parts } = self.sum_changes.take();
        let Some((advertiser, month)) = month else { return Ok(()) };
        // What is made anew before the commit needs no change, and may not be what the changes were made to.
        if self.touched.has_month(advertiser, month) {
            return Ok(());
        }
        let select = format!("select {DAY_SUM} from day_sums where advertiser_key = ?1 and day = ?2");
        let replace = format!(
            "insert or replace into day_sums (advertiser_key, day, {DAY_SUM}) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
        );
        for (day, change) in days {
            let before = self.first(DOING, &select, (advertiser, day), |row| day_sum(row, 0))?.unwrap_or_default();
            let Some(sum) = change.added(before) else {
                self.touched.add_month(advertiser, month);
                return Ok(());
            };
            if sum.rows > 0 && sum != before {
                let (units, micros) = sum.cost.to_parts();
                let params = (advertiser, day, sum.rows, sum.clicks, units, micros, sum.views, sum.conversions);
                self.run(DOING, &replace, params)?;
            }
        }
        let mut parts: Vec<_> = parts.into_iter().collect();
        parts.sort_unstable_by_key(|(key, _)| *key);
        let insert = include_str!("../sql/month_sum_add.sql");
        let update = include_str!("../sql/month_sum_change.sql");
        for ((campaign, publisher), PartChange { rows, days, figures, has_old }) in parts {
            let [clicks, cost, views, conversions] = figures;
            let params =
                (advertiser, month, campaign, publisher, rows, days.0, days.1, clicks, cost, views, conversions);
            // A change may be below zero, which no row that is to be inserted may be.
            self.run(DOING, if has_old { update } else { insert }, params)?;
        }
        Ok(())
    }
}
