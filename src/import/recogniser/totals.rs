//! Decides which lines aren't rows, by the chosen columns and by sums. A line with a day and a campaign is a total only if it
//! says so and its figures are the sums of others; a line without a day also if it is the first or last of the table and
//! names no campaign.

use std::collections::HashMap;
use std::io::Read;
use std::ops::ControlFlow;

use super::findings::{choice, plural, problem};
use super::survey::day_in;
use super::suspects::{Places, Suspect, Suspicion, mark};
use crate::domain::{Count, Day, ExactCost};
use crate::import::csv::Item;
use crate::import::number::{NumberForm, bare, is_nothing};
use crate::import::plan::TablePlan;
use crate::import::recognition::{LeftOut, LeftOutCode, ProblemCode};
use crate::import::record::Record;
use crate::import::{DateForm, Decisions, FileError, Problem};

/// How many totals are looked back and ahead over, for groups within groups.
const GROUPS: usize = 300;

/// Decimals that a total has at least if it is rounded further than its rows.
const CENTS: u32 = 2;

/// The sums of rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) rows: u64,
    pub(super) cost: ExactCost,
    pub(super) clicks: i64,
}

impl Tally {
    pub(super) fn add(&mut self, figures: Figures) {
        self.rows += 1;
        // A sum that overflows is far beyond what an import accepts, and refused there.
        self.cost = self.cost.checked_add(figures.cost.unwrap_or_default()).unwrap_or(self.cost);
        self.clicks = self.clicks.saturating_add(figures.clicks.map_or(0, Count::get));
    }

    fn without(self, other: Self) -> Option<Self> {
        Some(Self {
            rows: self.rows.checked_sub(other.rows)?,
            cost: self.cost.checked_sub(other.cost)?,
            clicks: self.clicks - other.clicks,
        })
    }
}

/// The figures of one line, if it has any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) cost: Option<ExactCost>,
    pub(super) clicks: Option<Count>,
    /// The decimals that the cost is written with, where a line may be a total.
    decimals: Option<u32>,
}

impl Figures {
    fn is_nothing(self) -> bool {
        self.cost.is_none_or(|cost| cost == ExactCost::ZERO) && self.clicks.is_none_or(|clicks| clicks.get() == 0)
    }
}

/// How figures are read, and by how much sums may be off because of rounding.
pub(super) struct Reading {
    pub(super) form: DateForm,
    pub(super) numbers: NumberForm,
    pub(super) decimals: u32,
}

impl Reading {
    pub(super) fn figures(&self, record: &Record, places: &Places) -> Figures {
        let cell =
            |place: Option<usize>| place.and_then(|place| record.get(place)).map(bare).filter(|cell| !is_nothing(cell));
        Figures {
            cost: cell(places.cost).and_then(|cell| self.numbers.cost(cell).ok()).map(|(cost, _)| cost),
            clicks: cell(places.clicks).and_then(|cell| self.numbers.count("clicks", cell).ok()),
            decimals: None,
        }
    }

    /// The figures of a line that may be a total, which may be rounded further than rows are.
    fn total_figures(&self, record: &Record, places: &Places) -> Figures {
        let cost = places.cost.and_then(|place| record.get(place)).map(bare);
        Figures { decimals: cost.map(|cell| self.numbers.decimals(cell)), ..self.figures(record, places) }
    }

    /// The count in a column; `None` if it is missing.
    pub(super) fn count(&self, record: &Record, place: Option<usize>) -> i64 {
        let cell = place.and_then(|place| record.get(place)).map(bare);
        cell.and_then(|cell| self.numbers.count("count", cell).ok()).map_or(0, Count::get)
    }

    /// Whether a line's figures equal these sums.
    fn are(&self, figures: Figures, sum: Tally) -> bool {
        if sum.rows == 0 || figures.cost.is_none() && figures.clicks.is_none() {
            return false;
        }
        let clicks = figures.clicks.is_none_or(|clicks| clicks.get() == sum.clicks);
        let cost = figures.cost.is_none_or(|cost| {
            let off = cost.checked_sub(sum.cost).map(ExactCost::abs);
            // Each amount and the total may have been rounded by half of the last decimal.
            let half = |times: u64, decimals: u32| {
                ExactCost::parse(&format!("{}e-{}", times * 5, decimals.min(24) + 1)).unwrap_or_default()
            };
            let rounded = figures.decimals.filter(|shown| (CENTS..self.decimals).contains(shown));
            let most =
                half(sum.rows + 1, self.decimals).checked_add(rounded.map_or(ExactCost::ZERO, |shown| half(1, shown)));
            matches!((off, most), (Some(off), Some(most)) if off <= most)
        });
        clicks && cost
    }
}

