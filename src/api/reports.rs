//! The cost reports (contract §1 and §3). The route table's line says which report, and in which format.

use actix_web::http::Version;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::Utc;
use sha2::{Digest as _, Sha256};

use crate::domain::ReportQuery;
use crate::http::error::ErrorKind;
use crate::http::turns::{Claim, Holder};
use crate::http::{ApiClient, AppState, ClientError, PollRecorder, client, query, streaming};
use crate::service::connect::sandbox;
use crate::service::report::ReportRequest;
use crate::service::{ServiceError, hex};
use crate::store::Snapshot;

/// The route's report, or 304 if the client has it already.
pub async fn answer(
    state: web::Data<AppState>,
    request: HttpRequest,
    ApiClient { token, snapshot }: ApiClient,
    poll: PollRecorder,
) -> Result<HttpResponse, ClientError> {
    let known = streaming::known_tags(&request);
    let (kind, format) = poll.report();
    let query = query::report(kind, request.query_string()).and_then(|raw| ReportQuery::new(token.advertiser_id, &raw));
    let query = match query {
        Ok(query) => query,
        Err(invalid) => return Err(poll.refused(invalid.into())),
    };
    // A report's entity tag is weak, and a weak tag never matches strongly (RFC 9110, section 13.1.1).
    let is_bound = request.headers().get_all(header::IF_MATCH).any(|tags| tags.as_bytes().trim_ascii() != b"*");
    if is_bound {
        let message = "If-Match: no report has a strong tag, expected * or none";
        return Err(poll.refused(ClientError::new(ErrorKind::PreconditionFailed, message)));
    }
    if token.is_sandbox {
        return made_up(ReportRequest { kind, format, query }, known.as_ref(), &snapshot, poll.of(query.days));
    }
    let claim = Claim::new(Holder::Token(token.key), client::address(&request, &state.config.trusted_proxy));
    // Without chunks, as in HTTP/1.0, only `Content-Length` shows that a report was cut. The same is true behind a proxy that
    // takes broken chunks for the end.
    let must_measure = request.version() < Version::HTTP_11 || client::is_behind_proxy(&request);
    let asked = ReportRequest { kind, format, query };
    streaming::answer(&state, asked, known, snapshot, claim, must_measure, poll.of(query.days)).await
}

/// The made-up report of a packet's sandbox token. From the database it needs only the advertiser's time zone.
fn made_up(
    asked: ReportRequest,
    known: Option<&header::IfNoneMatch>,
    snapshot: &Snapshot,
    poll: PollRecorder,
) -> Result<HttpResponse, ClientError> {
    let made = snapshot.txn().advertiser_get(&asked.query.advertiser.to_string()).map_err(ServiceError::from);
    let made = made.and_then(|row| sandbox::report(asked.format, asked.query.days, row.time_zone.today(Utc::now())?));
    let rows = match made {
        Ok(rows) => rows,
        Err(error) => return Err(poll.refused(error.into())),
    };
    let tag = format!("sandbox-{}", hex(&Sha256::digest(&rows)));
    Ok(streaming::answer_made_up(asked, tag, &rows, known, poll))
}
