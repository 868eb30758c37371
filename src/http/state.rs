//! The state that all routes share. Made once for all workers.

use std::path::Path;
use std::sync::Arc;

use super::limits::Limits;
use super::metrics::Metrics;
use super::one_time::OneTimePages;
use super::proxies::NotedProxies;
use super::turns::Turns;
use super::upload_slots::UploadSlots;
use crate::config::{Serve, Tls};
use crate::service::Hasher;
use crate::service::access::access_log::AccessLog;
use crate::service::access::login::LoginService;
use crate::service::access::tokens::Tokens;
use crate::service::alarms::Alarms;
use crate::service::backups::{Backups, CopyStatus};
use crate::service::certificates::{AcmeSettings, CertificateSource, CertificateStatus, Certificates};
use crate::service::pending_uploads;
use crate::service::polls::PollLog;
use crate::service::report::Reports;
use crate::service::status::{ApplianceStatus, ChannelStatus};
use crate::store::Store;

/// The state that all routes share.
pub struct AppState {
    pub store: Store,
    pub tokens: Tokens,
    pub sign_in: LoginService,
    /// Writes last uses and log-ins in the background.
    pub access_log: Arc<AccessLog>,
    pub reports: Arc<Reports>,
    /// Writes the poll history in the background.
    pub polls: Arc<PollLog>,
    /// Makes the nightly backups and knows their state.
    pub backups: Arc<Backups>,
    /// Keeps the certificate up to date, if the server serves HTTPS itself.
    pub certificates: Option<Arc<Certificates>>,
    /// Sends alarms.
    pub alarms: Arc<Alarms>,
    /// Rate limits.
    pub limits: Limits,
    /// Turns for requests that read much of the database.
    pub turns: Turns,
    /// Proxy headers that were seen recently.
    pub proxies: NotedProxies,
    /// Uploads that are arriving, shared out by token and network.
    pub uploads: UploadSlots,
    pub metrics: Metrics,
    /// Pages with a secret, shown once.
    pub one_time: OneTimePages,
    /// The token that opens `/metrics` to other machines.
    pub metrics_token: Option<String>,
    /// The server's flags.
    pub config: Serve,
}

impl AppState {
    /// Creates all services on `store`.
    pub fn new(store: Store, config: Serve) -> std::io::Result<Self> {
        let hasher = Hasher::new();
        let metrics_token = config.metrics_token_file.as_deref().map(metrics_token).transpose()?;
        let access_log = Arc::new(AccessLog::start(store.clone())?);
        if let Err(error) = pending_uploads::tidy_at_start(&store) {
            tracing::warn!(%error, "old uploads could not be removed");
        }
        let certificates = certificates(store.data_dir(), &config.tls)?;
        let backups = Backups::start(store.clone(), config.backup_at.0)?;
        let alarms = {
            let (store, backups, certificates) = (store.clone(), Arc::clone(&backups), certificates.clone());
            let channels = config.alarms.channels().map_err(std::io::Error::other)?;
            let kept = store.clone();
            let look = move || appliance(&kept, &backups, certificates.as_deref(), Vec::new());
            Alarms::start(store.clone(), channels, config.public_url.clone(), look)?
        };
        Ok(Self {
            alarms,
            certificates,
            tokens: Tokens::new(Arc::clone(&hasher), Arc::clone(&access_log)),
            sign_in: LoginService::new(store.clone(), hasher, Arc::clone(&access_log))
                .map_err(std::io::Error::other)?,
            access_log,
            reports: Arc::new(Reports::new(config.report_cache * 1024 * 1024)),
            polls: Arc::new(PollLog::start(store.clone())?),
            backups,
            limits: Limits::new(config.rate_limit),
            turns: Turns::default(),
            proxies: NotedProxies::default(),
            uploads: UploadSlots::default(),
            metrics: Metrics::new(),
            one_time: OneTimePages::default(),
            metrics_token,
            store,
            config,
        })
    }
}

impl AppState {
    /// The state of the server itself: backups, certificate, disk, alarm channels.
    #[must_use]
    pub fn appliance(&self) -> ApplianceStatus {
        appliance(&self.store, &self.backups, self.certificates.as_deref(), self.alarms.failing())
    }

    /// Stops the background threads, writes what is left and moves the WAL into the database. Blocks.
    pub fn stop(&self) {
        if let Some(certificates) = &self.certificates {
            certificates.stop();
        }
        self.alarms.stop();
        self.backups.stop();
        self.polls.stop();
        self.access_log.stop();
        if let Err(error) = self.store.checkpoint() {
            tracing::warn!(%error, "the log was not moved into the database; the next start will do it");
        }
    }
}

fn appliance(
    store: &Store,
    backups: &Backups,
    certificates: Option<&Certificates>,
    channels: Vec<ChannelStatus>,
) -> ApplianceStatus {
    // If this can't be read, the doctor reports it; here it counts as unknown.
    let copy = CopyStatus::of(store.data_dir()).ok().flatten();
    let certificate = certificates.map(Certificates::status);
    ApplianceStatus { backups: backups.status(), certificate, copy, disk_low: store.disk_low(), channels }
}

/// Starts the certificate thread if the flags ask for TLS.
fn certificates(data_dir: &Path, tls: &Tls) -> std::io::Result<Option<Arc<Certificates>>> {
    let source = match (&tls.tls_cert, &tls.tls_key) {
        (Some(certificate), Some(key)) => {
            CertificateSource::Files { certificate: certificate.clone(), key: key.clone() }
        }
        _ if tls.is_on() => {
            let mut domains = tls.tls_domain.clone();
            domains.sort_unstable();
            domains.dedup();
            CertificateSource::Acme(AcmeSettings {
                domains,
                email: tls.acme_email.as_ref().map(ToString::to_string),
                directory: tls.directory().to_owned(),
                root: tls.acme_root.clone(),
            })
        }
        _ => {
            if let Err(error) = CertificateStatus::forget(data_dir) {
                tracing::warn!(%error, "what was noted of an earlier certificate could not be removed");
            }
            return Ok(None);
        }
    };
    Certificates::start(data_dir, source).map(Some).map_err(std::io::Error::other)
}

/// Reads the token from this file; fails if it is empty.
fn metrics_token(file: &Path) -> std::io::Result<String> {
    let failed = |kind, reason: &dyn std::fmt::Display| {
        std::io::Error::new(kind, format!("--metrics-token-file {}: {reason}", file.display()))
    };
    let text = std::fs::read_to_string(file).map_err(|error| failed(error.kind(), &error))?;
    let token = text.trim();
    if token.is_empty() {
        return Err(failed(std::io::ErrorKind::InvalidData, &"it is empty, expected a token"));
    }
    Ok(token.to_owned())
}
