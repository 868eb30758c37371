//! The roots that a client trusts: the usual ones, or those of a PEM file.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use ureq::tls::{Certificate, RootCerts, TlsConfig};

use super::certificate::provider;
use super::status::unusable;
use crate::service::ServiceResult;

/// The trusted roots of a client.
pub struct Roots(Option<Vec<CertificateDer<'static>>>);

impl Roots {
    /// Those of the PEM file; without one, the usual ones.
    pub fn of(file: Option<&Path>) -> ServiceResult<Self> {
        let Some(path) = file else { return Ok(Self(None)) };
        let pem = std::fs::read(path).map_err(|error| unusable(path, &error))?;
        let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
        let roots = roots.map_err(|error| unusable(path, &error))?;
        if roots.is_empty() {
            return Err(unusable(path, &"it contains no PEM certificate"));
        }
        Ok(Self(Some(roots)))
    }

    /// In the HTTP client's form.
    #[must_use]
    pub fn of_requests(&self) -> TlsConfig {
        let config = TlsConfig::builder();
        match &self.0 {
            None => config.build(),
            Some(roots) => {
                let roots: Vec<_> = roots.iter().map(|root| Certificate::from_der(root).to_owned()).collect();
                config.root_certs(RootCerts::new_with_certs(&roots)).build()
            }
        }
    }

    /// The configuration of rustls's clients that trust them.
    pub fn of_connections(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        client_config(match &self.0 {
            None => usual_roots(),
            Some(roots) => {
                let mut store = RootCertStore::empty();
                store.add_parsable_certificates(roots.iter().cloned());
                store
            }
        })
    }
}

/// The roots that browsers trust.
pub(in crate::service) fn usual_roots() -> RootCertStore {
    webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()
}

/// The configuration of a client that trusts these roots.
pub(in crate::service) fn client_config(roots: RootCertStore) -> Result<Arc<ClientConfig>, rustls::Error> {
    let config = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}
