//! The general cost report (contract §3): totals over the period, one row per offer and publisher.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::dimensions::{Dimensions, csv_fields};
use super::output::Output;
use crate::domain::{MicrosSum, ReportFormat, ReportQuery};
use crate::service::{ServiceError, ServiceResult};
use crate::store::{AdvertiserKey, CampaignRow, GeneralCell, OfferKey, ReadTxn};

const CSV_HEADER: &str = "offerId,offerName,totalConversions,totalClicks,totalViews,revenue,publisherName\r\n";

/// One row. `revenue` is what the offer earned the network, which is what it cost the advertiser.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GeneralRow<'a> {
    offer_id: String,
    offer_name: &'a str,
    total_conversions: i128,
    total_clicks: i128,
    total_views: i128,
    revenue: Box<RawValue>,
    publisher_name: &'a str,
}

#[derive(Default)]
struct Sums {
    conversions: i128,
    clicks: i128,
    views: i128,
    cost: MicrosSum,
}

impl Sums {
    fn add(&mut self, cell: &GeneralCell) {
        self.conversions += i128::from(cell.figures.conversions.get());
        self.clicks += i128::from(cell.figures.clicks.get());
        self.views += i128::from(cell.figures.views.get());
        self.cost += cell.figures.cost.into();
    }
}

/// Writes the rows, by offer name and publisher name.
pub(super) fn write(
    txn: &ReadTxn<'_>,
    advertiser: AdvertiserKey,
    dimensions: &Dimensions,
    query: &ReportQuery,
    out: &mut Output,
) -> ServiceResult<()> {
    let offers: HashMap<i64, &CampaignRow> = dimensions
        .campaign_rows()
        .iter()
        .filter(|campaign| query.offer.is_none_or(|wanted| wanted == campaign.offer.id))
        .map(|campaign| (campaign.key.get(), campaign))
        .collect();
    let (from, to) = query.days.stored();
    let mut sums: HashMap<(OfferKey, i64), (&CampaignRow, Sums)> = HashMap::new();
    txn.stat_scan_range(advertiser, from, to, |cell| {
        if let Some(campaign) = offers.get(&cell.campaign) {
            sums.entry((campaign.offer.key, cell.publisher))
                .or_insert_with(|| (campaign, Sums::default()))
                .1
                .add(&cell);
        }
    })?;
    let mut rows = sums
        .into_iter()
        .map(|((_, publisher), (campaign, sums))| Ok((campaign, dimensions.publisher_name(publisher)?, sums)))
        .collect::<ServiceResult<Vec<_>>>()?;
    rows.sort_by_key(|(campaign, publisher, _)| (campaign.offer.name.as_str(), *publisher));
    out.header(CSV_HEADER);
    for (campaign, publisher, sums) in rows {
        let text = rendered(campaign, publisher, &sums, out.format)?;
        out.row(sums.cost).extend_from_slice(&text);
        out.flush_full();
    }
    Ok(())
}

fn rendered(campaign: &CampaignRow, publisher: &str, sums: &Sums, format: ReportFormat) -> ServiceResult<Vec<u8>> {
    let internal = |error: serde_json::Error| ServiceError::Internal(error.to_string());
    let row = GeneralRow {
        offer_id: campaign.offer.id.to_string(),
        offer_name: &campaign.offer.name,
        total_conversions: sums.conversions,
        total_clicks: sums.clicks,
        total_views: sums.views,
        revenue: RawValue::from_string(sums.cost.to_string()).map_err(internal)?,
        publisher_name: publisher,
    };
    match format {
        ReportFormat::Json => serde_json::to_vec(&row).map_err(internal),
        ReportFormat::Csv => {
            let [conversions, clicks, views] = [sums.conversions, sums.clicks, sums.views].map(|sum| sum.to_string());
            let mut line = csv_fields(&[
                &row.offer_id,
                row.offer_name,
                &conversions,
                &clicks,
                &views,
                row.revenue.get(),
                row.publisher_name,
            ])?;
            line.extend_from_slice(b"\r\n");
            Ok(line)
        }
    }
}
