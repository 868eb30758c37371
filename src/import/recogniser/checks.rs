//! Checks of the whole file, once it is known how to read it: the currency of its money, and its days.

use super::day_headers::{speaks_of_days, speaks_of_events};
use super::findings::{Findings, choice, plural, problem};
use super::headers::{Headers, Known};
use super::sample::Sample;
use super::survey::Survey;
use crate::domain::{Currency, Day, ExactCost, Invalid};
use crate::import::currency::{CurrencyClaim, claim, of_header, of_unit_cell};
use crate::import::decisions::{DecimalSign, Period};
use crate::import::number::{bare, claim_beside, is_nothing};
use crate::import::plan::{ColumnPlan, PeriodLength, PeriodPlan};
use crate::import::recognition::{NoteCode, ProblemCode};
use crate::import::record::Record;
use crate::import::{Column, Context, DateForm, Decisions, LineSet, Problem};

/// The currencies of amounts, row by row.
pub(super) struct CurrencyCheck {
    expected: Option<Currency>,
    header: Option<CurrencyClaim>,
    cost: Option<usize>,
    stated: Option<usize>,
    /// The first few claims of other currencies than the advertiser's, each with its first line.
    foreign: Vec<(CurrencyClaim, u64)>,
    /// The currency of all amounts, if none is expected; `None` once they contradict each other.
    said: Option<CurrencyClaim>,
    contradicts: bool,
    /// A cell of the currency column that isn't a currency.
    unknown: Option<(u64, String)>,
}

impl CurrencyCheck {
    pub(super) fn new(plans: &[ColumnPlan], context: &Context<'_>) -> Self {
        let plan = |wanted: Column| plans.iter().find(|plan| plan.column == wanted);
        let header = plan(Column::Cost).and_then(|plan| of_header(&plan.header).1);
        Self {
            expected: context.currency,
            header,
            cost: plan(Column::Cost).map(|plan| plan.place),
            stated: plan(Column::Currency).map(|plan| plan.place),
            foreign: Vec::new(),
            said: header,
            contradicts: false,
            unknown: None,
        }
    }

    /// Looks at a row.
    pub(super) fn look(&mut self, line: u64, record: &Record) {
        let text = cell(record, self.stated);
        let stated = if text.is_empty() { None } else { claim(text) };
        if stated.is_none() && !is_nothing(text) && self.unknown.is_none() {
            self.unknown = Some((line, text.to_owned()));
        }
        self.take(line, [beside(cell(record, self.cost)), stated]);
    }

    /// Looks at a line that is no row, such as a total or a line of units.
    pub(super) fn look_aside(&mut self, line: u64, record: &Record) {
        let amount = cell(record, self.cost);
        self.take(line, [beside(amount), of_unit_cell(amount)]);
    }

    fn take(&mut self, line: u64, claims: [Option<CurrencyClaim>; 2]) {
        for claim in claims.into_iter().flatten() {
            let Some(expected) = self.expected else {
                let both = self.said.map_or(Some(claim), |said| CurrencyClaim::both(said, claim));
                self.contradicts |= both.is_none();
                self.said = both;
                continue;
            };
            if !claim.fits(expected) && self.foreign.len() < 8 && self.foreign.iter().all(|(known, _)| *known != claim)
            {
                self.foreign.push((claim, line));
            }
        }
    }

    /// Refuses other currencies than the expected one; if none is expected, returns the currency of the amounts.
    pub(super) fn tell(self, header_line: u64, found: &mut Findings) -> Option<CurrencyClaim> {
        let Some(expected) = self.expected else { return self.said.filter(|_| !self.contradicts) };
        let code = expected.code();
        let mut refuse = |line: u64, message: String| {
            let column = Some(Column::Cost);
            found.problems.push(Problem { line: Some(line), column, ..problem(ProblemCode::Currency, message) });
        };
        let way_on = "Pitlane does not convert money: export the report in that currency, or import it for an advertiser that pays in this one";
        if let Some(header) = self.header.filter(|header| !header.fits(expected)) {
            refuse(
                header_line,
                format!("The header of the cost says {header}, but the advertiser pays in {code}. {way_on}."),
            );
        }
        match self.foreign.as_slice() {
            [] => {}
            [(claim, line)] => {
                refuse(
                    *line,
                    format!("Amounts are in {claim} (line {line}), but the advertiser pays in {code}. {way_on}."),
                );
            }
            [(_, line), ..] => {
                let all: Vec<String> =
                    self.foreign.iter().map(|(claim, line)| format!("{claim} (line {line})")).collect();
                refuse(
                    *line,
                    format!(
                        "Amounts are in several currencies: {}; the advertiser pays in {code}. {way_on}.",
                        all.join(", ")
                    ),
                );
            }
        }
        if let Some((line, text)) = self.unknown {
            let message = format!(
                "Line {line} has {} as its currency, which isn't a known currency; expected {code}.",
                Invalid::echo(&text)
            );
            refuse(line, message);
        }
        None
    }
}

