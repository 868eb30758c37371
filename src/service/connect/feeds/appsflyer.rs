//! `AppsFlyer`'s Cost Import: support.appsflyer.com/hc/en-us/articles/360002516838-Cost-Import-guide.

use super::{Cell, Format};
use crate::domain::Os;

pub(super) struct AppsFlyer;

impl Format for AppsFlyer {
    fn name(&self) -> &'static str {
        "appsflyer"
    }

    fn columns(&self) -> &'static [&'static str] {
        &["date", "app-id", "media-source", "campaign", "campaign-id", "spend", "currency"]
    }

    fn values(&self, cell: &Cell<'_>) -> Option<Vec<String>> {
        let store = &cell.campaign.store;
        let app = match store.os() {
            Os::Ios => format!("id{}", store.as_str()),
            Os::Android => store.as_str().to_owned(),
            Os::Web => return None,
        };
        Some(vec![
            cell.day.to_string(),
            app,
            cell.publisher.name.clone(),
            cell.campaign.name.clone(),
            cell.campaign.id.to_string(),
            cell.cost.to_string(),
            cell.currency.code().to_owned(),
        ])
    }

    fn needs_publisher(&self) -> bool {
        true
    }

    fn reader(&self) -> &'static str {
        "AppsFlyer"
    }

    fn notes(&self) -> &'static [&'static str] {
        &[
            "For AppsFlyer's Cost Import, by upload or e-mail: it doesn't read addresses by itself. One publisher per \
             feed, as its media source.",
            "Importing a day again replaces it, up to 90 days back.",
            "The publisher's name must be the media source, and campaign name and id must be those of the links in AppsFlyer.",
            "Campaigns on the web are left out: they have no app id there.",
            "This was not tested with AppsFlyer itself.",
        ]
    }
}
