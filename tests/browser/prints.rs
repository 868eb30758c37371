//! Pages on paper: no menus and no buttons, unbroken dates, and a line that says whose figures of which days were printed
//! when.

use std::fmt::Write as _;

use pitlane::domain::Role;
use serde_json::{Value, json};
use thirtyfour::common::print::PrintParameters;

use crate::ahead::{ago, connector, poll, state};
use crate::harness::{Browser, EMAIL, run, spawn_app};
use crate::imports::{found, import_file};
use crate::pdf;
use crate::words::stock;

const SEEN: &str = "const shown = (one) => one.getClientRects().length > 0;
    return {
        pressed: [...document.querySelectorAll('nav a, button, select, input')].filter(shown).map((one) => one.outerHTML),
        heads: [...document.querySelectorAll('thead th')].filter(shown).map((one) => one.innerText),
        text: document.body.innerText,
        day: Math.max(0, ...[...document.querySelectorAll('tbody th:not(.name)')].map((one) => one.getBoundingClientRect().height)),
        wide: document.documentElement.scrollWidth - innerWidth,
    };";

#[test]
fn lists_on_paper_have_no_menus_and_say_whose_they_are_and_what_was_chosen() {
    run(async {
        let app = spawn_app();
        let name = "Söhne_".repeat(5);
        found(&app, "USD");
        stock(&app, &name);
        app.admit(EMAIL, Role::Admin);
        let browser = Browser::open(&app, true).await;
        browser.log_in(EMAIL).await;
        let advertisers = app.store.read(|txn| txn.advertiser_list()).unwrap();
        let id = advertisers.iter().find(|one| one.name == name).unwrap().id;
        let tool = browser.driver.cdp();
        // As wide as a sheet of paper without its margins.
        let size = json!({"width": 680, "height": 900, "deviceScaleFactor": 1, "mobile": false});
        for (path, says) in [
            ("stats?by=rows&search=hne", "Search: hne"),
            ("stats?by=campaign", "69.50 EUR and 100 clicks"),
            ("stats/statement?by=campaign", "Printed"),
            ("catalogue/offers?search=", "Offers"),
        ] {
            browser.go(&format!("/admin/{path}&advertiser={id}")).await;
            tool.send_raw("Emulation.setEmulatedMedia", json!({"media": "print"})).await.unwrap();
            tool.send_raw("Emulation.setDeviceMetricsOverride", size.clone()).await.unwrap();
            let seen = browser.driver.execute(SEEN, Vec::new()).await.unwrap().json().clone();
            let text = seen["text"].as_str().unwrap();
            assert_eq!(seen["pressed"], json!([]), "{path}");
            assert!(text.contains(says) && text.contains("Printed") && text.contains(&name), "{path}: {text}");
            let heads = seen["heads"].as_array().unwrap();
            assert!(!heads.contains(&Value::from("Change")), "{path} prints a column of verbs: {heads:?}");
            if path.contains("by=rows") {
                assert!(heads.contains(&Value::from("Day")) && heads.contains(&Value::from("Cost, EUR")), "{heads:?}");
            }
            assert!(!["Edit", "Turn off"].iter().any(|verb| text.lines().any(|line| line.trim() == *verb)), "{text}");
            assert!(seen["wide"].as_f64().unwrap() <= 0.0, "{path} is wider than the sheet: {}", seen["wide"]);
            if path.contains("by=rows") {
                assert!(seen["day"].as_f64().unwrap() < 80.0, "{path}: a day is broken into letters: {}", seen["day"]);
            }
            tool.send_raw("Emulation.setEmulatedMedia", json!({"media": ""})).await.unwrap();
        }
        browser.close().await;
    });
}

#[test]
fn a_statement_as_pdf_has_numbered_pages_with_heads_and_each_campaign_once() {
    run(async {
        let app = spawn_app();
        found(&app, "USD");
        let day = ago(40);
        let mut csv = "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n".to_owned();
        for number in 0..120 {
            writeln!(csv, "{day},Kampagne_{number:03},Lumen,1,1.5,First,Game,com.example.game,ANDROID").unwrap();
        }
        import_file(&app, "Northwind", "stats.csv", csv);
        app.admit(EMAIL, Role::Viewer);
        let browser = Browser::open(&app, true).await;
        browser.log_in(EMAIL).await;
        browser.go(&format!("/admin/stats/statement?month={}", day.format("%Y-%m"))).await;
        let pages = pdf::pages(&browser.driver.print_page(PrintParameters::default()).await.unwrap());
        let count = pages.len();
        assert!((3..=8).contains(&count), "{count} pages");
        for (at, page) in pages.iter().enumerate() {
            let words: Vec<&str> = page.split_whitespace().take(3).collect();
            assert_eq!(words, [&(at + 1).to_string(), "/", &count.to_string()], "{page}");
            let rows = page.matches("Kampagne_").count();
            let heads = ["Campaign\n", "Clicks\n", "Conversions\n", "Cost, USD\n"];
            assert!(rows == 0 || heads.iter().all(|head| page.contains(head)), "page {} lacks heads: {page}", at + 1);
        }
        let text = pages.concat();
        for number in 0..120 {
            assert_eq!(text.matches(&format!("Kampagne_{number:03}")).count(), 1, "campaign {number}: {text}");
        }
        for once in ["Statement, ", "Provisional: none of 1 day is", "Northwind\n"] {
            assert!(pages[0].contains(once), "the first page lacks {once}: {}", pages[0]);
        }
        assert_eq!(text.matches("180.00").count(), 2, "the sum stands at the head and below the rows: {text}");
        for verb in ["Show", "Earlier month", "Log out", "Tokens"] {
            assert!(!text.lines().any(|line| line == verb), "{verb} is printed: {text}");
        }
        browser.close().await;
    });
}

#[test]
fn a_polls_cost_is_said_in_full_on_home_and_on_its_page() {
    let app = spawn_app();
    found(&app, "USD");
    state(&app, &[1], "1.5");
    poll(&app, &connector(&app), 7);
    app.database().execute("update polls set cost_micros = 5500000000000000000", ()).unwrap();
    let mut ada = app.person(EMAIL, Role::Viewer);
    let home = ada.get("/admin/").into_text();
    assert!(home.contains("with a cost of 5,500,000,000,000.00 USD"), "{home}");
    app.database().execute("update polls set cost_micros = 58705229957", ()).unwrap();
    let poll: i64 = app.database().query_row("select max(poll_key) from polls", (), |row| row.get(0)).unwrap();
    let page = ada.get(&format!("/admin/polls/{poll}")).into_text();
    assert!(page.contains("58,705.229957 USD"), "{page}");
}
