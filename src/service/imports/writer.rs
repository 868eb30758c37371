//! The only writer of stats: for files, uploads, edits and the demo's sample.
//!
//! It takes cells in the order of the table and gives each changed day the transaction's version. It notes which days were
//! stated, sets to zero what a file left out if that is wanted, and finds the final days that change. For a preview it does
//! the same by comparing, in a snapshot.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest as _, Sha256};

use super::final_days::{FinalDay, FinalDays};
use crate::domain::{Day, DayState, Figures};
use crate::service::ServiceResult;
use crate::store::{
    AdvertiserKey, CampaignKey, ImportKey, ImportRow, ImportSpan, PublisherKey, ReadTxn, StatCell, StatChange, StatKey,
    StatWriter, Statement, StoreError, Stored, WriteTxn,
};

/// Writes the cells of one import, or compares them with the stored ones.
pub(in crate::service) struct CellWriter<'t, 'c> {
    txn: &'t ReadTxn<'c>,
    writing: Option<Writing<'t, 'c>>,
    replace: bool,
    mark: Option<DayState>,
    day: Option<OpenDay>,
    /// The days that were stated; with their publishers, if missing rows are set to zero.
    stated: BTreeMap<(AdvertiserKey, i64), Vec<PublisherKey>>,
    spans: Vec<ImportSpan>,
    final_days: BTreeMap<(AdvertiserKey, i64), u64>,
    statements: Vec<Statement>,
    counts: ImportRow,
}

struct Writing<'t, 'c> {
    txn: &'t WriteTxn<'c>,
    import: ImportKey,
    cells: StatWriter<'t>,
}

/// The current day.
struct OpenDay {
    advertiser: AdvertiserKey,
    day: i64,
    changed: u64,
    /// Whether a cell already had its value.
    is_restated: bool,
    named: Vec<(CampaignKey, PublisherKey)>,
    /// Cells that aren't written yet.
    waiting: Vec<(StatCell, u64)>,
}

#[derive(Debug, Default)]
pub(in crate::service) struct Written {
    /// The counts of cells; the caller fills in the rest.
    pub(in crate::service) counts: ImportRow,
    /// The final days that changed.
    pub(in crate::service) final_days: FinalDays,
    /// The first and last day, over all advertisers.
    pub(in crate::service) days: Option<(Day, Day)>,
}

/// How many cells of one day are written together.
const WAITING: usize = 256;

type Seen<'s> = &'s mut dyn FnMut(StatChange);

impl<'t, 'c> CellWriter<'t, 'c> {
    /// A writer for `import`. With `replace`, cells of the stated days and publishers that aren't stated become zero; `mark`
    /// is the new state of the stated days.
    pub(in crate::service) fn new(
        txn: &'t WriteTxn<'c>,
        import: ImportKey,
        replace: bool,
        mark: Option<DayState>,
    ) -> Result<Self, StoreError> {
        let cells = txn.stat_writer(import)?;
        Ok(Self { writing: Some(Writing { txn, import, cells }), ..Self::comparing(txn, replace, mark) })
    }

    /// A writer that only compares, and writes nothing.
    pub(in crate::service) fn comparing(txn: &'t ReadTxn<'c>, replace: bool, mark: Option<DayState>) -> Self {
        Self {
            txn,
            writing: None,
            replace,
            mark,
            day: None,
            stated: BTreeMap::new(),
            spans: Vec::new(),
            final_days: BTreeMap::new(),
            statements: Vec::new(),
            counts: ImportRow::default(),
        }
    }

    /// Puts a cell; `seen` is called for every one that is new or changed.
    pub(in crate::service) fn put(&mut self, cell: StatCell, line: u64, seen: Seen<'_>) -> ServiceResult<()> {
        let open = self.day_of(&cell, seen)?;
        open.waiting.push((cell, line));
        if open.waiting.len() == WAITING {
            self.settle(seen)?;
        }
        Ok(())
    }

    /// Like [`Self::put`], for a writer that compares, if the caller knows the cell's stored value.
    pub(in crate::service) fn put_beside(
        &mut self,
        cell: StatCell,
        line: u64,
        stored: Option<Figures>,
        seen: Seen<'_>,
    ) -> ServiceResult<()> {
        let stored = match stored {
            None => Stored::Inserted,
            Some(same) if same == cell.figures => Stored::Unchanged,
            Some(old) => Stored::Changed(old),
        };
        self.day_of(&cell, seen)?;
        self.count(&cell, line, stored, seen);
        Ok(())
    }

