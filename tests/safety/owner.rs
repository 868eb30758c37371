//! Only one server per data directory, and the messages about directories that can't be used.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::common::program::{A_THIRD_DAY, Program, pitlane, text};

#[test]
fn a_second_server_is_refused_and_names_the_first() {
    let site = Program::stocked();
    let first = site.serve(&["--backup-at", "off"]);
    let words = site.fails(&["serve", "--listen", "127.0.0.1:0"]);
    assert!(words.contains(&format!("process {}", first.child.id())) && words.contains(&first.address), "{words}");
    // All other commands work at the same time.
    site.import_later();
    site.ok(&["doctor"]);
}

#[test]
fn a_killed_server_leaves_the_directory_free() {
    let site = Program::stocked();
    site.serve(&["--backup-at", "off"]).kill();
    site.serve(&["--backup-at", "off"]);
}

#[test]
fn below_the_floor_of_free_disk_writes_are_refused_and_reports_go_on() {
    let site = Program::stocked();
    let (report_token, ingest_token) = (site.token("report"), site.token("ingest"));
    let report = site.report();
    let file = site.file("later.csv", A_THIRD_DAY);
    let floor = ["--disk-floor", "1000000000"];
    let words = site.fails(&[&floor[..], &["import", text(&file), "--advertiser", "Acme"]].concat());
    assert!(words.contains("MB free") && words.contains("Make room"), "{words}");
    let server = site.serve(&[&floor[..], &["--backup-at", "off"]].concat());
    let upload = server.ask(&ingest_token, "POST /api/v1/daily-stats", A_THIRD_DAY).unwrap();
    assert_eq!(upload.0, 503);
    assert!(String::from_utf8(upload.1).unwrap().contains("disk is full"));
    let asked = "GET /api/v1/integrations/cost-report/singular/csv?date_from=2026-01-01&date_to=2026-12-31";
    let (status, body) = server.ask(&report_token, asked, "").unwrap();
    assert_eq!((status, String::from_utf8(body).unwrap()), (200, report));
    let ready = String::from_utf8(server.ask("", "GET /readyz", "").unwrap().1).unwrap();
    assert!(ready.contains("disk is nearly full"), "{ready}");
    // A leaked token can be revoked even then.
    site.ok(&[&floor[..], &["token", "revoke", report_token.split('_').nth(1).unwrap()]].concat());
    assert_eq!(server.ask(&report_token, asked, "").unwrap().0, 401);
}

#[test]
fn a_directory_that_can_not_be_written_is_told_with_its_owner() {
    let site = Program::stocked();
    let locked = site.path("locked");
    std::fs::create_dir(&locked).unwrap();
    std::fs::set_permissions(&locked, PermissionsExt::from_mode(0o500)).unwrap();
    // Permissions don't apply to root, but a file in place of a directory does.
    let root = is_root(&locked);
    let target = if root { Path::new(&site.file("file", "")).join("data") } else { locked.join("data") };
    let output = pitlane(&target).args(["serve", "--listen", "127.0.0.1:0"]).output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("can't use"), "{words}");
    assert_eq!(words.contains("belongs to") && words.contains("pitlane runs as"), !root, "{words}");
}

#[test]
fn a_directory_that_can_not_be_looked_into_is_not_taken_for_an_empty_one() {
    let site = Program::stocked();
    // Nor can a file: paths below it can't exist, and permissions don't apply to root.
    let target = Path::new(&site.file("file", "")).join("data");
    let words = String::from_utf8(pitlane(&target).args(["token", "list"]).output().unwrap().stderr).unwrap();
    assert!(words.contains("can't use") && !words.contains("there is no database"), "{words}");
}

fn is_root(unwritable: &std::path::Path) -> bool {
    let probe = unwritable.join("probe");
    let root = std::fs::write(&probe, "").is_ok();
    let _ = std::fs::remove_file(probe);
    root
}
