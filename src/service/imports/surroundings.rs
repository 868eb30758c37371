//! The stored stats around an import's cells: figures far above the usual, and campaigns that the input doesn't name.
//!
//! One scan of the stored days next to the new cells, both in the order of the table.

use std::collections::BTreeMap;
use std::io;

use foldhash::HashSet;

use super::cell_names::CellNames;
use super::cells::{Cells, CellsReader};
use super::creations::is_provisional;
use super::merge::Staged;
use super::outliers::{OutlierSearch, Outliers, STORED_REACH};
use super::{ImportError, ImportNote};
use crate::domain::{Day, Figures, Invalid, MicrosSum};
use crate::import::FileError;
use crate::service::ServiceError;
use crate::store::{AdvertiserKey, CampaignKey, ImportSpan, PublisherKey, ReadTxn, StatKey, StatRow};

/// How many campaigns at publishers are tracked.
const NAMED: usize = 200_000;

/// How many campaigns are reported.
const TOLD: usize = 100;

/// A campaign with figures on the input's days, at one of its publishers, that the input doesn't name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unnamed {
    pub campaign: String,
    /// Its key, for renaming.
    pub key: CampaignKey,
    pub publisher: String,
    /// The first and last day of these figures.
    pub days: (Day, Day),
    /// Their cost.
    pub cost: MicrosSum,
    pub clicks: u64,
}

/// What was found around the cells.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    pub(super) outliers: Outliers,
    pub(super) unnamed: Vec<Unnamed>,
}

/// The part of the input about one advertiser.
struct Scope {
    days: HashSet<i64>,
    first: i64,
    last: i64,
    publishers: HashSet<PublisherKey>,
    named: HashSet<(CampaignKey, PublisherKey)>,
}

fn scopes(cells: &mut Cells, is_wanted: impl Fn(AdvertiserKey) -> bool) -> io::Result<BTreeMap<AdvertiserKey, Scope>> {
    let mut scopes: BTreeMap<AdvertiserKey, Scope> = BTreeMap::new();
    let mut cells = cells.reader()?;
    while let Some(Staged { cell, .. }) = cells.next()? {
        let StatKey { advertiser, day, campaign, publisher } = cell.key;
        if !is_wanted(advertiser) {
            continue;
        }
        let scope = scopes.entry(advertiser).or_insert_with(|| Scope {
            days: HashSet::default(),
            first: day,
            last: day,
            publishers: HashSet::default(),
            named: HashSet::default(),
        });
        if scope.last != day || scope.days.is_empty() {
            scope.last = day;
            scope.days.insert(day);
        }
        scope.publishers.insert(publisher);
        if scope.named.len() < NAMED {
            scope.named.insert((campaign, publisher));
        }
    }
    Ok(scopes)
}

#[derive(Default)]
struct Absent {
    first: i64,
    last: i64,
    cost: MicrosSum,
    clicks: u64,
}

pub(super) fn look(
    txn: &ReadTxn<'_>,
    cells: &mut Cells,
    names: &mut CellNames<'_, '_>,
) -> Result<Surroundings, ImportError> {
    let scopes = scopes(cells, |_| true)?;
    let mut found = Surroundings::default();
    let mut side = Side { cells: cells.reader()?, next: None, failed: None };
    side.advance();
    for (advertiser, scope) in scopes {
        let mut search = OutlierSearch::new(advertiser);
        let mut absent = AbsentSearch::new(advertiser, &scope);
        if !is_provisional(advertiser.get()) {
            let span = ImportSpan { advertiser, first: scope.first - STORED_REACH, last: scope.last + STORED_REACH };
            txn.stat_scan_stated(span, |key, StatRow { figures, .. }| {
                side.before(&key, |new| search.push(&new.cell.key, None, Some(new)));
                let new = side.next.filter(|new| new.cell.key == key);
                search.push(&key, Some(&figures), new.as_ref());
                if new.is_some() {
                    side.advance();
                } else {
                    absent.see(&key, &figures);
                }
            })?;
        }
        side.of(advertiser, |new| search.push(&new.cell.key, None, Some(new)));
        search.finish(&mut found.outliers, names)?;
        absent.finish(&mut found.unnamed, names)?;
    }
    match side.failed {
        Some(error) => Err(FileError::Io(error).into()),
        None => Ok(found),
    }
}

