//! The columns of each report: names and contents.

use crate::domain::ReportKind;

/// A column whose content is an `S`.
pub(super) struct Column<S> {
    /// Its name in the report.
    pub(super) name: &'static str,
    pub(super) source: S,
}

/// The columns and rows of a report.
#[derive(Clone, Copy)]
pub(super) enum Columns {
    /// One row per day, campaign and publisher.
    Daily(&'static [Column<Daily>]),
    /// One row per offer and publisher, summed over the days.
    Totals(&'static [Column<Total>]),
}

/// The content of a column in a daily report.
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

/// The content of a column of totals.
#[derive(Debug, Clone, Copy)]
pub(super) enum Total {
    OfferId,
    OfferName,
    Conversions,
    Clicks,
    Views,
    /// The offer's cost, which is the network's revenue.
    Cost,
    PublisherName,
}

const fn column<S>(name: &'static str, source: S) -> Column<S> {
    Column { name, source }
}

/// Contract §1, in its order. Frozen: another key would change the contract.
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
    /// The columns of this kind of report.
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

    /// Whether renaming a publisher changes the report.
    pub(super) fn name_publishers(self) -> bool {
        match self {
            Self::Daily(_) => false,
            Self::Totals(columns) => columns.iter().any(|column| matches!(column.source, Total::PublisherName)),
        }
    }
}