/// Which sums are needed to judge the suspects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Group {
    Day(Day),
    Campaign(u64),
    Both(Day, u64),
}

/// A line in the second pass.
pub(super) struct Passing<'r> {
    pub(super) line: u64,
    pub(super) record: &'r Record<'r>,
    pub(super) day: Option<Day>,
    pub(super) figures: Figures,
    /// Whether it counts as a row for now.
    pub(super) is_row: bool,
}

/// The results of the second pass.
pub(super) struct Sums {
    pub(super) all: Tally,
    groups: HashMap<Group, Tally>,
    /// By suspect: its own figures, and the sums of all rows above it.
    suspects: Vec<(Figures, Tally)>,
}

impl Sums {
    /// Reads all rows that aren't suspects; `each` gets them too.
    #[expect(clippy::too_many_arguments, reason = "each is a fact of its own about the file")]
    pub(super) fn read(
        text: impl Read + Send,
        table: &TablePlan,
        places: &Places,
        reading: &Reading,
        suspects: &[Suspect],
        repeated: &[(u64, String)],
        decisions: &Decisions,
        each: &mut dyn FnMut(&Passing<'_>),
    ) -> Result<Self, FileError> {
        let mut sums = Self { all: Tally::default(), groups: HashMap::new(), suspects: Vec::new() };
        for suspect in suspects {
            let day = day_in(&reading.form, &suspect.day);
            let day_group = day.map(Group::Day);
            let campaign = suspect.campaign.map(Group::Campaign);
            let both = day.zip(suspect.campaign).map(|(day, campaign)| Group::Both(day, campaign));
            for group in [day_group, campaign, both].into_iter().flatten() {
                sums.groups.insert(group, Tally::default());
            }
        }
        let mut records = table.records(text)?;
        records.header()?;
        let mut next = suspects.iter().peekable();
        let mut repeated = repeated.iter().peekable();
        let mut last = (String::new(), None);
        let mut look = |line: u64, record: &Record| {
            if repeated.next_if(|(other, _)| *other == line).is_some()
                || record.iter().all(|cell| bare(cell).is_empty())
            {
                return;
            }
            let figures = reading.figures(record, places);
            let asked = decisions.leave_out.contains(line);
            let suspect = next.next_if(|suspect| suspect.line == line);
            if suspect.is_some() {
                sums.suspects.push((reading.total_figures(record, places), sums.all));
            }
            let cell = places.day.and_then(|place| record.get(place)).map_or("", bare);
            if last.0 != cell || last.1.is_none() {
                last = (cell.to_owned(), day_in(&reading.form, cell));
            }
            let day = last.1;
            let is_row = !asked && suspect.is_none_or(|suspect| suspect.suspicion == Suspicion::TotalPhrase);
            each(&Passing { line, record, day, figures, is_row });
            if !is_row {
                return;
            }
            sums.all.add(figures);
            if sums.groups.is_empty() {
                return;
            }
            let campaign = places.campaign.and_then(|place| record.get(place)).map(|cell| mark(bare(cell)));
            let both = day.zip(campaign).map(|(day, campaign)| Group::Both(day, campaign));
            for group in [day.map(Group::Day), campaign.map(Group::Campaign), both].into_iter().flatten() {
                if let Some(tally) = sums.groups.get_mut(&group) {
                    tally.add(figures);
                }
            }
        };
        records.each(|Item { line, record, not_utf8, .. }| {
            if not_utf8.is_none() {
                look(*line, record);
            }
            ControlFlow::Continue(())
        })?;
        Ok(sums)
    }

    fn group(&self, group: Option<Group>) -> Tally {
        group.and_then(|group| self.groups.get(&group)).copied().unwrap_or_default()
    }

    /// The rows right above a line whose sums its figures are: since the beginning, or since another line like it.
    fn rows_above(&self, suspects: &[Suspect], at: usize, reading: &Reading) -> Option<Tally> {
        let (figures, before) = self.suspects[at];
        let behind = |other: usize| {
            let (own, mut sum) = self.suspects[other];
            if suspects[other].suspicion == Suspicion::TotalPhrase {
                sum.add(own);
            }
            sum
        };
        let starts = (at.saturating_sub(GROUPS)..at).rev().map(behind).chain([Tally::default()]);
        starts.filter_map(|start| before.without(start)).find(|sum| sum.rows > 1 && reading.are(figures, *sum))
    }

    /// Whether the cost of any line that may be a total is the sum of rows, as it is read.
    pub(super) fn prove(&self, reading: &Reading) -> bool {
        let has_cost = |at: &usize| self.suspects[*at].0.cost.is_some_and(|cost| cost != ExactCost::ZERO);
        (0..self.suspects.len()).filter(has_cost).any(|at| self.section(at, reading).is_some())
    }

    /// The rows whose sums a suspect's figures equal: all, or those between two suspects.
    fn section(&self, at: usize, reading: &Reading) -> Option<Tally> {
        let (figures, before) = self.suspects[at];
        let starts =
            self.suspects[at.saturating_sub(GROUPS)..at].iter().rev().map(|(_, sum)| *sum).chain([Tally::default()]);
        let above = starts.filter_map(|start| before.without(start));
        let ends = self.suspects[at + 1..].iter().take(GROUPS).map(|(_, sum)| *sum).chain([self.all]);
        let below = ends.filter_map(|end| end.without(before));
        [self.all].into_iter().chain(above).chain(below).find(|sum| reading.are(figures, *sum))
    }
}

/// What a suspect is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A row, with its errors if it has any.
    Row,
    /// Not a row, for this reason.
    LeftOut(LeftOutCode, String),
    /// A person must decide; the text says why it may be a total.
    Ask(String),
}

