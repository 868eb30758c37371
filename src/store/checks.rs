//! The last check from outside of each advertiser's report.

use chrono::{DateTime, Utc};

use crate::store::{AdvertiserKey, ReadTxn, StoreResult, WriteTxn, from_ms, to_ms};

/// A stored check.
#[derive(Debug, Clone)]
pub struct CheckRow {
    pub at: DateTime<Utc>,
    /// The address that was asked.
    pub url: String,
    /// What each part found, as JSON.
    pub findings: String,
}

impl ReadTxn<'_> {
    /// The last check of an advertiser's report.
    pub fn check_last(&self, advertiser: AdvertiserKey) -> StoreResult<Option<CheckRow>> {
        let sql = "select at, url, findings from checks where advertiser_key = ?1";
        self.first("find the last check", sql, [advertiser.0], |row| {
            Ok(CheckRow { at: from_ms(row.get(0)?), url: row.get(1)?, findings: row.get(2)? })
        })
    }
}

impl WriteTxn<'_> {
    /// Stores a check instead of the previous one.
    pub fn check_put(&self, advertiser: AdvertiserKey, check: &CheckRow) -> StoreResult<()> {
        let sql = "insert or replace into checks (advertiser_key, at, url, findings) values (?1, ?2, ?3, ?4)";
        self.run("keep a check", sql, (advertiser.0, to_ms(check.at), &check.url, &check.findings)).map(drop)
    }
}
