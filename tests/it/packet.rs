//! The packet for Singular's integration team, and the sandbox behind its token.

use pitlane::service::connect::fields::FIELDS;
use serde_json::Value;

use crate::common::program::{Program, Server, files};
use crate::fixtures::{SINGULAR_CSV, SINGULAR_JSON, ranged};
use crate::harness::{Answer, Client};

/// Makes a packet for Acme and returns its document.
fn packet(program: &Program, server: &Server) -> String {
    let dir = program.arg("packet");
    let made = ["singular", "packet", "--advertiser", "Acme", "--contact", "ada@example.com", &dir];
    let start = program.ok(&[&made[..], &["--public-url", &server.origin]].concat());
    std::fs::read_to_string(start.trim()).unwrap()
}

fn token(document: &str) -> &str {
    let (_, rest) = document.split_once("ApiToken plt_").unwrap();
    let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap();
    &document[document.len() - rest.len() - 4..][..length + 4]
}

fn served() -> (Program, Server) {
    let program = Program::stocked();
    let server = program.serve(&["--backup-at", "off"]);
    (program, server)
}

fn sample(program: &Program, name: &str) -> Vec<u8> {
    std::fs::read(program.path("packet").join(name)).unwrap()
}

/// The dates of the request in the document.
fn days(document: &str) -> (String, String) {
    let value = |name: &str| document.split_once(&format!("{name}=")).unwrap().1[..10].to_owned();
    (value("date_from"), value("date_to"))
}

fn items(answer: &Answer) -> Vec<Value> {
    answer.json()["data"]["items"].as_array().unwrap().clone()
}

#[test]
fn its_token_reads_made_up_days_as_the_real_one_reads_real_ones() {
    let (program, server) = served();
    let document = packet(&program, &server);
    for part in [&server.origin, "ada@example.com", "Acme", "USD", "UTC"] {
        assert!(document.contains(part), "{part}: {document}");
    }
    let sandbox = server.anonymous().with(token(&document));
    let (from, to) = days(&document);
    let answer = sandbox.get(&ranged(SINGULAR_JSON, &from, &to));
    assert_eq!((answer.status, items(&answer).len()), (200, 12));
    // Its recorded answers are what the server returns, and its table has the report's keys in order.
    let sampled: Value = serde_json::from_slice(&sample(&program, "sample-report.json")).unwrap();
    assert_eq!(sampled["data"]["items"], answer.json()["data"]["items"]);
    let csv = sandbox.get(&ranged(SINGULAR_CSV, &from, &to));
    assert_eq!(csv.body, sample(&program, "sample-report.csv"));
    let keys: Vec<_> = FIELDS.iter().map(|field| field.key).collect();
    assert_eq!(csv.text().lines().next().unwrap(), keys.join(","));
    assert_eq!(items(&answer)[0].as_object().unwrap().keys().collect::<Vec<_>>(), keys);
    assert!(csv.text().contains("\"Café \"\"Lumière\"\", Deluxe\""), "{}", csv.text());

    let months = ranged(SINGULAR_JSON, "2026-01-01", &to);
    let whole = sandbox.get(&months);
    let tag = whole.header("etag").unwrap().to_owned();
    assert_eq!(sandbox.get_with(&months, "If-None-Match", &tag).status, 304);
    let head = sandbox.head(&months);
    assert_eq!((head.status, head.header("etag"), head.body.len()), (200, Some(tag.as_str()), 0));
    assert_eq!(whole.header("cache-control"), Some("private, no-cache"));
    let gzipped = sandbox.get_with(&months, "Accept-Encoding", "gzip");
    assert_eq!(gzipped.header("content-encoding"), Some("gzip"));
}

