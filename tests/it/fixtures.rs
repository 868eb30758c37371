//! Data for the tests, added through the store and the services.
//!
//! Ids follow from names ([`id`]), so that snapshots can contain them and a test can know them in advance.

use pitlane::domain::{Currency, Name, Os, StoreId, TokenScope};
use pitlane::import::Format;
use pitlane::service::imports::{self, ImportDone, ImportOptions, ImportSource};
use pitlane::service::{Actor, ServiceResult, catalogue};
use pitlane::store::{AdvertiserRow, ImportKind, Store, StoreError};
use uuid::Uuid;

use crate::harness::{App, Client, spawn_app};

pub(crate) const NORTHWIND: &str = "Northwind";
pub(crate) const CONTOSO: &str = "Contoso";

pub(crate) const SINGULAR_JSON: &str = "/api/v1/integrations/cost-report/singular/json";
pub(crate) const SINGULAR_CSV: &str = "/api/v1/integrations/cost-report/singular/csv";
pub(crate) const GENERAL_JSON: &str = "/api/v1/integrations/cost-report/json";
pub(crate) const GENERAL_CSV: &str = "/api/v1/integrations/cost-report/csv";
pub(crate) const DAILY_STATS: &str = "/api/v1/daily-stats";

/// A report's path with dates.
pub(crate) fn ranged(path: &str, from: &str, to: &str) -> String {
    format!("{path}?date_from={from}&date_to={to}")
}

/// The path with the month of the small sample's figures.
pub(crate) fn may(path: &str) -> String {
    ranged(path, "2025-05-01", "2025-05-31")
}

/// The id of the entry of this kind and name.
pub(crate) fn id(kind: &str, name: &str) -> Uuid {
    // FNV-1a with 128 bits.
    let hash =
        kind.bytes().chain([b'/']).chain(name.bytes()).fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |hash, byte| {
            (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
        });
    uuid::Builder::from_random_bytes(hash.to_be_bytes()).into_uuid()
}

/// A campaign with its offer and app.
#[derive(Clone, Copy)]
pub(crate) struct Campaign<'a> {
    pub(crate) offer: &'a str,
    pub(crate) name: &'a str,
    pub(crate) app: &'a str,
    pub(crate) os: Os,
    pub(crate) store_id: &'a str,
    /// Whether a new offer has cost reporting on.
    pub(crate) enabled: bool,
}

impl<'a> Campaign<'a> {
    /// A campaign on an Android app with the offer's name.
    pub(crate) fn of(offer: &'a str, name: &'a str) -> Self {
        Self { offer, name, app: offer, os: Os::Android, store_id: "com.example.coingame", enabled: true }
    }

    pub(crate) fn disabled(self) -> Self {
        Self { enabled: false, ..self }
    }

    pub(crate) fn on(self, app: &'a str, os: Os, store_id: &'a str) -> Self {
        Self { app, os, store_id, ..self }
    }
}

fn name(text: &str) -> Name {
    Name::parse("name", text).unwrap()
}

pub(crate) fn add_advertiser(store: &Store, called: &str) -> AdvertiserRow {
    let (currency, zone) = (Currency::parse("USD").unwrap(), "UTC".parse().unwrap());
    let id = id("advertiser", called).into();
    store.write(|txn| txn.advertiser_create(id, &name(called), currency, zone, chrono::Utc::now())).unwrap()
}

pub(crate) fn add_publishers(store: &Store, names: &[&str]) {
    let added: Result<(), StoreError> = store.write(|txn| {
        names.iter().try_for_each(|called| {
            txn.publisher_create(id("publisher", called).into(), &name(called), chrono::Utc::now()).map(drop)
        })
    });
    added.unwrap();
}

