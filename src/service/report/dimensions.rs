//! What a report says about campaigns and publishers, loaded once per catalogue version and escaped already.
//!
//! A row is its campaign's line with day and publisher put over their places, and two numbers behind it. So the report
//! never joins, never escapes a name twice, and copies most of a row in one piece.

use std::sync::atomic::{AtomicU64, Ordering};

use super::dangling;
use crate::domain::{Day, Micros, ReportFormat, ReportRow, write_whole};
use crate::service::{ServiceError, ServiceResult};
use crate::store::{AdvertiserKey, CampaignRow, PublisherRow, ReadTxn, Version};

/// An advertiser's campaigns and everyone's publishers, as one format writes them.
pub(super) struct Dimensions {
    format: ReportFormat,
    versions: (Version, Version),
    /// The longest row, but for its numbers.
    longest: usize,
    rows_a_day: AtomicU64,
    /// By key, like the rows of a day.
    campaigns: Vec<Campaign>,
    publishers: Vec<Publisher>,
    rows: Vec<CampaignRow>,
}

/// A campaign's rows up to their cost, with day and publisher left blank.
pub(super) struct Campaign {
    key: i64,
    enabled: bool,
    line: Box<[u8]>,
    publisher_at: usize,
}

/// `YYYY-MM-DD`, and where it stands in a line.
type Date = [u8; 10];
const NO_DATE: Date = [b'-'; 10];
const JSON_DATE_AT: usize = b",{\"date\":\"".len();
const CSV_DATE_AT: usize = 0;

type PublisherText = [u8; uuid::fmt::Hyphenated::LENGTH];
const NO_PUBLISHER: &str = "--------.----.----.----.------------";

/// Room for the two numbers of a row and what stands around them.
const NUMBERS: usize = 64;

struct Publisher {
    key: i64,
    id: PublisherText,
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
        let campaigns = rows.iter().map(|row| Campaign::new(row, format)).collect::<ServiceResult<Vec<_>>>()?;
        let publishers = txn.publisher_list()?.into_iter().map(Publisher::new).collect();
        let longest = campaigns.iter().map(|campaign| campaign.line.len()).max().unwrap_or_default();
        Ok(Self { format, versions, longest, rows_a_day: AtomicU64::new(0), campaigns, publishers, rows })
    }

    /// The versions of the catalogue and of the publishers that this was loaded at.
    pub(super) fn versions(&self) -> (Version, Version) {
        self.versions
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
        // Keys are given out from one on and publishers stay, so the place mostly follows from the key.
        let guess = usize::try_from(key - 1).ok().and_then(|at| self.publishers.get(at));
        if let Some(publisher) = guess.filter(|publisher| publisher.key == key) {
            return Ok(publisher);
        }
        let at = self.publishers.binary_search_by_key(&key, |publisher| publisher.key);
        at.ok().and_then(|at| self.publishers.get(at)).ok_or_else(|| dangling("publisher", key))
    }

    /// About how many bytes a day takes, going by the largest that was seen.
    pub(super) fn day_bytes(&self) -> usize {
        let seen = usize::try_from(self.rows_a_day.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        let rows = if seen == 0 { self.campaigns.len() } else { seen };
        rows.saturating_mul(self.longest + NUMBERS / 4)
    }

    /// Notes how many rows a day had.
    pub(super) fn note_day(&self, rows: u64) {
        self.rows_a_day.fetch_max(rows.max(1), Ordering::Relaxed);
    }

    /// Starts on a day.
    pub(super) fn day(&self, day: i64) -> ServiceResult<DayWriter<'_>> {
        let text = Day::from_stored(day)?.to_string();
        let date = Date::try_from(text.as_bytes())
            .map_err(|_| ServiceError::Internal(format!("the day {text} has more than ten characters")))?;
        Ok(DayWriter { dimensions: self, date, at: 0 })
    }
}

impl Campaign {
    fn new(row: &CampaignRow, format: ReportFormat) -> ServiceResult<Self> {
        let (id, os) = (row.id.to_string(), row.store.os().as_str());
        let (mut line, tail) = match format {
            ReportFormat::Json => {
                let json = |text: &str| serde_json::Value::from(text).to_string();
                let head = format!(
                    ",{{\"date\":\"{}\",\"offer_name\":{},\"partner_id\":\"",
                    NO_DATE.escape_ascii(),
                    json(&row.offer.name)
                );
                let tail = format!(
                    "\",\"app\":{},\"store_id\":{},\"os\":\"{os}\",\"campaign_name\":{},\"campaign_id\":\"{id}\",\"cost\":",
                    json(&row.app),
                    json(row.store.as_str()),
                    json(&row.name),
                );
                (head.into_bytes(), tail.into_bytes())
            }
            ReportFormat::Csv => {
                let head = [&NO_DATE, csv_fields(&["", &row.offer.name, ""])?.as_slice()].concat();
                (head, csv_fields(&["", &row.app, row.store.as_str(), os, &row.name, &id, ""])?)
            }
        };
        let publisher_at = line.len();
        line.extend_from_slice(NO_PUBLISHER.as_bytes());
        line.extend_from_slice(&tail);
        Ok(Self { key: row.key.get(), enabled: row.offer.cost_reporting, line: line.into(), publisher_at })
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
    date: Date,
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

    /// Appends the row; in JSON with a comma before it.
    #[inline]
    pub(super) fn write(&self, campaign: &Campaign, row: &ReportRow, out: &mut Vec<u8>) -> ServiceResult<()> {
        let publisher = self.dimensions.publisher(row.publisher)?;
        out.reserve(self.dimensions.longest + NUMBERS);
        let start = out.len();
        out.extend_from_slice(&campaign.line);
        let date_at = match self.dimensions.format {
            ReportFormat::Json => JSON_DATE_AT,
            ReportFormat::Csv => CSV_DATE_AT,
        };
        put(&self.date, start + date_at, out);
        put(&publisher.id, start + campaign.publisher_at, out);
        Micros::write_to(row.cost, out);
        let (before_clicks, end): (&[u8], &[u8]) = match self.dimensions.format {
            ReportFormat::Json => (b",\"clicks\":", b"}"),
            ReportFormat::Csv => (b",", b"\r\n"),
        };
        out.extend_from_slice(before_clicks);
        // Checked when it was read, so the cast keeps its value.
        write_whole(row.clicks.unsigned_abs(), out);
        out.extend_from_slice(end);
        Ok(())
    }
}

/// Writes over what stands at `at`. The length is known when this is compiled, so it takes a few moves and no call.
#[inline]
fn put<const N: usize>(piece: &[u8; N], at: usize, out: &mut [u8]) {
    if let Some(place) = out.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<N>()) {
        *place = *piece;
    }
}
