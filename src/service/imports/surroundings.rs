//! The stored stats around an import's cells: figures far above the usual, and campaigns that the input doesn't name.
//!
//! One scan of the stored days next to the new cells, both in the order of the table. A preview compares them in the same scan.

use std::collections::BTreeMap;
use std::io;
use std::panic::resume_unwind;
use std::sync::mpsc::sync_channel;
use std::thread::{self, Builder};

use foldhash::HashSet;

use super::cell_names::CellNames;
use super::cells::Cells;
use super::creations::is_provisional;
use super::merge::Staged;
use super::outliers::{OutlierSearch, Outliers, STORED_REACH};
use super::{ImportError, ImportNote};
use crate::domain::{Day, Figures, Invalid, MicrosSum};
use crate::service::{ServiceError, ServiceResult};
use crate::store::{AdvertiserKey, CampaignKey, ImportSpan, PublisherKey, ReadTxn, StatKey, StoreError};

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

/// The part of the input about each advertiser.
pub(super) type Scopes = BTreeMap<AdvertiserKey, Scope>;

/// The part of the input about one advertiser.
pub(super) struct Scope {
    days: HashSet<i64>,
    first: i64,
    last: i64,
    publishers: HashSet<PublisherKey>,
    named: HashSet<(CampaignKey, PublisherKey)>,
}

