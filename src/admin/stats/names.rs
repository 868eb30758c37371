//! Labels for the rows of the stats.

use std::collections::HashMap;

use crate::admin::kit::format;
use crate::admin::stats::groups::Group;
use crate::admin::stats::view::{By, View};
use crate::domain::Day;
use crate::service::ServiceError;
use crate::store::{CampaignKey, CampaignRow, PublisherKey, ReadTxn, StatPart};

/// A name, the smaller text beside it, and its id in addresses.
#[derive(Debug, Clone, Default)]
pub struct Label {
    pub name: String,
    /// Smaller text beside it.
    pub aside: String,
    /// Its id; for times, the first day.
    pub id: String,
}

/// An offer's name, and whether Singular gets its cost.
#[must_use]
pub fn offer_in_words(name: &str, is_reported: bool) -> String {
    if is_reported { name.to_owned() } else { format!("{name} (not sent to Singular)") }
}

fn of_campaign(row: CampaignRow) -> Label {
    let aside = offer_in_words(&row.offer.name, row.offer.cost_reporting);
    Label { name: row.name, aside, id: row.id.to_string() }
}

/// The labels of groups.
pub fn of_groups(txn: &ReadTxn<'_>, view: &View, groups: &[Group]) -> Result<HashMap<i64, Label>, ServiceError> {
    let key = view.advertiser.key;
    let time = |group: &Group| (group.key, of_time(view.by, group.key));
    Ok(match view.by {
        By::Campaign => {
            let keys: Vec<_> = groups.iter().map(|group| CampaignKey::from(group.key)).collect();
            txn.campaigns_by_key(key, &keys)?.into_iter().map(|row| (row.key.get(), of_campaign(row))).collect()
        }
        By::Publisher => {
            let keys: Vec<_> = groups.iter().map(|group| PublisherKey::from(group.key)).collect();
            let label = |name, id| Label { name, aside: String::new(), id };
            let rows = txn.publishers_by_key(&keys)?.into_iter();
            rows.map(|row| (row.key.get(), label(row.name, row.id.to_string()))).collect()
        }
        By::Offer => {
            let aside = |on: bool| if on { String::new() } else { "not sent to Singular".to_owned() };
            let rows = txn.offer_list(key)?.into_iter();
            rows.map(|row| {
                let (aside, id) = (aside(row.cost_reporting), row.id.to_string());
                (row.key.get(), Label { name: row.name, aside, id })
            })
            .collect()
        }
        By::App => {
            let rows = txn.app_list(key)?.into_iter();
            rows.map(|row| {
                let aside = format!("{} {}", row.store.os(), row.store.as_str());
                (row.key.get(), Label { name: row.name, aside, id: row.id.to_string() })
            })
            .collect()
        }
        By::Day | By::Week | By::Month | By::Rows => groups.iter().map(time).collect(),
    })
}

fn of_time(by: By, first: i64) -> Label {
    let Ok(day) = Day::from_stored(first) else { return Label::default() };
    let (name, aside) = match by {
        By::Month => (day.date().format("%B %Y").to_string(), String::new()),
        By::Week => (format!("Week of {}", format::day(day)), day.date().format("%G week %V").to_string()),
        _ => (format::day(day), day.date().format("%A").to_string()),
    };
    Label { name, aside, id: day.to_string() }
}

/// The labels of campaigns and publishers.
pub struct RowLabels {
    campaigns: HashMap<CampaignKey, Label>,
    publishers: HashMap<PublisherKey, Label>,
    unknown: Label,
}

impl RowLabels {
    /// The labels of a row's campaign and publisher.
    #[must_use]
    pub fn of(&self, row: &StatPart) -> (&Label, &Label) {
        let campaign = self.campaigns.get(&row.campaign).unwrap_or(&self.unknown);
        (campaign, self.publishers.get(&row.publisher).unwrap_or(&self.unknown))
    }
}

/// The labels of some rows' campaigns and publishers.
pub fn of_rows(txn: &ReadTxn<'_>, view: &View, rows: &[StatPart]) -> Result<RowLabels, ServiceError> {
    let mut campaigns: Vec<_> = rows.iter().map(|row| row.campaign).collect();
    campaigns.sort_unstable();
    campaigns.dedup();
    let mut publishers: Vec<_> = rows.iter().map(|row| row.publisher).collect();
    publishers.sort_unstable();
    publishers.dedup();
    let campaigns = txn.campaigns_by_key(view.advertiser.key, &campaigns)?.into_iter();
    let publishers = txn.publishers_by_key(&publishers)?.into_iter();
    let label = |name, id| Label { name, aside: String::new(), id };
    Ok(RowLabels {
        campaigns: campaigns.map(|row| (row.key, of_campaign(row))).collect(),
        publishers: publishers.map(|row| (row.key, label(row.name, row.id.to_string()))).collect(),
        unknown: Label::default(),
    })
}
