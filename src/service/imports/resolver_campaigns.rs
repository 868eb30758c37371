//! Finds the campaign of a line: by its id, by the network's id, or by name; plans to create it if it is missing.

use std::sync::Arc;

use super::failure::{Failure, invalid, refuse, several, unknown};
use super::known::{App, Facts, is_called};
use super::resolver::Resolver;
use crate::domain::{Invalid, Name, Os, StoreId};
use crate::import::{Column, StatLine};
use crate::service::names::Named;
use crate::store::{CampaignKey, PublisherKey};

impl Resolver<'_> {
    pub(super) fn campaign(
        &mut self,
        at: usize,
        publisher: Option<PublisherKey>,
        line: &StatLine<'_>,
    ) -> Result<CampaignKey, Failure> {
        let named = self.campaign_by_id_or_name(at, line)?;
        let network = line.network_campaign_id.zip(publisher);
        let by_network = network.and_then(|(id, publisher)| {
            self.advertisers[at].network.get(&publisher).and_then(|known| known.get(id)).copied()
        });
        let found = match (named, by_network) {
            (Some(named), Some(known)) if named != known => {
                let [named, known] = [named, known].map(|at_| self.advertisers[at].campaigns[at_].facts.name.clone());
                let (id, named, known) = (
                    Invalid::echo(line.network_campaign_id.unwrap_or_default()),
                    Invalid::echo(&named),
                    Invalid::echo(&known),
                );
                return refuse(
                    "network_campaign",
                    Column::NetworkCampaignId,
                    format!(
                        "got {id}, which is campaign {known}, but the row names campaign {named}; expected one of them"
                    ),
                );
            }
            (None, Some(known)) => {
                self.note_renamed(at, known, line);
                Some(known)
            }
            (named, _) => named,
        };
        let key = match found {
            Some(found) => {
                self.note_merged_campaign(at, found, line);
                self.advertisers[at].campaigns[found].agree(line)?
            }
            None if line.campaign_name.is_none() => {
                let id = line.network_campaign_id.unwrap_or_default();
                let (got, whose) = (Invalid::echo(id), &self.advertisers[at].row.name);
                let reason =
                    format!("got {got}, which isn't a campaign of \"{whose}\" yet; expected also its campaign_name");
                return unknown("unknown_campaign", Column::NetworkCampaignId, id, reason);
            }
            None => self.create_campaign(at, line)?,
        };
        if let (Some((id, publisher)), None) = (network, by_network) {
            self.creations.check_room_for_network_id()?;
            let advertiser = &mut self.advertisers[at];
            if let Some(place) = advertiser.by_key.get(&key) {
                advertiser.network.entry(publisher).or_default().insert(id.to_owned(), *place);
                self.creations.network_id(advertiser.row.key, publisher, id, key);
            }
        }
        Ok(key)
    }

    fn note_merged_campaign(&mut self, at: usize, found: usize, line: &StatLine<'_>) {
        let campaign = &self.advertisers[at].campaigns[found];
        if let Some(merged) = campaign.merged_name(line.campaign_id, line.campaign_name) {
            let (merged, name) = (merged.to_owned(), campaign.facts.name.clone());
            self.note_merged(line.line, &merged, &name);
        }
    }

    fn note_renamed(&mut self, at: usize, known: usize, line: &StatLine<'_>) {
        let stored = &self.advertisers[at].campaigns[known].facts.name;
        if let Some(name) = line.campaign_name.filter(|name| !is_called(stored, name)) {
            let (stored, name) = (Invalid::echo(stored), Invalid::echo(name));
            let id = Invalid::echo(line.network_campaign_id.unwrap_or_default());
            let message =
                format!("The network calls campaign {stored} {name} now; its id {id} says that it is the same.");
            if self.notes.iter().all(|note| note.message != message) {
                self.note("renamed", line.line, message);
            }
        }
    }

    fn campaign_by_id_or_name(&mut self, at: usize, line: &StatLine<'_>) -> Result<Option<usize>, Failure> {
        let advertiser = &mut self.advertisers[at];
        match (line.campaign_id, line.campaign_name) {
            (Some(id), name) => {
                let Some(found) = advertiser.by_id.get(&id) else {
                    let (got, whose) = (id.to_string(), &advertiser.row.name);
                    let reason = format!("got \"{id}\", which isn't a campaign of \"{whose}\"");
                    return unknown("unknown_campaign_id", Column::CampaignId, &got, reason);
                };
                let stored = &advertiser.campaigns[*found].facts.name;
                let mut is_other =
                    |name: &&str| !is_called(stored, name) && advertiser.by_name.find(name) != Named::One(*found);
                if let Some(name) = name.filter(|name| is_other(name)) {
                    return refuse(
                        "contradiction",
                        Column::CampaignName,
                        format!("got {}, but campaign {id} is called {}", Invalid::echo(name), Invalid::echo(stored)),
                    );
                }
                Ok(Some(*found))
            }
            (None, Some(name)) => match advertiser.by_name.find(name) {
                Named::One(found) => Ok(Some(found)),
                Named::Nothing => Ok(None),
                Named::Several => several(Column::CampaignName, name, "campaigns"),
            },
            (None, None) if line.network_campaign_id.is_some() => Ok(None),
            (None, None) => refuse("missing", Column::CampaignName, "is missing"),
        }
    }

    fn create_campaign(&mut self, at: usize, line: &StatLine<'_>) -> Result<CampaignKey, Failure> {
        let text = line.campaign_name.unwrap_or_default();
        let whose = &self.advertisers[at].row.name;
        let reason = format!("got {}, which isn't a campaign of \"{whose}\" yet", Invalid::echo(text));
        let name = Name::parse_in_file("campaign_name", text).map_err(invalid(Column::CampaignName))?;
        let answers = Arc::clone(&self.new_campaigns);
        let given = |column| answers.iter().find(|(other, _)| *other == column).map(|(_, value)| value.as_str());
        let store_id = line.store_id.or(given(Column::StoreId));
        let known = store_id.and_then(|id| self.advertisers[at].app(line.os, id));
        let offer_name = line.offer_name.or(given(Column::OfferName));
        // A known app has a name and a system of its own.
        let of_app = |column| if known.is_some() { None } else { given(column) };
        let (app, os) = (line.app.or(of_app(Column::App)), line.os.or(of_app(Column::Os)));
        let line = &StatLine { offer_name, app, store_id, os, ..line.clone() };
        let missing = lacking(line, known.is_some());
        for column in &missing {
            if !self.lacking.contains(column) {
                self.lacking.push(*column);
            }
        }
        if !self.create_missing {
            return unknown("unknown_campaign", Column::CampaignName, name.as_str(), reason);
        }
        if !missing.is_empty() {
            let missing: Vec<_> = missing.iter().map(|column| column.name()).collect();
            let reason = format!("{reason}; to create it, expected also {}", missing.join(", "));
            return unknown("incomplete_campaign", Column::CampaignName, name.as_str(), reason);
        }
        let text = line.offer_name.unwrap_or_default();
        let offer = Name::parse_in_file("offer_name", text).map_err(invalid(Column::OfferName))?;
        self.creations.check_room(Column::CampaignName)?;
        let app = self.app(at, line, known)?;
        let Self { advertisers, creations, .. } = self;
        let advertiser = &mut advertisers[at];
        let key = advertiser.row.key;
        let offer_key = match advertiser.offers.find(offer.as_str()) {
            Named::One(key) => key,
            Named::Several => return several(Column::OfferName, offer.as_str(), "offers"),
            Named::Nothing => {
                let new = creations.offer(key, &offer);
                advertiser.offers.add(offer.as_str(), new);
                new
            }
        };
        let twin = advertiser.but_for_case(name.as_str()).cloned();
        let campaign = creations.campaign(key, offer_key, app.key, &name);
        advertiser.add(campaign, Facts { name: name.to_string(), offer: offer.to_string(), app });
        if let Some(twin) = twin {
            let (name, twin) = (Invalid::echo(name.as_str()), Invalid::echo(&twin));
            self.note("case", line.line, format!("The new campaign {name} differs from {twin} only in letter case."));
        }
        Ok(campaign)
    }

    /// The app of a new campaign: the known one with the line's store id, or a new one.
    fn app(&mut self, at: usize, line: &StatLine<'_>, known: Option<Arc<App>>) -> Result<Arc<App>, Failure> {
        let name = line.app.map(|app| Name::parse_in_file("app", app)).transpose().map_err(invalid(Column::App))?;
        match (known, name) {
            (Some(known), Some(name)) if !is_called(&known.name, name.as_str()) => {
                let (got, stored) = (Invalid::echo(name.as_str()), Invalid::echo(&known.name));
                let (store_id, os) = (known.store.as_str(), known.store.os());
                let reason = format!("got {got}, but the app {store_id} on {os} is called {stored}");
                refuse("contradiction", Column::App, reason)
            }
            (Some(known), _) => Ok(known),
            (None, name) => {
                let os: Os = line.os.unwrap_or_default().parse().map_err(invalid(Column::Os))?;
                let store_id = line.store_id.unwrap_or_default();
                let store = StoreId::parse(os, store_id).map_err(invalid(Column::StoreId))?;
                let Some(name) = name else { return refuse("missing", Column::App, "is missing") };
                let advertiser = &mut self.advertisers[at];
                let key = self.creations.app(advertiser.row.key, &name, &store);
                Ok(advertiser.add_app(key, name.to_string(), store))
            }
        }
    }
}

/// What a new campaign needs and the line doesn't have. A known app has a name and a system.
fn lacking(line: &StatLine<'_>, is_app_known: bool) -> Vec<Column> {
    let needed = [
        (Column::OfferName, line.offer_name.is_some()),
        (Column::App, is_app_known || line.app.is_some()),
        (Column::StoreId, line.store_id.is_some()),
        (Column::Os, is_app_known || line.os.is_some()),
    ];
    needed.into_iter().filter(|(_, has)| !has).map(|(column, _)| column).collect()
}
