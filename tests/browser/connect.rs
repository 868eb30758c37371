//! Connecting Singular and other partners on the pages.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Read as _;
use std::time::Instant;

use chrono::{Days, NaiveDate, Utc};
use pitlane::domain::{Name, Role};
use pitlane::service::{Actor, catalogue};
use thirtyfour::prelude::*;

use crate::common::http::Client;
use crate::harness::{App, Browser, Counted, EMAIL, PASSWORD, Person, run, spawn_app};
use crate::words::stock;

const LINK: &str = "https://northwind.sng.link/Abc12/wxyz?_smtype=3";
const REPORT: &str = "/api/v1/integrations/cost-report/singular/json";

fn stocked() -> (App, Person) {
    let app = spawn_app();
    stock(&app, "Coin Game");
    let ada = app.person(EMAIL, Role::Admin);
    (app, ada)
}

fn days_ago(days: u64) -> NaiveDate {
    Utc::now().date_naive().checked_sub_days(Days::new(days)).unwrap()
}

/// The text between two others.
fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before} in {text}"));
    rest.split(after).next().unwrap()
}

#[test]
fn a_feed_is_made_read_listed_and_revoked() {
    let (app, mut ada) = stocked();
    let page = ada.get("/admin/singular/feeds/new?format=kochava");
    for part in ["For Kochava", "a day that it reads twice counts twice", "was not tested with Kochava itself"] {
        assert!(page.text().contains(part), "{part}: {}", page.text());
    }
    let made = ada.submit(&page, &[("name", "Kochava"), ("days", "30"), ("partner", ""), ("life", "")]);
    let once = ada.follow(made);
    assert_eq!(once.status, 200, "{}", once.text());
    assert!(once.text().contains("counts each day 30 times"), "{}", once.text());
    let link = between(once.text(), "id=\"link\" class=\"secret\">", "<").to_owned();
    assert!(link.starts_with(&format!("{}/feeds/", app.origin)), "{link}");
    let path = link.strip_prefix(&app.origin).unwrap();
    let read = app.stranger().get(path);
    assert!(read.status == 200 && read.text().starts_with("date,campaign_id,"), "{} {}", read.status, read.text());
    // Sending the same form again makes no second feed.
    assert_eq!(app.store.read(|txn| txn.feed_list()).unwrap().len(), 1);
    app.wait_for(|db| db.query_row("select last_used_at is not null from feeds", (), |row| row.get(0)).unwrap());
    let list = ada.get("/admin/singular/feeds").into_text();
    assert!(list.contains("for Kochava") && list.contains("127.0.0.1") && list.contains("Live"), "{list}");
    assert!(!list.contains(path), "the list shows no link");
    let ask = ada.get(&between(&list, "href=\"/admin/singular/feeds/", "\"").replace("&#38;", "&").replacen(
        "",
        "/admin/singular/feeds/",
        1,
    ));
    assert!(ask.text().contains("It was last read"), "{}", ask.text());
    let done = ada.submit(&ask, &[]);
    assert!(ada.follow(done).text().contains("Revoked. It is refused from the next request on."));
    assert_eq!(app.stranger().get(path).status, 404);
}

#[test]
fn what_a_feed_can_not_be_is_told_beside_its_field() {
    let (_app, mut ada) = stocked();
    let page = ada.get("/admin/singular/feeds/new?format=generic");
    for (fields, words) in [
        (vec![("name", ""), ("days", "7"), ("partner", ""), ("life", "")], "name-error"),
        (vec![("name", "x"), ("days", "0"), ("partner", ""), ("life", "")], "days-error"),
        (vec![("name", "x"), ("from", "2026-02-02"), ("to", "2026-02-01"), ("partner", ""), ("life", "")], "to-error"),
    ] {
        let refused = ada.submit(&page, &fields);
        assert_eq!(refused.status, 422, "{fields:?}");
        assert!(refused.text().contains(words) && refused.text().contains("value=\"generic\""), "{}", refused.text());
    }
    assert_eq!(ada.get("/admin/singular/feeds/new?format=nonsense").status, 400);
}

