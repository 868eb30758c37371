//! Whether the last line was cut off, if it has no line end, judged by the other rows.

use super::findings::{Findings, choice, plural, problem};
use super::suspects::Places;
use crate::domain::Invalid;
use crate::import::number::bare;
use crate::import::recognition::{NoteCode, ProblemCode};
use crate::import::record::Record;
use crate::import::{Decisions, LeftOut, LeftOutCode, Problem};

/// This many rows show how many decimals all have, if none of them ends in a zero.
const SEVERAL: u64 = 5;

/// What the last cells of rows have in common, by position.
#[derive(Debug, Default)]
pub(super) struct Ends {
    by_place: Vec<LastCells>,
    /// The fewest cells of a row.
    narrowest: Option<usize>,
    /// The last line, if it lacks its end.
    unfinished: Option<LastLine>,
}

/// The last cells of rows with the same number of cells.
#[derive(Debug, Clone, Default)]
struct LastCells {
    rows: u64,
    any_empty: bool,
    /// The fewest and most decimals, and whether any end in a zero.
    decimals: Option<(usize, usize)>,
    any_padded: bool,
    /// The fewest and most bytes.
    lengths: Option<(usize, usize)>,
}

#[derive(Debug)]
struct LastLine {
    line: u64,
    cells: usize,
    filled: usize,
    last_cell: String,
    /// Whether it ends with a closing quotation mark.
    is_closed: bool,
    day_cell: Option<String>,
}

fn widen(range: &mut Option<(usize, usize)>, value: usize) {
    let (least, most) = range.unwrap_or((value, value));
    *range = Some((least.min(value), most.max(value)));
}

/// The number of digits after the last decimal sign.
fn decimals(cell: &str) -> usize {
    let mark = memchr::memrchr2(b'.', b',', cell.as_bytes());
    let digits = mark.map_or(&[][..], |at| &cell.as_bytes()[at + 1..]);
    digits.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

impl Ends {
    /// Looks at a row that has a line end.
    pub(super) fn look(&mut self, record: &Record) {
        self.narrowest = Some(self.narrowest.map_or(record.len(), |fewest| fewest.min(record.len())));
        let Some(place) = record.len().checked_sub(1) else { return };
        if self.by_place.len() <= place {
            self.by_place.resize_with(place + 1, LastCells::default);
        }
        let (cell, cells) = (bare(record.get(place).unwrap_or_default()), &mut self.by_place[place]);
        cells.rows += 1;
        cells.any_empty |= cell.is_empty();
        let decimals = decimals(cell);
        widen(&mut cells.decimals, decimals);
        cells.any_padded |= decimals > 0 && cell.ends_with('0');
        widen(&mut cells.lengths, cell.len());
    }

    /// Keeps the last line, if it has no line end.
    pub(super) fn finish(&mut self, line: u64, record: &Record, is_closed: bool, places: &Places) {
        self.unfinished = Some(LastLine {
            line,
            cells: record.len(),
            filled: record.iter().filter(|cell| !bare(cell).is_empty()).count(),
            last_cell: record.iter().next_back().map_or("", bare).to_owned(),
            is_closed,
            day_cell: places.day.and_then(|place| record.get(place)).map(|cell| bare(cell).to_owned()),
        });
    }

    /// Refuses a last line that was cut off, or notes that it may be.
    pub(super) fn tell(
        &self,
        places: &Places,
        left_out: &mut Vec<LeftOut>,
        decisions: &Decisions,
        found: &mut Findings,
    ) {
        let Some(last) = &self.unfinished else { return };
        let line = last.line;
        if decisions.keep.contains(line) || decisions.leave_out.contains(line) {
            return;
        }
        let others = last.cells.checked_sub(1).and_then(|place| self.by_place.get(place));
        let why = if self.is_short(last, left_out) {
            format!("it has {} and no end of line", plural(last.cells as u64, "cell"))
        } else if let Some(why) = others.and_then(|others| others.tells_cut(last, places)) {
            why.to_owned()
        } else {
            let place = last.cells.checked_sub(1);
            let is_ours = [places.day, places.cost, places.clicks].iter().any(|ours| ours.is_some() && *ours == place);
            if is_ours && !last.is_closed && others.is_some_and(|others| others.rows > 0) {
                let cell = Invalid::echo(&last.last_cell);
                let message = format!("Line {line}, the last one, has no end of line: check that {cell} is whole.");
                found.note(NoteCode::CutOff, Some(line), message);
            }
            return;
        };
        left_out.retain(|left_out| left_out.line != line);
        let message =
            format!("Line {line}, the last one, is cut off: {why}. Export the report again, or leave the line out.");
        found.problems.push(Problem {
            line: Some(line),
            flag: Some(format!("--leave-out {line} or --keep {line}")),
            choices: vec![choice("leave-out", "Leave the line out"), choice("keep", "It is whole: import it")],
            ..problem(ProblemCode::CutOff, message)
        });
    }

    /// Whether cells are missing, or the last one ends in a decimal sign.
    fn is_short(&self, last: &LastLine, left_out: &[LeftOut]) -> bool {
        let has_fewer = self.narrowest.is_some_and(|fewest| last.cells < fewest);
        // A closing remark without figures can be cut without loss; a line that begins like a row, or has several cells,
        // can't.
        let remark =
            left_out.iter().any(|left_out| left_out.line == last.line && left_out.code == LeftOutCode::Closing);
        let begins_like_a_row =
            last.day_cell.as_deref().is_some_and(|cell| cell.bytes().any(|byte| byte.is_ascii_digit()));
        let is_remark = remark && last.filled <= 1 && !begins_like_a_row;
        let ends_open =
            last.last_cell.ends_with(['.', ',']) && last.last_cell.bytes().any(|byte| byte.is_ascii_digit());
        has_fewer && !is_remark || ends_open && !has_fewer && !remark
    }
}

impl LastCells {
    /// Why the last cell isn't complete, if the other rows show it.
    fn tells_cut(&self, last: &LastLine, places: &Places) -> Option<&'static str> {
        let place = last.cells.checked_sub(1);
        if self.rows == 0 || last.is_closed {
            return None;
        }
        if last.last_cell.is_empty() {
            return (!self.any_empty)
                .then_some("its last cell is empty, which no other row's is, and it has no end of line");
        }
        let is_fixed = |(least, most): (usize, usize)| least == most;
        if places.day.is_some() && places.day == place {
            let length = self.lengths.filter(|lengths| is_fixed(*lengths))?.0;
            return (last.last_cell.len() < length)
                .then_some("its day is shorter than all others, and it has no end of line");
        }
        let fixed = self.decimals.filter(|decimals| is_fixed(*decimals))?.0;
        let shows = fixed > 0 && (self.any_padded || self.rows >= SEVERAL);
        let is_figure =
            places.cost.is_some() && places.cost == place || places.clicks.is_some() && places.clicks == place;
        (shows && is_figure && decimals(&last.last_cell) < fixed)
            .then_some("its last figure has fewer decimals than all others, and it has no end of line")
    }
}
