//! Alarms as JSON over HTTP. One body fits all receivers: Slack and Mattermost read `text`, Discord `content`, ntfy `title`,
//! `message` and `topic`; other programs read `pitlane`.

use std::time::Duration;

use serde_json::json;

use crate::domain::Webhook;
use crate::store::NoticeText;

/// How long the receiver may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest text; Discord's limit is the lowest.
const LONGEST: usize = 1900;

/// Posts a notice. Errors don't contain the address.
pub(super) fn send(hook: &Webhook, text: &NoticeText, origin: Option<&str>) -> Result<(), String> {
    let (url, topic) = hook.target();
    let words: String = text.message.chars().take(LONGEST).collect();
    let said = format!("Pitlane: {words}");
    let mut body = json!({
        "text": said,
        "content": said,
        "title": "Pitlane",
        "message": words,
        "pitlane": {"event": text.event, "alarm": text.alarm, "subject": text.subject, "message": text.message},
    });
    if let Some(topic) = topic {
        body["topic"] = topic.into();
    }
    if let Some(origin) = origin {
        body["click"] = format!("{origin}/admin/").into();
    }
    // Clients follow most redirects with a GET, which loses the body.
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        .max_redirects(0)
        .build();
    let request = config.new_agent().post(&url).header("Content-Type", "application/json");
    match request.send(body.to_string()) {
        Ok(answer) if answer.status().is_success() => Ok(()),
        Ok(answer) => {
            let status = answer.status().as_u16();
            let elsewhere = if answer.status().is_redirection() { redirect(&answer) } else { String::new() };
            Err(format!("{} answered {status}{elsewhere}", hook.host()))
        }
        // The library's message may contain the address, whose path is a secret.
        Err(error) => Err(format!("{} can't be reached: {}", hook.host(), plain(&error))),
    }
}

/// Where a redirect leads, and what to do about it. Only the host is named, because the path may be the secret one.
fn redirect(answer: &ureq::http::Response<ureq::Body>) -> String {
    let location = answer.headers().get("Location").and_then(|location| location.to_str().ok()).unwrap_or_default();
    let place = match location.parse::<ureq::http::Uri>().ok().as_ref().map(|uri| (uri.scheme_str(), uri.authority())) {
        _ if location.is_empty() => "no Location".to_owned(),
        Some((Some(scheme), Some(authority))) => {
            let port = authority.port().map(|port| format!(":{port}")).unwrap_or_default();
            format!("Location {scheme}://{}{port}/…", authority.host())
        }
        _ => "Location another path of the same host".to_owned(),
    };
    format!(" ({place}). Redirects are not followed, so nothing was delivered: enter the final address as the webhook")
}

fn plain(error: &ureq::Error) -> String {
    match error {
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::Timeout(_) => "it took too long".to_owned(),
        ureq::Error::HostNotFound => "its name is not known".to_owned(),
        ureq::Error::Tls(error) => (*error).to_owned(),
        ureq::Error::ConnectionFailed => "the connection failed".to_owned(),
        _ => "the request failed".to_owned(),
    }
}
