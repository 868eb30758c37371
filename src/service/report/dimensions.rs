//! What a report says about campaigns and publishers, loaded once per catalogue version and already escaped.
//!
//! So the report never joins, never escapes a name twice, and copies most of a row in one piece.

use std::sync::atomic::{AtomicU64, Ordering};

use super::columns::Columns;
use super::lines::{DateText, Line, LineMaker, PublisherText};
use super::{ReportRequest, dangling, format};
use crate::domain::Day;
use crate::service::{ServiceError, ServiceResult};
use crate::store::{AdvertiserKey, CampaignKey, CampaignRow, PublisherKey, PublisherRow, ReadTxn, ReportRow, Version};

/// An advertiser's campaigns and all publishers, as one report writes them in one format.
pub(super) struct Dimensions {
    versions: (Version, Version),
    longest: usize,
    any_enabled: bool,
    rows_a_day: AtomicU64,
    /// By key, like a day's rows.
    campaigns: Vec<Campaign>,
    publishers: Vec<Publisher>,
    rows: Vec<CampaignRow>,
}

/// A campaign's part of a row.
pub(super) struct Campaign {
    key: CampaignKey,
    enabled: bool,
    line: Line,
}

struct Publisher {
    key: PublisherKey,
    id: PublisherText,
    name: String,
}

impl Dimensions {
    pub(super) fn load(
        txn: &ReadTxn<'_>,
        advertiser: AdvertiserKey,
        asked: &ReportRequest,
        versions: (Version, Version),
    ) -> ServiceResult<Self> {
        let rows = txn.campaign_list(advertiser)?;
        let publishers = txn.publisher_list()?.into_iter().map(Publisher::new).collect();
        let (mut campaigns, mut longest) = (Vec::new(), 0);
        if let Columns::Daily(columns) = asked.columns() {
            let mut maker = LineMaker::new(columns, format(asked.format));
            let campaign =
                |row: &CampaignRow| Campaign { key: row.key, enabled: row.offer.cost_reporting, line: maker.line(row) };
            campaigns = rows.iter().map(campaign).collect();
            longest = maker.longest();
        }
        let any_enabled = rows.iter().any(|row| row.offer.cost_reporting);
        Ok(Self { versions, longest, any_enabled, rows_a_day: AtomicU64::new(0), campaigns, publishers, rows })
    }

    /// The versions of the catalogue and of the publishers when this was loaded.
    pub(super) fn versions(&self) -> (Version, Version) {
        self.versions
    }

    /// The campaigns with their names, by key.
    pub(super) fn campaign_rows(&self) -> &[CampaignRow] {
        &self.rows
    }

    pub(super) fn any_enabled(&self) -> bool {
        self.any_enabled
    }

    pub(super) fn publisher_name(&self, key: PublisherKey) -> ServiceResult<&str> {
        self.publisher(key).map(|publisher| publisher.name.as_str())
    }

    #[expect(clippy::inline_always, reason = "measured")]
    #[inline(always)]
    fn publisher(&self, key: PublisherKey) -> ServiceResult<&Publisher> {
        // Keys count up from one and publishers are rarely deleted, so the key mostly gives the index.
        let guess = usize::try_from(key.get() - 1).ok().and_then(|at| self.publishers.get(at));
        if let Some(publisher) = guess.filter(|publisher| publisher.key == key) {
            return Ok(publisher);
        }
        let at = self.publishers.binary_search_by_key(&key, |publisher| publisher.key);
        at.ok().and_then(|at| self.publishers.get(at)).ok_or_else(|| dangling("publisher", key.get()))
    }

    /// The approximate size of a day, from the largest day seen so far.
    pub(super) fn day_bytes(&self) -> usize {
        let seen = usize::try_from(self.rows_a_day.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        let rows = if seen == 0 { self.campaigns.len() } else { seen };
        rows.saturating_mul(self.longest)
    }

    /// Notes how many rows a day had.
    pub(super) fn note_day(&self, rows: u64) {
        self.rows_a_day.fetch_max(rows.max(1), Ordering::Relaxed);
    }

    /// Starts on a day.
    pub(super) fn day(&self, day: i64) -> ServiceResult<DayWriter<'_>> {
        let text = Day::from_stored(day)?.to_string();
        let date = DateText::try_from(text.as_bytes())
            .map_err(|_| ServiceError::Internal(format!("the day {text} has more than ten characters")))?;
        Ok(DayWriter { dimensions: self, date, at: 0 })
    }
}

impl Publisher {
    fn new(row: PublisherRow) -> Self {
        let mut id = [0; uuid::fmt::Hyphenated::LENGTH];
        uuid::Uuid::from(row.id).hyphenated().encode_lower(&mut id);
        Self { key: row.key, id, name: row.name }
    }
}

/// Writes the rows of one day. They must come in the table's order, by campaign.
pub(super) struct DayWriter<'d> {
    dimensions: &'d Dimensions,
    date: DateText,
    at: usize,
}

impl<'d> DayWriter<'d> {
    /// The row's campaign; `None` if its offer has cost reporting off.
    ///
    /// Rows and campaigns are both sorted by key, so the search continues from the previous row's campaign.
    pub(super) fn campaign(&mut self, row: &ReportRow) -> ServiceResult<Option<&'d Campaign>> {
        let campaigns = &self.dimensions.campaigns;
        if campaigns.get(self.at).is_none_or(|here| here.key != row.campaign) {
            let rest = campaigns.get(self.at..).unwrap_or_default();
            let next = rest.get(1).is_some_and(|next| next.key == row.campaign);
            self.at += if next { 1 } else { rest.partition_point(|campaign| campaign.key < row.campaign) };
        }
        match campaigns.get(self.at) {
            Some(campaign) if campaign.key == row.campaign => Ok(campaign.enabled.then_some(campaign)),
            _ => Err(dangling("campaign", row.campaign.get())),
        }
    }

    #[inline]
    pub(super) fn write(&self, campaign: &Campaign, row: &ReportRow, out: &mut Vec<u8>) -> ServiceResult<()> {
        let publisher = self.dimensions.publisher(row.publisher)?;
        campaign.line.write(&self.date, &publisher.id, row, out);
        Ok(())
    }
}
