//! Rude clients: too much, too slow, too long; and a stop that is graceful.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::Site;
use crate::shim::{Server, ask, text};

const ASKED: &str = "GET /api/v1/integrations/cost-report/singular/csv?date_from=2026-01-01&date_to=2026-12-31";

/// Sends these bytes and reads until the server ends the connection.
fn raw(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    // The server may end the connection before it took all.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn lives(server: &Server) -> bool {
    ask(&server.address, "", "GET /livez", "").is_ok_and(|answer| answer.0 == 200)
}

#[test]
fn heads_and_addresses_have_a_limit() {
    let site = Site::new();
    let server = site.serve(&["--backup-at", "off"]);
    let long = "x".repeat(1024 * 1024);
    for request in [
        format!("GET /livez?{long} HTTP/1.1\r\nHost: x\r\n\r\n"),
        format!("GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: {long}\r\n\r\n"),
        format!("GET /livez HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Many: y\r\n".repeat(100_000)),
    ] {
        let answer = raw(&server, request.as_bytes());
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{}", answer.lines().next().unwrap_or_default());
        assert!(lives(&server));
    }
}

#[test]
fn a_body_that_claims_too_much_is_refused_before_it_is_read() {
    let site = Site::new();
    let token = site.token("ingest");
    let server = site.serve(&["--backup-at", "off"]);
    let head = format!(
        "POST /api/v1/daily-stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: ApiToken {token}\r\n\
         Content-Type: text/csv\r\nContent-Length: 999999999999\r\n\r\n"
    );
    let answer = raw(&server, head.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[test]
fn a_client_that_never_finishes_its_head_is_sent_away() {
    let site = Site::new();
    let server = site.serve(&["--backup-at", "off"]);
    let since = Instant::now();
    let answer = raw(&server, b"GET /livez HTTP/1.1\r\nHost: x\r\n");
    let took = since.elapsed();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!((Duration::from_secs(5)..Duration::from_secs(20)).contains(&took), "{took:?}");
}

#[test]
fn a_body_that_stops_coming_is_not_waited_for() {
    let site = Site::new();
    let token = site.token("ingest");
    let server = site.serve(&["--backup-at", "off"]);
    let since = Instant::now();
    let head = format!(
        "POST /api/v1/daily-stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: ApiToken {token}\r\n\
         Content-Type: text/csv\r\nContent-Length: 1000\r\n\r\ndate,campaign_name"
    );
    let answer = raw(&server, head.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("too slowly"), "{answer}");
    assert!(since.elapsed() < Duration::from_secs(30), "{:?}", since.elapsed());
}

#[test]
fn a_stop_ends_within_ten_seconds_and_leaves_no_log() {
    let site = Site::new();
    let (report_token, report) = (site.token("report"), site.report());
    let mut server = site.serve(&["--backup-at", "off"]);
    assert_eq!(ask(&server.address, &report_token, ASKED, "").unwrap().0, 200);
    // Idle connections and half a request do not hold it up.
    let mut half = TcpStream::connect(&server.address).unwrap();
    half.write_all(b"GET /livez HTTP/1.1\r\n").unwrap();
    let idle = TcpStream::connect(&server.address).unwrap();
    let since = Instant::now();
    assert!(Command::new("kill").arg(server.child.id().to_string()).status().unwrap().success());
    let status = server.child.wait().unwrap();
    assert!(status.success(), "{status}");
    assert!(since.elapsed() < Duration::from_secs(12), "{:?}", since.elapsed());
    drop((half, idle));
    assert!(site.data_dir().join("pitlane.db-wal").metadata().map_or(0, |log| log.len()) == 0);
    assert_eq!(site.report(), report);
}

#[test]
fn a_stop_does_not_wait_for_a_client_that_takes_nothing() {
    let site = Site::new();
    let token = site.token("report");
    let mut rows = String::from("date,campaign_name,partner,clicks,cost\n");
    for row in 0..40_000 {
        let (day, partner) = (1 + row % 28, row / 28);
        writeln!(rows, "2026-02-{day:02},AOS_TEST,P{partner},1,1").unwrap();
    }
    let file = site.file("large.csv", &rows);
    site.done(&["import", text(&file), "--advertiser", "Acme", "--create-missing"]);
    let mut server = site.serve(&["--backup-at", "off"]);
    let mut lazy = TcpStream::connect(&server.address).unwrap();
    let path = ASKED.replace("/csv", "/json");
    write!(lazy, "{path} HTTP/1.1\r\nHost: x\r\nAuthorization: ApiToken {token}\r\n\r\n").unwrap();
    let mut first = [0; 12];
    lazy.read_exact(&mut first).unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let since = Instant::now();
    assert!(Command::new("kill").arg(server.child.id().to_string()).status().unwrap().success());
    server.child.wait().unwrap();
    assert!(since.elapsed() < Duration::from_secs(15), "{:?}", since.elapsed());
}

#[test]
fn reports_go_on_while_somebody_holds_the_write_lock() {
    let site = Site::new();
    let (report_token, report) = (site.token("report"), site.report());
    let server = site.serve(&["--backup-at", "off", "--rate-limit", "0"]);
    let lock = rusqlite::Connection::open(site.data_dir().join("pitlane.db")).unwrap();
    lock.execute_batch("begin immediate").unwrap();
    for _ in 0..200 {
        let (status, csv) = ask(&server.address, &report_token, ASKED, "").unwrap();
        assert_eq!((status, String::from_utf8(csv).unwrap()), (200, report.clone()));
    }
    lock.execute_batch("rollback").unwrap();
}
