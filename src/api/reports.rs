//! The cost reports (contract §1 and §3). Every request is recorded in the poll history, answered or refused.

use actix_web::http::header::IfNoneMatch;
use actix_web::{HttpRequest, HttpResponse, ResponseError as _, web};

use crate::domain::{ReportFormat, ReportKind, ReportQuery, TokenScope};
use crate::http::auth::{AuthError, authenticate};
use crate::http::{AppState, ClientError, PollRecorder, client, query, streaming};
use crate::service::report::ReportRequest;
use crate::store::{PollRow, Snapshot};

type State = web::Data<AppState>;
type Known = Option<web::Header<IfNoneMatch>>;

/// Daily cost per campaign and publisher, as JSON.
pub async fn singular_json(state: State, request: HttpRequest, known: Known) -> Result<HttpResponse, ClientError> {
    answer(state, request, known, ReportKind::Singular, ReportFormat::Json).await
}

/// Daily cost per campaign and publisher, as CSV.
pub async fn singular_csv(state: State, request: HttpRequest, known: Known) -> Result<HttpResponse, ClientError> {
    answer(state, request, known, ReportKind::Singular, ReportFormat::Csv).await
}

/// Totals over the period per offer and publisher, as JSON.
pub async fn general_json(state: State, request: HttpRequest, known: Known) -> Result<HttpResponse, ClientError> {
    answer(state, request, known, ReportKind::General, ReportFormat::Json).await
}

/// Totals over the period per offer and publisher, as CSV.
pub async fn general_csv(state: State, request: HttpRequest, known: Known) -> Result<HttpResponse, ClientError> {
    answer(state, request, known, ReportKind::General, ReportFormat::Csv).await
}

async fn answer(
    state: State,
    request: HttpRequest,
    known: Known,
    kind: ReportKind,
    format: ReportFormat,
) -> Result<HttpResponse, ClientError> {
    let mut poll = draft(&state, &request, kind, format);
    let mut snapshot = None;
    match read(&state, &request, &mut poll.row, &mut snapshot).await {
        Ok(query) => {
            let known = known.map(web::Header::into_inner);
            streaming::answer(&state, ReportRequest { kind, format, query }, known, snapshot, poll).await
        }
        Err(AuthError { error, token }) => {
            poll.row.token = poll.row.token.or(token);
            poll.finish(error.status_code());
            Err(error)
        }
    }
}

/// Who asks for what; noted for the history as far as it is known. Leaves the snapshot it looked into, for the report.
async fn read(
    state: &AppState,
    request: &HttpRequest,
    poll: &mut PollRow,
    snapshot: &mut Option<Snapshot>,
) -> Result<ReportQuery, AuthError> {
    *snapshot = state.store.snapshot_now().map_err(ClientError::from)?;
    let token = authenticate(state, request, TokenScope::Report, snapshot).await?;
    poll.token = Some(token.key);
    let raw = query::report(poll.report, request.query_string()).map_err(ClientError::from)?;
    let query = ReportQuery::new(token.advertiser_id, &raw).map_err(ClientError::from)?;
    poll.days = Some(query.days);
    Ok(query)
}

fn draft(state: &AppState, request: &HttpRequest, report: ReportKind, format: ReportFormat) -> PollRecorder {
    let address = client::address(request, &state.config.trusted_proxy).to_string();
    PollRecorder::new(&state.polls, report, format, address, client::agent(request))
}
