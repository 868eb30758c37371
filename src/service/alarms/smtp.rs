//! Hands an e-mail to a mail server. The server may take only so long and answer only so much, because alarms by other ways
//! wait until it is done.

use std::error::Error;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

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

/// How long it may take to hand an e-mail over.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);
/// How long one of the server's addresses may take to answer, since another one may be better.
const CONNECTING: Duration = Duration::from_secs(20);
/// How long the server may take to say goodbye, after it has taken the e-mail.
const GOODBYE: Duration = Duration::from_secs(5);
/// The most bytes of what the server says.
const MOST: usize = 128 * 1024;

type Failure = Box<dyn Error + Send + Sync>;

/// Connects to the channel's server and hands it the message. Blocks. Errors contain no secret.
pub(super) fn send(channel: &MailChannel, message: &Message, patience: Duration) -> Result<(), String> {
    let until = Instant::now() + patience;
    let sent = || -> Result<(), Failure> {
        let stream = connect(channel, until)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let talk = tokio::time::timeout_at(until.into(), hand_over(channel, message, stream));
            let mut connection = talk.await.map_err(|_| format!("it took longer than {} s", patience.as_secs()))??;
            // The server has taken the mail, whatever it says now.
            let _ = tokio::time::timeout(GOODBYE, connection.quit()).await;
            Ok(())
        })
    };
    let server = &channel.server;
    sent().map_err(|error| format!("{}:{}: {}", server.host, server.port, chain(&*error)))
}

fn connect(channel: &MailChannel, until: Instant) -> io::Result<std::net::TcpStream> {
    let mut failure = io::Error::other("the name has no address");
    for address in (channel.server.host.as_str(), channel.server.port).to_socket_addrs()? {
        // Waiting for no time at all is an error.
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        match std::net::TcpStream::connect_timeout(&address, left.min(CONNECTING)) {
            Ok(stream) => return stream.set_nonblocking(true).map(|()| stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn hand_over(
    channel: &MailChannel,
    message: &Message,
    stream: std::net::TcpStream,
) -> Result<AsyncSmtpConnection, Failure> {
    let server = &channel.server;
    let peer = stream.peer_addr()?;
    let stream = Limited { stream: TcpStream::from_std(stream)?, peer, left: MOST };
    let stream: Box<dyn AsyncTokioStream> = if server.security == MailSecurity::Tls {
        let name = ServerName::try_from(server.host.clone())?;
        let stream = TlsConnector::from(tls(channel)?).connect(name, stream).await.map_err(|error| no_tls(&error))?;
        Box::new(Limited { stream, peer, left: MOST })
    } else {
        Box::new(stream)
    };
    let me = ClientId::default();
    let mut connection = AsyncSmtpConnection::connect_with_transport(stream, &me).await?;
    let must_encrypt = match server.security {
        MailSecurity::StartTls => true,
        MailSecurity::StartTlsIfOffered => connection.can_starttls(),
        MailSecurity::Tls | MailSecurity::Plain => false,
    };
    if must_encrypt {
        // STARTTLS is the library's, which takes roots only in this form.
        let mut tls = TlsParameters::builder(server.host.clone());
        if let Some(pem) = &channel.roots {
            tls = tls.add_root_certificate(Certificate::from_pem(pem)?);
        }
        connection.starttls(tls.build()?, &me).await.map_err(|error| no_tls(&error))?;
    }
    if let (Some(user), Some(password)) = (&server.user, &channel.password) {
        let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
        connection.auth(DEFAULT_MECHANISMS, &credentials).await?;
    }
    connection.send(message.envelope(), &message.formatted()).await?;
    Ok(connection)
}

/// Trusts the usual roots and the channel's.
fn tls(channel: &MailChannel) -> Result<Arc<ClientConfig>, Failure> {
    let mut roots = certificates::usual_roots();
    if let Some(pem) = &channel.roots {
        for root in CertificateDer::pem_slice_iter(pem) {
            roots.add(root?)?;
        }
    }
    Ok(certificates::client_config(roots)?)
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
        let left = self.left.checked_sub(buffer.filled().len() - before);
        self.left = left.ok_or_else(|| io::Error::other(format!("it sent more than {} KiB", MOST / 1024)))?;
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

/// An error and its causes, down to the innermost.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// Why there is no encryption, by the innermost cause; the others only say that there was an error.
fn no_tls(error: &(dyn Error + 'static)) -> String {
    let cause = causes(error).last().map(ToString::to_string).unwrap_or_default();
    format!("no TLS connection could be made: {cause}")
}

/// An error with its causes, without those it already names.
fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).fold(String::new(), |message, cause| match message.as_str() {
        "" => cause,
        _ if message.ends_with(&cause) => message,
        _ => format!("{message}: {cause}"),
    })
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;

    use lettre::message::Mailbox;

    use super::*;
    use crate::domain::Email;

    /// Sends an e-mail to a server that does this with its connection.
    fn send_to(
        patience: Duration,
        serve: impl FnOnce(std::net::TcpStream) -> io::Result<()> + Send + 'static,
    ) -> Result<(), String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("smtp://{}?tls=none", listener.local_addr().unwrap());
        let server = std::thread::spawn(move || serve(listener.accept().unwrap().0));
        let from: Email = "pitlane@example.com".parse().unwrap();
        let to = vec![from.clone()];
        let channel = MailChannel { server: url.parse().unwrap(), password: None, roots: None, from, to };
        let mailbox = Mailbox::new(None, "pitlane@example.com".parse().unwrap());
        let message = Message::builder().from(mailbox.clone()).to(mailbox).body(String::new()).unwrap();
        let sent = send(&channel, &message, patience);
        // How it ended for the server doesn't matter.
        let _ = server.join().unwrap();
        sent
    }

    /// Writes it again and again, with pauses.
    fn repeat(mut stream: std::net::TcpStream, answer: &[u8], pause: Duration) -> io::Result<()> {
        loop {
            stream.write_all(answer)?;
            std::thread::sleep(pause);
        }
    }

    #[test]
    fn a_server_that_never_ends_its_answer_is_left() {
        let endless = send_to(PATIENCE, |stream| repeat(stream, &[b'2'; 4096], Duration::ZERO)).unwrap_err();
        assert!(endless.starts_with("127.0.0.1:") && endless.ends_with(": it sent more than 128 KiB"), "{endless}");
        for slow in [&b"2"[..], b"220-mail\r\n"] {
            let patience = Duration::from_secs(1);
            let failure = send_to(patience, move |stream| repeat(stream, slow, patience / 50)).unwrap_err();
            assert!(failure.ends_with(": it took longer than 1 s"), "{failure}");
        }
    }

    #[test]
    fn an_email_that_was_taken_is_sent_also_if_the_server_says_no_goodbye() {
        let sent = send_to(PATIENCE, |mut stream| {
            stream.write_all(b"220 mail\r\n")?;
            let mut is_content = false;
            for line in BufReader::new(stream.try_clone()?).lines() {
                let line = line?;
                let answer = match line.get(..4).unwrap_or_default() {
                    _ if is_content && line != "." => continue,
                    "DATA" => "354 go on",
                    "QUIT" => continue,
                    _ => "250 OK",
                };
                is_content = line == "DATA";
                stream.write_all(format!("{answer}\r\n").as_bytes())?;
            }
            Ok(())
        });
        assert_eq!(sent, Ok(()));
    }
}
