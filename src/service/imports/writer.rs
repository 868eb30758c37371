//! The one writer of stats: files, uploads, edits and the demo's sample all go through it.
//!
//! It takes cells in the order of the table and gives each day that changed the transaction's version. It notes which days
//! were stated, sets to zero what a file left out where that is wanted, and finds the final days that change.

use super::final_days::{FinalDay, FinalDays};
use crate::domain::{Day, DayState, Figures};
use crate::service::ServiceResult;
use crate::store::{
    AdvertiserKey, CampaignKey, ImportKey, ImportRow, ImportSpan, PublisherKey, StatCell, StatChange, StatKey,
    StatScan, StatWriter, StoreError, Stored, Version, WriteTxn,
};

/// Writes the cells of one import.
pub(in crate::service) struct CellWriter<'t, 'c> {
    txn: &'t WriteTxn<'c>,
    import: ImportKey,
    cells: StatWriter<'t>,
    replace: bool,
    mark: Option<DayState>,
    day: Option<OpenDay>,
    version: Option<Version>,
    spans: Vec<ImportSpan>,
    done: Written,
}

/// The day that cells are written of.
struct OpenDay {
    advertiser: AdvertiserKey,
    day: i64,
    changed: u64,
    /// In order; only kept where what is missing is to be found.
    named: Vec<(CampaignKey, PublisherKey)>,
}

/// What was written.
#[derive(Debug, Default)]
pub(in crate::service) struct Written {
    /// How many cells were what; the rest is the caller's to fill in.
    pub(in crate::service) counts: ImportRow,
    /// The final days that changed.
    pub(in crate::service) final_days: FinalDays,
    /// First and last day that was stated, of all advertisers.
    pub(in crate::service) days: Option<(Day, Day)>,
}

impl<'t, 'c> CellWriter<'t, 'c> {
    /// A writer for `import`. With `replace`, cells of the stated days and publishers that are not stated become zero;
    /// `mark` is what the stated days are called from now on.
    pub(in crate::service) fn new(
        txn: &'t WriteTxn<'c>,
        import: ImportKey,
        replace: bool,
        mark: Option<DayState>,
    ) -> Result<Self, StoreError> {
        let cells = txn.stat_writer(import)?;
        let (spans, done) = (Vec::new(), Written::default());
        Ok(Self { txn, import, cells, replace, mark, day: None, version: None, spans, done })
    }

    /// States a cell; `seen` is told of every one that was new or held something else.
    pub(in crate::service) fn put(
        &mut self,
        cell: StatCell,
        line: u64,
        seen: &mut dyn FnMut(StatChange),
    ) -> ServiceResult<()> {
        let StatKey { advertiser, day, campaign, publisher } = cell.key;
        if self.day.as_ref().is_none_or(|open| (open.advertiser, open.day) != (advertiser, day)) {
            self.finish_day(seen)?;
            self.day = Some(OpenDay { advertiser, day, changed: 0, named: Vec::new() });
        }
        let Some(open) = &mut self.day else { return Ok(()) };
        if self.replace {
            open.named.push((campaign, publisher));
        }
        let counts = &mut self.done.counts;
        let old = match self.cells.put(cell, line)? {
            Stored::Unchanged => {
                counts.unchanged += 1;
                return Ok(());
            }
            Stored::Inserted => {
                counts.inserted += 1;
                None
            }
            Stored::Changed(old) => {
                counts.changed += 1;
                Some(old)
            }
        };
        open.changed += 1;
        seen(StatChange { key: cell.key, old, new: cell.figures, line });
        Ok(())
    }

    /// Sets to zero what the day's publishers have besides what was stated.
    fn zero_rest(&mut self, open: &mut OpenDay, seen: &mut dyn FnMut(StatChange)) -> ServiceResult<()> {
        let mut publishers: Vec<_> = open.named.iter().map(|(_, publisher)| *publisher).collect();
        publishers.sort_unstable();
        publishers.dedup();
        let mut left_out = Vec::new();
        let mut scan = StatScan::new(None, open.advertiser, open.day, open.day);
        loop {
            let rows = scan.next(self.txn)?;
            if rows.is_empty() {
                break;
            }
            let cells = rows.iter().map(|row| (CampaignKey::from(row.campaign), PublisherKey::from(row.publisher)));
            left_out.extend(
                cells.filter(|cell| {
                    publishers.binary_search(&cell.1).is_ok() && open.named.binary_search(cell).is_err()
                }),
            );
        }
        for (campaign, publisher) in left_out {
            let key = StatKey { advertiser: open.advertiser, day: open.day, campaign, publisher };
            let new = Figures::default();
            if let Stored::Changed(old) = self.cells.put(StatCell { key, figures: new }, 0)? {
                self.done.counts.changed += 1;
                self.done.counts.zeroed += 1;
                open.changed += 1;
                seen(StatChange { key, old: Some(old), new, line: 0 });
            }
        }
        Ok(())
    }

    fn finish_day(&mut self, seen: &mut dyn FnMut(StatChange)) -> ServiceResult<()> {
        let Some(mut open) = self.day.take() else { return Ok(()) };
        if self.replace {
            self.zero_rest(&mut open, seen)?;
        }
        let OpenDay { advertiser, day, changed, .. } = open;
        if changed > 0 {
            let version = match self.version {
                Some(version) => version,
                None => *self.version.insert(self.txn.version_take()?),
            };
            self.txn.day_touch(advertiser, day, version)?;
        }
        let disturbs = changed > 0 || self.mark == Some(DayState::Provisional);
        if disturbs && self.txn.day_is_final(advertiser, day)? {
            self.done.final_days.0.push(FinalDay { advertiser, day: Day::from_stored(day)?, rows: changed });
        }
        if let Some(state) = self.mark {
            self.txn.day_mark(advertiser, day, self.import, state)?;
        }
        match self.spans.last_mut() {
            Some(span) if span.advertiser == advertiser => span.last = day,
            _ => self.spans.push(ImportSpan { advertiser, first: day, last: day }),
        }
        Ok(())
    }

    /// Ends the last day and records which days were stated.
    pub(in crate::service) fn finish(mut self, seen: &mut dyn FnMut(StatChange)) -> ServiceResult<Written> {
        self.finish_day(seen)?;
        for span in &self.spans {
            self.txn.import_span_add(self.import, *span)?;
        }
        let first = self.spans.iter().map(|span| span.first).min();
        let last = self.spans.iter().map(|span| span.last).max();
        if let Some((first, last)) = first.zip(last) {
            self.done.days = Some((Day::from_stored(first)?, Day::from_stored(last)?));
        }
        Ok(self.done)
    }
}
