//! From an empty installation to the first report: counts how much a person clicks and fills in for a real export.

use thirtyfour::prelude::*;

use crate::harness::{Browser, Counted, EMAIL, PASSWORD, run, spawn_app};
use crate::imports::{ads_export, fixture, held};

#[test]
fn a_real_export_becomes_the_first_report_in_nine_clicks_and_nine_fields() {
    run(async {
        let whole = |micros: i64| micros / 1_000_000 % 1000;
        for (name, publisher, rows, micros, is_per_ad) in [
            ("exports/google_ads.csv", "Google", 5, 2_645_200_000, false),
            ("exports/meta_ads.csv", "Meta", 4, 311_070_000, false),
            ("ads_export.csv", "Facebook", ads_export().0, ads_export().2, true),
        ] {
            let app = spawn_app();
            let browser = Browser::open(&app, true).await;
            browser.go(&app.setup_path()).await;
            let mut person = Counted::new(&browser);
            person.fill("email", EMAIL).await;
            person.fill("new_password", PASSWORD).await;
            person.press("Create the account").await;
            browser.sees("Four steps to the first report").await;
            person.follow("Import a file").await;
            person.fill("new_name", "Northwind").await;
            person.fields += 1;
            browser.driver.find(By::Id("file")).await.unwrap().send_keys(fixture(name)).await.unwrap();
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
            person.press("Check import").await;
            browser.sees("Nothing has changed yet.").await;
            person.clicks += 1;
            browser.leave_by("//main//button[starts-with(normalize-space(), 'Create')]").await;
            if is_per_ad {
                person.press("Add them up").await;
            }
            person.press(&format!("Import {rows} rows")).await;
            person.follow("See these days in Stats").await;
            assert_eq!(browser.path().await, "/admin/stats");
            let (held_rows, _, held_micros, _) = held(&app);
            assert_eq!(held_micros, micros, "{name}: {held_rows} rows");
            let url = browser.driver.current_url().await.unwrap();
            assert!(url.query().unwrap_or_default().contains("from=2023-08-"), "{url}");
            browser.sees(&whole(micros).to_string()).await;
            println!("{name}: {} clicks, {} fields", person.clicks, person.fields);
            assert!(person.clicks <= 9 && person.fields <= 9, "{} clicks, {} fields", person.clicks, person.fields);
            browser.close().await;
        }
    });
}
