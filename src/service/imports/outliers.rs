//! Figures to check before they are imported: at least ten times what the same campaign and publisher have around that day. A
//! comma in the wrong place looks like this, even if it is in every line of a file.
//!
//! Each figure is compared with the value it replaces, and with the median of up to three stored days before and three after.
//! If fewer than two of these are stored, the file's own days count too, if they are at most a week away.

use foldhash::HashMap;

use super::cell_names::{CellName, CellNames};
use super::merge::Staged;
use crate::domain::{Figures, Micros};
use crate::import::Column;
use crate::service::ServiceResult;
use crate::store::{AdvertiserKey, CampaignKey, PublisherKey, StatKey};

/// From this many times the usual value on, a figure is listed.
const TIMES: i64 = 10;

/// How many days are compared on each side.
const BESIDE: usize = 3;

/// How many days away a day of the file, or a stored day, still counts.
const REACH: i64 = 7;
pub(super) const STORED_REACH: i64 = 31;

/// The fewest days to compare with.
const FEWEST: usize = 2;

/// Figures below these are never listed: clicks, and millionths.
const LEAST_CLICKS: i64 = 100;
const LEAST_MICROS: i64 = 1_000_000;

/// How many are kept.
const KEPT: usize = 100;

/// How many campaigns at publishers are tracked.
const TRACKED: usize = 50_000;

/// A figure to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlier {
    /// Its cell.
    pub cell: CellName,
    /// The line that states it.
    pub line: u64,
    /// `clicks` or `cost`.
    pub column: Column,
    pub value: String,
    /// The usual value.
    pub usual: String,
}

/// The figures to check: the first hundred, and the number of all.
#[derive(Debug, Default)]
pub struct Outliers {
    /// In the order of days.
    pub first: Vec<Outlier>,
    /// How many there are.
    pub total: u64,
}

/// Clicks and millionths of one day.
#[derive(Debug, Clone, Copy, Default)]
struct Point {
    day: i64,
    clicks: i64,
    micros: i64,
}

impl Point {
    fn new(day: i64, figures: &Figures) -> Self {
        Self { day, clicks: figures.clicks.get(), micros: figures.cost.get() }
    }

    fn is_within(&self, reach: i64, day: i64) -> bool {
        self.day.abs_diff(day) <= reach.unsigned_abs()
    }
}

/// A day of one campaign at one publisher.
#[derive(Debug, Clone, Copy)]
struct SeriesDay {
    stored: Option<Point>,
    /// The new value with its line.
    new: Option<(Point, u64)>,
}

/// How many days are kept: one that is judged, and those beside it.
const DAYS: usize = 2 * BESIDE + 1;

/// The last days of one campaign at one publisher, and which of them is judged next.
#[derive(Default)]
struct Series {
    days: Vec<SeriesDay>,
    next: usize,
    /// The last stored days, which may be earlier.
    stored: Vec<Point>,
}

/// A day with an unusual value, and the usual clicks and cost.
struct Judged {
    point: Point,
    line: u64,
    clicks: Option<i64>,
    cost: Option<i64>,
}

impl Series {
    /// Adds a day; returns the day that now has all its neighbours.
    fn push(&mut self, stored: Option<Point>, new: Option<(Point, u64)>) -> Option<Judged> {
        self.days.push(SeriesDay { stored, new });
        if let Some(stored) = stored {
            if self.stored.len() == DAYS {
                self.stored.remove(0);
            }
            self.stored.push(stored);
        }
        let judged = (self.next + BESIDE < self.days.len()).then(|| self.judge_next());
        if self.days.len() == DAYS {
            self.days.remove(0);
            self.next -= 1;
        }
        judged.flatten()
    }

