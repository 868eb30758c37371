//! A request for a report on its way into the poll history.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, ResponseError as _};
use chrono::Utc;

use super::access::from_guard;
use super::client;
use super::error::ClientError;
use super::state::AppState;
use crate::domain::{DayRange, MicrosSum, ReportFormat, ReportKind};
use crate::service::polls::PollLog;
use crate::service::report::Report;
use crate::store::{PollRow, TokenRow};

/// A poll on its way into the history. The guard of its route makes it.
pub struct PollRecorder {
    row: PollRow,
    since: Instant,
    log: Arc<PollLog>,
}

impl FromRequest for PollRecorder {
    type Error = ClientError;
    type Future = Ready<Result<Self, ClientError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(from_guard(request))
    }
}

impl PollRecorder {
    /// A poll that came just now.
    pub(super) fn new(state: &AppState, request: &HttpRequest, report: ReportKind, format: ReportFormat) -> Self {
        let address = client::address(request, &state.config.trusted_proxy).to_string();
        Self::begin(&state.polls, report, format, address, client::agent(request))
    }

    pub(super) fn begin(
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

    /// The same poll, with the token it came with.
    #[must_use]
    pub(super) fn by(mut self, token: &TokenRow) -> Self {
        self.row.token = Some(token.key);
        self
    }

    /// The same poll, with the days it asks for.
    #[must_use]
    pub fn of(mut self, days: DayRange) -> Self {
        self.row.days = Some(days);
        self
    }

    /// The report that is asked for.
    #[must_use]
    pub fn report(&self) -> (ReportKind, ReportFormat) {
        (self.row.report, self.row.format)
    }

    /// Records the poll with the status it got.
    pub(super) fn finish(mut self, status: StatusCode) {
        self.row.status = status.as_u16();
        self.row.duration = self.since.elapsed();
        self.row.at = Utc::now();
        self.log.poll(self.row);
    }

    /// Records a poll that is refused before a report was begun; hands back why.
    #[must_use]
    pub fn refused(self, error: ClientError) -> ClientError {
        self.finish(error.status_code());
        error
    }

    /// Records a poll whose report was not made to its end.
    pub(super) fn cut(mut self, status: StatusCode) {
        self.row.complete = false;
        self.finish(status);
    }

    /// Records a poll that was answered with all of a report, in so many bytes.
    pub(super) fn finish_report(mut self, report: &Report, bytes: u64) {
        let totals = report.totals();
        (self.row.rows, self.row.cost, self.row.bytes) = (totals.rows, totals.cost, bytes);
        self.finish(StatusCode::OK);
    }
}
