//! Feeds: their bytes, their links, and the rules that partners publish for their files.

use chrono::{Days, NaiveDate, Utc};
use pitlane::domain::Os;
use serde_json::json;

use crate::common::http::Answer;
use crate::common::program::{Program, files};
use crate::fixtures::{Campaign, NORTHWIND, add_advertiser, add_campaigns, add_publishers, csv, id, state};
use crate::harness::{App, column, spawn_app};

fn today() -> NaiveDate {
    Utc::now().date_naive()
}

fn ago(days: u64) -> String {
    today().checked_sub_days(Days::new(days)).unwrap().to_string()
}

/// A server with a few days up to tomorrow, and the program on its data.
fn stocked() -> (App, Program) {
    let app = spawn_app();
    let northwind = add_advertiser(&app.store, NORTHWIND);
    add_publishers(&app.store, &["Lumen", "Pixel, Inc."]);
    add_campaigns(
        &app.store,
        &northwind,
        &[
            Campaign::of("Coin Game", "AOS_TEST"),
            Campaign::of("Coin Game", "IOS_TEST").on("Coin Game", Os::Ios, "1498765432"),
            Campaign::of("Web Game", "WEB_TEST").on("Web", Os::Web, "web.example.com"),
            Campaign::of("Hidden", "HIDDEN").disabled(),
        ],
    );
    let tomorrow = today().checked_add_days(Days::new(1)).unwrap();
    let rows = [
        format!("{},AOS_TEST,Lumen,100,69", ago(2)),
        format!("{},AOS_TEST,\"Pixel, Inc.\",3,0.000001", ago(2)),
        format!("{},IOS_TEST,Lumen,7,12.5", ago(2)),
        format!("{},WEB_TEST,Lumen,1,2", ago(2)),
        format!("{},HIDDEN,Lumen,9,9.99", ago(2)),
        format!("{},AOS_TEST,Lumen,5,5.25", ago(0)),
        format!("{tomorrow},AOS_TEST,Lumen,8,8"),
        format!("{},AOS_TEST,Lumen,4,4", ago(95)),
    ];
    state(&app.store, NORTHWIND, &csv(rows));
    let program = Program::on(app.dir());
    (app, program)
}

/// The path of a new feed.
fn made(program: &Program, format: &str, flags: &[&str]) -> String {
    let args = ["feed", "create", "--advertiser", NORTHWIND, "--name", "a partner", "--format", format];
    let url = program.ok(&[&args, flags].concat());
    assert_eq!(url.lines().count(), 1, "{url}");
    url[url.find("/feeds/").unwrap()..].trim().to_owned()
}

fn feed(app: &App, program: &Program, format: &str, flags: &[&str]) -> String {
    let answer = app.anonymous().get(&made(program, format, flags));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text().to_owned()
}

/// Header and rows of a feed, as any CSV reader reads them.
fn table(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    assert!(text.ends_with("\r\n") && !text.starts_with('\u{feff}'));
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    (header, rows)
}

#[test]
fn the_generic_feed_has_the_reports_rows_and_the_currency() {
    let (app, program) = stocked();
    let text = feed(&app, &program, "generic", &["--from", &ago(3), "--to", &ago(1)]);
    let report =
        program.ok(&["report", "--advertiser", NORTHWIND, "--from", &ago(3), "--to", &ago(1), "--format", "csv"]);
    let with_currency = |(line, end): (&str, &str)| format!("{line},{end}\r\n");
    let lines = report.lines();
    let expected: String =
        lines.enumerate().map(|(at, line)| with_currency((line, if at == 0 { "currency" } else { "USD" }))).collect();
    assert_eq!(text, expected);
    assert_eq!(table(&text).1.len(), 4);
    // The last 90 days end today; offers with cost reporting off are not included.
    let (_, rows) = table(&feed(&app, &program, "generic", &[]));
    assert_eq!(rows.len(), 5);
    assert!(rows.iter().all(|row| row[0] <= ago(0) && row[1] != "Hidden"), "{rows:?}");
    assert_eq!(table(&feed(&app, &program, "generic", &["--days", "1", "--partner", "Lumen"])).1.len(), 1);
}