    fn judge_next(&mut self) -> Option<Judged> {
        let at = self.next;
        self.next += 1;
        let SeriesDay { stored: replaced, new } = *self.days.get(at)?;
        let (point, line) = new?;
        if replaced.is_some_and(|old| (old.clicks, old.micros) == (point.clicks, point.micros)) {
            return None;
        }
        let (before, later) = (&self.days[at.saturating_sub(BESIDE)..at], &self.days[at + 1..]);
        let later = || later.iter().take(BESIDE);
        // At most as many as are kept are stored on this day and later.
        let earlier = self.stored.iter().rev().filter(|near| near.day < point.day).take(BESIDE).copied();
        let stored = earlier.chain(later().filter_map(|day| day.stored));
        let mut beside = Beside::of(stored.filter(|near| near.is_within(STORED_REACH, point.day)));
        if beside.count < FEWEST {
            let own = before.iter().chain(later()).filter_map(|day| day.new.map(|(near, _)| near).or(day.stored));
            beside = Beside::of(own.filter(|near| near.is_within(REACH, point.day)));
        }
        let usual = |figure: fn(&Point) -> i64, least: i64| {
            let value = figure(&point);
            match replaced.as_ref().map(figure) {
                Some(same) if same == value => return None,
                Some(old) if old > 0 && is_far_above(value, old, least) => return Some(old),
                _ => {}
            }
            beside.median(figure).filter(|usual| is_far_above(value, *usual, least))
        };
        let (clicks, cost) = (usual(|point| point.clicks, LEAST_CLICKS), usual(|point| point.micros, LEAST_MICROS));
        (clicks.is_some() || cost.is_some()).then_some(Judged { point, line, clicks, cost })
    }
}

/// The days beside one that is judged; in an array, because there is one for each row of a file.
#[derive(Default)]
struct Beside {
    points: [Point; 2 * BESIDE],
    count: usize,
}

impl Beside {
    fn of(points: impl Iterator<Item = Point>) -> Self {
        let mut beside = Self::default();
        for (place, point) in beside.points.iter_mut().zip(points) {
            *place = point;
            beside.count += 1;
        }
        beside
    }

    fn median(&self, figure: fn(&Point) -> i64) -> Option<i64> {
        if self.count < FEWEST {
            return None;
        }
        let mut figures = self.points.map(|point| figure(&point));
        let figures = &mut figures[..self.count];
        figures.sort_unstable();
        let middle = figures.len() / 2;
        Some(if figures.len() % 2 == 1 { figures[middle] } else { i64::midpoint(figures[middle - 1], figures[middle]) })
    }
}

/// Figures are at most 10^17, so ten times one fits.
fn is_far_above(value: i64, usual: i64, least: i64) -> bool {
    usual > 0 && value >= least && value >= TIMES * usual
}

/// Checks the cells of one advertiser, stored and new, in the order of the table.
pub(super) struct OutlierSearch {
    advertiser: AdvertiserKey,
    all: HashMap<(CampaignKey, PublisherKey), Series>,
    judged: Vec<(Judged, CampaignKey, PublisherKey)>,
    total: u64,
}

impl OutlierSearch {
    pub(super) fn new(advertiser: AdvertiserKey) -> Self {
        Self { advertiser, all: HashMap::default(), judged: Vec::new(), total: 0 }
    }

    /// A cell as stored, as the import states it, or both.
    pub(super) fn push(&mut self, key: &StatKey, stored: Option<&Figures>, new: Option<&Staged>) {
        let at = (key.campaign, key.publisher);
        if self.all.len() == TRACKED && !self.all.contains_key(&at) {
            return;
        }
        let stored = stored.map(|figures| Point::new(key.day, figures));
        let new = new.map(|staged| (Point::new(key.day, &staged.cell.figures), staged.line));
        if let Some(judged) = self.all.entry(at).or_default().push(stored, new) {
            self.keep(judged, at);
        }
    }

