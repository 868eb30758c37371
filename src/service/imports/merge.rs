//! Brings the lines that state the same cell together, as they come out of the sorter.

use super::resolver::Resolver;
use super::sorter::{Sorted, Staged};
use super::{Duplicates, ImportError};
use crate::domain::Figures;
use crate::import::{FileError, LineError, Unit};
use crate::store::StatCell;

/// Hands out each cell once.
pub(super) struct Merge {
    cells: Sorted,
    next: Option<Staged>,
    unit: Unit,
    duplicates: Duplicates,
    /// Lines that stated a cell which an earlier line had stated.
    pub(super) repeated: u64,
}

impl Merge {
    pub(super) fn new(cells: Sorted, unit: Unit, duplicates: Duplicates) -> Self {
        Self { cells, next: None, unit, duplicates, repeated: 0 }
    }

    /// The next cell and the line that stated it first; what is wrong with a cell goes to `refuse`, and the cell is passed
    /// over.
    pub(super) fn next(
        &mut self,
        resolver: &Resolver<'_, '_>,
        refuse: &mut dyn FnMut(LineError),
    ) -> Result<Option<(StatCell, u64)>, ImportError> {
        loop {
            let first = match self.next.take() {
                Some(first) => Some(first),
                None => self.cells.next().map_err(FileError::Io)?,
            };
            let Some(mut merged) = first else { return Ok(None) };
            while let Some(next) = self.cells.next().map_err(FileError::Io)? {
                if next.key != merged.key {
                    self.next = Some(next);
                    break;
                }
                self.repeated += 1;
                let reason = match self.duplicates {
                    Duplicates::Reject => Some(format!(
                        "states {} again, as {} {} did; expected each once, or that duplicates are to be summed",
                        resolver.describe(&next.key),
                        self.unit,
                        merged.line
                    )),
                    Duplicates::Sum => match sum(&merged, &next) {
                        Some(sum) => {
                            merged = sum;
                            None
                        }
                        None => {
                            Some(format!("adds up to more than one cell can hold: {}", resolver.describe(&next.key)))
                        }
                    },
                };
                if let Some(reason) = reason {
                    refuse(LineError::new(next.line, self.unit, None, reason));
                }
            }
            match merged.cost.rounded() {
                Ok(cost) => {
                    let Staged { key, clicks, views, conversions, line, .. } = merged;
                    return Ok(Some((StatCell { key, figures: Figures { clicks, cost, views, conversions } }, line)));
                }
                Err(invalid) => {
                    let reason = format!("{} {}", resolver.describe(&merged.key), invalid.reason);
                    refuse(LineError::new(merged.line, self.unit, Some(invalid.field.to_owned()), reason));
                }
            }
        }
    }
}

/// Both lines together, if every sum still fits.
fn sum(one: &Staged, other: &Staged) -> Option<Staged> {
    Some(Staged {
        clicks: one.clicks.checked_add(other.clicks)?,
        cost: one.cost.checked_add(other.cost)?,
        views: one.views.checked_add(other.views)?,
        conversions: one.conversions.checked_add(other.conversions)?,
        ..*one
    })
}
