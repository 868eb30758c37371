//! Makes reports without sending them.

use std::hint::black_box;

use pitlane::domain::{ReportFormat, ReportKind, ReportQuery};
use pitlane::service::report::{ReportRequest, Reports};
use pitlane::store::Store;

/// Makes a report and drops it.
pub(crate) fn made(store: &Store, reports: &Reports, format: ReportFormat, query: ReportQuery) -> u64 {
    let asked = ReportRequest { kind: ReportKind::Singular, format, query };
    let mut report = reports.open(asked, store.snapshot().expect("an idle connection")).expect("a report");
    let mut length = 0;
    while let Some(bytes) = report.next_bytes().expect("its rows") {
        length += bytes.len() as u64;
        if let Ok(memory) = black_box(bytes).try_into_mut() {
            report.reuse(memory.into());
        }
    }
    length
}
