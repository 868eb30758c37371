//! From the names in a line to the keys of the table, creating what is missing where that was asked for.
//!
//! Names are looked up in maps that are loaded once per advertiser, inside the import's own transaction.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::failure::{Failure, invalid, refuse};
use super::known::{Advertiser, Campaign, Publishers};
use super::{CellName, ImportOptions, Staged, unit};
use crate::domain::{CampaignId, Currency, Day, Invalid, Name, OfferId, Os, ReportingZone, StoreId};
use crate::import::{Column, CurrencyClaim, LineError, StatLine, Unit};
use crate::service::ServiceResult;
use crate::store::{AdvertiserRow, CampaignKey, PublisherKey, StatKey, StoreResult, WriteTxn};

/// What an import created.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Created {
    /// Advertisers.
    pub advertisers: u64,
    /// Apps.
    pub apps: u64,
    /// Offers.
    pub offers: u64,
    /// Campaigns.
    pub campaigns: u64,
    /// Publishers.
    pub publishers: u64,
}

/// What becomes of a line.
pub(super) enum LineOutcome {
    /// It states a cell.
    Staged(Staged),
    /// It is wrong, in these ways.
    Refused(Vec<LineError>),
}

/// Looks lines up.
pub(super) struct Resolver<'t, 'c> {
    txn: &'t WriteTxn<'c>,
    now: DateTime<Utc>,
    create_missing: bool,
    unit: Unit,
    /// The advertiser of every line, where one was given.
    fixed: Option<usize>,
    advertisers: Vec<Advertiser>,
    by_text: HashMap<String, usize>,
    publishers: Publishers,
    created: Created,
}

impl<'t, 'c> Resolver<'t, 'c> {
    pub(super) fn new(txn: &'t WriteTxn<'c>, options: &ImportOptions, now: DateTime<Utc>) -> ServiceResult<Self> {
        let mut resolver = Self {
            txn,
            now,
            create_missing: options.create_missing,
            unit: unit(options.format),
            fixed: None,
            advertisers: Vec::new(),
            by_text: HashMap::new(),
            publishers: Publishers::load(txn)?,
            created: Created::default(),
        };
        if let Some(wanted) = &options.advertiser {
            let row = match txn.advertiser_find(wanted)? {
                None if options.create_missing => {
                    resolver.create_advertiser(&Name::parse("advertiser", wanted)?, Currency::USD)?
                }
                None => txn.advertiser_get(wanted)?,
                Some(row) => row,
            };
            resolver.fixed = Some(resolver.load(row)?);
        }
        Ok(resolver)
    }

    pub(super) fn created(&self) -> Created {
        self.created
    }

    /// The cell a line states, or what is wrong with the line. An error ends the import.
    pub(super) fn stage(&mut self, line: &StatLine<'_>) -> StoreResult<LineOutcome> {
        let unit = self.unit;
        let failed = |failure| match failure {
            Failure::Store(error) => Err(error),
            Failure::Line((column, reason)) => {
                let column = column.map(|column| column.name().to_owned());
                Ok(LineError::new(line.line, unit, column, reason))
            }
        };
        let at = match self.advertiser(line) {
            Ok(at) => at,
            Err(failure) => return failed(failure).map(|problem| LineOutcome::Refused(vec![problem])),
        };
        // Both are looked at, so that a line with two unknown names is told both at once.
        match (self.campaign(at, line), self.publisher(line)) {
            (Ok(campaign), Ok(publisher)) => {
                let key = StatKey {
                    advertiser: self.advertisers[at].row.key,
                    day: line.day.to_stored(),
                    campaign,
                    publisher,
                };
                let &StatLine { clicks, cost, views, conversions, line, .. } = line;
                Ok(LineOutcome::Staged(Staged { key, clicks, cost, views, conversions, line }))
            }
            (campaign, publisher) => {
                let problems = [campaign.err(), publisher.err()].into_iter().flatten().map(failed);
                problems.collect::<StoreResult<_>>().map(LineOutcome::Refused)
            }
        }
    }

    /// A cell in the words of the input.
    pub(super) fn describe(&self, key: &StatKey) -> String {
        let Some(CellName { day, campaign, publisher, .. }) = self.name(key) else { return "a cell".to_owned() };
        format!("{day}, campaign {}, partner {}", Invalid::echo(&campaign), Invalid::echo(&publisher))
    }