pub(super) fn scopes(cells: &mut Cells) -> io::Result<Scopes> {
    let mut scopes = Scopes::new();
    let mut cells = cells.reader()?;
    while let Some(Staged { cell, .. }) = cells.next()? {
        let StatKey { advertiser, day, campaign, publisher } = cell.key;
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

/// Receives a cell of the input with its stored value.
pub(super) type Each<'e> = &'e mut dyn FnMut(&Staged, Option<Figures>) -> ServiceResult<()>;

/// Looks around the cells, and passes each of them to `each`. If they are many, another thread judges what this one reads.
pub(super) fn look(
    txn: &ReadTxn<'_>,
    cells: &mut Cells,
    names: &mut CellNames<'_, '_>,
    each: Each<'_>,
) -> Result<Surroundings, ImportError> {
    let (scopes, are_many) = (scopes(cells)?, cells.are_many());
    let mut search = Search { scopes: &scopes, open: None, ended: Vec::new() };
    if !are_many {
        pair(txn, cells, &scopes, each, &mut |pair| search.see(&pair))?;
        return search.tell(names);
    }
    thread::scope(|scope| {
        let (sender, batches) = sync_channel::<Vec<Pair>>(BATCHES);
        let search = move || {
            batches.iter().flatten().for_each(|pair| search.see(&pair));
            search
        };
        let searching = Builder::new().name("outliers".to_owned()).spawn_scoped(scope, search)?;
        let mut batch = Vec::with_capacity(BATCH);
        // If the other thread has panicked, so will this one.
        let send = |batch| drop(sender.send(batch));
        let paired = pair(txn, cells, &scopes, each, &mut |pair| {
            batch.push(pair);
            if batch.len() == BATCH {
                send(std::mem::replace(&mut batch, Vec::with_capacity(BATCH)));
            }
        });
        send(batch);
        drop(sender);
        let found = searching.join().unwrap_or_else(|panic| resume_unwind(panic));
        paired?;
        found.tell(names)
    })
}

/// How many pairs go to the other thread at once, and how often before it must have taken them.
const BATCH: usize = 512;
const BATCHES: usize = 4;

/// A cell as stored, as the input states it, or both.
struct Pair {
    key: StatKey,
    stored: Option<Figures>,
    new: Option<Staged>,
}

/// Reads the stored cells next to the input's, in the order of the table.
fn pair(
    txn: &ReadTxn<'_>,
    cells: &mut Cells,
    scopes: &Scopes,
    each: Each<'_>,
    see: &mut dyn FnMut(Pair),
) -> Result<(), ImportError> {
    let mut cells = cells.reader()?;
    let mut next = cells.next()?;
    let mut both = |key, stored, new: Option<Staged>| {
        if let Some(new) = &new {
            each(new, stored)?;
        }
        see(Pair { key, stored, new });
        Ok::<_, ImportError>(())
    };
    for (&advertiser, scope) in scopes {
        if !is_provisional(advertiser.get()) {
            let span = ImportSpan { advertiser, first: scope.first - STORED_REACH, last: scope.last + STORED_REACH };
            txn.stat_scan_figures(span, |key, figures| {
                while let Some(new) = next.filter(|new| new.cell.key < key) {
                    both(new.cell.key, None, Some(new))?;
                    next = cells.next()?;
                }
                let new = next.filter(|new| new.cell.key == key);
                if new.is_some() {
                    next = cells.next()?;
                }
                both(key, Some(figures), new)
            })?;
        }
        while let Some(new) = next.filter(|new| new.cell.key.advertiser == advertiser) {
            both(new.cell.key, None, Some(new))?;
            next = cells.next()?;
        }
    }
    Ok(())
}

/// Judges pairs, one advertiser after the other. Needs no database.
struct Search<'s> {
    scopes: &'s Scopes,
    open: Option<(AdvertiserKey, OutlierSearch, AbsentSearch<'s>)>,
    ended: Vec<(OutlierSearch, AbsentSearch<'s>)>,
}

impl Search<'_> {
    fn see(&mut self, Pair { key, stored, new }: &Pair) {
        if self.open.as_ref().is_none_or(|(advertiser, ..)| *advertiser != key.advertiser) {
            self.end();
        }
        let Some(scope) = self.scopes.get(&key.advertiser) else { return };
        let (_, outliers, absent) = self.open.get_or_insert_with(|| {
            (key.advertiser, OutlierSearch::new(key.advertiser), AbsentSearch::new(key.advertiser, scope))
        });
        outliers.push(key, stored.as_ref(), new.as_ref());
        if let (Some(stored), None) = (stored, new) {
            absent.see(key, stored);
        }
    }

    fn end(&mut self) {
        if let Some((_, mut outliers, absent)) = self.open.take() {
            outliers.end();
            self.ended.push((outliers, absent));
        }
    }

    fn tell(mut self, names: &mut CellNames<'_, '_>) -> Result<Surroundings, ImportError> {
        self.end();
        let mut found = Surroundings::default();
        for (outliers, absent) in self.ended {
            outliers.tell(&mut found.outliers, names)?;
            absent.finish(&mut found.unnamed, names)?;
        }
        Ok(found)
    }
}

/// Only looks for unnamed campaigns.
pub(super) fn unnamed(
    txn: &ReadTxn<'_>,
    scopes: &Scopes,
    names: &mut CellNames<'_, '_>,
) -> Result<Vec<Unnamed>, ImportError> {
    let mut found = Vec::new();
    // An advertiser that the import creates has no stats yet.
    for (&advertiser, scope) in scopes.iter().filter(|(advertiser, _)| !is_provisional(advertiser.get())) {
        let mut absent = AbsentSearch::new(advertiser, scope);
        let span = ImportSpan { advertiser, first: scope.first, last: scope.last };
        txn.stat_scan_figures(span, |key, figures| {
            absent.see(&key, &figures);
            Ok::<_, StoreError>(())
        })?;
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

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::super::problems::ProblemLog;
    use super::super::staging::{Staging, stage};
    use super::super::{Commit, ImportOptions, ImportSource, run};
    use super::*;
    use crate::import::Format;
    use crate::service::Actor;
    use crate::store::{ImportKind, Lane, Store, Stored};

    /// Rows of two advertisers; which there are, and their clicks, follows from `seed`.
    fn rows(seed: u64, days: std::ops::Range<u32>) -> Vec<String> {
        let mut rows = vec!["date,advertiser,campaign_name,offer_name,app,store_id,os,partner,clicks,cost".to_owned()];
        for (day, advertiser, campaign) in days
            .flat_map(|day| (0..2).flat_map(move |advertiser| (0..9).map(move |campaign| (day, advertiser, campaign))))
        {
            let seed = if day % 3 == 0 { seed } else { 0 };
            let mixed = (u64::from(day) * 31 + campaign * 7 + advertiser + seed) % 13;
            if mixed > 2 {
                let clicks = if mixed == 3 { 90_000 } else { 100 + mixed };
                let (date, partner) = (Day::from_stored(20_000 + i64::from(day)).unwrap(), campaign % 3);
                rows.push(format!(
                    "{date},A{advertiser},C{campaign},O,App,com.app,android,P{partner},{clicks},{mixed}.5"
                ));
            }
        }
        rows
    }

    fn look_at(store: &Store, staging: &mut Staging) -> (Vec<(Staged, Option<Figures>)>, String) {
        let mut seen = Vec::new();
        let found = store.read_in(Lane::Long, |txn| {
            let mut names = CellNames::new(txn, staging.creations.planned_names());
            look(txn, &mut staging.cells, &mut names, &mut |new, stored| {
                seen.push((*new, stored));
                Ok(())
            })
        });
        (seen, format!("{:?}", found.unwrap()))
    }

    #[test]
    fn many_cells_are_seen_like_few_each_with_what_is_stored() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let options = ImportOptions { create_missing: true, ..ImportOptions::new(Format::Csv) };
        let actor = Actor::command_line();
        let source = ImportSource { kind: ImportKind::File, name: "a.csv".to_owned(), token: None, actor };
        run(&store, std::io::Cursor::new(rows(4, 0..60).join("\n")), &options, &source).unwrap();
        let mut second = rows(5, 20..75);
        second.retain(|row| !row.contains(",C4,"));
        let text = second.join("\n");
        let staged = || stage(&store, text.as_bytes(), &options, Utc::now(), &mut ProblemLog::default()).unwrap();
        let (mut few, mut many) = (staged(), staged());
        let file = dir.path().join("cells");
        few.cells.write_to(std::fs::File::create(&file).unwrap()).unwrap();
        many.cells = Cells::Written(std::fs::File::open(&file).unwrap());
        assert!(many.cells.are_many() && !few.cells.are_many());
        let (seen, found) = look_at(&store, &mut many);
        assert_eq!((&seen, &found), (&look_at(&store, &mut few).0, &look_at(&store, &mut few).1));
        assert!(found.contains("90000") && found.contains("Unnamed { campaign: \"C4\""), "{found}");
        let mut kinds = [0; 3];
        for (new, stored) in &seen {
            let one = [(new.cell, new.line)];
            let told = store.read(|txn| txn.stats_compared(&one)).unwrap();
            let (kind, expected) = match stored {
                None => (0, Stored::Inserted),
                Some(same) if *same == new.cell.figures => (1, Stored::Unchanged),
                Some(old) => (2, Stored::Changed(*old)),
            };
            kinds[kind] += 1;
            assert_eq!(told, [expected]);
        }
        assert_eq!(seen.len(), second.len() - 1);
        assert!(kinds.iter().all(|count| *count > 0), "{kinds:?}");

        let id = crate::domain::ImportId::from(uuid::Uuid::new_v4());
        let now = Utc::now();
        let commit = Commit { options: &options, source: &source, id, draft: None, expected: None, now };
        let done = commit.run(&store, &mut many).unwrap().unwrap();
        let unnamed = |note: &&ImportNote| note.code == "unnamed_campaign" && note.message.contains("\"C4\"");
        assert_eq!(done.reading.notes.iter().filter(unnamed).count(), 2, "{:?}", done.reading.notes);
        assert_eq!(done.counts.inserted + done.counts.changed + done.counts.unchanged, seen.len() as u64);
    }
}
