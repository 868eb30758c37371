//! What is checked of the whole file once it is known how it is read: the unit of its money, its currency, and its days.

use super::findings::{Findings, choice, problem};
use super::headers::{Headers, Known, money_unit, speaks_of_days};
use super::sample::Sample;
use super::survey::Survey;
use super::totals::Tally;
use crate::domain::{Currency, Day, ExactCost, Invalid};
use crate::import::currency::{CurrencyClaim, claim, of_header};
use crate::import::decisions::{DecimalSign, MoneyUnit, Period};
use crate::import::number::{NumberForm, bare, is_nothing};
use crate::import::plan::{ColumnPlan, PeriodLength, PeriodPlan};
use crate::import::recognition::{NoteCode, ProblemCode};
use crate::import::{Column, Context, DateForm, Decisions, Problem};

/// A click that costs more than so many units is dearer than any.
const DEAREST_CLICK: i128 = 10_000;

/// What the money is stated in, and whether the file leaves it open.
pub(super) struct Unit {
    pub(super) unit: MoneyUnit,
    is_open: bool,
}

/// The unit that was decided, that the header names, or that an earlier file had.
pub(super) fn unit(
    plans: &[ColumnPlan],
    survey: &Survey,
    decisions: &Decisions,
    context: &Context<'_>,
    found: &mut Findings,
) -> Unit {
    let decided = |unit| Unit { unit, is_open: false };
    let named = plans.iter().find(|plan| plan.column == Column::Cost).and_then(|plan| money_unit(&plan.header));
    let told = decisions.money_unit.or(named);
    if let Some(unit) = told {
        if unit != MoneyUnit::Units {
            let message = format!("The cost is stated in {}, and was divided by {}.", parts(unit), unit.as_str());
            found.note(NoteCode::MoneyUnit, None, message);
        }
        return decided(unit);
    }
    let is_whole = is_whole(survey);
    match context.memory.money_unit {
        Some(unit) if unit != MoneyUnit::Units && is_whole => {
            let message = format!("The cost was divided by {}, as in earlier files of this kind.", unit.as_str());
            found.note(NoteCode::Settled, None, message);
            decided(unit)
        }
        Some(unit) if unit != MoneyUnit::Units => {
            let message = format!(
                "Earlier files of this kind stated the cost in {}, but this one has amounts with decimals. Say what its money is stated in.",
                parts(unit)
            );
            found.problems.push(question(message));
            decided(MoneyUnit::Units)
        }
        _ => Unit { unit: MoneyUnit::Units, is_open: is_whole },
    }
}

fn is_whole(survey: &Survey) -> bool {
    survey.figures.iter().find(|figures| figures.feeds(Column::Cost)).is_some_and(|figures| figures.is_whole)
}

fn parts(unit: MoneyUnit) -> &'static str {
    match unit {
        MoneyUnit::Units => "units",
        MoneyUnit::Hundredths => "hundredths",
        MoneyUnit::Millionths => "millionths",
    }
}

fn question(message: String) -> Problem {
    let label = |unit: &MoneyUnit| choice(unit.as_str(), format!("{} of the currency", parts(*unit)));
    Problem {
        column: Some(Column::Cost),
        flag: Some("--money-unit".to_owned()),
        choices: MoneyUnit::ALL.iter().map(label).collect(),
        ..problem(ProblemCode::MoneyUnit, message)
    }
}

/// Asks whether amounts are millionths where all are whole and a click would cost more than any does.
pub(super) fn suspect_unit(unit: &Unit, all: Tally, found: &mut Findings) {
    let clicks = i128::from(all.clicks.max(1));
    let dear = DEAREST_CLICK * if all.clicks == 0 { 100 } else { 1 };
    if !unit.is_open || all.rows == 0 || all.cost.units() / clicks < dear {
        return;
    }
    let each = all.cost.units() / clicks;
    let message = format!(
        "The cost comes to {}, which is {each} for each click, and all amounts are whole. Say whether they are millionths.",
        all.cost
    );
    found.problems.push(question(message));
}

/// What amounts say they are in, row by row.
pub(super) struct CurrencyCheck {
    expected: Option<Currency>,
    header: Option<CurrencyClaim>,
    cost: Option<usize>,
    stated: Option<usize>,
    numbers: NumberForm,
    /// Claims that are not the advertiser's, each with its first line: a few.
    foreign: Vec<(CurrencyClaim, u64)>,
    /// A cell of the currency's column that is none.
    unknown: Option<(u64, String)>,
}

