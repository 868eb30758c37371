//! Reads a file by its plan (contract §7), as recognition and people decided.
//!
//! A row may have more or fewer empty cells at its end than the header. Lines that recognition left out are skipped. Any
//! other line is a row or an error with its line number, as in [`super::csv`].

use std::io::Read;
use std::ops::ControlFlow;

use super::cell::Cell;
use super::csv::{Item, NO_ROWS, Records};
use super::currency::of_header;
use super::guard::LineRules;
use super::header::Binding;
use super::layout::Decoded;
use super::number::{NumberForm, bare};
use super::plan::{PeriodLength, Plan, TablePlan};
use super::row::{Dates, Forms, RowBuilder};
use super::{Column, FileError, LineError, Sink, Summary, Unit, open};

impl TablePlan {
    /// The records of the table, from its header on.
    pub(super) fn records<R: Read>(&self, text: R) -> Result<Records<impl Read + use<R>>, FileError> {
        let text = open(Decoded::new(text, self.encoding))?;
        Records::open(text, Some(self.separator), Some(self.header_line), self.line_rules())
    }

    pub(super) fn line_rules(&self) -> LineRules {
        LineRules {
            cr_only: self.cr_only,
            blanks_before_quotes: self.blanks_before_quotes.then(|| self.separator.byte()),
            padded_end: true,
        }
    }
}

/// Reads `text` by the plan to its end, or until `sink` breaks, and passes every row to `sink` in order.
///
/// Every bad cell is an error of its own, and a row with an error isn't passed on. A row that is spread over days is passed
/// on once per day. A [`FileError`] may follow rows that were passed on.
pub fn read_file(
    text: impl Read + Send,
    plan: &Plan,
    sink: &mut dyn FnMut(Result<super::StatLine<'_>, LineError>) -> ControlFlow<()>,
) -> Result<Summary, FileError> {
    read(text, plan, sink)
}

fn read(text: impl Read + Send, plan: &Plan, sink: &mut Sink<'_>) -> Result<Summary, FileError> {
    let mut records = plan.table.records(text)?;
    records.header()?;
    let binding = Binding::of_plan(records.record().iter(), plan);
    let width = records.record().len();
    let mut summary = Summary { headers: binding.headers().to_vec(), ..Summary::default() };
    binding.note_ignored(&mut summary.ignored);
    let mut rows = RowBuilder::new(Unit::Line, plan.forms());
    let until = match plan.period.map(|period| period.length) {
        Some(PeriodLength::Until(place)) => Some(place),
        _ => None,
    };
    let mut any = false;
    records.each(|Item { line, record, not_utf8, .. }| {
        if let Some(error) = not_utf8 {
            any = true;
            let column = binding.label_of_field(error.field());
            let reason = "got bytes that are no text in this encoding, expected UTF-8: name another encoding, or leave the line out";
            return sink(Err(LineError { code: "encoding", flag: Some("--encoding"), ..rows.fault(*line, column, reason) }));
        }
        if plan.table.left_out.contains(*line) || record.iter().all(|cell| bare(cell).is_empty()) {
            return ControlFlow::Continue(());
        }
        any = true;
        let surplus = record.iter().skip(width).filter(|cell| !bare(cell).is_empty()).count();
        if surplus > 0 {
            let reason = format!("got {} fields, expected {width} as in the header", record.len());
            return sink(Err(LineError { code: "fields", ..rows.fault(*line, None, reason) }));
        }
        let cells = binding.cells(|index| record.get(index).map_or(Cell::Nothing, Cell::Text));
        let until = until.map(|place| record.get(place).map_or("", bare));
        rows.hand_out(*line, &binding, &cells, until, sink)
    })?;
    if any { Ok(summary) } else { Err(FileError::Refused(NO_ROWS.to_owned())) }
}

impl Plan {
    pub(super) fn forms(&self) -> Forms<'_> {
        let cost = self.columns.iter().find(|plan| plan.column == Column::Cost);
        Forms {
            dates: Dates::Form(&self.dates),
            numbers: NumberForm::People(self.numbers, self.money_unit),
            lenient: true,
            header_claim: cost.and_then(|plan| of_header(&plan.header).1),
            period: self.period,
        }
    }
}
