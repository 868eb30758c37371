//! What a `StatWriter` adds to the stored sums.
//!
//! Cells come in the table's order, so the changes of one month are collected and then written, without reading any cell
//! again.

use std::cell::RefCell;
use std::collections::BTreeMap;

use foldhash::HashMap;
use rusqlite::Connection;

use crate::domain::{Figures, MicrosSum};
use crate::store::stats::sums::{DAY_SUM, TouchedMonths, day_sum, days_of, month_of};
use crate::store::{AdvertiserKey, CampaignKey, PublisherKey, StatSum, StoreResult, WriteTxn};

/// The changes of the current month.
#[derive(Default)]
pub(in crate::store) struct SumChanges(RefCell<Option<Month>>);

struct Month {
    advertiser: AdvertiserKey,
    /// Months since year 0.
    number: i64,
    days: (i64, i64),
    by_day: BTreeMap<i64, Change>,
    /// By campaign and publisher, with the first and last day.
    by_cell: HashMap<(CampaignKey, PublisherKey), (Change, (i64, i64))>,
}

/// Cells that were added, and by how much figures changed: clicks, cost, views, conversions.
#[derive(Clone, Copy, Default)]
struct Change {
    rows: i64,
    figures: [i128; 4],
}

impl Change {
    fn add(&mut self, other: &Self) {
        self.rows += other.rows;
        self.figures.iter_mut().zip(other.figures).for_each(|(sum, figure)| *sum += figure);
    }
}

fn numbers(figures: &Figures) -> [i128; 4] {
    let Figures { clicks, cost, views, conversions } = figures;
    [clicks.get(), cost.get(), views.get(), conversions.get()].map(i128::from)
}

impl SumChanges {
    /// Notes a cell's new value; its old value is `None` if it is new.
    pub(in crate::store::stats) fn note(
        &self,
        txn: (&Connection, &TouchedMonths),
        (advertiser, day): (AdvertiserKey, i64),
        cell: (CampaignKey, PublisherKey),
        old: Option<&Figures>,
        new: &Figures,
    ) -> StoreResult<()> {
        let is_other = |open: &Month| open.advertiser != advertiser || day < open.days.0 || day > open.days.1;
        if self.0.borrow().as_ref().is_none_or(is_other) {
            self.put(txn.0, txn.1)?;
            let number = month_of(day);
            let (by_day, by_cell) = (BTreeMap::new(), HashMap::default());
            self.0.replace(Some(Month { advertiser, number, days: days_of(number), by_day, by_cell }));
        }
        let mut change = Change { rows: i64::from(old.is_none()), figures: numbers(new) };
        if let Some(old) = old {
            change.figures.iter_mut().zip(numbers(old)).for_each(|(sum, figure)| *sum -= figure);
        }
        if let Some(open) = self.0.borrow_mut().as_mut() {
            open.by_day.entry(day).or_default().add(&change);
            let (sum, days) = open.by_cell.entry(cell).or_insert((Change::default(), (day, day)));
            sum.add(&change);
            *days = (days.0.min(day), days.1.max(day));
        }
        Ok(())
    }

    /// Adds the collected changes to the sums. If that isn't possible for a month, its sums are computed again before the
    /// commit.
    pub(in crate::store) fn put(&self, conn: &Connection, touched: &TouchedMonths) -> StoreResult<()> {
        if let Some(month) = self.0.take()
            && !(month.put_days(conn)? && month.put_cells(conn)?)
        {
            touched.add(month.advertiser, month.days.0);
        }
        Ok(())
    }
}

impl Month {
    /// Returns false if a sum would be out of bounds: then the sums were wrong, or stopped at the largest number.
    fn put_days(&self, conn: &Connection) -> StoreResult<bool> {
        let txn = WriteTxn::of(conn);
        let sql = format!(
            "insert or replace into day_sums (advertiser_key, day, {DAY_SUM}) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
        );
        for (day, change) in &self.by_day {
            let held = txn.first(
                "read a day's sums",
                &format!("select {DAY_SUM} from day_sums where advertiser_key = ?1 and day = ?2"),
                (self.advertiser.0, day),
                |row| day_sum(row, 0),
            )?;
            let Some(sum) = changed(&held.unwrap_or_default(), change) else { return Ok(false) };
            let (units, micros) = sum.cost.to_parts();
            let params = (self.advertiser.0, day, sum.rows, sum.clicks, units, micros, sum.views, sum.conversions);
            txn.run("sum a day", &sql, params)?;
        }
        Ok(true)
    }

    fn put_cells(&self, conn: &Connection) -> StoreResult<bool> {
        let txn = WriteTxn::of(conn);
        let mut cells: Vec<_> = self.by_cell.iter().collect();
        cells.sort_unstable_by_key(|(cell, _)| **cell);
        for ((campaign, publisher), (Change { rows, figures }, days)) in cells {
            let [clicks, cost, views, conversions] = figures.map(|figure| i64::try_from(figure).unwrap_or(i64::MIN));
            let key = (self.advertiser.0, self.number, campaign.0, publisher.0);
            let params = (key.0, key.1, key.2, key.3, rows, days.0, days.1, clicks, cost, views, conversions);
            let is_there = txn.run("sum a month", include_str!("../sql/month_sums_update.sql"), params)? > 0;
            if !is_there && txn.run("sum a month", include_str!("../sql/month_sums_insert.sql"), params)? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// A day's sums after a change; `None` if they would be out of bounds.
fn changed(held: &StatSum, change: &Change) -> Option<StatSum> {
    let figure = |held: i64, by: i128| {
        let sum = i64::try_from(i128::from(held) + by).ok()?;
        (sum >= 0 && held < i64::MAX).then_some(sum)
    };
    let [clicks, cost, views, conversions] = change.figures;
    Some(StatSum {
        rows: held.rows.checked_add(change.rows).filter(|rows| *rows > 0)?,
        clicks: figure(held.clicks, clicks)?,
        cost: MicrosSum::from_micros(u128::try_from(held.cost.micros() + cost).ok()?),
        views: figure(held.views, views)?,
        conversions: figure(held.conversions, conversions)?,
    })
}
