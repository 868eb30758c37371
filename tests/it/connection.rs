//! What a connection does before the application is asked: invalid heads, delayed bodies, requests after the last one.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use pitlane::domain::TokenScope;

use crate::fixtures::{DAILY_STATS, NORTHWIND, stocked};
use crate::harness::{App, column, spawn_app};

const ROW: &str = "date,campaign_name,partner,clicks,cost\n2025-05-29,AOS_TEST_2025,Lumen,1,1\n";

/// The head of an upload of this many bytes.
fn upload(token: &str, more: &str, bytes: usize) -> String {
    format!(
        "POST {DAILY_STATS} HTTP/1.1\r\nHost: x\r\nAuthorization: ApiToken {token}\r\nContent-Type: text/csv\r\n{more}\
         Content-Length: {bytes}\r\n\r\n"
    )
}

fn ingest(app: &App) -> String {
    app.token(NORTHWIND, TokenScope::Ingest).token
}

/// Reads until the server closes.
fn rest(mut stream: TcpStream) -> String {
    let mut said = Vec::new();
    stream.read_to_end(&mut said).unwrap();
    String::from_utf8_lossy(&said).into_owned()
}

/// Sends this and reads until the server closes.
fn said(app: &App, request: &str) -> String {
    let mut stream = app.connect();
    stream.write_all(request.as_bytes()).unwrap();
    rest(stream)
}

/// The status lines in the text.
fn statuses(said: &str) -> Vec<&str> {
    let lines = said.lines().filter_map(|line| line.split_once("HTTP/1.")?.1.split_once(' '));
    lines.map(|(_, status)| status).filter(|status| status.starts_with(|first: char| first.is_ascii_digit())).collect()
}

#[test]
fn what_cannot_be_parsed_is_refused_with_an_envelope() {
    let app = spawn_app();
    let many = "X-Many: y\r\n".repeat(100);
    for (request, status, kind, word) in [
        ("GET /livez?a b HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), "400 Bad Request", "ValidationError", "%20"),
        ("GET /livez HTTP/1.1\r\n\r\n".to_owned(), "400 Bad Request", "ValidationError", "one Host"),
        (
            format!("GET /livez HTTP/1.1\r\nHost: x\r\n{many}\r\n"),
            "431 Request Header Fields Too Large",
            "ValidationError",
            "96 headers",
        ),
    ] {
        let answer = said(&app, &request);
        assert_eq!(statuses(&answer), [status]);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        for header in ["connection: close", "cache-control: no-store", "x-content-type-options: nosniff", "date: "] {
            assert!(head.contains(header), "{header} is missing: {head}");
        }
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!((body["isSuccessful"].as_bool(), body["responseType"].as_str()), (Some(false), Some(kind)));
        assert!(body["messages"][0].as_str().unwrap().contains(word), "{body}");
    }
    let behind = said(&app, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /live z HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(statuses(&behind), ["200 OK", "400 Bad Request"]);
    assert!(behind.ends_with('}'), "{behind}");
}

#[test]
fn a_refusal_comes_in_the_place_of_100_continue() {
    let (app, _) = stocked();
    let token = ingest(&app);
    let expect = "Expect: 100-continue\r\n";
    for (head, status) in [
        (upload("plt_wrong", expect, 12), "401 Unauthorized"),
        (upload(&token, expect, 300_000_000), "413 Payload Too Large"),
        (upload(&token, expect, 12).replace("text/csv", "text/plain"), "415 Unsupported Media Type"),
        (upload(&token, expect, 12).replace("daily-stats", "daily-status"), "404 Not Found"),
    ] {
        assert_eq!(statuses(&said(&app, &head)), [status]);
    }
}

#[test]
fn an_upload_that_may_come_is_told_to_go_on() {
    let (app, _) = stocked();
    let mut stream = app.connect();
    let head = upload(&ingest(&app), "Expect: 100-continue\r\nConnection: close\r\n", ROW.len());
    stream.write_all(head.as_bytes()).unwrap();
    let mut told = [0; "HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut told).unwrap();
    assert_eq!(String::from_utf8_lossy(&told), "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(ROW.as_bytes()).unwrap();
    let answer = rest(stream);
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("\"inserted\":1"), "{answer}");
}

#[test]
fn a_body_that_nobody_waits_for_may_come_with_its_head() {
    let (app, _) = stocked();
    let head = upload(&ingest(&app), "Expect: 100-continue\r\nConnection: close\r\n", ROW.len());
    let answer = said(&app, &(head + ROW));
    assert!(answer.ends_with('}') && answer.contains("\"inserted\":1"), "{answer}");
    let behind =
        format!("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n{}", upload("plt_wrong", "Expect: 100-continue\r\n", 12));
    assert_eq!(statuses(&said(&app, &behind)), ["200 OK", "401 Unauthorized"]);
}

#[test]
fn no_request_is_carried_out_after_the_one_that_closes_the_connection() {
    let (app, _) = stocked();
    let write = upload(&ingest(&app), "", ROW.len()) + ROW;
    let imports = || column::<i64>(&app.database(), "select count(*) from imports");
    let before = imports();
    let answer = said(&app, &format!("GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n{write}{write}"));
    assert_eq!(statuses(&answer), ["200 OK"]);
    assert!(answer.ends_with("\r\n\r\nok\n"), "{answer}");
    assert_eq!(statuses(&said(&app, &format!("GET /livez HTTP/1.0\r\n\r\n{write}"))), ["200 OK"]);
    assert_eq!(imports(), before);
}

#[test]
fn only_the_last_answer_says_that_the_connection_ends() {
    let (app, _) = stocked();
    let refused = upload("plt_wrong", "", ROW.len()) + ROW;
    let answer = said(&app, &(refused + &upload(&ingest(&app), "Connection: close\r\n", ROW.len()) + ROW));
    assert_eq!(statuses(&answer), ["401 Unauthorized", "200 OK"]);
    assert_eq!(answer.matches("connection: close").count(), 1, "the first answer promised an end: {answer}");
    let get = "GET /livez HTTP/1.1\r\nHost: x\r\n";
    let answer = said(&app, &format!("{get}\r\n{get}\r\n{get}Connection: close\r\n\r\n"));
    assert_eq!(statuses(&answer), ["200 OK"; 3]);
    assert_eq!(answer.matches("connection: close").count(), 1, "{answer}");
}

#[test]
fn malformed_chunks_are_answered() {
    let (app, _) = stocked();
    let head = upload(&ingest(&app), "Transfer-Encoding: chunked\r\n", 0).replace("Content-Length: 0\r\n", "");
    let answer = said(&app, &format!("{head}5\r\nhello\r\nZZ\r\n"));
    assert_eq!(statuses(&answer), ["400 Bad Request"]);
    assert!(answer.contains("chunked") && answer.ends_with('}'), "{answer}");
}
