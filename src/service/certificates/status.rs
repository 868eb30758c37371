//! The state of the certificate, stored for the command line, the pages and the metrics.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::certificate::Certificate;
use crate::service::{ServiceError, ServiceResult};
use crate::store;

/// A certificate with less time left than this, or than a quarter of its life if that is shorter, is an alert.
const SOON: TimeDelta = TimeDelta::days(14);

/// The state of a server's certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CertificateStatus {
    /// Its names.
    pub names: Vec<String>,
    /// When it begins to be valid; `None` if there is no certificate.
    pub not_before: Option<DateTime<Utc>>,
    /// When it ends.
    pub not_after: Option<DateTime<Utc>>,
    /// Why the last attempt to renew or read it failed, if it did.
    pub failure: Option<String>,
}

impl CertificateStatus {
    pub(super) fn new(certificate: &Certificate) -> Self {
        Self {
            names: certificate.names.clone(),
            not_before: Some(certificate.not_before),
            not_after: Some(certificate.not_after),
            failure: None,
        }
    }

    /// The state that the data directory's server stored last; `None` if it doesn't serve HTTPS itself.
    pub fn of(data_dir: &Path) -> ServiceResult<Option<Self>> {
        let path = path(data_dir);
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| unusable(&path, &error)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unusable(&path, &error)),
        }
    }

    /// Deletes the stored state, because the server no longer serves HTTPS itself.
    pub fn forget(data_dir: &Path) -> ServiceResult<()> {
        let path = path(data_dir);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(unusable(&path, &error)),
            _ => Ok(()),
        }
    }

    pub(super) fn write(&self, data_dir: &Path) -> ServiceResult<()> {
        let text = serde_json::to_vec_pretty(self).map_err(|error| unusable(&path(data_dir), &error))?;
        write(data_dir, FILE, &text)
    }

    /// Whole days until it ends, 0 on its last day and negative afterwards; `None` if there is no certificate.
    #[must_use]
    pub fn days_left(&self, now: DateTime<Utc>) -> Option<i64> {
        self.not_after.map(|at| (at - now).num_seconds().div_euclid(24 * 60 * 60))
    }

    /// A problem that somebody should look at: there is no certificate, it has ended or ends soon, or new files can't be
    /// used.
    #[must_use]
    pub fn trouble(&self, now: DateTime<Utc>) -> Option<String> {
        let because = self.failure.as_ref().map(|failure| format!(": {failure}")).unwrap_or_default();
        let (Some(from), Some(until)) = (self.not_before, self.not_after) else {
            return Some(format!("there is none yet{because}"));
        };
        let names = self.names.join(", ");
        if until <= now {
            return Some(format!("the one for {names} ended on {}{because}", until.format("%Y-%m-%d %H:%M UTC")));
        }
        let soon = SOON.min((until - from) / 4);
        (until - now < soon)
            .then(|| format!("the one for {names} ends on {}{because}", until.format("%Y-%m-%d %H:%M UTC")))
    }

    /// Whether a new one should be ordered: there is none, it is for other names, or two thirds of its life have passed.
    pub(super) fn is_due(&self, domains: &[String], now: DateTime<Utc>) -> bool {
        self.names != domains || self.until_due(now).is_zero()
    }

    /// How long until two thirds of its life have passed.
    pub(super) fn until_due(&self, now: DateTime<Utc>) -> Duration {
        let (Some(from), Some(until)) = (self.not_before, self.not_after) else { return Duration::ZERO };
        (until - (until - from) / 3 - now).to_std().unwrap_or_default()
    }
}

const DIR: &str = "tls";
const FILE: &str = "status.json";

/// The directory of the files for HTTPS.
pub(super) fn dir(data_dir: &Path) -> PathBuf {
    data_dir.join(DIR)
}

fn path(data_dir: &Path) -> PathBuf {
    dir(data_dir).join(FILE)
}

/// Removes what a killed server had not finished writing there, which may be a key.
pub(super) fn remove_unfinished(data_dir: &Path) -> ServiceResult<()> {
    let dir = dir(data_dir);
    store::remove_unfinished(&dir).map_err(|error| unusable(&dir, &error))
}

/// Writes a file of that directory atomically, readable only by its owner.
pub(super) fn write(data_dir: &Path, name: &str, content: &[u8]) -> ServiceResult<()> {
    let path = dir(data_dir).join(name);
    store::write_private(&path, content).map_err(|error| unusable(&path, &error))
}

pub(super) fn unusable(path: &Path, error: &dyn std::fmt::Display) -> ServiceError {
    ServiceError::Internal(format!("can't use {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// Valid for 90 days.
    fn status() -> CertificateStatus {
        CertificateStatus {
            names: vec!["costs.example.com".to_owned()],
            not_before: Some(at("2026-01-01T00:00:00Z")),
            not_after: Some(at("2026-04-01T00:00:00Z")),
            failure: None,
        }
    }

    #[test]
    fn a_certificate_is_renewed_when_a_third_of_its_life_is_left() {
        let names = status().names;
        assert!(!status().is_due(&names, at("2026-03-01T23:59:59Z")));
        assert!(status().is_due(&names, at("2026-03-02T00:00:00Z")));
        assert!(status().is_due(&["other.example.com".to_owned()], at("2026-01-02T00:00:00Z")));
        assert!(CertificateStatus::default().is_due(&names, at("2026-01-02T00:00:00Z")));
    }

    #[test]
    fn trouble_is_told_two_weeks_ahead_and_for_short_lives_later() {
        assert_eq!(status().trouble(at("2026-03-17T23:00:00Z")), None);
        assert!(status().trouble(at("2026-03-19T00:00:00Z")).unwrap().contains("ends on 2026-04-01"));
        assert!(status().trouble(at("2026-04-02T00:00:00Z")).unwrap().contains("ended on"));
        let six_days = CertificateStatus { not_after: Some(at("2026-01-07T00:00:00Z")), ..status() };
        assert_eq!(six_days.trouble(at("2026-01-05T00:00:00Z")), None);
        assert!(six_days.trouble(at("2026-01-05T13:00:00Z")).is_some());
        let none = CertificateStatus { failure: Some("refused".to_owned()), ..CertificateStatus::default() };
        assert_eq!(none.trouble(at("2026-01-05T13:00:00Z")).unwrap(), "there is none yet: refused");
    }

    #[test]
    fn days_left_are_whole_ones() {
        assert_eq!(status().days_left(at("2026-03-31T12:00:00Z")), Some(0));
        assert_eq!(status().days_left(at("2026-03-30T12:00:00Z")), Some(1));
        assert_eq!(status().days_left(at("2026-04-01T12:00:00Z")), Some(-1));
        assert_eq!(CertificateStatus::default().days_left(at("2026-04-01T12:00:00Z")), None);
    }
}
