//! Who may use a route. The route table says it on each line; the guards of the API and of the pages enforce it.

use actix_web::{HttpMessage as _, HttpRequest};

use super::error::ClientError;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Anyone,
    /// Anybody with a token that reads reports.
    ReportToken,
    /// Anybody with a token that writes stats.
    IngestToken,
    /// The operator: connections from the server's own machine that no proxy forwarded, and anybody with the metrics token.
    Operator,
    /// Anybody who is logged in.
    Viewer,
    /// Anybody who is logged in as an admin.
    Admin,
}

/// What the guard stored in the request for its handler.
pub(super) fn from_guard<T: 'static>(request: &HttpRequest) -> Result<T, ClientError> {
    let left = request.extensions_mut().remove();
    left.ok_or_else(|| ClientError::internal(&"a handler wants what the route's line in the table does not give"))
}
