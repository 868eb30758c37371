//! The cost reports (contract §1 and §3). Which one, and in which format, the route table's line says.

use actix_web::http::Version;
use actix_web::http::header::{self, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::domain::ReportQuery;
use crate::http::error::ErrorKind;
use crate::http::turns::Holder;
use crate::http::{ApiClient, AppState, ClientError, PollRecorder, query, streaming};
use crate::service::report::ReportRequest;

/// The report of the route, or 304 for a client that has it already.
pub async fn answer(
    state: web::Data<AppState>,
    request: HttpRequest,
    ApiClient { token, snapshot }: ApiClient,
    poll: PollRecorder,
    known: Option<web::Header<IfNoneMatch>>,
) -> Result<HttpResponse, ClientError> {
    let (kind, format) = poll.report();
    let query = query::report(kind, request.query_string()).and_then(|raw| ReportQuery::new(token.advertiser_id, &raw));
    let query = match query {
        Ok(query) => query,
        Err(invalid) => return Err(poll.refused(invalid.into())),
    };
    // Tags of reports are weak, and none of those matches strongly (RFC 9110, section 13.1.1).
    let is_bound = request.headers().get_all(header::IF_MATCH).any(|tags| tags.as_bytes().trim_ascii() != b"*");
    if is_bound {
        let message = "If-Match: no report has a strong tag, expected * or none";
        return Err(poll.refused(ClientError::new(ErrorKind::PreconditionFailed, message)));
    }
    let holder = Holder::Token(token.key);
    let known = known.map(web::Header::into_inner);
    // HTTP/1.0 has no chunks: only a length tells its clients a cut report from a whole one.
    let must_measure = request.version() < Version::HTTP_11;
    let asked = ReportRequest { kind, format, query };
    streaming::answer(&state, asked, known, snapshot, holder, must_measure, poll.of(query.days)).await
}
