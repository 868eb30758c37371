//! Imports of several advertisers, edits, merges and undos compared with a simple model. A cell keeps every value that was
//! stated, even unchanged ones; an undo removes one of them, and the latest that is left counts.

use std::collections::{BTreeMap, BTreeSet};

use pitlane::domain::{Count, DayState, Figures, ImportId, Micros, ReportFormat};
use pitlane::import::Format;
use pitlane::service::imports::{self, Duplicates, ImportError, ImportOptions, ImportSource, MergePair, UndoError};
use pitlane::service::report::Reports;
use pitlane::service::{Actor, ServiceResult, stats};
use pitlane::store::{ImportKind, ReadTxn, StatKey, Store, StoreError};
use proptest::prelude::*;

use crate::fixtures::{CONTOSO, Campaign, NORTHWIND, add_advertiser, add_campaigns, id};
use crate::model::{Item, csv_of, decimal};
use crate::properties::{self, CAMPAIGNS, Key, PUBLISHERS, catalogue, made_for};

const DAYS: u64 = 3;

/// The campaigns of another advertiser, numbered after those of [`CAMPAIGNS`].
const FOREIGN: [(&str, &str); 2] = [("Cards", "X"), ("Cards", "Y")];
const ALL: usize = CAMPAIGNS.len() + FOREIGN.len();
const OWNERS: [&str; 2] = [NORTHWIND, CONTOSO];

/// A campaign's advertiser.
fn owner(campaign: usize) -> usize {
    usize::from(campaign >= CAMPAIGNS.len())
}

fn campaign_name(campaign: usize) -> &'static str {
    CAMPAIGNS.iter().chain(&FOREIGN).nth(campaign).unwrap().1
}

/// Millionths and clicks.
type Value = (i64, u64);

#[derive(Debug, Clone)]
enum Step {
    Import {
        lines: Vec<(Key, Value)>,
        sum: bool,
        replace: bool,
        days: Option<DayState>,
        reason: bool,
    },
    Edit(Key, Value),
    /// The first is merged into the second: publishers, or campaigns.
    Merge(bool, usize, usize),
    Undo {
        which: prop::sample::Index,
        reason: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let key = || (0..DAYS, 0..ALL, 0..PUBLISHERS.len());
    // Few values, so that the same ones occur again, and zero among them.
    let value = || (0..3_i64, 0..3_u64).prop_map(|(micros, clicks)| (micros * 1_500_000, clicks));
    let days = prop_oneof![4 => Just(None), 1 => Just(Some(DayState::Final)), 1 => Just(Some(DayState::Provisional))];
    let lines = proptest::collection::vec((key(), value()), 1..10);
    prop_oneof![
        4 => (lines, any::<bool>(), any::<bool>(), days, any::<bool>()).prop_map(|(lines, sum, replace, days, reason)| {
            Step::Import { lines, sum, replace, days, reason }
        }),
        2 => (key(), value()).prop_map(|(key, value)| Step::Edit(key, value)),
        1 => (any::<bool>(), 0..ALL, 0..ALL).prop_map(|(campaigns, from, into)| Step::Merge(campaigns, from, into)),
        3 => (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(which, reason)| Step::Undo { which, reason }),
    ]
}

/// What the entry did to a cell.
type Change = (Key, Option<Value>, Value);

/// Every value of a cell that isn't undone.
#[derive(Default)]
struct Cell {
    /// By which entry, which value, and whether that ended another value.
    stated: Vec<(usize, Value, bool)>,
    /// The entry that first stated the current value.
    holder: usize,
    /// The entries whose value was ended.
    ended: BTreeSet<usize>,
}

/// All entries, and which of their values aren't undone.
#[derive(Default)]
struct Model {
    cells: BTreeMap<Key, Cell>,
    /// By advertiser and day.
    marks: BTreeMap<(usize, u64), Vec<(usize, DayState)>>,
    entries: Vec<(ImportId, Vec<Change>)>,
    undone: BTreeSet<usize>,
    /// The entries that merged two publishers or campaigns: which two, and whether they are campaigns.
    merges: Vec<(usize, bool, usize, usize)>,
}

/// What should happen, according to the model.
enum Expected {
    /// All values, including zeros of replaced cells, and the days of the file by advertiser.
    Done(BTreeMap<Key, Value>, BTreeSet<(usize, u64)>),
    Twice,
    Final,
}

impl Model {
    fn top(&self, key: &Key) -> Option<Value> {
        self.cells.get(key).and_then(|cell| cell.stated.last()).map(|(_, value, _)| *value)
    }

