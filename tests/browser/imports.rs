//! A file through the pages in a real browser: upload, mapping, preview, import, and undo.

use pitlane::domain::{Currency, DayState, ExactCost, Name, Role};
use pitlane::import::Format;
use pitlane::service::imports::{ImportOptions, ImportSource};
use pitlane::service::{Actor, catalogue};
use pitlane::store::{ImportKind, StoreError};
use thirtyfour::prelude::*;

use crate::harness::{App, Browser, EMAIL, PASSWORD, run, spawn_app};

pub(crate) fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// An advertiser with an empty catalogue.
pub(crate) fn found(app: &App, currency: &str) {
    let name = Name::parse("name", "Northwind").unwrap();
    let currency = Currency::parse(currency).unwrap();
    catalogue::create_advertiser(&app.store, &name, currency, "UTC".parse().unwrap(), &Actor::command_line()).unwrap();
}

/// Imports CSV as a file of the advertiser's, and creates what is missing.
pub(crate) fn import_file(app: &App, advertiser: &str, file: &str, csv: impl Into<String>) {
    let options = ImportOptions {
        advertiser: Some(advertiser.to_owned()),
        create_missing: true,
        ..ImportOptions::new(Format::Csv)
    };
    let (kind, name) = (ImportKind::File, file.to_owned());
    let source = ImportSource { kind, name, token: None, actor: Actor::command_line() };
    pitlane::service::imports::run(&app.store, std::io::Cursor::new(csv.into()), &options, &source).unwrap();
}

/// The totals of the stats: rows, clicks, millionths, views.
pub(crate) fn held(app: &App) -> (i64, i64, i64, i64) {
    let sql = "select count(*), coalesce(sum(clicks), 0), coalesce(sum(cost_micros), 0), coalesce(sum(views), 0)
        from daily_stats";
    app.database().query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap()
}

pub(crate) async fn enter(app: &App, scripts: bool) -> Browser {
    app.admit(EMAIL, Role::Admin);
    let browser = Browser::open(app, scripts).await;
    browser.go("/admin/imports").await;
    browser.fill("email", EMAIL).await;
    browser.fill("password", PASSWORD).await;
    browser.press("Log in").await;
    browser
}

pub(crate) async fn upload(browser: &Browser, path: &str) {
    browser.go("/admin/imports/new").await;
    let field = browser.driver.find(By::Id("file")).await.unwrap();
    field.send_keys(path).await.unwrap();
    browser.press("Upload file").await;
    let (here, text) = (browser.path().await, browser.text("main").await);
    assert!(here.starts_with("/admin/imports/drafts/"), "{path} led to {here}: {text}");
}

async fn tick(browser: &Browser, name: &str) {
    browser.driver.find(By::Css(format!("main [name={name}]"))).await.unwrap().click().await.unwrap();
}

/// Fills in what the catalogue needs and the file doesn't have.
pub(crate) async fn say_what_is_advertised(browser: &Browser) {
    let fixed =
        [("offer_name", "Coin Game"), ("app", "Coin Game"), ("store_id", "com.example.coingame"), ("os", "ANDROID")];
    for (column, value) in fixed {
        browser.fill(&format!("set-{column}"), value).await;
    }
    unfold(browser, "What to do with the rows").await;
    tick(browser, "create_missing").await;
}

/// Opens a folded part of the page, unless it is open.
pub(crate) async fn unfold(browser: &Browser, summary: &str) {
    let path = format!("//main//details[not(@open)]/summary[normalize-space()='{summary}']");
    if let Ok(summary) = browser.driver.find(By::XPath(path)).await {
        summary.click().await.unwrap();
    }
}

#[test]
fn an_export_of_ads_goes_in_with_nothing_typed_but_what_it_lacks() {
    run(an_export_goes_in(true));
}

#[test]
fn the_same_export_without_scripts() {
    run(an_export_goes_in(false));
}

