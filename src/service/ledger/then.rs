//! A cell's value after an import, from the history.

use crate::domain::Micros;
use crate::store::{ChangedSince, ImportKey};

/// What a report says about one cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// The count of clicks.
    pub clicks: i64,
    /// The cost in millionths.
    pub cost: Micros,
}

impl From<&ChangedSince> for Shown {
    fn from(value: &ChangedSince) -> Self {
        Self { clicks: value.clicks, cost: value.cost }
    }
}

/// The cell's value after that import, given the first value that a later import ended: that value, or `None` if a later
/// import had stated it. A value that an undo restored counts as stated by the import that first stated it.
pub(super) fn held_at(ended: &ChangedSince, last: ImportKey) -> Option<Shown> {
    (ended.import <= last).then(|| ended.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_the_imports_it_lies_between() {
        // Cost, stated by, ended by: stated by 2, changed by 4, restored by the undo 5, removed by the undo 7, stated again
        // by 9 until 11.
        let past = [(20, 2, 4), (40, 4, 5), (20, 2, 7), (90, 9, 11)];
        let cost_at = |last: i64| {
            let (cost, import, _) = past.into_iter().find(|(.., ended_by)| *ended_by > last)?;
            let (campaign, publisher) = (1.into(), 1.into());
            let cost = Micros::new(cost).unwrap();
            let ended = ChangedSince { campaign, publisher, import: ImportKey::from(import), clicks: 0, cost };
            Some(held_at(&ended, last.into()).map(|shown| shown.cost.get()))
        };
        for (last, cost) in [
            (1, Some(None)),
            (2, Some(Some(20))),
            (3, Some(Some(20))),
            (4, Some(Some(40))),
            (5, Some(Some(20))),
            (6, Some(Some(20))),
            (7, Some(None)),
            (8, Some(None)),
            (9, Some(Some(90))),
            (10, Some(Some(90))),
            (11, None),
        ] {
            assert_eq!(cost_at(last), cost, "after import {last}");
        }
    }
}