fn cell<'b>(record: &Record<'b>, place: Option<usize>) -> &'b str {
    place.and_then(|place| record.get(place)).map_or("", bare)
}

/// What stands beside an amount. Digits alone claim nothing; what an amount is in shows even where it is written with the other
/// decimal sign.
fn beside(amount: &str) -> Option<CurrencyClaim> {
    if amount.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',')) {
        return None;
    }
    DecimalSign::ALL.iter().find_map(|sign| claim_beside(amount, *sign))
}

/// How many lines with a future day are listed.
const FUTURE_LINES: usize = 1000;

/// The days of all rows.
#[derive(Default)]
pub(super) struct DayCheck {
    pub(super) first: Option<Day>,
    pub(super) last: Option<Day>,
    /// The first line with a day that is too late, and all such lines.
    future: Option<(u64, Day)>,
    future_lines: LineSet,
    future_count: usize,
    several: bool,
    other_than_firsts: bool,
    other_than_mondays: bool,
}

impl DayCheck {
    pub(super) fn look(&mut self, line: u64, day: Day, last_day: Day) {
        use chrono::Datelike as _;
        self.several |= self.first.is_some_and(|first| first != day);
        self.first = Some(self.first.map_or(day, |first| first.min(day)));
        self.last = Some(self.last.map_or(day, |last| last.max(day)));
        if day > last_day {
            self.future.get_or_insert((line, day));
            self.future_count += 1;
            if self.future_count <= FUTURE_LINES {
                self.future_lines.push(line);
            }
        }
        self.other_than_firsts |= day.date().day() != 1;
        self.other_than_mondays |= day.date().weekday() != chrono::Weekday::Mon;
    }

    pub(super) fn tell(&self, last_day: Day, found: &mut Findings) {
        if let Some((line, day)) = self.future {
            let more = if self.future_count > 1 {
                format!(", and {} like it", plural(self.future_count as u64 - 1, "line"))
            } else {
                String::new()
            };
            let message = format!(
                "Line {line} states {day}, which is later than {last_day}, tomorrow{more}. Correct the day, or leave such lines out."
            );
            let lines = String::from(self.future_lines.clone());
            found.problems.push(Problem {
                line: Some(line),
                lines: self.future_lines.clone(),
                column: Some(Column::Date),
                flag: Some(format!("--leave-out {lines}")),
                ..problem(ProblemCode::FutureDay, message)
            });
        }
        let only = match (self.several, self.other_than_firsts, self.other_than_mondays) {
            (true, false, _) => "the first of a month",
            (true, _, false) => "a Monday",
            _ => return,
        };
        let message =
            format!("Every day in the file is {only}. If its rows cover more than a day, export the report by day.");
        found.note(NoteCode::OnlyFirsts, None, message);
    }
}

