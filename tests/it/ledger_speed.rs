//! How long the page Singular takes for an advertiser with 2,000 campaigns and 400 days. This only measures, so it is run by
//! itself: `cargo test --release --test it ledger_speed -- --ignored --nocapture`

use std::fmt::Write as _;
use std::time::Instant;

use chrono::{Days, Utc};
use pitlane::domain::{Day, TokenScope};
use pitlane::import::Format;
use pitlane::service::access::admins::{self, Password};
use pitlane::service::imports::{self, ImportOptions, ImportSource};
use pitlane::service::ledger::{Detail, Ledger};
use pitlane::service::{Actor, ServiceError};
use pitlane::store::ImportKind;

use crate::common::http::Person;
use crate::fixtures::{NORTHWIND, SINGULAR_JSON, add_advertiser, ranged};
use crate::harness::spawn_app;

const CAMPAIGNS: u32 = 2000;
const DAYS: u64 = 400;
/// Days that change after they were handed over.
const RESTATED: u64 = 20;

#[test]
#[ignore = "measures, and wants an optimised build"]
fn the_page_of_2000_campaigns_and_400_days() {
    let app = spawn_app();
    let advertiser = add_advertiser(&app.store, NORTHWIND);
    let today = Utc::now().date_naive();
    let import = |days: std::ops::Range<u64>, cost: &str| {
        let mut text = "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n".to_owned();
        for back in days {
            let day = today - Days::new(back);
            for number in 0..CAMPAIGNS {
                let offer = number / 10;
                writeln!(text, "{day},C{number},Lumen,{number},{cost},O{offer},Game,com.example.game,ANDROID").unwrap();
            }
        }
        let options = ImportOptions {
            advertiser: Some(NORTHWIND.to_owned()),
            create_missing: true,
            ..ImportOptions::new(Format::Csv)
        };
        let (kind, name) = (ImportKind::File, "stats.csv".to_owned());
        let source = ImportSource { kind, name, token: None, actor: Actor::command_line() };
        imports::run(&app.store, std::io::Cursor::new(text), &options, &source).unwrap();
    };
    for first in (1..=DAYS).step_by(50) {
        import(first..first + 50, "1.5");
    }
    let singular = app.token(NORTHWIND, TokenScope::Report);
    let from = (today - Days::new(DAYS)).to_string();
    assert_eq!(singular.get(&ranged(SINGULAR_JSON, &from, &today.to_string())).status, 200);
    let handed = || app.store.read(|txn| txn.served_last(advertiser.key)).unwrap().is_some();
    while !handed() {
        std::thread::yield_now();
    }
    import(30..30 + RESTATED, "2");
    let (email, password) = ("ada@example.com".parse().unwrap(), Password::parse("a sentence is easier").unwrap());
    admins::create(&app.store, &email, pitlane::domain::Role::Admin, &password, &Actor::command_line()).unwrap();
    let mut ada = Person::at(&app.anonymous().origin);
    assert_eq!(ada.log_in("ada@example.com", "a sentence is easier").status, 303);
    let mut millis: Vec<u128> = (0..9)
        .map(|_| {
            let since = Instant::now();
            let page = ada.get("/admin/singular");
            assert!(page.text().contains(&format!("everything but {RESTATED} days")), "{}", page.text());
            since.elapsed().as_millis()
        })
        .collect();
    millis.sort_unstable();
    let read = |detail| {
        let since = Instant::now();
        let ledger = app.store.read(|txn| Ledger::of(txn, &advertiser, None, detail, Utc::now()));
        let days = ledger.map_err(|error: ServiceError| error.to_string()).unwrap().days.len();
        (days, since.elapsed())
    };
    println!("the page: {} to {} ms, half of them under {} ms", millis[0], millis[8], millis[4]);
    println!("states: {:?}; sums: {:?}", read(Detail::States), read(Detail::Sums));
    println!("a day's page: {:?}", {
        let day = Day::try_from(today - Days::new(30)).unwrap();
        let since = Instant::now();
        assert_eq!(ada.get(&format!("/admin/singular/day?day={day}")).status, 200);
        since.elapsed()
    });
    assert!(cfg!(debug_assertions) || millis[4] < 100, "{millis:?}");
}
