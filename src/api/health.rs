//! `/livez`, `/readyz` and `/metrics`.

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, Utc};

use crate::http::error::ErrorKind;
use crate::http::operator::is_operator;
use crate::http::{AppState, ClientError};
use crate::service::backups::BackupStatus;
use crate::service::{ServiceError, ledger, status};
use crate::store::{Store, StoreResult};
use crate::telemetry;

/// Whether the process answers. Touches no database.
pub async fn livez() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

/// Whether the database can be read and written. A long import delays other writes, but the server is ready: polls are
/// answered. The operator also learns whether somebody writes, whether the disk has space, and how old the last verified
/// backup is.
pub async fn readyz(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, ClientError> {
    let store = state.store.clone();
    let ready: StoreResult<Ready> = telemetry::blocking(move || works(&store)).await;
    match ready {
        Ok(Ready { is_free, has_room }) => {
            if !is_operator(&request) {
                return Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ready\n"));
            }
            let disk = if has_room { "" } else { "the disk is nearly full: writes are refused, reports go on\n" };
            let writes = if is_free { "" } else { "somebody is writing: other writes wait for it, reports go on\n" };
            let message = format!("ready\n{writes}{disk}{}\n", backups(&state.backups.status(), Utc::now()));
            Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(message))
        }
        Err(error) => {
            tracing::warn!(%error, "not ready");
            Err(ClientError::later(ErrorKind::Unavailable, 5, "The database can't be read or written right now."))
        }
    }
}

/// The state of the backups. Problems are reported without details, and don't make the server unready.
fn backups(status: &BackupStatus, now: DateTime<Utc>) -> String {
    let age = status.age(now).map_or_else(
        || "no verified backup yet".to_owned(),
        |age| format!("last verified backup: {} s ago", age.num_seconds()),
    );
    if status.trouble(now).is_some() { format!("{age}; backups need looking after, see: pitlane doctor") } else { age }
}

/// The state of a database that can be used.
struct Ready {
    /// Whether nobody else keeps the write lock.
    is_free: bool,
    /// Whether the disk has space for writes.
    has_room: bool,
}

/// Fails if the database can't be used.
fn works(store: &Store) -> StoreResult<Ready> {
    store.ensure_in_place()?;
    store.ensure_whole()?;
    store.schema_version()?;
    Ok(Ready { is_free: store.can_write_now()?, has_room: store.ensure_free_space().is_ok() })
}

/// Counters for Prometheus.
pub async fn metrics(state: web::Data<AppState>) -> Result<HttpResponse, ClientError> {
    let store = state.store.clone();
    let read = move || {
        store.read(|txn| {
            Ok::<_, ServiceError>((status::polling_states(txn, Utc::now())?, ledger::tallies(txn, Utc::now())?))
        })
    };
    let (polling, tallies) = telemetry::blocking(read).await?;
    let text = state
        .metrics
        .render(state.polls.dropped(), &state.appliance(), &polling, &tallies)
        .map_err(|error| ClientError::internal(&error))?;
    Ok(HttpResponse::Ok().content_type("application/openmetrics-text; version=1.0.0; charset=utf-8").body(text))
}
