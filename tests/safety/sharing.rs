//! Slow readers of long reports delay nobody.

use std::fmt::Write as _;
use std::io::Read as _;
use std::time::{Duration, Instant};

use reqwest::blocking::Response;

use crate::common::program::{Program, Server, TWO_DAYS};

const LONG: &str = "/api/v1/integrations/cost-report/singular/json?date_from=2026-02-01&date_to=2026-12-31";
const SHORT: &str = "/api/v1/integrations/cost-report/singular/csv?date_from=2026-01-01&date_to=2026-01-31";
const GENERAL: &str = "/api/v1/integrations/cost-report/json?date_from=2026-01-01&date_to=2026-12-31";

/// Acme with a report that no buffer can hold, and Beta with two days.
fn site() -> Program {
    let site = Program::stocked();
    let mut rows = String::from("date,campaign_name,partner,clicks,cost\n");
    for row in 0..90_000 {
        let (day, partner) = (1 + row % 28, row / 28);
        writeln!(rows, "2026-02-{day:02},AOS_TEST,P{partner},1,{row}.25").unwrap();
    }
    let large = site.file("large.csv", &rows);
    site.ok(&["import", &large, "--advertiser", "Acme", "--create-missing"]);
    let small = site.file("small.csv", TWO_DAYS);
    site.ok(&["import", &small, "--advertiser", "Beta", "--create-missing"]);
    site
}

/// Requests the long report and reads only its beginning.
fn begin(server: &Server, token: &str) -> (Response, Vec<u8>) {
    begin_from(server, token, "192.0.2.1")
}

/// The same from another address, according to a trusted proxy.
fn begin_from(server: &Server, token: &str, address: &str) -> (Response, Vec<u8>) {
    let client = reqwest::blocking::Client::builder().no_proxy().timeout(None).build().unwrap();
    let request = client.get(format!("{}{LONG}", server.origin)).header("Authorization", format!("ApiToken {token}"));
    let request = request.header("X-Forwarded-For", address);
    let mut response = request.send().unwrap();
    assert_eq!(response.status(), 200);
    let mut first = vec![0; 1000];
    response.read_exact(&mut first).unwrap();
    (response, first)
}

/// The rest of a report, without what is new in every answer.
fn rest((mut response, mut bytes): (Response, Vec<u8>)) -> Option<String> {
    response.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8(bytes).unwrap();
    Some(text[text.find("\"items\":").unwrap()..].to_owned())
}

#[test]
fn slow_readers_of_one_token_keep_nobody_waiting() {
    let site = site();
    let acme = site.token("report");
    let beta = site.ok(&["token", "create", "--advertiser", "Beta", "--name", "test"]).trim().to_owned();
    site.admit("ada@example.com", "a sentence is easier");
    let server = site.serve(&["--backup-at", "off", "--report-cache", "0", "--rate-limit", "0"]);
    let fresh = rest(begin(&server, &acme)).unwrap();
    let mut slow: Vec<_> = (0..24).map(|_| begin(&server, &acme)).collect();
    let since = Instant::now();
    let mut asked = 0;
    while since.elapsed() < Duration::from_secs(4) {
        for (token, path) in
            [(&beta, SHORT), (&acme, SHORT), (&beta, GENERAL), (&beta, "/readyz"), (&String::new(), "/admin/login")]
        {
            let before = Instant::now();
            let (status, _) = server.ask(token, &format!("GET {path}"), "").unwrap();
            assert_eq!(status, 200, "{path}");
            assert!(before.elapsed() < Duration::from_secs(2), "{path} took {:?}", before.elapsed());
            asked += 1;
        }
    }
    assert!(asked > 20, "{asked}");
    let mut ada = crate::common::http::Person::at(&server.origin);
    assert_eq!(ada.log_in("ada@example.com", "a sentence is easier").status, 303);
    let before = Instant::now();
    site.ok(&["token", "revoke", &beta[4..20]]);
    assert_eq!(server.ask(&beta, &format!("GET {SHORT}"), "").unwrap().0, 401);
    assert!(before.elapsed() < Duration::from_secs(3), "{:?}", before.elapsed());
    // A client that waits long enough gets all of it, from one state of the database.
    site.import_later();
    assert!(rest(slow.pop().unwrap()) == Some(fresh), "a slow reader got something else");
    // Days that changed before they were read are not mixed in.
    let later = site.file("later.csv", "date,campaign_name,partner,clicks,cost\n2026-02-28,AOS_TEST,P3,5,5\n");
    site.ok(&["import", &later, "--advertiser", "Acme"]);
    assert_eq!(rest(slow.pop().unwrap()), None, "a report of two states looked whole");
}

