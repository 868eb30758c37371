//! Records a request for a report in the poll history.

use std::future::{Ready, ready};
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::Payload;
use actix_web::http::{Method, StatusCode};
use actix_web::{FromRequest, HttpRequest, ResponseError as _};
use chrono::Utc;

use super::access::from_guard;
use super::client;
use super::error::ClientError;
use super::state::AppState;
use crate::domain::{DayRange, MicrosSum, ReportFormat, ReportKind};
use crate::service::connect::feeds::FeedTotals;
use crate::service::polls::{HandOver, PollLog};
use crate::service::report::{Report, ReportHead};
use crate::store::{FeedKey, PollRow, TokenRow, TokenUse};

/// A poll that will be recorded. The guard of its route makes it.
pub struct PollRecorder {
    row: Box<PollRow>,
    /// Whether the answer counts as handed over: a HEAD request gets no rows, and the ledger is about the Singular report
    /// only.
    hands_over: bool,
    is_head: bool,
    /// Polls with a packet's sandbox token aren't polls of the advertiser's report: only the token's use is noted.
    is_sandbox: bool,
    /// Dropped after the poll has been recorded.
    _under_way: Option<HandOver>,
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
    /// A poll that arrived just now.
    pub(super) fn new(state: &AppState, request: &HttpRequest, report: ReportKind, format: ReportFormat) -> Self {
        let address = client::address(request, &state.config.trusted_proxy).to_string();
        let poll = Self::begin(&state.polls, report, format, address, client::agent(request));
        let hands_over = report == ReportKind::Singular && request.method() == Method::GET;
        let under_way = hands_over.then(|| state.polls.hand_over());
        Self { hands_over, is_head: request.method() == Method::HEAD, _under_way: under_way, ..poll }
    }

    /// A request for a feed that arrived just now.
    #[must_use]
    pub fn of_feed(state: &AppState, request: &HttpRequest, feed: FeedKey) -> Self {
        let mut poll = Self::new(state, request, ReportKind::Singular, ReportFormat::Csv);
        poll.row.feed = Some(feed);
        poll
    }

    /// Adds the feed's totals.
    pub(super) fn with_feed(mut self, totals: &FeedTotals, bytes: u64) -> Self {
        (self.row.days, self.row.rows, self.row.cost, self.row.bytes) = (totals.days, totals.rows, totals.cost, bytes);
        self
    }

    pub(super) fn begin(
        log: &Arc<PollLog>,
        report: ReportKind,
        format: ReportFormat,
        address: String,
        user_agent: String,
    ) -> Self {
        let row = Box::new(PollRow {
            at: Utc::now(),
            token: None,
            feed: None,
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
            served: None,
        });
        Self {
            row,
            hands_over: false,
            is_head: false,
            is_sandbox: false,
            _under_way: None,
            since: Instant::now(),
            log: Arc::clone(log),
        }
    }

    /// Adds the token.
    #[must_use]
    pub(super) fn by(mut self, token: &TokenRow) -> Self {
        self.row.token = Some(token.key);
        self.is_sandbox = token.is_sandbox;
        self
    }

    /// Adds the requested days.
    #[must_use]
    pub fn of(mut self, days: DayRange) -> Self {
        self.row.days = Some(days);
        self
    }

    /// The requested report.
    #[must_use]
    pub fn report(&self) -> (ReportKind, ReportFormat) {
        (self.row.report, self.row.format)
    }

    /// Records the poll with its status.
    pub(super) fn finish(mut self, status: StatusCode) {
        self.row.status = status.as_u16();
        self.row.duration = self.since.elapsed();
        self.row.at = Utc::now();
        match self.row.token.filter(|_| self.is_sandbox) {
            Some(token) => {
                let PollRow { at, address, user_agent, .. } = *self.row;
                self.log.token_use(TokenUse { token, at, address, user_agent });
            }
            None => self.log.poll(*self.row),
        }
    }

    /// Records a poll that is refused before a report was begun, and returns the error.
    #[must_use]
    pub fn refused(self, error: ClientError) -> ClientError {
        self.finish(error.status_code());
        error
    }

    /// Records a poll whose report wasn't completed.
    pub(super) fn cut(mut self, status: StatusCode) {
        self.row.complete = false;
        self.row.served = None;
        self.finish(status);
    }

    /// Adds the report that was made, with its length. The version it was made from counts only if the poll is finished, not
    /// if it is cut.
    pub(super) fn with_report(mut self, report: &Report, bytes: u64) -> Self {
        let totals = report.totals();
        (self.row.rows, self.row.cost, self.row.bytes) = (totals.rows, totals.cost, bytes);
        self.confirming(report.head())
    }

    /// Says that the client already has this report, which counts once the poll is finished.
    pub(super) fn confirming(mut self, head: &ReportHead) -> Self {
        self.row.served = self.hands_over.then_some(head.version);
        self
    }

    /// Whether the client reads a body.
    pub(super) fn wants_body(&self) -> bool {
        !self.is_head
    }
}
