//! Alerts: their kinds, severity, messages, and names as alarms.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::{Day, phrase};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It may go wrong, or somebody should look at it.
    Warning,
    /// Singular doesn't get what it should, or something is broken.
    Critical,
}

/// Something that needs attention.
#[derive(Debug)]
pub struct Alert {
    pub severity: Severity,
    /// The kind, with its figures.
    pub kind: AlertKind,
}

/// The kind of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertKind {
    /// Backups failed, are damaged or too old.
    Backups { trouble: String },
    /// The last copy of a backup elsewhere is too old.
    BackupCopies { trouble: String },
    /// The server's own certificate is missing, has expired or expires soon.
    Certificate { trouble: String },
    /// The disk is nearly full.
    DiskLow {
        /// Free megabytes.
        free_mb: u64,
    },
    /// Alarms can't be sent.
    ChannelFailing {
        /// `mail` or `webhook`.
        channel: String,
        since: DateTime<Utc>,
        why: String,
    },
    /// Days that only a refresh request covers.
    RefreshNeeded { count: i64, first: Day, last: Day },
    /// Polls are refused.
    PollingRefused {
        /// Their HTTP status.
        status: u16,
    },
    /// Singular's last answer for a complete day had nothing, or far less than usual.
    ServedLess {
        /// The newest such day.
        day: Day,
        /// How many such days there are.
        count: i64,
        /// Items that Singular received for that day.
        items: i64,
        /// The usual number of items.
        usual: i64,
        /// Whether the next poll gets something else.
        is_coming: bool,
    },
    /// The last poll with a token was refused.
    TokenRefused {
        name: String,
        /// Its HTTP status.
        status: u16,
    },
    /// An import was killed.
    ImportCutOff { import: String },
    /// The advertiser is disabled, so its tokens are refused.
    AdvertiserDisabled,
    /// Cost reporting is off for all offers.
    NoOfferReports,
    /// Cost reporting is off for some offers.
    OffersOff { count: i64 },
    /// No token can read the report.
    NoToken,
    /// A rotated token is no longer used and can be revoked.
    OldTokenUnused {
        /// The old token's name.
        name: String,
    },
    /// A token that was in use has expired.
    TokenExpired { name: String },
    /// A token expires soon.
    TokenEnding {
        name: String,
        /// The time until it expires.
        left: TimeDelta,
        /// Whether another token already replaces it.
        has_successor: bool,
    },
    /// No polls come any more.
    PollingStopped {
        /// The time since the last answered poll.
        silence: TimeDelta,
    },
    /// Yesterday has no stats.
    NoStats {
        /// Yesterday, in the advertiser's zone.
        day: Day,
    },
    /// Polls with a known token were refused.
    PollsRefused {
        /// How many, in the last 7 days.
        count: i64,
    },
    /// A token was used from a network that it isn't allowed from.
    TokenElsewhere { name: String, address: String },
    /// Polls without a valid token came.
    StrangersRefused {
        /// How many, in the last 7 days.
        count: i64,
    },
}