    /// The day of this cell, which is the current one from now on.
    fn day_of(&mut self, cell: &StatCell, seen: Seen<'_>) -> ServiceResult<&mut OpenDay> {
        let StatKey { advertiser, day, campaign, publisher } = cell.key;
        if self.day.as_ref().is_none_or(|open| (open.advertiser, open.day) != (advertiser, day)) {
            self.finish_day(seen)?;
        }
        let open = self.day.get_or_insert_with(|| OpenDay::new(advertiser, day));
        open.named.push((campaign, publisher));
        Ok(open)
    }

    /// Writes the waiting cells.
    fn settle(&mut self, seen: Seen<'_>) -> ServiceResult<()> {
        let cells = self.day.as_mut().map(|open| std::mem::take(&mut open.waiting)).unwrap_or_default();
        let stored = self.state(&cells)?;
        for ((cell, line), stored) in cells.into_iter().zip(stored) {
            self.count(&cell, line, stored, seen);
        }
        Ok(())
    }

    fn count(&mut self, cell: &StatCell, line: u64, stored: Stored, seen: Seen<'_>) {
        let Some(open) = &mut self.day else { return };
        let old = match stored {
            Stored::Unchanged => {
                self.counts.unchanged += 1;
                open.is_restated = true;
                return;
            }
            Stored::Inserted => {
                self.counts.inserted += 1;
                None
            }
            Stored::Changed(old) => {
                self.counts.changed += 1;
                Some(old)
            }
        };
        open.changed += 1;
        seen(StatChange { key: cell.key, old, new: cell.figures, line });
    }

    /// Writes cells of one day, or compares them.
    fn state(&mut self, cells: &[(StatCell, u64)]) -> Result<Vec<Stored>, StoreError> {
        let Some(writing) = &mut self.writing else {
            return self.txn.stats_compared(cells);
        };
        writing.cells.put_day(cells)
    }

    fn finish_day(&mut self, seen: Seen<'_>) -> ServiceResult<()> {
        self.settle(seen)?;
        let Some(mut open) = self.day.take() else { return Ok(()) };
        let publishers: BTreeSet<_> = open.named.iter().map(|(_, publisher)| *publisher).collect();
        let publishers: Vec<_> = publishers.into_iter().collect();
        if self.replace {
            self.zero_rest(&mut open, &publishers, seen)?;
        }
        let OpenDay { advertiser, day, .. } = open;
        self.stated.insert((advertiser, day), if self.replace { publishers } else { Vec::new() });
        self.close(&open)?;
        match self.spans.last_mut() {
            Some(span) if span.advertiser == advertiser => span.last = day,
            _ => self.spans.push(ImportSpan { advertiser, first: day, last: day }),
        }
        Ok(())
    }

    /// Sets to zero the day's other cells of these publishers.
    fn zero_rest(&mut self, open: &mut OpenDay, publishers: &[PublisherKey], seen: Seen<'_>) -> ServiceResult<()> {
        let named = &open.named;
        let left_out = cells_of_day(self.txn, open.advertiser, open.day, |cell| {
            publishers.binary_search(&cell.1).is_ok() && named.binary_search(cell).is_err()
        })?;
        let new = Figures::default();
        let zero = |(campaign, publisher)| {
            let key = StatKey { advertiser: open.advertiser, day: open.day, campaign, publisher };
            (StatCell { key, figures: new }, 0)
        };
        let zeros: Vec<_> = left_out.into_iter().map(zero).collect();
        for ((StatCell { key, .. }, _), stored) in zeros.iter().zip(self.state(&zeros)?) {
            match stored {
                Stored::Changed(old) => {
                    self.counts.changed += 1;
                    self.counts.zeroed += 1;
                    open.changed += 1;
                    seen(StatChange { key: *key, old: Some(old), new, line: 0 });
                }
                Stored::Unchanged | Stored::Inserted => open.is_restated = true,
            }
            open.named.push((key.campaign, key.publisher));
        }
        open.named.sort_unstable();
        Ok(())
    }

    /// Ends a day: its version, whether it was final, and what undoing other imports must know.
    fn close(&mut self, open: &OpenDay) -> ServiceResult<()> {
        let OpenDay { advertiser, day, changed, .. } = *open;
        if let Some(Writing { txn, .. }) = &self.writing {
            if changed > 0 {
                txn.day_touch(advertiser, day, txn.version_take()?)?;
            }
            if open.is_restated {
                let statement = Statement { advertiser, first: day, last: day, set: stated_set(txn, open)? };
                match self.statements.last_mut() {
                    Some(run) if (run.advertiser, run.last + 1, run.set) == (advertiser, day, statement.set) => {
                        run.last = day;
                    }
                    _ => self.statements.push(statement),
                }
            }
        }
        let disturbs = changed > 0 || self.mark == Some(DayState::Provisional);
        if disturbs && self.txn.day_is_final(advertiser, day)? {
            *self.final_days.entry((advertiser, day)).or_default() += changed;
        }
        Ok(())
    }

