//! A simulator of Singular's connector, compared with the tests' own model of the data.
//!
//! The model writes the text of every expected answer, so each is compared as raw text, to the last digit; and parsed, in
//! case both texts are wrong in the same way.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use pitlane::domain::{Os, TokenScope};

use crate::common::rng::Rng;
use crate::fixtures::{
    Campaign, DAILY_STATS, NORTHWIND, SINGULAR_CSV, SINGULAR_JSON, add_advertiser, add_campaigns, add_publishers, csv,
    id, ranged,
};
use crate::harness::{App, Client, spawn_app};
use crate::model::{Item, csv_of, decimal, json_of};

const PUBLISHERS: [&str; 4] = ["Lumen", "Pixel", "Tapwell", "Orbit"];

fn campaigns() -> [Campaign<'static>; 6] {
    [
        Campaign::of("Coin Game", "AOS_LEVEL10"),
        Campaign::of("Coin Game", "IOS_LEVEL10").on("Coin Game", Os::Ios, "1498765432"),
        Campaign::of("First purchase", "AOS_PURCHASE"),
        Campaign::of("Never shown", "HIDDEN").disabled(),
        Campaign::of("Arcade", "WEB_SIGNUP").on("Arcade", Os::Web, "arcade.example.com"),
        Campaign::of("Never shown", "HIDDEN_TOO").on("Arcade", Os::Web, "arcade.example.com"),
    ]
}

/// Millionths, with zero to six decimals.
fn random_cost(rng: &mut Rng) -> i128 {
    let step = 10_u64.pow(u32::try_from(rng.below(7)).unwrap());
    i128::from(rng.below(900_000_000) / step * step)
}

/// Day, campaign and publisher by index.
type Key = (NaiveDate, usize, usize);
/// Millionths and clicks.
type Figures = (i128, u64);

/// What was imported: by day, campaign and publisher, in the report's order.
#[derive(Default)]
struct Model(BTreeMap<Key, Figures>);

impl Model {
    fn items(&self, from: NaiveDate, to: NaiveDate) -> Vec<Item> {
        let campaigns = campaigns();
        let cells = self.0.range((from, 0, 0)..=(to, usize::MAX, usize::MAX));
        let reported = cells.filter(|((_, campaign, _), _)| campaigns[*campaign].offer != "Never shown");
        reported
            .map(|((day, at, publisher), (micros, clicks))| {
                let campaign = &campaigns[*at];
                let first = campaigns.iter().position(|other| other.offer == campaign.offer) == Some(*at);
                let campaign_id = if first { id("offer", campaign.offer) } else { id("campaign", campaign.name) };
                Item {
                    date: day.to_string(),
                    offer: campaign.offer.to_owned(),
                    partner_id: id("publisher", PUBLISHERS[*publisher]).to_string(),
                    app: if campaign.offer == "First purchase" { "Coin Game" } else { campaign.app }.to_owned(),
                    store_id: campaign.store_id.to_owned(),
                    os: campaign.os.as_str(),
                    campaign: campaign.name.to_owned(),
                    campaign_id: campaign_id.to_string(),
                    micros: *micros,
                    clicks: *clicks,
                }
            })
            .collect()
    }
}

/// The advertiser, its data as uploaded, the connector, and the model of the expected report.
struct Simulation {
    _app: App,
    connector: Client,
    ingest: Client,
    model: Model,
    yesterday: NaiveDate,
}

impl Simulation {
    fn start() -> Self {
        let app = spawn_app();
        let advertiser = add_advertiser(&app.store, NORTHWIND);
        add_publishers(&app.store, &PUBLISHERS);
        add_campaigns(&app.store, &advertiser, &campaigns());
        let connector = app.token(NORTHWIND, TokenScope::Report);
        let ingest = app.token(NORTHWIND, TokenScope::Ingest);
        let yesterday = NaiveDate::from_ymd_opt(2025, 8, 31).unwrap();
        let mut simulation = Self { _app: app, connector, ingest, model: Model::default(), yesterday };
        let mut rng = Rng::new(7);
        let mut cells = Vec::new();
        for day in (0..92).map(|back| yesterday - Days::new(back)).filter(|day| day.to_string() != "2025-07-04") {
            for campaign in 0..campaigns().len() {
                for publisher in 0..PUBLISHERS.len() {
                    match rng.below(5) {
                        0 => {}
                        1 => cells.push(((day, campaign, publisher), (0, 0))),
                        _ => cells.push(((day, campaign, publisher), (random_cost(&mut rng), rng.below(5000)))),
                    }
                }
            }
        }
        simulation.state(&cells);
        simulation
    }

