//! The server's TLS certificate: from an ACME directory, with renewal, or from files that are read again when they change.
//!
//! A thread keeps it up to date. A new certificate replaces the old one at once and is used from the next connection on; the
//! old one is used until then. The state is stored in the data directory, so that the command line knows it.

mod acme;
mod certificate;
mod files;
mod resolver;
mod roots;
mod status;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;
use rustls::ServerConfig;
use tokio::sync::watch;

use super::{ServiceError, ServiceResult};
pub use acme::AcmeSettings;
use certificate::Certificate;
pub(in crate::service) use certificate::ends;
use files::PemFiles;
use resolver::Resolver;
pub use roots::Roots;
pub(in crate::service) use roots::{client_config, usual_roots};
pub use status::CertificateStatus;

/// The clock is checked at least this often; it may jump.
const LOOK: Duration = Duration::from_hours(1);
/// How often files are checked.
const LOOK_AT_FILES: Duration = Duration::from_secs(5);
/// How long the first retry waits; four times as long after each failure, up to an hour. Let's Encrypt allows five failed
/// validations of a name per hour.
const AGAIN: Duration = Duration::from_secs(15);

/// The source of the certificate.
#[derive(Debug)]
pub enum CertificateSource {
    Acme(AcmeSettings),
    /// Two PEM files: the certificate with its chain, and its key.
    Files {
        /// The certificate with its chain.
        certificate: PathBuf,
        key: PathBuf,
    },
}

enum Order {
    LookAgain,
    Stop,
}

/// Keeps a server's certificate up to date.
pub struct Certificates {
    resolver: Arc<Resolver>,
    status: Mutex<CertificateStatus>,
    data_dir: PathBuf,
    orders: Mutex<Sender<Order>>,
    settled: watch::Sender<bool>,
}

impl Certificates {
    /// Loads the certificate and starts the thread. Fails if files can't be used, but not if a certificate must still be
    /// issued: the server must listen to get it.
    pub fn start(data_dir: &Path, source: CertificateSource) -> ServiceResult<Arc<Self>> {
        let (orders, received) = channel();
        let certificates = Arc::new(Self {
            resolver: Arc::default(),
            status: Mutex::default(),
            data_dir: data_dir.to_owned(),
            orders: Mutex::new(orders),
            settled: watch::Sender::new(false),
        });
        let work: Box<dyn FnOnce(&Self) + Send> = match source {
            CertificateSource::Files { certificate, key } => {
                let files = PemFiles::new(certificate, key);
                certificates.install(files.read()?);
                certificates.settled.send_replace(true);
                Box::new(move |this| this.follow_files(files, &received))
            }
            CertificateSource::Acme(settings) => {
                status::remove_unfinished(data_dir)?;
                match acme::kept_certificate(data_dir) {
                    Some(kept) => {
                        // It is used while a new one is ordered. If it is for other names, it doesn't count as settled.
                        certificates.settled.send_replace(kept.names == settings.domains);
                        certificates.install(kept);
                    }
                    None => certificates.note(CertificateStatus::default()),
                }
                Box::new(move |this| this.keep_issued(&settings, &received))
            }
        };
        let this = Arc::clone(&certificates);
        std::thread::Builder::new()
            .name("certificates".to_owned())
            .spawn(move || work(&this))
            .map_err(|error| ServiceError::Internal(format!("could not start a thread: {error}")))?;
        Ok(certificates)
    }

