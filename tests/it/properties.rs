//! Reports over any data and any ranges equal a simple map, with and without cached days, while the data changes: rows are
//! imported and edited, offers switched and renamed, campaigns moved and renamed, publishers and campaigns merged and
//! unmerged.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use pitlane::domain::{
    AdvertiserId, Count, ImportId, Micros, Name, RawReport, ReportFormat, ReportKind, ReportQuery, StoreId,
};
use pitlane::service::catalogue::{self as changes, Change};
use pitlane::service::imports::{self, MergePair};
use pitlane::service::report::{ReportRequest, ReportTotals, Reports};
use pitlane::service::{Actor, stats};
use pitlane::store::{AdvertiserRow, AppRow, CampaignRow, OfferRow, PublisherRow, StatKey, Store, StoreError};
use proptest::prelude::*;

use crate::fixtures::{Campaign, NORTHWIND, add_advertiser, add_campaigns, add_publishers, csv, id, state, switch};
use crate::model::{Item, csv_of, decimal, json_of};

pub(crate) const CAMPAIGNS: [(&str, &str); 4] =
    [("Coin Game", "A"), ("Coin Game", "B"), ("Gems", "C"), ("Arcade", "D")];
pub(crate) const PUBLISHERS: [&str; 3] = ["Lumen", "Pixel", "Orbit"];
/// Names and store ids; all campaigns start on the first.
const APPS: [(&str, &str); 2] = [("Coin Game", "com.example.coingame"), ("Gem Game", "com.example.gems")];
const DAYS: u64 = 12;
/// The most that a row may cost.
const MOST: i64 = 100_000_000_000_000_000;

pub(crate) fn day(number: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2024, 2, 25).unwrap() + Days::new(number)
}

/// Day, campaign and publisher by index.
pub(crate) type Key = (u64, usize, usize);
/// Millionths and clicks.
pub(crate) type Figures = (i64, u64);

#[derive(Debug, Clone)]
enum Step {
    State(BTreeMap<Key, Figures>),
    Edit(Key, Figures),
    Switch(usize),
    /// A campaign moves to the offer of another, and to another app.
    Move(usize, usize, usize),
    RenameOffer(usize, u8),
    RenameCampaign(usize, u8),
    /// The first is merged into the second: publishers, or campaigns.
    Merge(bool, usize, usize),
    /// The last merge is undone, if nothing was imported since.
    Part,
    Ask(u64, u64),
}

fn step() -> impl Strategy<Value = Step> {
    let key = || (0..DAYS, 0..CAMPAIGNS.len(), 0..PUBLISHERS.len());
    let campaign = || 0..CAMPAIGNS.len();
    let cost = || {
        prop_oneof![
            Just(0),
            0..5_000_000_i64,
            Just(100_000_000_000_000_000),
            any::<i64>().prop_map(|n| n.rem_euclid(10_i64.pow(15)))
        ]
    };
    let cells = proptest::collection::btree_map(key(), (cost(), 0..10_000_u64), 1..20);
    prop_oneof![
        3 => cells.prop_map(Step::State),
        1 => (key(), (cost(), 0..10_000_u64)).prop_map(|(key, figures)| Step::Edit(key, figures)),
        1 => campaign().prop_map(Step::Switch),
        1 => (campaign(), campaign(), 0..APPS.len()).prop_map(|(which, to, app)| Step::Move(which, to, app)),
        1 => (campaign(), 0..3_u8).prop_map(|(which, name)| Step::RenameOffer(which, name)),
        1 => (campaign(), 0..3_u8).prop_map(|(which, name)| Step::RenameCampaign(which, name)),
        1 => (any::<bool>(), campaign(), campaign()).prop_map(|(of, from, into)| Step::Merge(of, from, into)),
        1 => Just(Step::Part),
        4 => (0..DAYS, 0..DAYS).prop_map(|(a, b)| Step::Ask(a.min(b), a.max(b))),
    ]
}

/// A database with all campaigns and publishers, and no stats.
pub(crate) fn catalogue(dir: &std::path::Path) -> Store {
    let store = Store::open(dir).unwrap();
    let advertiser = add_advertiser(&store, NORTHWIND);
    add_publishers(&store, &PUBLISHERS);
    let app =
        |campaign: Campaign<'static>| campaign.on("Coin Game", pitlane::domain::Os::Android, "com.example.coingame");
    add_campaigns(&store, &advertiser, &CAMPAIGNS.map(|(offer, name)| app(Campaign::of(offer, name))));
    store
}