    /// Sets to zero the cells of the file's other publishers on a day of the file.
    fn zero_publishers(
        &mut self,
        stated: &BTreeMap<(AdvertiserKey, i64), Vec<PublisherKey>>,
        seen: Seen<'_>,
    ) -> ServiceResult<()> {
        let mut all: BTreeMap<AdvertiserKey, BTreeSet<PublisherKey>> = BTreeMap::new();
        for ((advertiser, _), publishers) in stated {
            all.entry(*advertiser).or_default().extend(publishers);
        }
        for (&(advertiser, day), publishers) in stated {
            let missing = all.get(&advertiser).into_iter().flatten().copied();
            let missing: Vec<_> = missing.filter(|publisher| publishers.binary_search(publisher).is_err()).collect();
            if !missing.is_empty() {
                let mut open = OpenDay::new(advertiser, day);
                self.zero_rest(&mut open, &missing, seen)?;
                self.close(&open)?;
            }
        }
        Ok(())
    }

    /// Ends the last day and records which days were stated.
    pub(in crate::service) fn finish(mut self, seen: Seen<'_>) -> ServiceResult<Written> {
        self.finish_day(seen)?;
        let stated = std::mem::take(&mut self.stated);
        if self.replace {
            self.zero_publishers(&stated, seen)?;
        }
        if let Some(Writing { txn, import, .. }) = &self.writing {
            // Only now, because until then the days must have their earlier state.
            if let Some(state) = self.mark {
                for (advertiser, day) in stated.keys() {
                    txn.day_mark(*advertiser, *day, *import, state)?;
                }
            }
            for span in &self.spans {
                txn.import_span_add(*import, *span)?;
            }
            for statement in &self.statements {
                txn.statement_add(*import, statement)?;
            }
        }
        let first = self.spans.iter().map(|span| span.first).min();
        let last = self.spans.iter().map(|span| span.last).max();
        let days = match first.zip(last) {
            Some((first, last)) => Some((Day::from_stored(first)?, Day::from_stored(last)?)),
            None => None,
        };
        let final_days = self
            .final_days
            .into_iter()
            .map(|((advertiser, day), rows)| Ok(FinalDay { advertiser, day: Day::from_stored(day)?, rows }));
        Ok(Written { counts: self.counts, final_days: FinalDays(final_days.collect::<ServiceResult<_>>()?), days })
    }
}

impl OpenDay {
    fn new(advertiser: AdvertiserKey, day: i64) -> Self {
        Self { advertiser, day, changed: 0, is_restated: false, named: Vec::new(), waiting: Vec::new() }
    }
}

/// The wanted cells of a day, in order.
fn cells_of_day(
    txn: &ReadTxn<'_>,
    advertiser: AdvertiserKey,
    day: i64,
    mut is_wanted: impl FnMut(&(CampaignKey, PublisherKey)) -> bool,
) -> ServiceResult<Vec<(CampaignKey, PublisherKey)>> {
    let mut found = Vec::new();
    let mut scan = txn.stat_scan(advertiser, day, day);
    loop {
        let rows = scan.next(txn)?;
        if rows.is_empty() {
            return Ok(found);
        }
        let cells = rows.iter().map(|row| (row.campaign, row.publisher));
        found.extend(cells.filter(&mut is_wanted));
    }
}

/// The set of a day's stated cells, in its shortest form.
fn stated_set(txn: &WriteTxn<'_>, open: &OpenDay) -> ServiceResult<crate::store::StatedSetKey> {
    let mut held: BTreeMap<PublisherKey, usize> = BTreeMap::new();
    let named: BTreeSet<_> = open.named.iter().map(|(_, publisher)| *publisher).collect();
    txn.stat_publishers_of_day(open.advertiser, open.day, |publisher| {
        if named.contains(&publisher) {
            *held.entry(publisher).or_default() += 1;
        }
    })?;
    for (_, publisher) in &open.named {
        held.entry(*publisher).and_modify(|missing| *missing = missing.saturating_sub(1));
    }
    let is_whole = |publisher: &PublisherKey| held.get(publisher).is_some_and(|missing| *missing == 0);
    let whole = named.iter().filter(|publisher| is_whole(publisher)).map(|publisher| (*publisher, None));
    let single = open.named.iter().filter(|(_, publisher)| !is_whole(publisher));
    let single = single.map(|(campaign, publisher)| (*publisher, Some(*campaign)));
    let mut cells: Vec<_> = whole.chain(single).collect();
    cells.sort_unstable();
    let mut hash = Sha256::new();
    for (publisher, campaign) in &cells {
        hash.update(publisher.get().to_le_bytes());
        hash.update(campaign.map_or(0, CampaignKey::get).to_le_bytes());
    }
    Ok(txn.stated_set_make(&hash.finalize().into(), &cells)?)
}
