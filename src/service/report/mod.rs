//! The cost report (contract §1) and its totals (§3): reads rows from the store and returns bytes.
//!
//! A report is made from one snapshot. The versions in it say which rendered days and dimensions in the caches are still
//! valid; nothing expires by age. It is made in chunks of about 48 KiB, so that a thread that must not block can make it
//! between other work. The routes and `pitlane report` use the same code, so both give the same bytes.
//!
//! # To add a report
//! 1. Name it in `ReportKind` (`domain/report.rs`), and list its columns in `columns.rs`. Routes, cache, history and command
//!    line follow from that; a migration must allow its name in the poll history.
//! 2. A column that no report has yet is a variant of `Daily` (`columns.rs`), filled in `lines.rs`: texts of the campaign by
//!    `Draft::text`, anything that differs from row to row as a `Value`. A figure that reports don't read yet becomes a field
//!    of the store's `ReportRow` (`store/stats/row.rs` and `store/sql/stat_scan.sql`).
//! 3. A format besides JSON and CSV is a file with an implementation of [`Format`], named in `ReportFormat` and in
//!    [`format()`].
//!
//! If a report shows more of publishers than their ids, `Columns::name_publishers` must say so. If the same rows get other
//! bytes, increase `RENDERING`.

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

/// How many advertisers' dimensions are cached. They are small: some hundred bytes per campaign and format.
const KEPT_DIMENSIONS: usize = 256;

/// How many reports have their plan cached while nothing changes, and the most days of such a report.
const PLANS: usize = 256;
const PLANNED_DAYS: usize = 400;

/// How many long reports have their length remembered.
const LENGTHS: usize = 1024;

/// Increase this if the same rows are written differently; it is part of every entity tag.
const RENDERING: u32 = 1;

/// The implementation of a format.
#[must_use]
pub fn format(format: ReportFormat) -> &'static dyn Format {
    match format {
        ReportFormat::Json => &json::Json,
        ReportFormat::Csv => &csv::Csv,
    }
}

/// A request for a report.
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

    /// The versions of the names in the report. Publishers count only if it shows more than their ids, which never change.
    fn named(&self, (catalogue, publishers): (Version, Version)) -> (Version, Version) {
        (catalogue, if self.columns().name_publishers() { publishers } else { Version::default() })
    }
}

/// What is known before the first row.
#[derive(Debug)]
pub struct ReportHead {
    /// Identifies the content: changes whenever the items would. Opaque; used as entity tag.
    pub tag: String,
    /// The version it is made from: it has all changes up to it, and none after.
    pub version: Version,
    /// Whether any offer of the advertiser has cost reporting enabled.
    pub any_enabled: bool,
}

/// The totals of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReportTotals {
    pub rows: u64,
    pub cost: MicrosSum,
}

/// What is known before the rows are read, all from one snapshot.
struct Plan {
    advertiser: AdvertiserKey,
    /// The versions of the catalogue and of the publishers.
    versions: (Version, Version),
    /// The days that have rows.
    days: Vec<(i64, Version)>,
    head: ReportHead,
}

/// The result of opening a report without waiting.
pub enum Opened {
    Ready(Box<Report>),
    /// The advertiser's names must be loaded first, by [`Reports::open`] with this snapshot.
    NeedsNames(Snapshot),
}

pub struct Reports {
    dimensions: Cache<(AdvertiserKey, ReportKind, ReportFormat), Arc<Dimensions>>,
    caches: Arc<Caches>,
}

/// The caches that a report uses while it is made.
struct Caches {
    plans: SnapshotCache<ReportRequest, Arc<Plan>>,
    segments: Segments,
    /// The lengths of long reports by their tags: the same report has the same length again.
    lengths: Cache<String, u64>,
}

impl Reports {
    /// Caches up to `cache_bytes` of rendered days.
    #[must_use]
    pub fn new(cache_bytes: u64) -> Self {
        Self {
            dimensions: Cache::new(KEPT_DIMENSIONS),
            caches: Arc::new(Caches {
                plans: SnapshotCache::new(PLANS),
                segments: Segments::new(cache_bytes),
                lengths: Cache::new(LENGTHS),
            }),
        }
    }

    /// Opens a report from the snapshot. If the advertiser's names have changed since the last one, they are loaded first.
    pub fn open(&self, asked: ReportRequest, snapshot: Snapshot) -> ServiceResult<Box<Report>> {
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
        if let Some(plan) = self.caches.plans.get(snapshot.state_id(), &asked)
            && let Some(dimensions) = kept(plan.advertiser, plan.versions)
        {
            let report = Report::new(asked, snapshot, plan, dimensions, Arc::clone(&self.caches));
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
    ) -> ServiceResult<Box<Report>> {
        let plan = Arc::new(Plan::new(&snapshot.txn(), &asked, advertiser, &dimensions)?);
        if plan.days.len() <= PLANNED_DAYS {
            self.caches.plans.keep(snapshot.state_id(), asked, Arc::clone(&plan));
        }
        Ok(Report::new(asked, snapshot, plan, dimensions, Arc::clone(&self.caches)))
    }
}

/// The advertiser's key and the versions that its dimensions must have.
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

/// A tag of everything that the content depends on.
fn tag(asked: &ReportRequest, epoch: &str, versions: (Version, Version), newest: Version) -> String {
    let ReportRequest { kind, format, query } = asked;
    let (catalogue, publishers) = asked.named(versions);
    let (from, to) = query.days.stored();
    // The epoch is a random UUID, so eight digits tell epochs apart.
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

/// A row whose campaign or publisher doesn't exist: the report fails rather than leave it out.
fn dangling(what: &str, key: i64) -> ServiceError {
    ServiceError::Internal(format!("a stat points at {what} {key}, which does not exist"))
}

#[cfg(test)]
mod tests;
