//! The cost report (contract §1) and its totals (§3): rows out of the store, bytes into a [`ReportSink`].
//!
//! A report is made day by day in one read transaction. The versions read in that transaction say which rendered days and
//! which dimensions of an earlier report still hold; nothing is trusted for its age. Called by the routes and by
//! `pitlane report`, so that both give the same bytes.

mod dimensions;
mod general;
mod output;
mod segments;

use std::sync::Arc;

use bytes::Bytes;
use quick_cache::sync::Cache;

use self::dimensions::Dimensions;
use self::output::Output;
use self::segments::{Segment, SegmentKey, Segments};
use super::{ServiceError, ServiceResult};
use crate::domain::{MicrosSum, ReportFormat, ReportKind, ReportQuery};
use crate::store::{AdvertiserKey, ReadTxn, Store, StoreError, Version};

/// A report that takes about so many rows from the table is made where it is asked for: some hundred microseconds.
const QUICK_ROWS: u64 = 2048;

/// Advertisers whose dimensions are kept. They are small: some hundred bytes a campaign and format.
const KEPT_DIMENSIONS: usize = 256;

/// Moves when the same rows would be written differently; part of every entity tag.
const RENDERING: u32 = 1;

/// What is known before the first row.
#[derive(Debug, Clone)]
pub struct ReportHead {
    /// Names the content: changes whenever the items would. Opaque; fit for an entity tag.
    pub tag: String,
    /// Whether any offer of the advertiser has cost reporting enabled.
    pub any_enabled: bool,
}

/// What a report came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReportTotals {
    /// Rows.
    pub rows: u64,
    /// Their cost.
    pub cost: MicrosSum,
    /// Their bytes, without what the sink puts around them.
    pub bytes: u64,
}

/// How making a report ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportEnd {
    /// The sink has all of it.
    Complete(ReportTotals),
    /// The sink has it already, by the tag; no row was read.
    NotModified,
}

/// What the sink says to the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Go on with the rows.
    Rows,
    /// The rows are known.
    Nothing,
}

/// Takes a report as it is made.
pub trait ReportSink {
    /// Called once, before any row. An error ends the report.
    fn begin(&mut self, head: &ReportHead) -> ServiceResult<Wanted>;

    /// Takes the next bytes: for JSON the `items` array (or `data` of the general report), for CSV the whole text. An error
    /// ends the report; it means that nobody wants the rest.
    fn chunk(&mut self, bytes: Bytes) -> ServiceResult<()>;

    /// The memory of an earlier chunk that is not needed any more, for the next one.
    fn spare(&mut self) -> Option<Vec<u8>> {
        None
    }
}

/// What is known of a report before its rows are read, all from one transaction.
struct Plan {
    advertiser: AdvertiserKey,
    dimensions: Arc<Dimensions>,
    /// The days that have rows.
    days: Vec<(i64, Version)>,
    head: ReportHead,
}

/// Makes reports.
pub struct Reports {
    store: Store,
    dimensions: Cache<(AdvertiserKey, ReportFormat), Arc<Dimensions>>,
    segments: Segments,
}

impl Reports {
    /// Works on `store`, and keeps up to `cache_bytes` of rendered days.
    #[must_use]
    pub fn new(store: Store, cache_bytes: u64) -> Self {
        Self { store, dimensions: Cache::new(KEPT_DIMENSIONS), segments: Segments::new(cache_bytes) }
    }

    /// Makes a report. Blocks for as long as the sink takes it.
    pub fn make(
        &self,
        kind: ReportKind,
        format: ReportFormat,
        query: &ReportQuery,
        sink: &mut dyn ReportSink,
    ) -> ServiceResult<ReportEnd> {
        self.store.read(|txn| {
            let (advertiser, versions) = versions(txn, query)?;
            let dimensions = self.dimensions(txn, advertiser, format, versions)?;
            let plan = Plan::new(txn, kind, query, advertiser, dimensions)?;
            if sink.begin(&plan.head)? == Wanted::Nothing {
                return Ok(ReportEnd::NotModified);
            }
            let mut out = Output::new(format, sink);
            match kind {
                ReportKind::Singular => self.singular(txn, &plan, &mut out, |key| self.segments.get(key))?,
                ReportKind::General => general::write(txn, plan.advertiser, &plan.dimensions, query, &mut out)?,
            }
            out.finish().map(ReportEnd::Complete)
        })
    }

    /// Makes a report if that takes little time and no waiting: the sink has it already, or its days are kept, or they hold
    /// few rows. Otherwise `None`; what the sink got until then does not count.
    ///
    /// For threads that must not block. The sink must not either.
    pub fn make_now(
        &self,
        kind: ReportKind,
        format: ReportFormat,
        query: &ReportQuery,
        sink: &mut dyn ReportSink,
    ) -> Option<ServiceResult<ReportEnd>> {
        let made = self.store.read_now(|txn| {
            let (advertiser, versions) = versions(txn, query)?;
            let Some(dimensions) = self.kept_dimensions(advertiser, format, versions) else { return Ok(None) };
            let plan = Plan::new(txn, kind, query, advertiser, dimensions)?;
            if sink.begin(&plan.head)? == Wanted::Nothing {
                return Ok(Some(ReportEnd::NotModified));
            }
            let Some(segments) = self.quick(&plan, kind, format) else { return Ok(None) };
            let mut segments = segments.into_iter();
            let mut out = Output::new(format, sink);
            self.singular(txn, &plan, &mut out, |_| segments.next().flatten())?;
            out.finish().map(|totals| Some(ReportEnd::Complete(totals)))
        });
        match made? {
            Err(ServiceError::Store(StoreError::Busy { .. })) => None,
            made => made.transpose(),
        }
    }

