//! The cost report (contract §1) and its totals (§3): rows out of the store, bytes for whoever asks for the next ones.
//!
//! A report is made in one snapshot. The versions read in it say which rendered days and which dimensions of an earlier report
//! still hold; nothing is trusted for its age. It is made some 64 KiB at a time, so that a thread that must not block can make
//! it between other work. Used by the routes and by `pitlane report`, so that both give the same bytes.
//!
//! # To add a report
//! 1. Name it in `ReportKind` (`domain/report.rs`), and list its columns beside the others in `columns.rs`. That is all that
//!    routes, cache, history and command line need; a migration allows its name in the poll history.
//! 2. A column that no report has yet is a variant of `Daily` (`columns.rs`) and how it is filled (`lines.rs`): text of the
//!    campaign with `Draft::text`, anything that differs from row to row as a `Value`. Where it is a figure that reports don't
//!    read yet, it becomes a field of the store's `ReportRow` (`store/stats/row.rs`, and `store/sql/stat_scan.sql`).
//! 3. A way to write that is neither JSON nor CSV is a file with an implementation of [`Format`], named in `ReportFormat`.
//!
//! What is shown of publishers besides their ids must be known to `Columns::name_publishers`. Bytes that change for unchanged
//! columns and data move `RENDERING`.

mod columns;
mod csv;
mod dimensions;
mod format;
mod general;
mod json;
mod lines;
mod made_up;
mod making;
mod output;
mod segments;

use std::sync::Arc;

use quick_cache::sync::Cache;

use self::columns::Columns;
use self::dimensions::Dimensions;
pub use self::format::Format;
pub use self::made_up::made_up;
pub use self::making::{Continued, Report};
use self::segments::{SegmentKey, Segments};
use super::snapshot_cache::SnapshotCache;
use super::{ServiceError, ServiceResult};
use crate::domain::{MicrosSum, ReportFormat, ReportKind, ReportQuery};
use crate::store::{AdvertiserKey, ReadTxn, Snapshot, Version};

/// Advertisers whose dimensions are kept. They are small: some hundred bytes a campaign and format.
const KEPT_DIMENSIONS: usize = 256;

/// Reports that are planned already, while nothing changes: so many, of at most so many days.
const PLANS: usize = 256;
const PLANNED_DAYS: usize = 400;

/// Long reports whose lengths are remembered.
const LENGTHS: usize = 1024;

/// Moves when the same rows would be written differently; part of every entity tag.
const RENDERING: u32 = 1;

/// The format of this name.
#[must_use]
pub fn format(format: ReportFormat) -> &'static dyn Format {
    match format {
        ReportFormat::Json => &json::Json,
        ReportFormat::Csv => &csv::Csv,
    }
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReportRequest {
    pub kind: ReportKind,
    pub format: ReportFormat,
    pub query: ReportQuery,
}

impl ReportRequest {
    fn columns(&self) -> Columns {
        Columns::of(self.kind)
    }

    /// The versions of what the report names: publishers count only where it shows more of them than their ids, which
    /// never change.
    fn named(&self, (catalogue, publishers): (Version, Version)) -> (Version, Version) {
        (catalogue, if self.columns().name_publishers() { publishers } else { Version::default() })
    }
}

/// What is known before the first row.
#[derive(Debug)]
pub struct ReportHead {
    /// Names the content: changes whenever the items would. Opaque; fit for an entity tag.
    pub tag: String,
    /// What it is made from: no later change is in it, and none up to it is missing.
    pub version: Version,
    /// Whether any offer of the advertiser has cost reporting enabled.
    pub any_enabled: bool,
}

/// What a report came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReportTotals {
    pub rows: u64,
    pub cost: MicrosSum,
}

/// What is known of a report before its rows are read, all from one snapshot.
struct Plan {
    advertiser: AdvertiserKey,
    /// Of the catalogue and of the publishers.
    versions: (Version, Version),
    /// The days that have rows.
    days: Vec<(i64, Version)>,
    head: ReportHead,
}

/// What came of opening a report without waiting.
#[expect(clippy::large_enum_variant, reason = "a box would cost each poll an allocation, and nobody keeps one")]
pub enum Opened {
    Ready(Report),
    /// The advertiser's names would have to be read first; the snapshot is for [`Reports::open`].
    NeedsNames(Snapshot),
}

pub struct Reports {
    dimensions: Cache<(AdvertiserKey, ReportKind, ReportFormat), Arc<Dimensions>>,
    plans: SnapshotCache<ReportRequest, Arc<Plan>>,
    segments: Segments,
    lengths: Lengths,
}

/// How many bytes long reports had, by their tags: the same report has as many the next time.
type Lengths = Arc<Cache<String, u64>>;