#[test]
fn appsflyers_rules_for_cost_import_hold() {
    // support.appsflyer.com/hc/en-us/articles/360002516838-Cost-Import-guide: column names are case-sensitive; date, app-id,
    // media-source, campaign and spend are required; no future dates; the app's id as AppsFlyer shows it (iOS: id and
    // digits); currency as a column, else USD; both campaign and campaign-id.
    // support.appsflyer.com/hc/en-us/articles/360002868097: one media source per file.
    let (app, program) = stocked();
    let (header, rows) = table(&feed(&app, &program, "appsflyer", &["--partner", "Lumen"]));
    assert_eq!(header.join(","), "date,app-id,media-source,campaign,campaign-id,spend,currency");
    assert_eq!(rows.len(), 3, "the web, the hidden offer and other publishers are left out: {rows:?}");
    for row in &rows {
        let day: NaiveDate = row[0].parse().unwrap();
        assert!(day <= today() && row[0].len() == 10);
        assert!(row[1] == "com.example.coingame" || row[1] == "id1498765432", "{row:?}");
        assert_eq!((row[2].as_str(), row[6].as_str()), ("Lumen", "USD"));
        assert!(!row[3].is_empty() && uuid::Uuid::try_parse(&row[4]).is_ok());
        assert!(row[5].chars().all(|c| c.is_ascii_digit() || c == '.'), "{row:?}");
    }
    let without = program.run(&["feed", "create", "--advertiser", NORTHWIND, "--name", "x", "--format", "appsflyer"]);
    assert!(without.failed(1).contains("partner"));
}

#[test]
fn branchs_rules_for_cost_files_hold() {
    // help.branch.io/docs/cost-data-via-file-upload: date as YYYY-MM-DD, campaign_name, cost as 1234.56 without signs or
    // commas; os from a list that has IOS, ANDROID and OTHER, but nothing for the web.
    let (app, program) = stocked();
    let (header, rows) = table(&feed(&app, &program, "branch", &[]));
    assert_eq!(header.join(","), "date,campaign_name,cost,os");
    let of_day: Vec<String> = rows.iter().filter(|row| row[0] == ago(2)).map(|row| row[1..].join(" ")).collect();
    // The publishers of a campaign are summed into one row, to the last digit.
    assert_eq!(of_day, ["AOS_TEST 69.000001 ANDROID", "IOS_TEST 12.50 IOS", "WEB_TEST 2.00 OTHER"]);
    let keys: std::collections::BTreeSet<_> = rows.iter().map(|row| (&row[0], &row[1])).collect();
    assert_eq!(keys.len(), rows.len());
}

#[test]
fn kochavas_rules_for_cost_uploads_hold() {
    // support.kochava.com/cost/manual-upload-process: dates as mm-dd-yyyy with two digits; uploads are permanent, so only
    // complete days; overlapping dates count twice, so a second feed gets a warning.
    // support.kochava.com/articles/cost/3952-creating-and-editing-cost-configurations: joined by the campaign's id.
    let (app, program) = stocked();
    let (header, rows) = table(&feed(&app, &program, "kochava", &["--days", "30"]));
    assert_eq!(header.join(","), "date,campaign_id,campaign_name,publisher,clicks,cost");
    assert_eq!(rows.len(), 4, "today and tomorrow are not over: {rows:?}");
    let day: NaiveDate = ago(2).parse().unwrap();
    assert!(rows.iter().all(|row| row[0] == day.format("%m-%d-%Y").to_string()), "{rows:?}");
    assert_eq!(rows[0][1..], [id("offer", "Coin Game").to_string().as_str(), "AOS_TEST", "Lumen", "100", "69"]);
    let create = ["feed", "create", "--advertiser", NORTHWIND, "--name", "x", "--format", "kochava"];
    let second = program.run(&[&create[..], &["--from", &ago(40), "--to", &ago(20)]].concat());
    assert!(second.stderr.contains("counts them twice") && second.stderr.contains(&ago(30)), "{}", second.stderr);
    let apart = program.run(&[&create[..], &["--from", &ago(80), "--to", &ago(60)]].concat());
    assert!(!apart.stderr.contains("warning: The days"), "{}", apart.stderr);
}

