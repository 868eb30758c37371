//! One certificate with its chain and key, read from PEM.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::time::Time;

/// A certificate that can be used.
#[derive(Debug)]
pub(super) struct Certificate {
    /// Chain and key in rustls's form.
    pub(super) key: Arc<CertifiedKey>,
    /// Its host names and addresses, sorted.
    pub(super) names: Vec<String>,
    pub(super) not_before: DateTime<Utc>,
    pub(super) not_after: DateTime<Utc>,
}

/// The implementation of the cryptography.
pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

impl Certificate {
    /// Reads the chain from one PEM text and the key from another. The error says which of them is wrong.
    pub(super) fn parse(chain: &[u8], key: &[u8]) -> Result<Self, String> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(chain)
            .collect::<Result<_, _>>()
            .map_err(|error| format!("the certificate isn't PEM: {error}"))?;
        let Some(first) = chain.first() else {
            return Err("the certificate's file contains no PEM certificate".to_owned());
        };
        let parsed =
            x509_cert::Certificate::from_der(first).map_err(|error| format!("no X.509 certificate: {error}"))?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| format!("no private key in PEM: {error}"))?;
        let validity = parsed.tbs_certificate().validity();
        let names = names(&parsed).map_err(|error| format!("the certificate's names can't be read: {error}"))?;
        let (not_before, not_after) = (moment(&validity.not_before), moment(&validity.not_after));
        let key = CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => "the private key is not the certificate's".to_owned(),
            other => format!("certificate and key can't be used: {other}"),
        })?;
        Ok(Self { key: Arc::new(key), names, not_before, not_after })
    }
}

/// When a certificate ends, if it can be parsed.
pub(in crate::service) fn ends(certificate: &CertificateDer<'_>) -> Option<DateTime<Utc>> {
    let parsed = x509_cert::Certificate::from_der(certificate).ok()?;
    Some(moment(&parsed.tbs_certificate().validity().not_after))
}

fn moment(time: &Time) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + time.to_unix_duration()
}

fn names(certificate: &x509_cert::Certificate) -> x509_cert::der::Result<Vec<String>> {
    let Some((_, found)) = certificate.tbs_certificate().get_extension::<SubjectAltName>()? else {
        return Ok(Vec::new());
    };
    let mut names: Vec<_> = found
        .0
        .iter()
        .filter_map(|name| match name {
            GeneralName::DnsName(name) => Some(name.as_str().to_ascii_lowercase()),
            GeneralName::IpAddress(address) => ip(address.as_bytes()),
            _ => None,
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    Ok(names)
}

fn ip(bytes: &[u8]) -> Option<String> {
    let address: std::net::IpAddr = match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).ok()?.into(),
        _ => <[u8; 16]>::try_from(bytes).ok()?.into(),
    };
    Some(address.to_string())
}
