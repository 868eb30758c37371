//! Brings the lines that state the same cell together, as they come out of the sorter.

use super::resolver::Resolver;
use super::sorter::{Sorted, Staged};
use super::{Duplicates, ImportError};
use crate::import::{FileError, LineError, Unit};

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

    /// The next cell; what is wrong with further statements of it goes to `refuse`.
    pub(super) fn next(
        &mut self,
        resolver: &Resolver<'_, '_>,
        refuse: &mut dyn FnMut(LineError),
    ) -> Result<Option<Staged>, ImportError> {
        let first = match self.next.take() {
            Some(first) => Some(first),
            None => self.cells.next().map_err(FileError::Io)?,
        };
        let Some(mut merged) = first else { return Ok(None) };
        while let Some(next) = self.cells.next().map_err(FileError::Io)? {
            if next.cell.key != merged.cell.key {
                self.next = Some(next);
                break;
            }
            self.repeated += 1;
            let reason = match self.duplicates {
                Duplicates::Reject => Some(format!(
                    "states {} again, as line {} did; expected each once, or that duplicates are to be summed",
                    resolver.describe(&next.cell.key),
                    merged.line
                )),
                Duplicates::Sum => match merged.cell.figures.checked_add(next.cell.figures) {
                    Some(sum) => {
                        merged.cell.figures = sum;
                        None
                    }
                    None => {
                        Some(format!("adds up to more than one cell can hold: {}", resolver.describe(&next.cell.key)))
                    }
                },
            };
            if let Some(reason) = reason {
                refuse(LineError { line: next.line, unit: self.unit, column: None, reason });
            }
        }
        Ok(Some(merged))
    }
}
