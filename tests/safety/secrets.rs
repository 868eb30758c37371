//! No secret is stored: every file that the program left behind is searched for the secrets it made.

use std::path::Path;

use crate::common::http::Person;
use crate::common::program::{A_THIRD_DAY, Program, Server};

/// The files under a directory that contain the text.
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
    let site = Program::stocked();
    let log = std::fs::File::create(site.path("server.log")).unwrap();
    let tokens = [site.token("report"), site.token("ingest"), site.token("report")];
    let password = "correct horse battery staple 7";
    site.admit("a@example.com", password);

    let mut command = site.command(&["serve", "--rate-limit", "0"]);
    command.env("PITLANE_LOG", "trace").stderr(log);
    let mut server = Server::start(command).unwrap();
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
                let (_, body) = server.ask(presented, request, A_THIRD_DAY).unwrap();
                answers.push_str(&String::from_utf8_lossy(&body));
            }
        }
    }
    let session = log_in(&server, "a@example.com", password);
    site.ok(&["token", "revoke", tokens[2].split('_').nth(1).unwrap()]);
    answers.push_str(&site.ok(&["token", "list"]));
    answers.push_str(&site.ok(&["--json", "token", "list"]));
    answers.push_str(&site.run(&["doctor"]).stdout);
    site.ok(&["backup", &site.arg("backup.db")]);
    server.kill();
    site.file("answers.txt", &answers);
    assert!(!holding(&site.path(""), "test").is_empty(), "the search finds what is there");
    for token in &tokens {
        let secret = &token.split('_').nth(2).unwrap()[..43];
        assert_eq!(holding(&site.path(""), secret), Vec::<String>::new());
    }
    assert_eq!(holding(&site.path(""), password), Vec::<String>::new());
    assert_eq!(holding(&site.path(""), &session), Vec::<String>::new());
}

/// Tries a wrong password, then logs in and out; returns the session's cookie.
fn log_in(server: &Server, email: &str, password: &str) -> String {
    let mut person = Person::at(&server.origin);
    assert_ne!(person.log_in(email, &password.to_uppercase()).status, 303);
    assert_eq!(person.log_in(email, password).status, 303);
    let session = person.cookies["pitlane_session"].clone();
    assert_eq!((person.get("/admin/").status, person.post("/admin/logout", &[]).status), (200, 303));
    session
}

#[test]
fn the_set_up_link_and_its_file_end_with_their_use() {
    let site = Program::stocked();
    let server = site.serve(&["--backup-at", "off"]);
    let file = site.data().join("setup-link.txt");
    let link = std::fs::read_to_string(&file).unwrap();
    let path = format!("/admin/{}", link.trim().split_once("/admin/").unwrap().1);
    let mut person = Person::at(&server.origin);
    assert_eq!(person.get(&path).status, 200);
    let mut use_it = |email: &str| {
        let password = "a sentence is easier";
        person.post(&path, &[("email", email), ("new_password", password), ("again", password)]).status
    };
    assert_eq!(use_it("ada@example.com"), 303);
    assert!(!file.exists());
    assert_ne!(use_it("eve@example.com"), 303);
    assert_eq!(site.ok(&["--json", "admin", "list"]).matches("email").count(), 1);
}
