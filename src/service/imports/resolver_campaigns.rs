//! Finds the campaign of a line: by its id, by the network's id, or by name; plans to create it if it is missing.

use super::failure::{Failure, invalid, refuse, several, unknown};
use super::known::{Facts, is_called};
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
        if !self.create_missing {
            return unknown("unknown_campaign", Column::CampaignName, name.as_str(), reason);
        }
        let (Some(offer), Some(app), Some(store_id), Some(os)) = (line.offer_name, line.app, line.store_id, line.os)
        else {
            let needed =
                [("offer_name", line.offer_name), ("app", line.app), ("store_id", line.store_id), ("os", line.os)];
            let missing: Vec<_> = needed.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
            let reason = format!("{reason}; to create it, expected also {}", missing.join(", "));
            return unknown("incomplete_campaign", Column::CampaignName, name.as_str(), reason);
        };
        let offer = Name::parse_in_file("offer_name", offer).map_err(invalid(Column::OfferName))?;
        let app = Name::parse_in_file("app", app).map_err(invalid(Column::App))?;
        let os: Os = os.parse().map_err(invalid(Column::Os))?;
        let store = StoreId::parse(os, store_id).map_err(invalid(Column::StoreId))?;
        let Self { advertisers, creations, .. } = self;
        let advertiser = &mut advertisers[at];
        let key = advertiser.row.key;
        let (app_key, app) = match advertiser.apps.get(&store) {
            Some((key, known)) if is_called(known, app.as_str()) => (*key, known.clone()),
            Some((_, known)) => {
                let (got, known) = (Invalid::echo(app.as_str()), Invalid::echo(known));
                return refuse(
                    "contradiction",
                    Column::App,
                    format!("got {got}, but the app {} on {os} is called {known}", store.as_str()),
                );
            }
            None => {
                let new = creations.app(key, &app, &store);
                advertiser.apps.insert(store.clone(), (new, app.to_string()));
                (new, app.to_string())
            }
        };
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
        let campaign = creations.campaign(key, offer_key, app_key, &name);
        advertiser.add(campaign, Facts { name: name.to_string(), offer: offer.to_string(), app, store });
        if let Some(twin) = twin {
            let (name, twin) = (Invalid::echo(name.as_str()), Invalid::echo(&twin));
            self.note("case", line.line, format!("The new campaign {name} differs from {twin} only in letter case."));
        }
        Ok(campaign)
    }
}
