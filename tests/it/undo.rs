//! Imports, edits and undos against a plain model: each cell keeps everything that was stated of it, also where that changed
//! nothing; an undo takes one statement out, and the latest that is left counts.

use std::collections::{BTreeMap, BTreeSet};

use pitlane::domain::{Count, DayState, Figures, ImportId, Micros, ReportFormat};
use pitlane::import::Format;
use pitlane::service::imports::{self, Duplicates, ImportError, ImportOptions, ImportSource, UndoError};
use pitlane::service::report::Reports;
use pitlane::service::{Actor, stats};
use pitlane::store::{ImportKind, ReadTxn, StatKey, Store, StoreError};
use proptest::prelude::*;

use crate::fixtures::{NORTHWIND, csv};
use crate::model::{csv_of, decimal};
use crate::properties::{self, CAMPAIGNS, Key, PUBLISHERS, catalogue, made};

const DAYS: u64 = 3;

/// Millionths and clicks.
type Value = (i64, u64);

#[derive(Debug, Clone)]
enum Step {
    Import { lines: Vec<(Key, Value)>, sum: bool, replace: bool, days: Option<DayState>, reason: bool },
    Edit(Key, Value),
    Undo { which: prop::sample::Index, reason: bool },
}

fn step() -> impl Strategy<Value = Step> {
    let key = || (0..DAYS, 0..CAMPAIGNS.len(), 0..PUBLISHERS.len());
    // Few values, so that the same comes again, and zero among them.
    let value = || (0..3_i64, 0..3_u64).prop_map(|(micros, clicks)| (micros * 1_500_000, clicks));
    let days = prop_oneof![4 => Just(None), 1 => Just(Some(DayState::Final)), 1 => Just(Some(DayState::Provisional))];
    let lines = proptest::collection::vec((key(), value()), 1..10);
    prop_oneof![
        4 => (lines, any::<bool>(), any::<bool>(), days, any::<bool>()).prop_map(|(lines, sum, replace, days, reason)| {
            Step::Import { lines, sum, replace, days, reason }
        }),
        2 => (key(), value()).prop_map(|(key, value)| Step::Edit(key, value)),
        3 => (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(which, reason)| Step::Undo { which, reason }),
    ]
}

/// What the entry did to a cell.
type Change = (Key, Option<Value>, Value);

/// Everything that was stated of a cell and still stands.
#[derive(Default)]
struct Cell {
    /// By which entry, what, and whether that ended another value.
    stated: Vec<(usize, Value, bool)>,
    /// The entry that the value began with.
    holder: usize,
    /// The entries whose value was ended.
    ended: BTreeSet<usize>,
}

/// Every entry that was ever made, and what stands of them.
#[derive(Default)]
struct Model {
    cells: BTreeMap<Key, Cell>,
    marks: BTreeMap<u64, Vec<(usize, DayState)>>,
    entries: Vec<(ImportId, Vec<Change>)>,
    undone: BTreeSet<usize>,
}

/// What the model says will happen.
enum Expected {
    /// All that is stated, zeros of replaced cells included, and the days of the file.
    Done(BTreeMap<Key, Value>, BTreeSet<u64>),
    Twice,
    Final,
}

impl Model {
    fn top(&self, key: &Key) -> Option<Value> {
        self.cells.get(key).and_then(|cell| cell.stated.last()).map(|(_, value, _)| *value)
    }

    fn is_final(&self, day: u64) -> bool {
        self.marks.get(&day).and_then(|marks| marks.last()).is_some_and(|(_, state)| *state == DayState::Final)
    }

    fn import(&self, lines: &[(Key, Value)], sum: bool, replace: bool, mark: Option<DayState>) -> Expected {
        let mut stated: BTreeMap<Key, Value> = BTreeMap::new();
        for (key, (micros, clicks)) in lines {
            match stated.get_mut(key) {
                None => drop(stated.insert(*key, (*micros, *clicks))),
                Some(_) if !sum => return Expected::Twice,
                Some(held) => *held = (held.0 + micros, held.1 + clicks),
            }
        }
        let days: BTreeSet<u64> = stated.keys().map(|key| key.0).collect();
        let publishers: BTreeSet<usize> = stated.keys().map(|key| key.2).collect();
        let is_replaced = |key: &Key| replace && days.contains(&key.0) && publishers.contains(&key.2);
        let held = self.cells.iter().filter(|(_, cell)| !cell.stated.is_empty()).map(|(key, _)| *key);
        let left_out: Vec<Key> = held.filter(|key| is_replaced(key) && !stated.contains_key(key)).collect();
        stated.extend(left_out.into_iter().map(|key| (key, (0, 0))));
        let disturbed = |day: &u64| {
            stated.iter().any(|(key, value)| key.0 == *day && self.top(key) != Some(*value))
                || mark == Some(DayState::Provisional)
        };
        if days.iter().any(|day| self.is_final(*day) && disturbed(day)) {
            return Expected::Final;
        }
        Expected::Done(stated, days)
    }

