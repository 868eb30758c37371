//! Who may use a route. The route table says it for each line; the guards of the API and of the pages enforce it.

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Anyone,
    /// Whoever has a token that reads reports.
    ReportToken,
    /// Whoever has a token that writes stats.
    IngestToken,
    /// Whoever is logged in.
    Viewer,
    /// Whoever is logged in as an admin.
    Admin,
}