#[test]
fn every_status_of_the_description_is_in_the_table_of_answers() {
    let (program, server) = served();
    let document = packet(&program, &server);
    let description: Value = serde_json::from_slice(&sample(&program, "openapi.json")).unwrap();
    let listed: String = document
        .lines()
        .filter_map(|line| line.strip_prefix("<tr><td>")?.split("</td>").next())
        .fold(String::new(), |all, statuses| all + statuses + ",");
    for (path, methods) in description["paths"].as_object().unwrap() {
        for status in methods["get"]["responses"].as_object().unwrap().keys().filter(|status| *status != "200") {
            assert!(listed.contains(status.as_str()), "{status} of {path} is missing in {listed}");
        }
    }
    // What the sandbox answers to each kind of mistake is in the table too.
    let sandbox = server.anonymous().with(token(&document));
    let (from, to) = days(&document);
    let path = ranged(SINGULAR_JSON, &from, &to);
    for (answer, status) in [
        (sandbox.get(&ranged(SINGULAR_JSON, "2026-02-30", "2026-03-01")), 400),
        (server.anonymous().get(&path), 401),
        (sandbox.get("/api/v1/integrations/cost-report/singular/xml"), 404),
        (sandbox.post(SINGULAR_JSON, "text/csv", ""), 405),
        (sandbox.get_with(&path, "If-Match", "\"x\""), 412),
    ] {
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(listed.contains(&status.to_string()), "{status} is missing in {listed}");
    }
    // A tag is of one address: with other dates it doesn't count.
    let tag = sandbox.get(&path).header("etag").unwrap().to_owned();
    assert_eq!(sandbox.get_with(&ranged(SINGULAR_JSON, &from, &from), "If-None-Match", &tag).status, 200);
    assert_eq!(sandbox.get_with(&path, "If-None-Match", &tag).status, 304);
    let policy = sandbox.get(&path).header("ratelimit-policy").map(str::to_owned);
    assert!(document.contains(&format!("RateLimit-Policy: {}", policy.unwrap())), "{document}");
    // This server's address is only of this machine.
    assert!(document.contains("The address above is a placeholder") && document.contains("refresh request"));
}

#[test]
fn its_errors_are_those_that_the_packet_shows() {
    let (program, server) = served();
    let document = packet(&program, &server);
    let sandbox = server.anonymous().with(token(&document));
    let same = |answer: &Answer, name: &str| {
        let mut sampled: Value = serde_json::from_slice(&sample(&program, name)).unwrap();
        sampled["responseId"] = answer.json()["responseId"].clone();
        assert_eq!(answer.text(), sampled.to_string(), "{name}");
    };
    same(&sandbox.get(&ranged(SINGULAR_JSON, "2026-02-30", "2026-03-01")), "sample-400.json");
    same(&server.anonymous().get(&ranged(SINGULAR_JSON, "2026-02-01", "2026-03-01")), "sample-401.json");
    let general = sandbox.get(&ranged("/api/v1/integrations/cost-report/json", "2026-01-01", "2026-01-31"));
    assert_eq!(general.status, 403);
    assert!(general.text().contains("sandbox"), "{}", general.text());
    assert_eq!(sandbox.post("/api/v1/daily-stats", "text/csv", "date\n").status, 403);
}

