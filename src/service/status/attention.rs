//! What needs attention, and how badly.

use chrono::{DateTime, TimeDelta, Utc};

use super::polling::{PollingState, PollingStatus};
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

fn warning(kind: AlertKind) -> Alert {
    Alert { severity: Severity::Warning, kind }
}

fn critical(kind: AlertKind) -> Alert {
    Alert { severity: Severity::Critical, kind }
}

/// How the appliance's own affairs stand, whichever advertiser is looked at.
#[derive(Debug)]
pub struct ApplianceStatus {
    /// Its backups.
    pub backups: BackupStatus,
    /// Its own certificate, where it speaks TLS itself.
    pub certificate: Option<CertificateStatus>,
    /// The last copy of a backup elsewhere, where copies are made.
    pub copy: Option<CopyStatus>,
}

/// What needs attention whichever advertiser is looked at.
#[must_use]
pub fn of_appliance(appliance: &ApplianceStatus, now: DateTime<Utc>) -> Vec<Alert> {
    let backups = appliance.backups.trouble(now).map(|trouble| AlertKind::Backups { trouble });
    let certificate = appliance.certificate.as_ref().and_then(|certificate| certificate.trouble(now));
    let certificate = certificate.map(|trouble| AlertKind::Certificate { trouble });
    let copy = appliance.copy.as_ref().and_then(|copy| copy.trouble(now)).map(|trouble| AlertKind::Backups { trouble });
    backups.into_iter().chain(copy).chain(certificate).map(critical).collect()
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
    let polling = PollingStatus::of(txn, advertiser.id, now)?;
    if let (PollingState::Stopped, Some(at)) = (polling.state, polling.last_at()) {
        found.push(critical(AlertKind::PollingStopped { silence: now - at }));
    }
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
