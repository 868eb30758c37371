//! A minimal HTTPS client that shows which certificate and protocol it got.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, Stream};

pub(crate) struct Answer {
    pub(crate) head: String,
    pub(crate) body: String,
    /// The server's certificate.
    pub(crate) certificate: Vec<u8>,
    /// The negotiated protocol.
    pub(crate) protocol: Option<Vec<u8>>,
}

/// Requests a path from 127.0.0.1 as the host `name`; trusts certificates of `root`, or all without one.
pub(crate) fn get(port: u16, name: &str, path: &str, root: Option<&str>) -> std::io::Result<Answer> {
    get_by(&["http/1.1"], port, name, path, root)
}

/// The same, offering these protocols.
pub(crate) fn get_by(
    protocols: &[&str],
    port: u16,
    name: &str,
    path: &str,
    root: Option<&str>,
) -> std::io::Result<Answer> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = match root {
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for root in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                roots.add(root.unwrap()).unwrap();
            }
            config.with_root_certificates(roots).with_no_client_auth()
        }
        None => config.dangerous().with_custom_certificate_verifier(Arc::new(Credulous)).with_no_client_auth(),
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let mut connection = ClientConnection::new(Arc::new(config), ServerName::try_from(name.to_owned()).unwrap())
        .map_err(std::io::Error::other)?;
    let mut socket = TcpStream::connect(("127.0.0.1", port))?;
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut stream = Stream::new(&mut connection, &mut socket);
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {name}:{port}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    match stream.read_to_string(&mut answer) {
        // A server that closes without a TLS close_notify is fine if Content-Length was reached.
        Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => return Err(error),
        _ => {}
    }
    let certificate = connection.peer_certificates().unwrap().first().unwrap().to_vec();
    let protocol = connection.alpn_protocol().map(<[u8]>::to_vec);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    Ok(Answer { head: head.to_owned(), body: body.to_owned(), certificate, protocol })
}

/// Whether the server answers, and with which certificate.
pub(crate) fn shown(port: u16, name: &str) -> Option<Vec<u8>> {
    let answer = get(port, name, "/livez", None).ok()?;
    (answer.head.starts_with("HTTP/1.1 200") && answer.body.contains("ok")).then_some(answer.certificate)
}

/// Records the certificate and accepts any.
#[derive(Debug)]
struct Credulous;

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
