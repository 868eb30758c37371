//! How a report is sent (contract §1): entity tags, compression, lengths, streams, and failures while reading.

use std::io::Read as _;

use pitlane::domain::TokenScope;
use pitlane::store::Store;
use tempfile::TempDir;

use crate::common::program::Program;
use crate::fixtures::{
    GENERAL_JSON, NORTHWIND, SINGULAR_CSV, SINGULAR_JSON, may, ranged, state, stock_of_many_rows, stocked, switch,
};
use crate::harness::{Answer, App, Client, answer as answer_of, column, defaults, spawn_app, spawn_on};

fn tag(token: &Client, path: &str) -> String {
    token.get(path).header("etag").unwrap().to_owned()
}

#[test]
fn the_entity_tag_is_weak_and_stays_while_nothing_changes() {
    let (_app, token) = stocked();
    let first = tag(&token, &may(SINGULAR_JSON));
    assert!(first.starts_with("W/\"") && first.ends_with('"'), "{first}");
    assert_eq!(tag(&token, &may(SINGULAR_JSON)), first);
}

#[test]
fn a_known_entity_tag_gets_304_with_the_same_tag_and_no_body() {
    let (_app, token) = stocked();
    let first = tag(&token, &may(SINGULAR_JSON));
    let strong = first.trim_start_matches("W/");
    for known in [first.as_str(), strong, "*", &format!("\"other\", {first}")] {
        let answer = token.get_with(&may(SINGULAR_JSON), "If-None-Match", known);
        assert_eq!((answer.status, answer.body.len()), (304, 0), "{known}");
        assert_eq!(answer.header("etag"), Some(first.as_str()));
        assert_eq!(answer.header("vary"), Some("Authorization, Accept-Encoding"));
        assert_eq!(answer.header("cache-control"), Some("private, no-cache"));
    }
}

#[test]
fn an_old_entity_tag_gets_the_report() {
    let (_app, token) = stocked();
    assert_eq!(token.get_with(&may(SINGULAR_JSON), "If-None-Match", "W/\"old\"").status, 200);
}

#[test]
fn the_entity_tag_changes_when_the_items_do() {
    let (app, token) = stocked();
    let mut seen = vec![tag(&token, &may(SINGULAR_JSON))];
    let mut changed = |what: &str| {
        let now = tag(&token, &may(SINGULAR_JSON));
        assert!(!seen.contains(&now), "the tag did not change after {what}");
        seen.push(now);
    };
    let day = |cost: &str| format!("date,campaign_name,partner,clicks,cost\n2025-05-20,AOS_TEST_2025,Lumen,1,{cost}\n");
    state(&app.store, NORTHWIND, &day("1"));
    changed("an import");
    state(&app.store, NORTHWIND, &day("1.000001"));
    changed("a restatement");
    state(&app.store, NORTHWIND, &day("1"));
    changed("a restatement back to what it was");
    switch(&app.store, "Hidden Gems", true);
    changed("an offer was enabled");
    switch(&app.store, "Hidden Gems", false);
    changed("an offer was disabled");
}

#[test]
fn the_entity_tag_stays_when_the_same_rows_come_again_or_other_days_change() {
    let (app, token) = stocked();
    let before = tag(&token, &may(SINGULAR_JSON));
    let row = |day: &str| {
        format!("date,campaign_name,partner,clicks,cost,views,conversions\n{day},AOS_TEST_2025,Lumen,7,12.5,70,1\n")
    };
    state(&app.store, NORTHWIND, &row("2025-05-28"));
    state(&app.store, NORTHWIND, &row("2025-06-28"));
    assert_eq!(tag(&token, &may(SINGULAR_JSON)), before);
}

#[test]
fn formats_and_ranges_have_entity_tags_of_their_own() {
    let (_app, token) = stocked();
    let [narrow, wide] = ["2025-05-27", "2025-05-28"].map(|to| ranged(SINGULAR_JSON, "2025-05-27", to));
    let mut tags = [may(SINGULAR_JSON), may(SINGULAR_CSV), may(GENERAL_JSON), narrow, wide]
        .map(|path| tag(&token, &path))
        .to_vec();
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 5);
}

fn unpacked(answer: &Answer) -> Vec<u8> {
    assert_eq!(answer.header("content-encoding"), Some("gzip"));
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(answer.body.as_slice()).read_to_end(&mut plain).unwrap();
    plain
}