#[test]
fn nothing_of_the_sandbox_is_anywhere_else() {
    let (program, server) = served();
    let state = || {
        let status = program.run(&["--json", "singular", "status"]).stdout;
        (program.report(), status, program.json(&["token", "list"]))
    };
    let before = state();
    let metrics = |client: &Client| {
        let text = client.get("/metrics").text().to_owned();
        let ours = text.lines().filter(|line| line.contains("advertiser=")).map(str::to_owned);
        ours.collect::<std::collections::BTreeSet<_>>()
    };
    let counted = metrics(&server.anonymous());
    let document = packet(&program, &server);
    let sandbox = server.anonymous().with(token(&document));
    for path in [SINGULAR_JSON, SINGULAR_CSV] {
        assert_eq!(sandbox.get(&ranged(path, "2026-01-01", "2026-12-31")).status, 200);
    }
    assert_eq!(sandbox.get(&ranged(SINGULAR_JSON, "nonsense", "2026-12-31")).status, 400);
    assert_eq!(metrics(&server.anonymous()), counted);
    // A stop writes the poll history.
    server.stop();
    assert_eq!(state(), before);
    let doctor = program.run(&["doctor"]).stdout;
    assert!(doctor.contains("has no live token") && doctor.contains("was not polled yet"), "{doctor}");
    program.ok(&["export", &program.arg("export")]);
    let id = token(&document).split('_').nth(1).unwrap().to_owned();
    for (path, bytes) in files(&program.path("export")) {
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        let is_audit = path.ends_with("audit.csv");
        let told = text.contains("sandbox racer") || text.contains("sandbox_cafe") || text.contains(&id.to_lowercase());
        assert!(!told || is_audit, "{}: {text}", path.display());
    }
    let database = rusqlite::Connection::open(program.data().join("pitlane.db")).unwrap();
    let polls: i64 = database.query_row("select count(*) from polls", (), |row| row.get(0)).unwrap();
    let used: Option<i64> =
        database.query_row("select last_used_at from api_tokens where id = ?1", [&id], |row| row.get(0)).unwrap();
    assert!(polls == 0 && used.is_some(), "{polls} {used:?}");
}

#[test]
fn a_packet_made_again_revokes_the_token_of_the_one_before() {
    let (program, server) = served();
    let first = packet(&program, &server);
    let path = ranged(SINGULAR_JSON, "2026-01-01", "2026-01-31");
    let get = |document: &str| server.anonymous().with(token(document)).get(&path);
    assert_eq!(get(&first).status, 200);
    // A folder with other files is refused before any token is revoked.
    program.file("other.txt", "x");
    let args = ["singular", "packet", "--advertiser", "Acme", "--public-url", &server.origin];
    let words = program.fails(&[&args[..], &[program.root().to_str().unwrap()]].concat());
    assert!(words.contains("expected a new or an empty one"), "{words}");
    assert_eq!(get(&first).status, 200);
    let second = packet(&program, &server);
    assert_eq!((get(&first).status, get(&second).status), (401, 200));
    assert!(get(&first).text().contains("was revoked"), "{}", get(&first).text());
    let id = token(&second).split('_').nth(1).unwrap();
    let words = program.fails(&["token", "rotate", id]);
    assert!(words.contains("make the packet again"), "{words}");
    program.ok(&["token", "revoke", id]);
    assert_eq!(get(&second).status, 401);
}

#[test]
fn without_an_address_there_is_no_packet_and_one_that_singular_can_not_reach_is_told() {
    let program = Program::stocked();
    let args = ["singular", "packet", "--advertiser", "Acme"];
    let words = program.fails(&[&args[..], &[&program.arg("packet")]].concat());
    assert!(words.contains("--public-url") && !program.path("packet").exists(), "{words}");
    let local = ["--json", "singular", "packet", "--advertiser", "Acme", "--public-url", "http://127.0.0.1:8080"];
    let ended = program.run(&[&local[..], &[&program.arg("packet")]].concat());
    let made: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(made["warnings"].as_array().unwrap().len(), 2, "{made}");
    assert_eq!(made["files"].as_array().unwrap().len(), files(&program.path("packet")).len());
    assert!(ended.stderr.contains("plain HTTP") && ended.stderr.contains("can't reach it"), "{}", ended.stderr);
}

#[test]
fn a_connector_that_was_written_from_the_packet_alone_reads_the_sandbox() {
    let (program, server) = served();
    packet(&program, &server);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/connector.py");
    let ran = std::process::Command::new("python3").args([script, &program.arg("packet")]).output().unwrap();
    let (said, words) = (String::from_utf8(ran.stdout).unwrap(), String::from_utf8_lossy(&ran.stderr).into_owned());
    let lines: Vec<_> = said.lines().collect();
    // 93 days of six items each; days that are requested again replace the earlier ones.
    assert_eq!(lines.first(), Some(&"558 93"), "{words}");
    assert!(lines[1].starts_with("558 93 ") && lines[1].contains('.'), "{said}");
}