async fn an_export_goes_in(scripts: bool) {
    let app = spawn_app();
    found(&app, "USD");
    let browser = enter(&app, scripts).await;
    upload(&browser, &fixture("ads_export.csv")).await;
    browser.sees("look like campaign columns. The first was taken").await;
    say_what_is_advertised(&browser).await;
    browser.press("Check import").await;
    browser.sees("Choose a column, or enter one value for all rows.").await;
    browser.fill("set-partner", "Facebook").await;
    browser.press("Check import").await;
    browser.sees("repeat a day, campaign and publisher").await;
    unfold(&browser, "See the lines").await;
    browser.sees("again, as line").await;
    assert_eq!(held(&app).0, 0);
    browser.press("Add them up").await;
    browser.sees("Nothing has changed yet.").await;
    let lines = std::fs::read_to_string(fixture("ads_export.csv")).unwrap().lines().count() - 1;
    let expected = ads_export();
    browser.sees(&format!("{} lines become {} rows", grouped(lines), expected.0)).await;
    assert_eq!(held(&app).0, 0);
    browser.press(&format!("Import {} rows", expected.0)).await;
    browser.sees("Imported. You can undo it here").await;
    browser.sees("SHA-256 of the file").await;
    assert_eq!(held(&app), expected);
    // The upload is deleted with its import.
    assert_eq!(std::fs::read_dir(app.dir.path().join("uploads")).unwrap().count(), 0);
    browser.follow("Undo this import").await;
    browser.press("Undo import").await;
    browser.sees("Import undone. This page records the undo.").await;
    assert_eq!(held(&app), (0, 0, 0, 0));
    browser.close().await;
}

/// A count below a million, as the pages write it.
fn grouped(count: usize) -> String {
    if count < 1000 { count.to_string() } else { format!("{},{:03}", count / 1000, count % 1000) }
}

/// The sums of the fixture, added up by hand.
pub(crate) fn ads_export() -> (i64, i64, i64, i64) {
    let text = std::fs::read_to_string(fixture("ads_export.csv")).unwrap();
    let (mut cells, mut clicks, mut views) = (std::collections::BTreeMap::new(), 0, 0);
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        // Lines of one cell are summed exactly and rounded once.
        let cost: &mut ExactCost = cells.entry((fields[0], fields[2])).or_default();
        *cost = cost.checked_add(ExactCost::parse(fields[9]).unwrap()).unwrap();
        views += fields[7].parse::<i64>().unwrap();
        clicks += fields[8].parse::<i64>().unwrap();
    }
    let micros = cells.values().map(|cost| cost.rounded().unwrap().get()).sum();
    (i64::try_from(cells.len()).unwrap(), clicks, micros, views)
}

#[test]
fn exports_of_five_programs_go_in() {
    run(async {
        for (name, currency, partner, rows, micros) in [
            ("google_ads", "USD", Some("Google"), 5, 2_645_200_000),
            ("google_ads_excel", "EUR", Some("Google"), 2, 2_021_640_000),
            ("meta_ads", "USD", Some("Meta"), 4, 311_070_000),
            ("apple_search_ads", "USD", Some("Apple"), 4, 1_230_550_000),
            ("keitaro", "USD", None, 3, 62_389_999),
            ("binom", "EUR", None, 3, 1_832_750_000),
        ] {
            let app = spawn_app();
            found(&app, currency);
            let browser = enter(&app, true).await;
            upload(&browser, &fixture(&format!("exports/{name}.csv"))).await;
            if let Some(partner) = partner {
                browser.fill("set-partner", partner).await;
            }
            say_what_is_advertised(&browser).await;
            browser.press("Check import").await;
            browser.press(&format!("Import {rows} rows")).await;
            let (held_rows, _, held_micros, _) = held(&app);
            assert_eq!((held_rows, held_micros), (rows, micros), "{name}");
            browser.close().await;
        }
    });
}