fn is_private(answer: &Answer) {
    assert_eq!(answer.header("cache-control"), Some("private, no-store"));
    assert_eq!(answer.header("x-robots-tag"), Some("noindex"));
}

#[test]
fn a_feed_is_recorded_listed_and_shut() {
    let (mut app, program) = stocked();
    let path = made(&program, "generic", &[]);
    let first = app.anonymous().get(&path);
    is_private(&first);
    assert_eq!(first.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(app.anonymous().head(&path).header("content-length"), first.header("content-length"));
    let listed = program.json(&["feed", "list"]);
    let keys: Vec<_> = listed[0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["id", "name", "advertiser", "format", "createdAt", "lastUsedAt", "revokedAt"]);
    let id = listed[0]["id"].as_str().unwrap();
    program.ok(&["feed", "revoke", id]);
    for path in [path.as_str(), "/feeds/0000.csv"] {
        let shut = app.anonymous().get(path);
        is_private(&shut);
        assert_eq!(shut.status, 404);
    }
    app.stop();
    let listed = program.json(&["feed", "list"]);
    assert!(listed[0]["lastUsedAt"].is_string() && listed[0]["revokedAt"].is_string(), "{listed}");
    let polls: Vec<String> = column(
        &app.database(),
        "select status || ' ' || rows || ' ' || complete || ' ' || bytes from polls order by poll_key",
    );
    assert_eq!(polls[0], format!("200 5 1 {}", first.body.len()));
    assert_eq!(polls.last().unwrap(), "404 0 1 0");
    // The secret is not in the data directory.
    let secret = path.trim_start_matches("/feeds/").trim_end_matches(".csv");
    assert!(
        secret.len() == 64
            && files(app.dir())
                .iter()
                .all(|(_, bytes)| { !bytes.windows(secret.len()).any(|window| window == secret.as_bytes()) })
    );
}

#[test]
fn an_expired_feed_and_that_of_a_disabled_advertiser_are_refused() {
    let (app, program) = stocked();
    let path = made(&program, "generic", &["--expires-in", "1h"]);
    assert_eq!(app.anonymous().get(&path).status, 200);
    app.database().execute("update advertisers set disabled_at = 1", ()).unwrap();
    assert_eq!(app.anonymous().get(&path).status, 403);
    app.database().execute_batch("update advertisers set disabled_at = null; update feeds set expires_at = 1").unwrap();
    assert_eq!(app.anonymous().get(&path).status, 404);
}

#[test]
fn the_address_is_on_the_public_url_or_what_the_server_noted_or_the_path_alone() {
    let program = Program::stocked();
    let create = ["feed", "create", "--advertiser", "Acme", "--name", "x", "--format", "generic"];
    assert!(program.ok(&create).starts_with("/feeds/"));
    let server = program.serve(&["--backup-at", "off"]);
    let url = program.ok(&create);
    assert!(url.starts_with(&format!("{}/feeds/", server.origin)), "{url}");
    drop(server);
    let _server = program.serve(&["--backup-at", "off", "--public-url", "https://example.com/costs"]);
    assert!(program.ok(&create).starts_with("https://example.com/costs/feeds/"));
    let mut command = program.command(&create);
    command.env("PITLANE_PUBLIC_URL", "https://costs.example.com/");
    assert!(crate::common::program::run_on(command, "").done().starts_with("https://costs.example.com/feeds/"));
}

#[test]
fn a_long_feed_comes_whole_and_in_few_bytes_of_memory() {
    let app = spawn_app();
    crate::fixtures::stock_of_many_rows(&app.store, 200);
    let program = Program::on(app.dir());
    let text = feed(&app, &program, "generic", &["--from", "2025-01-01", "--to", "2025-12-31"]);
    let (_, rows) = table(&text);
    assert_eq!(rows.len(), 20_000);
    assert!(text.len() > 2_000_000);
    assert_eq!(json!(rows[0][8]), json!("1.25"));
}
