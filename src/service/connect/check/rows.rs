//! Whether the rows are those of the database: in one range, day by day, compressed, and with an entity tag.

use std::time::Duration;

use super::answer::{Answer, items};
use super::{Check, DAYS, LIMITS};
use crate::domain::{DayRange, ReportFormat, ReportKind, ReportQuery};
use crate::service::report::{ReportRequest, Reports};
use crate::service::{ServiceError, ServiceResult};

/// A slower answer fails the check.
const SLOW: Duration = Duration::from_secs(5);

impl Check<'_> {
    /// The items of the report in the database.
    fn own(&self, days: DayRange) -> ServiceResult<Vec<u8>> {
        let query = ReportQuery { advertiser: self.advertiser.id, days, offer: None };
        let asked = ReportRequest { kind: ReportKind::Singular, format: ReportFormat::Json, query };
        let mut report = Reports::new(0).open(asked, self.store.snapshot()?)?;
        let mut bytes = Vec::new();
        while let Some(more) = report.next_bytes()? {
            bytes.extend_from_slice(&more);
        }
        Ok(bytes)
    }

    /// Asks for all days in one range; returns the items if they match.
    pub(super) fn range(&mut self, answer: &Answer) -> ServiceResult<Vec<u8>> {
        let items = items(&answer.body).unwrap_or_default();
        let days = self.days;
        if items == self.own(days)? {
            let message = format!(
                "{DAYS} days in one request: {} bytes in {:.1?}, the same byte for byte as the database's",
                answer.body.len(),
                answer.took
            );
            self.good("rows", message);
        } else {
            let mend = "If stats were being imported just now, check again. Else another database answers at this address, or a \
                        proxy changes answers: turn sub_filter (nginx), replace (Caddy) or mod_substitute (Apache) off for it.";
            self.bad(
                "rows",
                format!("the rows of {} to {} are not those of the database", days.from(), days.to()),
                mend,
            );
        }
        if answer.took > SLOW {
            let mend = "Check the server's load, and the network between it and the proxy.";
            self.bad("time", format!("the answer took {:.1?}", answer.took), mend);
        }
        Ok(items)
    }

    /// Asks day by day, as a first connect does.
    pub(super) fn single_days(&mut self, range: &[u8]) -> ServiceResult<()> {
        let (mut day, mut slowest, mut parts) = (self.days.from(), Duration::ZERO, Vec::new());
        loop {
            let text = day.to_string();
            let answer = match self.get(&text, &text, &[]) {
                Ok(answer) if answer.status == 200 => answer,
                Ok(answer) => {
                    self.bad("single days", format!("{day} was answered {}", answer.status), LIMITS);
                    return Ok(());
                }
                Err(error) => {
                    self.bad("single days", format!("no answer for {day}: {error}"), "See the log of the proxy.");
                    return Ok(());
                }
            };
            slowest = slowest.max(answer.took);
            let items = items(&answer.body).unwrap_or_default();
            if let Some(inside) =
                items.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]")).filter(|it| !it.is_empty())
            {
                parts.push(inside.to_vec());
            }
            if day == self.days.to() {
                break;
            }
            day = day.next().ok_or_else(|| ServiceError::Internal("the calendar ended".to_owned()))?;
        }
        if [b"[".as_slice(), &parts.join(&b','), b"]"].concat() == range {
            self.good(
                "single days",
                format!("{DAYS} single days in a row have the same rows; the slowest took {slowest:.1?}"),
            );
        } else {
            let mend = "If stats were being imported just now, check again; else a proxy keeps old answers: turn its cache off for /api/.";
            self.bad("single days", "single days have other rows than the range".to_owned(), mend);
        }
        Ok(())
    }

    pub(super) fn gzip(&mut self, plain: &Answer) {
        let (from, to) = (self.days.from().to_string(), self.days.to().to_string());
        let Ok(answer) = self.get(&from, &to, &[("Accept-Encoding", "gzip")]) else {
            self.bad("gzip", "no answer to a request for gzip".to_owned(), "See the log of the proxy.");
            return;
        };
        if answer.header("content-encoding") != Some("gzip") {
            if plain.body.len() < 2048 {
                self.good("gzip", "not used: the report is too short for it".to_owned());
            } else {
                let mend = "Let the proxy hand on Accept-Encoding: take proxy_set_header Accept-Encoding \"\" (nginx) or \
                            RequestHeader unset Accept-Encoding (Apache) out.";
                self.bad("gzip", "the report is sent without compression".to_owned(), mend);
            }
            return;
        }
        let mut unpacked = Vec::new();
        let read = std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(answer.body.as_slice()), &mut unpacked);
        if read.is_ok() && items(&unpacked) == items(&plain.body) {
            self.good("gzip", format!("{} bytes instead of {}", answer.body.len(), plain.body.len()));
        } else {
            self.bad(
                "gzip",
                "the compressed answer is not the report".to_owned(),
                "Turn the proxy's own compression off for /api/.",
            );
        }
    }

    /// Whether a client that has the report already gets 304.
    pub(super) fn unchanged(&mut self, first: &Answer) {
        let mend = "Let the proxy forward ETag and If-None-Match (nginx: no etag off; Apache: no Header unset ETag).";
        let Some(tag) = first.header("etag").map(str::to_owned) else {
            self.bad("etag", "the answer has no ETag".to_owned(), mend);
            return;
        };
        let (from, to) = (self.days.from().to_string(), self.days.to().to_string());
        match self.get(&from, &to, &[("If-None-Match", &tag)]) {
            Ok(answer) if answer.status == 304 => {
                self.good("etag", "an unchanged report is not sent again (304)".to_owned());
            }
            Ok(answer) => self.bad("etag", format!("If-None-Match was answered {}", answer.status), mend),
            Err(error) => self.bad("etag", format!("no answer: {error}"), mend),
        }
    }
}
