//! The page of one import: names of cells that are gone, several advertisers with their currencies, every row of a large one;
//! and what may be deleted after an undo.

use std::fmt::Write as _;

use pitlane::domain::{Currency, ImportId, Name, Role};
use pitlane::service::imports;
use pitlane::service::{Actor, catalogue};

use crate::harness::{App, EMAIL, spawn_app};
use crate::merging::{import_for, page};
use crate::words::stock;

const HEADER: &str = "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n";

fn last_import(app: &App) -> ImportId {
    app.store.read(|txn| txn.import_list(None, None, 1)).unwrap().remove(0).id
}

fn undo_last(app: &App) -> ImportId {
    imports::undo(&app.store, last_import(app), None, &Actor::command_line()).unwrap();
    last_import(app)
}

#[test]
fn the_undo_of_new_rows_names_each_of_them() {
    let app = spawn_app();
    stock(&app, "Coin Game");
    import_for(
        &app,
        "Coin Game",
        &format!("{HEADER}2026-01-01,Summer,Lumen,10,1.5,Coins,Coins,com.example.coins,ANDROID\n"),
    );
    let mut ada = app.person(EMAIL, Role::Admin);
    let done = ada.get(&format!("/admin/imports/{}", last_import(&app))).into_text();
    assert!(done.contains("Became, EUR") && !done.contains("Will be"), "what was done stands as to come: {done}");
    let undo = undo_last(&app);
    let shown = ada.get(&format!("/admin/imports/{undo}")).into_text();
    for told in ["What it removed", "Summer", "Lumen", "was 1.50", "was 10"] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    let csv = ada.get(&format!("/admin/imports/{undo}/changes.csv")).into_text();
    assert!(csv.contains("2026-01-01,Summer,Lumen,10,1.5,0,0,,,,"), "{csv}");
}

#[test]
fn the_rows_of_several_advertisers_name_them_and_their_money() {
    let app = spawn_app();
    stock(&app, "Coin Game");
    for (name, currency) in [("Zephyr", "JPY"), ("Acme", "USD")] {
        let (name, currency) = (Name::parse("name", name).unwrap(), Currency::parse(currency).unwrap());
        let zone = "UTC".parse().unwrap();
        catalogue::create_advertiser(&app.store, &name, currency, zone, &Actor::command_line()).unwrap();
    }
    let header = HEADER.replace(",os\n", ",os,advertiser\n");
    let place = "Coins,Coins,com.example.coins,ANDROID";
    let rows = format!("2026-01-01,Summer,Lumen,10,1500,{place},Zephyr\n2026-01-01,Summer,Lumen,20,2.5,{place},Acme\n");
    let options =
        imports::ImportOptions { create_missing: true, ..imports::ImportOptions::new(pitlane::import::Format::Csv) };
    let source = imports::ImportSource {
        kind: pitlane::store::ImportKind::File,
        name: "both.csv".to_owned(),
        token: None,
        actor: Actor::command_line(),
    };
    let done = imports::run(&app.store, std::io::Cursor::new(format!("{header}{rows}")), &options, &source).unwrap();
    let mut ada = app.person(EMAIL, Role::Admin);
    let shown = ada.get(&format!("/admin/imports/{}", done.id)).into_text();
    for told in ["Advertiser", "Zephyr", "Acme", "1,500 JPY", "2.50 USD"] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
}

#[test]
fn a_download_has_every_row_of_a_large_import() {
    const ROWS: u32 = 200_010;
    let app = spawn_app();
    stock(&app, "Coin Game");
    let mut file = HEADER.to_owned();
    let first = chrono::NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
    let days: Vec<String> = first.iter_days().take(366).map(|day| day.to_string()).collect();
    for row in 0..ROWS {
        let (day, campaign) = (&days[row as usize % days.len()], row as usize / days.len());
        writeln!(file, "{day},C{campaign},Lumen,1,1,Coins,Coins,com.example.coins,ANDROID").unwrap();
    }
    import_for(&app, "Coin Game", &file);
    let mut ada = app.person(EMAIL, Role::Admin);
    let csv = ada.get(&format!("/admin/imports/{}/changes.csv", last_import(&app)));
    assert_eq!(csv.text().lines().count(), 1 + ROWS as usize);
    let mut rows: Vec<_> = csv.text().lines().skip(1).collect();
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(rows.len(), ROWS as usize);
}

#[test]
fn what_the_history_holds_is_not_offered_for_deletion_and_an_offers_id_is_given_once() {
    let app = spawn_app();
    stock(&app, "Coin Game");
    let row = "2026-01-01,Summer,Lumen,10,1.5,Coins,Coins,com.example.coins,ANDROID\n";
    import_for(&app, "Coin Game", &format!("{HEADER}{row}"));
    undo_last(&app);
    let mut ada = app.person(EMAIL, Role::Admin);
    for (noun, name) in [("campaigns", "Summer"), ("publishers", "Lumen")] {
        let asked = ada.get(&format!("{}/delete", page(&app, noun, name))).into_text();
        assert!(asked.contains("can&#39;t be deleted") || asked.contains("can't be deleted"), "{asked}");
        assert!(
            asked.contains("the history of imports still contains") && !asked.contains("class=\"fields\""),
            "{asked}"
        );
    }
    // A campaign without history is deleted; its id, which is its offer's, is not used again.
    let (offer, place) = (page(&app, "offers", "Coins"), page(&app, "apps", "Coins"));
    let id = |page: &str| page.rsplit('/').next().unwrap().to_owned();
    ada.get("/admin/catalogue/offers/new");
    assert_eq!(ada.post("/admin/catalogue/offers/new", &[("name", "Gems"), ("cost_reporting", "on")]).status, 303);
    let (gems, place) = (id(&page(&app, "offers", "Gems")), id(&place));
    let add = |ada: &mut crate::harness::Person, name: &str| {
        let fields = [("name", name), ("offer", gems.as_str()), ("app", place.as_str())];
        assert_eq!(ada.post("/admin/catalogue/campaigns/new", &fields).status, 303);
        id(&page(&app, "campaigns", name))
    };
    assert_ne!(id(&offer), gems);
    let first = add(&mut ada, "Winter");
    assert_eq!(first, gems);
    let question = ada.get(&format!("{}/delete", page(&app, "campaigns", "Winter")));
    assert_eq!(ada.submit(&question, &[]).status, 303);
    assert_ne!(add(&mut ada, "Winter"), gems);
}

#[test]
fn the_page_of_an_import_that_created_thousands_stays_small_and_counts_them() {
    let app = spawn_app();
    stock(&app, "Coin Game");
    let mut csv = HEADER.to_owned();
    for number in 0..5_000 {
        let name = format!("{number:04} {}", "long name ".repeat(10));
        writeln!(csv, "2026-01-01,{name},Lumen,1,1.5,Coins,Coins,com.example.coins,ANDROID").unwrap();
    }
    import_for(&app, "Coin Game", &csv);
    let page = app.person(EMAIL, Role::Viewer).get(&format!("/admin/imports/{}", last_import(&app)));
    assert!(page.body.len() < 100_000, "{} bytes", page.body.len());
    let text = page.text();
    assert!(text.contains("New campaigns") && text.contains(" and 4,998 more") && text.contains("0001 long"), "{text}");
}