#[test]
fn gzip_when_asked_for_holds_the_identical_bytes() {
    let app = many_rows(30);
    let token = app.token(NORTHWIND, TokenScope::Report);
    for path in [ranged(SINGULAR_CSV, "2025-01-01", "2025-01-02"), ranged(SINGULAR_CSV, "2025-01-01", "2025-12-31")] {
        let plain = token.get(&path);
        let packed = token.get_with(&path, "Accept-Encoding", "gzip");
        assert_eq!(unpacked(&packed), plain.body, "{path}");
        assert_eq!(packed.header("etag"), plain.header("etag"));
        assert_eq!(plain.header("content-encoding"), None);
    }
}

#[test]
fn what_is_small_is_not_compressed() {
    let (_app, token) = stocked();
    let small = token.get_with(&ranged(SINGULAR_CSV, "2030-01-01", "2030-01-02"), "Accept-Encoding", "gzip");
    assert_eq!((small.status, small.header("content-encoding")), (200, None));
    assert!(small.text().starts_with("date,offer_name,"), "{}", small.text());
}

#[test]
fn vary_is_said_once_with_and_without_gzip() {
    let (_app, token) = stocked();
    for encoding in ["identity", "gzip", "gzip, deflate, br"] {
        let answer = token.get_with(&may(SINGULAR_JSON), "Accept-Encoding", encoding);
        assert_eq!(answer.header("vary"), Some("Authorization, Accept-Encoding"), "{encoding}");
        let known = token.request(reqwest::Method::GET, &may(SINGULAR_JSON)).header("If-None-Match", "*");
        let unchanged = answer_of(known.header("Accept-Encoding", encoding));
        assert_eq!((unchanged.status, unchanged.header("vary")), (304, answer.header("vary")), "{encoding}");
    }
}

#[test]
fn a_report_may_be_kept_by_its_client_but_must_be_checked() {
    let (_app, token) = stocked();
    assert_eq!(token.get(&may(SINGULAR_JSON)).header("cache-control"), Some("private, no-cache"));
}

#[test]
fn a_small_report_says_its_length() {
    let (_app, token) = stocked();
    for path in [may(SINGULAR_JSON), may(SINGULAR_CSV)] {
        let answer = token.get(&path);
        assert_eq!(answer.header("content-length"), Some(answer.body.len().to_string().as_str()));
        assert_eq!(answer.header("transfer-encoding"), None);
    }
}

/// A hundred rows for each of this many days from 2025-01-01 on.
fn many_rows(days: u32) -> App {
    let app = spawn_app();
    stock_of_many_rows(&app.store, days);
    app
}

#[test]
fn a_long_report_is_streamed_and_equals_the_command_lines() {
    let app = many_rows(30);
    let token = app.token(NORTHWIND, TokenScope::Report);
    let program = Program::on(app.dir());
    let printed = |format: &str| {
        program.ok(&[
            "report",
            "--advertiser",
            NORTHWIND,
            "--from",
            "2025-01-01",
            "--to",
            "2025-01-31",
            "--format",
            format,
        ])
    };
    let json = token.get(&ranged(SINGULAR_JSON, "2025-01-01", "2025-01-31"));
    assert_eq!(json.header("transfer-encoding"), Some("chunked"));
    assert!(json.body.len() > 512 * 1024);
    let (_, items) = json.text().split_once("\"items\":").unwrap();
    assert_eq!(items.strip_suffix("}}").unwrap(), printed("json"));
    assert_eq!(json.json()["data"]["items"].as_array().unwrap().len(), 3000);
    assert_eq!(token.get(&ranged(SINGULAR_CSV, "2025-01-01", "2025-01-31")).text(), printed("csv"));
}

#[test]
fn head_of_a_long_report_has_its_headers_and_no_body() {
    let app = many_rows(30);
    let token = app.token(NORTHWIND, TokenScope::Report);
    let path = ranged(SINGULAR_JSON, "2025-01-01", "2025-01-31");
    // The first is streamed while it is made; from the second on its days are cached, so its length is known beforehand.
    let (made, kept, head) = (token.get(&path), token.get(&path), token.head(&path));
    assert_eq!((head.status, head.body.len(), head.header("etag")), (200, 0, made.header("etag")));
    assert_eq!(head.header("content-length"), kept.header("content-length"));
    assert_eq!(made.header("transfer-encoding"), Some("chunked"));
}