    fn is_final(&self, day: (usize, u64)) -> bool {
        self.marks.get(&day).and_then(|marks| marks.last()).is_some_and(|(_, state)| *state == DayState::Final)
    }

    /// The entry that hid a publisher or a campaign, and what it was merged into.
    fn hid(&self, campaigns: bool, one: usize) -> Option<(usize, usize)> {
        let standing = self.merges.iter().filter(|(entry, ..)| !self.undone.contains(entry));
        let mut found = standing
            .filter(|(_, of, from, _)| (*of, *from) == (campaigns, one))
            .map(|(entry, _, _, into)| (*entry, *into));
        found.next_back()
    }

    fn meant(&self, campaigns: bool, one: usize) -> usize {
        self.hid(campaigns, one).map_or(one, |(_, into)| self.meant(campaigns, into))
    }

    /// The entries that hide a cell.
    fn hidden(&self, key: &Key) -> impl Iterator<Item = usize> {
        [self.hid(true, key.1), self.hid(false, key.2)].into_iter().flatten().map(|(entry, _)| entry)
    }

    fn import(&self, lines: &[(Key, Value)], sum: bool, replace: bool, mark: Option<DayState>) -> Expected {
        let mut stated: BTreeMap<Key, Value> = BTreeMap::new();
        for ((day, campaign, publisher), (micros, clicks)) in lines {
            let key = (*day, self.meant(true, *campaign), self.meant(false, *publisher));
            match stated.get_mut(&key) {
                None => drop(stated.insert(key, (*micros, *clicks))),
                Some(_) if !sum => return Expected::Twice,
                Some(held) => *held = (held.0 + micros, held.1 + clicks),
            }
        }
        let days: BTreeSet<(usize, u64)> = stated.keys().map(|key| (owner(key.1), key.0)).collect();
        let publishers: BTreeSet<(usize, usize)> = stated.keys().map(|key| (owner(key.1), key.2)).collect();
        let is_replaced =
            |key: &Key| replace && days.contains(&(owner(key.1), key.0)) && publishers.contains(&(owner(key.1), key.2));
        let held = self.cells.iter().filter(|(_, cell)| !cell.stated.is_empty()).map(|(key, _)| *key);
        let left_out: Vec<Key> = held.filter(|key| is_replaced(key) && !stated.contains_key(key)).collect();
        stated.extend(left_out.into_iter().map(|key| (key, (0, 0))));
        let disturbed = |day: &(usize, u64)| {
            stated.iter().any(|(key, value)| (owner(key.1), key.0) == *day && self.top(key) != Some(*value))
                || mark == Some(DayState::Provisional)
        };
        if days.iter().any(|day| self.is_final(*day) && disturbed(day)) {
            return Expected::Final;
        }
        Expected::Done(stated, days)
    }

    /// The values that merging the two writes; `None` if it is refused.
    fn merge(&self, campaigns: bool, from: usize, into: usize) -> Option<BTreeMap<Key, Value>> {
        if from == into || [from, into].into_iter().any(|one| self.hid(campaigns, one).is_some()) {
            return None;
        }
        let mut stated = BTreeMap::new();
        for key in self.cells.keys().filter(|key| if campaigns { key.1 == from } else { key.2 == from }) {
            let Some(value) = self.top(key).filter(|value| *value != (0, 0)) else { continue };
            let to = if campaigns { (key.0, into, key.2) } else { (key.0, key.1, into) };
            let held = self.top(&to).unwrap_or_default();
            stated.insert(*key, (0, 0));
            stated.insert(to, (held.0 + value.0, held.1 + value.1));
        }
        Some(stated)
    }

