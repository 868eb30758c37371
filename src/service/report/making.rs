//! A report in the making: its bytes, some at a time, and the snapshot they are read in, which may be lent and given back.

use std::sync::Arc;

use bytes::Bytes;

use super::columns::{Column, Columns, Total};
use super::dimensions::Dimensions;
use super::output::Output;
use super::segments::{self, Segment, Segments};
use super::{Lengths, Plan, ReportHead, ReportRequest, ReportTotals, format, general};
use crate::service::{ServiceError, ServiceResult};
use crate::store::{Lane, Snapshot, StatScan, Store};

/// A report in the making: hands out its bytes, some 64 KiB at a time. For JSON the `items` array (or `data` of the general
/// report), for CSV the whole text. After an error there is nothing more, and what came before is no whole report.
pub struct Report {
    asked: ReportRequest,
    /// What it is read in; none where it was given back.
    snapshot: Option<Snapshot>,
    plan: Arc<Plan>,
    dimensions: Arc<Dimensions>,
    segments: Segments,
    lengths: Lengths,
    out: Output,
    /// Bytes that were handed out.
    made: u64,
    rest: Progress,
}

/// From so many bytes on a report's length is worth remembering.
const LONG: u64 = 64 * 1024;

/// What came of going on with a report in another snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continued {
    /// What is still to come is as it was.
    Same,
    /// Days that are still to come were restated meanwhile, so the report can't be finished.
    Changed,
}

/// What is still to be made.
enum Progress {
    /// Nobody looked yet.
    Unknown,
    /// Sums, all at once.
    Totals(&'static [Column<Total>]),
    /// Day by day from this one on: those that are kept, and others that will be.
    Days(usize, Vec<Option<Segment>>),
    /// Rows that are not kept.
    Rows(StatScan),
    Nothing,
}

impl Report {
    pub(super) fn new(
        asked: ReportRequest,
        snapshot: Snapshot,
        plan: Arc<Plan>,
        dimensions: Arc<Dimensions>,
        segments: Segments,
        lengths: Lengths,
    ) -> Self {
        let (snapshot, out) = (Some(snapshot), Output::new(format(asked.format)));
        Self { asked, snapshot, plan, dimensions, segments, lengths, out, made: 0, rest: Progress::Unknown }
    }

    /// What is known before the first row.
    #[must_use]
    pub fn head(&self) -> &ReportHead {
        &self.plan.head
    }

    /// What was made so far came to this.
    #[must_use]
    pub fn totals(&self) -> ReportTotals {
        self.out.totals
    }

    /// How many bytes it will have, where it or all of its days were made before, or it is made already.
    pub fn length(&mut self) -> ServiceResult<Option<u64>> {
        self.begin()?;
        if matches!(self.rest, Progress::Nothing) {
            return Ok(Some(self.made + self.out.waiting()));
        }
        let Progress::Days(_, kept) = &self.rest else { return Ok(self.lengths.get(&self.plan.head.tag)) };
        let segments = kept.iter().map(|segment| Some(segment.as_ref()?.bytes.len() as u64));
        let summed = segments.sum::<Option<u64>>().map(|bytes| self.out.length_around(bytes));
        Ok(summed.or_else(|| self.lengths.get(&self.plan.head.tag)))
    }

    /// How many bytes it will have, found out by making them once where it must be. The snapshot is given back by that.
    pub fn measure(&mut self) -> ServiceResult<u64> {
        if let Some(length) = self.length()? {
            return Ok(length);
        }
        let snapshot =
            self.snapshot.take().ok_or_else(|| ServiceError::Internal("a report without a snapshot".to_owned()))?;
        let (plan, dimensions) = (Arc::clone(&self.plan), Arc::clone(&self.dimensions));
        let (segments, lengths) = (self.segments.clone(), Arc::clone(&self.lengths));
        let mut twin = Self::new(self.asked, snapshot, plan, dimensions, segments, lengths);
        let mut length = 0;
        while let Some(bytes) = twin.next_bytes()? {
            length += bytes.len() as u64;
        }
        Ok(length)
    }

    /// Takes the memory of a chunk that is not needed any more, for the next one.
    pub fn reuse(&mut self, memory: Vec<u8>) {
        self.out.reuse(memory);
    }

    /// The next bytes; nothing once all were handed out. Reads and renders no more than it takes to have them, but for the
    /// general report, which is made at once.
    pub fn next_bytes(&mut self) -> ServiceResult<Option<Bytes>> {
        self.begin()?;
        loop {
            if let Some(bytes) = self.out.take() {
                self.made += bytes.len() as u64;
                if self.made > LONG && self.is_over() {
                    self.lengths.insert(self.plan.head.tag.clone(), self.made);
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

    /// Whether all of its bytes were handed out.
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

    /// Whether it can't go on before it was given a snapshot.
    #[must_use]
    pub fn waits_for_snapshot(&self) -> bool {
        self.snapshot.is_none() && self.out.is_empty() && self.has_more_to_read()
    }

    /// Keeps its snapshot's connection in the lane of long work; gives it back where that has none left, or where
    /// nothing is to be read any more. Whether it kept it.
    pub fn move_to_long_lane(&mut self, store: &Store) -> bool {
        let snapshot = self.snapshot.take().filter(|_| self.has_more_to_read());
        self.snapshot = snapshot.and_then(|snapshot| snapshot.moved_to(Lane::Long, store));
        self.snapshot.is_some()
    }

    /// Gives its snapshot back. [`Report::go_on`] lends it another.
    pub fn release(&mut self) {
        self.snapshot = None;
    }

    /// Goes on in another snapshot, if that has the days that are still to come as they were: so that the whole is what the
    /// first one saw. The names are remembered, so their changes don't matter.
    pub fn go_on(&mut self, snapshot: Snapshot) -> ServiceResult<Continued> {
        let Plan { advertiser, days, .. } = &*self.plan;
        let (from, to) = self.asked.query.days.stored();
        let next = match &self.rest {
            Progress::Unknown | Progress::Totals(_) => from,
            Progress::Days(next, _) => days.get(*next).map_or(to, |(day, _)| *day),
            Progress::Rows(scan) => scan.next_day(),
            Progress::Nothing => return Ok(Continued::Same),
        };
        let rest = days.get(days.partition_point(|(day, _)| *day < next)..).unwrap_or_default();
        if snapshot.txn().day_versions(*advertiser, next, to)? != rest {
            return Ok(Continued::Changed);
        }
        if let Progress::Rows(scan) = &mut self.rest {
            *scan = snapshot.stat_scan_rest(scan)?;
        }
        self.snapshot = Some(snapshot);
        Ok(Continued::Same)
    }

    /// Whether the first bytes take as long to make as all of them.
    #[must_use]
    pub fn is_made_at_once(&self) -> bool {
        matches!(self.asked.columns(), Columns::Totals(_))
    }

    /// Finds out what there is to do.
    fn begin(&mut self) -> ServiceResult<()> {
        if matches!(self.rest, Progress::Unknown) {
            let columns = self.asked.columns();
            self.out.header(&columns.names());
            let (from, to) = self.asked.query.days.stored();
            let Plan { advertiser, days, .. } = &*self.plan;
            self.rest = match columns {
                Columns::Totals(columns) => Progress::Totals(columns),
                Columns::Daily(_) if self.segments.are_worth_keeping(days.len(), self.dimensions.day_bytes()) => {
                    let kept = |day| self.segments.get(&self.plan.segment_key(day, &self.asked));
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
                        self.segments.keep(self.plan.segment_key(*day, &self.asked), made.clone());
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
