//! A report that is being made: it returns its bytes in chunks, and its snapshot can be given back and replaced.

use std::sync::Arc;

use bytes::Bytes;

use super::columns::{Column, Columns, Total};
use super::dimensions::Dimensions;
use super::output::Output;
use super::segments::{self, Segment};
use super::{Caches, Plan, ReportHead, ReportRequest, ReportTotals, format, general};
use crate::service::{ServiceError, ServiceResult};
use crate::store::{Lane, Snapshot, StatScan, Store};

/// A report that is being made: returns chunks of about 48 KiB. For JSON the `items` array (or `data` of the general report),
/// for CSV the whole text. After an error nothing more follows, and the chunks before are not a whole report.
pub struct Report {
    asked: ReportRequest,
    /// Its snapshot; `None` if it was given back.
    snapshot: Option<Snapshot>,
    plan: Arc<Plan>,
    dimensions: Arc<Dimensions>,
    caches: Arc<Caches>,
    out: Output,
    /// Bytes returned so far.
    made: u64,
    rest: Progress,
}

/// From this length on, a report's length is remembered.
const LONG: u64 = 64 * 1024;

/// The result of continuing in another snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continued {
    /// The remaining days are unchanged.
    Same,
    /// Remaining days have changed, so the report can't be finished.
    Changed,
}

/// What is still to be made.
enum Progress {
    /// Not known yet.
    Unknown,
    /// Totals, all at once.
    Totals(&'static [Column<Total>]),
    /// Days from this one on: from the cache, or to be put into it.
    Days(usize, Vec<Option<Segment>>),
    /// Rows that aren't cached.
    Rows(StatScan),
    Nothing,
}

impl Report {
    /// Boxed, because it is handed on many times.
    pub(super) fn new(
        asked: ReportRequest,
        snapshot: Snapshot,
        plan: Arc<Plan>,
        dimensions: Arc<Dimensions>,
        caches: Arc<Caches>,
    ) -> Box<Self> {
        let (snapshot, out) = (Some(snapshot), Output::new(format(asked.format)));
        Box::new(Self { asked, snapshot, plan, dimensions, caches, out, made: 0, rest: Progress::Unknown })
    }

    /// What is known before the first row.
    #[must_use]
    pub fn head(&self) -> &ReportHead {
        &self.plan.head
    }

    /// The totals of the rows made so far.
    #[must_use]
    pub fn totals(&self) -> ReportTotals {
        self.out.totals
    }

    /// Its length, if it or all of its days were made before, or it is already complete.
    pub fn length(&mut self) -> ServiceResult<Option<u64>> {
        self.begin()?;
        if matches!(self.rest, Progress::Nothing) {
            return Ok(Some(self.made + self.out.waiting()));
        }
        let Progress::Days(_, kept) = &self.rest else { return Ok(self.caches.lengths.get(&self.plan.head.tag)) };
        let segments = kept.iter().map(|segment| Some(segment.as_ref()?.bytes.len() as u64));
        let summed = segments.sum::<Option<u64>>().map(|bytes| self.out.length_around(bytes));
        Ok(summed.or_else(|| self.caches.lengths.get(&self.plan.head.tag)))
    }

    /// Its length, found by making all bytes once if necessary. That gives the snapshot back.
    pub fn measure(&mut self) -> ServiceResult<u64> {
        if let Some(length) = self.length()? {
            return Ok(length);
        }
        let snapshot =
            self.snapshot.take().ok_or_else(|| ServiceError::Internal("a report without a snapshot".to_owned()))?;
        let (plan, dimensions) = (Arc::clone(&self.plan), Arc::clone(&self.dimensions));
        let mut twin = Self::new(self.asked, snapshot, plan, dimensions, Arc::clone(&self.caches));
        let mut length = 0;
        while let Some(bytes) = twin.next_bytes()? {
            length += bytes.len() as u64;
        }
        Ok(length)
    }

    /// Takes back the memory of a chunk that is no longer needed, for the next one.
    pub fn reuse(&mut self, memory: Vec<u8>) {
        self.out.reuse(memory);
    }

    /// The next bytes; `None` at the end. Reads and renders only what they need, except for the general report, which is made
    /// at once.
    pub fn next_bytes(&mut self) -> ServiceResult<Option<Bytes>> {
        self.begin()?;
        loop {
            if let Some(bytes) = self.out.take() {
                self.made += bytes.len() as u64;
                if self.made > LONG && self.is_over() {
                    self.caches.lengths.insert(self.plan.head.tag.clone(), self.made);
                }
                return Ok(Some(bytes));
            }
            if matches!(self.rest, Progress::Nothing) {
                return Ok(None);
            }
            if let Err(error) = self.make_more() {
                self.rest = Progress::Nothing;
                return Err(error);
            }
        }
    }

    /// Whether all bytes were returned.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.rest, Progress::Nothing) && self.out.is_empty()
    }

    /// Whether anything must still be read from the database.
    #[must_use]
    pub fn has_more_to_read(&self) -> bool {
        match &self.rest {
            Progress::Unknown | Progress::Totals(_) | Progress::Rows(_) => true,
            Progress::Days(next, kept) => kept.iter().skip(*next).any(Option::is_none),
            Progress::Nothing => false,
        }
    }

