//! One pass over all rows with the chosen columns: how days and figures are written, which lines may not be rows, and how
//! other columns of days relate to the chosen one.

use std::collections::HashSet;
use std::io::Read;
use std::ops::ControlFlow;

use foldhash::HashMap;

use super::dates::DayEvidence;
use super::ends::Ends;
use super::figures::FigureEvidence;
use super::headers::{Headers, Known};
use super::sample::Sample;
use super::suspects::{Places, Suspect, Suspicion, Words, mark, repeats_header, suspect, suspicion};
use super::table::begins;
use crate::domain::Day;
use crate::import::csv::Item;
use crate::import::days::{DateForm, DayReadings};
use crate::import::number::bare;
use crate::import::plan::{ColumnPlan, TablePlan};
use crate::import::record::Record;
use crate::import::{Column, DayOrder, Decisions, FileError};

/// How many campaigns have their days tracked.
const CAMPAIGNS: usize = 10_000;

/// The most suspicious lines that are examined; a file with more isn't laid out that way.
pub(super) const SUSPECTS: usize = 5000;

/// Another column of days, compared with the chosen one in each order.
#[derive(Debug, Default)]
pub(super) struct OtherDays {
    pub(super) place: usize,
    pub(super) days: DayEvidence,
    /// By order: the first line where its day is later than the chosen one, and whether it is ever earlier.
    pub(super) later: [Option<u64>; 3],
    pub(super) earlier: [bool; 3],
    /// Whether a campaign whose days vary always has the same day here.
    steady: bool,
}

/// What a campaign's rows have in common.
struct Campaign {
    day: String,
    others: Vec<String>,
    day_varies: bool,
    other_varies: bool,
}

/// What the rows show.
#[derive(Default)]
pub(super) struct Survey {
    /// Rows that aren't suspicious.
    pub(super) rows: u64,
    pub(super) days: DayEvidence,
    pub(super) others: Vec<OtherDays>,
    pub(super) figures: Vec<FigureEvidence>,
    /// Our columns of figures in the lines that may be totals.
    pub(super) total_figures: Vec<FigureEvidence>,
    pub(super) suspects: Vec<Suspect>,
    /// Lines that repeat the header.
    pub(super) repeated: Vec<(u64, String)>,
    pub(super) ends: Ends,
    /// Whether any campaign's days vary, and whether several campaigns each have a day that no other has.
    pub(super) campaign_days_vary: bool,
    pub(super) campaigns_have_own_days: bool,
    campaigns: HashMap<u64, Campaign>,
    words: Words,
}

impl Survey {
    /// Looks at all rows.
    pub(super) fn read(
        text: impl Read + Send,
        table: &TablePlan,
        sample: &Sample,
        plans: &[ColumnPlan],
        headers: &Headers,
        decisions: &Decisions,
        words: Words,
    ) -> Result<Self, FileError> {
        let places = Places::of(plans, decisions, sample, headers);
        let mut survey = Self { words, ..Self::default() };
        survey.choose_figures(sample, plans, headers);
        survey.choose_other_days(sample, &places);
        let mut records = table.records(text)?;
        records.header()?;
        records.each(|Item { line, record, not_utf8, is_unfinished, ends_quoted }| {
            if not_utf8.is_some() {
                survey.rows += 1;
            } else if !decisions.leave_out.contains(*line) && !record.iter().all(|cell| bare(cell).is_empty()) {
                if *is_unfinished {
                    survey.ends.finish(*line, record, *ends_quoted, &places);
                } else {
                    survey.ends.look(record);
                }
                survey.look(*line, record, &places, sample, headers, decisions);
            }
            ControlFlow::Continue(())
        })?;
        survey.finish();
        Ok(survey)
    }

    /// Whether every row's campaign looks like a total, so that it is a campaign's name.
    pub(super) fn is_all_totals(&self) -> bool {
        self.rows == 0 && self.suspects.iter().all(|suspect| suspect.suspicion == Suspicion::TotalName)
    }

    fn choose_figures(&mut self, sample: &Sample, plans: &[ColumnPlan], headers: &Headers) {
        let ours = plans.iter().filter(|plan| Column::FIGURES.contains(&plan.column));
        self.figures = ours.map(|plan| FigureEvidence::new(Some(plan.column), plan.place)).collect();
        self.total_figures.clone_from(&self.figures);
        let taken = |place: &usize| plans.iter().any(|plan| plan.place == *place);
        let others = (0..sample.names.len()).filter(|place| !taken(place));
        let others = others.filter(|place| {
            let known = headers.of(&sample.names[*place]);
            known.iter().any(|(known, _)| matches!(known, Known::Figure | Known::Column(Column::Cost)))
        });
        self.figures.extend(others.map(|place| FigureEvidence::new(None, place)));
    }