impl AlertKind {
    /// The message, one or two sentences.
    #[must_use]
    pub fn message(&self) -> String {
        let refused = |count: i64, which: &str| {
            let were = if count == 1 { "was" } else { "were" };
            format!("{}{which} {were} refused in the last 7 days.", phrase::plural(count, "poll"))
        };
        match self {
            Self::Backups { trouble } | Self::BackupCopies { trouble } => {
                format!("Backups: {trouble}. On the server, pitlane doctor says what to do.")
            }
            Self::Certificate { trouble } => format!("Certificate: {trouble}."),
            Self::DiskLow { free_mb } => {
                format!(
                    "The disk is nearly full: {} MB are free.",
                    phrase::count(i64::try_from(*free_mb).unwrap_or(i64::MAX))
                )
            }
            Self::ChannelFailing { channel, since, why } => {
                let name = if channel == "mail" { "e-mail" } else { "webhook" };
                let since = since.format("%-d %b %Y, %H:%M UTC");
                format!("Alarms by {name} could not be sent since {since}: {why}.")
            }
            Self::RefreshNeeded { count, first, last } => {
                let days = if first == last {
                    phrase::day(*first)
                } else {
                    format!(
                        "{} between {} and {}",
                        phrase::plural(*count, "day"),
                        phrase::day(*first),
                        phrase::day(*last)
                    )
                };
                format!("Singular needs a refresh request: it does not have what the report says for {days}.")
            }
            Self::PollingRefused { status } => format!("Singular's polls are refused with {status}."),
            Self::ServedLess { day, count, items, usual, is_coming } => {
                let items = if *items == 0 { "nothing".to_owned() } else { phrase::plural(*items, "item") };
                let others = if *count > 1 { format!(", the newest of {count} such days") } else { String::new() };
                let coming = if *is_coming { " The next poll brings what is there now." } else { "" };
                format!(
                    "Singular got {items} for {}{others}; usually it gets {}.{coming}",
                    phrase::day(*day),
                    phrase::count(*usual)
                )
            }
            Self::TokenRefused { name, status } => format!("Polls with the token “{name}” are refused with {status}."),
            Self::ImportCutOff { import } => format!("An import was cut off: {import}. Nothing was imported."),
            Self::AdvertiserDisabled => "This advertiser is disabled: its tokens are refused.".to_owned(),
            Self::NoOfferReports => "Cost reporting is off for all offers: Singular gets an empty report.".to_owned(),
            Self::OffersOff { count } => format!("Cost reporting is off for {}.", phrase::plural(*count, "offer")),
            Self::NoToken => "No active token can read the report, so Singular can't get any cost.".to_owned(),
            Self::OldTokenUnused { name } => {
                format!("The new token for “{name}” is in use, so you can revoke the old one.")
            }
            Self::TokenExpired { name } => format!("The token “{name}” has expired and is refused."),
            Self::TokenEnding { name, left, .. } => {
                format!("The token “{name}” expires in {}.", phrase::span(*left))
            }
            Self::PollingStopped { silence } => {
                format!("Singular has stopped polling: the last poll was {} ago.", phrase::span(*silence))
            }
            Self::NoStats { day } => format!("There are no stats for yesterday, {}.", phrase::day(*day)),
            Self::PollsRefused { count } => refused(*count, ""),
            Self::TokenElsewhere { name, address } => format!(
                "The token “{name}” was used from {address}, which is not on its list of networks, and was refused."
            ),
            Self::StrangersRefused { count } => refused(*count, " without a valid token"),
        }
    }
}

impl AlertKind {
    /// Its name as an alarm, which stays the same while it lasts; `None` for alerts that only pages show.
    #[must_use]
    pub fn alarm_name(&self) -> Option<String> {
        let named = |what: &str, name: &str| Some(format!("{what} {name}"));
        match self {
            Self::Backups { .. } => Some("backups".to_owned()),
            Self::BackupCopies { .. } => Some("backup-copies".to_owned()),
            Self::Certificate { .. } => Some("certificate".to_owned()),
            Self::DiskLow { .. } => Some("disk".to_owned()),
            Self::NoOfferReports => Some("no-offers".to_owned()),
            Self::NoToken => Some("no-token".to_owned()),
            Self::TokenExpired { name } => named("token-expired", name),
            Self::TokenEnding { name, .. } => named("token-ending", name),
            Self::PollingStopped { .. } => Some("polling-stopped".to_owned()),
            Self::PollingRefused { .. } => Some("polling-refused".to_owned()),
            Self::ServedLess { .. } => Some("served-less".to_owned()),
            Self::TokenRefused { name, .. } => named("token-refused", name),
            Self::RefreshNeeded { .. } => Some("refresh".to_owned()),
            Self::NoStats { .. } => Some("no-stats".to_owned()),
            Self::TokenElsewhere { name, .. } => named("token-elsewhere", name),
            Self::ChannelFailing { .. }
            | Self::ImportCutOff { .. }
            | Self::AdvertiserDisabled
            | Self::OffersOff { .. }
            | Self::OldTokenUnused { .. }
            | Self::PollsRefused { .. }
            | Self::StrangersRefused { .. } => None,
        }
    }
}

pub(super) fn warning(kind: AlertKind) -> Alert {
    Alert { severity: Severity::Warning, kind }
}

pub(super) fn critical(kind: AlertKind) -> Alert {
    Alert { severity: Severity::Critical, kind }
}
