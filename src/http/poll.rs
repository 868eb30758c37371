//! A request for a report on its way into the poll history.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use chrono::Utc;

use crate::domain::{MicrosSum, ReportFormat, ReportKind};
use crate::service::polls::PollLog;
use crate::service::report::Report;
use crate::store::PollRow;

/// A poll on its way into the history.
pub struct PollRecorder {
    /// What is known so far.
    pub row: PollRow,
    /// When the request came.
    pub since: Instant,
    /// Where it will be kept.
    pub log: Arc<PollLog>,
}

impl PollRecorder {
    /// A poll that came just now.
    pub fn new(
        log: &Arc<PollLog>,
        report: ReportKind,
        format: ReportFormat,
        address: String,
        user_agent: String,
    ) -> Self {
        let row = PollRow {
            at: Utc::now(),
            token: None,
            report,
            format,
            days: None,
            status: 0,
            complete: true,
            rows: 0,
            cost: MicrosSum::default(),
            bytes: 0,
            duration: Duration::ZERO,
            address,
            user_agent,
        };
        Self { row, since: Instant::now(), log: Arc::clone(log) }
    }

    /// Records the poll with the status it got.
    pub fn finish(mut self, status: StatusCode) {
        self.row.status = status.as_u16();
        self.row.duration = self.since.elapsed();
        self.row.at = Utc::now();
        self.log.poll(self.row);
    }

    /// Records a poll that was answered with all of a report, in so many bytes.
    pub(super) fn finish_report(mut self, report: &Report, bytes: u64) {
        let totals = report.totals();
        (self.row.rows, self.row.cost, self.row.bytes) = (totals.rows, totals.cost, bytes);
        self.finish(StatusCode::OK);
    }
}