    /// What is kept of the report's days, if reading the others takes little time.
    fn quick(&self, plan: &Plan, kind: ReportKind, format: ReportFormat) -> Option<Vec<Option<Segment>>> {
        if kind != ReportKind::Singular {
            return None;
        }
        let rows_a_day = plan.dimensions.rows_a_day();
        let mut rows = 0;
        let mut kept = Vec::with_capacity(plan.days.len());
        for (day, version) in &plan.days {
            let segment = self.segments.get(&plan.segment_key(*day, *version, format));
            if segment.is_none() {
                rows += rows_a_day?;
                if rows > QUICK_ROWS {
                    return None;
                }
            }
            kept.push(segment);
        }
        Some(kept)
    }

    fn singular(
        &self,
        txn: &ReadTxn<'_>,
        plan: &Plan,
        out: &mut Output<'_>,
        mut kept: impl FnMut(&SegmentKey) -> Option<Segment>,
    ) -> ServiceResult<()> {
        out.header(segments::CSV_HEADER);
        let mut reader = txn.stat_day_reader(plan.advertiser)?;
        let keep = self.segments.have_room_for(plan.days.len() as u64 * plan.dimensions.day_bytes() as u64);
        for (day, version) in &plan.days {
            let key = plan.segment_key(*day, *version, out.format);
            if let Some(segment) = kept(&key) {
                out.segment(&segment)?;
            } else if keep {
                let segment = segments::render(&mut reader, &plan.dimensions, &key)?;
                out.segment(&segment)?;
                self.segments.keep(key, segment);
            } else {
                out.day(&mut reader, &plan.dimensions, *day)?;
            }
        }
        Ok(())
    }

    /// The advertiser's dimensions as of this transaction.
    fn dimensions(
        &self,
        txn: &ReadTxn<'_>,
        advertiser: AdvertiserKey,
        format: ReportFormat,
        versions: (Version, Version),
    ) -> ServiceResult<Arc<Dimensions>> {
        if let Some(kept) = self.kept_dimensions(advertiser, format, versions) {
            return Ok(kept);
        }
        let loaded = Arc::new(Dimensions::load(txn, advertiser, format, versions)?);
        self.dimensions.insert((advertiser, format), Arc::clone(&loaded));
        Ok(loaded)
    }

    fn kept_dimensions(
        &self,
        advertiser: AdvertiserKey,
        format: ReportFormat,
        versions: (Version, Version),
    ) -> Option<Arc<Dimensions>> {
        self.dimensions.get(&(advertiser, format)).filter(|kept| kept.versions() == versions)
    }
}

/// The advertiser and the versions that its dimensions must have.
fn versions(txn: &ReadTxn<'_>, query: &ReportQuery) -> ServiceResult<(AdvertiserKey, (Version, Version))> {
    let (advertiser, catalogue) = txn.catalogue_version(query.advertiser)?;
    Ok((advertiser, (catalogue, txn.publishers_version()?)))
}

impl Plan {
    fn new(
        txn: &ReadTxn<'_>,
        kind: ReportKind,
        query: &ReportQuery,
        advertiser: AdvertiserKey,
        dimensions: Arc<Dimensions>,
    ) -> ServiceResult<Self> {
        let days = txn.day_versions(advertiser, query.days.from().to_stored(), query.days.to().to_stored())?;
        let newest = days.iter().map(|(_, version)| *version).max().unwrap_or_default();
        let tag = tag(kind, query, &dimensions, newest);
        let head = ReportHead { tag, any_enabled: dimensions.any_enabled() };
        Ok(Self { advertiser, dimensions, days, head })
    }

    fn segment_key(&self, day: i64, version: Version, format: ReportFormat) -> SegmentKey {
        SegmentKey { advertiser: self.advertiser, day, version, catalogue: self.dimensions.catalogue(), format }
    }
}

/// Everything that the content depends on. Publishers count for the general report only: it names them, while the Singular
/// report shows their ids, which never change.
fn tag(kind: ReportKind, query: &ReportQuery, dimensions: &Dimensions, newest: Version) -> String {
    let (catalogue, publishers) = dimensions.versions();
    let publishers = match kind {
        ReportKind::Singular => 0,
        ReportKind::General => publishers.get(),
    };
    let (from, to) = (query.days.from().to_stored(), query.days.to().to_stored());
    let offer = query.offer.map_or_else(String::new, |offer| format!("-{offer}"));
    format!(
        "{RENDERING}{}{}-{:x}-{:x}-{publishers:x}-{from:x}-{to:x}-{}{offer}",
        kind.as_str(),
        dimensions.format().as_str(),
        catalogue.get(),
        newest.get(),
        query.advertiser,
    )
}

/// A row that points at something the catalogue does not have: the report stops rather than leave it out.
fn dangling(what: &str, key: i64) -> ServiceError {
    ServiceError::Internal(format!("a stat points at {what} {key}, which does not exist"))
}

#[cfg(test)]
mod tests;
