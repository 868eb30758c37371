//! Running servers: `serve` and `demo` as processes of their own, while other commands work on the same data.

use chrono::{Days, Utc};

use crate::common::http::Client;
use crate::common::program::Program;
use crate::fixtures::{SINGULAR_CSV, may, ranged};

const COLUMNS: &str = "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n";

/// Acme with a row in May, and a token.
fn acme() -> (Program, String) {
    let program = Program::new();
    let file = program.file("rows.csv", format!("{COLUMNS}2025-05-01,A,Lumen,1,1.5,Offer,App,com.acme.app,ANDROID\n"));
    program.ok(&["import", &file, "--advertiser", "Acme", "--create-missing"]);
    let token = program.ok(&["token", "create", "--advertiser", "Acme", "--name", "Singular"]).trim_end().to_owned();
    (program, token)
}

#[test]
fn serve_says_where_it_listens_on_stdout_and_stops_cleanly() {
    let program = Program::new();
    let server = program.start("serve", "info");
    assert_eq!(server.anonymous().get("/livez").text(), "ok\n");
    assert!(server.anonymous().get("/readyz").text().starts_with("ready\n"));
    let listening = format!("listening on {}\n", server.origin);
    let ended = server.stop();
    assert_eq!((ended.code, ended.stdout), (Some(0), listening), "{}", ended.stderr);
    let records: Vec<serde_json::Value> =
        ended.stderr.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    let said =
        |words: &str| records.iter().find(|record| record["fields"]["message"].as_str().unwrap().contains(words));
    let database = program.data().join("pitlane.db");
    assert_eq!(said("database opened").unwrap()["fields"]["database"], database.to_str().unwrap());
    let file = said("makes the first admin").unwrap()["fields"]["file"].as_str().unwrap();
    let link = std::fs::read_to_string(file).unwrap();
    assert!(link.contains("/admin/setup/") && !ended.stderr.contains("/admin/setup/"), "{}", ended.stderr);
}

#[test]
fn a_log_for_people_shows_the_set_up_link_and_how_to_reach_it() {
    let program = Program::new();
    let ended = program.start_with("info", &["serve", "--log-format", "text"]).stop();
    let link = std::fs::read_to_string(program.data().join("setup-link.txt")).unwrap();
    assert!(ended.stderr.starts_with("database: ") && ended.stderr.contains(&link), "{}", ended.stderr);
    assert!(ended.stderr.contains("from another machine: ssh -L "), "{}", ended.stderr);
}

#[test]
fn plain_http_for_other_machines_is_warned_of_and_its_link_names_an_address_of_this_one() {
    let program = Program::new();
    let ended = program.start_with("info", &["serve", "--log-format", "text", "--listen", "0.0.0.0:0"]).stop();
    assert!(ended.stderr.contains("others on the network can read log-ins and tokens"), "{}", ended.stderr);
    let link = std::fs::read_to_string(program.data().join("setup-link.txt")).unwrap();
    let host = link.trim_start_matches("http://").split(':').next().unwrap().parse::<std::net::IpAddr>().unwrap();
    assert!(!host.is_unspecified(), "{link}");
}

#[test]
fn output_into_a_closed_pipe_ends_the_command_quietly() {
    let program = Program::stocked();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended = program.command(&["advertiser", "list"]).stdout(writer).output().unwrap();
    let words = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(0), "{words}");
    assert!(!words.contains("error") && !words.contains("panicked"), "{words}");
}

#[test]
fn a_failure_is_json_on_stdout_where_json_was_asked_for() {
    let program = Program::new();
    let code = |args: &[&str], expected: i32| {
        let ended = program.run(args);
        assert_eq!(ended.code, Some(expected), "{}", ended.stderr);
        let printed: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        assert!(!printed["error"]["message"].as_str().unwrap().is_empty());
        printed["error"]["code"].as_str().unwrap().to_owned()
    };
    program.ok(&["advertiser", "create", "--name", "Acme"]);
    assert_eq!(code(&["--json", "advertiser", "create", "--name", "Acme"], 1), "conflict");
    assert_eq!(
        code(&["--json", "report", "--advertiser", "No", "--from", "2026-01-01", "--to", "2026-01-01"], 1),
        "not_found"
    );
    assert_eq!(code(&["--json", "report", "--advertiser", "Acme", "--from", "x", "--to", "2026-01-01"], 1), "invalid");
    assert_eq!(code(&["advertiser", "create", "--json"], 2), "usage");
}

