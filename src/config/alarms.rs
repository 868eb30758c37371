//! Where alarms go (contract §10). Secrets come from the environment or from files, never from a flag.

use std::path::PathBuf;

use secrecy::SecretString;

use crate::domain::{AlarmChannels, Email, Invalid, MailChannel, MailServer, Webhook};

/// The flags for alarms.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Alarms")]
pub struct Alarms {
    /// Mail server that takes alarms, such as <smtp://user@mail.example.com>; smtps:// for TLS from the first byte
    #[arg(long, env = "PITLANE_SMTP", value_name = "URL", requires_all = ["alarm_from", "alarm_to"], value_parser = super::parse::<MailServer>)]
    pub smtp: Option<MailServer>,

    /// File with the mail user's password, if it isn't in `PITLANE_SMTP_PASSWORD`
    #[arg(long, env = "PITLANE_SMTP_PASSWORD_FILE", value_name = "FILE", requires = "smtp")]
    pub smtp_password_file: Option<PathBuf>,

    /// PEM file with roots to trust for the mail server besides the usual ones
    #[arg(long, env = "PITLANE_SMTP_ROOT", value_name = "FILE", requires = "smtp")]
    pub smtp_root: Option<PathBuf>,

    /// Sender of alarm mails
    #[arg(long, env = "PITLANE_ALARM_FROM", value_name = "EMAIL", value_parser = super::parse::<Email>)]
    pub alarm_from: Option<Email>,

    /// Who gets alarm mails; separated by commas, or repeated
    #[arg(long, env = "PITLANE_ALARM_TO", value_name = "EMAIL", value_delimiter = ',', value_parser = super::parse::<Email>)]
    pub alarm_to: Vec<Email>,

    /// Address that alarms are posted to as JSON: Slack, Mattermost, Discord, ntfy or a program of your own
    #[arg(long, env = "PITLANE_ALARM_WEBHOOK", value_name = "URL", hide_env_values = true, value_parser = super::parse::<Webhook>)]
    pub alarm_webhook: Option<Webhook>,
}

impl Alarms {
    /// The configured channels, with their secrets.
    pub fn channels(&self) -> Result<AlarmChannels, Invalid> {
        let mail = match (&self.smtp, &self.alarm_from) {
            (Some(server), Some(from)) => Some(MailChannel {
                password: self.password(server)?,
                roots: self.smtp_root.as_ref().map(|path| read("smtp_root", path)).transpose()?,
                server: server.clone(),
                from: from.clone(),
                to: self.alarm_to.clone(),
            }),
            _ => None,
        };
        Ok(AlarmChannels { mail, webhook: self.alarm_webhook.clone() })
    }

    fn password(&self, server: &MailServer) -> Result<Option<SecretString>, Invalid> {
        if server.user.is_none() {
            return Ok(None);
        }
        let text = match (&self.smtp_password_file, std::env::var("PITLANE_SMTP_PASSWORD")) {
            (Some(path), _) => String::from_utf8(read("smtp_password_file", path)?)
                .map_err(|_| Invalid::because("smtp_password_file", format!("{} is not text", path.display())))?,
            (None, Ok(text)) => text,
            (None, Err(_)) => {
                let message = "the mail user needs a password: set PITLANE_SMTP_PASSWORD or --smtp-password-file";
                return Err(Invalid::because("smtp", message));
            }
        };
        Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned().into()))
    }
}

fn read(field: &'static str, path: &std::path::Path) -> Result<Vec<u8>, Invalid> {
    std::fs::read(path).map_err(|error| Invalid::because(field, format!("can't read {}: {error}", path.display())))
}
