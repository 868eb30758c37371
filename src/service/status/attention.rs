//! What needs attention, and how badly.

use chrono::{DateTime, TimeDelta, Utc};

use super::polling::{self, PollingState, PollingStatus};
use super::token::{Rotation, TokenState, reads_reports, rotation};
use crate::domain::{Day, phrase};
use crate::service::access::tokens::is_allowed_from;
use crate::service::backups::{BackupStatus, CopyStatus};
use crate::service::certificates::CertificateStatus;
use crate::service::{ServiceResult, imports};
use crate::store::{AdvertiserRow, ReadTxn, StatFilter, TokenRow};

/// Refused polls and tokens that were used are told of for this long.
const RECENT: TimeDelta = TimeDelta::days(7);

/// How bad it is; the worst is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It will go wrong, or somebody should look at it.
    Warning,
    /// Singular does not get what it should, or something is broken.
    Critical,
}

/// Something that needs attention.
#[derive(Debug)]
pub struct Alert {
    /// How badly.
    pub severity: Severity,
    /// What it is.
    pub kind: AlertKind,
}

/// What it is that needs attention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertKind {
    /// Backups failed, are damaged or too old.
    Backups {
        /// What is wrong with them.
        trouble: String,
    },
    /// The server's own certificate is missing, has ended or ends soon.
    Certificate {
        /// What is wrong with it.
        trouble: String,
    },
    /// The disk is nearly full.
    DiskLow {
        /// What is free, in megabytes.
        free_mb: u64,
    },
    /// Alarms can't be sent.
    ChannelFailing {
        /// `mail` or `webhook`.
        channel: String,
        /// Since when.
        since: DateTime<Utc>,
        /// Why.
        why: String,
    },
    /// Days that only a refresh request brings to Singular.
    RefreshNeeded {
        /// How many.
        count: i64,
        /// The oldest.
        first: Day,
        /// The newest.
        last: Day,
    },
    /// Polls come, and are refused.
    PollingRefused {
        /// The status they get.
        status: u16,
    },
    /// Singular got far less than usual.
    ServedLess {
        /// Rows of its last answer.
        rows: i64,
        /// Rows it usually gets.
        usual: i64,
    },
    /// An import's process was killed.
    ImportCutOff {
        /// Which.
        import: String,
    },
    /// The advertiser is disabled, and with it its tokens.
    AdvertiserDisabled,
    /// All offers are switched off.
    NoOfferReports,
    /// Some offers are switched off.
    OffersOff {
        /// How many.
        count: i64,
    },
    /// No token can read the report.
    NoToken,
    /// A rotation can be finished.
    OldTokenUnused {
        /// The old token's name.
        name: String,
    },
    /// A token that was in use has expired.
    TokenExpired {
        /// Its name.
        name: String,
    },
    /// A token expires soon.
    TokenEnding {
        /// Its name.
        name: String,
        /// How long it works yet.
        left: TimeDelta,
        /// Whether another one takes its place already.
        has_successor: bool,
    },
    /// Polls came, and come no more.
    PollingStopped {
        /// How long ago the last one was answered.
        silence: TimeDelta,
    },
    /// Yesterday has no stats.
    NoStats {
        /// Yesterday, as the advertiser counts days.
        day: Day,
    },
    /// Polls with a known token were refused.
    PollsRefused {
        /// How many, in the last 7 days.
        count: i64,
    },
    /// A token that is bound to networks was used from elsewhere.
    TokenElsewhere {
        /// Its name.
        name: String,
        /// From where.
        address: String,
    },
    /// Polls without a valid token came.
    StrangersRefused {
        /// How many, in the last 7 days.
        count: i64,
    },
}

