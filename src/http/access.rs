//! Who may use a route. The route table says it for each line; the guards of the API and of the pages enforce it.

use actix_web::{HttpMessage as _, HttpRequest};

use super::error::ClientError;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Anyone,
    /// Whoever has a token that reads reports.
    ReportToken,
    /// Whoever has a token that writes stats.
    IngestToken,
    /// Whoever runs the server: connections from its own machine that no proxy passed on, and who knows the metrics token.
    Operator,
    /// Whoever is logged in.
    Viewer,
    /// Whoever is logged in as an admin.
    Admin,
}

/// What the guard left for the handler.
pub(super) fn from_guard<T: 'static>(request: &HttpRequest) -> Result<T, ClientError> {
    let left = request.extensions_mut().remove();
    left.ok_or_else(|| ClientError::internal(&"a handler wants what the route's line in the table does not give"))
}
