//! The columns of each report, declared once: the name on the wire, and what fills it.

use crate::domain::ReportKind;

/// A column that is filled from `S`.
pub(super) struct Column<S> {
    /// As contract and clients call it.
    pub(super) name: &'static str,
    pub(super) source: S,
}

/// What a report lists.
#[derive(Clone, Copy)]
pub(super) enum Columns {
    /// A row for each day, campaign and publisher.
    Daily(&'static [Column<Daily>]),
    /// A row for each offer and publisher, summed over the days.
    Totals(&'static [Column<Total>]),
}

/// What fills a column of a daily report.
#[derive(Debug, Clone, Copy)]
pub(super) enum Daily {
    /// As `YYYY-MM-DD`.
    Day,
    OfferName,
    PublisherId,
    App,
    StoreId,
    Os,
    CampaignName,
    CampaignId,
    Cost,
    Clicks,
}

/// What fills a column of totals.
#[derive(Debug, Clone, Copy)]
pub(super) enum Total {
    OfferId,
    OfferName,
    Conversions,
    Clicks,
    Views,
    /// What the offer earned the network, which is what it cost the advertiser.
    Cost,
    PublisherName,
}

const fn column<S>(name: &'static str, source: S) -> Column<S> {
    Column { name, source }
}

/// Contract §1, in its order. Frozen: another key counts as a change of the contract.
const SINGULAR: [Column<Daily>; 10] = [
    column("date", Daily::Day),
    column("offer_name", Daily::OfferName),
    column("partner_id", Daily::PublisherId),
    column("app", Daily::App),
    column("store_id", Daily::StoreId),
    column("os", Daily::Os),
    column("campaign_name", Daily::CampaignName),
    column("campaign_id", Daily::CampaignId),
    column("cost", Daily::Cost),
    column("clicks", Daily::Clicks),
];

/// Contract §3, in its order.
const GENERAL: [Column<Total>; 7] = [
    column("offerId", Total::OfferId),
    column("offerName", Total::OfferName),
    column("totalConversions", Total::Conversions),
    column("totalClicks", Total::Clicks),
    column("totalViews", Total::Views),
    column("revenue", Total::Cost),
    column("publisherName", Total::PublisherName),
];

impl Columns {
    /// What a report of this kind lists.
    pub(super) fn of(kind: ReportKind) -> Self {
        match kind {
            ReportKind::Singular => Self::Daily(&SINGULAR),
            ReportKind::General => Self::Totals(&GENERAL),
        }
    }

    pub(super) fn names(self) -> Vec<&'static str> {
        match self {
            Self::Daily(columns) => columns.iter().map(|column| column.name).collect(),
            Self::Totals(columns) => columns.iter().map(|column| column.name).collect(),
        }
    }

    /// Whether a publisher's new name would read differently.
    pub(super) fn name_publishers(self) -> bool {
        match self {
            Self::Daily(_) => false,
            Self::Totals(columns) => columns.iter().any(|column| matches!(column.source, Total::PublisherName)),
        }
    }
}
