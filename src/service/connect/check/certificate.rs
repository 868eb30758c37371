//! The certificate at the address: whether a client trusts it for this name, and for how long.

use std::io;
use std::net::TcpStream;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConfig, ClientConnection};

use super::answer::PATIENCE;
use crate::service::certificates::{self, Roots};

/// With fewer days left, renewal must have failed.
pub(super) const FEW_DAYS: i64 = 14;

/// When the certificate of `host` on this connection ends; or why it isn't accepted, and what to do.
pub(super) fn shown(
    stream: &mut TcpStream,
    host: &str,
    roots: &Roots,
) -> Result<Option<DateTime<Utc>>, (String, &'static str)> {
    handshake(stream, host, roots).map_err(|error| {
        let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match cause {
            Some(rustls::Error::InvalidCertificate(fault)) => fault_in_words(fault, host),
            _ => (format!("no TLS connection could be made: {error}"), NO_TLS),
        }
    })
}

const NO_TLS: &str = "See that HTTPS is served on this port: --tls-domain, or a proxy with a certificate.";
const RENEW: &str = "Renew it: certbot renew for nginx and Apache, and see why its timer does not; Caddy and --tls-domain do it by \
                     themselves (see their log, and pitlane doctor).";
const CHAIN: &str = "Have the proxy send the whole chain (nginx: ssl_certificate fullchain.pem; Apache: SSLCertificateFile \
                     fullchain.pem; --tls-cert the same). Singular won't accept a self-signed certificate.";
const NAME: &str = "Get a certificate for this name (certbot -d NAME, --tls-domain NAME, the site's address in \
    Caddy's file), and check that the name resolves to the right server.";

fn fault_in_words(fault: &CertificateError, host: &str) -> (String, &'static str) {
    match fault {
        CertificateError::Expired => ("the certificate has expired".to_owned(), RENEW),
        CertificateError::ExpiredContext { not_after, .. } => {
            let at = DateTime::from_timestamp(i64::try_from(not_after.as_secs()).unwrap_or_default(), 0);
            (format!("the certificate expired on {}", at.unwrap_or_default().format("%Y-%m-%d")), RENEW)
        }
        CertificateError::UnknownIssuer => {
            ("no trusted authority signed the certificate, or a part of its chain is missing".to_owned(), CHAIN)
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            (format!("the certificate is for another name than {host}"), NAME)
        }
        other => (format!("the certificate is refused: {other}"), CHAIN),
    }
}

fn handshake(stream: &mut TcpStream, host: &str, roots: &Roots) -> io::Result<Option<DateTime<Utc>>> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let config = ClientConfig::builder_with_provider(certificates::provider())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots.of_connections())
        .with_no_client_auth();
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let mut connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    while connection.is_handshaking() {
        connection.complete_io(stream)?;
    }
    Ok(connection.peer_certificates().and_then(|chain| certificates::ends(chain.first()?)))
}
