//! Hands an e-mail to a mail server. The server may take only so long and answer only so much, because alarms by other ways
//! wait until it is done.

use std::error::Error;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lettre::Message;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::domain::{MailChannel, MailSecurity};
use crate::service::certificates;

/// How long a conversation with the mail server may take.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);
/// How long connecting to one of its addresses may take.
const CONNECTING: Duration = Duration::from_secs(20);
/// The most bytes of all its answers, and of a certificate's chain.
const MOST: usize = 128 * 1024;

type Failure = Box<dyn Error + Send + Sync>;

/// Connects to the channel's server and hands it the message. Blocks. Errors contain no secret.
pub(super) fn send(channel: &MailChannel, message: &Message, patience: Duration) -> Result<(), String> {
    let sent = || {
        let stream = connect(channel)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            tokio::time::timeout(patience, converse(channel, message, stream))
                .await
                .unwrap_or_else(|_| Err(format!("the mail server took longer than {} s", patience.as_secs()).into()))
        })
    };
    sent().map_err(|error: Failure| chain(&*error))
}

fn connect(channel: &MailChannel) -> io::Result<std::net::TcpStream> {
    let mut failure = io::Error::other("the mail server's name has no address");
    for address in (channel.server.host.as_str(), channel.server.port).to_socket_addrs()? {
        match std::net::TcpStream::connect_timeout(&address, CONNECTING) {
            Ok(stream) => return stream.set_nonblocking(true).map(|()| stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn converse(channel: &MailChannel, message: &Message, stream: std::net::TcpStream) -> Result<(), Failure> {
    let server = &channel.server;
    let peer = stream.peer_addr()?;
    let stream = TcpStream::from_std(stream)?;
    let stream: Box<dyn AsyncTokioStream> = if server.security == MailSecurity::Tls {
        let name = ServerName::try_from(server.host.clone())?;
        let stream = TlsConnector::from(tls(channel)?).connect(name, stream).await?;
        Box::new(Limited { stream, peer, left: MOST })
    } else {
        Box::new(Limited { stream, peer, left: MOST })
    };
    let me = ClientId::default();
    let mut connection = AsyncSmtpConnection::connect_with_transport(stream, &me).await?;
    let is_upgraded = match server.security {
        MailSecurity::StartTls => true,
        MailSecurity::StartTlsIfOffered => connection.can_starttls(),
        MailSecurity::Tls | MailSecurity::Plain => false,
    };
    if is_upgraded {
        let mut tls = TlsParameters::builder(server.host.clone());
        if let Some(pem) = &channel.roots {
            tls = tls.add_root_certificate(Certificate::from_pem(pem)?);
        }
        connection.starttls(tls.build()?, &me).await?;
    }
    if let (Some(user), Some(password)) = (&server.user, &channel.password) {
        let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
        connection.auth(DEFAULT_MECHANISMS, &credentials).await?;
    }
    connection.send(message.envelope(), &message.formatted()).await?;
    // The server has taken the mail, whatever it says to the farewell.
    let _ = connection.quit().await;
    Ok(())
}

/// Trusts the usual roots and the channel's.
fn tls(channel: &MailChannel) -> Result<Arc<ClientConfig>, Failure> {
    let mut roots = certificates::usual();
    if let Some(pem) = &channel.roots {
        for root in CertificateDer::pem_slice_iter(pem) {
            roots.add(root?)?;
        }
    }
    Ok(certificates::client(roots)?)
}

/// A connection that brings only so many bytes. The library reads a line to its end, however long it is.
#[derive(Debug)]
struct Limited<S> {
    stream: S,
    peer: SocketAddr,
    left: usize,
}

impl<S: AsyncRead + Unpin> AsyncRead for Limited<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        let read = buffer.filled().len() - before;
        let left = self.left.checked_sub(read);
        self.left = left.ok_or_else(|| io::Error::other("the mail server's answers are longer than 128 KiB"))?;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Limited<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug> AsyncTokioStream for Limited<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

/// An error with its causes, without those it already names.
fn chain(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !message.ends_with(&cause) {
            message = format!("{message}: {cause}");
        }
        source = error.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;

    use super::*;
    use crate::domain::MailServer;

    /// The error for a server that writes this answer again and again, with pauses.
    fn sent_to(answer: &'static [u8], pause: Duration, patience: Duration) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            while stream.write_all(answer).is_ok() {
                std::thread::sleep(pause);
            }
        });
        let at: MailServer = format!("smtp://127.0.0.1:{port}?tls=none").parse().unwrap();
        let from: crate::domain::Email = "pitlane@example.com".parse().unwrap();
        let channel = MailChannel { server: at, password: None, roots: None, to: vec![from.clone()], from };
        let mailbox = lettre::message::Mailbox::new(None, "pitlane@example.com".parse().unwrap());
        let message = Message::builder().from(mailbox.clone()).to(mailbox).body(String::new()).unwrap();
        let failure = send(&channel, &message, patience).unwrap_err();
        server.join().unwrap();
        failure
    }

    #[test]
    fn a_server_that_never_ends_its_answer_is_left() {
        let endless = sent_to(&[b'2'; 4096], Duration::ZERO, PATIENCE);
        assert!(endless.contains("the mail server's answers are longer than 128 KiB"), "{endless}");
        for slow in [&b"2"[..], b"220-mail\r\n"] {
            let failure = sent_to(slow, Duration::from_millis(20), Duration::from_secs(1));
            assert_eq!(failure, "the mail server took longer than 1 s");
        }
    }
}