pub(super) fn judge(suspects: &[Suspect], at: usize, sums: &Sums, reading: &Reading) -> (Verdict, Figures) {
    let suspect = &suspects[at];
    let (figures, above) = sums.suspects[at];
    let (at_top, at_end) = (above.rows == 0, above.rows == sums.all.rows);
    let day = day_in(&reading.form, &suspect.day);
    let total = |sum: Tally| {
        let rows = plural(sum.rows, "row");
        Verdict::LeftOut(LeftOutCode::Total, format!("a total: its figures are the sums of {rows}"))
    };
    let of_campaign = sums.group(suspect.campaign.map(Group::Campaign));
    let of_day = sums.group(day.map(Group::Day));
    let of_both = sums.group(day.zip(suspect.campaign).map(|(day, campaign)| Group::Both(day, campaign)));
    let first = |sums: &[Tally]| sums.iter().copied().find(|sum| reading.are(figures, *sum));
    let verdict = match suspect.suspicion {
        Suspicion::NoDay if is_remark(suspect, figures) && (at_top || at_end || suspect.filled == 1) => {
            Verdict::LeftOut(LeftOutCode::Closing, "it has neither a day nor figures".to_owned())
        }
        Suspicion::AllDays | Suspicion::NoDay => {
            let named = suspect.campaign.is_some() && !suspect.says_so && suspect.suspicion == Suspicion::NoDay;
            let sum = first(&[of_campaign]).or_else(|| sums.section(at, reading));
            match sum {
                // A day that is empty because it is in the row above doesn't make a total.
                Some(sum) if named && (sum.rows < 2 || figures.is_nothing()) => Verdict::Row,
                Some(sum) if named && !reading.are(figures, of_campaign) => Verdict::Ask(format!(
                    "has no day, and its figures are the sums of {}",
                    plural(sum.rows, "other row")
                )),
                Some(sum) => total(sum),
                None if named => Verdict::Row,
                None if (at_top || at_end) && figures.cost.is_none() && figures.clicks.is_none() => no_figures(suspect),
                None if (at_top || at_end)
                    && (suspect.says_so || suspect.campaign.is_none() && suspect.suspicion == Suspicion::NoDay) =>
                {
                    let which = if at_end { "the end" } else { "the beginning" };
                    let cost = reading_of(sums.all);
                    let reason = format!(
                        "it has no day and is at {which} of the table; its figures are not the sums of the rows \
                         ({cost})"
                    );
                    Verdict::LeftOut(LeftOutCode::Total, reason)
                }
                None if suspect.suspicion == Suspicion::AllDays => Verdict::Ask(
                    "has a word for a total instead of a day, but its figures are not the sums of others".to_owned(),
                ),
                None => Verdict::Row,
            }
        }
        // A single row on another day may have the same figures by chance.
        Suspicion::NoCampaign => {
            first(&[of_day]).or_else(|| first(&[sums.all]).filter(|sum| sum.rows > 1)).map_or(Verdict::Row, total)
        }
        // If every row has this name, it is a campaign's.
        Suspicion::TotalName if sums.all.rows == 0 => Verdict::Row,
        Suspicion::TotalName => match first(&[of_day, sums.all]).or_else(|| sums.section(at, reading)) {
            // One other campaign with the same figures proves little.
            Some(sum) if sum.rows < 2 && !suspect.is_total_word => {
                Verdict::Ask("may be a total: its figures are those of one other row".to_owned())
            }
            Some(sum) => total(sum),
            None if figures.is_nothing() => total(of_day),
            None => Verdict::Ask(format!(
                "has the name of a total, but its figures are not the sums of its day's {}",
                plural(of_day.rows, "other row")
            )),
        },
        Suspicion::TotalElsewhere => match first(&[of_both, of_day, sums.all]) {
            Some(sum) => total(sum),
            None => Verdict::Row,
        },
        Suspicion::TotalPhrase => {
            let own =
                Tally { rows: 1, cost: figures.cost.unwrap_or_default(), clicks: figures.clicks.map_or(0, Count::get) };
            let of_others = || of_day.without(own).filter(|sum| reading.are(figures, *sum));
            let sum = of_others().or_else(|| sums.rows_above(suspects, at, reading));
            match sum.filter(|sum| sum.rows > 1 && !figures.is_nothing()) {
                Some(sum) => Verdict::Ask(format!(
                    "has the name of a total, and its figures are the sums of {}",
                    plural(sum.rows, "other row")
                )),
                None => Verdict::Row,
            }
        }
    };
    (verdict, figures)
}

