//! The page Singular: from a day that differs to the reason, to the refresh request, and to its arrival.

use pitlane::domain::{Name, Os, Role, StoreId};
use pitlane::service::Actor;
use pitlane::service::catalogue::{self, Change};
use thirtyfour::prelude::*;

use crate::ahead::{ago, connector, connector_of, poll, state};
use crate::harness::{Browser, EMAIL, run, spawn_app};
use crate::imports::found;

/// A day as the page writes it.
fn written(days: u64) -> String {
    ago(days).format("%-d %b %Y").to_string()
}

#[test]
fn one_click_leads_from_home_stats_and_the_calendar_to_why_a_day_differs() {
    let app = spawn_app();
    found(&app, "USD");
    state(&app, &[1, 12, 20, 300], "1.5");
    let singular = connector(&app);
    poll(&app, &singular, 400);
    state(&app, &[12], "2.25");
    app.admit(EMAIL, Role::Admin);
    run(async {
        let browser = Browser::open(&app, false).await;
        browser.driver.set_window_rect(0, 0, 1280, 900).await.unwrap();
        browser.log_in(EMAIL).await;
        let title = format!("{}: needs a refresh request", written(12));
        let days = format!("/admin/stats?from={}&to={}&by=day", ago(20), ago(1));
        for (page, link) in [
            ("/admin/", format!("//a[@title='{title}']")),
            ("/admin/singular", format!("//a[@title='{title}']")),
            (&days, "//tr[contains(., '2.25') or contains(., '4.50')]/td[last()]/a".to_owned()),
            ("/admin/", "//a[normalize-space()='See the days']".to_owned()),
        ] {
            browser.go(page).await;
            browser.leave_by(&link).await;
            if page == "/admin/" && link.contains("See the days") {
                browser.leave_by(&format!("//table//a[normalize-space()='{}']", written(12))).await;
            }
            browser.sees(&title).await;
            // Who changed it, by which import, from which value to which.
            for text in ["stats.csv", "command line", "+1.50 USD", "Alpha", "Beta", "Ask Singular for a refresh"] {
                browser.sees(text).await;
            }
        }
        let one = format!("/admin/stats?from={}&to={}&by=campaign", ago(12), ago(12));
        browser.go(&one).await;
        browser.follow("What Singular was handed of this day").await;
        browser.sees(&title).await;
        browser.follow("Polls that asked for this day").await;
        browser.sees("Answered").await;
        browser.close().await;
    });
}

#[test]
fn a_day_names_who_renamed_switched_and_changed_the_store_id() {
    let app = spawn_app();
    found(&app, "USD");
    state(&app, &[12], "1.5");
    poll(&app, &connector(&app), 400);
    let by = |name: &str| Actor { name: name.to_owned(), address: None };
    let northwind = app.store.read(|txn| txn.advertiser_get("Northwind")).unwrap();
    let first = app.store.read(|txn| txn.offer_list(northwind.key)).unwrap();
    let first = first.iter().find(|offer| offer.name == "First").unwrap();
    let game = app.store.read(|txn| txn.app_list(northwind.key)).unwrap().remove(0);
    let change = |change: Change<'_>, who: &str| catalogue::change(&app.store, &northwind, &change, &by(who)).unwrap();
    change(Change::RenameOffer(first, &Name::parse("name", "Prime").unwrap()), "ben@example.com");
    catalogue::switch_offer(&app.store, "Northwind", "Second", false, &by("cleo@example.com")).unwrap();
    let store = StoreId::parse(Os::Android, "com.example.other").unwrap();
    change(Change::UpdateApp(&game, &Name::parse("name", &game.name).unwrap(), &store), "dan@example.com");
    let mut ada = app.person(EMAIL, Role::Viewer);
    let page = ada.get(&format!("/admin/singular/day?day={}", ago(12))).into_text();
    let rows: Vec<&str> = page.split("<tr>").collect();
    for (who, what) in [
        ("ben@example.com", "First is now Prime of Northwind"),
        ("ben@example.com", "It was called “First”, with cost reporting on"),
        ("cleo@example.com", "offer disable: Second of Northwind"),
        ("dan@example.com", "com.example.other"),
    ] {
        assert!(rows.iter().any(|row| row.contains(who) && row.contains(what)), "{who}, {what}: {page}");
    }
    assert!(!page.contains("not known"), "{page}");
    // A switch alone is named too, and what was handed over since is not.
    catalogue::switch_offer(&app.store, "Northwind", "Second", true, &by("cleo@example.com")).unwrap();
    poll(&app, &connector_of(&app, "Northwind", "after"), 400);
    catalogue::switch_offer(&app.store, "Northwind", "Second", false, &by("eve@example.com")).unwrap();
    let page = ada.get(&format!("/admin/singular/day?day={}", ago(12))).into_text();
    assert!(page.contains("eve@example.com"), "{page}");
    for other in ["ben@example.com", "cleo@example.com", "dan@example.com"] {
        assert!(!page.contains(other), "{other} changed nothing since: {page}");
    }
}

#[test]
fn a_request_is_copied_ticked_and_arrives() {
    let app = spawn_app();
    found(&app, "USD");
    state(&app, &[1, 12, 20, 300], "1.5");
    let singular = connector(&app);
    poll(&app, &singular, 400);
    state(&app, &[12, 20, 300], "2.25");
    app.admit(EMAIL, Role::Admin);
    run(async {
        let browser = Browser::open(&app, true).await;
        browser.driver.set_window_rect(0, 0, 1280, 900).await.unwrap();
        browser.log_in(EMAIL).await;
        browser.go("/admin/singular").await;
        browser.sees("Singular was handed everything but 3 days").await;
        let text = browser.text("#request-1").await;
        assert!(text.contains(&format!("for {} to {}", ago(20), ago(12))), "{text}");
        let copy = browser.driver.find(By::Css("button[data-copies=request-1]")).await.unwrap();
        assert!(copy.is_displayed().await.unwrap(), "the text can't be copied");
        browser.press("I sent it today").await;
        browser.sees("Noted. Singular takes up to 24 hours").await;
        browser.sees("Asked for on").await;
        browser.sees("not asked for since").await;
        assert!(browser.driver.find(By::XPath("//button[normalize-space()='I sent it today']")).await.is_err());
        std::thread::scope(|scope| scope.spawn(|| poll(&app, &singular, 25)).join()).unwrap();
        browser.go("/admin/singular").await;
        browser.sees("arrived").await;
        assert!(browser.driver.find(By::Css("#request-1")).await.is_err());
        // A day that is too old is listed with its sum, and can be accepted.
        browser.sees("1 day can’t be corrected in Singular").await;
        browser.sees("They differ by +1.50 USD in all.").await;
        browser.press("Leave them as they are").await;
        browser.sees("Singular was handed everything").await;
        browser.close().await;
    });
}
