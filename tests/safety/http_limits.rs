//! Bad clients: too much, too slow, too long; and a graceful stop.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use reqwest::Method;

use crate::common::http::{Person, answer};
use crate::common::program::{Program, Server, text};

const ASKED: &str = "GET /api/v1/integrations/cost-report/singular/csv?date_from=2026-01-01&date_to=2026-12-31";

/// Sends these bytes and reads until the server closes the connection.
fn raw(server: &Server, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    // The server may close the connection before it has read everything.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn lives(server: &Server) -> bool {
    server.ask("", "GET /livez", "").is_ok_and(|answer| answer.0 == 200)
}

#[test]
fn heads_and_addresses_have_a_limit() {
    let site = Program::stocked();
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
    let site = Program::stocked();
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
fn a_client_that_never_finishes_its_head_is_disconnected() {
    let site = Program::stocked();
    let server = site.serve(&["--backup-at", "off"]);
    let since = Instant::now();
    let answer = raw(&server, b"GET /livez HTTP/1.1\r\nHost: x\r\n");
    let took = since.elapsed();
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!((Duration::from_secs(5)..Duration::from_secs(20)).contains(&took), "{took:?}");
}

#[test]
fn a_body_that_stops_coming_is_not_waited_for() {
    let site = Program::stocked();
    let token = site.token("ingest");
    let server = site.serve(&["--backup-at", "off"]);
    let since = Instant::now();
    let head = format!(
        "POST /api/v1/daily-stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: ApiToken {token}\r\n\
         Content-Type: text/csv\r\nContent-Length: 1000\r\n\r\ndate,campaign_name"
    );
    let answer = raw(&server, head.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("too slowly"), "{answer}");
    assert!(since.elapsed() < Duration::from_secs(30), "{:?}", since.elapsed());
}

#[test]
fn a_form_that_stops_coming_is_not_waited_for() {
    let site = Program::stocked();
    let server = site.serve(&["--backup-at", "off"]);
    let since = Instant::now();
    let head = "POST /admin/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000\r\n\r\nform_token=";
    let answer = raw(&server, head.as_bytes());
    assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("too slowly"), "{answer}");
    assert!(since.elapsed() < Duration::from_secs(30), "{:?}", since.elapsed());
}

#[test]
fn a_client_that_reads_nothing_of_an_answer_is_disconnected() {
    let site = Program::stocked();
    let server = site.serve(&["--backup-at", "off", "--rate-limit", "0"]);
    let mut lazy = TcpStream::connect(&server.address).unwrap();
    lazy.set_write_timeout(Some(Duration::from_mins(2))).unwrap();
    // More than all buffers in between: the last write blocks until the server closes the connection.
    let many = "GET /api/docs HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100);
    let since = Instant::now();
    let ended = loop {
        if let Err(ended) = lazy.write_all(many.as_bytes()) {
            break ended;
        }
    };
    assert_eq!(ended.kind(), std::io::ErrorKind::ConnectionReset);
    assert!(since.elapsed() > Duration::from_secs(20), "{:?}", since.elapsed());
    assert!(lives(&server));
}

#[test]
fn a_flood_from_one_address_is_refused_on_every_route() {
    let site = Program::stocked();
    for path in ["/livez", "/readyz", "/metrics", "/admin/login", "/api/docs", "/nowhere"] {
        let server = site.serve(&["--backup-at", "off", "--rate-limit", "1"]);
        let refused = (0..300)
            .map(|_| server.anonymous().get(path))
            .find(|answer| answer.status == 429)
            .unwrap_or_else(|| panic!("300 requests for {path} were all answered"));
        assert!(refused.header("retry-after").is_some(), "{:?}", refused.headers);
        assert_eq!(refused.header("x-content-type-options"), Some("nosniff"));
        let is_page = refused.header("content-type").unwrap().starts_with("text/html");
        assert_eq!(is_page, path.starts_with("/admin"), "{:?}", refused.headers);
    }
}

#[test]
fn a_strangers_headers_can_not_change_the_servers_address() {
    let site = Program::stocked();
    let seen = |flags: &[&str]| {
        let server = site.serve(&[&["--backup-at", "off"], flags].concat());
        let request = server.anonymous().request(Method::GET, "/api/docs").header("Host", "costs.example.com");
        let request = request.header("X-Forwarded-Host", "evil.example").header("X-Forwarded-Proto", "https");
        answer(request.header("Forwarded", "host=evil.example;proto=https")).into_text()
    };
    let page = seen(&[]);
    assert!(page.contains("http://costs.example.com/") && !page.contains("evil.example"), "{page}");
    assert!(seen(&["--trusted-proxy", "127.0.0.1"]).contains("https://evil.example/"));
}

#[test]
fn a_cookie_somebody_else_chose_is_no_session_before_or_after_a_log_in() {
    let site = Program::stocked();
    site.admit("ada@example.com", "a sentence is easier");
    let server = site.serve(&["--backup-at", "off"]);
    let chosen = "a".repeat(64);
    let mut ada = Person::at(&server.origin);
    ada.cookies.extend(["pitlane_session", "pitlane_guest"].map(|name| (name.to_owned(), chosen.clone())));
    let welcome = ada.log_in("ada@example.com", "a sentence is easier");
    assert_eq!(welcome.status, 303, "{}", welcome.text());
    assert_eq!(ada.get("/admin/").status, 200);
    ada.cookies.insert("pitlane_session".to_owned(), chosen);
    assert_eq!(ada.get("/admin/").status, 303);
}

#[test]
fn ambiguous_requests_are_refused() {
    let site = Program::stocked();
    let server = site.serve(&["--backup-at", "off"]);
    for headers in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: +5",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Content-Length : 5",
    ] {
        let request = format!(
            "POST /admin/login HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n0\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
        );
        let answer = raw(&server, request.as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400") && answer.matches("HTTP/1.1").count() == 1, "{headers}: {answer}");
    }
}