impl AlertKind {
    /// What it is, in a sentence or two.
    #[must_use]
    pub fn message(&self) -> String {
        let refused = |count: i64, which: &str| {
            let were = if count == 1 { "was" } else { "were" };
            format!("{}{which} {were} refused in the last 7 days.", phrase::plural(count, "poll"))
        };
        match self {
            Self::Backups { trouble } => format!("Backups: {trouble}. On the server, pitlane doctor says what to do."),
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
                format!("Alarms by {name} have not got through since {since}: {why}.")
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
                format!("Singular needs a refresh request: it has other figures for {days}.")
            }
            Self::PollingRefused { status } => format!("Singular's polls are refused with {status}."),
            Self::ServedLess { rows: 0, usual } => {
                format!("Singular's last poll got no rows; it usually gets {}.", phrase::count(*usual))
            }
            Self::ServedLess { rows, usual } => {
                format!(
                    "Singular's last poll got {}; it usually gets {}.",
                    phrase::plural(*rows, "row"),
                    phrase::count(*usual)
                )
            }
            Self::ImportCutOff { import } => format!("An import was cut off: {import}. Nothing of it is there."),
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
    /// What it is called as an alarm, the same for as long as it lasts; none for what only pages tell.
    #[must_use]
    pub fn alarm_name(&self) -> Option<String> {
        let named = |what: &str, name: &str| Some(format!("{what} {name}"));
        match self {
            Self::Backups { .. } => Some("backups".to_owned()),
            Self::Certificate { .. } => Some("certificate".to_owned()),
            Self::DiskLow { .. } => Some("disk".to_owned()),
            Self::NoOfferReports => Some("no-offers".to_owned()),
            Self::NoToken => Some("no-token".to_owned()),
            Self::TokenExpired { name } => named("token-expired", name),
            Self::TokenEnding { name, .. } => named("token-ending", name),
            Self::PollingStopped { .. } => Some("polling-stopped".to_owned()),
            Self::PollingRefused { .. } => Some("polling-refused".to_owned()),
            Self::ServedLess { .. } => Some("served-less".to_owned()),
            Self::RefreshNeeded { .. } => Some("refresh".to_owned()),
            Self::NoStats { .. } => Some("no-stats".to_owned()),
            Self::ChannelFailing { .. }
            | Self::ImportCutOff { .. }
            | Self::AdvertiserDisabled
            | Self::OffersOff { .. }
            | Self::OldTokenUnused { .. }
            | Self::PollsRefused { .. }
            | Self::StrangersRefused { .. }
            | Self::TokenElsewhere { .. } => None,
        }
    }
}

fn warning(kind: AlertKind) -> Alert {
    Alert { severity: Severity::Warning, kind }
}

fn critical(kind: AlertKind) -> Alert {
    Alert { severity: Severity::Critical, kind }
}

/// How the appliance's own affairs stand, whichever advertiser is looked at.
#[derive(Debug, Default)]
pub struct ApplianceStatus {
    /// Its backups.
    pub backups: BackupStatus,
    /// Its own certificate, where it speaks TLS itself.
    pub certificate: Option<CertificateStatus>,
    /// The last copy of a backup elsewhere, where copies are made.
    pub copy: Option<CopyStatus>,
    /// Megabytes that are free on the disk, where they are few.
    pub disk_low: Option<u64>,
    /// Channels of alarms that fail.
    pub channels: Vec<ChannelStatus>,
}

/// A channel of alarms that fails.
#[derive(Debug, Clone)]
pub struct ChannelStatus {
    /// `mail` or `webhook`.
    pub channel: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// Why.
    pub why: String,
}

/// What needs attention whichever advertiser is looked at.
#[must_use]
pub fn of_appliance(appliance: &ApplianceStatus, now: DateTime<Utc>) -> Vec<Alert> {
    let backups = appliance.backups.trouble(now).map(|trouble| AlertKind::Backups { trouble });
    let certificate = appliance.certificate.as_ref().and_then(|certificate| certificate.trouble(now));
    let certificate = certificate.map(|trouble| AlertKind::Certificate { trouble });
    let copy = appliance.copy.as_ref().and_then(|copy| copy.trouble(now)).map(|trouble| AlertKind::Backups { trouble });
    let disk = appliance.disk_low.map(|free_mb| AlertKind::DiskLow { free_mb });
    let channels = appliance.channels.iter().cloned();
    let channels =
        channels.map(|ChannelStatus { channel, since, why }| AlertKind::ChannelFailing { channel, since, why });
    backups.into_iter().chain(copy).chain(certificate).chain(disk).chain(channels).map(critical).collect()
}

/// What needs attention for one advertiser, the worst first.
pub fn of_advertiser(txn: &ReadTxn<'_>, advertiser: &AdvertiserRow, now: DateTime<Utc>) -> ServiceResult<Vec<Alert>> {
    let mut found = Vec::new();
    let cut_off = imports::recently_cut_off(txn, imports::CUT_OFF_NOTICE, now)?.into_iter();
    found.extend(cut_off.map(|row| critical(AlertKind::ImportCutOff { import: row.subject })));
    if advertiser.disabled_at.is_some() {
        found.push(critical(AlertKind::AdvertiserDisabled));
    }
    found.extend(of_offers(txn, advertiser)?);
    let own: Vec<_> = txn.token_list()?.into_iter().filter(|row| row.advertiser == advertiser.key).collect();
    if advertiser.disabled_at.is_none() && !own.iter().any(|row| reads_reports(row, now)) {
        found.push(critical(AlertKind::NoToken));
    }
    found.extend(own.iter().filter_map(|row| of_token(row, &own, now)));
    let status = PollingStatus::of(txn, advertiser.id, now)?;
    match (status.state, status.last_at(), &status.refused) {
        (PollingState::Stopped, Some(at), _) => {
            found.push(critical(AlertKind::PollingStopped { silence: now - at }));
        }
        (PollingState::Refused, Some(_), Some(poll)) => {
            found.push(critical(AlertKind::PollingRefused { status: poll.status }));
        }
        _ => {}
    }
    let less = polling::served_less(txn, advertiser.id)?;
    found.extend(less.map(|(rows, usual)| critical(AlertKind::ServedLess { rows, usual })));
    found.extend(missing_stats(txn, advertiser, now)?);
    let count = txn.polls_refused_since(advertiser.id, now - RECENT)?;
    if count > 0 {
        found.push(warning(AlertKind::PollsRefused { count }));
    }
    for (key, address) in txn.polls_forbidden_since(advertiser.id, now - RECENT)? {
        let bound = own.iter().find(|row| row.key == key && !row.networks.is_empty());
        let elsewhere = address.parse().is_ok_and(|from| bound.is_some_and(|row| !is_allowed_from(row, from)));
        if let (Some(row), true) = (bound, elsewhere) {
            found.push(critical(AlertKind::TokenElsewhere { name: row.name.clone(), address }));
        }
    }
    let count = txn.polls_of_strangers_since(now - RECENT)?;
    if count > 0 {
        found.push(warning(AlertKind::StrangersRefused { count }));
    }
    found.sort_by_key(|alert| std::cmp::Reverse(alert.severity));
    Ok(found)
}

fn of_offers(txn: &ReadTxn<'_>, advertiser: &AdvertiserRow) -> ServiceResult<Option<Alert>> {
    let counts = txn.catalogue_counts(advertiser.key)?;
    let off = counts.offers - counts.offers_on;
    Ok(match off {
        _ if off == counts.offers => Some(critical(AlertKind::NoOfferReports)),
        0 => None,
        _ => Some(warning(AlertKind::OffersOff { count: i64::try_from(off).unwrap_or(i64::MAX) })),
    })
}

fn of_token(row: &TokenRow, all: &[TokenRow], now: DateTime<Utc>) -> Option<Alert> {
    let name = row.name.clone();
    let rotation = rotation(row, all, now);
    if let Some(Rotation::ReplacedBy(new)) = rotation
        && new.last_used_at.is_some()
    {
        return Some(warning(AlertKind::OldTokenUnused { name }));
    }
    match TokenState::of(row, now) {
        TokenState::Expired(_) if row.last_used_at.is_some_and(|used| now - used < RECENT) => {
            Some(critical(AlertKind::TokenExpired { name }))
        }
        TokenState::Ending(at) => {
            let has_successor = matches!(rotation, Some(Rotation::ReplacedBy(_)));
            Some(warning(AlertKind::TokenEnding { name, left: at - now, has_successor }))
        }
        _ => None,
    }
}

fn missing_stats(txn: &ReadTxn<'_>, advertiser: &AdvertiserRow, now: DateTime<Utc>) -> ServiceResult<Option<Alert>> {
    let Some(day) = advertiser.time_zone.today(now)?.earlier(1) else { return Ok(None) };
    let stored = day.to_stored();
    let filter = StatFilter { advertiser: advertiser.key, from: stored, to: stored, campaign: None, publisher: None };
    let mut rows = 0_u64;
    txn.stat_scan_lines(&filter, |_| rows += 1)?;
    Ok((rows == 0).then(|| warning(AlertKind::NoStats { day })))
}