/// What to do with rows that cover more than a day; a question if nobody decided.
pub(super) fn period(
    sample: &Sample,
    survey: &Survey,
    plans: &[ColumnPlan],
    headers: &Headers,
    form: &DateForm,
    decisions: &Decisions,
    found: &mut Findings,
) -> Option<PeriodPlan> {
    let plan = plans.iter().find(|plan| plan.column == Column::Date)?;
    let name = Invalid::echo(&plan.header);
    let is = |known| headers.rank(&plan.header, known).is_some();
    let is_end = |place: usize| headers.rank(&sample.names[place], Known::LastDay).is_some();
    let ends = |known: bool| {
        let may_end = |place: usize| is_end(place) == known && (known || !is_stamp(&sample.names[place], headers));
        let mut others = survey.others.iter().filter(|other| may_end(other.place));
        others.find_map(|other| Some((other.place, other.ends_period(form)?)))
    };
    let (length, line, message) = if let Some((place, line)) = ends(true).or_else(|| ends(false)) {
        let until = Invalid::echo(&sample.names[place]);
        (
            PeriodLength::Until(place),
            Some(line),
            format!("Line {line} covers more than one day, from {name} to {until}."),
        )
    } else if is(Known::Week) {
        (PeriodLength::Week, None, format!("Rows cover a week, as {name} says."))
    } else if is(Known::Month) {
        (PeriodLength::Month, None, format!("Rows cover a month, as {name} says."))
    } else if is_property(plan, survey, headers) {
        let message = format!(
            "{name} is when something began rather than when the money was spent, and each campaign has one of its own."
        );
        (PeriodLength::Day, None, message)
    } else {
        return None;
    };
    if let Some(how) = decisions.period {
        let booked = if how == Period::Spread { "spread evenly over their days" } else { "booked on their first day" };
        found.note(NoteCode::Period, line, format!("{message} Such rows are {booked}."));
        return Some(PeriodPlan { how, length });
    }
    let is_property = length == PeriodLength::Day;
    let mut choices = vec![choice(Period::FirstDay.as_str(), "all on the first day")];
    if !is_property {
        choices.push(choice(Period::Spread.as_str(), "spread evenly over the days"));
    }
    let code = if is_property { ProblemCode::NoDays } else { ProblemCode::Period };
    let way_on =
        if is_property { "The file has no days: export it with a Day column" } else { "Export the report by day" };
    found.problems.push(Problem {
        line,
        column: Some(Column::Date),
        flag: Some("--period".to_owned()),
        choices,
        ..problem(code, format!("{message} {way_on}, or say how such rows are booked."))
    });
    None
}

/// Whether a column of days is about another event, such as the time of the export.
fn is_stamp(header: &str, headers: &Headers) -> bool {
    const DEEDS: [&str; 14] = [
        "synced",
        "updated",
        "created",
        "modified",
        "loaded",
        "exported",
        "ingested",
        "extracted",
        "inserted",
        "processed",
        "generated",
        "retrieved",
        "fetched",
        "edited",
    ];
    let lower = header.to_lowercase();
    headers.rank(header, Known::OtherDay).is_some()
        || lower.split(|c: char| !c.is_alphanumeric()).any(|word| DEEDS.contains(&word))
}

/// Whether the day column has the start of campaigns instead of days of spend: its header says so, or its header is unknown
/// and each campaign has its own day; and no campaign's days vary.
fn is_property(plan: &ColumnPlan, survey: &Survey, headers: &Headers) -> bool {
    let is = |known| headers.rank(&plan.header, known).is_some();
    if survey.campaign_days_vary || is(Known::Column(Column::Date)) {
        return false;
    }
    let is_event = is(Known::FirstDay) || is(Known::OtherDay) || speaks_of_events(&plan.header);
    let is_day = !is_event && speaks_of_days(&plan.header);
    // Another column with the same day in every row means periods of one day.
    let has_end =
        survey.others.iter().any(|other| other.later.iter().all(Option::is_none) && other.earlier == [false; 3]);
    !is_day && !has_end && (is_event || survey.campaigns_have_own_days)
}

/// Cells of figures without a value count as zero, and a note says so.
pub(super) fn note_nothing(sample: &Sample, survey: &Survey, found: &mut Findings) {
    for figures in &survey.figures {
        if Column::FIGURES.into_iter().any(|column| figures.feeds(column)) && figures.nothing > 0 {
            let cells = if figures.nothing == 1 {
                "1 cell that is".to_owned()
            } else {
                format!("{} cells that are", figures.nothing)
            };
            let name = Invalid::echo(&sample.names[figures.place()]);
            found.note(NoteCode::Nothing, None, format!("{name} has {cells} without a value: counted as 0."));
        }
    }
}

/// The sums in words.
pub(super) fn sums(cost: ExactCost, clicks: i64) -> crate::import::Sums {
    crate::import::Sums { cost: cost.to_string(), clicks: clicks.unsigned_abs() }
}
