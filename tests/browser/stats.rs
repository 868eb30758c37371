//! Questions to the Stats page: which campaign cost most, how a month differs from the one before, which rows are behind a
//! figure.

use std::fmt::Write as _;

use pitlane::domain::Role;
use pitlane::service::Actor;
use thirtyfour::prelude::*;

use crate::harness::{App, Browser, EMAIL, PASSWORD, Person, run, spawn_app};
use crate::imports::import_file;
use crate::words::stock;

/// Two campaigns at two publishers in September and October 2026; in all 60 campaigns with a row on 2 November.
fn filled() -> (App, Person) {
    let app = spawn_app();
    let mut csv = "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n".to_owned();
    let mut add = |day: &str, campaign: &str, partner: &str, clicks: u32, cost: &str| {
        let offer = if campaign == "Alpha" { "First" } else { "Second" };
        writeln!(csv, "{day},{campaign},\"{partner}\",{clicks},{cost},{offer},Game,com.example.game,ANDROID").unwrap();
    };
    add("2026-09-10", "Alpha", "Lumen", 100, "50");
    add("2026-09-11", "Beta", "Orbit", 10, "70");
    add("2026-10-05", "Alpha", "Lumen", 100, "100");
    add("2026-10-06", "Alpha", "Orbit", 50, "20.5");
    add("2026-10-06", "Beta", "Lumen", 10, "30");
    for number in 1..=60 {
        add("2026-11-02", &format!("Gamma {number:02}"), "Söhne, Ümit", 1, &number.to_string());
    }
    let currency = pitlane::domain::Currency::parse("EUR").unwrap();
    let (name, actor) = (pitlane::domain::Name::parse("name", "Northwind").unwrap(), Actor::command_line());
    pitlane::service::catalogue::create_advertiser(&app.store, &name, currency, "UTC".parse().unwrap(), &actor)
        .unwrap();
    import_file(&app, "Northwind", "stats.csv", csv);
    let ada = app.person(EMAIL, Role::Admin);
    (app, ada)
}

/// The cells of the page's table, row by row, without mark-up.
fn table(page: &str) -> Vec<Vec<String>> {
    let body =
        page.split("<tbody>").nth(1).unwrap_or_else(|| panic!("no table on {page}")).split("</tbody>").next().unwrap();
    let bare = |cell: &str| {
        let mut text = String::new();
        let mut in_tag = false;
        for c in cell.split_once('>').unwrap().1.chars() {
            match c {
                '<' => in_tag = true,
                '>' => in_tag = false,
                _ if !in_tag => text.push(c),
                _ => {}
            }
        }
        text.trim().to_owned()
    };
    let row = |row: &str| row.replace("<th scope", "<td scope").split("<td").skip(1).map(bare).collect::<Vec<_>>();
    body.split("<tr>").skip(1).map(row).collect()
}

#[test]
fn which_campaign_cost_most_and_how_much_more_than_the_month_before() {
    let (_app, mut ada) = filled();
    let page = ada.get("/admin/stats?from=2026-10-01&to=2026-10-31&by=campaign").into_text();
    assert!(page.contains("<h1>150.50 EUR and 160 clicks</h1>"), "{page}");
    assert!(page.contains("October 2026 · 25.4 % more cost than September 2026"), "{page}");
    let rows = table(&page);
    assert!(rows[0][0].starts_with("Alpha First"), "{rows:?}");
    assert_eq!(rows[0][1..5], ["120.50", "80 %", "▲ 141 %", "150"]);
    assert_eq!(rows[1][1..5], ["30.00", "20 %", "▼ 57.1 %", "10"]);
    for (by, first, cost) in [("offer", "First", "120.50"), ("publisher", "Lumen", "130.00"), ("app", "Game", "150.50")]
    {
        let rows = table(ada.get(&format!("/admin/stats?from=2026-10-01&to=2026-10-31&by={by}")).text());
        assert!(rows[0][0].starts_with(first) && rows[0][1] == cost, "{by}: {rows:?}");
    }
    let rows = table(ada.get("/admin/stats?range=all&by=month").text());
    let months: Vec<_> = rows.iter().map(|row| (row[0].split(" 2026").next().unwrap(), row[1].as_str())).collect();
    assert_eq!(months, [("November", "1,830.00"), ("October", "150.50"), ("September", "120.00")]);
    // The same from stored sums of whole months, from single days, and with a filter.
    for (query, cost) in [
        ("range=all&by=campaign&search=alpha", "170.50"),
        ("from=2026-09-01&to=2026-10-31&by=publisher&search=orbit", "90.50"),
        ("from=2026-09-05&to=2026-11-30&by=campaign&search=ALPHA", "170.50"),
        ("from=2026-09-05&to=2026-11-30&by=week&search=alpha", "170.50"),
        ("range=all&by=campaign&search=söhne", "1,830.00"),
    ] {
        let page = ada.get(&format!("/admin/stats?{query}")).into_text();
        assert!(page.contains(&format!("<h1>{cost} EUR")), "{query}: {page}");
    }
}

