//! Bad disks: each write call of a command fails in turn. Afterwards the database has the old figures or the new ones, never
//! a mixture; the command says which, and what to do.

use std::path::Path;
use std::process::Output;

use crate::common::program::{A_THIRD_DAY, Program, Server, TWO_DAYS, pitlane, text};
use crate::common::shim::compile;
use crate::eventually;

/// Runs a command with its first, second, third … write failing, until it succeeds without that many writes. After each run
/// `check` looks at the result.
fn each_write(kind: &str, args: &[&str], check: impl Fn(&Program, &Output)) {
    let model = Program::stocked();
    let shim = compile(model.root());
    let mut wrong = 0;
    for at in 1_usize.. {
        assert!(at < 500, "{args:?} never came to its end");
        let site = Program::new();
        copy_dir(model.data(), site.data());
        let later = site.file("later.csv", A_THIRD_DAY);
        let out = site.path("out.db");
        let args: Vec<&str> = args
            .iter()
            .map(|arg| match *arg {
                "LATER" => text(&later),
                "OUT" => text(&out),
                other => other,
            })
            .collect();
        let hit = site.path("hit");
        let mut command = pitlane(site.data());
        // The directory's name, so that files beside it, such as a backup, are included.
        command.args(args).env("LD_PRELOAD", &shim).env("SHIM_DIR", site.root());
        command.env("SHIM_FAULT", kind).env("SHIM_AT", at.to_string()).env("SHIM_HIT", &hit);
        let output = command.output().unwrap();
        let was_hit = hit.exists();
        if output.status.success() || !was_hit {
            assert!(was_hit || output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        } else {
            let words = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{words}");
            assert!(tells_what_to_do(&words), "write {at}, {kind}: {words}");
        }
        check(&site, &output);
        site.ok(&["verify", text(&site.data().join("pitlane.db"))]);
        if !was_hit {
            break;
        }
        wrong += 1;
    }
    assert!(wrong >= 3, "only {wrong} writes went wrong");
}

fn tells_what_to_do(words: &str) -> bool {
    ["Make room", "pitlane doctor", "can't use", "pitlane restore"].iter().any(|hint| words.contains(hint))
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        // No import is running, so its directory is empty.
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

/// The figures before and after `A_THIRD_DAY`.
fn figures() -> [String; 2] {
    let site = Program::stocked();
    let before = site.report();
    site.import_later();
    [before, site.report()].map(|csv| without_ids(&csv))
}

/// A report without what differs from database to database.
fn without_ids(csv: &str) -> String {
    let kept = csv.lines().map(|line| {
        let cells: Vec<_> = line.split(',').collect();
        [cells[0], cells[6], cells[8], cells[9]].join(",")
    });
    kept.collect::<Vec<_>>().join("\n")
}

fn an_import_is_whole_or_not_there(kind: &str) {
    let [before, after] = figures();
    each_write(kind, &["import", "LATER", "--advertiser", "Acme"], |site, output| {
        let found = without_ids(&site.report());
        if output.status.success() {
            assert_eq!(found, after);
        } else {
            assert!(found == before || found == after, "half of it is there: {found}");
        }
    });
}

#[test]
fn an_import_on_a_full_disk_is_whole_or_not_there() {
    an_import_is_whole_or_not_there("enospc");
}

#[test]
fn an_import_on_a_failing_disk_is_whole_or_not_there() {
    an_import_is_whole_or_not_there("eio");
}

#[test]
fn an_import_with_short_writes_is_whole_or_not_there() {
    an_import_is_whole_or_not_there("short");
}

#[test]
fn an_import_on_a_disk_that_turns_read_only_is_whole_or_not_there() {
    an_import_is_whole_or_not_there("rofs");
}

#[test]
fn a_backup_that_got_its_name_is_sound() {
    for kind in ["enospc", "eio", "short", "rofs"] {
        each_write(kind, &["backup", "OUT"], |site, output| {
            let out = site.path("out.db");
            assert!(out.exists() || !output.status.success(), "a backup was told of and is not there");
            if out.exists() {
                site.ok(&["verify", text(&out)]);
            }
        });
    }
}

#[test]
fn a_token_that_was_shown_works_and_one_that_was_not_is_not_there() {
    each_write("eio", &["token", "create", "--advertiser", "Acme", "--name", "x"], |site, output| {
        let listed = site.ok(&["--json", "token", "list"]);
        let tokens: Vec<serde_json::Value> = serde_json::from_str(&listed).unwrap();
        if output.status.success() {
            assert_eq!(tokens.len(), 1);
        } else {
            assert!(output.stdout.is_empty());
        }
    });
}

#[test]
fn a_first_start_that_fails_leaves_nothing_in_the_way() {
    for kind in ["enospc", "eio", "rofs"] {
        let shared = tempfile::tempdir().unwrap();
        let shim = compile(shared.path());
        for at in (1..).step_by(7) {
            let site = Program::new();
            let hit = site.path("hit");
            let mut command = pitlane(site.data());
            command.args(["advertiser", "create", "--name", "Acme"]).env("LD_PRELOAD", &shim);
            command.env("SHIM_DIR", site.root()).env("SHIM_FAULT", kind).env("SHIM_AT", at.to_string());
            let output = command.env("SHIM_HIT", &hit).output().unwrap();
            if !hit.exists() {
                assert!(output.status.success());
                break;
            }
            let file = site.file("first.csv", TWO_DAYS);
            site.ok(&["import", text(&file), "--advertiser", "Acme", "--create-missing"]);
        }
    }
}

#[test]
fn a_server_starts_on_a_full_disk_and_reports() {
    let site = Program::stocked();
    let shim = compile(site.root());
    let (token, report) = (site.token("report"), site.report());
    let mut command = site.command(&["serve", "--rate-limit", "0"]);
    command.env("LD_PRELOAD", &shim).env("SHIM_DIR", site.data()).env("PITLANE_LOG", "off");
    command.env("SHIM_FAULT", "enospc").env("SHIM_AT", "1").env("SHIM_HIT", site.path("hit"));
    let server = Server::start(command).unwrap();
    let asked = "GET /api/v1/integrations/cost-report/singular/csv?date_from=2026-01-01&date_to=2026-12-31";
    let (status, csv) = server.ask(&token, asked, "").unwrap();
    assert_eq!((status, String::from_utf8(csv).unwrap()), (200, report));
    assert!(site.path("hit").exists());
    eventually("the backup that could not be made is told", || {
        let (_, metrics) = server.ask("", "GET /metrics", "").unwrap();
        String::from_utf8(metrics).unwrap().contains("pitlane_backups_troubled 1")
    });
}

#[test]
fn a_server_on_a_disk_that_fails_goes_on_reporting() {
    for kind in ["enospc", "rofs", "eio"] {
        let site = Program::stocked();
        let shim = compile(site.root());
        let (report_token, ingest_token) = (site.token("report"), site.token("ingest"));
        let report = site.report();
        let hit = site.path("hit");
        let asked = "GET /api/v1/integrations/cost-report/singular/csv?date_from=2026-01-01&date_to=2026-12-31";
        // The server's own start writes too; only later writes fail.
        for at in [40, 41, 42, 43, 44, 45, 46, 47, 60, 80] {
            let mut command = site.command(&["serve", "--backup-at", "off", "--rate-limit", "0"]);
            command.env("LD_PRELOAD", &shim).env("SHIM_DIR", site.data()).env("SHIM_HIT", &hit);
            command.env("SHIM_FAULT", kind).env("SHIM_AT", at.to_string()).env("PITLANE_LOG", "off");
            let server = Server::start(command).unwrap();
            while !hit.exists() {
                // The same rows again and again: an import writes its history each time, but changes no figure.
                let (status, body) = server.ask(&ingest_token, "POST /api/v1/daily-stats", SAME).unwrap();
                let body = String::from_utf8(body).unwrap();
                assert!(status == 200 || hit.exists(), "{status}: {body}");
                assert!(status == 200 || status >= 500, "{status}: {body}");
                let (status, csv) = server.ask(&report_token, asked, "").unwrap();
                assert_eq!((status, String::from_utf8(csv).unwrap()), (200, report.clone()));
            }
            let (status, csv) = server.ask(&report_token, asked, "").unwrap();
            assert_eq!((status, String::from_utf8(csv).unwrap()), (200, report.clone()));
            let (status, body) = server.ask(&ingest_token, "POST /api/v1/daily-stats", SAME).unwrap();
            let body = String::from_utf8(body).unwrap();
            match kind {
                // A disk that stays full is reported as full.
                "enospc" => assert!(status == 503 && body.contains("disk is full"), "{status}: {body}"),
                // A disk that stays read-only isn't the client's fault; one that failed once may work again.
                "rofs" => assert_eq!(status, 500, "{body}"),
                _ => assert!(status == 200 || status == 500, "{status}: {body}"),
            }
            std::fs::remove_file(&hit).unwrap();
        }
        assert_eq!(site.report(), report);
    }
}

const SAME: &str = "date,campaign_name,partner,clicks,cost\n2026-01-01,AOS_TEST,Lumen,100,69\n";

#[test]
fn a_server_whose_file_was_cut_off_is_not_ready() {
    let site = Program::stocked();
    let server = site.start_with("info", &["serve", "--backup-at", "off"]);
    let ready = || server.ask("", "GET /readyz", "").unwrap().0;
    assert_eq!(ready(), 200);
    // The file is shorter than its pages while the new ones are in the WAL.
    site.import_later();
    assert_eq!(ready(), 200);
    let file = site.data().join("pitlane.db");
    let conn = rusqlite::Connection::open(&file).unwrap();
    conn.query_row("pragma wal_checkpoint", (), |_| Ok(())).unwrap();
    drop(conn);
    std::fs::File::options().write(true).open(&file).unwrap().set_len(8192).unwrap();
    assert_eq!(ready(), 503);
    let log = server.stop().stderr;
    assert!(
        log.contains("the file was cut off: it has 8192 bytes, expected ") && log.contains("pitlane restore"),
        "{log}"
    );
}
