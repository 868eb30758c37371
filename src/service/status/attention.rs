//! The rules of alerts. Those about the ledger are in `handover.rs`.

use chrono::{DateTime, TimeDelta, Utc};

use super::alert::{Alert, AlertKind, critical, warning};
use super::polling::{PollingState, PollingStatus};
use super::token::{Rotation, TokenState, reads_reports, rotation};
use crate::service::access::tokens::is_allowed_from;
use crate::service::backups::{BackupStatus, CopyStatus};
use crate::service::certificates::CertificateStatus;
use crate::service::{ServiceResult, imports};
use crate::store::{AdvertiserRow, ReadTxn, TokenRow};

/// How long refused polls and used tokens are reported.
const RECENT: TimeDelta = TimeDelta::days(7);
/// A refused token that wasn't used for this long is no longer reported.
const REFUSED_LATELY: TimeDelta = TimeDelta::hours(26);

/// The state of the server itself, independent of advertisers.
#[derive(Debug, Default)]
pub struct ApplianceStatus {
    pub backups: BackupStatus,
    /// Its certificate, if it serves HTTPS itself.
    pub certificate: Option<CertificateStatus>,
    /// The last copy of a backup elsewhere, if copies are made.
    pub copy: Option<CopyStatus>,
    /// Free megabytes on the disk, if they are few.
    pub disk_low: Option<u64>,
    /// Alarm channels that fail.
    pub channels: Vec<ChannelStatus>,
}

/// An alarm channel that fails.
#[derive(Debug, Clone)]
pub struct ChannelStatus {
    /// `mail` or `webhook`.
    pub channel: String,
    pub since: DateTime<Utc>,
    pub why: String,
}

/// The alerts about the server itself.
#[must_use]
pub fn of_appliance(appliance: &ApplianceStatus, now: DateTime<Utc>) -> Vec<Alert> {
    let backups = appliance.backups.trouble(now).map(|trouble| AlertKind::Backups { trouble });
    let certificate = appliance.certificate.as_ref().and_then(|certificate| certificate.trouble(now));
    let certificate = certificate.map(|trouble| AlertKind::Certificate { trouble });
    let copy = appliance.copy.as_ref().and_then(|copy| copy.trouble(now));
    let copy = copy.map(|trouble| AlertKind::BackupCopies { trouble });
    let disk = appliance.disk_low.map(|free_mb| AlertKind::DiskLow { free_mb });
    let channels = appliance.channels.iter().cloned();
    let channels =
        channels.map(|ChannelStatus { channel, since, why }| AlertKind::ChannelFailing { channel, since, why });
    backups.into_iter().chain(copy).chain(certificate).chain(disk).chain(channels).map(critical).collect()
}

/// The alerts of one advertiser, worst first.
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
    let refused = txn.tokens_refused(advertiser.id, now - REFUSED_LATELY)?;
    let is_told = !refused.is_empty();
    found.extend(refused.into_iter().map(|(name, status)| critical(AlertKind::TokenRefused { name, status })));
    let status = PollingStatus::of(txn, advertiser.id, now)?;
    match (status.state, status.last_at(), &status.refused) {
        (PollingState::Stopped, Some(at), _) => {
            found.push(critical(AlertKind::PollingStopped { silence: now - at }));
        }
        (PollingState::Refused, Some(_), Some(poll)) if !is_told => {
            found.push(critical(AlertKind::PollingRefused { status: poll.status }));
        }
        _ => {}
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
    let has_stats = !txn.stat_scan(advertiser.key, stored, stored).next(txn)?.is_empty();
    Ok((!has_stats).then(|| warning(AlertKind::NoStats { day })))
}
