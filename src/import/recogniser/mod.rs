//! The recogniser of the browser and the command line (contract §7): finds out how a file is laid out, together with what was
//! decided.
//!
//! It reads the text several times in bounded memory: for its encoding, for how its cells are written, and for its sums. What
//! the file shows counts; what it leaves open is a [`Problem`](crate::import::Problem) with the flag that decides it; a note
//! reports everything that is skipped, with its money.

mod around;
mod checks;
mod columns;
mod dates;
mod day_headers;
mod encoding;
mod ends;
mod figures;
mod findings;
mod header_words;
mod headers;
mod hidden_totals;
mod letters;
mod sample;
mod survey;
mod suspects;
mod table;
#[cfg(test)]
mod tests;
mod totals;
mod unit;

use std::io::{Read, Seek, SeekFrom};

use self::checks::{CurrencyCheck, DayCheck};
use self::figures::FigureEvidence;
use self::findings::{Findings, plural};
pub use self::headers::Headers;
use self::hidden_totals::HiddenTotals;
use self::sample::Sample;
use self::survey::Survey;
use self::suspects::{Places, Suspicion, Words};
use self::totals::{Figures, Reading, Sums, Verdict};
use super::guard::RECORD_BYTES;
use super::layout::Decoded;
use super::number::NumberForm;
use super::plan::{Plan, TablePlan};
use super::recognition::{LeftOut, LeftOutCode, NoteCode, Recognition};
use super::{Context, Decisions, FileError, LineSet, Memory, Packing, Unpacked, open};
use crate::domain::ExactCost;

/// How many left-out lines are listed.
const LISTED: usize = 1000;

/// How many questions about single lines are asked at once.
const ASKED: usize = 20;

/// Recognises a whole file.
///
/// Fails, with a message, if it isn't a table, has no rows, or is too wide or too long.
pub fn recognise_file(
    file: &mut Unpacked,
    decisions: &Decisions,
    context: &Context<'_>,
) -> Result<Recognition, FileError> {
    let mut recognition = recognise_text(&mut file.text, decisions, context)?;
    recognition.packing = file.packing;
    recognition.sheets.clone_from(&file.sheets);
    recognition.sheet.clone_from(&file.sheet);
    if let Some(sheet) = file.sheet.as_deref().filter(|_| file.sheets.len() > 1) {
        let message = format!(
            "The workbook has {}; {} was read.",
            plural(file.sheets.len() as u64, "sheet"),
            crate::domain::Invalid::echo(sheet)
        );
        recognition.notes.insert(0, super::recognition::Note { code: NoteCode::Layout, line: None, message });
    }
    if file.from_1904 {
        recognition.problems.extend(dates::bare_days_of_1904(&recognition));
    }
    if !file.hidden_rows.is_empty() {
        let rows = String::from(file.hidden_rows.clone());
        let rows: String = rows.chars().take(200).collect();
        let message = format!(
            "Rows {rows} are hidden in the sheet, and are read like all others. Leave them out if they don't belong."
        );
        recognition.notes.push(super::recognition::Note { code: NoteCode::Layout, line: None, message });
    }
    Ok(recognition)
}