#[test]
fn nothing_follows_the_head_of_a_head_answer() {
    let app = many_rows(30);
    let token = app.token(NORTHWIND, TokenScope::Report);
    for (to, encoding) in [("2025-01-31", "identity"), ("2025-01-31", "gzip"), ("2025-01-01", "gzip")] {
        let path = ranged(SINGULAR_JSON, "2025-01-01", to);
        let said = app.raw(&format!(
            "HEAD {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ApiToken {}\r\nAccept-Encoding: {encoding}\r\n\
             Connection: close\r\n\r\n",
            token.token
        ));
        let (head, rest) = said.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert_eq!(rest.len(), 0, "bytes after {head}");
    }
}

#[test]
fn head_with_gzip_has_the_headers_of_get_with_gzip() {
    let app = many_rows(30);
    let token = app.token(NORTHWIND, TokenScope::Report);
    for to in ["2025-01-01", "2025-01-31"] {
        let path = ranged(SINGULAR_JSON, "2025-01-01", to);
        let head = token.request(reqwest::Method::HEAD, &path).header("Accept-Encoding", "gzip");
        let (get, head) = (token.get_with(&path, "Accept-Encoding", "gzip"), answer_of(head));
        assert_eq!((head.status, head.body.len()), (200, 0));
        for name in ["etag", "vary", "content-encoding", "content-type", "transfer-encoding", "content-length"] {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
        }
    }
}

/// A data directory whose stats are damaged after the middle of the year.
fn damaged() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    stock_of_many_rows(&store, 120);
    store.checkpoint().unwrap();
    let file = store.path().to_owned();
    drop(store);
    let conn = rusqlite::Connection::open(&file).unwrap();
    let sql = "select pageno from dbstat where name = 'daily_stats' and pagetype = 'leaf' order by path";
    let leaves: Vec<u32> = column(&conn, sql);
    drop(conn);
    assert!(leaves.len() > 50, "{} pages are too few for this test", leaves.len());
    let mut bytes = std::fs::read(&file).unwrap();
    let start = usize::try_from(leaves[leaves.len() * 3 / 4] - 1).unwrap() * 4096;
    bytes[start..start + 4096].fill(0xff);
    std::fs::write(&file, bytes).unwrap();
    dir
}

#[test]
fn a_report_whose_reading_fails_midway_is_cut_off_and_recorded_as_such() {
    for cache in [0, 32] {
        let mut app = spawn_on(damaged(), pitlane::config::Serve { report_cache: cache, ..defaults() });
        let token = app.token(NORTHWIND, TokenScope::Report);
        for (path, encoding) in [(SINGULAR_JSON, "identity"), (SINGULAR_CSV, "identity"), (SINGULAR_JSON, "gzip")] {
            let request = token.request(reqwest::Method::GET, &ranged(path, "2025-01-01", "2025-12-31"));
            // If everything made so far is still unsent, not even the head is sent.
            let Ok(response) = request.header("Accept-Encoding", encoding).send() else { continue };
            assert_eq!(response.status(), 200, "{path}");
            assert!(response.bytes().is_err(), "{path} with {encoding} came to an end");
        }
        app.stop();
        let complete: Vec<bool> = column(&app.database(), "select complete from polls");
        assert_eq!(complete, [false; 3]);
    }
}

#[test]
fn a_short_report_that_can_not_be_read_is_500() {
    let app = spawn_on(damaged(), defaults());
    let token = app.token(NORTHWIND, TokenScope::Report);
    let answer = token.get(&ranged(SINGULAR_JSON, "2025-03-25", "2025-04-05"));
    assert_eq!((answer.status, answer.json()["responseType"].as_str()), (500, Some("Error")));
    assert!(!answer.text().contains("malformed"), "{}", answer.text());
}

#[test]
fn days_before_the_damage_are_still_served_whole() {
    let app = spawn_on(damaged(), defaults());
    let token = app.token(NORTHWIND, TokenScope::Report);
    let report = token.get(&ranged(SINGULAR_JSON, "2025-01-01", "2025-02-28"));
    assert_eq!(report.json()["data"]["items"].as_array().unwrap().len(), 5900);
}