pub(crate) fn made(
    store: &Store,
    reports: &Reports,
    format: ReportFormat,
    from: u64,
    to: u64,
) -> (String, ReportTotals) {
    made_for(NORTHWIND, store, reports, format, from, to)
}

pub(crate) fn made_for(
    advertiser: &str,
    store: &Store,
    reports: &Reports,
    format: ReportFormat,
    from: u64,
    to: u64,
) -> (String, ReportTotals) {
    let raw = RawReport { date_from: Some(day(from).to_string()), date_to: Some(day(to).to_string()), offer_id: None };
    let advertiser = AdvertiserId::from(id("advertiser", advertiser));
    let query = ReportQuery::new(advertiser, &raw).unwrap();
    let asked = ReportRequest { kind: ReportKind::Singular, format, query };
    let mut report = reports.open(asked, store.snapshot().unwrap()).unwrap();
    let mut bytes = Vec::new();
    while let Some(chunk) = report.next_bytes().unwrap() {
        bytes.extend_from_slice(&chunk);
    }
    (String::from_utf8(bytes).unwrap(), report.totals())
}

/// The model's catalogue: campaigns, offers, and what was merged into what.
pub(crate) struct Model {
    pub(crate) cells: BTreeMap<Key, Figures>,
    /// Name, offer and app.
    campaigns: Vec<(String, usize, usize)>,
    /// First name, name, and whether cost reporting is on.
    offers: Vec<(&'static str, String, bool)>,
    /// What campaigns and publishers were merged into.
    merged: [BTreeMap<usize, usize>; 2],
    /// The last merge: its id, which of the two kinds, and the cells before it; `None` once something was imported since.
    last: Option<(ImportId, bool, usize, BTreeMap<Key, Figures>)>,
}

impl Default for Model {
    fn default() -> Self {
        let offers = ["Coin Game", "Gems", "Arcade"];
        let offer = |name: &str| offers.iter().position(|offer| *offer == name).unwrap();
        Self {
            cells: BTreeMap::new(),
            campaigns: CAMPAIGNS.map(|(of, name)| (name.to_owned(), offer(of), 0)).into(),
            offers: offers.map(|name| (name, name.to_owned(), true)).into(),
            merged: Default::default(),
            last: None,
        }
    }
}

/// Northwind's current entries, in the order of creation.
struct Rows {
    advertiser: AdvertiserRow,
    campaigns: Vec<CampaignRow>,
    offers: Vec<OfferRow>,
    apps: Vec<AppRow>,
    publishers: Vec<PublisherRow>,
}

impl Rows {
    fn of(store: &Store) -> Self {
        let rows = store.read(|txn| {
            let advertiser = txn.advertiser_get(NORTHWIND)?;
            let (mut offers, mut apps) = (txn.offer_list(advertiser.key)?, txn.app_list(advertiser.key)?);
            offers.sort_by_key(|row| row.key);
            apps.sort_by_key(|row| row.key);
            let (campaigns, publishers) = (txn.campaign_list(advertiser.key)?, txn.publisher_list()?);
            Ok::<_, StoreError>(Self { advertiser, campaigns, offers, apps, publishers })
        });
        rows.unwrap()
    }
}

impl Model {
    pub(crate) fn items(&self, from: u64, to: u64) -> Vec<Item> {
        let range = self.cells.range((from, 0, 0)..(to + 1, 0, 0));
        let reported = range.filter(|((_, campaign, _), _)| self.offers[self.campaigns[*campaign].1].2);
        reported
            .map(|((number, campaign, publisher), (micros, clicks))| {
                let ((first_offer, first_name), (name, offer, app)) =
                    (CAMPAIGNS[*campaign], &self.campaigns[*campaign]);
                Item {
                    date: day(*number).to_string(),
                    offer: self.offers[*offer].1.clone(),
                    partner_id: id("publisher", PUBLISHERS[*publisher]).to_string(),
                    app: APPS[*app].0.to_owned(),
                    store_id: APPS[*app].1.to_owned(),
                    os: "ANDROID",
                    campaign: name.clone(),
                    // Wherever it is now.
                    campaign_id: if first_name == "B" { id("campaign", first_name) } else { id("offer", first_offer) }
                        .to_string(),
                    micros: i128::from(*micros),
                    clicks: *clicks,
                }
            })
            .collect()
    }

    fn meant(&self, campaigns: bool, one: usize) -> usize {
        self.merged[usize::from(!campaigns)].get(&one).map_or(one, |into| self.meant(campaigns, *into))
    }

    fn is_hidden(&self, (_, campaign, publisher): &Key) -> bool {
        self.merged[0].contains_key(campaign) || self.merged[1].contains_key(publisher)
    }