/// The same for a text.
pub(super) fn recognise_text(
    mut input: impl Read + Seek + Send,
    decisions: &Decisions,
    context: &Context<'_>,
) -> Result<Recognition, FileError> {
    let headers = context.headers;
    let mut found = Findings::default();
    input.seek(SeekFrom::Start(0))?;
    let encoding = encoding::find(&mut input, decisions, context.memory, headers, &mut found)?;
    let head = head(&mut input, encoding)?;
    let seen = table::find(&head, decisions, headers, &mut found)?;
    let mut table = TablePlan {
        encoding,
        separator: seen.separator,
        cr_only: seen.cr_only,
        blanks_before_quotes: seen.blanks_before_quotes,
        header_line: seen.line,
        left_out: LineSet::default(),
    };
    if table.cr_only {
        found.note(
            NoteCode::Layout,
            None,
            "Its lines end in a carriage return alone, as old Macs write them; they were read as lines.",
        );
    }
    let sample = Sample::read(head.as_slice(), &table)?;
    drop(head);
    let plans = columns::choose(&sample, headers, decisions, context, &mut found);

    let survey = survey(&mut input, &table, &sample, &plans, headers, decisions)?;
    let dates = dates(&survey, &plans, decisions, context, &mut found);
    let period = checks::period(&sample, &survey, &plans, headers, &dates, decisions, &mut found);
    let (sign, shown_by_total) = figures::sign(&survey.figures, &survey.total_figures, decisions, context, &mut found);
    let unit = unit::unit(&sample, &plans, &survey, headers, (decisions, context), &mut found);

    let places = Places::of(&plans, decisions, &sample, headers);
    let numbers = NumberForm::People(sign, unit.unit);
    let reading = Reading { form: dates, numbers, decimals: unit.decimals(&survey) };
    let mut currency = CurrencyCheck::new(&plans, context);
    let views_place = plans.iter().find(|plan| unit.is_open() && plan.column == super::Column::Views);
    let views_place = views_place.map(|plan| plan.place);
    let mut views = 0_i64;
    let mut days = DayCheck::default();
    let mut hidden = HiddenTotals::default();
    let mut rest = Rest::default();
    input.seek(SeekFrom::Start(0))?;
    let sums =
        Sums::read(&mut input, &table, &places, &reading, &survey.suspects, &survey.repeated, decisions, &mut |row| {
            if row.is_row {
                currency.look(row.line, row.record);
                views = views.saturating_add(reading.count(row.record, views_place));
                if let Some(day) = row.day {
                    days.look(row.line, day, context.last_day);
                    hidden.look(row, || places.campaign_mark(row.record));
                }
            } else if decisions.leave_out.contains(row.line) {
                rest.leave_out(row);
            } else {
                currency.look_aside(row.line, row.record);
            }
        })?;
    if let Some(shown) = shown_by_total {
        shown.tell(sums.prove(&reading), &mut found);
    }
    rest.judge(&survey, &sums, &reading, &mut found);
    found.problems.extend(hidden.question(&decisions.keep));
    survey.ends.tell(&places, &mut rest.left_out, decisions, &mut found);
    unit.suspect(sums.all, views, &mut found);
    let said = currency.tell(table.header_line, &mut found);
    days.tell(context.last_day, &mut found);
    checks::note_nothing(&sample, &survey, &mut found);

    let left_out = rest.all_left_out(&survey, seen.above);
    table.left_out =
        left_out.iter().filter(|left_out| left_out.line > seen.line).map(|left_out| left_out.line).collect();
    note_left_out(&left_out, decisions, &mut found);
    let around = around::tell_currency(&left_out, context.currency, headers, decisions, &mut found);
    let left_out_total = left_out.len() as u64;
    let plan = Plan {
        table,
        columns: plans,
        fixed: decisions.fixed.clone(),
        dates: reading.form,
        numbers: sign,
        money_unit: unit.unit,
        period,
    };
    Ok(Recognition {
        headers: sample.headers(&plan.columns),
        memory: memory(&plan, &survey, decisions, context.memory),
        plan,
        packing: Packing::Text,
        sheets: Vec::new(),
        sheet: None,
        rows: sums.all.rows + rest.rows,
        sums: checks::sums(
            sums.all.cost.checked_add(rest.cost).unwrap_or(sums.all.cost),
            sums.all.clicks + rest.clicks,
        ),
        days: days.first.zip(days.last),
        currency: said.or(around).and_then(super::CurrencyClaim::usual_of_sign),
        left_out: left_out.into_iter().take(LISTED).collect(),
        left_out_total,
        problems: found.problems,
        notes: found.notes,
    })
}

/// What to remember: an order of dates and a decimal sign only if the file showed them or somebody decided.
fn memory(plan: &Plan, survey: &Survey, decisions: &Decisions, before: &Memory) -> Memory {
    let shows_order = decisions.dates.is_some() || survey.days.shows_order();
    let shows_sign = decisions.numbers.is_some() || survey.figures.iter().any(FigureEvidence::shows_sign);
    Memory {
        dates: if shows_order { plan.dates.order() } else { before.dates },
        numbers: if shows_sign { Some(plan.numbers) } else { before.numbers },
        money_unit: Some(plan.money_unit),
        encoding: Some(plan.table.encoding),
    }
}

/// Surveys all rows.
fn survey(
    input: &mut (impl Read + Seek + Send),
    table: &TablePlan,
    sample: &Sample,
    plans: &[super::ColumnPlan],
    headers: &Headers,
    decisions: &Decisions,
) -> Result<Survey, FileError> {
    let mut read = |words| {
        input.seek(SeekFrom::Start(0))?;
        Survey::read(&mut *input, table, sample, plans, headers, decisions, words)
    };
    let survey = match read(Words::default())? {
        survey if survey.is_all_totals() && !survey.suspects.is_empty() => read(Words::mute())?,
        survey => survey,
    };
    if survey.rows == 0 && survey.suspects.is_empty() {
        return Err(FileError::Refused(super::csv::NO_ROWS.to_owned()));
    }
    Ok(survey)
}

/// How days are written.
fn dates(
    survey: &Survey,
    plans: &[super::ColumnPlan],
    decisions: &Decisions,
    context: &Context<'_>,
    found: &mut Findings,
) -> super::DateForm {
    let others: Vec<_> = survey.others.iter().map(|other| &other.days).collect();
    if plans.iter().any(|plan| plan.column == super::Column::Date) {
        return survey.days.form(&others, decisions, context, found);
    }
    let by_parts = super::DateForm::Parts(super::DayOrder::YearFirst);
    decisions.date_format.clone().map_or(by_parts, super::DateForm::Pattern)
}