    /// Uploads these cells, and adds them to the model.
    fn state(&mut self, cells: &[(Key, Figures)]) {
        let lines = cells.iter().map(|((day, campaign, publisher), (micros, clicks))| {
            let (campaign, partner, cost) = (campaigns()[*campaign].name, PUBLISHERS[*publisher], decimal(*micros));
            format!("{day},{campaign},{partner},{clicks},{cost}")
        });
        let answer = self.ingest.post(DAILY_STATS, "text/csv", csv(lines));
        assert_eq!((answer.status, answer.json()["data"]["rows"].as_u64()), (200, u64::try_from(cells.len()).ok()));
        self.model.0.extend(cells.iter().copied());
    }

    /// The connector polls these days and gets what the model says.
    #[track_caller]
    fn poll(&self, from: NaiveDate, to: NaiveDate) -> usize {
        let answer = self.connector.get(&ranged(SINGULAR_JSON, &from.to_string(), &to.to_string()));
        assert_eq!(answer.status, 200, "{}", answer.text());
        let expected = self.model.items(from, to);
        let head = r#"{"responseId":"[id]","isSuccessful":true,"responseTitle":"Success","responseType":"Success","#;
        let text = format!(r#"{head}"messages":[],"data":{{"generatedAt":"[now]","items":{}}}}}"#, json_of(&expected));
        assert_eq!(answer.redacted(), text, "{from} to {to}");
        parsed(&answer.json(), &expected);
        expected.len()
    }

    /// Seven single days, yesterday first, as at midnight and at 01:00 Pacific.
    fn daily_round(&self) {
        for back in 0..7 {
            let day = self.yesterday - Days::new(back);
            assert_ne!(self.poll(day, day), 0);
        }
    }
}

#[track_caller]
fn parsed(answer: &serde_json::Value, expected: &[Item]) {
    let items = answer["data"]["items"].as_array().unwrap();
    assert_eq!(items.len(), expected.len());
    for (item, expected) in items.iter().zip(expected) {
        let keys: std::collections::BTreeSet<_> = item.as_object().unwrap().keys().map(String::as_str).collect();
        let ten = [
            "app",
            "campaign_id",
            "campaign_name",
            "clicks",
            "cost",
            "date",
            "offer_name",
            "os",
            "partner_id",
            "store_id",
        ];
        assert_eq!(keys, ten.into());
        assert!(item["cost"].is_number() && item["clicks"].is_u64());
        assert_eq!(item["cost"].to_string().trim_end_matches(".0"), shortest(expected.micros));
        assert_eq!(item["clicks"].as_u64(), Some(expected.clicks));
        assert_eq!(item["partner_id"], expected.partner_id);
        assert_eq!(item["campaign_id"], expected.campaign_id);
    }
}

/// A decimal as a reader with binary doubles prints it.
fn shortest(micros: i128) -> String {
    let double: f64 = decimal(micros).parse().unwrap();
    serde_json::Value::from(double).to_string().trim_end_matches(".0").to_owned()
}

#[test]
fn the_first_connect_and_two_daily_rounds_see_every_figure_to_the_last_digit() {
    let mut simulation = Simulation::start();
    let first = simulation.yesterday - Days::new(91);
    let singly: usize =
        (0..92).map(|back| simulation.yesterday - Days::new(back)).map(|day| simulation.poll(day, day)).sum();
    assert_eq!(simulation.poll(first, simulation.yesterday), singly);
    simulation.daily_round();
    // Late conversions, a refund down to zero, a publisher that was forgotten; within the week and before it.
    let mut rng = Rng::new(11);
    let restated: Vec<_> = simulation
        .model
        .0
        .keys()
        .rev()
        .step_by(9)
        .take(40)
        .map(|key| (*key, if key.1 == 0 { (0, 0) } else { (random_cost(&mut rng), rng.below(90)) }))
        .collect();
    simulation.state(&restated);
    simulation.daily_round();
    simulation.daily_round();
    assert_eq!(simulation.poll(first, simulation.yesterday), singly);
}

#[test]
fn the_csv_of_the_first_connect_is_the_models_to_the_byte() {
    let simulation = Simulation::start();
    let first = simulation.yesterday - Days::new(91);
    let path = ranged(SINGULAR_CSV, &first.to_string(), &simulation.yesterday.to_string());
    assert_eq!(simulation.connector.get(&path).text(), csv_of(&simulation.model.items(first, simulation.yesterday)));
}

#[test]
fn four_hundred_single_days_in_a_row_pass_the_default_limits() {
    let simulation = Simulation::start();
    for back in 0..400 {
        let day = simulation.yesterday - Days::new(back);
        let answer = simulation.connector.get(&ranged(SINGULAR_JSON, &day.to_string(), &day.to_string()));
        assert_eq!(answer.status, 200, "request {back}: {}", answer.text());
    }
}
