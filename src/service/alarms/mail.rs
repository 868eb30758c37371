//! Alarms by e-mail.

use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{Message, SmtpTransport, Transport as _};
use secrecy::ExposeSecret as _;

use crate::domain::{Email, MailChannel, MailSecurity};
use crate::store::NoticeText;

/// How long the mail server may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Sends a notice to all receivers in one e-mail. Errors contain no secret.
pub(super) fn send(channel: &MailChannel, text: &NoticeText, origin: Option<&str>) -> Result<(), String> {
    let mut message = Message::builder().from(mailbox(&channel.from)?).subject(format!("Pitlane: {}", text.subject));
    for to in &channel.to {
        message = message.to(mailbox(to)?);
    }
    let more = origin.map(|origin| format!("\n{origin}/admin/\n")).unwrap_or_default();
    let body = format!("{}\n{more}", text.message);
    let message = message.header(ContentType::TEXT_PLAIN).body(body).map_err(|error| error.to_string())?;
    transport(channel)?.send(&message).map(drop).map_err(|error| chain(&error))
}

fn mailbox(address: &Email) -> Result<Mailbox, String> {
    address.as_str().parse().map_err(|error| format!("can't send to {address}: {error}"))
}

fn transport(channel: &MailChannel) -> Result<SmtpTransport, String> {
    let server = &channel.server;
    let mut tls = TlsParameters::builder(server.host.clone());
    if let Some(pem) = &channel.roots {
        tls = tls.add_root_certificate(Certificate::from_pem(pem).map_err(|error| chain(&error))?);
    }
    let tls = tls.build().map_err(|error| chain(&error))?;
    let tls = match server.security {
        MailSecurity::Tls => Tls::Wrapper(tls),
        MailSecurity::StartTls => Tls::Required(tls),
        MailSecurity::StartTlsIfOffered => Tls::Opportunistic(tls),
        MailSecurity::Plain => Tls::None,
    };
    let mut transport =
        SmtpTransport::builder_dangerous(&server.host).port(server.port).tls(tls).timeout(Some(PATIENCE));
    if let (Some(user), Some(password)) = (&server.user, &channel.password) {
        transport = transport.credentials(Credentials::new(user.clone(), password.expose_secret().to_owned()));
    }
    Ok(transport.build())
}

/// An error with its causes, without those it already names.
fn chain(error: &dyn std::error::Error) -> String {
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