#[test]
fn a_feeds_publisher_is_searched_where_there_are_many() {
    let (app, mut ada) = stocked();
    for number in 0..150 {
        let name = Name::parse("name", &format!("Publisher {number:03}")).unwrap();
        catalogue::create_publisher(&app.store, &name, &Actor::command_line()).unwrap();
    }
    let page = ada.get("/admin/singular/feeds/new?format=generic");
    assert!(page.text().contains("enter a name, a part of one, or an id") && page.text().len() < 20_000);
    let mut make = |partner: &str| {
        let answer = ada.submit(&page, &[("name", "Sheet"), ("days", "7"), ("partner", partner), ("life", "")]);
        ada.follow(answer).into_text()
    };
    for (partner, wrong) in [("publisher 01", "matches 10"), ("nobody", "There is no publisher “nobody”")] {
        let refused = make(partner);
        assert!(refused.contains("partner-error") && refused.contains(wrong), "{refused}");
    }
    make("blisher 017");
    let only: String = app
        .database()
        .query_row("select publishers.name from publishers join feeds using (publisher_key)", (), |row| row.get(0))
        .unwrap();
    assert_eq!(only, "Publisher 017");
}

#[test]
fn links_are_made_and_checked() {
    let (_app, mut ada) = stocked();
    let encoded: String = form_urlencoded::byte_serialize(LINK.as_bytes()).collect();
    let page = ada.get(&format!("/admin/singular/links?link={encoded}")).into_text();
    let link = between(&page, "<code>https://northwind", "</code>").replace("&#38;", "&");
    assert!(link.contains("&pcid=") && link.contains("&pcn=Coin%20Game&psid="), "{link}");
    let csv = ada.get(&format!("/admin/singular/links.csv?link={encoded}"));
    assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"tracking-links.csv\""));
    assert!(csv.text().contains(&link), "{}", csv.text());
    let mut verdict = |link: &str| {
        let used: String = form_urlencoded::byte_serialize(link.as_bytes()).collect();
        let page = ada.get(&format!("/admin/singular/links?link={encoded}&verify={used}")).into_text();
        between(&page, "id=\"verdict\">", "</main>").to_owned()
    };
    let right = format!("https://northwind{link}");
    assert!(verdict(&right).starts_with("The link is right. It names campaign “Coin Game”"), "{}", verdict(&right));
    let wrong = verdict(&right.replace("pcn=Coin", "pcn=Con").replace("Abc12", "Abc13"));
    assert!(wrong.starts_with("2 wrong in this link") && wrong.contains("Singular shows two campaigns"), "{wrong}");
    assert!(wrong.contains("counts its clicks for another app"), "{wrong}");
    for nonsense in ["ftp://x", "no link"] {
        let used: String = form_urlencoded::byte_serialize(nonsense.as_bytes()).collect();
        let page = ada.get(&format!("/admin/singular/links?link={used}"));
        assert!(page.status == 200 && page.text().contains("id=\"link-error\""), "{}", page.text());
    }
}

#[test]
fn the_check_shows_what_it_found_and_the_connect_page_knows_it() {
    let (app, mut ada) = stocked();
    let done = |page: &str, step: &str| {
        page.split(step).nth(1).is_some_and(|rest| rest.trim_start().starts_with("<span class=\"good\">Done"))
    };
    let page = ada.get("/admin/singular/connect").into_text();
    assert!(!done(&page, "Be reached from outside") && page.contains("Not checked yet."), "{page}");
    let ran = ada.post("/admin/singular/check", &[]);
    let page = ada.follow(ran).into_text();
    assert!(page.contains("Check from outside: all 8 checks passed") && page.contains("Checked."), "{page}");
    assert!(page.contains("92 single days in a row have the same rows"), "{page}");
    let page = ada.get("/admin/singular/connect").into_text();
    assert!(done(&page, "Be reached from outside"), "{page}");
    // A check of another address says nothing about this one.
    app.database().execute("update checks set url = 'https://old.example'", ()).unwrap();
    assert!(!done(&ada.get("/admin/singular/connect").into_text(), "Be reached from outside"));
}