    /// Adds the values of an entry; returns the changes.
    fn enter(
        &mut self,
        id: ImportId,
        stated: BTreeMap<Key, Value>,
        marked: impl IntoIterator<Item = ((usize, u64), DayState)>,
    ) -> usize {
        let entry = self.entries.len();
        let mut changes = Vec::new();
        for (key, value) in stated {
            let old = self.top(&key);
            let cell = self.cells.entry(key).or_default();
            cell.stated.push((entry, value, old.is_some_and(|old| old != value)));
            if old != Some(value) {
                if old.is_some() {
                    cell.ended.insert(cell.holder);
                }
                cell.holder = entry;
                changes.push((key, old, value));
            }
        }
        for (day, state) in marked {
            self.marks.entry(day).or_default().push((entry, state));
        }
        let count = changes.len();
        self.entries.push((id, changes));
        count
    }

    /// Later entries whose changes depend on this one.
    fn later(&self, entry: usize) -> BTreeSet<ImportId> {
        let cells = self.cells.values().filter(|cell| cell.ended.contains(&entry));
        let above = cells.flat_map(|cell| &cell.stated).filter(|(by, _, ends)| *by > entry && *ends);
        let given_back = self.held(entry).filter(|(.., below)| below.is_some_and(|below| below != (0, 0)));
        let merges = given_back.flat_map(|(key, ..)| self.hidden(&key).collect::<Vec<_>>()).filter(|by| *by > entry);
        above.map(|(by, ..)| *by).chain(merges).map(|by| self.entries[by].0).collect()
    }

    /// The cells whose current value began with the entry, each with its value without it.
    fn held(&self, entry: usize) -> impl Iterator<Item = (Key, Value, Option<Value>)> {
        let cells = self.cells.iter().filter(move |(_, cell)| cell.holder == entry && !cell.stated.is_empty());
        cells.map(move |(key, cell)| {
            let below = cell.stated.iter().rfind(|(by, ..)| *by != entry).map(|(_, value, _)| *value);
            (*key, cell.stated[cell.stated.len() - 1].1, below)
        })
    }

    fn needs_reason(&self, entry: usize) -> bool {
        let own = |day| self.marks.get(&day).is_some_and(|marks| marks.last().is_some_and(|(by, _)| *by == entry));
        let changes =
            |day| self.held(entry).any(|(key, now, below)| (owner(key.1), key.0) == day && below != Some(now));
        let mut days = (0..OWNERS.len()).flat_map(|owner| (0..DAYS).map(move |day| (owner, day)));
        days.any(|day| self.is_final(day) && (own(day) || changes(day)))
    }

    fn undo(&mut self, entry: usize) {
        for cell in self.cells.values_mut() {
            let was_held = cell.holder == entry && !cell.stated.is_empty();
            cell.stated.retain(|(by, ..)| *by != entry);
            if was_held {
                cell.ended.insert(entry);
                cell.holder = cell.stated.last().map_or(usize::MAX, |(by, ..)| *by);
            }
        }
        self.marks.values_mut().for_each(|marks| marks.retain(|(by, _)| *by != entry));
        self.undone.insert(entry);
    }

