//! Alarms by e-mail.

use lettre::Message;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;

use crate::domain::{Email, MailChannel};
use crate::service::alarms::smtp;
use crate::store::NoticeText;

/// Sends a notice to all receivers in one e-mail. Errors contain no secret.
pub(super) fn send(channel: &MailChannel, text: &NoticeText, origin: Option<&str>) -> Result<(), String> {
    let mut message = Message::builder().from(mailbox(&channel.from)?).subject(format!("Pitlane: {}", text.subject));
    for to in &channel.to {
        message = message.to(mailbox(to)?);
    }
    let more = origin.map(|origin| format!("\n{origin}/admin/\n")).unwrap_or_default();
    let body = format!("{}\n{more}", text.message);
    let message = message.header(ContentType::TEXT_PLAIN).body(body).map_err(|error| error.to_string())?;
    smtp::send(channel, &message, smtp::PATIENCE)
}

fn mailbox(address: &Email) -> Result<Mailbox, String> {
    address.as_str().parse().map_err(|error| format!("can't send to {address}: {error}"))
}
