//! What a cell was after an import, from the history of its values.

use crate::domain::Micros;
use crate::store::{ImportKey, PastValue};

/// What a report says of one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// The count of clicks.
    pub clicks: i64,
    /// The cost in whole millionths.
    pub cost: Micros,
}

/// What a cell was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// The same as now.
    Unchanged,
    /// The report had no such row.
    Absent,
    /// The report had the row with these figures.
    Held(Shown),
}

/// What a cell was after that import; `past` is what it held, the oldest first.
pub(super) fn held_at<'p>(past: impl Iterator<Item = &'p PastValue>, last: ImportKey) -> Then {
    let mut began = None;
    for value in past {
        // A value began with the import that stated it, or was given back when the one before it ended.
        let since = began.map_or(value.stated.import, |ended: ImportKey| ended.max(value.stated.import));
        if value.ended_by > last {
            let figures = value.stated.figures;
            let shown = Shown { clicks: figures.clicks.get(), cost: figures.cost };
            return if since <= last { Then::Held(shown) } else { Then::Absent };
        }
        began = Some(value.ended_by);
    }
    Then::Unchanged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Figures;
    use crate::store::StatRow;

    fn value(cost: i64, import: i64, ended_by: i64) -> PastValue {
        let figures = Figures { cost: Micros::new(cost).unwrap(), ..Figures::default() };
        PastValue { stated: StatRow { figures, import: import.into(), line: 1 }, ended_by: ended_by.into() }
    }

    fn cost_at(past: &[PastValue], last: i64) -> Result<i64, Then> {
        match held_at(past.iter(), last.into()) {
            Then::Held(shown) => Ok(shown.cost.get()),
            other => Err(other),
        }
    }

    #[test]
    fn a_value_is_found_by_the_imports_it_lies_between() {
        // Stated by 2, changed by 4, given back by the undo 5, taken away by the undo 7, stated anew by 9 until 11.
        let past = [value(20, 2, 4), value(40, 4, 5), value(20, 2, 7), value(90, 9, 11)];
        for (last, cost) in [
            (1, Err(Then::Absent)),
            (2, Ok(20)),
            (3, Ok(20)),
            (4, Ok(40)),
            (5, Ok(20)),
            (6, Ok(20)),
            (7, Err(Then::Absent)),
            (8, Err(Then::Absent)),
            (9, Ok(90)),
            (10, Ok(90)),
            (11, Err(Then::Unchanged)),
        ] {
            assert_eq!(cost_at(&past, last), cost, "after import {last}");
        }
    }
}