    fn report(&self) -> String {
        let mut plain = properties::Model::default();
        let tops = self.cells.keys().filter_map(|key| Some((*key, self.top(key)?)));
        let (foreign, own): (Vec<_>, Vec<_>) = tops.partition(|(key, _)| owner(key.1) == 1);
        plain.cells = own.into_iter().collect();
        let item = |((day, campaign, publisher), (micros, clicks)): (Key, Value)| {
            let (offer, name) = FOREIGN[campaign - CAMPAIGNS.len()];
            Item {
                date: properties::day(day).to_string(),
                offer: offer.to_owned(),
                partner_id: id("publisher", PUBLISHERS[publisher]).to_string(),
                app: "Cards".to_owned(),
                store_id: "com.example.coingame".to_owned(),
                os: "ANDROID",
                campaign: name.to_owned(),
                campaign_id: if name == "X" { id("offer", offer) } else { id("campaign", name) }.to_string(),
                micros: micros.into(),
                clicks,
            }
        };
        let foreign: Vec<Item> = foreign.into_iter().map(item).collect();
        csv_of(&plain.items(0, DAYS - 1)) + &csv_of(&foreign)
    }
}

fn report(store: &Store) -> String {
    OWNERS.map(|owner| made_for(owner, store, &Reports::new(0), ReportFormat::Csv, 0, DAYS - 1).0).concat()
}

fn figures((micros, clicks): Value) -> Figures {
    let clicks = Count::new("clicks", clicks.try_into().unwrap()).unwrap();
    Figures { clicks, cost: Micros::new(micros).unwrap(), ..Figures::default() }
}

fn stat_key(txn: &ReadTxn<'_>, (day, campaign, publisher): Key) -> StatKey {
    let advertiser = txn.advertiser_get(OWNERS[owner(campaign)]).unwrap().key;
    let campaigns = txn.campaign_list(advertiser).unwrap();
    let publishers = txn.publisher_list().unwrap();
    StatKey {
        advertiser,
        day: pitlane::domain::Day::try_from(properties::day(day)).unwrap().to_stored(),
        campaign: campaigns.iter().find(|row| row.name == campaign_name(campaign)).unwrap().key,
        publisher: publishers.iter().find(|row| row.name == PUBLISHERS[publisher]).unwrap().key,
    }
}

fn reason(given: bool) -> Option<pitlane::domain::Reason> {
    given.then(|| "fraud refund".parse().unwrap())
}

struct Site {
    store: Store,
    model: Model,
}

impl Site {
    fn take(&mut self, step: Step) {
        let (store, actor) = (&self.store, Actor::command_line());
        match step {
            Step::Import { lines, sum, replace, days, reason: given } => {
                let duplicates = if sum { Duplicates::Sum } else { Duplicates::Reject };
                let options = ImportOptions {
                    duplicates,
                    replace,
                    days,
                    reason: reason(given),
                    ..ImportOptions::new(Format::Csv)
                };
                let source = ImportSource { kind: ImportKind::File, name: "a file".to_owned(), token: None, actor };
                let lines_of_file = lines.iter().map(|((day, campaign, publisher), (micros, clicks))| {
                    let (day, cost) = (properties::day(*day), decimal((*micros).into()));
                    let (whose, name) = (OWNERS[owner(*campaign)], campaign_name(*campaign));
                    format!("{day},{name},{},{clicks},{cost},{whose}\n", PUBLISHERS[*publisher])
                });
                let text = "date,campaign_name,partner,clicks,cost,advertiser\n".to_owned()
                    + &lines_of_file.collect::<String>();
                let previewed = imports::preview(store, text.as_bytes(), &options, None).unwrap();
                let done = imports::run(store, std::io::Cursor::new(text), &options, &source);
                // With a reason final days may change, so nothing prevents it.
                let mut expected = self.model.import(&lines, sum, replace, days);
                let is_final = matches!(expected, Expected::Final);
                if is_final && given {
                    let marks = std::mem::take(&mut self.model.marks);
                    expected = self.model.import(&lines, sum, replace, days);
                    self.model.marks = marks;
                }
                assert_eq!(is_final, !previewed.final_days.is_empty());
                match (expected, done) {
                    (Expected::Twice, Err(ImportError::Lines(problems))) => {
                        assert_eq!(problems, previewed.problems);
                    }
                    (Expected::Final, Err(ImportError::Final(days))) => assert_eq!(days, previewed.final_days),
                    (Expected::Done(stated, file_days), Ok(done)) => {
                        assert_eq!(done.outlook, previewed.outlook);
                        let counts = (done.counts.inserted, done.counts.changed, done.counts.unchanged);
                        let told = &done.outlook;
                        assert_eq!(counts, (told.inserted, told.changed, told.unchanged));
                        let marked = file_days.into_iter().filter_map(|day| Some((day, days?)));
                        let changes = self.model.enter(done.id, stated, marked);
                        assert_eq!(done.counts.inserted + done.counts.changed, changes as u64);
                        assert_eq!(previewed.changes.len() + previewed.inserts.len(), changes);
                    }
                    (_, done) => panic!("{done:?}"),
                }
            }
            Step::Edit(key, value) => {
                let stat = store.read(|txn| Ok::<_, StoreError>(stat_key(txn, key))).unwrap();
                let why = reason(true).unwrap();
                let edited = stats::edit(store, stat, figures(value), &why, "a cell", &actor);
                if self.model.hidden(&key).next().is_some() {
                    assert!(edited.unwrap_err().to_string().contains("was merged"));
                    return;
                }
                let is_new = edited.unwrap();
                let old = self.model.top(&key);
                assert_eq!(is_new, old != Some(value));
                if is_new {
                    let entry = store.read(|txn| txn.import_list(None, None, 1)).unwrap().remove(0);
                    self.model.enter(entry.id, BTreeMap::from([(key, value)]), []);
                }
            }
            Step::Merge(campaigns, from, into) => self.merge(campaigns, from, into),
            Step::Undo { which, reason: given } => {
                // The first entry is the initial data.
                if let later @ 1.. = self.model.entries.len() - 1 {
                    self.undo(1 + which.index(later), given);
                }
            }
        }
    }

