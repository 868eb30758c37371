//! What isn't this directory's database is not opened: another program's file, or an empty one in the place of a lost database.

use crate::common::program::{Program, Server, text};
use crate::names;

const SERVE: &[&str] = &["serve", "--listen", "127.0.0.1:0"];

#[test]
fn another_programs_database_is_refused_and_nothing_is_written_into_it() {
    for (sql, shows) in [
        ("create table notes (a); insert into notes values (1)", "application id 0x0, tables: notes)"),
        (
            "create table a (a); create table b (a); create table c (a); create table d (a)",
            "tables: a, b, c and 1 more)",
        ),
        ("pragma journal_mode = wal; create table notes (a)", "tables: notes)"),
        ("pragma user_version = 7; create table advertisers (a)", "tables: advertisers)"),
        ("pragma application_id = 0x42", "application id 0x42, tables: none)"),
        ("pragma user_version = 7", "application id 0x0, tables: none)"),
    ] {
        let site = Program::new();
        std::fs::create_dir(site.data()).unwrap();
        let file = site.data().join("pitlane.db");
        rusqlite::Connection::open(&file).unwrap().execute_batch(sql).unwrap();
        let before = std::fs::read(&file).unwrap();
        for args in [SERVE, &["doctor"], &["advertiser", "create", "--name", "Acme"]] {
            let words = site.fails(args);
            assert!(words.contains(text(&file)) && words.contains("expected a database of Pitlane"), "{sql}: {words}");
            assert!(words.contains(shows) && words.contains("Move it away"), "{sql}: {words}");
        }
        assert!(std::fs::read(&file).unwrap() == before, "{sql}: the file changed");
        assert!(names(site.data()).iter().all(|name| !name.starts_with("pitlane.db-")), "{:?}", names(site.data()));
    }
}

#[test]
fn a_lost_database_is_not_replaced_by_an_empty_one() {
    let site = Program::stocked();
    let report = site.report();
    let (file, log) = (site.data().join("pitlane.db"), site.data().join("pitlane.db-wal"));
    let backups = site.data().join("backups");
    std::fs::create_dir(&backups).unwrap();
    let backup = |name: &str| {
        let path = backups.join(name);
        site.ok(&["backup", text(&path)]);
        path
    };
    // The name that sorts last isn't the newest one.
    backup("pitlane-z.db");
    let newest = backup("pitlane-2026-11-27.db");
    let way_on = format!("pitlane restore {} --data-dir {}", newest.display(), site.data().display());
    for is_missing in [false, true] {
        std::fs::write(&log, "what SQLite would delete").unwrap();
        if is_missing {
            std::fs::remove_file(&file).unwrap();
        } else {
            std::fs::write(&file, "").unwrap();
        }
        for args in [SERVE, &["doctor"], &["advertiser", "create", "--name", "Beta"]] {
            let words = site.fails(args);
            assert!(words.contains(if is_missing { "is missing" } else { "is empty (0 bytes)" }), "{words}");
            assert!(words.contains(&way_on) && words.contains("pitlane.epoch and "), "{words}");
            assert!(words.contains("To begin with an empty database, move"), "{words}");
        }
        assert_eq!((file.exists(), log.exists()), (!is_missing, true));
        // The way on leads on.
        let restored = site.run(&["restore", text(&newest)]);
        assert_eq!(restored.code, Some(0), "{}", restored.stderr);
        assert!(restored.stderr.contains("may be open again"), "{}", restored.stderr);
        assert_eq!(site.report(), report);
        site.serve(&["--backup-at", "off"]);
    }
}

#[test]
fn either_sign_of_a_lost_database_is_enough_and_without_one_a_new_one_begins() {
    let site = Program::stocked();
    let [file, epoch, backups] = ["pitlane.db", "pitlane.epoch", "backups"].map(|name| site.data().join(name));
    std::fs::remove_file(&file).unwrap();
    let words = site.fails(SERVE);
    assert!(words.contains("as ") && words.contains("pitlane.epoch shows"), "{words}");
    assert!(words.contains("pitlane restore FILE --data-dir"), "{words}");
    std::fs::rename(&epoch, site.path("moved")).unwrap();
    std::fs::create_dir(&backups).unwrap();
    std::fs::write(backups.join("pitlane-2026-11-27.db"), "").unwrap();
    // A backup that is empty is none.
    Server::start(site.command(&["serve", "--backup-at", "off"])).unwrap().stop();
    for name in names(site.data()).into_iter().filter(|name| name.starts_with("pitlane.")) {
        std::fs::remove_file(site.data().join(name)).unwrap();
    }
    std::fs::write(backups.join("pitlane-2026-11-27.db"), "not empty").unwrap();
    assert!(site.fails(SERVE).contains("backups shows"));
    std::fs::rename(&backups, site.path("moved-too")).unwrap();
    site.serve(&["--backup-at", "off"]);
}

#[test]
fn a_first_start_that_was_killed_after_its_file_was_made_goes_on() {
    let site = Program::new();
    std::fs::create_dir(site.data()).unwrap();
    std::fs::write(site.data().join("pitlane.db"), "").unwrap();
    site.serve(&["--backup-at", "off"]).kill();
    site.serve(&["--backup-at", "off"]).kill();
    // Killed between the WAL mode and the schema.
    let site = Program::new();
    std::fs::create_dir(site.data()).unwrap();
    let conn = rusqlite::Connection::open(site.data().join("pitlane.db")).unwrap();
    conn.execute_batch("pragma journal_mode = wal").unwrap();
    drop(conn);
    site.serve(&["--backup-at", "off"]);
}
