//! The cost reports (contract §1 and §3). Which one, and in which format, the route table's line says.

use actix_web::http::header::IfNoneMatch;
use actix_web::{HttpRequest, HttpResponse, web};

use crate::domain::ReportQuery;
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
    let holder = Holder::Token(token.key);
    let known = known.map(web::Header::into_inner);
    streaming::answer(&state, ReportRequest { kind, format, query }, known, snapshot, holder, poll.of(query.days)).await
}
