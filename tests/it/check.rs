//! The check from outside, against the server and against a proxy that breaks things; and tokens that are restricted to
//! networks.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use chrono::{Days, Utc};

use crate::alarm_world::{PATIENCE, receiver};
use crate::common::program::{Program, Server};
use crate::fixtures::{SINGULAR_JSON, csv, ranged};

/// Acme with rows in the days that a first connect asks for, served.
fn served() -> (Program, Server) {
    let program = Program::stocked();
    let rows = (1..60).map(|days| {
        let day = Utc::now().date_naive().checked_sub_days(Days::new(days)).unwrap();
        format!("{day},AOS_TEST,Lumen,{days},{days}.5")
    });
    let file = program.file("recent.csv", csv(rows));
    program.ok(&["import", &file, "--advertiser", "Acme"]);
    let server = program.serve(&["--backup-at", "off"]);
    (program, server)
}

/// A proxy that forwards each request without the lines that begin like this, one request per connection.
fn proxy_without(server: &Server, header: &'static str) -> String {
    let (listener, upstream) = (TcpListener::bind("127.0.0.1:0").unwrap(), server.address.clone());
    let origin = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (client, mut server) = (client.unwrap(), TcpStream::connect(&upstream).unwrap());
            let mut head = String::new();
            let mut lines = BufReader::new(&client);
            while lines.read_line(&mut head).is_ok_and(|read| read > 2) {}
            if head.is_empty() {
                continue;
            }
            let kept = head.split_inclusive("\r\n").filter(|line| !line.to_ascii_lowercase().starts_with(header));
            let kept: String = kept.collect();
            server.write_all(kept.replacen("\r\n", "\r\nConnection: close\r\n", 1).as_bytes()).unwrap();
            let mut answer = Vec::new();
            let _ = server.read_to_end(&mut answer);
            let _ = (&client).write_all(&answer);
        }
    });
    origin
}

#[test]
fn a_server_that_can_be_reached_passes_and_the_token_is_gone() {
    let (program, server) = served();
    let checked = program.json(&["singular", "check"]);
    assert_eq!((checked["ok"].as_bool(), checked["url"].as_str()), (Some(true), Some(server.origin.as_str())));
    let found: Vec<_> =
        checked["findings"].as_array().unwrap().iter().map(|one| one["check"].as_str().unwrap()).collect();
    assert_eq!(found, ["name", "token", "headers", "rows", "single days", "gzip", "etag", "client's address"]);
    let tokens = program.json(&["token", "list"]);
    assert_eq!((tokens[0]["live"].as_bool(), tokens[0]["reader"].as_str()), (Some(false), Some("other")));
}

#[test]
fn what_a_proxy_spoils_is_told_with_the_mend() {
    let (program, server) = served();
    let url = proxy_without(&server, "authorization:");
    let ended = program.run(&["singular", "check", &url]);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    for part in ["FAIL token", "proxy_set_header Authorization", "Caddy", "CGIPassAuth"] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    let url = proxy_without(&server, "accept-encoding:");
    let ended = program.run(&["--json", "singular", "check", &url]);
    let checked: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let failed = checked["findings"].as_array().unwrap().iter().filter(|one| one["ok"] == false);
    assert_eq!(failed.map(|one| one["check"].as_str().unwrap()).collect::<Vec<_>>(), ["gzip"], "{checked}");
    let nowhere = program.run(&["singular", "check", "http://127.0.0.1:1"]);
    assert!(nowhere.code == Some(1) && nowhere.stdout.contains("FAIL connection"), "{}", nowhere.stdout);
}

#[test]
fn another_servers_rows_and_history_are_not_taken_for_ours() {
    let (program, server) = served();
    let other = Program::stocked();
    let ended = other.run(&["singular", "check", &server.origin]);
    assert!(ended.code == Some(1) && ended.stdout.contains("FAIL token"), "{}", ended.stdout);
    drop(program);
}

#[test]
fn a_token_bound_to_networks_is_refused_from_elsewhere_and_that_is_shown() {
    let program = Program::stocked();
    let create = ["token", "create", "--advertiser", "Acme", "--name", "bound", "--allow"];
    let elsewhere = program.ok(&[&create[..], &["203.0.113.0/24,2001:db8::/32"]].concat());
    let here = program.ok(&[&create[..], &["127.0.0.0/8", "--allow", "203.0.113.7"]].concat());
    let server = program.serve(&["--backup-at", "off", "--trusted-proxy", "127.0.0.1"]);
    let path = ranged(SINGULAR_JSON, "2026-01-01", "2026-01-31");
    let from =
        |token: &str, address: &str| server.anonymous().with(token.trim()).get_with(&path, "X-Forwarded-For", address);
    assert_eq!((from(&elsewhere, "203.0.113.9").status, from(&elsewhere, "2001:db8::5").status), (200, 200));
    assert_eq!((from(&here, "127.0.0.1").status, from(&here, "203.0.113.8").status), (200, 403));
    let refused = from(&elsewhere, "198.51.100.4");
    assert_eq!(refused.status, 403);
    assert!(refused.text().contains("may not be used from 198.51.100.4"), "{}", refused.text());
    let listed = program.json(&["token", "list"]);
    assert_eq!(listed[0]["allow"], serde_json::json!(["2001:db8::/32", "203.0.113.0/24"]));
    let successor = program.ok(&["token", "rotate", elsewhere.split('_').nth(1).unwrap()]);
    assert_eq!(from(&successor, "198.51.100.4").status, 403, "a successor is bound as its forerunner is");
    let wrong = program.run(&[&create[..], &["203.0.113.0/33"]].concat());
    assert_eq!(wrong.code, Some(2));
}

#[test]
fn a_token_that_is_used_from_elsewhere_is_an_alarm() {
    let (program, server) = served();
    drop(server);
    let create = ["token", "create", "--advertiser", "Acme", "--name", "bound", "--allow", "203.0.113.0/24"];
    let token = program.ok(&create);
    let (url, posts) = receiver(0);
    let flags = ["--backup-at", "off", "--trusted-proxy", "127.0.0.1", "--alarm-webhook", &url];
    let server = program.serve(&flags);
    let path = ranged(SINGULAR_JSON, "2026-01-01", "2026-01-31");
    let client = server.anonymous().with(token.trim());
    // An advertiser that Singular never polled has no alarms.
    assert_eq!(client.get_with(&path, "X-Forwarded-For", "203.0.113.9").status, 200);
    assert_eq!(client.get_with(&path, "X-Forwarded-For", "198.51.100.4").status, 403);
    loop {
        let (_, post) = posts.recv_timeout(PATIENCE).unwrap();
        let message = post["pitlane"]["message"].as_str().unwrap();
        if message.contains("was used from 198.51.100.4, which is not on its list of networks") {
            break;
        }
    }
}
