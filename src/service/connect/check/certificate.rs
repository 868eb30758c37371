//! The certificate at the address: whether a client trusts it for this name, and for how long.

use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use rustls::pki_types::ServerName;
use rustls::{CertificateError, ClientConnection};

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
    handshake(stream, host, roots, PATIENCE).map_err(|error| {
        let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match cause {
            Some(rustls::Error::InvalidCertificate(fault)) => fault_in_words(fault, host),
            // Linux calls a read that took too long one that would block.
            _ if matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) => {
                (format!("no TLS connection was made within {} s", PATIENCE.as_secs()), NO_TLS)
            }
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

fn handshake(
    stream: &mut TcpStream,
    host: &str,
    roots: &Roots,
    patience: Duration,
) -> io::Result<Option<DateTime<Utc>>> {
    let until = Instant::now() + patience;
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let config = roots.of_connections().map_err(io::Error::other)?;
    let mut connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
    while connection.is_handshaking() || connection.wants_write() {
        let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero());
        let left = left.ok_or_else(|| io::Error::from(io::ErrorKind::TimedOut))?;
        stream.set_read_timeout(Some(left))?;
        stream.set_write_timeout(Some(left))?;
        if connection.wants_write() {
            connection.write_tls(stream)?;
            continue;
        }
        match connection.read_tls(stream) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => drop(read?),
        }
        if let Err(error) = connection.process_new_packets() {
            // Tells the server why.
            let _ = connection.write_tls(stream);
            return Err(io::Error::other(error));
        }
    }
    Ok(connection.peer_certificates().and_then(|chain| certificates::ends(chain.first()?)))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_server_that_never_ends_its_handshake_is_left() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let server = std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            // The head of a record of 16 KiB, whose bytes come one by one.
            stream.write_all(&[0x16, 3, 3, 0x40, 0]).unwrap();
            while stream.write_all(&[0]).is_ok() {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let roots = Roots::of(None).unwrap();
        let failure = handshake(&mut stream, "127.0.0.1", &roots, Duration::from_secs(1)).unwrap_err();
        assert!(matches!(failure.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock), "{failure}");
        drop(stream);
        server.join().unwrap();
    }
}