#[test]
fn while_somebody_holds_the_write_lock_tokens_are_revoked_and_people_log_in() {
    let site = Program::stocked();
    let (token, other) = (site.token("report"), site.token("report"));
    let feed = site.ok(&["feed", "create", "--advertiser", "Acme", "--name", "F", "--format", "generic"]);
    let feed_id = site.json(&["feed", "list", "--json"])[0]["id"].as_str().unwrap().to_owned();
    let feed_path = feed.trim()[feed.find("/feeds/").unwrap()..].to_owned();
    site.admit("ada@example.com", "a sentence is easier");
    let flags = ["--backup-at", "off", "--rate-limit", "0"];
    let mut server = site.serve(&flags);
    let status = |server: &Server, token: &str, path: &str| server.ask(token, &format!("GET {path}"), "").unwrap().0;
    assert_eq!((status(&server, &token, SHORT), status(&server, "", &feed_path)), (200, 200));
    let lock = rusqlite::Connection::open(site.path("data").join("pitlane.db")).unwrap();
    lock.execute_batch("begin immediate").unwrap();
    let at_once = |args: &[&str]| {
        let since = Instant::now();
        site.ok(args);
        assert!(since.elapsed() < Duration::from_secs(1), "{args:?} took {:?}", since.elapsed());
    };
    at_once(&["token", "revoke", &token[4..20]]);
    at_once(&["feed", "revoke", &feed_id]);
    assert_eq!((status(&server, &token, SHORT), status(&server, "", &feed_path)), (401, 404));
    assert_eq!(status(&server, &other, SHORT), 200);
    let mut ada = crate::common::http::Person::at(&server.origin);
    let since = Instant::now();
    assert_eq!(ada.log_in("ada@example.com", "a sentence is easier").status, 303);
    assert_eq!(ada.get("/admin/tokens").status, 200);
    assert!(since.elapsed() < Duration::from_secs(2), "{:?}", since.elapsed());
    // A kill loses none of it, and the next writer carries it out.
    server.kill();
    drop(lock);
    let server = site.serve(&flags);
    ada.move_to(&server.origin);
    assert_eq!((status(&server, &token, SHORT), status(&server, "", &feed_path)), (401, 404));
    assert_eq!(ada.get("/admin/").status, 200);
    site.ok(&["advertiser", "create", "--name", "Gamma"]);
    assert_eq!(std::fs::read(site.path("data").join("pitlane.urgent")).unwrap(), b"");
    assert_eq!((status(&server, &token, SHORT), status(&server, "", &feed_path)), (401, 404));
    assert_eq!(ada.get("/admin/").status, 200);
    let told = ada.get("/admin/audit").into_text();
    for (action, times) in [("token revoke", 1), ("feed revoke", 1)] {
        assert_eq!(told.matches(action).count(), times, "{action}: {told}");
    }
    assert_eq!(ada.post("/admin/logout", &[]).status, 303);
    assert_eq!(ada.get("/admin/").status, 303);
}

#[test]
fn neither_many_tokens_nor_a_shared_address_take_anybodys_turn() {
    let site = site();
    let crowd: Vec<_> = (0..6).map(|_| site.token("report")).collect();
    let (near, far) = (site.token("report"), site.token("report"));
    let server =
        site.serve(&["--backup-at", "off", "--report-cache", "0", "--rate-limit", "0", "--trusted-proxy", "127.0.0.1"]);
    let fresh = rest(begin_from(&server, &far, "203.0.113.9")).unwrap();
    let held: Vec<_> =
        crowd.iter().flat_map(|token| [token; 8]).map(|token| begin_from(&server, token, "198.51.100.1")).collect();
    for (token, address) in [(&far, "203.0.113.9"), (&near, "198.51.100.1")] {
        let since = Instant::now();
        assert!(rest(begin_from(&server, token, address)).unwrap() == fresh, "{address}");
        assert!(since.elapsed() < Duration::from_secs(10), "{address} took {:?}", since.elapsed());
    }
    drop(held);
}
