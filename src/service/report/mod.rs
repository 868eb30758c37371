//! The cost report (contract §1) and its totals (§3): rows out of the store, bytes into a [`ReportSink`].
//!
//! A report is made day by day in one read transaction. The versions read in that transaction say which rendered days and
//! which dimensions of an earlier report still hold; nothing is trusted for its age. Called by the routes and by
//! `pitlane report`, so that both give the same bytes.

mod dimensions;
mod general;
mod segments;

use std::sync::Arc;

use bytes::Bytes;
use quick_cache::sync::Cache;

use self::dimensions::Dimensions;
use self::segments::{Segment, SegmentKey, Segments};
use super::{ServiceError, ServiceResult};
use crate::domain::{MicrosSum, ReportFormat, ReportKind, ReportQuery};
use crate::store::{AdvertiserKey, ReadTxn, Store, Version};

/// How much is gathered before it goes to the sink.
const CHUNK: usize = 64 * 1024;

/// A rendered day from this size on is handed over as it is instead of being copied into a chunk.
const COPY_LIMIT: usize = 16 * 1024;

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
            let (advertiser, catalogue) = txn.catalogue_version(query.advertiser)?;
            let publishers = txn.publishers_version()?;
            let days = txn.day_versions(advertiser, query.days.from().to_stored(), query.days.to().to_stored())?;
            let dimensions = self.dimensions(txn, advertiser, format, (catalogue, publishers))?;
            let newest = days.iter().map(|(_, version)| *version).max().unwrap_or_default();
            let head = ReportHead {
                tag: tag(kind, format, query, &dimensions, newest),
                any_enabled: dimensions.any_enabled(),
            };
            if sink.begin(&head)? == Wanted::Nothing {
                return Ok(ReportEnd::NotModified);
            }
            let mut out = Output::new(format, sink);
            match kind {
                ReportKind::Singular => self.singular(txn, advertiser, &dimensions, &days, &mut out)?,
                ReportKind::General => general::write(txn, advertiser, &dimensions, query, &mut out)?,
            }
            out.finish().map(ReportEnd::Complete)
        })
    }

    fn singular(
        &self,
        txn: &ReadTxn<'_>,
        advertiser: AdvertiserKey,
        dimensions: &Dimensions,
        days: &[(i64, Version)],
        out: &mut Output<'_>,
    ) -> ServiceResult<()> {
        out.header(segments::CSV_HEADER);
        for (day, version) in days {
            let key = SegmentKey {
                advertiser,
                day: *day,
                version: *version,
                catalogue: dimensions.catalogue(),
                format: out.format,
            };
            if let Some(segment) = self.segments.get(&key) {
                out.segment(&segment)?;
            } else if self.segments.keeps_any() {
                let segment = segments::render(txn, dimensions, &key)?;
                out.segment(&segment)?;
                self.segments.keep(key, segment);
            } else {
                out.day(txn, dimensions, &key)?;
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
        let key = (advertiser, format);
        if let Some(kept) = self.dimensions.get(&key).filter(|kept| kept.versions() == versions) {
            return Ok(kept);
        }
        let loaded = Arc::new(Dimensions::load(txn, advertiser, format, versions)?);
        self.dimensions.insert(key, Arc::clone(&loaded));
        Ok(loaded)
    }
}

/// Everything that the content depends on. Publishers count for the general report only: it names them, while the Singular
/// report shows their ids, which never change.
fn tag(
    kind: ReportKind,
    format: ReportFormat,
    query: &ReportQuery,
    dimensions: &Dimensions,
    newest: Version,
) -> String {
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
        format.as_str(),
        catalogue.get(),
        newest.get(),
        query.advertiser,
    )
}

/// Gathers bytes into chunks for the sink, and puts between the rows what the format wants there.
struct Output<'s> {
    format: ReportFormat,
    sink: &'s mut dyn ReportSink,
    buffer: Vec<u8>,
    totals: ReportTotals,
}

impl<'s> Output<'s> {
    fn new(format: ReportFormat, sink: &'s mut dyn ReportSink) -> Self {
        let buffer = if format == ReportFormat::Json { b"[".to_vec() } else { Vec::new() };
        Self { format, sink, buffer, totals: ReportTotals::default() }
    }

    fn header(&mut self, csv: &str) {
        if self.format == ReportFormat::Csv {
            self.buffer.extend_from_slice(csv.as_bytes());
        }
    }

    /// Room for the next row, behind the comma that JSON wants after the first.
    fn row(&mut self, cost: impl Into<MicrosSum>) -> &mut Vec<u8> {
        self.separate();
        self.totals.rows += 1;
        self.totals.cost += cost.into();
        &mut self.buffer
    }

    fn separate(&mut self) {
        if self.format == ReportFormat::Json && self.totals.rows > 0 {
            self.buffer.push(b',');
        }
    }

    /// A rendered day.
    fn segment(&mut self, segment: &Segment) -> ServiceResult<()> {
        if segment.rows == 0 {
            return Ok(());
        }
        self.separate();
        self.totals.rows += segment.rows;
        self.totals.cost += segment.cost;
        if segment.bytes.len() < COPY_LIMIT {
            self.buffer.extend_from_slice(&segment.bytes);
            return self.flush_full();
        }
        self.flush()?;
        self.totals.bytes += segment.bytes.len() as u64;
        self.sink.chunk(segment.bytes.clone())
    }

    /// A day straight from the store, where nothing is kept.
    fn day(&mut self, txn: &ReadTxn<'_>, dimensions: &Dimensions, key: &SegmentKey) -> ServiceResult<()> {
        let mut day = dimensions.day(key.day)?;
        txn.stat_scan_day(key.advertiser, key.day, |row| {
            if let Some(campaign) = day.campaign(&row)? {
                day.write(campaign, &row, self.row(row.cost))?;
                self.flush_full()?;
            }
            Ok(())
        })
    }

    fn flush_full(&mut self) -> ServiceResult<()> {
        if self.buffer.len() >= CHUNK { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> ServiceResult<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        // The rows of one flush overshoot the chunk by less than a row, which is what the extra room is for.
        let full = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK + 4096));
        self.totals.bytes += full.len() as u64;
        self.sink.chunk(full.into())
    }

    fn finish(mut self) -> ServiceResult<ReportTotals> {
        if self.format == ReportFormat::Json {
            self.buffer.push(b']');
        }
        self.flush()?;
        Ok(self.totals)
    }
}

/// A row that points at something the catalogue does not have: the report stops rather than leave it out.
fn dangling(what: &str, key: i64) -> ServiceError {
    ServiceError::Internal(format!("a stat points at {what} {key}, which does not exist"))
}