/// The beginning of the text as UTF-8, in whole lines.
fn head(input: &mut (impl Read + Seek), encoding: super::Encoding) -> Result<Vec<u8>, FileError> {
    input.seek(SeekFrom::Start(0))?;
    let mut head = Vec::new();
    open(Decoded::new(input, encoding))?.take(RECORD_BYTES as u64).read_to_end(&mut head)?;
    if head.len() == RECORD_BYTES
        && let Some(end) = head.iter().rposition(|byte| matches!(byte, b'\n' | b'\r'))
    {
        head.truncate(end + 1);
    }
    Ok(head)
}

/// The suspicious lines: those that aren't rows, and the sums of those that are.
#[derive(Default)]
struct Rest {
    left_out: Vec<LeftOut>,
    rows: u64,
    cost: ExactCost,
    clicks: i64,
}

impl Rest {
    /// Notes a line that somebody leaves out.
    fn leave_out(&mut self, row: &totals::Passing<'_>) {
        let (text, reason) = (table::begins(row.record.iter()), "it was asked to leave it out".to_owned());
        self.left_out.push(totals::left_out(row.line, LeftOutCode::Asked, reason, text, row.figures));
    }

    fn judge(&mut self, survey: &Survey, sums: &Sums, reading: &Reading, found: &mut Findings) {
        let mut asked = 0;
        for (at, suspect) in survey.suspects.iter().enumerate() {
            let (verdict, figures) = totals::judge(&survey.suspects, at, sums, reading);
            match verdict {
                Verdict::LeftOut(code, reason) => {
                    self.left_out.push(totals::left_out(suspect.line, code, reason, suspect.text.clone(), figures));
                }
                Verdict::Ask(why) if asked < ASKED => {
                    asked += 1;
                    found.problems.push(totals::question(suspect, &why));
                }
                Verdict::Row if suspect.suspicion != Suspicion::TotalPhrase => {
                    self.rows += 1;
                    self.cost = self.cost.checked_add(figures.cost.unwrap_or_default()).unwrap_or(self.cost);
                    self.clicks += figures.clicks.map_or(0, crate::domain::Count::get);
                }
                Verdict::Ask(_) | Verdict::Row => {}
            }
        }
    }

    /// All lines that will not be read, in order.
    fn all_left_out(&mut self, survey: &Survey, above: Vec<(u64, String)>) -> Vec<LeftOut> {
        let none = Figures::default();
        let repeated = survey.repeated.iter().map(|(line, text)| {
            totals::left_out(*line, LeftOutCode::Header, "it repeats the header".to_owned(), text.clone(), none)
        });
        let titles = above.into_iter().map(|(line, text)| {
            totals::left_out(line, LeftOutCode::Title, "it stands above the header".to_owned(), text, none)
        });
        let mut all: Vec<LeftOut> = titles.chain(repeated).chain(self.left_out.drain(..)).collect();
        all.sort_by_key(|left_out| left_out.line);
        all
    }
}

/// Notes about left-out lines: titles in one note, the first of the others in one each.
fn note_left_out(left_out: &[LeftOut], decisions: &Decisions, found: &mut Findings) {
    let titles: Vec<&LeftOut> = left_out.iter().filter(|line| line.code == LeftOutCode::Title).collect();
    if let [first, rest @ ..] = titles.as_slice() {
        let lines = rest.last().map_or(format!("Line {} stands", first.line), |last| {
            format!("Lines {} to {} stand", first.line, last.line)
        });
        let message =
            format!("{lines} above the header and will not be read: {}.", crate::domain::Invalid::echo(&first.text));
        found.note(NoteCode::LeftOut, Some(first.line), message);
    }
    let others: Vec<&LeftOut> = left_out.iter().filter(|line| line.code != LeftOutCode::Title).collect();
    for line in others.iter().take(ASKED) {
        let money = line.cost.as_ref().map(|cost| format!(", cost {cost}")).unwrap_or_default();
        let text = crate::domain::Invalid::echo(&line.text);
        let message = format!("Line {} is left out ({text}{money}): {}.", line.line, line.reason);
        found.note(NoteCode::LeftOut, Some(line.line), message);
    }
    if others.len() > ASKED {
        let message = format!("{} more are left out.", plural((others.len() - ASKED) as u64, "line"));
        found.note(NoteCode::LeftOut, None, message);
    }
    let unseen = String::from(decisions.leave_out.without(&left_out.iter().map(|line| line.line).collect()));
    if !unseen.is_empty() {
        let message = format!("Of the lines to leave out, these hold no row: {unseen}.");
        found.note(NoteCode::LeftOut, None, message);
    }
}
