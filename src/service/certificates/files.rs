//! A certificate from two PEM files that another program renews.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::certificate::Certificate;
use super::status::unusable;
use crate::service::{ServiceError, ServiceResult};

/// The files, and their state when they were last checked.
pub(super) struct PemFiles {
    certificate: PathBuf,
    key: PathBuf,
    seen: [Option<Look>; 2],
}

/// Length and time of the last change. A file that was replaced by a rename has another time too.
type Look = (u64, SystemTime);

fn look(path: &Path) -> Option<Look> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.len(), found.modified().ok()?))
}

impl PemFiles {
    pub(super) fn new(certificate: PathBuf, key: PathBuf) -> Self {
        let seen = [look(&certificate), look(&key)];
        Self { certificate, key, seen }
    }

    /// Whether either file has changed since the last call.
    pub(super) fn have_changed(&mut self) -> bool {
        let seen = [look(&self.certificate), look(&self.key)];
        std::mem::replace(&mut self.seen, seen) != seen
    }

    pub(super) fn read(&self) -> ServiceResult<Certificate> {
        let read = |path: &Path| std::fs::read(path).map_err(|error| unusable(path, &error));
        Certificate::parse(&read(&self.certificate)?, &read(&self.key)?).map_err(|error| {
            ServiceError::Internal(format!("{} and {}: {error}", self.certificate.display(), self.key.display()))
        })
    }
}