    /// Whether it needs a snapshot to continue.
    #[must_use]
    pub fn waits_for_snapshot(&self) -> bool {
        self.snapshot.is_none() && self.out.is_empty() && self.has_more_to_read()
    }

    /// Moves its snapshot to the lane for long work; gives it back if that lane is full, or if nothing more must be read.
    /// Returns whether it kept it.
    pub fn move_to_long_lane(&mut self, store: &Store) -> bool {
        let snapshot = self.snapshot.take().filter(|_| self.has_more_to_read());
        self.snapshot = snapshot.and_then(|snapshot| snapshot.moved_to(Lane::Long, store));
        self.snapshot.is_some()
    }

    /// Gives its snapshot back. [`Report::go_on`] takes another one.
    pub fn release(&mut self) {
        self.snapshot = None;
    }

    /// Continues in another snapshot, if the remaining days are unchanged there, so that the whole is what the first snapshot
    /// had. Names are already loaded, so their changes don't matter.
    pub fn go_on(&mut self, snapshot: Snapshot) -> ServiceResult<Continued> {
        let Plan { advertiser, days, .. } = &*self.plan;
        let (from, to) = self.asked.query.days.stored();
        let next = match &self.rest {
            Progress::Unknown | Progress::Totals(_) => from,
            Progress::Days(next, _) => days.get(*next).map_or(to, |(day, _)| *day),
            Progress::Rows(scan) => scan.next_day(),
            Progress::Nothing => return Ok(Continued::Same),
        };
        // Most often, the same report was opened in this state before.
        let known = self.caches.plans.get(snapshot.state_id(), &self.asked);
        if known.is_none_or(|known| known.head.tag != self.plan.head.tag) {
            let rest = days.get(days.partition_point(|(day, _)| *day < next)..).unwrap_or_default();
            if snapshot.txn().day_versions(*advertiser, next, to)? != rest {
                return Ok(Continued::Changed);
            }
        }
        if let Progress::Rows(scan) = &mut self.rest {
            *scan = snapshot.stat_scan_rest(scan)?;
        }
        self.snapshot = Some(snapshot);
        Ok(Continued::Same)
    }

    /// Whether all bytes are made together with the first ones.
    #[must_use]
    pub fn is_made_at_once(&self) -> bool {
        matches!(self.asked.columns(), Columns::Totals(_))
    }

    /// Finds out what must be made.
    fn begin(&mut self) -> ServiceResult<()> {
        if matches!(self.rest, Progress::Unknown) {
            let columns = self.asked.columns();
            self.out.header(&columns.names());
            let (from, to) = self.asked.query.days.stored();
            let Plan { advertiser, days, .. } = &*self.plan;
            self.rest = match columns {
                Columns::Totals(columns) => Progress::Totals(columns),
                Columns::Daily(_)
                    if self.caches.segments.are_worth_keeping(days.len(), self.dimensions.day_bytes()) =>
                {
                    let kept = |day| self.caches.segments.get(&self.plan.segment_key(day, &self.asked));
                    Progress::Days(0, days.iter().copied().map(kept).collect())
                }
                Columns::Daily(_) => {
                    Progress::Rows(needed(self.snapshot.as_ref())?.stat_scan(*advertiser, from, to)?)
                }
            };
        }
        Ok(())
    }

    fn make_more(&mut self) -> ServiceResult<()> {
        let over = match &mut self.rest {
            Progress::Totals(columns) => {
                let txn = needed(self.snapshot.as_ref())?.txn();
                general::write(
                    &txn,
                    self.plan.advertiser,
                    &self.dimensions,
                    columns,
                    &self.asked.query,
                    &mut self.out,
                )?;
                true
            }
            Progress::Days(next, kept) => match self.plan.days.get(*next) {
                None => true,
                Some(day) => {
                    let segment = if let Some(segment) = kept.get_mut(*next).and_then(Option::take) {
                        segment
                    } else {
                        let snapshot = needed(self.snapshot.as_ref())?;
                        let scan = snapshot.stat_scan(self.plan.advertiser, day.0, day.0)?;
                        let made = segments::render(&snapshot.txn(), scan, &self.dimensions, day.0)?;
                        self.caches.segments.keep(self.plan.segment_key(*day, &self.asked), made.clone());
                        made
                    };
                    self.out.segment(&segment);
                    *next += 1;
                    *next == self.plan.days.len()
                }
            },
            Progress::Rows(scan) => !self.out.rows(&needed(self.snapshot.as_ref())?.txn(), scan, &self.dimensions)?,
            Progress::Unknown | Progress::Nothing => true,
        };
        if over {
            self.rest = Progress::Nothing;
            self.out.finish();
            self.release();
        }
        Ok(())
    }
}

fn needed(snapshot: Option<&Snapshot>) -> ServiceResult<&Snapshot> {
    snapshot.ok_or_else(|| ServiceError::Internal("a report was to go on without a snapshot".to_owned()))
}