    fn choose_other_days(&mut self, sample: &Sample, places: &Places) {
        let others =
            (0..sample.names.len()).filter(|place| Some(*place) != places.day && sample.columns[*place].is_days());
        // A count of five digits could be an Excel serial day; here only written dates count.
        let others = others.filter(|place| {
            let dated = |cell: &String| cell.bytes().any(|byte| !byte.is_ascii_digit()) || cell.len() == 8;
            sample.columns[*place].samples.iter().all(dated)
        });
        self.others = others.take(8).map(|place| OtherDays { place, ..OtherDays::default() }).collect();
    }

    fn look(
        &mut self,
        line: u64,
        record: &Record,
        places: &Places,
        sample: &Sample,
        headers: &Headers,
        decisions: &Decisions,
    ) {
        if !decisions.keep.contains(line) {
            if repeats_header(record, sample) {
                self.repeated.push((line, begins(record.iter())));
                return;
            }
            if self.suspects.len() < SUSPECTS
                && let says =
                    self.words.of(places.campaign.and_then(|place| record.get(place)).map_or("", bare), headers)
                && let Some(suspicion) = suspicion(record, places, headers, decisions, says, &self.days)
            {
                let suspect = suspect(line, record, places, headers, suspicion);
                let is_row = suspicion == Suspicion::TotalPhrase;
                self.suspects.push(suspect);
                if !is_row {
                    for evidence in &mut self.total_figures {
                        evidence.look(line, record.get(evidence.place()).map_or("", bare));
                    }
                    return;
                }
            }
        }
        self.rows += 1;
        for evidence in &mut self.figures {
            evidence.look(line, record.get(evidence.place()).map_or("", bare));
        }
        let cell = |place: Option<usize>| place.and_then(|place| record.get(place)).map(bare);
        let Some(day) = cell(places.day) else { return };
        self.days.look(line, day);
        for other in &mut self.others {
            other.look(line, record.get(other.place).map_or("", bare), day);
        }
        if let Some(campaign) = cell(places.campaign) {
            self.look_at_campaign(campaign, day, record);
        }
    }

    fn look_at_campaign(&mut self, campaign: &str, day: &str, record: &Record) {
        let key = mark(campaign);
        let others = || self.others.iter().map(|other| record.get(other.place).map_or("", bare));
        if let Some(known) = self.campaigns.get_mut(&key) {
            known.day_varies |= known.day != day;
            known.other_varies |= !known.others.iter().map(String::as_str).eq(others());
        } else if self.campaigns.len() < CAMPAIGNS {
            let others = others().map(str::to_owned).collect();
            let campaign = Campaign { day: day.to_owned(), others, day_varies: false, other_varies: false };
            self.campaigns.insert(key, campaign);
        }
    }

    fn finish(&mut self) {
        self.campaign_days_vary = self.campaigns.values().any(|campaign| campaign.day_varies);
        let days: HashSet<&String> = self.campaigns.values().map(|campaign| &campaign.day).collect();
        self.campaigns_have_own_days = days.len() > 2 && days.len() == self.campaigns.len();
        let varying = || self.campaigns.values().filter(|campaign| campaign.day_varies);
        let steady = varying().next().is_some() && varying().all(|campaign| !campaign.other_varies);
        for other in &mut self.others {
            other.steady = steady;
        }
        self.campaigns = HashMap::default();
    }
}

impl OtherDays {
    fn look(&mut self, line: u64, cell: &str, day: &str) {
        if !self.days.look(line, cell) || cell == day {
            return;
        }
        let (Some(own), Some(chosen)) = (DayReadings::of(cell), DayReadings::of(day)) else { return };
        for (at, order) in DayOrder::ALL.iter().enumerate() {
            let (Some(own), Some(chosen)) = (own.day(*order), chosen.day(*order)) else { continue };
            if own > chosen {
                self.later[at].get_or_insert(line);
            }
            self.earlier[at] |= own < chosen;
        }
    }

    /// The first line whose period ends in this column, if the column has ends of periods: never before the chosen day,
    /// sometimes after it, and not a fixed property of campaigns.
    pub(super) fn ends_period(&self, form: &DateForm) -> Option<u64> {
        let ends = |at: usize| self.later[at].filter(|_| !self.earlier[at] && !self.steady);
        match form.order() {
            Some(order) => DayOrder::ALL.iter().position(|other| *other == order).and_then(ends),
            None => (0..DayOrder::ALL.len()).find_map(ends),
        }
    }
}

/// The day in a cell, in this form.
pub(super) fn day_in(form: &DateForm, cell: &str) -> Option<Day> {
    form.parse(bare(cell)).ok()
}