    fn keep(&mut self, judged: Judged, (campaign, publisher): (CampaignKey, PublisherKey)) {
        self.total += u64::from(judged.clicks.is_some()) + u64::from(judged.cost.is_some());
        if self.judged.len() < KEPT {
            self.judged.push((judged, campaign, publisher));
        }
    }

    /// Judges the last days.
    pub(super) fn end(&mut self) {
        let mut rest: Vec<_> = std::mem::take(&mut self.all).into_iter().collect();
        rest.sort_unstable_by_key(|(at, _)| *at);
        for (at, mut series) in rest {
            while series.next < series.days.len() {
                if let Some(judged) = series.judge_next() {
                    self.keep(judged, at);
                }
            }
        }
    }

    /// Names what was found, after [`Self::end`].
    pub(super) fn tell(self, found: &mut Outliers, names: &mut CellNames<'_, '_>) -> ServiceResult<()> {
        found.total += self.total;
        let money = |micros| Micros::new(micros).map_or_else(|_| String::new(), |cost| cost.to_string());
        for (Judged { point, line, clicks, cost }, campaign, publisher) in self.judged {
            let key = StatKey { advertiser: self.advertiser, day: point.day, campaign, publisher };
            let cell = names.cell(&key)?;
            let figures = [
                clicks.map(|usual| (Column::Clicks, point.clicks.to_string(), usual.to_string())),
                cost.map(|usual| (Column::Cost, money(point.micros), money(usual))),
            ];
            for (column, value, usual) in figures.into_iter().flatten() {
                if found.first.len() < KEPT {
                    found.first.push(Outlier { cell: cell.clone(), line, column, value, usual });
                }
            }
        }
        found.first.sort_by_key(|outlier| outlier.cell.day);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(day: i64, clicks: i64) -> Point {
        Point { day, clicks, micros: 0 }
    }

    /// The unusual days, each with the usual value, given each day's stored and new values.
    fn judged(days: &[(i64, Option<i64>, Option<i64>)]) -> Vec<(i64, i64)> {
        let mut series = Series::default();
        let mut found = Vec::new();
        for (day, stored, new) in days {
            let stored = stored.map(|clicks| point(*day, clicks));
            found.extend(series.push(stored, new.map(|clicks| (point(*day, clicks), 1))));
        }
        while series.next < series.days.len() {
            found.extend(series.judge_next());
        }
        found.into_iter().map(|judged| (judged.point.day, judged.clicks.unwrap())).collect()
    }

    /// The same without stored values.
    fn found(figures: &[(i64, i64)]) -> Vec<(i64, i64)> {
        judged(&figures.iter().map(|(day, clicks)| (*day, None, Some(*clicks))).collect::<Vec<_>>())
    }

    #[test]
    fn a_whole_file_times_a_hundred_is_noticed() {
        let month = (1..=30).map(|day| (day, Some(100), None));
        let new: Vec<_> = month.clone().chain((31..=37).map(|day| (day, None, Some(10_000)))).collect();
        assert_eq!(judged(&new), (31..=37).map(|day| (day, 100)).collect::<Vec<_>>());
        let restated: Vec<_> = (1..=11).map(|day| (day, Some(100), Some(10_000))).collect();
        assert_eq!(judged(&restated), (1..=11).map(|day| (day, 100)).collect::<Vec<_>>());
        let again: Vec<_> = (1..=11).map(|day| (day, Some(10_000), Some(10_000))).collect();
        assert_eq!(judged(&again), []);
        let later = (1..=7).map(|day| (day, None, Some(10_000))).chain((8..=20).map(|day| (day, Some(100), None)));
        let later: Vec<_> = later.collect();
        assert_eq!(judged(&later), [(6, 100), (7, 100)]);
        let grown: Vec<_> = month.chain((31..=37).map(|day| (day, None, Some(500)))).collect();
        assert_eq!(judged(&grown), []);
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
        // The other days are more than a week away.
        assert_eq!(found(&[(1, 100), (9, 1000), (17, 100)]), []);
    }
}
