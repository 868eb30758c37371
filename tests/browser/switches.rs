//! Controls without text: colours, advertisers, a day of a chart, the sums of a narrow table.

use std::time::{Duration, Instant};

use pitlane::domain::{Currency, Name, Role};
use pitlane::service::Actor;
use pitlane::service::catalogue;
use serde_json::json;
use thirtyfour::prelude::*;

use crate::harness::{Browser, EMAIL, run, spawn_app};
use crate::stats::press;
use crate::words::stock;

async fn ground(browser: &Browser) -> String {
    browser.driver.find(By::Css("body")).await.unwrap().css_value("background-color").await.unwrap()
}

async fn colours(scripts: bool) {
    let app = spawn_app();
    app.admit(EMAIL, Role::Viewer);
    let browser = Browser::open(&app, scripts).await;
    browser.log_in(EMAIL).await;
    browser.go("/admin/polls").await;
    let mut seen = Vec::new();
    for choice in ["Dark", "Light", "System"] {
        browser.leave_by(&format!("//footer//button[normalize-space()='{choice}']")).await;
        assert_eq!(browser.path().await, "/admin/polls");
        assert_eq!(browser.text("footer button[aria-pressed=true]").await, choice);
        seen.push(ground(&browser).await);
        browser.go("/admin/audit").await;
        assert_eq!(&ground(&browser).await, seen.last().unwrap(), "{choice} was forgotten on the next page");
        browser.go("/admin/polls").await;
    }
    assert_ne!(seen[0], seen[1]);
    let system = json!({"features": [{"name": "prefers-color-scheme", "value": "dark"}]});
    browser.driver.cdp().send_raw("Emulation.setEmulatedMedia", system).await.unwrap();
    assert_eq!(ground(&browser).await, seen[0], "the system's choice is not followed");
    browser.close().await;
}

#[test]
fn colours_are_switched_and_kept() {
    run(colours(true));
}

#[test]
fn colours_are_switched_without_scripts() {
    run(colours(false));
}

#[test]
fn the_advertiser_is_switched_and_stays_chosen() {
    run(async {
        let app = spawn_app();
        stock(&app, "Coin Game");
        let (name, currency) = (Name::parse("name", "Zephyr").unwrap(), Currency::parse("JPY").unwrap());
        let zone = "Asia/Tokyo".parse().unwrap();
        catalogue::create_advertiser(&app.store, &name, currency, zone, &Actor::command_line()).unwrap();
        app.admit(EMAIL, Role::Admin);
        for scripts in [true, false] {
            let browser = Browser::open(&app, scripts).await;
            browser.log_in(EMAIL).await;
            browser.go("/admin/catalogue/apps").await;
            browser.sees("com.example.coingame").await;
            let zephyr = "//header//option[normalize-space()='Zephyr']";
            if scripts {
                browser.leave_by(zephyr).await;
            } else {
                browser.driver.find(By::XPath(zephyr)).await.unwrap().click().await.unwrap();
                browser.leave_by("//header//button[normalize-space()='Show']").await;
            }
            assert_eq!(browser.path().await, "/admin/catalogue/apps");
            browser.sees("Nothing here yet").await;
            browser.sees("Times are shown in Asia/Tokyo, the zone of Zephyr").await;
            browser.follow("Stats").await;
            browser.sees("the zone of Zephyr").await;
            browser.close().await;
        }
    });
}