impl CurrencyCheck {
    pub(super) fn new(plans: &[ColumnPlan], numbers: NumberForm, context: &Context<'_>) -> Self {
        let plan = |wanted: Column| plans.iter().find(|plan| plan.column == wanted);
        let header = plan(Column::Cost).and_then(|plan| of_header(&plan.header).1);
        Self {
            expected: context.currency,
            header,
            cost: plan(Column::Cost).map(|plan| plan.place),
            stated: plan(Column::Currency).map(|plan| plan.place),
            numbers,
            foreign: Vec::new(),
            unknown: None,
        }
    }

    pub(super) fn look(&mut self, line: u64, record: &::csv::StringRecord) {
        let Some(expected) = self.expected else { return };
        let cell = |place: Option<usize>| place.and_then(|place| record.get(place)).map_or("", bare);
        let amount = cell(self.cost);
        // Digits alone claim nothing.
        let beside = if amount.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',')) {
            None
        } else {
            self.numbers.cost(amount).ok().and_then(|(_, claim)| claim)
        };
        let text = cell(self.stated);
        let stated = if text.is_empty() { None } else { claim(text) };
        if stated.is_none() && !is_nothing(text) && self.unknown.is_none() {
            self.unknown = Some((line, text.to_owned()));
        }
        for claim in [beside, stated].into_iter().flatten() {
            if !claim.fits(expected) && self.foreign.len() < 8 && self.foreign.iter().all(|(known, _)| *known != claim)
            {
                self.foreign.push((claim, line));
            }
        }
    }

    pub(super) fn tell(self, header_line: u64, found: &mut Findings) {
        let Some(expected) = self.expected else { return };
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
                "Line {line} has {} as its currency, which is none that is known; expected {code}.",
                Invalid::echo(&text)
            );
            refuse(line, message);
        }
    }
}

/// The days of all rows.
#[derive(Default)]
pub(super) struct DayCheck {
    pub(super) first: Option<Day>,
    pub(super) last: Option<Day>,
    /// The first line with a day later than may be.
    future: Option<(u64, Day)>,
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
        if day > last_day && self.future.is_none() {
            self.future = Some((line, day));
        }
        self.other_than_firsts |= day.date().day() != 1;
        self.other_than_mondays |= day.date().weekday() != chrono::Weekday::Mon;
    }

    pub(super) fn tell(&self, last_day: Day, found: &mut Findings) {
        if let Some((line, day)) = self.future {
            let message = format!(
                "Line {line} states {day}, which is later than {last_day}, tomorrow. Correct the day, or leave the line out."
            );
            found.problems.push(Problem {
                line: Some(line),
                column: Some(Column::Date),
                flag: Some(format!("--leave-out {line}")),
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

/// What to do with rows that cover more than a day, and the question where nobody has said it.
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

/// Whether a column of days is when something else happened, such as when the row was exported.
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

/// Whether the column of the day is when campaigns began: it is called so, and no campaign's days vary.
fn is_property(plan: &ColumnPlan, survey: &Survey, headers: &Headers) -> bool {
    let is_start = [Known::FirstDay, Known::OtherDay].iter().any(|known| headers.rank(&plan.header, *known).is_some());
    let is_day = headers.rank(&plan.header, Known::Column(Column::Date)).is_some() || speaks_of_days(&plan.header);
    let has_end =
        survey.others.iter().any(|other| other.later.iter().all(Option::is_none) && other.earlier == [false; 3]);
    is_start && !is_day && !has_end && !survey.campaign_days_vary
}

/// Cells of figures that hold nothing count as zeros, which should not go unsaid.
pub(super) fn note_nothing(sample: &Sample, survey: &Survey, found: &mut Findings) {
    for figures in &survey.figures {
        if Column::FIGURES.into_iter().any(|column| figures.feeds(column)) && figures.nothing > 0 {
            let cells = if figures.nothing == 1 {
                "1 cell that is".to_owned()
            } else {
                format!("{} cells that are", figures.nothing)
            };
            let name = Invalid::echo(&sample.names[figures.place()]);
            found.note(
                NoteCode::Nothing,
                None,
                format!("{name} has {cells} empty or a word for nothing: counted as 0."),
            );
        }
    }
}

/// How many decimals amounts are written with, in units of the currency.
pub(super) fn decimals(survey: &Survey, unit: MoneyUnit) -> u32 {
    let cost = survey.figures.iter().find(|figures| figures.feeds(Column::Cost));
    cost.map_or(0, |figures| figures.decimals.saturating_add(unit.shift()))
}

/// The sums as they are told.
pub(super) fn sums(cost: ExactCost, clicks: i64) -> crate::import::Sums {
    crate::import::Sums { cost: cost.to_string(), clicks: clicks.unsigned_abs() }
}

/// The form of figures in this file.
pub(super) fn numbers(sign: DecimalSign, unit: &Unit) -> NumberForm {
    NumberForm::People(sign, unit.unit)
}