fn reading_of(sum: Tally) -> String {
    format!("cost {}, clicks {}", sum.cost, sum.clicks)
}

/// Whether a line is text rather than figures: `Report generated`, `Time zone`.
fn is_remark(suspect: &Suspect, figures: Figures) -> bool {
    let is_words = !suspect.day.is_empty() && !suspect.day.bytes().any(|byte| byte.is_ascii_digit());
    is_words && suspect.filled <= 3 && figures.cost.is_none() && figures.clicks.is_none()
}

/// A first or last line of the table with neither day nor figures.
fn no_figures(suspect: &Suspect) -> Verdict {
    if suspect.filled <= 1 || !suspect.has_figures || suspect.says_so {
        Verdict::LeftOut(LeftOutCode::Closing, "it has neither a day nor figures".to_owned())
    } else {
        Verdict::Row
    }
}

/// The question for a person.
pub(super) fn question(suspect: &Suspect, why: &str) -> Problem {
    let line = suspect.line;
    Problem {
        line: Some(line),
        flag: Some(format!("--leave-out {line} or --keep {line}")),
        choices: vec![choice("leave-out", "It is a total: leave it out"), choice("keep", "It is a row: import it")],
        ..problem(
            ProblemCode::Total,
            format!("Line {line} ({}) {why}. Say whether it is left out or kept.", suspect.text),
        )
    }
}

/// A line that is left out, with its money.
pub(super) fn left_out(line: u64, code: LeftOutCode, reason: String, text: String, figures: Figures) -> LeftOut {
    let cost = figures.cost.map(|cost| cost.to_string());
    let clicks = figures.clicks.map(|clicks| clicks.get().unsigned_abs());
    LeftOut { line, code, reason, text, cost, clicks }
}
