//! What an advertiser still needs before Singular can get a first report.

use chrono::{DateTime, Utc};

use super::token::reads_reports;
use crate::service::ServiceResult;
use crate::store::{AdvertiserRow, ReadTxn};

/// The kinds of catalogue entries that are needed, in the order in which people add them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogueEntry {
    Advertiser,
    App,
    Offer,
    Campaign,
    Publisher,
}

/// How far an advertiser's set-up has come.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// The first kind of entry that is missing.
    pub missing: Option<CatalogueEntry>,
    /// Whether there are any stats.
    pub has_stats: bool,
    /// How many offers there are.
    pub offers: usize,
    /// How many of them have cost reporting on.
    pub offers_on: usize,
    /// Whether Singular can read the report with a token now.
    pub has_token: bool,
}

impl Setup {
    /// The set-up of an advertiser; without one, of all.
    pub fn of(txn: &ReadTxn<'_>, advertiser: Option<&AdvertiserRow>, now: DateTime<Utc>) -> ServiceResult<Self> {
        use CatalogueEntry::{Advertiser, App, Campaign, Offer, Publisher};
        let Some(row) = advertiser else {
            return Ok(Self { missing: Some(Advertiser), has_stats: false, offers: 0, offers_on: 0, has_token: false });
        };
        let counts = txn.catalogue_counts(row.key)?;
        let has = [
            (App, counts.has_apps),
            (Offer, counts.offers > 0),
            (Campaign, counts.has_campaigns),
            (Publisher, counts.has_publishers),
        ];
        Ok(Self {
            missing: has.into_iter().find(|(_, is_there)| !is_there).map(|(entry, _)| entry),
            has_stats: txn.stat_span(row.key)?.is_some(),
            offers: counts.offers,
            offers_on: counts.offers_on,
            has_token: txn.token_list()?.iter().any(|token| token.advertiser == row.key && reads_reports(token, now)),
        })
    }

    /// Whether nothing is missing.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.missing.is_none() && self.has_stats && self.offers_on > 0 && self.has_token
    }
}
