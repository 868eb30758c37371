//! What an import would do: the import itself, watched, and then taken back.

use std::io::{Read, Write};
use std::ops::ControlFlow;

use chrono::Utc;
use uuid::Uuid;

use super::outliers::Outliers;
use super::resolver::Resolver;
use super::{FinalDays, Import, ImportDone, ImportError, ImportOptions, ImportSource, ProblemLog, Problems};
use crate::domain::{Day, Figures};
use crate::store::{ImportKey, ReadTxn, StatChange, Store, StoreResult};

/// Changed cells that are shown.
const CHANGES: usize = 200;

/// New cells that are shown.
const INSERTS: usize = 20;

/// A cell in the names people know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellName {
    /// The advertiser's name.
    pub advertiser: String,
    /// The day.
    pub day: Day,
    /// The campaign's name.
    pub campaign: String,
    /// The publisher's name.
    pub publisher: String,
}

/// A cell that would be new or hold something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellChange {
    /// Which.
    pub cell: CellName,
    /// What it held before; nothing where it is new.
    pub old: Option<Figures>,
    /// What it would hold.
    pub new: Figures,
    /// The line that says so; 0 where the input leaves the cell out and it would be set to zero.
    pub line: u64,
}

/// What an import would do.
#[derive(Debug)]
pub struct Preview {
    /// As the import would tell it. Where lines are wrong, only the rows are counted.
    pub done: ImportDone,
    /// The first changed cells, at most 200.
    pub changes: Vec<CellChange>,
    /// The first new cells, at most 20.
    pub inserts: Vec<CellChange>,
    /// Lines that state a cell which an earlier line states.
    pub repeated: u64,
    /// Figures that are far above those of the days around them.
    pub outliers: Outliers,
    /// Final days that would change; without a reason the import would be refused.
    pub final_days: FinalDays,
    /// What is wrong. Unless it is nothing, nothing would be imported.
    pub problems: Problems,
}

/// Keeps the first changes.
#[derive(Debug, Default)]
pub(super) struct Watch {
    changes: Vec<CellChange>,
    inserts: Vec<CellChange>,
    outliers: Outliers,
}

impl Watch {
    pub(super) fn see(&mut self, change: &StatChange, resolver: &Resolver<'_, '_>) {
        let (kept, most) =
            if change.old.is_some() { (&mut self.changes, CHANGES) } else { (&mut self.inserts, INSERTS) };
        let StatChange { key, old, new, line } = *change;
        if kept.len() < most
            && let Some(cell) = resolver.name(&key)
        {
            kept.push(CellChange { cell, old, new, line });
        }
    }

    /// Looks at what was written among what stood there before.
    pub(super) fn look_around(
        &mut self,
        txn: &ReadTxn<'_>,
        import: ImportKey,
        resolver: &Resolver<'_, '_>,
    ) -> StoreResult<()> {
        for span in txn.import_spans(import)? {
            self.outliers.find(txn, import, span, resolver)?;
        }
        Ok(())
    }
}

/// Says what importing `input` would do, and changes nothing. `all_problems` gets what is wrong as CSV, with a header and
/// the columns `line`, `column` and `problem`.
pub fn preview(
    store: &Store,
    input: impl Read,
    options: &ImportOptions,
    source: &ImportSource,
    all_problems: Option<&mut dyn Write>,
) -> Result<Preview, ImportError> {
    let now = Utc::now();
    let mut problems = all_problems.map_or_else(ProblemLog::default, ProblemLog::with_all);
    let outcome = store.write_or_undo(|txn| {
        let import = Import::begin(txn, options, source, Uuid::new_v4().into(), now)?;
        let mut watch = Watch::default();
        let outcome = import.read(input, &mut problems, Some(&mut watch))?;
        let Watch { changes, inserts, outliers } = if outcome.problems.is_empty() { watch } else { Watch::default() };
        Ok::<_, ImportError>(ControlFlow::<_, std::convert::Infallible>::Break(Preview {
            done: outcome.done,
            changes,
            inserts,
            repeated: outcome.repeated,
            outliers,
            final_days: outcome.final_days,
            problems: outcome.problems,
        }))
    })?;
    let ControlFlow::Break(preview) = outcome;
    Ok(preview)
}