#[test]
fn arrow_keys_pass_other_advertisers_on_their_way() {
    run(async {
        let app = spawn_app();
        stock(&app, "Coin Game");
        let (currency, zone) = (Currency::parse("JPY").unwrap(), "Asia/Tokyo".parse().unwrap());
        for name in ["Yonder", "Zephyr"] {
            let name = Name::parse("name", name).unwrap();
            catalogue::create_advertiser(&app.store, &name, currency, zone, &Actor::command_line()).unwrap();
        }
        app.admit(EMAIL, Role::Admin);
        let browser = Browser::open(&app, true).await;
        browser.log_in(EMAIL).await;
        browser.go("/admin/stats").await;
        let old = browser.driver.find(By::Css("html")).await.unwrap();
        let choice = browser.driver.find(By::Id("advertiser-switch")).await.unwrap();
        choice.send_keys(Key::Down + Key::Down).await.unwrap();
        assert_eq!(choice.prop("selectedIndex").await.unwrap().as_deref(), Some("2"));
        press(&browser, Key::Tab).await;
        press(&browser, Key::Enter).await;
        let deadline = Instant::now() + Duration::from_secs(20);
        while old.tag_name().await.is_ok() {
            assert!(Instant::now() < deadline, "the choice led nowhere");
        }
        browser.sees("the zone of Zephyr").await;
        browser.close().await;
    });
}

#[test]
fn a_day_of_a_chart_is_told_under_the_pointer_and_by_keyboard_without_scripts() {
    run(async {
        let app = spawn_app();
        stock(&app, "Coin Game");
        app.admit(EMAIL, Role::Viewer);
        let browser = Browser::open(&app, false).await;
        browser.log_in(EMAIL).await;
        let shown = async || {
            let mut words = Vec::new();
            for span in browser.driver.find_all(By::Css(".columns span")).await.unwrap() {
                if span.css_value("opacity").await.unwrap() == "1" {
                    words.push(span.text().await.unwrap());
                }
            }
            words
        };
        assert_eq!(shown().await, Vec::<String>::new());
        let days = browser.driver.find_all(By::Css(".chart:first-child .columns label")).await.unwrap();
        let yesterday = &days[days.len() - 1];
        browser.driver.action_chain().move_to_element_center(yesterday).perform().await.unwrap();
        let [words] = &shown().await[..] else { panic!("{:?}", shown().await) };
        assert!(words.ends_with(": 69.50 EUR"), "{words}");
        let first = browser.driver.find(By::Css(".columns input")).await.unwrap();
        let elsewhere = browser.driver.find(By::Css("h2")).await.unwrap();
        browser.driver.action_chain().move_to_element_center(&elsewhere).perform().await.unwrap();
        first.send_keys(Key::Left).await.unwrap();
        assert_eq!(shown().await.as_slice(), std::slice::from_ref(words), "the arrow keys do not lead from day to day");
        browser.close().await;
    });
}

#[test]
fn on_a_narrow_screen_rows_show_day_campaign_and_cost_and_nothing_scrolls_sideways() {
    run(async {
        let app = spawn_app();
        stock(&app, &"Söhne_".repeat(30));
        app.admit(EMAIL, Role::Admin);
        let browser = Browser::open(&app, false).await;
        let size = json!({"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": false});
        browser.driver.cdp().send_raw("Emulation.setDeviceMetricsOverride", size).await.unwrap();
        browser.log_in(EMAIL).await;
        for path in [
            "/admin/stats?by=rows",
            "/admin/stats",
            "/admin/catalogue/campaigns",
            "/admin/catalogue/publishers",
            "/admin/",
        ] {
            browser.go(path).await;
            let wide = "const boxes = [document.documentElement, ...document.querySelectorAll('.scroll')];
                return boxes.some((box) => box.scrollWidth > box.clientWidth);";
            let is_wide = browser.driver.execute(wide, Vec::new()).await.unwrap().json().clone();
            assert_eq!(is_wide, json!(false), "{path}");
        }
        browser.go("/admin/stats?by=rows").await;
        for words in ["69.50 EUR and 100 clicks", "100 clicks, 0.6950 each"] {
            browser.sees(words).await;
        }
        let cost = browser.driver.find(By::XPath("//tbody//td[normalize-space()='69.50']")).await.unwrap();
        let place = cost.rect().await.unwrap();
        assert!(place.x + place.width <= 360.0 && place.width > 0.0, "{place:?}");
        let place = browser.driver.find(By::LinkText("Edit")).await.unwrap().rect().await.unwrap();
        assert!(place.x + place.width <= 360.0 && place.width > 0.0, "Edit stands at {place:?}");
        browser.close().await;
    });
}
