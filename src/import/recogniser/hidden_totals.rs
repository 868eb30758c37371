//! Finds totals with an unknown name: a campaign whose figures are, on every day, the sums of that day's other rows.

use std::collections::HashMap;

use super::findings::{choice, problem};
use super::table::begins;
use super::totals::{Figures, Passing, Tally};
use crate::domain::Day;
use crate::import::recognition::ProblemCode;
use crate::import::{LineSet, Problem};

/// The most days that are tracked; a file with more is not checked.
const DAYS: usize = 20_000;

/// At least this many days with three or more rows must show it; one alone may be chance.
const FEWEST_DAYS: usize = 2;

/// The rows of each day, if they could hide a total.
#[derive(Default)]
pub(super) struct HiddenTotals {
    days: Vec<DayRows>,
    places: HashMap<Day, usize>,
    /// The day of the row before: rows of one day are mostly together.
    last: Option<(Day, usize)>,
    is_over: bool,
}

#[derive(Default)]
struct DayRows {
    all: Tally,
    top: Figures,
    line: u64,
    campaign: u64,
    text: String,
}

impl HiddenTotals {
    /// Looks at a row; `campaign` is the checksum of its name.
    pub(super) fn look(&mut self, row: &Passing<'_>, campaign: impl Fn() -> u64) {
        let Some(day) = row.day.filter(|_| !self.is_over) else { return };
        let known = self.last.filter(|(last, _)| *last == day).map(|(_, place)| place);
        let place = known.or_else(|| self.places.get(&day).copied()).unwrap_or(self.days.len());
        if place == DAYS {
            *self = Self { is_over: true, ..Self::default() };
            return;
        }
        if place == self.days.len() {
            self.places.insert(day, place);
            self.days.push(DayRows::default());
        }
        self.last = Some((day, place));
        let rows = &mut self.days[place];
        if rows.all.rows == 0 || row.figures.cost > rows.top.cost {
            (rows.top, rows.line, rows.campaign) = (row.figures, row.line, campaign());
            rows.text = begins(row.record.iter());
        }
        rows.all.add(row.figures);
    }

    /// The question, if all days show such a total.
    pub(super) fn question(self, kept: &LineSet) -> Option<Problem> {
        let full = || self.days.iter().filter(|day| day.all.rows > 2);
        let campaign = full().next()?.campaign;
        let is_total = |day: &DayRows| {
            let twice = |figures: Figures| {
                let mut twice = Tally::default();
                twice.add(figures);
                twice.add(figures);
                twice
            };
            let sums = twice(day.top);
            let is_half = sums.cost == day.all.cost && sums.clicks == day.all.clicks && day.all.clicks > 0;
            // On a day with two equal rows, either one may be the total.
            is_half && day.top.cost.is_some() && (day.campaign == campaign || day.all.rows == 2)
        };
        if full().count() < FEWEST_DAYS || !self.days.iter().all(is_total) {
            return None;
        }
        let lines: LineSet = full().map(|day| day.line).collect();
        let first = full().min_by_key(|day| day.line)?;
        if kept.contains(first.line) {
            return None;
        }
        let all = String::from(lines.clone());
        let message = format!(
            "Line {} ({}) and its like on the other days are the sums of all other rows of their days: totals, it seems. Say whether \
             lines {all} are left out or kept.",
            first.line, first.text
        );
        Some(Problem {
            line: Some(first.line),
            lines,
            flag: Some(format!("--leave-out {all} or --keep {all}")),
            choices: vec![
                choice("leave-out", "They are totals: leave them out"),
                choice("keep", "They are rows: import them"),
            ],
            ..problem(ProblemCode::Total, message)
        })
    }
}