    /// Enters what was stated; the changes that it made.
    fn enter(
        &mut self,
        id: ImportId,
        stated: BTreeMap<Key, Value>,
        marked: impl IntoIterator<Item = (u64, DayState)>,
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

    /// The entries whose changes depend on what this one stated.
    fn later(&self, entry: usize) -> BTreeSet<ImportId> {
        let cells = self.cells.values().filter(|cell| cell.ended.contains(&entry));
        let above = cells.flat_map(|cell| &cell.stated).filter(|(by, _, ends)| *by > entry && *ends);
        above.map(|(by, ..)| self.entries[*by].0).collect()
    }

    /// The cells whose value began with the entry, each with what it gets without it.
    fn held(&self, entry: usize) -> impl Iterator<Item = (Key, Value, Option<Value>)> {
        let cells = self.cells.iter().filter(move |(_, cell)| cell.holder == entry && !cell.stated.is_empty());
        cells.map(move |(key, cell)| {
            let below = cell.stated.iter().rfind(|(by, ..)| *by != entry).map(|(_, value, _)| *value);
            (*key, cell.stated[cell.stated.len() - 1].1, below)
        })
    }

    fn needs_reason(&self, entry: usize) -> bool {
        let own = |day: u64| self.marks.get(&day).is_some_and(|marks| marks.last().is_some_and(|(by, _)| *by == entry));
        let changes = |day: u64| self.held(entry).any(|(key, now, below)| key.0 == day && below != Some(now));
        (0..DAYS).any(|day| self.is_final(day) && (own(day) || changes(day)))
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
        plain.cells = self.cells.keys().filter_map(|key| Some((*key, self.top(key)?))).collect();
        csv_of(&plain.items(0, DAYS - 1))
    }
}

fn report(store: &Store) -> String {
    made(store, &Reports::new(0), ReportFormat::Csv, 0, DAYS - 1).0
}

fn figures((micros, clicks): Value) -> Figures {
    let clicks = Count::new("clicks", clicks.try_into().unwrap()).unwrap();
    Figures { clicks, cost: Micros::new(micros).unwrap(), ..Figures::default() }
}

fn stat_key(txn: &ReadTxn<'_>, (day, campaign, publisher): Key) -> StatKey {
    let advertiser = txn.advertiser_get(NORTHWIND).unwrap().key;
    let campaigns = txn.campaign_list(advertiser).unwrap();
    let publishers = txn.publisher_list().unwrap();
    StatKey {
        advertiser,
        day: pitlane::domain::Day::try_from(properties::day(day)).unwrap().to_stored(),
        campaign: campaigns.iter().find(|row| row.name == CAMPAIGNS[campaign].1).unwrap().key,
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
                    advertiser: Some(NORTHWIND.to_owned()),
                    duplicates,
                    replace,
                    days,
                    reason: reason(given),
                    ..ImportOptions::new(Format::Csv)
                };
                let source = ImportSource { kind: ImportKind::File, name: "a file".to_owned(), token: None, actor };
                let text = csv(lines.iter().map(|((day, campaign, publisher), (micros, clicks))| {
                    let (day, cost) = (properties::day(*day), decimal((*micros).into()));
                    format!("{day},{},{},{clicks},{cost}", CAMPAIGNS[*campaign].1, PUBLISHERS[*publisher])
                }));
                let previewed = imports::preview(store, text.as_bytes(), &options, None).unwrap();
                let done = imports::run(store, std::io::Cursor::new(text), &options, &source);
                // With a reason final days may change, so nothing keeps them.
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
                let is_new = stats::edit(store, stat, figures(value), &why, "a cell", &actor).unwrap();
                let old = self.model.top(&key);
                assert_eq!(is_new, old != Some(value));
                if is_new {
                    let entry = store.read(|txn| txn.import_list(None, None, 1)).unwrap().remove(0);
                    self.model.enter(entry.id, BTreeMap::from([(key, value)]), []);
                }
            }
            Step::Undo { which, reason: given } => {
                // The first entry is what was there before.
                if let later @ 1.. = self.model.entries.len() - 1 {
                    self.undo(1 + which.index(later), given);
                }
            }
        }
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

    /// What the history says every entry did is what the model saw it do, however much was changed and undone since.
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
                // In pages of two, so that paging is seen as well.
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
                for (campaign, publisher) in
                    (0..CAMPAIGNS.len()).flat_map(|c| (0..PUBLISHERS.len()).map(move |p| (c, p)))
                {
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
    fn imports_edits_and_undos_equal_a_plain_model_and_undoing_all_leaves_what_was(
        steps in proptest::collection::vec(step(), 1..25),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = catalogue(dir.path());
        let mut site = Site { store, model: Model::default() };
        let first: Vec<(Key, Value)> = (0..6).map(|n| (((n % 2) as u64, n % 3, n / 3), (7_000_001, n as u64))).collect();
        site.take(Step::Import { lines: first, sum: false, replace: false, days: None, reason: false });
        let before = report(&site.store);
        prop_assert_eq!(before.lines().count(), 7);
        for step in steps {
            site.take(step);
            prop_assert_eq!(report(&site.store), site.model.report());
        }
        site.check_history();
        for entry in (1..site.model.entries.len()).rev() {
            if !site.model.undone.contains(&entry) {
                site.undo(entry, true);
            }
            prop_assert!(site.model.undone.contains(&entry));
        }
        prop_assert_eq!(report(&site.store), before);
        site.check_history();
        prop_assert_eq!(site.store.integrity_problems().unwrap(), Vec::<String>::new());
    }
}
