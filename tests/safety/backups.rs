//! Backup, verify and restore, as people use them.

use serde_json::Value;

use crate::common::program::{Program, text};
use crate::{eventually, names};

const ONE_DAY: &str = "GET /api/v1/integrations/cost-report/singular/csv?date_from=2026-01-01&date_to=2026-01-01";

fn flipped(bytes: &[u8], at: usize, bit: u8) -> Vec<u8> {
    let mut flipped = bytes.to_vec();
    flipped[at] ^= 1 << bit;
    flipped
}

#[test]
fn a_backup_says_what_it_is_and_brings_the_figures_back() {
    let site = Program::stocked();
    let report = site.report();
    let file = site.path("spend.db");
    let made: Value = serde_json::from_str(&site.ok(&["--json", "backup", text(&file)])).unwrap();
    let verified: Value = serde_json::from_str(&site.ok(&["--json", "verify", text(&file)])).unwrap();
    assert_eq!(made, verified);
    assert_eq!(verified["sealed"], true);
    assert_eq!(
        verified["advertisers"],
        serde_json::json!([{"name": "Acme", "currency": "USD", "rows": 2, "firstDay": "2026-01-01",
            "lastDay": "2026-01-02", "cost": "81.5"}])
    );
    site.import_later();
    assert_ne!(site.report(), report);
    site.ok(&["restore", text(&file)]);
    assert_eq!(site.report(), report);
}