impl Reports {
    /// Keeps up to `cache_bytes` of rendered days.
    #[must_use]
    pub fn new(cache_bytes: u64) -> Self {
        Self {
            dimensions: Cache::new(KEPT_DIMENSIONS),
            plans: SnapshotCache::new(PLANS),
            segments: Segments::new(cache_bytes),
            lengths: Arc::new(Cache::new(LENGTHS)),
        }
    }

    /// A report of what the snapshot sees. Where the advertiser's names changed since the last one they are all read first.
    pub fn open(&self, asked: ReportRequest, snapshot: Snapshot) -> ServiceResult<Report> {
        match self.open_now(asked, snapshot)? {
            Opened::Ready(report) => Ok(report),
            Opened::NeedsNames(snapshot) => {
                let (advertiser, versions) = versions(&snapshot.txn(), &asked.query)?;
                let loaded = Arc::new(Dimensions::load(&snapshot.txn(), advertiser, &asked, versions)?);
                self.dimensions.insert((advertiser, asked.kind, asked.format), Arc::clone(&loaded));
                self.plan(asked, snapshot, advertiser, loaded)
            }
        }
    }

    /// Like [`Reports::open`], for threads that must not block.
    pub fn open_now(&self, asked: ReportRequest, snapshot: Snapshot) -> ServiceResult<Opened> {
        let kept = |advertiser: AdvertiserKey, versions: (Version, Version)| {
            self.dimensions.get(&(advertiser, asked.kind, asked.format)).filter(|kept| kept.versions() == versions)
        };
        if let Some(plan) = self.plans.get(snapshot.state_id(), &asked)
            && let Some(dimensions) = kept(plan.advertiser, plan.versions)
        {
            let report =
                Report::new(asked, snapshot, plan, dimensions, self.segments.clone(), Arc::clone(&self.lengths));
            return Ok(Opened::Ready(report));
        }
        let (advertiser, versions) = versions(&snapshot.txn(), &asked.query)?;
        match kept(advertiser, versions) {
            Some(dimensions) => self.plan(asked, snapshot, advertiser, dimensions).map(Opened::Ready),
            None => Ok(Opened::NeedsNames(snapshot)),
        }
    }

    fn plan(
        &self,
        asked: ReportRequest,
        snapshot: Snapshot,
        advertiser: AdvertiserKey,
        dimensions: Arc<Dimensions>,
    ) -> ServiceResult<Report> {
        let plan = Arc::new(Plan::new(&snapshot.txn(), &asked, advertiser, &dimensions)?);
        if plan.days.len() <= PLANNED_DAYS {
            self.plans.keep(snapshot.state_id(), asked, Arc::clone(&plan));
        }
        Ok(Report::new(asked, snapshot, plan, dimensions, self.segments.clone(), Arc::clone(&self.lengths)))
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
        asked: &ReportRequest,
        advertiser: AdvertiserKey,
        dimensions: &Dimensions,
    ) -> ServiceResult<Self> {
        let (from, to) = asked.query.days.stored();
        let days = txn.day_versions(advertiser, from, to)?;
        let newest = days.iter().map(|(_, version)| *version).max().unwrap_or_default();
        let versions = dimensions.versions();
        let version = versions.0.max(newest);
        let head = ReportHead {
            tag: tag(asked, &txn.epoch()?, versions, newest),
            version,
            any_enabled: dimensions.any_enabled(),
        };
        Ok(Self { advertiser, versions, days, head })
    }

    fn segment_key(&self, (day, version): (i64, Version), asked: &ReportRequest) -> SegmentKey {
        let (kind, format, names) = (asked.kind, asked.format, asked.named(self.versions));
        SegmentKey { advertiser: self.advertiser, day, version, names, kind, format }
    }
}

/// Everything that the content depends on.
fn tag(asked: &ReportRequest, epoch: &str, versions: (Version, Version), newest: Version) -> String {
    let ReportRequest { kind, format, query } = asked;
    let (catalogue, publishers) = asked.named(versions);
    let (from, to) = query.days.stored();
    // Of a random UUID, so that eight digits tell epochs apart.
    let epoch = epoch.get(..8).unwrap_or(epoch);
    let offer = query.offer.map_or_else(String::new, |offer| format!("-{offer}"));
    format!(
        "{RENDERING}{}{}-{epoch}-{:x}-{:x}-{:x}-{from:x}-{to:x}-{}{offer}",
        kind.as_str(),
        format.as_str(),
        catalogue.get(),
        newest.get(),
        publishers.get(),
        query.advertiser,
    )
}

/// A row that points at something the catalogue does not have: the report stops rather than leave it out.
fn dangling(what: &str, key: i64) -> ServiceError {
    ServiceError::Internal(format!("a stat points at {what} {key}, which does not exist"))
}

#[cfg(test)]
mod tests;