    fn merge(&mut self, campaigns: bool, from: usize, into: usize) {
        let count = if campaigns { ALL } else { PUBLISHERS.len() };
        let (from, into) = (from % count, into % count);
        if campaigns && owner(from) != owner(into) {
            return;
        }
        let pair = self.store.read(|txn| -> ServiceResult<MergePair> {
            if campaigns {
                let rows = txn.campaign_list(txn.advertiser_get(OWNERS[owner(from)])?.key)?;
                let row = |one| rows.iter().find(|row| row.name == campaign_name(one)).unwrap().clone();
                Ok(MergePair::Campaigns(txn.advertiser_get(OWNERS[owner(from)])?, row(from), row(into)))
            } else {
                let rows = txn.publisher_list()?;
                let row = |one: usize| rows.iter().find(|row| row.name == PUBLISHERS[one]).unwrap().clone();
                Ok(MergePair::Publishers(row(from), row(into)))
            }
        });
        let pair = pair.unwrap();
        let seen = self.store.read(|txn| imports::merge_outlook(txn, &pair));
        let Some(stated) = self.model.merge(campaigns, from, into) else {
            let told = seen.unwrap_err().to_string();
            assert!(told.contains("already: choose that one") || told.contains("into itself"), "{told}");
            assert!(imports::merge(&self.store, &pair, None, None, &Actor::command_line()).is_err());
            return;
        };
        let seen = seen.unwrap();
        let why = reason(true);
        let done = imports::merge(&self.store, &pair, Some(&seen.key), why.as_ref(), &Actor::command_line()).unwrap();
        let rows = done.outlook.parts.iter().map(|part| part.rows).sum::<u64>();
        assert_eq!(rows, seen.parts.iter().map(|part| part.rows).sum::<u64>());
        let entry = self.model.entries.len();
        let changes = self.model.enter(done.id, stated, []);
        assert_eq!(done.counts.inserted + done.counts.changed, changes as u64);
        self.model.merges.push((entry, campaigns, from, into));
    }

