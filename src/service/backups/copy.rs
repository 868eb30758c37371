//! Copies of the nightly backups on other machines, as noted by `packaging/backup/copy-backup`, which makes them.

use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use super::{TOO_OLD, unusable};
use crate::service::ServiceResult;
use crate::store::Store;

/// The last copy of a nightly backup that was made elsewhere and verified there.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CopyStatus {
    pub copied_at: DateTime<Utc>,
    /// The backup's file name.
    pub backup: String,
}

impl CopyStatus {
    /// What `packaging/backup/copy-backup` noted last; `None` if it has never run.
    pub fn of(data_dir: &Path) -> ServiceResult<Option<Self>> {
        let path = data_dir.join(Store::BACKUPS).join("copied.json");
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| unusable(&path, &error)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unusable(&path, &error)),
        }
    }

    /// How long ago; `None` if the clock was set back since.
    #[must_use]
    pub fn age(&self, now: DateTime<Utc>) -> Option<TimeDelta> {
        Some(now - self.copied_at).filter(|age| *age >= TimeDelta::zero())
    }

    /// A problem that somebody should look at, if there is one.
    #[must_use]
    pub fn trouble(&self, now: DateTime<Utc>) -> Option<String> {
        let age = self.age(now)?;
        (age > TOO_OLD).then(|| format!("no backup was copied elsewhere for {} hours", age.num_hours()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_trouble_when_it_is_too_old() {
        let copied_at = "2026-11-22T04:00:00Z".parse().unwrap();
        let copy = CopyStatus { copied_at, backup: "pitlane-x.db".to_owned() };
        assert_eq!(copy.trouble(copied_at + TimeDelta::hours(30)), None);
        assert!(copy.trouble(copied_at + TimeDelta::hours(40)).unwrap().contains("for 40 hours"));
        // From before the clock was set back.
        assert_eq!(
            (copy.age(copied_at - TimeDelta::hours(1)), copy.trouble(copied_at - TimeDelta::hours(1))),
            (None, None)
        );
    }
}
