//! Finds the keys for the names in a line, and plans to create what is missing if the caller asked for that.
//!
//! Names are looked up in maps that are loaded once per advertiser, each in a short read of its own: reading an input may
//! take long and must not block others. Whether the results are still valid is checked before they are written.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::catalogue_versions::CatalogueVersions;
use super::creations::Creations;
use super::failure::{Failure, Refusal, invalid, refuse, several, unknown};
use super::known::{Advertiser, Publishers, is_called};
use super::problems::LineProblem;
use super::sorter::StagedLine;
use super::{Alias, CellName, ImportNote, ImportOptions, unit};
use crate::domain::{AdvertiserId, Currency, Day, Invalid, Name, NameKey, PublisherId, ReportingZone};
use crate::import::{Column, CurrencyClaim, LineError, StatLine, Unit};
use crate::service::ServiceResult;
use crate::service::names::Named;
use crate::store::{AdvertiserRow, PublisherKey, StatKey, Store, StoreError, StoreResult};

/// How many notes of one kind are kept.
const NOTES: usize = 100;

/// The code of the note about a merged name. Undoing the merge looks for it.
const MERGED: &str = "merged";

/// The result for a line.
pub(super) enum LineOutcome {
    /// A valid cell.
    Staged(StagedLine),
    /// The line's problems.
    Refused(Vec<LineProblem>),
}

pub(super) struct Resolver<'s> {
    store: &'s Store,
    now: DateTime<Utc>,
    pub(super) create_missing: bool,
    unit: Unit,
    /// The advertiser of all lines, if one was given.
    fixed: Option<usize>,
    pub(super) advertisers: Vec<Advertiser>,
    by_text: HashMap<String, usize>,
    publishers: Publishers,
    aliases: Vec<Alias>,
    /// Columns of new campaigns that their lines don't have.
    pub(super) new_campaigns: Arc<[(Column, String)]>,
    pub(super) creations: Creations,
    pub(super) notes: Vec<ImportNote>,
    /// What new campaigns need and their lines don't have.
    pub(super) lacking: Vec<Column>,
    /// Merged names that a note was made about.
    merged_names: HashSet<String>,
}

impl<'s> Resolver<'s> {
    pub(super) fn new(store: &'s Store, options: &ImportOptions, now: DateTime<Utc>) -> ServiceResult<Self> {
        let mut resolver = Self {
            store,
            now,
            create_missing: options.create_missing,
            unit: unit(options),
            fixed: None,
            advertisers: Vec::new(),
            by_text: HashMap::new(),
            publishers: store.read(Publishers::load)?,
            aliases: options.aliases.clone(),
            new_campaigns: options.new_campaigns.as_slice().into(),
            creations: Creations::default(),
            notes: Vec::new(),
            lacking: Vec::new(),
            merged_names: HashSet::new(),
        };
        for Alias { name, known, .. } in options.aliases.iter().filter(|alias| alias.column == Column::Partner) {
            resolver.publishers.by_name.alias(name, known);
        }
        if let Some(wanted) = &options.advertiser {
            let found = match store.read(|txn| txn.advertiser_find(wanted))? {
                None if options.create_missing => {
                    let name = Name::parse_in_file("advertiser", wanted)?;
                    resolver.create_advertiser(&name, options.currency.unwrap_or(Currency::USD))?
                }
                None => {
                    return Err(store.read(|txn| txn.advertiser_get(wanted)).err().map_or_else(
                        || crate::service::ServiceError::Internal("an advertiser was added in the meantime".to_owned()),
                        Into::into,
                    ));
                }
                Some(row) => resolver.load(row)?,
            };
            resolver.fixed = Some(found);
        }
        Ok(resolver)
    }

    /// What is to be created, the notes, and the catalogue versions that all of it is based on.
    pub(super) fn finish(self) -> (Creations, Vec<ImportNote>, CatalogueVersions) {
        let catalogues = self.advertisers.iter().filter_map(|known| Some((known.row.id, known.version?)));
        let catalogue = CatalogueVersions::new(catalogues, self.publishers.version);
        (self.creations, self.notes, catalogue)
    }

    /// The currencies of the advertisers in the lines.
    pub(super) fn currencies(&self) -> impl Iterator<Item = Currency> {
        self.advertisers.iter().map(|known| known.row.currency)
    }