    /// What a cell is called; everything that was staged has a name.
    pub(super) fn name(&self, key: &StatKey) -> Option<CellName> {
        let advertiser = self.advertisers.iter().find(|advertiser| advertiser.row.key == key.advertiser)?;
        let campaign = &advertiser.campaigns[*advertiser.by_key.get(&key.campaign)?];
        Some(CellName {
            advertiser: advertiser.row.name.clone(),
            day: Day::from_stored(key.day).ok()?,
            campaign: campaign.name.clone(),
            publisher: self.publishers.names.get(&key.publisher)?.clone(),
        })
    }

    fn advertiser(&mut self, line: &StatLine<'_>) -> Result<usize, Failure> {
        let at = match (self.fixed, line.advertiser) {
            (Some(at), None) => at,
            (Some(at), Some(text)) => {
                let row = &self.advertisers[at].row;
                if text != row.name && !row.id.to_string().eq_ignore_ascii_case(text) {
                    let got = Invalid::echo(text);
                    return refuse(
                        Column::Advertiser,
                        format!("got {got}, expected \"{}\", whose import this is", row.name),
                    );
                }
                at
            }
            (None, None) => {
                return refuse(Column::Advertiser, "is missing, and no advertiser was given for the import");
            }
            (None, Some(text)) => match self.by_text.get(text) {
                Some(at) => *at,
                None => self.advertiser_by_text(text, line)?,
            },
        };
        let row = &self.advertisers[at].row;
        match line.currency {
            Some(claim) if !claim.fits(row.currency) => refuse(
                Column::Currency,
                format!("got \"{claim}\", expected {}, the currency of \"{}\"", row.currency.code(), row.name),
            ),
            _ => Ok(at),
        }
    }

    fn advertiser_by_text(&mut self, text: &str, line: &StatLine<'_>) -> Result<usize, Failure> {
        let row = match self.txn.advertiser_find(text)? {
            Some(row) => row,
            None if self.create_missing => {
                let name = Name::parse("advertiser", text).map_err(invalid(Column::Advertiser))?;
                let currency = line.currency.and_then(CurrencyClaim::usual).unwrap_or(Currency::USD);
                self.create_advertiser(&name, currency)?
            }
            None => {
                let got = Invalid::echo(text);
                return refuse(Column::Advertiser, format!("got {got}, which no advertiser goes by"));
            }
        };
        let at = self.load(row)?;
        self.by_text.insert(text.to_owned(), at);
        Ok(at)
    }

    fn create_advertiser(&mut self, name: &Name, currency: Currency) -> StoreResult<AdvertiserRow> {
        self.created.advertisers += 1;
        self.txn.advertiser_create(Uuid::new_v4().into(), name, currency, ReportingZone::UTC, self.now)
    }

    fn load(&mut self, row: AdvertiserRow) -> StoreResult<usize> {
        if let Some(at) = self.advertisers.iter().position(|known| known.row.key == row.key) {
            return Ok(at);
        }
        self.advertisers.push(Advertiser::load(self.txn, row)?);
        Ok(self.advertisers.len() - 1)
    }

    fn campaign(&mut self, at: usize, line: &StatLine<'_>) -> Result<CampaignKey, Failure> {
        let advertiser = &self.advertisers[at];
        let found = match (line.campaign_id, line.campaign_name) {
            (Some(id), name) => {
                let Some(found) = advertiser.by_id.get(&id) else {
                    let whose = &advertiser.row.name;
                    return refuse(Column::CampaignId, format!("got \"{id}\", which is no campaign of \"{whose}\""));
                };
                let stored = &advertiser.campaigns[*found].name;
                if let Some(name) = name.filter(|name| name != stored) {
                    return refuse(
                        Column::CampaignName,
                        format!("got {}, but campaign {id} is called {}", Invalid::echo(name), Invalid::echo(stored)),
                    );
                }
                Some(*found)
            }
            (None, Some(name)) => advertiser.by_name.get(name).copied(),
            (None, None) => return refuse(Column::CampaignName, "is missing"),
        };
        match found {
            Some(found) => advertiser.campaigns[found].agree(line),
            None => self.create_campaign(at, line),
        }
    }