#[test]
fn only_files_in_the_binary_are_assets() {
    let site = Program::stocked();
    let server = site.serve(&["--backup-at", "off"]);
    for path in [
        "../Cargo.toml",
        "..%2fCargo.toml",
        "%2e%2e/Cargo.toml",
        "..%5cCargo.toml",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "%00",
    ] {
        assert_eq!(server.ask("", &format!("GET /assets/{path}"), "").unwrap().0, 404, "{path}");
    }
    assert_eq!(server.ask("", "GET /assets/pitlane.css", "").unwrap().0, 200);
}

#[test]
fn a_stop_ends_within_ten_seconds_and_leaves_no_log() {
    let site = Program::stocked();
    let (report_token, report) = (site.token("report"), site.report());
    let mut server = site.serve(&["--backup-at", "off"]);
    assert_eq!(server.ask(&report_token, ASKED, "").unwrap().0, 200);
    // Idle connections and half a request don't delay it.
    let mut half = TcpStream::connect(&server.address).unwrap();
    half.write_all(b"GET /livez HTTP/1.1\r\n").unwrap();
    let idle = TcpStream::connect(&server.address).unwrap();
    let since = Instant::now();
    assert!(Command::new("kill").arg(server.child.id().to_string()).status().unwrap().success());
    let status = server.child.wait().unwrap();
    assert!(status.success(), "{status}");
    assert!(since.elapsed() < Duration::from_secs(12), "{:?}", since.elapsed());
    drop((half, idle));
    assert!(site.data().join("pitlane.db-wal").metadata().map_or(0, |log| log.len()) == 0);
    assert_eq!(site.report(), report);
}

#[test]
fn a_stop_does_not_wait_for_a_client_that_takes_nothing() {
    let site = Program::stocked();
    let token = site.token("report");
    let mut rows = String::from("date,campaign_name,partner,clicks,cost\n");
    for row in 0..40_000 {
        let (day, partner) = (1 + row % 28, row / 28);
        writeln!(rows, "2026-02-{day:02},AOS_TEST,P{partner},1,1").unwrap();
    }
    let file = site.file("large.csv", &rows);
    site.ok(&["import", text(&file), "--advertiser", "Acme", "--create-missing"]);
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
    let site = Program::stocked();
    let (report_token, report) = (site.token("report"), site.report());
    let server = site.serve(&["--backup-at", "off", "--rate-limit", "0"]);
    let lock = rusqlite::Connection::open(site.data().join("pitlane.db")).unwrap();
    lock.execute_batch("begin immediate").unwrap();
    for _ in 0..200 {
        let (status, csv) = server.ask(&report_token, ASKED, "").unwrap();
        assert_eq!((status, String::from_utf8(csv).unwrap()), (200, report.clone()));
    }
    lock.execute_batch("rollback").unwrap();
}

/// Sends the head, and then a few bytes every 50 ms until the server answers; returns the answer, and how long it took.
fn trickle(server: &Server, head: &str, mut little: impl FnMut() -> Vec<u8>) -> (String, Duration) {
    let since = Instant::now();
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    while since.elapsed() < Duration::from_mins(2) {
        if stream.write_all(&little()).is_err() || stream.read_to_end(&mut answer).is_ok() {
            break;
        }
    }
    let _ = stream.read_to_end(&mut answer);
    (String::from_utf8_lossy(&answer).into_owned(), since.elapsed())
}

#[test]
fn slow_uploads_and_forms_are_disconnected_and_a_revocation_ends_a_running_upload() {
    let site = Program::stocked();
    let (token, revoked) = (site.token("ingest"), site.token("ingest"));
    site.admit("ada@example.com", "a sentence is easier");
    let server = site.serve(&["--backup-at", "off"]);
    let mut ada = Person::at(&server.origin);
    assert_eq!(ada.log_in("ada@example.com", "a sentence is easier").status, 303);
    ada.get("/admin/imports/new");
    let upload = |token: &str| {
        format!(
            "POST /api/v1/daily-stats HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: ApiToken {token}\r\n\
             Content-Type: text/csv\r\nContent-Length: 9000000\r\n\r\ndate,campaign_name,partner,clicks,cost\n"
        )
    };
    let cookies: Vec<_> = ada.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let form = format!(
        "POST /admin/imports/new HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nCookie: {}\r\n\
         Content-Type: multipart/form-data; boundary=xYz\r\nContent-Length: 9000000\r\n\r\n\
         --xYz\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\n{}\r\n--xYz",
        server.address,
        cookies.join("; "),
        ada.form_token
    );
    let part = "\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n--xYz";
    let many = "2026-01-01,AOS_TEST,Lumen,1,1\n".repeat(50);
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| trickle(&server, &upload(&token), || b"2026-01-01,AOS_TEST,Lumen,1,1\n".to_vec()));
        let parts = scope.spawn(|| trickle(&server, &form, || part.as_bytes().to_vec()));
        let ended = scope.spawn(|| trickle(&server, &upload(&revoked), || many.clone().into_bytes()));
        std::thread::sleep(Duration::from_secs(2));
        site.ok(&["token", "revoke", &revoked[4..20]]);
        let (answer, took) = ended.join().unwrap();
        assert!(answer.starts_with("HTTP/1.1 401") && took < Duration::from_secs(10), "{took:?}: {answer}");
        for slow in [slow, parts] {
            let (answer, took) = slow.join().unwrap();
            assert!(answer.starts_with("HTTP/1.1 408") && took < Duration::from_secs(50), "{took:?}: {answer}");
        }
    });
}