#[test]
fn a_packet_is_downloaded_and_its_sandbox_is_told_of_when_it_is_read() {
    let (app, mut ada) = stocked();
    let files = |zip: &[u8]| {
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(zip)).unwrap();
        let count = zip.len();
        let read = |at| {
            let (mut file, mut text) = (zip.by_index(at).unwrap(), String::new());
            file.read_to_string(&mut text).unwrap();
            (file.name().unwrap().into_owned(), text)
        };
        (0..count).map(read).collect::<BTreeMap<_, _>>()
    };
    ada.get("/admin/singular/connect");
    let packet = ada.post("/admin/singular/packet", &[("contact", "Ada Lovelace")]);
    assert_eq!(packet.header("content-disposition"), Some("attachment; filename=\"singular-packet-coin-game.zip\""));
    assert_eq!(packet.header("cache-control"), Some("no-store"));
    let files = files(&packet.body);
    let document = &files["singular-packet-coin-game/packet.html"];
    for part in ["Ada Lovelace", "EUR", "Europe/Berlin", app.origin.as_str()] {
        assert!(document.contains(part), "{part}: {document}");
    }
    assert_eq!(files.len(), 7);
    let page = ada.get("/admin/singular/connect").into_text();
    assert!(page.contains("Nobody has read its sandbox yet."), "{page}");
    let token = between(document, "Authorization: ApiToken ", "<");
    let (from, to) = (days_ago(7), days_ago(1));
    let answer = Client::at(&app.origin).with(token).get(&format!("{REPORT}?date_from={from}&date_to={to}"));
    assert_eq!((answer.status, answer.json()["data"]["items"].as_array().unwrap().len()), (200, 7 * 6));
    app.wait_for(|db| {
        db.query_row("select count(*) from api_tokens where last_used_at > 0", (), |row| row.get::<_, i64>(0)).unwrap()
            == 1
    });
    let page = ada.get("/admin/singular/connect").into_text();
    assert!(page.contains("Its sandbox was last read") && page.contains("from 127.0.0.1"), "{page}");
    for path in ["/admin/tokens", "/admin/polls", "/admin/"] {
        let page = ada.get(path).into_text();
        assert!(!page.contains("sandbox of the packet") && !page.contains("Sandbox Racer"), "{path}: {page}");
    }
    let refused = ada.post("/admin/singular/packet", &[("contact", " ")]);
    assert_eq!(refused.status, 422, "{}", refused.text());
}

/// Acts as Singular: polls three months day by day, as a first connect does, then yesterday with the week before.
fn singular(origin: &str, token: &str) {
    let client = Client::at(origin).with(token);
    for days in (1..=92).rev() {
        let day = days_ago(days);
        assert_eq!(
            client.get_with(&format!("{REPORT}?date_from={day}&date_to={day}"), "User-Agent", "Singular").status,
            200
        );
    }
}

