//! The columns of the Singular report (contract §1) and the currency, for spreadsheets and scripts.

use super::{Cell, Format};

pub(super) struct Generic;

impl Format for Generic {
    fn name(&self) -> &'static str {
        "generic"
    }

    fn columns(&self) -> &'static [&'static str] {
        &[
            "date",
            "offer_name",
            "partner_id",
            "app",
            "store_id",
            "os",
            "campaign_name",
            "campaign_id",
            "cost",
            "clicks",
            "currency",
        ]
    }

    fn values(&self, cell: &Cell<'_>) -> Option<Vec<String>> {
        let campaign = cell.campaign;
        Some(vec![
            cell.day.to_string(),
            campaign.offer.name.clone(),
            cell.publisher.id.to_string(),
            campaign.app.clone(),
            campaign.store.as_str().to_owned(),
            campaign.store.os().as_str().to_owned(),
            campaign.name.clone(),
            campaign.id.to_string(),
            cell.cost.to_string(),
            cell.clicks.to_string(),
            cell.currency.code().to_owned(),
        ])
    }

    fn reader(&self) -> &'static str {
        "spreadsheets and scripts"
    }

    fn notes(&self) -> &'static [&'static str] {
        &[
            "Google Sheets reads it with =IMPORTDATA(\"…\"), and again about every hour. Each time it gets all of the days.",
            "This was not tested with Google Sheets itself.",
        ]
    }
}
