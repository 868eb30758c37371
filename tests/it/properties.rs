//! Reports over any data and any ranges equal a plain map, with rendered days kept and without, while the data changes.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use pitlane::domain::{AdvertiserId, RawReport, ReportFormat, ReportKind, ReportQuery};
use pitlane::service::report::{ReportRequest, ReportTotals, Reports};
use pitlane::store::Store;
use proptest::prelude::*;

use crate::fixtures::{Campaign, NORTHWIND, add_advertiser, add_campaigns, add_publishers, csv, id, state, switch};
use crate::model::{Item, csv_of, decimal, json_of};

pub(crate) const CAMPAIGNS: [(&str, &str); 4] =
    [("Coin Game", "A"), ("Coin Game", "B"), ("Gems", "C"), ("Arcade", "D")];
pub(crate) const PUBLISHERS: [&str; 3] = ["Lumen", "Pixel", "Orbit"];
const DAYS: u64 = 12;

pub(crate) fn day(number: u64) -> NaiveDate {
    NaiveDate::from_ymd_opt(2024, 2, 25).unwrap() + Days::new(number)
}

/// Day, campaign and publisher by number.
pub(crate) type Key = (u64, usize, usize);
/// Millionths and clicks.
pub(crate) type Figures = (i64, u64);

#[derive(Debug, Clone)]
enum Step {
    State(BTreeMap<Key, Figures>),
    Switch(usize),
    Ask(u64, u64),
}

fn step() -> impl Strategy<Value = Step> {
    let key = (0..DAYS, 0..CAMPAIGNS.len(), 0..PUBLISHERS.len());
    let cost = prop_oneof![
        Just(0),
        0..5_000_000_i64,
        Just(100_000_000_000_000_000),
        any::<i64>().prop_map(|n| n.rem_euclid(10_i64.pow(15)))
    ];
    let cells = proptest::collection::btree_map(key, (cost, 0..10_000_u64), 1..20);
    prop_oneof![
        3 => cells.prop_map(Step::State),
        1 => (0..CAMPAIGNS.len()).prop_map(Step::Switch),
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
    let raw = RawReport { date_from: Some(day(from).to_string()), date_to: Some(day(to).to_string()), offer_id: None };
    let advertiser = AdvertiserId::from(id("advertiser", NORTHWIND));
    let query = ReportQuery::new(advertiser, &raw).unwrap();
    let asked = ReportRequest { kind: ReportKind::Singular, format, query };
    let mut report = reports.open(asked, store.snapshot().unwrap()).unwrap();
    let mut bytes = Vec::new();
    while let Some(chunk) = report.next_bytes().unwrap() {
        bytes.extend_from_slice(&chunk);
    }
    (String::from_utf8(bytes).unwrap(), report.totals())
}

#[derive(Default)]
pub(crate) struct Model {
    pub(crate) cells: BTreeMap<Key, Figures>,
    hidden: std::collections::BTreeSet<&'static str>,
}

impl Model {
    pub(crate) fn items(&self, from: u64, to: u64) -> Vec<Item> {
        let range = self.cells.range((from, 0, 0)..(to + 1, 0, 0));
        let reported = range.filter(|((_, campaign, _), _)| !self.hidden.contains(CAMPAIGNS[*campaign].0));
        reported
            .map(|((number, campaign, publisher), (micros, clicks))| {
                let (offer, name) = CAMPAIGNS[*campaign];
                Item {
                    date: day(*number).to_string(),
                    offer: offer.to_owned(),
                    partner_id: id("publisher", PUBLISHERS[*publisher]).to_string(),
                    app: "Coin Game".to_owned(),
                    store_id: "com.example.coingame".to_owned(),
                    os: "ANDROID",
                    campaign: name.to_owned(),
                    campaign_id: if name == "B" { id("campaign", name) } else { id("offer", offer) }.to_string(),
                    micros: i128::from(*micros),
                    clicks: *clicks,
                }
            })
            .collect()
    }

    /// Does to the store and to the model what the step says; the range of a question.
    fn take(&mut self, store: &Store, step: Step) -> Option<(u64, u64)> {
        match step {
            Step::State(cells) => {
                let lines = cells.iter().map(|((number, campaign, publisher), (micros, clicks))| {
                    let (name, cost) = (CAMPAIGNS[*campaign].1, decimal((*micros).into()));
                    format!("{},{name},{},{clicks},{cost}", day(*number), PUBLISHERS[*publisher])
                });
                state(store, NORTHWIND, &csv(lines));
                self.cells.extend(cells);
                None
            }
            Step::Switch(campaign) => {
                let offer = CAMPAIGNS[campaign].0;
                let hide = self.hidden.insert(offer) || !self.hidden.remove(offer);
                switch(store, offer, !hide);
                None
            }
            Step::Ask(from, to) => Some((from, to)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reports_equal_a_plain_map_while_the_data_changes(steps in proptest::collection::vec(step(), 1..25)) {
        let dir = tempfile::tempdir().unwrap();
        let store = catalogue(dir.path());
        let makers = [0, 2000, 32 << 20].map(Reports::new);
        let mut model = Model::default();
        for step in steps.into_iter().chain([Step::Ask(0, DAYS - 1)]) {
            let Some((from, to)) = model.take(&store, step) else { continue };
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
