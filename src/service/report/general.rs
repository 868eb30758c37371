//! The general cost report (contract §3): totals over the period, one row per offer and publisher.

use std::collections::HashMap;

use super::columns::{Column, Total};
use super::dimensions::Dimensions;
use super::format::Format;
use super::output::Output;
use crate::domain::{MicrosSum, ReportQuery};
use crate::service::ServiceResult;
use crate::store::{AdvertiserKey, CampaignKey, CampaignRow, OfferKey, PublisherKey, ReadTxn, StatPart};

#[derive(Default)]
struct Sums {
    conversions: i128,
    clicks: i128,
    views: i128,
    cost: MicrosSum,
}

impl Sums {
    fn add(&mut self, part: &StatPart) {
        self.conversions += i128::from(part.sum.conversions);
        self.clicks += i128::from(part.sum.clicks);
        self.views += i128::from(part.sum.views);
        self.cost += part.sum.cost;
    }
}

/// Writes the rows, by offer name and publisher name.
pub(super) fn write(
    txn: &ReadTxn<'_>,
    advertiser: AdvertiserKey,
    dimensions: &Dimensions,
    columns: &[Column<Total>],
    query: &ReportQuery,
    out: &mut Output,
) -> ServiceResult<()> {
    let offers: HashMap<CampaignKey, &CampaignRow> = dimensions
        .campaign_rows()
        .iter()
        .filter(|campaign| query.offer.is_none_or(|wanted| wanted == campaign.offer.id))
        .map(|campaign| (campaign.key, campaign))
        .collect();
    let mut sums: HashMap<(OfferKey, PublisherKey), (&CampaignRow, Sums)> = HashMap::new();
    txn.stat_scan_months(advertiser, query.days.stored(), |part| {
        if let Some(campaign) = offers.get(&part.campaign) {
            let sums = sums.entry((campaign.offer.key, part.publisher));
            sums.or_insert_with(|| (campaign, Sums::default())).1.add(&part);
        }
    })?;
    let mut rows = sums
        .into_iter()
        .map(|((_, publisher), (campaign, sums))| Ok((campaign, dimensions.publisher_name(publisher)?, sums)))
        .collect::<ServiceResult<Vec<_>>>()?;
    rows.sort_by_key(|(campaign, publisher, _)| (campaign.offer.name.as_str(), *publisher));
    for (campaign, publisher, sums) in rows {
        out.row(row(columns, out.format(), campaign, publisher, &sums).as_bytes(), sums.cost);
    }
    Ok(())
}

fn row(columns: &[Column<Total>], format: &dyn Format, campaign: &CampaignRow, publisher: &str, sums: &Sums) -> String {
    let mut row = String::new();
    for (place, column) in columns.iter().enumerate() {
        row.push_str(&format.before(place, column.name));
        row.push_str(&match column.source {
            Total::OfferId => format.text(&campaign.offer.id.to_string()),
            Total::OfferName => format.text(&campaign.offer.name),
            Total::Conversions => sums.conversions.to_string(),
            Total::Clicks => sums.clicks.to_string(),
            Total::Views => sums.views.to_string(),
            Total::Cost => sums.cost.to_string(),
            Total::PublisherName => format.text(publisher),
        });
    }
    row.push_str(format.row_end());
    row
}
