//! What people do every week, from Home: with the mouse and with the keyboard alone, in so many clicks and fields.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use chrono::{Datelike as _, NaiveDate};
use pitlane::domain::Role;

use crate::ahead::{ago, connector, poll};
use crate::hand::Hand;
use crate::harness::{App, Browser, EMAIL, run, spawn_app};
use crate::imports::{fixture, found};
use crate::merging::import_for;

/// Northwind with 75 days of two campaigns, two publishers that are one, and days that changed after Singular polled them.
fn world() -> App {
    let app = spawn_app();
    found(&app, "USD");
    let mut csv = "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n".to_owned();
    let mut add = |days: u64, campaign: &str, partner: &str, cost: &str| {
        let (day, offer) = (ago(days), if campaign == "Alpha" { "First" } else { "Second" });
        writeln!(csv, "{day},{campaign},{partner},10,{cost},{offer},Game,com.example.gmae,ANDROID").unwrap();
    };
    for days in 1..=75 {
        add(days, "Alpha", "Lumen", "10");
        add(days, "Alpha", "Facebook", "2.5");
        add(days, "Beta", "Orbit", "20");
    }
    add(3, "Beta", "Facebok", "4");
    import_for(&app, "Northwind", &csv);
    poll(&app, &connector(&app), 90);
    import_for(&app, "Northwind", &format!("date,campaign_name,partner,clicks,cost\n{},Beta,Orbit,10,21\n", ago(12)));
    app.admit(EMAIL, Role::Admin);
    app
}

/// One figure of the database.
fn one<T: rusqlite::types::FromSql>(app: &App, sql: &str) -> T {
    app.database().query_row(sql, (), |row| row.get(0)).unwrap()
}

fn cost_of(app: &App, day: NaiveDate, campaign: &str, publisher: &str) -> i64 {
    let day = pitlane::domain::Day::try_from(day).unwrap().to_stored();
    one(
        app,
        &format!(
            "select coalesce(sum(cost_micros), 0) from daily_stats join campaigns using (campaign_key)
             join publishers using (publisher_key)
             where day = {day} and campaigns.name = '{campaign}' and publishers.name = '{publisher}'"
        ),
    )
}

async fn figures(app: &App, hand: &mut Hand<'_>) {
    hand.begin().await;
    hand.follow("Yesterday").await;
    hand.follow("Beta").await;
    hand.fill("cost", "19.75").await;
    hand.fill("reason", "late invoice").await;
    hand.press("Save changes").await;
    hand.browser.sees("Saved.").await;
    assert_eq!(cost_of(app, ago(1), "Beta", "Orbit"), 19_750_000);
    hand.ends("Correct yesterday's cost", 3, 2);

    hand.begin().await;
    hand.follow("Stats").await;
    hand.fill("from", &ago(50).to_string()).await;
    hand.fill("to", &ago(50).to_string()).await;
    hand.press("Show").await;
    hand.follow("Beta").await;
    hand.fill("cost", "19,5").await;
    hand.fill("reason", "late invoice").await;
    hand.press("Save changes").await;
    assert_eq!(cost_of(app, ago(50), "Beta", "Orbit"), 19_500_000);
    hand.ends("Correct the cost of any other day", 4, 4);

    hand.begin().await;
    hand.follow("Stats").await;
    hand.follow("Last month").await;
    let first = hand.browser.text("tbody tr").await;
    assert!(first.starts_with("Beta"), "{first}");
    let last = ago(0).with_day(1).unwrap().pred_opt().unwrap();
    hand.browser.sees(&last.format("%B %Y").to_string()).await;
    hand.ends("Which campaign cost most last month", 2, 0);

    hand.begin().await;
    hand.follow(&format!("{}: needs a refresh request", ago(12).format("%-d %b %Y"))).await;
    for told in ["What changed it since", "a test", "+1.00 USD", "Beta", "Orbit"] {
        hand.browser.sees(told).await;
    }
    hand.ends("Why is Singular's figure of a day different", 1, 0);

    hand.begin().await;
    hand.follow("Stats").await;
    hand.touch("a", "Spreadsheet").await;
    let file = downloaded(app);
    assert!(file.starts_with('\u{feff}') && file.contains("Beta,Second,"), "{file}");
    hand.ends("Export to a spreadsheet", 2, 0);
}