/// Adds campaigns, and their offers and apps if those are new.
pub(crate) fn add_campaigns(store: &Store, advertiser: &AdvertiserRow, campaigns: &[Campaign<'_>]) {
    let now = chrono::Utc::now();
    let key = advertiser.key;
    let owned = |what: &str| format!("{}/{what}", advertiser.name);
    let added: Result<(), StoreError> = store.write(|txn| {
        for campaign in campaigns {
            let known = txn.offer_list(key)?.into_iter().find(|offer| offer.name == campaign.offer);
            let offer = if let Some(offer) = known {
                offer.key
            } else {
                let id = id("offer", campaign.offer).into();
                txn.offer_create(key, id, &name(campaign.offer), campaign.enabled, now)?
            };
            let store_id = StoreId::parse(campaign.os, campaign.store_id).unwrap();
            let app = if let Some((app, _)) = txn.app_find(key, &store_id)? {
                app
            } else {
                let id = id("app", &owned(campaign.store_id)).into();
                txn.app_create(key, id, &name(campaign.app), &store_id, now)?
            };
            let spare = id("campaign", campaign.name).into();
            txn.campaign_create(key, spare, &name(campaign.name), offer, app, now)?;
        }
        Ok(())
    });
    added.unwrap();
}

/// A file with the required columns, and these lines.
pub(crate) fn csv(lines: impl IntoIterator<Item = String>) -> String {
    let header = "date,campaign_name,partner,clicks,cost".to_owned();
    std::iter::once(header).chain(lines).map(|line| line + "\n").collect()
}

/// Imports figures as CSV with the contract's columns.
pub(crate) fn state(store: &Store, advertiser: &str, csv: &str) -> ImportDone {
    let options = ImportOptions { advertiser: Some(advertiser.to_owned()), ..ImportOptions::new(Format::Csv) };
    let source =
        ImportSource { kind: ImportKind::File, name: "a test".to_owned(), token: None, actor: Actor::command_line() };
    imports::run(store, std::io::Cursor::new(csv), &options, &source).unwrap()
}

/// Turns cost reporting of an offer on or off.
pub(crate) fn switch(store: &Store, offer: &str, on: bool) {
    let switched: ServiceResult<_> = catalogue::switch_offer(store, NORTHWIND, offer, on, &Actor::command_line());
    assert!(switched.unwrap().1, "the offer was switched already");
}

/// Northwind with three campaigns of two offers, one of them with cost reporting off, and another advertiser, Contoso.
pub(crate) fn stock(store: &Store) {
    let northwind = add_advertiser(store, NORTHWIND);
    let contoso = add_advertiser(store, CONTOSO);
    add_publishers(store, &["Lumen", "Pixel"]);
    add_campaigns(
        store,
        &northwind,
        &[
            Campaign::of("Coin Game", "AOS_TEST_2025"),
            Campaign::of("Coin Game", "IOS_TEST_2025").on("Coin Game", Os::Ios, "1498765432"),
            Campaign::of("Hidden Gems", "HIDDEN_2025").on("Gems", Os::Web, "gems.example.com").disabled(),
        ],
    );
    add_campaigns(store, &contoso, &[Campaign::of("Contoso Cards", "CARDS_2025").on("Cards", Os::Ios, "77")]);
    state(
        store,
        NORTHWIND,
        "date,campaign_name,partner,clicks,cost,views,conversions\n\
         2025-05-27,AOS_TEST_2025,Lumen,100,69,2000,4\n\
         2025-05-27,AOS_TEST_2025,Pixel,3,0.000001,10,0\n\
         2025-05-28,AOS_TEST_2025,Lumen,7,12.5,70,1\n\
         2025-05-28,IOS_TEST_2025,Lumen,0,0,0,0\n\
         2025-05-28,HIDDEN_2025,Lumen,9,9.99,90,2\n",
    );
    state(store, CONTOSO, "date,campaign_name,partner,clicks,cost\n2025-05-28,CARDS_2025,Lumen,5,5.5\n");
}

/// A server with the small sample, and Northwind's token for reports.
pub(crate) fn stocked() -> (App, Client) {
    let app = spawn_app();
    stock(&app.store);
    let token = app.token(NORTHWIND, TokenScope::Report);
    (app, token)
}

/// A day with many campaigns: enough rows for a report that is streamed.
pub(crate) fn stock_of_many_rows(store: &Store, days: u32) {
    let northwind = add_advertiser(store, NORTHWIND);
    add_publishers(store, &["Lumen"]);
    let names: Vec<String> = (0..100).map(|n| format!("CAMPAIGN_{n:03}")).collect();
    let campaigns: Vec<_> = names.iter().map(|name| Campaign::of("Coin Game", name)).collect();
    add_campaigns(store, &northwind, &campaigns);
    let first = chrono::NaiveDate::from_ymd_opt(2025, 1, 1).unwrap();
    let days = first.iter_days().take(days.try_into().unwrap());
    let lines =
        days.flat_map(|day| names.iter().zip(1..).map(move |(name, n)| format!("{day},{name},Lumen,{n},{n}.25")));
    state(store, NORTHWIND, &csv(lines));
}
