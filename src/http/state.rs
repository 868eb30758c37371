//! What the routes work with. Made once, shared by all workers.

use std::sync::Arc;

use super::limits::Limits;
use super::metrics::Metrics;
use crate::config::Serve;
use crate::service::Hasher;
use crate::service::access::login::LoginService;
use crate::service::access::tokens::Tokens;
use crate::service::backups::Backups;
use crate::service::pending_uploads;
use crate::service::polls::PollLog;
use crate::service::report::Reports;
use crate::store::Store;

/// What the routes work with.
pub struct AppState {
    /// The database.
    pub store: Store,
    /// Checks API tokens.
    pub tokens: Tokens,
    /// Logs people in.
    pub sign_in: LoginService,
    /// Makes reports.
    pub reports: Arc<Reports>,
    /// Keeps the poll history.
    pub polls: Arc<PollLog>,
    /// Makes the nightly backups and knows how they stand.
    pub backups: Arc<Backups>,
    /// Who may ask how often.
    pub limits: Limits,
    /// What is counted.
    pub metrics: Metrics,
    /// How the server was started.
    pub config: Serve,
}

impl AppState {
    /// Puts the services together on `store`.
    pub fn new(store: Store, config: Serve) -> std::io::Result<Self> {
        let hasher = Hasher::new();
        if let Err(error) = pending_uploads::tidy_at_start(&store) {
            tracing::warn!(%error, "old uploads could not be removed");
        }
        Ok(Self {
            tokens: Tokens::new(Arc::clone(&hasher)),
            sign_in: LoginService::new(store.clone(), hasher).map_err(std::io::Error::other)?,
            reports: Arc::new(Reports::new(config.report_cache * 1024 * 1024)),
            polls: Arc::new(PollLog::start(store.clone())?),
            backups: Backups::start(store.clone(), config.backup_at.0)?,
            limits: Limits::new(config.rate_limit),
            metrics: Metrics::new(),
            store,
            config,
        })
    }
}
