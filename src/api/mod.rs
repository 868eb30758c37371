//! Handlers of the JSON and CSV routes. They read the request, call a service and wrap its result, nothing else.

pub mod docs;
pub mod feeds;
pub mod health;
pub mod reports;
pub mod stats;

use actix_web::{HttpRequest, HttpResponse};

use crate::http::ClientError;
use crate::http::error::ErrorKind;

/// 404 for an unknown address.
pub async fn not_found(request: HttpRequest) -> Result<HttpResponse, ClientError> {
    let path = crate::domain::Invalid::echo(request.path());
    Err(ClientError::new(ErrorKind::NotFound, format!("There is no {path}. /api/docs lists what there is.")))
}