    fn undo(&mut self, entry: usize, given: bool) {
        let done =
            imports::undo(&self.store, self.model.entries[entry].0, reason(given).as_ref(), &Actor::command_line());
        let later = self.model.later(entry);
        match done {
            Err(UndoError::Service(error)) => assert!(self.model.undone.contains(&entry), "{error}"),
            Err(UndoError::Stands(found)) => {
                assert_eq!(found.iter().map(|change| change.import.id).collect::<BTreeSet<_>>(), later);
            }
            Err(UndoError::Final(_)) => assert!(!given && self.model.needs_reason(entry)),
            Ok(done) => {
                assert!(later.is_empty() && !self.model.undone.contains(&entry));
                assert!(given || !self.model.needs_reason(entry));
                let held: Vec<_> = self.model.held(entry).collect();
                let count = |is: fn(&(Key, Value, Option<Value>)) -> bool| held.iter().filter(|cell| is(cell)).count();
                assert_eq!(done.deleted, count(|(.., below)| below.is_none()) as u64);
                assert_eq!(done.kept, count(|(_, now, below)| below == &Some(*now)) as u64);
                assert_eq!(done.restored + done.deleted + done.kept, held.len() as u64);
                self.model.undo(entry);
            }
        }
    }

    /// The history's changes of every entry are those the model saw, however much was changed and undone since.
    fn check_history(&self) {
        let read = self.store.read(|txn| {
            for (id, changes) in &self.model.entries {
                let import = txn.import_get(*id)?;
                let mut expected: Vec<_> = changes
                    .iter()
                    .map(|(key, old, new)| (stat_key(txn, *key), old.map(figures), Some(figures(*new))))
                    .collect();
                expected.sort_unstable_by_key(|change| change.0);
                let mut found = Vec::new();
                // In pages of two, to test paging too.
                loop {
                    let page =
                        imports::changes(txn, &import, found.last().map(|last: &(StatKey, _, _)| last.0), true, 2);
                    let page = page.unwrap();
                    found.extend(page.iter().map(|cell| (cell.key, cell.old, cell.new)));
                    if page.len() < 2 {
                        break;
                    }
                }
                assert_eq!(found, expected);
            }
            for day in 0..DAYS {
                for (campaign, publisher) in (0..ALL).flat_map(|c| (0..PUBLISHERS.len()).map(move |p| (c, p))) {
                    let key = (day, campaign, publisher);
                    let life = imports::life(txn, stat_key(txn, key)).unwrap();
                    assert_eq!(life.last().and_then(|step| step.figures), self.model.top(&key).map(figures));
                }
            }
            Ok::<_, StoreError>(())
        });
        read.unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn imports_edits_merges_and_undos_equal_a_plain_model_and_undoing_all_leaves_what_was(
        steps in proptest::collection::vec(step(), 1..25),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = catalogue(dir.path());
        let contoso = add_advertiser(&store, CONTOSO);
        add_campaigns(&store, &contoso, &FOREIGN.map(|(offer, name)| Campaign::of(offer, name)));
        let mut site = Site { store, model: Model::default() };
        let first: Vec<(Key, Value)> = (0..6).map(|n| (((n % 2) as u64, n % 3, n / 3), (7_000_001, n as u64))).collect();
        site.take(Step::Import { lines: first, sum: false, replace: false, days: None, reason: false });
        let before = report(&site.store);
        prop_assert_eq!(before.lines().count(), 8);
        for step in steps {
            site.take(step);
            prop_assert_eq!(report(&site.store), site.model.report());
            crate::model::assert_sums_agree(site.store.path());
        }
        site.check_history();
        for entry in (1..site.model.entries.len()).rev() {
            if !site.model.undone.contains(&entry) {
                site.undo(entry, true);
            }
            prop_assert!(site.model.undone.contains(&entry));
        }
        prop_assert_eq!(report(&site.store), before);
        crate::model::assert_sums_agree(site.store.path());
        site.check_history();
        prop_assert_eq!(site.store.integrity_problems().unwrap(), Vec::<String>::new());
    }
}
