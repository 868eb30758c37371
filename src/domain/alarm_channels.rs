//! Where alarms are sent: a mail server and a webhook, in the form the flags have (contract §10).

use std::fmt;
use std::str::FromStr;

use secrecy::{ExposeSecret as _, SecretString};

use super::{Email, Invalid};

/// How a connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    /// TLS from the first byte.
    Tls,
    /// `STARTTLS`; no mail is sent if the server doesn't offer it.
    StartTls,
    /// `STARTTLS` if the server offers it.
    StartTlsIfOffered,
    /// Plain text on the wire.
    Plain,
}

/// A mail server: `smtp://[user@]host[:port][?tls=required|none]` or `smtps://[user@]host[:port]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Its name or address.
    pub host: String,
    /// The TCP port of the server.
    pub port: u16,
    /// The user to log in as, if any.
    pub user: Option<String>,
    pub security: MailSecurity,
}

impl FromStr for MailServer {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let expected = "smtp://[user@]host[:port] or smtps://[user@]host[:port]; the password comes from \
                        PITLANE_SMTP_PASSWORD or --smtp-password-file";
        // The text may hold a password by mistake, so no error repeats it.
        let wrong = || Invalid::because("smtp", format!("expected {expected}"));
        let (scheme, rest) = text.trim().split_once("://").ok_or_else(wrong)?;
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (user, authority) = match rest.trim_end_matches('/').rsplit_once('@') {
            Some((user, _)) if user.is_empty() || user.contains(':') => return Err(wrong()),
            Some((user, authority)) => (Some(user.replace("%40", "@")), authority),
            None => (None, rest.trim_end_matches('/')),
        };
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, Some(port.parse::<u16>().map_err(|_| wrong())?)),
            _ => (authority, None),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || host.contains(['/', ' ', '@']) {
            return Err(wrong());
        }
        let (security, usual) = match (scheme, query) {
            ("smtps", None) => (MailSecurity::Tls, 465),
            ("smtp", Some("tls=required")) => (MailSecurity::StartTls, 587),
            ("smtp", Some("tls=none")) => (MailSecurity::Plain, 25),
            // A password is sent in plain text only if somebody asked for it.
            ("smtp", None) if user.is_some() => (MailSecurity::StartTls, 587),
            ("smtp", None) => (MailSecurity::StartTlsIfOffered, 25),
            _ => return Err(wrong()),
        };
        Ok(Self { host: host.to_owned(), port: port.unwrap_or(usual), user, security })
    }
}

/// A webhook's address. `Debug` and errors show only the host: the rest may be a secret.
#[derive(Clone)]
pub struct Webhook(SecretString);

impl Webhook {
    /// The address to post to, and the topic if the receiver is ntfy (hosts called `ntfy.…`, or `ntfy+https://`).
    #[must_use]
    pub fn target(&self) -> (String, Option<String>) {
        let url = self.0.expose_secret();
        let is_ntfy = url.starts_with("ntfy+") || self.host().starts_with("ntfy.");
        let url = url.strip_prefix("ntfy+").unwrap_or(url);
        match url.rsplit_once('/') {
            Some((base, topic)) if is_ntfy && !topic.is_empty() && !base.ends_with('/') => {
                (format!("{base}/"), Some(topic.to_owned()))
            }
            _ => (url.to_owned(), None),
        }
    }

    /// The host, which isn't secret.
    #[must_use]
    pub fn host(&self) -> &str {
        let rest = self.0.expose_secret().split_once("://").map_or("", |(_, rest)| rest);
        rest.split(['/', '?']).next().unwrap_or_default().rsplit('@').next().unwrap_or_default()
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Webhook({}, [secret])", self.host())
    }
}

impl FromStr for Webhook {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        let is_http = text.trim_start_matches("ntfy+").starts_with("https://")
            || text.trim_start_matches("ntfy+").starts_with("http://");
        let found = Self(text.to_owned().into());
        if is_http && !found.host().is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Ok(found);
        }
        Err(Invalid::because("alarm_webhook", "expected an address such as https://hooks.example.com/…"))
    }
}

/// Alarms by e-mail.
#[derive(Debug, Clone)]
pub struct MailChannel {
    /// The server that takes mails to deliver.
    pub server: MailServer,
    /// The user's password, if there is a user.
    pub password: Option<SecretString>,
    /// PEM text with the roots to trust besides the usual ones.
    pub roots: Option<Vec<u8>>,
    /// The address that mails come from.
    pub from: Email,
    /// The addresses that mails go to, at least one.
    pub to: Vec<Email>,
}

/// The configured channels.
#[derive(Debug, Clone, Default)]
pub struct AlarmChannels {
    /// Mail, if a server is set.
    pub mail: Option<MailChannel>,
    /// A webhook, if one is set.
    pub webhook: Option<Webhook>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mail_servers_are_read_and_passwords_kept_out() {
        let read = |text: &str| text.parse::<MailServer>().map(|s| (s.host, s.port, s.user, s.security));
        let ada = || Some("ada".to_owned());
        let ok = |host: &str, port, user, security| Ok((host.to_owned(), port, user, security));
        assert_eq!(read("smtp://mail.example.com"), ok("mail.example.com", 25, None, MailSecurity::StartTlsIfOffered));
        assert_eq!(
            read("smtp://ada@mail.example.com:2525"),
            ok("mail.example.com", 2525, ada(), MailSecurity::StartTls)
        );
        assert_eq!(read("smtps://ada@mail.example.com/"), ok("mail.example.com", 465, ada(), MailSecurity::Tls));
        assert_eq!(read("smtp://[::1]:25?tls=none"), ok("::1", 25, None, MailSecurity::Plain));
        let at = read("smtp://ada%40example.com@mail.example.com").unwrap();
        assert_eq!(at.2.as_deref(), Some("ada@example.com"));
        for wrong in ["", "mail.example.com", "http://x", "smtp://", "smtp://ada:secret@x", "smtps://x?tls=none"] {
            let error = read(wrong).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn webhooks_show_their_host_alone_and_ntfy_is_told_its_topic() {
        let hook: Webhook = "https://hooks.example.com/services/T0/B0/secret".parse().unwrap();
        assert_eq!(format!("{hook:?}"), "Webhook(hooks.example.com, [secret])");
        assert_eq!(hook.target(), ("https://hooks.example.com/services/T0/B0/secret".to_owned(), None));
        let ntfy = |url: &str| url.parse::<Webhook>().unwrap().target();
        assert_eq!(ntfy("https://ntfy.sh/costs").1.as_deref(), Some("costs"));
        assert_eq!(
            ntfy("https://ntfy.example.com/costs"),
            ("https://ntfy.example.com/".to_owned(), Some("costs".to_owned()))
        );
        assert_eq!(
            ntfy("ntfy+http://127.0.0.1:80/costs"),
            ("http://127.0.0.1:80/".to_owned(), Some("costs".to_owned()))
        );
        for wrong in ["", "ftp://x", "https://", "hooks.example.com", "https://x/ y"] {
            assert!(wrong.parse::<Webhook>().is_err(), "{wrong}");
        }
    }
}