#[test]
fn an_invalid_log_filter_is_reported_and_the_default_is_used() {
    let ended = Program::new().start("serve", "pitlane=loud").stop();
    assert!(ended.stderr.contains("PITLANE_LOG is not a valid log filter"), "{}", ended.stderr);
    assert!(ended.stderr.contains("pitlane=loud"), "{}", ended.stderr);
    let quiet = Program::new().start("serve", "pitlane=error").stop();
    assert!(!quiet.stderr.contains("PITLANE_LOG"), "{}", quiet.stderr);
}

#[test]
fn a_stop_writes_the_poll_history_and_tidies_the_log_away() {
    let (program, token) = acme();
    let server = program.start("serve", "info");
    server.anonymous().with(&token).get(&may(SINGULAR_CSV));
    server.stop();
    let conn = rusqlite::Connection::open(program.data().join("pitlane.db")).unwrap();
    let polls: i64 = conn.query_row("select count(*) from polls", (), |row| row.get(0)).unwrap();
    assert_eq!(polls, 1);
    assert_ne!(program.json(&["token", "list"])[0]["lastUsedAt"], serde_json::Value::Null);
}

#[test]
fn an_address_that_is_taken_is_a_clear_failure() {
    let program = Program::new();
    let server = program.start("serve", "info");
    let listen = server.origin.trim_start_matches("http://").to_owned();
    let error = Program::new().run(&["serve", "--listen", &listen]).failed(1);
    assert!(error.contains(&format!("could not listen on {listen}")), "{error}");
}

#[test]
fn an_import_in_another_process_shows_in_the_very_next_poll() {
    let (program, token) = acme();
    let server = program.start("serve", "info");
    let client = server.anonymous().with(&token);
    let before = client.get(&may(SINGULAR_CSV));
    assert!(before.text().ends_with(",1.5,1\r\n"));
    let file = program.file("more.csv", format!("{COLUMNS}2025-05-01,A,Lumen,2,2.5,Offer,App,com.acme.app,ANDROID\n"));
    program.ok(&["import", &file, "--advertiser", "Acme"]);
    let after = client.get_with(&may(SINGULAR_CSV), "If-None-Match", before.header("etag").unwrap());
    assert_eq!(after.status, 200);
    assert!(after.text().ends_with(",2.5,2\r\n"), "{}", after.text());
}

#[test]
fn an_offer_switched_in_another_process_shows_in_the_very_next_poll() {
    let (program, token) = acme();
    let server = program.start("serve", "info");
    let client = server.anonymous().with(&token);
    let rows = || client.get(&may(SINGULAR_CSV)).text().lines().count() - 1;
    assert_eq!(rows(), 1);
    let off = program.run(&["offer", "disable", "Offer", "--advertiser", "Acme"]);
    assert_eq!(rows(), 0);
    // The page of this switch says the same.
    let message =
        "disappear from the report, and all earlier ones. Singular keeps what it has received, and gets nothing new.";
    assert!(off.code == Some(0) && off.stderr.contains(message), "{}", off.stderr);
    let again = program.run(&["offer", "disable", "Offer", "--advertiser", "Acme"]).stderr;
    assert!(again.contains("was already disabled") && !again.contains("disappear"), "{again}");
    let switched = program.json(&["offer", "enable", "Offer", "--advertiser", "Acme"]);
    assert_eq!(switched["costReporting"], true);
    assert_eq!(rows(), 1);
}

