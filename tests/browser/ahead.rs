//! Before a change, the pages say what Singular gets of it by itself, and what needs a refresh request.

use std::fmt::Write as _;

use chrono::{Days, NaiveDate, Utc};
use pitlane::domain::{Name, Role, TokenReader, TokenScope};
use pitlane::service::Actor;
use pitlane::service::access::tokens::{self, TokenRequest};
use thirtyfour::prelude::*;

use crate::common::http::Client;
use crate::harness::{App, Browser, EMAIL, Person, run, spawn_app};
use crate::imports::{found, import_file, upload};

/// The day `days` days ago.
pub(crate) fn ago(days: u64) -> NaiveDate {
    Utc::now().date_naive() - Days::new(days)
}

/// A file with this cost for two campaigns on these days.
pub(crate) fn rows(days: &[u64], cost: &str) -> String {
    let mut text = "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n".to_owned();
    for day in days {
        for (campaign, offer) in [("Alpha", "First"), ("Beta", "Second")] {
            let day = ago(*day);
            writeln!(text, "{day},{campaign},Lumen,1,{cost},{offer},Game,com.example.game,ANDROID").unwrap();
        }
    }
    text
}

/// Imports Northwind's stats.
pub(crate) fn state(app: &App, days: &[u64], cost: &str) {
    import_file(app, "Northwind", "stats.csv", rows(days, cost));
}

pub(crate) fn connector(app: &App) -> Client {
    connector_of(app, "Northwind", "Singular")
}

pub(crate) fn connector_of(app: &App, advertiser: &str, name: &str) -> Client {
    let request = TokenRequest {
        advertiser: advertiser.to_owned(),
        name: Name::parse("name", name).unwrap(),
        scope: TokenScope::Report,
        expires_at: None,
        reader: TokenReader::Singular,
    };
    let issued = tokens::issue(&app.store, &request, &Actor::command_line(), Utc::now()).unwrap();
    Client::at(&app.origin).with(issued.reveal())
}

/// Polls from this many days ago to today, and waits until the ledger knows.
pub(crate) fn poll(app: &App, connector: &Client, from: u64) {
    let count = |database: &rusqlite::Connection| -> i64 {
        database.query_row("select coalesce(max(batches), 0) from epoch", (), |row| row.get(0)).unwrap()
    };
    let before = count(&app.database());
    let path = format!(
        "/api/v1/integrations/cost-report/singular/json?date_from={}&date_to={}",
        ago(from),
        Utc::now().date_naive()
    );
    assert_eq!(connector.get(&path).status, 200);
    app.wait_for(|database| count(database) > before);
}

const BY_ITSELF: &str = "Singular picks up 1 day by itself";
const REFRESH: &str = "1 day needs a refresh request in Singular, because it is more than 7 days back";
const TOO_OLD: &str = "1 day is older than the 6 months that Singular refreshes";

/// The page has all of these texts.
#[track_caller]
fn says(person: &mut Person, path: &str, texts: &[&str]) {
    let page = person.get(path);
    assert_eq!(page.status, 200, "{path}");
    for text in texts {
        assert!(page.text().contains(text), "{path} lacks {text:?}: {}", page.text());
    }
}

fn id(app: &App, sql: &str) -> String {
    app.database().query_row(sql, (), |row| row.get(0)).unwrap()
}

#[test]
fn a_preview_says_day_by_day_how_singular_gets_it() {
    let app = spawn_app();
    found(&app, "USD");
    state(&app, &[1, 20, 300], "1.5");
    let singular = connector(&app);
    poll(&app, &singular, 400);
    app.admit(EMAIL, Role::Admin);
    let file = app.dir.path().join("restated.csv");
    std::fs::write(&file, rows(&[1, 20, 300], "2")).unwrap();
    run(async {
        let browser = Browser::open(&app, false).await;
        browser.log_in(EMAIL).await;
        upload(&browser, file.to_str().unwrap()).await;
        if browser.driver.find(By::XPath("//main//button[normalize-space()='Check import']")).await.is_ok() {
            browser.press("Check import").await;
        }
        let column = browser.driver.find_all(By::XPath("//main//table[1]//tbody/tr/td[last()]")).await.unwrap();
        let mut ways = Vec::new();
        for cell in column.iter().take(3) {
            ways.push(cell.text().await.unwrap());
        }
        assert_eq!(ways, ["not any more", "by a refresh request", "by itself"]);
        for text in [BY_ITSELF, REFRESH, TOO_OLD] {
            browser.sees(text).await;
        }
        browser.close().await;
    });
}

#[test]
fn an_edit_an_undo_a_switch_and_a_rename_say_what_singular_gets() {
    let app = spawn_app();
    found(&app, "USD");
    state(&app, &[1, 20, 300], "1.5");
    let mut ada = app.person(EMAIL, Role::Admin);
    let cell = |day: u64| format!("/admin/stats/cell?day={}&campaign=Alpha&publisher=Lumen", ago(day));
    says(&mut ada, &cell(1), &["Singular has not polled yet; its first poll asks for the last three months."]);
    let singular = connector(&app);
    poll(&app, &singular, 400);
    for (day, text) in [(1, BY_ITSELF), (20, REFRESH), (300, TOO_OLD)] {
        says(&mut ada, &cell(day), &[text]);
    }
    let all = [BY_ITSELF, REFRESH, TOO_OLD];
    let import = id(&app, "select id from imports limit 1");
    says(&mut ada, &format!("/admin/imports/{import}/undo"), &all);
    let offer = id(&app, "select id from offers where name = 'First'");
    says(&mut ada, &format!("/admin/catalogue/offers/{offer}/reporting"), &all);
    says(&mut ada, &format!("/admin/catalogue/offers/{offer}"), &all);
    let game = id(&app, "select id from apps");
    says(&mut ada, &format!("/admin/catalogue/apps/{game}"), &all);
    let campaign = id(&app, "select id from campaigns where name = 'Alpha'");
    let ignored = "Singular ignores its name, so a new one changes nothing there.";
    says(&mut ada, &format!("/admin/catalogue/campaigns/{campaign}"), &[ignored]);

    // Offers with cost reporting off change nothing for Singular.
    let off = ada.get(&format!("/admin/catalogue/offers/{offer}/reporting"));
    assert_eq!(ada.submit(&off, &[]).status, 303);
    says(&mut ada, &cell(1), &["Singular sees no change: cost reporting of its offer is off."]);
    let page = ada.get(&format!("/admin/catalogue/offers/{offer}")).into_text();
    assert!(!page.contains("picks up"), "{page}");
    says(&mut ada, &format!("/admin/catalogue/offers/{offer}/reporting"), &all);
}
