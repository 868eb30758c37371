//! A Singular report of made-up rows, written by the same code as one of stored rows.

use super::columns::Columns;
use super::lines::{DateText, LineMaker, PublisherText};
use super::output::Output;
use super::{dangling, format};
use crate::domain::{Day, PublisherId, ReportFormat, ReportKind};
use crate::service::{ServiceError, ServiceResult};
use crate::store::{CampaignRow, ReportRow};

/// The `items` of JSON, or the whole text of CSV. `campaigns` are looked up by the rows' keys.
pub fn made_up(
    as_format: ReportFormat,
    campaigns: &[CampaignRow],
    rows: impl Iterator<Item = (PublisherId, ReportRow)>,
) -> ServiceResult<Vec<u8>> {
    let columns = Columns::of(ReportKind::Singular);
    let Columns::Daily(daily) = columns else {
        return Err(ServiceError::Internal("the Singular report is not daily".to_owned()));
    };
    let format = format(as_format);
    let mut maker = LineMaker::new(daily, format);
    let lines: Vec<_> = campaigns.iter().map(|campaign| (campaign.key, maker.line(campaign))).collect();
    let mut out = Output::new(format);
    out.header(&columns.names());
    let mut text = Vec::new();
    for (publisher, row) in rows {
        let line = lines.iter().find(|(key, _)| *key == row.campaign);
        let (_, line) = line.ok_or_else(|| dangling("campaign", row.campaign.get()))?;
        let fixed = |_| ServiceError::Internal("a day or an id is longer than it can be".to_owned());
        let day = DateText::try_from(Day::from_stored(row.day)?.to_string().as_bytes()).map_err(fixed)?;
        let publisher = PublisherText::try_from(publisher.to_string().as_bytes()).map_err(fixed)?;
        text.clear();
        line.write(&day, &publisher, &row, &mut text);
        out.row(&text, row.cost.into());
    }
    out.finish();
    let mut whole = Vec::new();
    while let Some(chunk) = out.take() {
        whole.extend_from_slice(&chunk);
    }
    Ok(whole)
}
