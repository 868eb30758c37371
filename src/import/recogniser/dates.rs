//! In which order a column writes day and month, and when that must be asked.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::findings::{Findings, choice, problem};
use crate::domain::{Day, Invalid};
use crate::import::days::{DateForm, DayReadings, NumericShape, SERIAL, bounds};
use crate::import::recognition::{NoteCode, ProblemCode, Recognition};
use crate::import::{Column, Context, DayOrder, Decisions, Problem};

/// A report never covers more days than this.
const SENSIBLE_SPAN: i64 = 800;

/// How a column reads in one order.
#[derive(Debug, Clone, Copy, Default)]
struct Order {
    fits: u64,
    /// A checksum of the days it read.
    read: u64,
    first: Option<Day>,
    last: Option<Day>,
}

/// What the cells of a column of days show.
#[derive(Debug, Clone, Default)]
pub(super) struct DayEvidence {
    /// Cells that are days in some order.
    days: u64,
    orders: [Order; 3],
    /// The first cell that is a day, and the first cell that each order can't read, with their lines.
    first: Option<(u64, String)>,
    unread: [Option<(u64, String)>; 3],
    shape: Option<NumericShape>,
    /// Two cells whose numbers are written in different forms.
    mixed: Option<[(u64, String); 2]>,
    /// Whether one of the two is an Excel serial day: a spreadsheet converted some days, perhaps wrongly, and left the others
    /// as text.
    half_converted: bool,
    /// A cell that is different days in two orders.
    doubtful: Option<String>,
    last_cell: String,
}

impl DayEvidence {
    /// Whether the cell is the same as the last one: in most exports, rows of one day are together.
    pub(super) fn is_last(&self, cell: &str) -> bool {
        self.days > 0 && self.last_cell == cell
    }

    /// Looks at a cell; returns whether it is a day.
    pub(super) fn look(&mut self, line: u64, cell: &str) -> bool {
        if self.is_last(cell) {
            return true;
        }
        let Some(readings) = DayReadings::of(cell) else { return false };
        cell.clone_into(&mut self.last_cell);
        self.days += 1;
        self.first.get_or_insert_with(|| (line, cell.to_owned()));
        for ((order, unread), which) in self.orders.iter_mut().zip(&mut self.unread).zip(DayOrder::ALL) {
            let Some(day) = readings.day(*which) else {
                unread.get_or_insert_with(|| (line, cell.to_owned()));
                continue;
            };
            let mut hasher = DefaultHasher::new();
            (order.read, day.to_stored()).hash(&mut hasher);
            order.read = hasher.finish();
            order.fits += 1;
            order.first = Some(order.first.map_or(day, |first| first.min(day)));
            order.last = Some(order.last.map_or(day, |last| last.max(day)));
        }
        if self.doubtful.is_none() {
            let mut days = DayOrder::ALL.iter().filter_map(|order| readings.day(*order));
            let first = days.next();
            if days.any(|day| Some(day) != first) {
                self.doubtful = Some(cell.to_owned());
            }
        }
        if let Some(shape) = readings.shape {
            self.look_at_shape(line, cell, shape);
        }
        true
    }

    fn look_at_shape(&mut self, line: u64, cell: &str, shape: NumericShape) {
        let Some(before) = &mut self.shape else {
            self.shape = Some(shape);
            return;
        };
        let mut differs = before.separator != shape.separator;
        self.half_converted |= (before.separator == SERIAL) != (shape.separator == SERIAL);
        for (before, now) in before.padded.iter_mut().zip(shape.padded) {
            differs |= matches!((&before, now), (Some(before), Some(now)) if *before != now);
            *before = before.or(now);
        }
        if differs && self.mixed.is_none() {
            self.mixed = self.first.clone().map(|first| [first, (line, cell.to_owned())]);
        }
    }

    /// The orders that read all cells; orders with the same days count once.
    fn possible(&self) -> Vec<DayOrder> {
        let mut possible: Vec<DayOrder> = Vec::new();
        for order in DayOrder::ALL {
            let own = self.order(*order);
            if own.fits == self.days && possible.iter().all(|other| self.order(*other).read != own.read) {
                possible.push(*order);
            }
        }
        possible
    }

    /// The one order that this column allows, if its cells rule out the others.
    fn only_order(&self) -> Option<DayOrder> {
        let fitting: Vec<DayOrder> =
            DayOrder::ALL.iter().copied().filter(|order| self.order(*order).fits == self.days).collect();
        match fitting.as_slice() {
            [only] if self.days > 0 && self.shape.is_some() => Some(*only),
            _ => None,
        }
    }

    /// Whether the cells read differently with the day or the month first.
    pub(super) fn shows_order(&self) -> bool {
        self.order(DayOrder::DayFirst).read != self.order(DayOrder::MonthFirst).read
    }

    fn order(&self, order: DayOrder) -> &Order {
        let at = DayOrder::ALL.iter().position(|other| *other == order).unwrap_or(0);
        &self.orders[at]
    }

