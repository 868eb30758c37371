//! From an empty installation to the first report: counts how much a person clicks and fills in for a real export.

use pitlane::domain::Role;
use thirtyfour::prelude::*;

use crate::harness::{Browser, Counted, EMAIL, run, spawn_app};
use crate::imports::{fixture, held};

#[test]
fn a_real_export_becomes_the_first_report_in_nine_clicks_and_nine_fields() {
    run(async {
        for (name, publisher, rows, micros, days) in [
            ("google_ads", "Google", 5, 2_645_200_000, ("2023-08-01", "2023-08-31")),
            ("meta_ads", "Meta", 4, 311_070_000, ("2023-08-01", "2023-08-31")),
        ] {
            let app = spawn_app();
            app.admit(EMAIL, Role::Admin);
            let browser = Browser::open(&app, true).await;
            browser.log_in(EMAIL).await;
            browser.sees("Four steps to the first report").await;
            let mut person = Counted::new(&browser);
            person.follow("Import a file").await;
            person.fill("new_name", "Northwind").await;
            person.fields += 1;
            let path = fixture(&format!("exports/{name}.csv"));
            person.browser.driver.find(By::Id("file")).await.unwrap().send_keys(path).await.unwrap();
            person.press("Upload file").await;
            for (field, text) in [
                ("set-partner", publisher),
                ("set-offer_name", "Coin Game"),
                ("set-app", "Coin Game"),
                ("set-store_id", "com.example.coingame"),
                ("set-os", "ANDROID"),
            ] {
                person.fill(field, text).await;
            }
            person.click("//summary[normalize-space()='What to do with the rows']").await;
            person.click("//input[@name='create_missing']").await;
            person.press("Check import").await;
            person.browser.sees("Nothing has changed yet.").await;
            assert!(!person.browser.text("main").await.contains("To settle first"), "{name} was refused");
            person.press(&format!("Import {rows} rows")).await;
            person.follow("See these days in Stats").await;
            assert_eq!(person.browser.path().await, "/admin/stats");
            let url = person.browser.driver.current_url().await.unwrap();
            let asked: Vec<String> = url.query_pairs().map(|(name, value)| format!("{name}={value}")).collect();
            let (held_rows, _, held_micros, _) = held(&app);
            assert_eq!((held_rows, held_micros), (rows, micros), "{name}");
            let said = |key: &str| asked.iter().find_map(|pair| pair.strip_prefix(key)).unwrap_or_default().to_owned();
            let (from, to) = (said("from="), said("to="));
            assert!(days.0 <= from.as_str() && from <= to && to.as_str() <= days.1, "{asked:?}");
            person.browser.sees(&format!("{}", micros / 1_000_000 % 1000)).await;
            println!("{name}: {} clicks, {} fields", person.clicks, person.fields);
            assert!(person.clicks <= 9 && person.fields <= 9, "{} clicks, {} fields", person.clicks, person.fields);
            browser.close().await;
        }
    });
}
