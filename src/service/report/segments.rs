//! A cache of rendered days, bounded in bytes.
//!
//! A key contains the versions of everything that the bytes were made from, so an outdated day is never found. Imports,
//! renames, switches and other processes need not invalidate anything, and nothing expires by time.

use bytes::Bytes;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::dimensions::Dimensions;
use crate::domain::{MicrosSum, ReportFormat, ReportKind};
use crate::service::ServiceResult;
use crate::store::{AdvertiserKey, ReadTxn, StatScan, Version};

/// Bytes that an entry takes besides its content.
const OVERHEAD: u64 = 160;

/// Larger days aren't cached, because they would have to be made in one go.
const LARGE_DAY: usize = 1 << 20;

/// The versions of everything that a rendered day was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SegmentKey {
    pub(super) advertiser: AdvertiserKey,
    pub(super) day: i64,
    pub(super) version: Version,
    pub(super) names: (Version, Version),
    pub(super) kind: ReportKind,
    pub(super) format: ReportFormat,
}

/// The rendered rows of one day.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) bytes: Bytes,
    pub(super) rows: u64,
    pub(super) cost: MicrosSum,
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<SegmentKey, Segment> for ByBytes {
    fn weight(&self, _: &SegmentKey, segment: &Segment) -> u64 {
        OVERHEAD + segment.bytes.len() as u64
    }
}

/// The cached days; `None` if the cache is off.
pub(super) struct Segments(Option<Cache<SegmentKey, Segment, ByBytes>>);

impl Segments {
    pub(super) fn new(bytes: u64) -> Self {
        // The expected number of entries sizes the table; a day of a small advertiser takes a few kilobytes.
        let entries = usize::try_from(bytes / 4096).unwrap_or(usize::MAX);
        Self((bytes > 0).then(|| Cache::with_weighter(entries, bytes, ByBytes)))
    }

    /// Whether this many days of about this size are worth caching. A report larger than the cache would evict what others
    /// ask for, and in the end its own days.
    pub(super) fn are_worth_keeping(&self, days: usize, day_bytes: usize) -> bool {
        let bytes = days.saturating_mul(day_bytes) as u64;
        day_bytes <= LARGE_DAY && self.0.as_ref().is_some_and(|cache| bytes <= cache.capacity())
    }

    pub(super) fn get(&self, key: &SegmentKey) -> Option<Segment> {
        self.0.as_ref()?.get(key)
    }

    pub(super) fn keep(&self, key: SegmentKey, segment: Segment) {
        if let Some(cache) = &self.0 {
            cache.insert(key, segment);
        }
    }
}

/// Renders one day's rows.
pub(super) fn render(
    txn: &ReadTxn<'_>,
    mut scan: StatScan,
    dimensions: &Dimensions,
    day: i64,
) -> ServiceResult<Segment> {
    let mut bytes = Vec::with_capacity(dimensions.day_bytes().min(LARGE_DAY));
    let (mut rows, mut cost) = (0, MicrosSum::default());
    let mut writer = dimensions.day(day)?;
    let mut read = 0;
    loop {
        let batch = scan.next(txn)?;
        if batch.is_empty() {
            break;
        }
        read += batch.len() as u64;
        for row in batch {
            if let Some(campaign) = writer.campaign(row)? {
                writer.write(campaign, row, &mut bytes)?;
                rows += 1;
                cost += row.cost.into();
            }
        }
    }
    dimensions.note_day(read);
    bytes.shrink_to_fit();
    Ok(Segment { bytes: bytes.into(), rows, cost })
}