    /// The cell of a line, or the line's problems. An error ends the import.
    pub(super) fn stage(&mut self, line: &StatLine<'_>) -> StoreResult<LineOutcome> {
        let unit = self.unit;
        let failed = |failure| match failure {
            Failure::Store(error) => Err(error),
            Failure::Line(Refusal { code, column, reason, subject }) => {
                let column = Some(column.name().to_owned());
                let error = LineError { line: line.line, unit, column, reason, code, flag: None };
                Ok(LineProblem { error, subject })
            }
        };
        let at = match self.advertiser(line) {
            Ok(at) => at,
            Err(failure) => return failed(failure).map(|problem| LineOutcome::Refused(vec![problem])),
        };
        let day = self.day(at, line);
        // All names are looked up, so that a line with two unknown names reports both at once.
        let publisher = self.publisher(line);
        let campaign = self.campaign(at, publisher.as_ref().ok().copied(), line);
        match (day, campaign, publisher) {
            (Ok(day), Ok(campaign), Ok(publisher)) => {
                let key = StatKey { advertiser: self.advertisers[at].row.key, day, campaign, publisher };
                let (clicks, cost) = (line.clicks, line.cost);
                let (views, conversions) = (line.views, line.conversions);
                Ok(LineOutcome::Staged(StagedLine { key, clicks, cost, views, conversions, line: line.line }))
            }
            (day, campaign, publisher) => {
                let failures = [day.err(), campaign.err(), publisher.err()];
                let problems = failures.into_iter().flatten().map(failed);
                problems.collect::<StoreResult<_>>().map(LineOutcome::Refused)
            }
        }
    }

    /// A cell in the words of the input.
    pub(super) fn describe(&self, key: &StatKey) -> String {
        let Some(CellName { day, campaign, publisher, .. }) = self.name(key) else { return "a cell".to_owned() };
        format!("{day}, campaign {}, partner {}", Invalid::echo(&campaign), Invalid::echo(&publisher))
    }

    /// The names of a cell; every staged cell has names.
    fn name(&self, key: &StatKey) -> Option<CellName> {
        let advertiser = self.advertisers.iter().find(|advertiser| advertiser.row.key == key.advertiser)?;
        let campaign = &advertiser.campaigns[*advertiser.by_key.get(&key.campaign)?];
        Some(CellName {
            advertiser: advertiser.row.name.clone(),
            day: Day::from_stored(key.day).ok()?,
            campaign: campaign.facts.name.clone(),
            publisher: self.publishers.names.get(&key.publisher)?.clone(),
        })
    }

    pub(super) fn note(&mut self, code: &'static str, line: u64, message: String) {
        if self.notes.iter().filter(|note| note.code == code).count() < NOTES {
            self.notes.push(ImportNote { code: code.to_owned(), line: Some(line), message });
        }
    }

    /// Notes, once per name, that its rows are booked under the name it was merged into.
    pub(super) fn note_merged(&mut self, line: u64, merged: &str, into: &str) {
        if !self.merged_names.contains(merged) {
            let (name, into) = (Invalid::echo(merged), Invalid::echo(into));
            self.note(MERGED, line, format!("{name} was merged into {into}, so its rows are booked there."));
            self.merged_names.insert(merged.to_owned());
        }
    }

    fn day(&self, at: usize, line: &StatLine<'_>) -> Result<i64, Failure> {
        let Advertiser { last_day, row, .. } = &self.advertisers[at];
        if line.day > *last_day {
            let zone = row.time_zone.name();
            return refuse(
                "future_day",
                Column::Date,
                format!("got {}, expected a day no later than tomorrow ({last_day} in {zone})", line.day),
            );
        }
        Ok(line.day.to_stored())
    }

    fn advertiser(&mut self, line: &StatLine<'_>) -> Result<usize, Failure> {
        let at = match (self.fixed, line.advertiser) {
            (Some(at), None) => at,
            (Some(at), Some(text)) => {
                let row = &self.advertisers[at].row;
                if !is_called(&row.name, text) && !row.id.to_string().eq_ignore_ascii_case(text) {
                    let got = Invalid::echo(text);
                    return refuse(
                        "advertiser",
                        Column::Advertiser,
                        format!("got {got}, expected \"{}\", whose import this is", row.name),
                    );
                }
                at
            }
            (None, None) => {
                return refuse(
                    "advertiser",
                    Column::Advertiser,
                    "is missing, and no advertiser was given for the import",
                );
            }
            (None, Some(text)) => match self.by_text.get(text) {
                Some(at) => *at,
                None => self.advertiser_by_text(text, line)?,
            },
        };
        let row = &self.advertisers[at].row;
        match line.currency {
            Some(claim) if !claim.fits(row.currency) => refuse(
                "currency",
                Column::Cost,
                format!(
                    "is in {claim}, expected {}, the currency of \"{}\"; Pitlane does not convert money",
                    row.currency.code(),
                    row.name
                ),
            ),
            _ => Ok(at),
        }
    }

    fn advertiser_by_text(&mut self, text: &str, line: &StatLine<'_>) -> Result<usize, Failure> {
        let at = match self.store.read(|txn| txn.advertiser_find(text))? {
            Some(row) => self.load(row)?,
            None if self.create_missing => {
                let name = Name::parse_in_file("advertiser", text).map_err(invalid(Column::Advertiser))?;
                let currency = line.currency.and_then(CurrencyClaim::usual).unwrap_or(Currency::USD);
                let known = self.advertisers.iter().position(|known| is_called(&known.row.name, name.as_str()));
                if let Some(at) = known {
                    at
                } else {
                    self.creations.check_room(Column::Advertiser)?;
                    self.create_advertiser(&name, currency).map_err(invalid(Column::Advertiser))?
                }
            }
            None => {
                let got = Invalid::echo(text);
                let reason = format!("got {got}, which isn't an advertiser");
                return unknown("unknown_advertiser", Column::Advertiser, text, reason);
            }
        };
        self.by_text.insert(text.to_owned(), at);
        Ok(at)
    }

