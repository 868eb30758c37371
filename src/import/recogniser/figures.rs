//! What the decimal sign is, and when that must be asked.

use super::findings::{Findings, choice, problem};
use crate::domain::{Count, Currency, ExactCost, Invalid};
use crate::import::decisions::DecimalSign;
use crate::import::number::{Written, figure, is_digits, is_nothing, undecorated_mark};
use crate::import::recognition::{NoteCode, ProblemCode};
use crate::import::{Column, Context, Decisions, Problem};

/// Up to this many digits before or after the mark, every amount is in range.
const PLAIN: usize = 12;

/// What the cells of one column of figures show.
#[derive(Debug, Clone)]
pub(super) struct FigureEvidence {
    /// Its column; `None` for other money and rates, which only show the sign.
    column: Option<Column>,
    place: usize,
    /// Cells without a value.
    pub(super) nothing: u64,
    /// The first cell that only one sign can read, for each sign.
    only: [Option<(u64, String)>; 2],
    /// A cell that has different values with the two signs.
    doubtful: Option<(u64, String)>,
    /// Whether all figures are whole so far, and the most decimals.
    pub(super) is_whole: bool,
    pub(super) decimals: u32,
    last_cell: String,
}

impl FigureEvidence {
    pub(super) fn new(column: Option<Column>, place: usize) -> Self {
        Self {
            column,
            place,
            nothing: 0,
            only: [None, None],
            doubtful: None,
            is_whole: true,
            decimals: 0,
            last_cell: String::new(),
        }
    }

    pub(super) fn place(&self) -> usize {
        self.place
    }

    pub(super) fn feeds(&self, column: Column) -> bool {
        self.column == Some(column)
    }

    /// Whether any cell reads differently with the other decimal sign.
    pub(super) fn shows_sign(&self) -> bool {
        self.doubtful.is_some() || self.only.iter().any(Option::is_some)
    }

    /// Looks at a cell.
    pub(super) fn look(&mut self, line: u64, cell: &str) {
        // Digits alone are the same with both signs.
        if is_digits(cell) || self.last_cell == cell && !cell.is_empty() || self.is_plain(line, cell) {
            return;
        }
        let cell = if self.column.is_none() { cell.trim_end_matches(['%', ' ', '\u{a0}']) } else { cell };
        if is_nothing(cell) {
            self.nothing += 1;
            return;
        }
        let readings = [DecimalSign::Point, DecimalSign::Comma].map(|sign| self.value(cell, sign));
        cell.clone_into(&mut self.last_cell);
        match readings {
            [Some(point), Some(comma)] if point.0 == comma.0 => self.see_decimals(point),
            [Some(point), Some(comma)] => {
                self.doubtful.get_or_insert_with(|| (line, cell.to_owned()));
                self.see_decimals(if point.1 > comma.1 { point } else { comma });
            }
            [Some(read), _] => {
                self.see_decimals(read);
                self.show(0, line, cell);
            }
            [_, Some(read)] => {
                self.see_decimals(read);
                self.show(1, line, cell);
            }
            _ => {}
        }
    }

    /// Nearly all amounts are digits with one mark that isn't before three decimals: only one sign can read them.
    fn is_plain(&mut self, line: u64, cell: &str) -> bool {
        let Some(at) = undecorated_mark(cell).filter(|at| !self.is_count() && (1..=PLAIN).contains(at)) else {
            return false;
        };
        let Some((mark, decimals)) = cell.as_bytes()[at..].split_first() else { return false };
        if decimals.len() == 3 || decimals.len() > PLAIN {
            return false;
        }
        self.decimals = self.decimals.max(u32::try_from(decimals.len()).unwrap_or(u32::MAX));
        self.is_whole &= decimals.iter().all(|digit| *digit == b'0');
        self.show(usize::from(*mark == b','), line, cell);
        true
    }

    fn is_count(&self) -> bool {
        matches!(self.column, Some(Column::Clicks | Column::Views))
    }

    fn show(&mut self, at: usize, line: u64, cell: &str) {
        self.only[at].get_or_insert_with(|| (line, cell.to_owned()));
    }

    fn see_decimals(&mut self, (value, decimals): (ExactCost, u32)) {
        self.decimals = self.decimals.max(decimals);
        self.is_whole =
            self.is_whole && ExactCost::from_units(i64::try_from(value.units()).unwrap_or(i64::MAX)) == value;
    }

    /// The value and its decimals, if it is a valid figure for the column.
    fn value(&self, cell: &str, sign: DecimalSign) -> Option<(ExactCost, u32)> {
        let Written::Figure(figure) = figure(cell, sign) else { return None };
        if self.is_count() && Count::parse("count", &figure.plain).is_err() {
            return None;
        }
        let decimals = figure.plain.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let value = ExactCost::parse(&figure.plain).ok()?;
        Some((value, u32::try_from(decimals).unwrap_or(u32::MAX)))
    }
}

/// The decimal sign that only a total shows, which stands as long as that total is the sum of rows.
pub(super) struct ShownByTotal {
    question: Problem,
    line: u64,
    message: String,
}

