//! What a report says about campaigns and publishers, loaded once per catalogue version and escaped already.
//!
//! A row is copied together from these pieces, so the report never joins and never escapes a name twice.

use super::dangling;
use crate::domain::{Day, Micros, ReportFormat, ReportRow};
use crate::service::{ServiceError, ServiceResult};
use crate::store::{AdvertiserKey, CampaignRow, PublisherRow, ReadTxn, Version};

/// An advertiser's campaigns and everyone's publishers, as one format writes them.
pub(super) struct Dimensions {
    format: ReportFormat,
    versions: (Version, Version),
    /// By key, like the rows of a day.
    campaigns: Vec<Campaign>,
    publishers: Vec<Publisher>,
    rows: Vec<CampaignRow>,
}

/// What stands before and after the publisher's id in a campaign's rows.
pub(super) struct Campaign {
    key: i64,
    enabled: bool,
    head: Box<[u8]>,
    tail: Box<[u8]>,
}

struct Publisher {
    key: i64,
    id: [u8; uuid::fmt::Hyphenated::LENGTH],
    name: String,
}

impl Dimensions {
    pub(super) fn load(
        txn: &ReadTxn<'_>,
        advertiser: AdvertiserKey,
        format: ReportFormat,
        versions: (Version, Version),
    ) -> ServiceResult<Self> {
        let rows = txn.campaign_list(advertiser)?;
        let campaigns = rows.iter().map(|row| Campaign::new(row, format)).collect::<ServiceResult<_>>()?;
        let publishers = txn.publisher_list()?.into_iter().map(Publisher::new).collect();
        Ok(Self { format, versions, campaigns, publishers, rows })
    }

    /// The versions of the catalogue and of the publishers that this was loaded at.
    pub(super) fn versions(&self) -> (Version, Version) {
        self.versions
    }

    pub(super) fn catalogue(&self) -> Version {
        self.versions.0
    }

    /// The campaigns with their names, by key.
    pub(super) fn campaign_rows(&self) -> &[CampaignRow] {
        &self.rows
    }

    pub(super) fn any_enabled(&self) -> bool {
        self.campaigns.iter().any(|campaign| campaign.enabled)
    }

    pub(super) fn publisher_name(&self, key: i64) -> ServiceResult<&str> {
        self.publisher(key).map(|publisher| publisher.name.as_str())
    }

    fn publisher(&self, key: i64) -> ServiceResult<&Publisher> {
        let at = self.publishers.binary_search_by_key(&key, |publisher| publisher.key);
        at.ok().and_then(|at| self.publishers.get(at)).ok_or_else(|| dangling("publisher", key))
    }

    /// Starts on a day.
    pub(super) fn day(&self, day: i64) -> ServiceResult<DayWriter<'_>> {
        let date = Day::from_stored(day)?;
        let prefix = match self.format {
            ReportFormat::Json => format!("{{\"date\":\"{date}\""),
            ReportFormat::Csv => date.to_string(),
        };
        Ok(DayWriter { dimensions: self, prefix, at: 0 })
    }
}

impl Campaign {
    fn new(row: &CampaignRow, format: ReportFormat) -> ServiceResult<Self> {
        let (id, os) = (row.id.to_string(), row.store.os().as_str());
        let (head, tail) = match format {
            ReportFormat::Json => {
                let json = |text: &str| serde_json::Value::from(text).to_string();
                let head = format!(",\"offer_name\":{},\"partner_id\":\"", json(&row.offer.name));
                let tail = format!(
                    "\",\"app\":{},\"store_id\":{},\"os\":\"{os}\",\"campaign_name\":{},\"campaign_id\":\"{id}\",\"cost\":",
                    json(&row.app),
                    json(row.store.as_str()),
                    json(&row.name),
                );
                (head.into_bytes(), tail.into_bytes())
            }
            ReportFormat::Csv => (
                csv_fields(&["", &row.offer.name, ""])?,
                csv_fields(&["", &row.app, row.store.as_str(), os, &row.name, &id, ""])?,
            ),
        };
        Ok(Self { key: row.key.get(), enabled: row.offer.cost_reporting, head: head.into(), tail: tail.into() })
    }
}

impl Publisher {
    fn new(row: PublisherRow) -> Self {
        let mut id = [0; uuid::fmt::Hyphenated::LENGTH];
        uuid::Uuid::from(row.id).hyphenated().encode_lower(&mut id);
        Self { key: row.key.get(), id, name: row.name }
    }
}

/// A CSV row without its end. Empty first and last fields leave the commas that join it to what comes before and after.
pub(super) fn csv_fields(fields: &[&str]) -> ServiceResult<Vec<u8>> {
    let internal = |error: &dyn std::fmt::Display| ServiceError::Internal(error.to_string());
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    writer.write_record(fields).map_err(|error| internal(&error))?;
    let mut line = writer.into_inner().map_err(|error| internal(&error))?;
    line.truncate(line.len() - 2);
    Ok(line)
}

/// Writes the rows of one day. They must come in the order of the table, by campaign.
pub(super) struct DayWriter<'d> {
    dimensions: &'d Dimensions,
    prefix: String,
    at: usize,
}

impl<'d> DayWriter<'d> {
    /// The row's campaign, or nothing where its offer is not reported.
    ///
    /// Rows and campaigns are both sorted by key, so the search goes on from the campaign of the row before.
    pub(super) fn campaign(&mut self, row: &ReportRow) -> ServiceResult<Option<&'d Campaign>> {
        let campaigns = &self.dimensions.campaigns;
        if campaigns.get(self.at).is_none_or(|here| here.key != row.campaign) {
            let rest = campaigns.get(self.at..).unwrap_or_default();
            let next = rest.get(1).is_some_and(|next| next.key == row.campaign);
            self.at += if next { 1 } else { rest.partition_point(|campaign| campaign.key < row.campaign) };
        }
        match campaigns.get(self.at) {
            Some(campaign) if campaign.key == row.campaign => Ok(campaign.enabled.then_some(campaign)),
            _ => Err(dangling("campaign", row.campaign)),
        }
    }

    /// Appends the row.
    pub(super) fn write(&self, campaign: &Campaign, row: &ReportRow, out: &mut Vec<u8>) -> ServiceResult<()> {
        let publisher = self.dimensions.publisher(row.publisher)?;
        out.extend_from_slice(self.prefix.as_bytes());
        out.extend_from_slice(&campaign.head);
        out.extend_from_slice(&publisher.id);
        out.extend_from_slice(&campaign.tail);
        Micros::write_to(row.cost, out);
        let (before_clicks, end): (&[u8], &[u8]) = match self.dimensions.format {
            ReportFormat::Json => (b",\"clicks\":", b"}"),
            ReportFormat::Csv => (b",", b"\r\n"),
        };
        out.extend_from_slice(before_clicks);
        out.extend_from_slice(itoa::Buffer::new().format(row.clicks).as_bytes());
        out.extend_from_slice(end);
        Ok(())
    }
}