    fn create_advertiser(&mut self, name: &Name, currency: Currency) -> Result<usize, Invalid> {
        let row = AdvertiserRow {
            key: self.creations.advertiser(name, currency),
            id: AdvertiserId::from(Uuid::new_v4()),
            name: name.to_string(),
            currency,
            time_zone: ReportingZone::UTC,
            disabled_at: None,
            created_at: self.now,
        };
        let last_day = last_day(ReportingZone::UTC, self.now)?;
        self.advertisers.push(Advertiser::new(row, last_day));
        Ok(self.advertisers.len() - 1)
    }

    fn load(&mut self, row: AdvertiserRow) -> StoreResult<usize> {
        if let Some(at) = self.advertisers.iter().position(|known| known.row.key == row.key) {
            return Ok(at);
        }
        // A zone's clock always shows a valid day.
        let last_day = last_day(row.time_zone, self.now).map_err(|error| StoreError::Conflict(error.to_string()))?;
        let mut loaded = self.store.read(|txn| Advertiser::load(txn, row, last_day))?;
        for Alias { column, name, known } in &self.aliases {
            match column {
                Column::CampaignName => loaded.by_name.alias(name, known),
                Column::OfferName => loaded.offers.alias(name, known),
                _ => {}
            }
        }
        self.advertisers.push(loaded);
        Ok(self.advertisers.len() - 1)
    }

    fn publisher(&mut self, line: &StatLine<'_>) -> Result<PublisherKey, Failure> {
        let key = self.publisher_named(line)?;
        if let Some(merged) = self.publishers.merged_name(key, line.partner_id, line.partner).map(str::to_owned) {
            let name = self.publishers.name(key).to_owned();
            self.note_merged(line.line, &merged, &name);
        }
        Ok(key)
    }

    fn publisher_named(&mut self, line: &StatLine<'_>) -> Result<PublisherKey, Failure> {
        let id = line.partner_id;
        let by_id = id.and_then(|id| self.publishers.by_id.get(&id)).copied();
        match (id, by_id, line.partner) {
            (Some(id), Some(key), name) => {
                let is_same = |name: &&str| {
                    let stored = self.publishers.name(key);
                    stored == *name || NameKey::ignoring_case(stored) == NameKey::ignoring_case(name)
                };
                let Some(name) = name.filter(|name| !is_same(name)) else { return Ok(key) };
                if self.publishers.by_name.find(name) == Named::One(key) {
                    return Ok(key);
                }
                let (got, stored) = (Invalid::echo(name), Invalid::echo(self.publishers.name(key)));
                refuse("contradiction", Column::Partner, format!("got {got}, but publisher {id} is called {stored}"))
            }
            (Some(id), None, None) => {
                let reason = format!("got \"{id}\", which isn't a publisher");
                unknown("unknown_publisher_id", Column::PartnerId, &id.to_string(), reason)
            }
            (id, _, Some(name)) => match (self.publishers.by_name.find(name), id) {
                (Named::One(_), Some(_)) if self.create_missing => {
                    let name = Invalid::echo(name);
                    refuse("contradiction", Column::PartnerId, format!("{name} exists, but with another id"))
                }
                (Named::One(key), None) => Ok(key),
                (Named::Several, _) => several(Column::Partner, name, "publishers"),
                (_, id) => self.create_publisher(id, name),
            },
            (None, _, None) => refuse("missing", Column::Partner, "is missing"),
        }
    }

    fn create_publisher(&mut self, id: Option<PublisherId>, name: &str) -> Result<PublisherKey, Failure> {
        let name = Name::parse_in_file("partner", name).map_err(invalid(Column::Partner))?;
        match id {
            _ if self.create_missing => {
                self.creations.check_room(Column::Partner)?;
                // An id that comes with its name is kept, because the tracking links already use it.
                let id = id.unwrap_or_else(|| Uuid::new_v4().into());
                let key = self.creations.publisher(id, &name);
                self.publishers.add(key, id, name.as_str());
                Ok(key)
            }
            Some(id) => {
                let reason = format!("got \"{id}\", which isn't a publisher");
                unknown("unknown_publisher_id", Column::PartnerId, &id.to_string(), reason)
            }
            None => {
                let reason = format!("got {}, which isn't a publisher yet", Invalid::echo(name.as_str()));
                unknown("unknown_publisher", Column::Partner, name.as_str(), reason)
            }
        }
    }
}

/// The last valid day: tomorrow in the zone.
pub fn last_day(zone: ReportingZone, now: DateTime<Utc>) -> Result<Day, Invalid> {
    let today = Day::try_from(zone.clock().at(now).0.date())?;
    Ok(today.next().unwrap_or(today))
}