#[test]
fn long_lists_come_by_pages_sorted_by_any_column() {
    let (_app, mut ada) = filled();
    let all = "/admin/stats?from=2026-11-02&to=2026-11-02&by=campaign";
    let first = ada.get(all).into_text();
    assert_eq!(table(&first).len(), 50);
    assert!(first.contains("1 to 50 of 60 campaigns"), "{first}");
    assert!(table(&first)[0][0].starts_with("Gamma 60"));
    let second = table(ada.get(&format!("{all}&page=2")).text());
    assert_eq!((second.len(), second[9][1].as_str()), (10, "1.00"));
    let by_name = table(ada.get(&format!("{all}&sort=name")).text());
    assert!(by_name[0][0].starts_with("Gamma 01"), "{by_name:?}");
    let cheapest = table(ada.get(&format!("{all}&sort=cost")).text());
    assert_eq!(cheapest[0][1], "1.00");
    let campaigns = ada.get("/admin/catalogue/campaigns?sort=-0").into_text();
    assert!(
        campaigns.contains("1 to 50 of 62 campaigns") && table(&campaigns)[0][0].starts_with("Gamma 60"),
        "{campaigns}"
    );
    let found = table(ada.get("/admin/catalogue/campaigns?search=gAMMA+07").text());
    assert_eq!(found.len(), 1);
}

#[test]
fn days_without_stats_lead_to_those_that_have_some() {
    let (_app, mut ada) = filled();
    let page = ada.get("/admin/stats?from=2020-01-01&to=2020-01-31&by=day").into_text();
    assert!(page.contains("There are no stats for these days") && page.contains("Show November 2026"), "{page}");
    assert!(
        page.contains("from=2026-11-01&#38;to=2026-11-02") || page.contains("from=2026-11-01&amp;to=2026-11-02"),
        "{page}"
    );
    let page = ada.get("/admin/stats?from=2026-11-20&to=2026-11-10").into_text();
    assert!(page.contains("The first day, 20 Nov 2026, must not be after the last day, 10 Nov 2026."), "{page}");
}

#[test]
fn a_word_in_the_address_that_chooses_nothing_is_told() {
    let (_app, mut ada) = filled();
    for (query, told) in [
        ("range=90d", "“90d” isn't a choice of days, so the usual one is shown. Choose one of yesterday, 7d, 30d"),
        ("by=network", "“network” isn't a grouping, so the usual one is shown. Choose one of day, week"),
        ("sort=-price", "“price” isn't a column to sort by, so"),
    ] {
        let page = ada.get(&format!("/admin/stats?{query}")).into_text();
        assert!(page.replace("&#39;", "'").contains(told), "{query}: {page}");
        let csv = ada.get(&format!("/admin/stats.csv?{query}"));
        assert_eq!(csv.status, 400, "{query}: {}", csv.text());
    }
}

#[test]
fn a_download_holds_what_is_shown_for_programs_and_for_spreadsheets() {
    let (_app, mut ada) = filled();
    let days = "from=2026-10-01&to=2026-10-31&by=campaign";
    let plain = ada.get(&format!("/admin/stats.csv?{days}"));
    assert_eq!(
        plain.header("content-disposition"),
        Some("attachment; filename=\"pitlane-stats_northwind_2026-10-01_2026-10-31_by-campaign.csv\"")
    );
    let mut rows = csv::Reader::from_reader(plain.body.as_slice());
    let rows: Vec<_> = rows.records().map(Result::unwrap).collect();
    assert_eq!((rows.len(), &rows[0][1], &rows[0][3], &rows[0][4], &rows[0][6]), (2, "Alpha", "120.5", "EUR", "50"));
    let comma = ada.get(&format!("/admin/stats.csv?{days}&format=comma")).into_text();
    assert!(comma.starts_with('\u{feff}') && comma.contains(";Alpha;First;120,5;EUR;80,07;50;"), "{comma}");
    let sheet = ada.get("/admin/stats.csv?range=all&by=publisher&format=sheet&sort=name").into_text();
    assert!(sheet.starts_with('\u{feff}') && sheet.contains("\"Söhne, Ümit\",1830,EUR,"), "{sheet}");
    let bad = ada.get("/admin/stats.csv?from=2026-11-20&to=2026-11-10");
    assert_eq!(bad.status, 400);
    let rows = ada.get(&format!("/admin/stats.csv?{days}").replace("campaign", "rows")).into_text();
    assert!(rows.starts_with("date,campaign_id,campaign_name,offer_name,partner_id,partner,clicks,cost,"), "{rows}");
    assert_eq!(rows.lines().count(), 4);
}

