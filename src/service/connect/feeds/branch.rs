//! Branch's cost data by file: help.branch.io/docs/cost-data-via-file-upload.

use super::{Cell, Format};
use crate::domain::Os;

pub(super) struct Branch;

impl Format for Branch {
    fn name(&self) -> &'static str {
        "branch"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["date", "campaign_name", "cost", "os"]
    }

    fn values(&self, cell: &Cell<'_>) -> Option<Vec<String>> {
        let os = match cell.campaign.store.os() {
            Os::Ios => "IOS",
            Os::Android => "ANDROID",
            // Branch has no value for the web.
            Os::Web => "OTHER",
        };
        Some(vec![cell.day.to_string(), cell.campaign.name.clone(), with_cents(&cell.cost.to_string()), os.to_owned()])
    }

    fn sums_publishers(&self) -> bool {
        true
    }

    fn reader(&self) -> &'static str {
        "Branch"
    }

    fn notes(&self) -> &'static [&'static str] {
        &[
            "For Branch's ROI Hub, by upload or to its e-mail address: it doesn't read addresses by itself.",
            "A campaign's publishers are added up, since Branch's file has no column for them; choose a publisher for one alone.",
            "Campaigns on the web are given as OTHER. The currency is the one set in Branch.",
            "Branch doesn't publish what it does with a day that it gets twice, and this was not tested with Branch \
             itself.",
        ]
    }
}

/// An amount with at least two decimals, such as `1234.56`; no digit is dropped.
fn with_cents(amount: &str) -> String {
    let decimals = amount.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    match decimals {
        0 => format!("{amount}.00"),
        1 => format!("{amount}0"),
        _ => amount.to_owned(),
    }
}
