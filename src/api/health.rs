//! Whether the server lives, whether it can work, and what it counted.

use actix_web::{HttpResponse, web};

use crate::http::error::Refusal;
use crate::http::{AppState, ClientError};
use crate::store::{Store, StoreResult};
use crate::telemetry;

/// Whether the process answers. Touches no database.
pub async fn livez() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

/// Whether the database can be read and its write lock can be had.
pub async fn readyz(state: web::Data<AppState>) -> Result<HttpResponse, ClientError> {
    let store = state.store.clone();
    let ready: StoreResult<()> = telemetry::blocking(move || works(&store)).await;
    match ready {
        Ok(()) => Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ready\n")),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            Err(ClientError::later(Refusal::Unavailable, 5, "The database can't be read or written right now."))
        }
    }
}

fn works(store: &Store) -> StoreResult<()> {
    store.schema_version()?;
    store.can_write()
}

/// Counters for Prometheus.
pub async fn metrics(state: web::Data<AppState>) -> Result<HttpResponse, ClientError> {
    let text = state.metrics.render(state.polls.dropped()).map_err(|error| ClientError::internal(&error))?;
    Ok(HttpResponse::Ok().content_type("application/openmetrics-text; version=1.0.0; charset=utf-8").body(text))
}