#[test]
fn a_token_revoked_in_another_process_is_refused_in_the_very_next_poll() {
    let (program, token) = acme();
    let server = program.start("serve", "info");
    let client = server.anonymous().with(&token);
    assert_eq!(client.get(&may(SINGULAR_CSV)).status, 200);
    program.ok(&["token", "revoke", &token[4..20]]);
    assert_eq!(client.get(&may(SINGULAR_CSV)).status, 401);
}

#[test]
fn a_token_created_in_another_process_works_at_once() {
    let (program, _) = acme();
    let server = program.start("serve", "info");
    let token = program.ok(&["token", "create", "--advertiser", "Acme", "--name", "Second"]);
    assert_eq!(server.anonymous().with(token.trim_end()).get(&may(SINGULAR_CSV)).status, 200);
}

#[test]
fn a_failure_inside_is_in_the_log_under_the_id_that_the_client_was_told() {
    let (program, token) = acme();
    let server = program.start("serve", "info");
    let conn = rusqlite::Connection::open(program.data().join("pitlane.db")).unwrap();
    conn.execute_batch("pragma foreign_keys = off; delete from campaigns").unwrap();
    let answer = server.anonymous().with(&token).get(&may(SINGULAR_CSV));
    assert_eq!(answer.status, 500);
    let id = answer.json()["responseId"].as_str().unwrap().to_owned();
    let log = server.stop().stderr;
    let line = log.lines().find(|line| line.contains(&id)).unwrap();
    assert!(line.contains("a stat points at campaign 1, which does not exist"), "{line}");
}

#[test]
fn the_demos_curl_line_works_as_it_is_printed() {
    let program = Program::new();
    let before = Utc::now().date_naive();
    let server = program.start("demo", "info");
    let line = server.greeting.lines().find(|line| line.starts_with("curl ")).unwrap();
    let quoted: Vec<_> = line.split('\'').collect();
    let [start, header, gap, url, end] = quoted.try_into().unwrap();
    assert_eq!((start, gap, end), ("curl -s -H ", " ", ""));
    let token = header.strip_prefix("Authorization: ApiToken ").unwrap();
    assert!(server.greeting.contains(&format!("token: {token}\n")));
    let path = url.strip_prefix(&server.origin).unwrap();
    let answer = Client::at(&server.origin).with(token).get(path);
    let report = answer.json();
    let items = report["data"]["items"].as_array().unwrap();
    let dates: std::collections::BTreeSet<_> = items.iter().map(|item| item["date"].as_str().unwrap()).collect();
    assert_eq!(dates.len(), 90);
    // Midnight may have passed while the demo started.
    let yesterdays = [before, Utc::now().date_naive()].map(|today| (today - Days::new(1)).to_string());
    assert!(yesterdays.iter().any(|yesterday| dates.last() == Some(&yesterday.as_str())), "{:?}", dates.last());
    // Each record of the log is one line of words.
    let log = server.stop().stderr;
    assert!(log.contains("This token reads the demo") && !log.contains("\\n"), "{log}");
}

#[test]
fn two_demos_hold_the_same_days() {
    let shared = ranged(
        SINGULAR_CSV,
        &(Utc::now().date_naive() - Days::new(60)).to_string(),
        &(Utc::now().date_naive() - Days::new(10)).to_string(),
    );
    let [first, second] = [0, 1].map(|_| {
        let program = Program::new();
        let server = program.start("demo", "info");
        let token = server.greeting.split("token: ").nth(1).unwrap().lines().next().unwrap();
        server.anonymous().with(token).get(&shared).text().to_owned()
    });
    assert!(first.lines().count() > 500);
    assert_eq!(first, second);
}

#[test]
fn a_directory_that_is_not_empty_is_left_alone_by_the_demo() {
    let program = Program::new();
    std::fs::create_dir(program.data()).unwrap();
    std::fs::write(program.data().join("holiday.jpg"), "").unwrap();
    let error = program.run(&["demo", "--listen", "127.0.0.1:0"]).failed(1);
    assert!(error.contains("is not empty, so it was left alone"), "{error}");
    assert_eq!(std::fs::read_dir(program.data()).unwrap().count(), 1);
}
