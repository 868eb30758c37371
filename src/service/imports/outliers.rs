//! Figures worth a look before they are imported: ten times what the same campaign has at the same publisher around that
//! day. A comma in the wrong place looks like this.
//!
//! Each figure is held against the median of up to three days before and three after, none further than a week away. One
//! scan of the days that the import states finds them; of each campaign at each publisher it keeps seven days.

use std::collections::{HashMap, VecDeque};

use super::CellName;
use super::resolver::Resolver;
use crate::domain::Micros;
use crate::import::Column;
use crate::store::{CampaignKey, ImportKey, ImportSpan, PublisherKey, ReadTxn, StatKey, StoreResult};

/// How many times the usual is worth a look.
const TIMES: i64 = 10;

/// Days that are looked at on each side, of those there are.
const BESIDE: usize = 3;

/// How far away a day still counts.
const REACH: i64 = 7;

/// Neighbours there must be.
const FEWEST: usize = 2;

/// Below these nothing is worth a look: so many clicks, so many millionths.
const LEAST_CLICKS: i64 = 100;
const LEAST_MICROS: i64 = 1_000_000;

/// How many are kept.
const KEPT: usize = 100;

/// Campaigns at publishers that are kept track of; further ones are not looked at.
const TRACKED: usize = 50_000;

/// A figure worth a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlier {
    /// Where it would stand.
    pub cell: CellName,
    /// The line that states it.
    pub line: u64,
    /// `clicks` or `cost`.
    pub column: Column,
    /// The figure.
    pub value: String,
    /// The median of the days around it.
    pub usual: String,
}

/// What is worth a look: the first hundred, and how many there are.
#[derive(Debug, Default)]
pub struct Outliers {
    /// In the order of days.
    pub first: Vec<Outlier>,
    /// How many there are.
    pub total: u64,
}

#[derive(Debug, Clone, Copy)]
struct Point {
    day: i64,
    clicks: i64,
    micros: i64,
    /// The line, where the import that is looked at stated it.
    line: Option<u64>,
}

/// The last days of one campaign at one publisher, and which of them is to be judged next.
#[derive(Default)]
struct Series {
    points: VecDeque<Point>,
    next: usize,
}

impl Series {
    /// Adds a day; the one that now has all its neighbours.
    fn push(&mut self, point: Point) -> Option<Judged> {
        self.points.push_back(point);
        let judged = (self.next + BESIDE < self.points.len()).then(|| self.judge_next());
        if self.points.len() > 2 * BESIDE {
            self.points.pop_front();
            self.next -= 1;
        }
        judged.flatten()
    }

    fn judge_next(&mut self) -> Option<Judged> {
        let at = self.next;
        self.next += 1;
        let point = *self.points.get(at)?;
        let line = point.line?;
        let beside = self.points.iter().enumerate().filter(|(other, near)| {
            *other != at && other.abs_diff(at) <= BESIDE && near.day.abs_diff(point.day) <= REACH.unsigned_abs()
        });
        let beside: Vec<&Point> = beside.map(|(_, near)| near).collect();
        let usual = |figure: fn(&Point) -> i64, least| usual_below(&beside, figure, figure(&point), least);
        let (clicks, cost) = (usual(|point| point.clicks, LEAST_CLICKS), usual(|point| point.micros, LEAST_MICROS));
        (clicks.is_some() || cost.is_some()).then_some(Judged { point, line, clicks, cost })
    }
}

/// A day with the usual clicks and cost that it is far above.
struct Judged {
    point: Point,
    line: u64,
    clicks: Option<i64>,
    cost: Option<i64>,
}

/// The median of a figure, if `value` is far above it. Figures are at most 10^17, so ten of them fit.
fn usual_below(beside: &[&Point], figure: fn(&Point) -> i64, value: i64, least: i64) -> Option<i64> {
    if beside.len() < FEWEST || value < least {
        return None;
    }
    let mut figures: Vec<i64> = beside.iter().map(|point| figure(point)).collect();
    figures.sort_unstable();
    let middle = figures.len() / 2;
    let usual =
        if figures.len() % 2 == 1 { figures[middle] } else { i64::midpoint(figures[middle - 1], figures[middle]) };
    (usual > 0 && value >= TIMES * usual).then_some(usual)
}