    /// TLS 1.2 and 1.3, and nothing older.
    pub fn server_config(&self) -> ServiceResult<ServerConfig> {
        let failed = |error| ServiceError::Internal(format!("TLS can't be set up: {error}"));
        let mut config = ServerConfig::builder_with_provider(certificate::provider())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(failed)?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&self.resolver) as Arc<dyn rustls::server::ResolvesServerCert>);
        // The web server adds its own protocol before it.
        config.alpn_protocols = vec![resolver::ACME_PROTOCOL.to_vec()];
        Ok(config)
    }

    #[must_use]
    pub fn status(&self) -> CertificateStatus {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ready when there is a certificate, or the first attempt to get one has failed.
    pub async fn settled(&self) {
        // The sender lives as long as `self`, so waiting can't fail.
        let _ = self.settled.subscribe().wait_for(|settled| *settled).await;
    }

    /// Checks at once for a newer certificate: reads the files again, or tries to renew.
    pub fn look_again(&self) {
        self.order(Order::LookAgain);
    }

    /// Ends the thread. A running order ends with the process.
    pub fn stop(&self) {
        self.order(Order::Stop);
    }

    fn order(&self, order: Order) {
        // If the thread has ended, there is nothing to do.
        let _ = self.orders.lock().unwrap_or_else(PoisonError::into_inner).send(order);
    }

    /// Uses a certificate from the next connection on.
    fn install(&self, certificate: Certificate) {
        let status = CertificateStatus::new(&certificate);
        self.resolver.serve(certificate.key);
        self.note(status);
    }

    fn fail(&self, error: &ServiceError) {
        let status = CertificateStatus { failure: Some(error.to_string()), ..self.status() };
        let days_left = status.days_left(Utc::now());
        if days_left.is_some() {
            tracing::error!(%error, days_left, "the certificate could not be renewed; the old one stays in use");
        } else {
            tracing::error!(%error, "there is no certificate yet; connections are refused until there is one");
        }
        self.note(status);
    }

    fn note(&self, status: CertificateStatus) {
        if let Err(error) = status.write(&self.data_dir) {
            tracing::warn!(%error, "the certificate's state could not be stored");
        }
        *self.status.lock().unwrap_or_else(PoisonError::into_inner) = status;
    }

    fn follow_files(&self, mut files: PemFiles, orders: &Receiver<Order>) {
        loop {
            let is_asked = match orders.recv_timeout(LOOK_AT_FILES) {
                Ok(Order::LookAgain) => true,
                Err(RecvTimeoutError::Timeout) => false,
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            };
            // The two files are replaced one after the other. If they don't match yet, they are read again next time.
            if !(files.have_changed() || is_asked || self.status().failure.is_some()) {
                continue;
            }
            match files.read() {
                Ok(certificate) => {
                    tracing::info!(names = certificate.names.join(", "), until = %certificate.not_after, "certificate read again");
                    self.install(certificate);
                }
                Err(error) if self.status().failure.as_deref() == Some(error.to_string().as_str()) => {}
                Err(error) => self.fail(&error),
            }
        }
    }

    fn keep_issued(&self, settings: &AcmeSettings, orders: &Receiver<Order>) {
        let mut failed: Option<(u32, Instant)> = None;
        loop {
            let is_due = match failed {
                Some((attempts, at)) => at.elapsed() >= pause(attempts),
                None => self.status().is_due(&settings.domains, Utc::now()),
            };
            if is_due {
                match acme::issue(settings, &self.data_dir, &self.resolver) {
                    Ok(certificate) => {
                        let names = certificate.names.join(", ");
                        tracing::info!(names, until = %certificate.not_after, "certificate issued");
                        self.install(certificate);
                        failed = None;
                    }
                    Err(error) => {
                        let attempts = failed.map_or(1, |(attempts, _)| attempts + 1);
                        self.fail(&error);
                        failed = Some((attempts, Instant::now()));
                    }
                }
            }
            self.settled.send_replace(true);
            let wait = match failed {
                Some((attempts, at)) => pause(attempts).saturating_sub(at.elapsed()),
                None => self.status().until_due(Utc::now()),
            };
            match orders.recv_timeout(wait.min(LOOK)) {
                Ok(Order::LookAgain) => failed = failed.map(|_| (0, Instant::now())),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }
}

/// How long the next attempt waits after this many failures.
fn pause(attempts: u32) -> Duration {
    attempts.checked_sub(1).map_or(Duration::ZERO, |more| AGAIN.saturating_mul(4_u32.saturating_pow(more)).min(LOOK))
}