    fn create_campaign(&mut self, at: usize, line: &StatLine<'_>) -> Result<CampaignKey, Failure> {
        let text = line.campaign_name.unwrap_or_default();
        let whose = &self.advertisers[at].row.name;
        let unknown = format!("got {}, which is no campaign of \"{whose}\"", Invalid::echo(text));
        if !self.create_missing {
            return refuse(Column::CampaignName, unknown);
        }
        let (Some(offer), Some(app), Some(store_id), Some(os)) = (line.offer_name, line.app, line.store_id, line.os)
        else {
            let needed =
                [("offer_name", line.offer_name), ("app", line.app), ("store_id", line.store_id), ("os", line.os)];
            let missing: Vec<_> = needed.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
            return refuse(
                Column::CampaignName,
                format!("{unknown}; to create it, expected also {}", missing.join(", ")),
            );
        };
        let name = Name::parse("campaign_name", text).map_err(invalid(Column::CampaignName))?;
        let offer = Name::parse("offer_name", offer).map_err(invalid(Column::OfferName))?;
        let app = Name::parse("app", app).map_err(invalid(Column::App))?;
        let os: Os = os.parse().map_err(invalid(Column::Os))?;
        let store = StoreId::parse(os, store_id).map_err(invalid(Column::StoreId))?;
        let advertiser = self.advertisers[at].row.key;
        let app_key = match self.txn.app_find(advertiser, &store)? {
            Some((key, known)) if known == app.as_str() => key,
            Some((_, known)) => {
                let (got, known) = (Invalid::echo(app.as_str()), Invalid::echo(&known));
                return refuse(
                    Column::App,
                    format!("got {got}, but the app {} on {os} is called {known}", store.as_str()),
                );
            }
            None => {
                self.created.apps += 1;
                self.txn.app_create(advertiser, Uuid::new_v4().into(), &app, &store, self.now)?
            }
        };
        let offer_key = if let Some(key) = self.advertisers[at].offers.get(offer.as_str()) {
            *key
        } else {
            let id = OfferId::from(Uuid::new_v4());
            let key = self.txn.offer_create(advertiser, id, &offer, true, self.now)?;
            self.created.offers += 1;
            self.advertisers[at].offers.insert(offer.to_string(), key);
            key
        };
        let spare = CampaignId::from(Uuid::new_v4());
        let created = self.txn.campaign_create(advertiser, spare, &name, offer_key, app_key, self.now)?;
        self.created.campaigns += 1;
        let (name, offer, app) = (name.to_string(), offer.to_string(), app.to_string());
        self.advertisers[at].add(created.1, Campaign { key: created.0, name, offer, app, store });
        Ok(created.0)
    }

    fn publisher(&mut self, line: &StatLine<'_>) -> Result<PublisherKey, Failure> {
        let known = match (line.partner_id, line.partner) {
            (Some(id), name) => match (self.publishers.by_id.get(&id), name) {
                (Some((_, stored)), Some(name)) if name != stored => {
                    return refuse(
                        Column::Partner,
                        format!("got {}, but publisher {id} is called {}", Invalid::echo(name), Invalid::echo(stored)),
                    );
                }
                (Some((key, _)), _) => Some(*key),
                (None, _) => None,
            },
            (None, Some(name)) => self.publishers.by_name.get(name).copied(),
            (None, None) => return refuse(Column::Partner, "is missing"),
        };
        match (known, line.partner_id, line.partner) {
            (Some(key), ..) => Ok(key),
            (None, id, Some(name)) if self.create_missing => {
                let name = Name::parse("partner", name).map_err(invalid(Column::Partner))?;
                if id.is_some() && self.publishers.by_name.contains_key(name.as_str()) {
                    return refuse(Column::PartnerId, format!("\"{name}\" is known, but by another id"));
                }
                // An id that comes with its name is kept: it is what the tracking links carry already.
                let id = id.unwrap_or_else(|| Uuid::new_v4().into());
                let key = self.txn.publisher_create(id, &name, self.now)?;
                self.created.publishers += 1;
                self.publishers.add(key, id, name.to_string());
                Ok(key)
            }
            (None, Some(id), _) => refuse(Column::PartnerId, format!("got \"{id}\", which is no publisher")),
            (None, None, name) => refuse(
                Column::Partner,
                format!("got {}, which is no publisher", Invalid::echo(name.unwrap_or_default())),
            ),
        }
    }
}