impl Outliers {
    /// Looks at what `import` states in the span.
    pub(super) fn find(
        &mut self,
        txn: &ReadTxn<'_>,
        import: ImportKey,
        span: ImportSpan,
        resolver: &Resolver<'_, '_>,
    ) -> StoreResult<()> {
        let mut all: HashMap<(CampaignKey, PublisherKey), Series> = HashMap::new();
        let around = ImportSpan { first: span.first - REACH, last: span.last + REACH, ..span };
        txn.stat_scan_stated(around, |key, stated| {
            let at = (key.campaign, key.publisher);
            if all.len() == TRACKED && !all.contains_key(&at) {
                return;
            }
            let line = (stated.import == import).then_some(stated.line);
            let (clicks, micros) = (stated.figures.clicks.get(), stated.figures.cost.get());
            if let Some(judged) = all.entry(at).or_default().push(Point { day: key.day, clicks, micros, line }) {
                self.add(&judged, key, resolver);
            }
        })?;
        let mut rest: Vec<_> = all.into_iter().collect();
        rest.sort_unstable_by_key(|(at, _)| *at);
        for ((campaign, publisher), mut series) in rest {
            while series.next < series.points.len() {
                if let Some(judged) = series.judge_next() {
                    let day = judged.point.day;
                    self.add(&judged, StatKey { advertiser: span.advertiser, day, campaign, publisher }, resolver);
                }
            }
        }
        self.first.sort_by_key(|outlier| outlier.cell.day);
        Ok(())
    }

    fn add(&mut self, judged: &Judged, key: StatKey, resolver: &Resolver<'_, '_>) {
        let Judged { point, line, clicks, cost } = *judged;
        let Some(cell) = resolver.name(&StatKey { day: point.day, ..key }) else { return };
        let money = |micros| Micros::new(micros).map_or_else(|_| String::new(), |cost| cost.to_string());
        let found = [
            clicks.map(|usual| (Column::Clicks, point.clicks.to_string(), usual.to_string())),
            cost.map(|usual| (Column::Cost, money(point.micros), money(usual))),
        ];
        for (column, value, usual) in found.into_iter().flatten() {
            self.total += 1;
            if self.first.len() < KEPT {
                self.first.push(Outlier { cell: cell.clone(), line, column, value, usual });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The days that are far above the others, with what is usual there.
    fn found(figures: &[(i64, i64)]) -> Vec<(i64, i64)> {
        let mut series = Series::default();
        let mut found = Vec::new();
        for (day, clicks) in figures {
            found.extend(series.push(Point { day: *day, clicks: *clicks, micros: 0, line: Some(1) }));
        }
        while series.next < series.points.len() {
            found.extend(series.judge_next());
        }
        found.into_iter().map(|judged| (judged.point.day, judged.clicks.unwrap())).collect()
    }

    fn days(clicks: &[i64]) -> Vec<(i64, i64)> {
        (1..).zip(clicks.iter().copied()).collect()
    }

    #[test]
    fn a_day_ten_times_its_neighbours_is_found_wherever_it_stands() {
        for (at, day) in (1..=20).enumerate() {
            let mut clicks = [100; 20];
            clicks[at] = 1000;
            assert_eq!(found(&days(&clicks)), [(day, 100)]);
        }
        assert_eq!(found(&days(&[10, 100, 20])), []);
        assert_eq!(found(&days(&[10, 150, 20])), [(2, 15)]);
    }

    #[test]
    fn two_such_days_do_not_hide_each_other() {
        assert_eq!(found(&days(&[100, 100, 100, 5000, 6000, 100, 100])), [(4, 100), (5, 100)]);
    }

    #[test]
    fn small_figures_starts_after_zero_and_lonely_days_are_nothing_special() {
        assert_eq!(found(&days(&[1, 1, 99, 1, 1])), []);
        assert_eq!(found(&days(&[0, 0, 0, 5000, 5000, 0])), []);
        assert_eq!(found(&days(&[100, 1000])), []);
        // The days around are more than a week away.
        assert_eq!(found(&[(1, 100), (9, 1000), (17, 100)]), []);
    }
}
