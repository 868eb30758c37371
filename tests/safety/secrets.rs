//! No secret is anywhere but where it was shown: every byte the program left is searched for those it made.

use std::path::Path;

use crate::Site;
use crate::shim::{Server, ask, pitlane, text};

/// The files below a directory that contain the text.
fn holding(dir: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if std::fs::read(&path).unwrap().windows(text.len()).any(|window| window == text.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn no_secret_is_in_the_database_its_log_a_backup_the_servers_log_or_an_answer() {
    let site = Site::new();
    let log = std::fs::File::create(site.path("server.log")).unwrap();
    let tokens = [site.token("report"), site.token("ingest"), site.token("report")];
    let password = "correct horse battery staple 7";
    site.admit("a@example.com", password);

    let mut command = pitlane(&site.data_dir());
    command.env("PITLANE_LOG", "trace").stderr(log);
    let mut server = Server::start(command, &["--rate-limit", "0"]).unwrap();
    let mut answers = String::new();
    for token in &tokens {
        let changed = format!("{}x", &token[..token.len() - 1]);
        for presented in [token, &changed] {
            for request in [
                "GET /api/v1/integrations/cost-report/singular/json?date_from=2026-01-01&date_to=2026-12-31",
                "GET /api/v1/integrations/cost-report/singular/json?date_from=bad",
                "POST /api/v1/daily-stats",
                "GET /metrics",
                "GET /nowhere",
            ] {
                let (_, body) = ask(&server.address, presented, request, crate::LATER).unwrap();
                answers.push_str(&String::from_utf8_lossy(&body));
            }
        }
    }
    site.done(&["token", "revoke", tokens[2].split('_').nth(1).unwrap()]);
    answers.push_str(&site.done(&["token", "list"]));
    answers.push_str(&site.done(&["--json", "token", "list"]));
    answers.push_str(&String::from_utf8_lossy(&site.run(&["doctor"]).stdout));
    site.done(&["backup", text(&site.path("backup.db"))]);
    server.kill();
    site.file("answers.txt", &answers);
    assert!(!holding(&site.path(""), "test").is_empty(), "the search finds what is there");
    for token in &tokens {
        let secret = &token.split('_').nth(2).unwrap()[..43];
        assert_eq!(holding(&site.path(""), secret), Vec::<String>::new());
    }
    assert_eq!(holding(&site.path(""), password), Vec::<String>::new());
}