/// The text of the file that was just downloaded.
fn downloaded(app: &App) -> String {
    let (folder, deadline) = (app.dir.path().join("downloads"), Instant::now() + Duration::from_secs(20));
    loop {
        let mut files = std::fs::read_dir(&folder).into_iter().flatten().map(|file| file.unwrap().path());
        if let Some(file) = files.find(|file| file.extension().is_some_and(|ending| ending == "csv")) {
            return std::fs::read_to_string(file).unwrap();
        }
        assert!(Instant::now() < deadline, "nothing was downloaded");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The same export a week later.
fn a_week_later(app: &App) -> String {
    let mut text = std::fs::read_to_string(fixture("exports/google_ads.csv")).unwrap();
    for (day, name) in [(29, "Tue"), (30, "Wed"), (31, "Thu")] {
        text = text.replace(&format!("{name}, Aug {day}, 2023"), &format!("{name}, Sep {}, 2023", day - 24));
        text = text.replace(&format!("August {day}, 2023"), &format!("September {}, 2023", day - 24));
    }
    let path = app.dir.path().join("google_ads_36.csv");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

async fn files(app: &App, hand: &mut Hand<'_>) {
    let rows = || one::<i64>(app, "select count(*) from daily_stats");
    let before = rows();
    hand.begin().await;
    hand.follow("Import").await;
    hand.follow("Import a file").await;
    hand.attach("file", &fixture("exports/google_ads.csv")).await;
    hand.press("Upload file").await;
    hand.fill("set-partner", "Google").await;
    hand.fill("set-offer_name", "Coin Game").await;
    hand.fill("set-app", "Coin Game").await;
    hand.fill("set-store_id", "com.example.coingame").await;
    hand.fill("set-os", "ANDROID").await;
    hand.press("Check import").await;
    hand.press("Create").await;
    hand.press("Import 5 rows").await;
    assert_eq!(rows() - before, 5);
    hand.ends("The first file of a platform", 6, 6);

    let file = a_week_later(app);
    hand.begin().await;
    hand.follow("Import").await;
    hand.follow("Import a file").await;
    hand.attach("file", &file).await;
    hand.press("Upload file").await;
    hand.press("Check import").await;
    hand.press("Import 5 rows").await;
    assert_eq!(rows() - before, 10);
    hand.ends("This week's file with last week's mapping", 5, 1);

    hand.begin().await;
    hand.follow("Import").await;
    hand.follow("google_ads_36.csv").await;
    hand.follow("Undo this import").await;
    hand.press("Undo import").await;
    hand.browser.sees("Import undone.").await;
    assert_eq!(rows() - before, 5);
    hand.ends("Undo a bad import", 4, 0);
}

async fn access(app: &App, hand: &mut Hand<'_>) {
    let live = || one::<i64>(app, "select count(*) from api_tokens where revoked_at is null");
    hand.begin().await;
    hand.follow("Tokens").await;
    hand.follow("Rotate Singular").await;
    hand.press("Generate successor").await;
    hand.touch("button", "Copy token").await;
    hand.browser.sees("The old token “Singular” still works.").await;
    assert_eq!(live(), 2);
    hand.ends("Rotate a token", 4, 0);

    hand.begin().await;
    hand.follow("Tokens").await;
    hand.follow("Revoke Singular").await;
    hand.press("Revoke token").await;
    hand.browser.sees("Revoked.").await;
    assert_eq!(live(), 1);
    hand.ends("Revoke the old token", 3, 0);

    hand.begin().await;
    hand.follow("Settings").await;
    hand.follow("People").await;
    hand.follow("Invite a person").await;
    hand.fill("email", "vera@example.com").await;
    hand.press("Make invitation link").await;
    hand.touch("button", "Copy link").await;
    assert_eq!(one::<String>(app, "select role from admins where email = 'vera@example.com'"), "viewer");
    hand.ends("Invite a viewer", 5, 1);
}

async fn catalogue(app: &App, hand: &mut Hand<'_>) {
    let id: String = one(app, "select id from campaigns where name = 'Beta'");
    hand.begin().await;
    hand.follow("Stats").await;
    hand.fill("search", &format!(" {} ", id.to_uppercase())).await;
    hand.press("Search").await;
    assert!(hand.browser.text("tbody tr").await.starts_with("Beta"));
    hand.ends("Find a campaign by a pasted id, with its stats", 2, 1);

    hand.begin().await;
    hand.follow("Catalogue").await;
    hand.follow("Campaigns").await;
    hand.fill("search", &format!(" {} ", id.to_uppercase())).await;
    hand.press("Search").await;
    assert!(hand.browser.text("tbody tr").await.starts_with("Beta"));
    hand.ends("Find a campaign by a pasted id, in the catalogue", 3, 1);

    hand.begin().await;
    hand.follow("Catalogue").await;
    hand.follow("Apps").await;
    hand.follow("Game").await;
    hand.browser.sees("for all of its 2 campaigns").await;
    hand.fill("store_id", "com.example.game").await;
    hand.press("Save app").await;
    assert_eq!(one::<String>(app, "select store_id from apps where name = 'Game'"), "com.example.game");
    hand.ends("Change a store id typed wrong", 4, 1);

    hand.begin().await;
    hand.follow("Catalogue").await;
    hand.follow("Publishers").await;
    hand.follow("Facebok").await;
    hand.follow("Merge it into another publisher").await;
    hand.fill("into", "Facebook").await;
    hand.press("See what would change").await;
    hand.press("Merge publishers").await;
    hand.browser.sees("Merged.").await;
    assert_eq!(cost_of(app, ago(3), "Beta", "Facebook"), 4_000_000);
    hand.ends("Merge a publisher that is there twice", 6, 1);

    hand.begin().await;
    hand.follow("Catalogue").await;
    hand.follow("Campaigns").await;
    hand.follow("Beta").await;
    hand.follow("Move it to another offer or app").await;
    hand.fill("offer", "First").await;
    hand.press("See what would change").await;
    hand.press("Move campaign").await;
    hand.browser.sees("Moved.").await;
    let offer: String =
        one(app, "select offers.name from campaigns join offers using (offer_key) where campaigns.name = 'Beta'");
    assert_eq!(offer, "First");
    hand.ends("Move a campaign to another offer", 6, 1);

    hand.begin().await;
    hand.follow("Catalogue").await;
    hand.follow("Advertisers").await;
    hand.follow("Northwind").await;
    hand.fill("time_zone", "Europe/Berlin").await;
    hand.press("Save advertiser").await;
    assert_eq!(one::<String>(app, "select time_zone from advertisers"), "Europe/Berlin");
    hand.ends("The time zone changed", 4, 1);
}

async fn week(app: &App, has_mouse: bool) {
    let browser = Browser::open(app, true).await;
    browser.driver.set_window_rect(0, 0, 1280, 900).await.unwrap();
    let downloads = serde_json::json!({"behavior": "allow", "downloadPath": app.dir.path().join("downloads")});
    browser.driver.cdp().send_raw("Browser.setDownloadBehavior", downloads).await.unwrap();
    browser.log_in(EMAIL).await;
    let mut hand = Hand::new(&browser, has_mouse);
    figures(app, &mut hand).await;
    files(app, &mut hand).await;
    access(app, &mut hand).await;
    catalogue(app, &mut hand).await;
    browser.close().await;
}

#[test]
fn the_weekly_tasks_with_the_mouse() {
    run(week(&world(), true));
}

#[test]
fn the_weekly_tasks_with_the_keyboard_alone() {
    run(week(&world(), false));
}