impl ShownByTotal {
    /// Says it, or asks where no total is the sum of rows.
    pub(super) fn tell(self, is_sum: bool, found: &mut Findings) {
        if is_sum {
            found.note(NoteCode::Settled, Some(self.line), self.message);
        } else {
            found.problems.push(self.question);
        }
    }
}

/// The decimal sign of all columns of figures together, and whether it has to be proved.
pub(super) fn sign(
    rows: &[FigureEvidence],
    totals: &[FigureEvidence],
    decisions: &Decisions,
    context: &Context<'_>,
    found: &mut Findings,
) -> (DecimalSign, Option<ShownByTotal>) {
    if let Some(sign) = decisions.numbers {
        return (sign, None);
    }
    let (sample, question) = match sign_of_rows(rows, context, found) {
        RowsShow::Sign(sign) => return (sign, None),
        RowsShow::Nothing(sample, question) => (sample, question),
    };
    let only = |at: usize| totals.iter().find_map(|column| column.only[at].as_ref());
    let (shown, (line, cell)) = match (only(0), only(1)) {
        (Some(cell), None) => (DecimalSign::Point, cell),
        (None, Some(cell)) => (DecimalSign::Comma, cell),
        _ => {
            let Some(sign) = context.memory.numbers else {
                found.problems.push(question);
                return (DecimalSign::Point, None);
            };
            let message =
                format!("{sample} was read with a decimal {}, as in earlier files of this kind.", sign.as_str());
            found.note(NoteCode::Settled, question.line, message);
            return (sign, None);
        }
    };
    let message = format!(
        "Line {line}, a total, has {} and is the sum of rows with a decimal {}, so all figures were read so.",
        Invalid::echo(cell),
        shown.as_str()
    );
    (shown, Some(ShownByTotal { question, line: *line, message }))
}

/// What the rows say of the decimal sign.
enum RowsShow {
    Sign(DecimalSign),
    /// A cell that can be read in two ways, and the question.
    Nothing(String, Problem),
}

fn sign_of_rows(evidence: &[FigureEvidence], context: &Context<'_>, found: &mut Findings) -> RowsShow {
    let [points, commas] = [0, 1].map(|at| evidence.iter().find_map(|column| column.only[at].as_ref()));
    let of_ours = evidence.iter().filter(|column| column.column.is_some());
    match (points, commas) {
        (Some(_), None) => return RowsShow::Sign(DecimalSign::Point),
        (None, Some(_)) => return RowsShow::Sign(DecimalSign::Comma),
        (Some((one, point)), Some((other, comma))) => {
            let message = format!(
                "Numbers are written in two ways: line {one} has {}, line {other} has {}. Say which mark stands before decimals; what is \
                 written the other way is then refused with its line.",
                Invalid::echo(point),
                Invalid::echo(comma)
            );
            found.problems.push(question(Some(one.max(other)).copied(), message, Vec::new()));
            return RowsShow::Sign(DecimalSign::Point);
        }
        (None, None) => {}
    }
    let Some((line, sample)) = of_ours.filter_map(|column| column.doubtful.as_ref()).min() else {
        return RowsShow::Sign(DecimalSign::Point);
    };
    if let Some(sign) = whole_sign(evidence, sample, context.currency) {
        let message =
            format!("{} has no decimals, so {sample} was read as a whole number.", of_currency(context.currency));
        found.note(NoteCode::Settled, Some(*line), message);
        return RowsShow::Sign(sign);
    }
    let label = |sign: &DecimalSign| {
        let plain = match figure(sample, *sign) {
            Written::Figure(figure) => {
                ExactCost::parse(&figure.plain).map(|value| value.to_string()).unwrap_or_default()
            }
            _ => String::new(),
        };
        choice(sign.as_str(), format!("{sample} is {plain}"))
    };
    let choices = DecimalSign::ALL.iter().map(label).collect();
    let message = format!("The file leaves open which mark stands before decimals, as in {}.", Invalid::echo(sample));
    RowsShow::Nothing(sample.clone(), question(Some(*line), message, choices))
}

/// The sign by which an amount in a currency without decimals is a whole number.
fn whole_sign(evidence: &[FigureEvidence], sample: &str, currency: Option<Currency>) -> Option<DecimalSign> {
    currency.filter(|currency| currency.decimals() == 0)?;
    let is_of_cost =
        |column: &FigureEvidence| column.doubtful.is_none() || column.column.is_none() || column.feeds(Column::Cost);
    let is_whole =
        |sign: &DecimalSign| matches!(figure(sample, *sign), Written::Figure(figure) if !figure.plain.contains('.'));
    evidence.iter().all(is_of_cost).then(|| DecimalSign::ALL.iter().copied().find(is_whole)).flatten()
}

fn of_currency(currency: Option<Currency>) -> &'static str {
    currency.map_or("The currency", |currency| currency.code())
}

fn question(line: Option<u64>, message: String, choices: Vec<crate::import::Choice>) -> Problem {
    let both =
        || DecimalSign::ALL.iter().map(|sign| choice(sign.as_str(), crate::import::number::example(*sign))).collect();
    let choices = if choices.is_empty() { both() } else { choices };
    let flag = Some("--numbers".to_owned());
    Problem { line, flag, choices, column: Some(Column::Cost), ..problem(ProblemCode::Numbers, message) }
}