    /// The column's form: as decided, as its cells show, as another column of days or an earlier file shows, or a question.
    pub(super) fn form(
        &self,
        others: &[&Self],
        decisions: &Decisions,
        context: &Context<'_>,
        found: &mut Findings,
    ) -> DateForm {
        if let Some(format) = &decisions.date_format {
            return DateForm::Pattern(format.clone());
        }
        if self.days == 0 {
            let message = format!(
                "No cell in the column of the day can be read as {}. Export the report with a Day column, choose another one, or say \
                 how days are written.",
                bounds()
            );
            found.problems.push(Problem {
                column: Some(Column::Date),
                flag: Some("--map date=HEADER or --date-format FORMAT".to_owned()),
                ..problem(ProblemCode::NoDays, message)
            });
            return DateForm::Parts(DayOrder::YearFirst);
        }
        if let Some(order) = decisions.dates {
            if self.order(order).fits == 0 {
                let cell = self.first.as_ref().map_or("", |(_, cell)| cell.as_str());
                let message =
                    format!("No day in the file can be read {}, such as {}.", order.as_str(), Invalid::echo(cell));
                found.problems.push(self.question(&[], message));
            }
            return DateForm::Parts(order);
        }
        let mut possible = self.possible();
        if possible.is_empty() || self.half_converted || self.mixed.is_some() && self.doubtful.is_some() {
            found.problems.push(self.mixture());
            return DateForm::Parts(DayOrder::DayFirst);
        }
        self.drop_senseless(&mut possible, context.last_day);
        // Nobody writes month first with points.
        if self.shape.is_some_and(|shape| shape.separator == '.') && possible.contains(&DayOrder::DayFirst) {
            possible.retain(|order| *order != DayOrder::MonthFirst);
        }
        if possible.len() > 1 {
            let decided: Vec<DayOrder> = others.iter().filter_map(|other| other.only_order()).collect();
            if let [first, rest @ ..] = decided.as_slice()
                && rest.iter().all(|order| order == first)
                && possible.contains(first)
            {
                possible = vec![*first];
            }
        }
        if possible.len() > 1
            && let Some(order) = context.memory.dates.filter(|order| possible.contains(order))
        {
            let message = format!("Days were read {}, as in earlier files of this kind.", order.as_str());
            found.note(NoteCode::Settled, None, message);
            possible = vec![order];
        }
        if let [only] = possible.as_slice() {
            return DateForm::Parts(*only);
        }
        let message = "The file leaves open which part of a date is the day. Say what it means.";
        found.problems.push(self.question(&possible, message.to_owned()));
        DateForm::Parts(possible[0])
    }

    /// Drops orders with days in the future or spread over years, if another order has none.
    fn drop_senseless(&self, possible: &mut Vec<DayOrder>, last_day: Day) {
        let is_past = |order: &DayOrder| self.order(*order).last.is_some_and(|last| last <= last_day);
        if possible.iter().any(is_past) {
            possible.retain(is_past);
        }
        let span = |order: &DayOrder| match self.order(*order) {
            Order { first: Some(first), last: Some(last), .. } => last.to_stored() - first.to_stored(),
            _ => i64::MAX,
        };
        let has_sense = |order: &DayOrder| *order != DayOrder::YearFirst || span(order) <= SENSIBLE_SPAN;
        let others: Vec<DayOrder> = possible.iter().copied().filter(|order| *order != DayOrder::YearFirst).collect();
        if others.iter().any(|order| span(order) <= SENSIBLE_SPAN) {
            possible.retain(has_sense);
            // A two-digit year comes first only if nothing else is possible, or if only that makes a short report.
            let short = others.iter().map(span).min().unwrap_or(i64::MAX);
            possible.retain(|order| *order != DayOrder::YearFirst || span(order) <= short.max(62));
        }
    }

    fn question(&self, orders: &[DayOrder], message: String) -> Problem {
        let sample =
            self.doubtful.as_deref().or(self.first.as_ref().map(|(_, cell)| cell.as_str())).unwrap_or_default();
        let label = |order: &DayOrder| {
            let day = DayReadings::of(sample).and_then(|readings| readings.day(*order));
            let meaning = day.map_or_else(String::new, |day| day.date().format("%-d %B %Y").to_string());
            choice(order.as_str(), format!("{sample} is {meaning}"))
        };
        Problem {
            column: Some(Column::Date),
            line: self.first.as_ref().map(|(line, _)| *line),
            flag: Some("--dates".to_owned()),
            choices: orders.iter().map(label).collect(),
            ..problem(ProblemCode::Dates, message)
        }
    }

    fn mixture(&self) -> Problem {
        // Two cells that no single order reads, or whose numbers are written in different forms.
        let apart = self.unread.iter().flatten().min_by_key(|(line, _)| *line);
        let [one, other] = match (&self.mixed, &self.first) {
            (Some(mixed), _) => mixed.clone(),
            (None, Some(first)) => [
                first.clone(),
                apart.filter(|cell| *cell != first).or(self.unread.iter().flatten().max()).cloned().unwrap_or_default(),
            ],
            (None, None) => Default::default(),
        };
        let message = format!(
            "The column of the day mixes two forms: line {} has {}, line {} has {}. Export the report with days written one way, or say \
             how they are written.",
            one.0,
            Invalid::echo(&one.1),
            other.0,
            Invalid::echo(&other.1)
        );
        Problem {
            column: Some(Column::Date),
            line: Some(other.0),
            flag: Some("--dates or --date-format".to_owned()),
            ..problem(ProblemCode::DatesMixed, message)
        }
    }
}

/// Refuses days that are bare numbers in a workbook that counts from 1904: nothing shows whether they are days.
pub(super) fn bare_days_of_1904(recognition: &Recognition) -> Option<Problem> {
    let header = recognition.headers.get(recognition.plan.place(Column::Date)?)?;
    let number = header.samples.iter().find(|cell| is_serial(cell))?;
    let message = format!(
        "The workbook counts days from 1904, and {} holds bare numbers such as {}, which are other days by that count. Format the column \
         as dates, and save the workbook again.",
        Invalid::echo(&header.name),
        Invalid::echo(number)
    );
    Some(Problem { column: Some(Column::Date), ..problem(ProblemCode::Dates, message) })
}

fn is_serial(cell: &str) -> bool {
    let whole = cell.split('.').next().unwrap_or_default();
    whole.len() == 5 && whole.bytes().all(|byte| byte.is_ascii_digit())
}