    /// The cells after a merge; `None` if it isn't possible.
    fn merging(&self, campaigns: bool, from: usize, into: usize) -> Option<BTreeMap<Key, Figures>> {
        let merged = &self.merged[usize::from(!campaigns)];
        if from == into || merged.contains_key(&from) || merged.contains_key(&into) {
            return None;
        }
        let mut cells = self.cells.clone();
        for (key, value) in &self.cells {
            if *value == (0, 0) || (if campaigns { key.1 } else { key.2 }) != from {
                continue;
            }
            let to = if campaigns { (key.0, into, key.2) } else { (key.0, key.1, into) };
            let held = cells.entry(to).or_default();
            *held = (held.0 + value.0, held.1 + value.1);
            if held.0 > MOST {
                return None;
            }
            cells.insert(*key, (0, 0));
        }
        Some(cells)
    }

    /// Applies the step to the store and to the model; returns the range of a question.
    fn take(&mut self, store: &Store, step: Step) -> Option<(u64, u64)> {
        let actor = Actor::command_line();
        match step {
            Step::State(cells) => {
                let mut stated: BTreeMap<Key, Figures> = BTreeMap::new();
                let mut lines = Vec::new();
                for ((number, campaign, publisher), figures) in cells {
                    let key = (number, self.meant(true, campaign), self.meant(false, publisher));
                    // Two names of one campaign would be the same row twice.
                    if stated.contains_key(&key) {
                        continue;
                    }
                    stated.insert(key, figures);
                    let (name, (micros, clicks)) = (&self.campaigns[campaign].0, figures);
                    let cost = decimal(micros.into());
                    lines.push(format!("{},{name},{},{clicks},{cost}", day(number), PUBLISHERS[publisher]));
                }
                state(store, NORTHWIND, &csv(lines));
                self.cells.extend(stated);
                self.last = None;
            }
            Step::Edit(key, (micros, clicks)) => {
                let rows = Rows::of(store);
                let stat = StatKey {
                    advertiser: rows.advertiser.key,
                    day: pitlane::domain::Day::try_from(day(key.0)).unwrap().to_stored(),
                    campaign: rows.campaigns[key.1].key,
                    publisher: rows.publishers[key.2].key,
                };
                let figures = pitlane::domain::Figures {
                    clicks: Count::new("clicks", clicks.try_into().unwrap()).unwrap(),
                    cost: Micros::new(micros).unwrap(),
                    ..Default::default()
                };
                let edited = stats::edit(store, stat, figures, &"a test".parse().unwrap(), "a cell", &actor);
                assert_eq!(edited.is_err(), self.is_hidden(&key));
                if edited.is_ok() {
                    self.cells.insert(key, (micros, clicks));
                    self.last = None;
                }
            }
            Step::Switch(campaign) => {
                let offer = &mut self.offers[self.campaigns[campaign].1];
                offer.2 = !offer.2;
                switch(store, &offer.1, offer.2);
            }
            Step::Move(campaign, to, app) => {
                let (rows, offer) = (Rows::of(store), self.campaigns[to].1);
                let change = Change::MoveCampaign(&rows.campaigns[campaign], &rows.offers[offer], &rows.apps[app]);
                let moved = changes::change(store, &rows.advertiser, &change, &actor);
                assert_eq!(moved.is_err(), self.merged[0].contains_key(&campaign));
                if moved.is_ok() {
                    (self.campaigns[campaign].1, self.campaigns[campaign].2) = (offer, app);
                }
            }
            Step::RenameOffer(campaign, number) => {
                let (rows, offer) = (Rows::of(store), self.campaigns[campaign].1);
                let name = format!("{} {number}", self.offers[offer].0);
                let change = Change::RenameOffer(&rows.offers[offer], &Name::parse("name", &name).unwrap());
                changes::change(store, &rows.advertiser, &change, &actor).unwrap();
                self.offers[offer].1 = name;
            }
            Step::RenameCampaign(campaign, number) => {
                let rows = Rows::of(store);
                let name = format!("{} {number}", CAMPAIGNS[campaign].1);
                let change = Change::RenameCampaign(&rows.campaigns[campaign], &Name::parse("name", &name).unwrap());
                let renamed = changes::change(store, &rows.advertiser, &change, &actor);
                assert_eq!(renamed.is_err(), self.merged[0].contains_key(&campaign));
                if renamed.is_ok() {
                    self.campaigns[campaign].0 = name;
                }
            }
            Step::Merge(campaigns, from, into) => {
                let rows = Rows::of(store);
                let count = if campaigns { CAMPAIGNS.len() } else { PUBLISHERS.len() };
                let (from, into) = (from % count, into % count);
                let pair = if campaigns {
                    let row = |one: usize| rows.campaigns[one].clone();
                    MergePair::Campaigns(rows.advertiser.clone(), row(from), row(into))
                } else {
                    MergePair::Publishers(rows.publishers[from].clone(), rows.publishers[into].clone())
                };
                let done = imports::merge(store, &pair, None, None, &actor);
                let expected = self.merging(campaigns, from, into);
                assert_eq!(done.is_ok(), expected.is_some(), "{:?}", done.err());
                if let Some((cells, done)) = expected.zip(done.ok()) {
                    let before = std::mem::replace(&mut self.cells, cells);
                    self.merged[usize::from(!campaigns)].insert(from, into);
                    self.last = Some((done.id, campaigns, from, before));
                }
            }
            Step::Part => {
                if let Some((merge, campaigns, from, before)) = self.last.take() {
                    imports::undo(store, merge, None, &actor).unwrap();
                    self.cells = before;
                    self.merged[usize::from(!campaigns)].remove(&from);
                }
            }
            Step::Ask(from, to) => return Some((from, to)),
        }
        None
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reports_equal_a_plain_map_while_the_data_changes(steps in proptest::collection::vec(step(), 1..25)) {
        let dir = tempfile::tempdir().unwrap();
        let store = catalogue(dir.path());
        let advertiser = store.read(|txn| txn.advertiser_get(NORTHWIND)).unwrap();
        let (name, store_id) = (Name::parse("name", APPS[1].0).unwrap(), StoreId::parse(pitlane::domain::Os::Android, APPS[1].1).unwrap());
        changes::change(&store, &advertiser, &Change::AddApp(&name, &store_id), &Actor::command_line()).unwrap();
        let makers = [0, 2000, 32 << 20].map(Reports::new);
        let mut model = Model::default();
        for step in steps.into_iter().chain([Step::Ask(0, DAYS - 1)]) {
            let asked = model.take(&store, step);
            crate::model::assert_sums_agree(store.path());
            let Some((from, to)) = asked else { continue };
            let items = model.items(from, to);
            for reports in &makers {
                let (json, totals) = made(&store, reports, ReportFormat::Json, from, to);
                prop_assert_eq!(&json, &json_of(&items));
                prop_assert_eq!(totals.rows, items.len() as u64);
                let sum: i128 = items.iter().map(|item| item.micros).sum();
                prop_assert_eq!(totals.cost.to_string(), decimal(sum));
                let (table, _) = made(&store, reports, ReportFormat::Csv, from, to);
                prop_assert_eq!(table, csv_of(&items));
            }
        }
    }

    #[test]
    fn the_csv_report_imports_again_as_the_same_report(
        cells in proptest::collection::btree_map((0..DAYS, 0..PUBLISHERS.len()), (0..10_i64.pow(17), 0..10_u64.pow(15)), 1..40),
        names in proptest::array::uniform3("[ -~äß漢]{0,40}[a-z\",;']"),
    ) {
        let names = names.map(|name| name.trim().to_owned());
        prop_assume!(names[0] != names[1]);
        let stocked = |offer: &str| {
            let dir = tempfile::tempdir().unwrap();
            let store = Store::open(dir.path()).unwrap();
            let advertiser = add_advertiser(&store, NORTHWIND);
            add_publishers(&store, &PUBLISHERS);
            let campaign = Campaign::of(offer, &names[0]).on(&names[2], pitlane::domain::Os::Android, "com.example.coingame");
            add_campaigns(&store, &advertiser, &[campaign]);
            (dir, store)
        };
        let report = |store: &Store| made(store, &Reports::new(0), ReportFormat::Csv, 0, DAYS - 1).0;
        let (_dir, store) = stocked(&names[1]);
        let quoted = format!("\"{}\"", names[0].replace('"', "\"\""));
        let lines = cells.iter().map(|((number, publisher), (micros, clicks))| {
            let cost = decimal((*micros).into());
            format!("{},{quoted},{},{clicks},{cost}", day(*number), PUBLISHERS[*publisher])
        });
        state(&store, NORTHWIND, &csv(lines));
        let first = report(&store);
        prop_assert_eq!(first.lines().count(), cells.len() + 1);
        let (_other_dir, other) = stocked(&names[1]);
        state(&other, NORTHWIND, &first);
        prop_assert_eq!(report(&other), first);
    }
}
