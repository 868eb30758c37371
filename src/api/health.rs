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

/// Whether the database can be read and written. The operator also learns whether the disk has space, and how old the last
/// verified backup is.
pub async fn readyz(state: web::Data<AppState>, request: HttpRequest) -> Result<HttpResponse, ClientError> {
    let store = state.store.clone();
    let ready: StoreResult<bool> = telemetry::blocking(move || works(&store)).await;
    match ready {
        Ok(has_room) => {
            if !is_operator(&request) {
                return Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ready\n"));
            }
            let disk = if has_room { "" } else { "the disk is nearly full: writes are refused, reports go on\n" };
            let message = format!("ready\n{disk}{}\n", backups(&state.backups.status(), Utc::now()));
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

/// Fails if the database can't be used. Returns whether the disk has space for writes.
fn works(store: &Store) -> StoreResult<bool> {
    store.ensure_in_place()?;
    store.schema_version()?;
    store.can_write()?;
    Ok(store.ensure_free_space().is_ok())
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