/// Only looks for unnamed campaigns.
pub(super) fn unnamed(
    txn: &ReadTxn<'_>,
    cells: &mut Cells,
    names: &mut CellNames<'_, '_>,
) -> Result<Vec<Unnamed>, ImportError> {
    let mut found = Vec::new();
    // An advertiser that the import creates has no stats yet.
    for (advertiser, scope) in scopes(cells, |advertiser| !is_provisional(advertiser.get()))? {
        let mut absent = AbsentSearch::new(advertiser, &scope);
        let span = ImportSpan { advertiser, first: scope.first, last: scope.last };
        txn.stat_scan_stated(span, |key, StatRow { figures, .. }| absent.see(&key, &figures))?;
        absent.finish(&mut found, names)?;
    }
    Ok(found)
}

/// Finds the campaigns of one advertiser that the input doesn't name.
struct AbsentSearch<'s> {
    advertiser: AdvertiserKey,
    scope: &'s Scope,
    absent: BTreeMap<(CampaignKey, PublisherKey), Absent>,
}

impl<'s> AbsentSearch<'s> {
    fn new(advertiser: AdvertiserKey, scope: &'s Scope) -> Self {
        Self { advertiser, scope, absent: BTreeMap::new() }
    }

    /// A stored cell.
    fn see(&mut self, key: &StatKey, figures: &Figures) {
        if *figures == Figures::default() || !self.scope.misses(key) {
            return;
        }
        let at = (key.campaign, key.publisher);
        let absent = self.absent.entry(at).or_insert_with(|| Absent { first: key.day, ..Absent::default() });
        absent.last = key.day;
        absent.cost += figures.cost.into();
        absent.clicks = absent.clicks.saturating_add(figures.clicks.get().unsigned_abs());
    }

    fn finish(self, found: &mut Vec<Unnamed>, names: &mut CellNames<'_, '_>) -> Result<(), ServiceError> {
        for ((campaign, publisher), Absent { first, last, cost, clicks }) in self.absent {
            if found.len() == TOLD {
                break;
            }
            found.push(Unnamed {
                campaign: names.campaign(self.advertiser, campaign)?,
                key: campaign,
                publisher: names.publisher(publisher)?,
                days: (Day::from_stored(first)?, Day::from_stored(last)?),
                cost,
                clicks,
            });
        }
        Ok(())
    }
}

impl Scope {
    /// Whether the input has the cell's day and publisher, but never its campaign at that publisher.
    fn misses(&self, key: &StatKey) -> bool {
        self.named.len() < NAMED
            && self.days.contains(&key.day)
            && self.publishers.contains(&key.publisher)
            && !self.named.contains(&(key.campaign, key.publisher))
    }
}

/// The import's own cells, one by one.
struct Side<'c> {
    cells: CellsReader<'c>,
    next: Option<Staged>,
    failed: Option<io::Error>,
}

impl Side<'_> {
    fn advance(&mut self) {
        self.next = match self.cells.next() {
            Ok(next) => next,
            Err(error) => {
                self.failed = Some(error);
                None
            }
        };
    }

    /// Passes on the cells before this one.
    fn before(&mut self, key: &StatKey, mut each: impl FnMut(&Staged)) {
        while let Some(next) = self.next.filter(|next| next.cell.key < *key) {
            each(&next);
            self.advance();
        }
    }

    /// Passes on the remaining cells of this advertiser.
    fn of(&mut self, advertiser: AdvertiserKey, mut each: impl FnMut(&Staged)) {
        while let Some(next) = self.next.filter(|next| next.cell.key.advertiser == advertiser) {
            each(&next);
            self.advance();
        }
    }
}

impl Unnamed {
    /// The note about it.
    pub(super) fn note(&self) -> ImportNote {
        let Self { campaign, publisher, days: (first, last), cost, clicks, .. } = self;
        let (campaign, publisher) = (Invalid::echo(campaign), Invalid::echo(publisher));
        let days = if first == last { format!("{first}") } else { format!("{first} to {last}") };
        let message = format!(
            "Campaign {campaign} at {publisher} holds {cost} and {clicks} clicks on days of this file ({days}), and \
             isn't in the file. If it was renamed, rename it here too, or replace these days with --replace."
        );
        ImportNote { code: "unnamed_campaign".to_owned(), line: None, message }
    }
}
