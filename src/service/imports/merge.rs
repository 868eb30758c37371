//! Combines the lines of the same cell, which the sorter returns one after the other.

use super::problems::LineProblem;
use super::resolver::Resolver;
use super::sorter::{Sorted, StagedLine};
use super::{Duplicates, ImportError};
use crate::domain::{Figures, Invalid};
use crate::import::{LineError, Unit};
use crate::store::{StatCell, StatKey};

/// A cell, and its first line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Staged {
    pub(super) cell: StatCell,
    pub(super) line: u64,
}

/// Returns each cell once.
pub(super) struct Merge {
    lines: Sorted,
    next: Option<StagedLine>,
    unit: Unit,
    duplicates: Duplicates,
    /// Lines of a cell that an earlier line already stated.
    pub(super) repeated: u64,
}

impl Merge {
    pub(super) fn new(lines: Sorted, unit: Unit, duplicates: Duplicates) -> Self {
        Self { lines, next: None, unit, duplicates, repeated: 0 }
    }

    /// The next cell; problems with its repeated lines, or with their sum, go to `refuse`.
    pub(super) fn next(
        &mut self,
        resolver: &Resolver<'_>,
        refuse: &mut dyn FnMut(LineProblem),
    ) -> Result<Option<Staged>, ImportError> {
        let unit = self.unit;
        let mut refuse = |line, code, flag, reason| {
            refuse(LineError { line, unit, column: None, reason, code, flag }.into());
        };
        loop {
            let first = match self.next.take() {
                Some(first) => Some(first),
                None => self.lines.next()?,
            };
            let Some(mut sum) = first else { return Ok(None) };
            let mut fits = true;
            while let Some(next) = self.lines.next()? {
                if next.key != sum.key {
                    self.next = Some(next);
                    break;
                }
                self.repeated += 1;
                if self.duplicates == Duplicates::Reject {
                    let (cell, first) = (resolver.describe(&next.key), sum.line);
                    let reason = format!(
                        "states {cell} again, as {unit} {first} did; expected each once, or that duplicates are to be summed"
                    );
                    refuse(next.line, "duplicate", Some("--duplicates sum"), reason);
                } else if let Some(added) = sum.checked_add(&next) {
                    sum = added;
                } else if fits {
                    fits = false;
                    refuse(next.line, "too_large", None, too_large(resolver, &next.key));
                }
            }
            match sum.cost.rounded() {
                Ok(cost) => {
                    let (clicks, views, conversions) = (sum.clicks, sum.views, sum.conversions);
                    let figures = Figures { clicks, cost, views, conversions };
                    return Ok(Some(Staged { cell: StatCell { key: sum.key, figures }, line: sum.line }));
                }
                Err(Invalid { reason, .. }) => {
                    let code = if sum.cost.is_negative() { "below_zero" } else { "too_large" };
                    refuse(sum.line, code, None, format!("{}: the cost {reason}", resolver.describe(&sum.key)));
                }
            }
        }
    }
}

fn too_large(resolver: &Resolver<'_>, key: &StatKey) -> String {
    format!("adds up to more than one cell can hold: {}", resolver.describe(key))
}

impl StagedLine {
    /// The sum of both lines, if it fits; it keeps the first line's number.
    fn checked_add(&self, other: &Self) -> Option<Self> {
        Some(Self {
            clicks: self.clicks.checked_add(other.clicks)?,
            cost: self.cost.checked_add(other.cost)?,
            views: self.views.checked_add(other.views)?,
            conversions: self.conversions.checked_add(other.conversions)?,
            ..*self
        })
    }
}
