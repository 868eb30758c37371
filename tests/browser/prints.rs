//! Pages on paper: no menus and no buttons, unbroken dates, and a line that says whose figures of which days were printed
//! when.

use pitlane::domain::Role;
use serde_json::{Value, json};

use crate::ahead::{connector, poll, state};
use crate::harness::{Browser, EMAIL, run, spawn_app};
use crate::imports::found;
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