#[test]
fn a_backup_overwrites_nothing() {
    let site = Program::stocked();
    let file = site.file("precious.txt", "precious");
    let words = site.fails(&["backup", text(&file)]);
    assert!(words.contains("exists already"), "{words}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
}

#[test]
fn a_backup_is_one_file_that_opens_on_its_own() {
    let site = Program::stocked();
    let report = site.report();
    let elsewhere = Program::stocked();
    std::fs::create_dir(site.path("out")).unwrap();
    site.ok(&["backup", &site.arg("out/spend.db")]);
    assert_eq!(names(&site.path("out")), ["spend.db"]);
    // By hand, without `restore`, as somebody in a hurry would.
    std::fs::copy(site.path("out/spend.db"), elsewhere.data().join("pitlane.db")).unwrap();
    assert_eq!(elsewhere.report(), report);
    elsewhere.import_later();
    elsewhere.ok(&["verify", text(&elsewhere.data().join("pitlane.db"))]);
}

#[test]
fn a_flipped_byte_anywhere_is_seen() {
    let site = Program::stocked();
    let file = site.path("spend.db");
    site.ok(&["backup", text(&file)]);
    let bytes = std::fs::read(&file).unwrap();
    let cost = bytes.windows(8).position(|window| window == b"AOS_TEST").unwrap();
    // The first page, the application id, a value inside of a page, free space, the last page, and all lines of the seal.
    let seal = bytes.len() - 512;
    let places = [0, 18, 60, 68, 71, 99, 4096, cost, bytes.len() / 2, seal - 1, seal, seal + 25, seal + 60, seal + 100];
    let damaged = site.path("damaged.db");
    for at in places.into_iter().chain([bytes.len() - 1]) {
        std::fs::write(&damaged, flipped(&bytes, at, (at % 8) as u8)).unwrap();
        let words = site.fails(&["verify", text(&damaged)]);
        assert!(words.contains("is not sound"), "byte {at}: {words}");
        let words = site.fails(&["restore", text(&damaged)]);
        assert!(words.contains("is not sound"), "byte {at}: {words}");
    }
    assert_eq!(names(site.data()), ["imports", "pitlane.db", "pitlane.epoch", "use.lock"]);
}

#[test]
fn a_cut_or_foreign_file_is_not_a_backup() {
    let site = Program::stocked();
    let file = site.path("spend.db");
    site.ok(&["backup", text(&file)]);
    let bytes = std::fs::read(&file).unwrap();
    for length in [0, 99, 100, 4096, bytes.len() - 4096, bytes.len() - 512, bytes.len() - 1] {
        let cut = site.path("cut.db");
        std::fs::write(&cut, &bytes[..length]).unwrap();
        let words = site.fails(&["verify", text(&cut)]);
        assert!(words.contains("is not sound"), "{length} bytes: {words}");
    }
    let words = site.fails(&["verify", &(site.file("notes.txt", "words ".repeat(100)))]);
    assert!(words.contains("not an SQLite database"), "{words}");
    let words = site.fails(&["verify", &site.arg("nowhere.db")]);
    assert!(words.contains("nowhere.db"), "{words}");
}

#[test]
fn a_restore_keeps_the_old_database_and_leaves_no_log_of_it() {
    let site = Program::stocked();
    let file = site.path("spend.db");
    site.ok(&["backup", text(&file)]);
    site.import_later();
    let later = site.report();
    // A kill leaves the WAL beside the database.
    let mut server = site.serve(&["--backup-at", "off"]);
    site.token("report");
    server.kill();
    assert!(site.data().join("pitlane.db-wal").exists());
    let done: Value = serde_json::from_str(&site.ok(&["--json", "restore", text(&file)])).unwrap();
    let kept = done["kept"].as_str().unwrap();
    let files = names(site.data());
    assert_eq!(
        files.len(),
        7,
        "the database, its epoch, the old one, two locks, the set-up link, imports under way: {files:?}"
    );
    assert!(!files.iter().any(|name| name.ends_with("-wal") || name.ends_with("-shm")), "{files:?}");
    // The old database is complete, including what was in its WAL.
    let old: Value = serde_json::from_str(&site.ok(&["--json", "verify", kept])).unwrap();
    assert_eq!(old["tables"]["api_tokens"], 1);
    site.ok(&["restore", kept]);
    assert_eq!(site.report(), later);
}

#[test]
fn a_token_that_was_revoked_stays_revoked_after_a_restore() {
    let site = Program::stocked();
    let (revoked, live) = (site.token("report"), site.token("report"));
    let file = site.path("spend.db");
    site.ok(&["backup", text(&file)]);
    site.ok(&["token", "revoke", revoked.split('_').nth(1).unwrap()]);
    site.ok(&["restore", text(&file)]);
    let server = site.serve(&["--backup-at", "off"]);
    assert_eq!(server.ask(&revoked, ONE_DAY, "").unwrap().0, 401);
    assert_eq!(server.ask(&live, ONE_DAY, "").unwrap().0, 200);
}

#[test]
fn a_set_up_link_ends_with_a_restore() {
    let site = Program::stocked();
    let link = site.ok(&["admin", "setup-link"]);
    let file = site.path("spend.db");
    site.ok(&["backup", text(&file)]);
    let opens = || {
        let server = site.serve(&["--backup-at", "off"]);
        let path = link.trim().split_once("/admin/").unwrap().1;
        let page = server.ask("", &format!("GET /admin/{path}"), "").unwrap().1;
        String::from_utf8(page).unwrap().contains("Create the account")
    };
    site.admit("ada@example.com", "a sentence is easier");
    assert!(opens());
    site.ok(&["restore", text(&file)]);
    site.admit("ada@example.com", "a sentence is easier");
    assert!(!opens());
}

#[test]
fn a_restore_is_refused_while_a_server_runs() {
    let site = Program::stocked();
    let file = site.path("spend.db");
    site.ok(&["backup", text(&file)]);
    site.import_later();
    let report = site.report();
    let server = site.serve(&["--backup-at", "off"]);
    let words = site.fails(&["restore", text(&file)]);
    assert!(words.contains(&server.address) && words.contains(&server.child.id().to_string()), "{words}");
    assert_eq!(site.report(), report);
}

#[test]
fn a_damaged_database_is_replaced_and_kept() {
    let site = Program::stocked();
    let report = site.report();
    let file = site.path("spend.db");
    site.ok(&["backup", text(&file)]);
    let mut bytes = std::fs::read(site.data().join("pitlane.db")).unwrap();
    bytes[..8192].fill(0xaa);
    std::fs::write(site.data().join("pitlane.db"), &bytes).unwrap();
    let done = site.run(&["--json", "restore", text(&file)]);
    let words = done.stderr;
    assert!(words.contains("could not be read") && words.contains("pitlane token list"), "{words}");
    let done: Value = serde_json::from_str(&done.stdout).unwrap();
    assert_eq!(std::fs::read(done["kept"].as_str().unwrap()).unwrap(), bytes);
    assert_eq!(site.report(), report);
}

#[test]
fn a_server_that_missed_a_backup_makes_it_and_tells_how_old_that_is() {
    let site = Program::stocked();
    let server = site.serve(&["--rate-limit", "0"]);
    let page = |path: &str| {
        let (status, body) = server.ask("", &format!("GET {path}"), "").unwrap();
        assert_eq!(status, 200);
        String::from_utf8(body).unwrap()
    };
    eventually("a backup is made", || page("/readyz").contains("last verified backup: "));
    let metrics = page("/metrics");
    let value = |name: &str| -> i64 {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name}"));
        line.trim().parse().unwrap()
    };
    assert!((0..60).contains(&value("pitlane_backup_age_seconds ")));
    assert!((0..60).contains(&value("pitlane_restore_drill_age_seconds ")));
    assert_eq!(value("pitlane_backups_troubled "), 0);
    let backups = site.data().join("backups");
    let [backup, status] = names(&backups).try_into().unwrap();
    assert_eq!(status, "status.json");
    assert!(site.ok(&["verify", text(&backups.join(backup))]).contains("sound; schema"));
    assert!(site.ok(&["doctor"]).contains("the last verified backup was made on"));
}