#[test]
fn what_a_file_leaves_open_is_asked_and_a_saved_mapping_is_filled_in() {
    run(async {
        let app = spawn_app();
        found(&app, "USD");
        let browser = enter(&app, false).await;
        let path = app.dir.path().join("open.csv");
        std::fs::write(&path, "Day,Campaign,Clicks,Cost\n01/08/2023,a,1,\"1,234\"\n02/08/2023,a,1,\"2,345\"\n")
            .unwrap();
        upload(&browser, path.to_str().unwrap()).await;
        browser.fill("set-partner", "Lumen").await;
        say_what_is_advertised(&browser).await;
        browser.fill("save_as", "Lumen 1/2 + weekly").await;
        browser.press("Check import").await;
        browser.sees("The file leaves open which part of a date is the day.").await;
        browser.sees("01/08/2023 is 1 August 2023").await;
        browser.sees("01/08/2023 is 8 January 2023").await;
        for value in ["day-first", "comma"] {
            browser
                .driver
                .find(By::Css(format!("[type=radio][value='{value}']")))
                .await
                .unwrap()
                .click()
                .await
                .unwrap();
        }
        browser.press("Check import").await;
        browser.sees("1 Aug 2023 to 2 Aug 2023").await;
        browser.press("Import 2 rows").await;
        assert_eq!(held(&app), (2, 2, 3_579_000, 0));

        let newer = "Day,Campaign,Clicks,Cost\n02/08/2023,a,1,\"2,5\"\n03/08/2023,a,1,\"1.000,5\"\n";
        std::fs::write(&path, newer).unwrap();
        upload(&browser, path.to_str().unwrap()).await;
        browser.sees("It matches your saved mapping “Lumen 1/2 + weekly”").await;
        let partner = browser.driver.find(By::Name("set-partner")).await.unwrap().prop("value").await.unwrap();
        assert_eq!(partner.as_deref(), Some("Lumen"));
        // The dates leave it open again; the earlier answer is filled in.
        browser.press("Check import").await;
        browser.sees("was 2.34").await;

        browser.go("/admin/imports").await;
        browser.follow("Saved mappings").await;
        browser.sees("date from Day").await;
        browser.sees("partner is Lumen").await;
        browser.follow("Delete").await;
        browser.sees("Delete the mapping Lumen 1/2 + weekly?").await;
        browser.press("Delete mapping").await;
        browser.sees("Nothing here yet.").await;
        upload(&browser, path.to_str().unwrap()).await;
        let partner = browser.driver.find(By::Name("set-partner")).await.unwrap().prop("value").await.unwrap();
        assert_eq!(partner.as_deref(), Some(""));
        browser.close().await;
    });
}

#[test]
fn a_later_change_stands_in_the_way_of_an_undo_and_final_days_want_a_reason() {
    run(async {
        let app = spawn_app();
        found(&app, "USD");
        let browser = enter(&app, true).await;
        let path = app.dir.path().join("a.csv");
        for cost in ["1", "2"] {
            let file = format!("date,campaign_name,partner,clicks,cost\n2023-08-01,a,Lumen,1,{cost}\n");
            std::fs::write(&path, file).unwrap();
            upload(&browser, path.to_str().unwrap()).await;
            say_what_is_advertised(&browser).await;
            if cost == "1" {
                browser.fill("days", "Final").await;
            }
            browser.press("Check import").await;
            if cost == "2" {
                browser.sees("Final days would change:").await;
                browser.fill("reason", "fraud refund").await;
            }
            browser.press("Import 1 row").await;
            browser.sees("Imported.").await;
        }
        let marks = app.store.read(|txn| {
            let advertiser = txn.advertiser_get("Northwind")?.key;
            txn.day_marks(advertiser, 0, 100_000)
        });
        let marks: Result<Vec<_>, StoreError> = marks;
        assert_eq!(marks.unwrap()[0].state, DayState::Final);
        browser.sees("was 1.00").await;
        browser.go("/admin/imports").await;
        let first = browser.driver.find_all(By::Css("tbody td a")).await.unwrap().pop().unwrap();
        let href = first.prop("href").await.unwrap().unwrap();
        browser.driver.goto(href).await.unwrap();
        browser.follow("Undo this import").await;
        browser.sees("Newer changes affect the same rows. Undo these first").await;
        browser.follow("a.csv (1 row of it)").await;
        browser.sees("fraud refund").await;
        browser.go("/admin/stats?from=2023-08-01&to=2023-08-01").await;
        browser.sees("Final").await;
        // On a narrow screen the campaign's name has that link instead.
        browser.driver.set_window_rect(0, 0, 1280, 900).await.unwrap();
        browser.follow("Edit").await;
        browser.sees("History").await;
        browser.sees("This day is marked final. Give a reason for the change.").await;
        assert_eq!(browser.driver.find_all(By::Css("tbody tr")).await.unwrap().len(), 2);
        browser.close().await;
    });
}
