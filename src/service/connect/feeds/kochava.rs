//! Kochava's cost import by URL: support.kochava.com/cost/manual-upload-process.

use super::{Cell, Format};
use crate::domain::Day;

pub(super) struct Kochava;

impl Format for Kochava {
    fn name(&self) -> &'static str {
        "kochava"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["date", "campaign_id", "campaign_name", "publisher", "clicks", "cost"]
    }

    fn values(&self, cell: &Cell<'_>) -> Option<Vec<String>> {
        Some(vec![
            cell.day.date().format("%m-%d-%Y").to_string(),
            cell.campaign.id.to_string(),
            cell.campaign.name.clone(),
            cell.publisher.name.clone(),
            cell.clicks.to_string(),
            cell.cost.to_string(),
        ])
    }

    /// Kochava keeps what it has read, so it must not read a day that isn't over.
    fn newest(&self, today: Day) -> Day {
        today.earlier(1).unwrap_or(today)
    }

    fn adds_up(&self) -> bool {
        true
    }

    fn reader(&self) -> &'static str {
        "Kochava"
    }

    fn notes(&self) -> &'static [&'static str] {
        &[
            "For Kochava's \"Upload URL\". Kochava must have mapped these columns for the media partner before.",
            "What Kochava has read is permanent, and a day that it reads twice counts twice: no two feeds should \
             share days, and a feed of N days should be read once every N days. Corrections can't be sent.",
            "A feed of the last days ends with yesterday, since today is not over.",
            "In tracking links, partner_campaign_id must be the campaign id. Currency and zone are those set in Kochava.",
            "This was not tested with Kochava itself.",
        ]
    }
}