#[test]
fn a_statement_sums_a_month_of_one_publisher() {
    let (_app, mut ada) = filled();
    let page = ada.get("/admin/stats/statement?month=2026-10&publisher=Lumen&by=campaign").into_text();
    for said in ["Statement, October 2026", "130.00", "Lumen", "Provisional: none of 2 days is final"] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert_eq!(table(&page).iter().map(|row| row[3].as_str()).collect::<Vec<_>>(), ["100.00", "30.00"]);
    let marked = ada
        .post("/admin/stats/days", &[("from", "2026-10-01"), ("to", "2026-10-31"), ("days", "final"), ("reason", "")]);
    assert_eq!(marked.status, 303, "{}", marked.text());
    let page = ada.get("/admin/stats/statement?month=2026-10&by=day").into_text();
    assert!(page.contains("<dd>Final</dd>") && page.contains("150.50"), "{page}");
}

#[test]
fn from_a_month_down_to_a_rows_history_with_the_keyboard_alone() {
    let (app, _) = filled();
    run(async {
        let browser = Browser::open(&app, false).await;
        browser.go("/admin/stats?range=all&by=month").await;
        type_in(&browser, &["email", "password"], &[EMAIL, PASSWORD]).await;
        for (link, words) in [
            ("October 2026", "150.50 EUR"),
            ("Lumen", "130.00 EUR"),
            ("Alpha First", "100.00 EUR"),
            ("5 Oct 2026 Monday", "Edit figures"),
        ] {
            tab_to(&browser, link).await;
            press(&browser, Key::Enter).await;
            let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
            while !browser.text("h1").await.contains(words) {
                assert!(std::time::Instant::now() < deadline, "{link}: {}", browser.text("body").await);
            }
        }
        // The figures are filled in, so only the cost and the reason are typed.
        type_in(&browser, &["cost", "reason"], &["99,50", "late invoice"]).await;
        browser.sees("99.50").await;
        let cost: i64 = app
            .database()
            .query_row("select cost_micros from daily_stats where cost_micros = 99500000", (), |row| row.get(0))
            .unwrap();
        assert_eq!(cost, 99_500_000);
        browser.close().await;
    });
}

pub(crate) async fn press(browser: &Browser, key: Key) {
    browser.driver.action_chain().send_keys(key).perform().await.unwrap();
}

pub(crate) async fn focused(browser: &Browser) -> WebElement {
    browser.driver.active_element().await.unwrap()
}

/// Presses the tab key until the link or button that begins with this text has the focus.
pub(crate) async fn tab_to(browser: &Browser, words: &str) {
    for _ in 0..120 {
        press(browser, Key::Tab).await;
        let at = focused(browser).await;
        if at.text().await.unwrap().replace('\n', " ").starts_with(words) {
            return;
        }
    }
    panic!("the tab key does not lead to {words}");
}

/// Tabs to each field, replaces its value, and sends the form with the enter key.
pub(crate) async fn type_in(browser: &Browser, names: &[&str], values: &[&str]) {
    let old = browser.driver.find(By::Css("html")).await.unwrap();
    for (name, value) in names.iter().zip(values) {
        let mut steps = 0;
        while focused(browser).await.attr("name").await.unwrap().as_deref() != Some(name) {
            press(browser, Key::Tab).await;
            steps += 1;
            assert!(steps < 120, "the tab key does not lead to {name}");
        }
        focused(browser).await.send_keys(Key::Control + "a").await.unwrap();
        focused(browser).await.send_keys(*value).await.unwrap();
    }
    press(browser, Key::Enter).await;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while old.tag_name().await.is_ok() || browser.driver.find(By::Css("main")).await.is_err() {
        assert!(std::time::Instant::now() < deadline, "the form was not sent");
    }
}

#[test]
fn a_page_with_hard_names_stays_small() {
    let app = spawn_app();
    stock(&app, &"😀é\u{5d0}".repeat(60));
    let mut ada = app.person(EMAIL, Role::Admin);
    for path in
        ["/admin/", "/admin/stats", "/admin/stats?by=rows", "/admin/catalogue/campaigns", "/admin/stats/statement"]
    {
        let page = ada.get(path);
        assert_eq!(page.status, 200, "{path}");
        assert!(page.body.len() < 100_000, "{path} has {} bytes", page.body.len());
    }
}