#[test]
fn from_an_empty_appliance_to_a_connected_one() {
    run(async {
        let app = spawn_app();
        let browser = Browser::open(&app, true).await;
        let since = Instant::now();
        let mut hand = Counted::new(&browser);
        browser.go(&app.setup_path()).await;
        for (name, text) in [("email", EMAIL), ("new_password", PASSWORD)] {
            hand.fill(name, text).await;
        }
        hand.press("Create the account").await;
        hand.follow("Add an advertiser").await;
        for (name, text) in [("name", "Northwind"), ("currency", "EUR"), ("time_zone", "UTC")] {
            hand.fill(name, text).await;
        }
        hand.press("Add advertiser").await;
        let mut rows = "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n".to_owned();
        for days in 1..=91 {
            let day = days_ago(days);
            writeln!(rows, "{day},AOS_TEST,Lumen,{days},{days}.5,Coin Game,Coin Game,com.example.coingame,ANDROID")
                .unwrap();
        }
        let file = app.dir.path().join("three-months.csv");
        std::fs::write(&file, rows).unwrap();
        hand.follow("Home").await;
        hand.follow("Import a file").await;
        hand.fields += 1;
        browser.driver.find(By::Id("file")).await.unwrap().send_keys(file.to_str().unwrap()).await.unwrap();
        hand.press("Upload file").await;
        hand.press("Check import").await;
        while !browser.text("main").await.contains("Import 91 rows") {
            assert!(hand.clicks < 12, "{}", browser.text("main").await);
            hand.clicks += 1;
            browser.leave_by("//main//button[starts-with(normalize-space(), 'Create')]").await;
        }
        hand.press("Import 91 rows").await;
        hand.follow("Home").await;
        hand.follow("Connect Singular").await;
        browser.sees("Connect Singular: 1 of 6 steps done").await;
        hand.press("Check from outside").await;
        browser.sees("checks passed").await;
        hand.follow("Connect").await;
        hand.press("Generate token for a year").await;
        let token = browser.text("#token").await;
        hand.follow("Go on connecting Singular").await;
        hand.clicks += 1;
        browser
            .driver
            .find(By::XPath("//button[normalize-space()='Download packet']"))
            .await
            .unwrap()
            .click()
            .await
            .unwrap();
        app.wait_for(|db| {
            db.query_row("select count(*) from sandbox_tokens", (), |row| row.get::<_, i64>(0)).unwrap() == 1
        });
        let by_hand = since.elapsed();
        let origin = app.origin.clone();
        tokio::task::spawn_blocking(move || singular(&origin, &token)).await.unwrap();
        app.wait_for(|db| {
            db.query_row("select count(*) from polls where user_agent = 'Singular'", (), |row| row.get::<_, i64>(0))
                .unwrap()
                == 92
        });
        browser.go("/admin/singular/connect").await;
        browser.sees("Northwind is connected with Singular").await;
        let done = browser.driver.find_all(By::Css(".steps .is-done")).await.unwrap();
        assert_eq!(done.len(), 6, "{}", browser.text("main").await);
        browser.sees("from 127.0.0.1 by “Singular”").await;
        println!(
            "from an empty appliance to “Connect” all ticked: {} clicks, {} fields, {:.1} s of a script's time",
            hand.clicks,
            hand.fields,
            by_hand.as_secs_f32()
        );
        browser.close().await;
    });
}

#[test]
fn a_token_is_bound_to_a_network_and_a_poll_from_elsewhere_is_told() {
    run(async {
        let app = spawn_app();
        stock(&app, "Coin Game");
        app.admit(EMAIL, Role::Admin);
        let browser = Browser::open(&app, true).await;
        browser.log_in(EMAIL).await;
        browser.go("/admin/tokens/new").await;
        browser.fill("name", "Singular connector").await;
        browser.press("Generate token").await;
        let token = browser.text("#token").await;
        browser.go("/admin/tokens").await;
        browser.follow("Networks").await;
        browser.fill("networks", "203.0.113.0/33").await;
        browser.press("Save networks").await;
        browser.sees("a network such as 203.0.113.0/24").await;
        browser.fill("networks", "203.0.113.0/24").await;
        browser.press("Save networks").await;
        let (origin, day) = (app.origin.clone(), days_ago(1));
        let poll = move |from: &'static str| {
            let client = Client::at(&origin).with(&token);
            client.get_with(&format!("{REPORT}?date_from={day}&date_to={day}"), "X-Forwarded-For", from).status
        };
        let statuses = tokio::task::spawn_blocking(move || (poll("203.0.113.9"), poll("198.51.100.4"))).await.unwrap();
        assert_eq!(statuses, (200, 403));
        app.wait_for(|db| db.query_row("select count(*) from polls", (), |row| row.get::<_, i64>(0)).unwrap() == 2);
        browser.go("/admin/").await;
        browser.sees("“Singular connector” was used from 198.51.100.4, which is not on its list of networks").await;
        browser.go("/admin/polls").await;
        browser.sees("Refused: not allowed").await;
        // The page offers the addresses that were seen.
        browser.go("/admin/tokens").await;
        browser.follow("Networks").await;
        browser.sees("Its polls came from 203.0.113.9.").await;
        browser.close().await;
    });
}
