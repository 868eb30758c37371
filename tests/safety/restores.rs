//! After a restore, nothing works that was revoked, removed or disabled since the backup, and the restore says so.

use pitlane::domain::{Email, Role};
use pitlane::service::Actor;
use pitlane::service::access::admins::{self, Password};
use pitlane::store::{AdminRow, Code, CodeUse, Sealed, Store, UrgentNote};
use serde_json::{Value, json};

use crate::common::program::{A_THIRD_DAY, Program, text};

const ADA: &str = "ada@example.com";
const BOB: &str = "bob@example.com";
const CAROL: &str = "carol@example.com";
const SALT: [u8; 16] = [7; 16];

fn email(text: &str) -> Email {
    text.parse().unwrap()
}

fn password(text: &str) -> Password {
    Password::parse(text).unwrap()
}

fn person(store: &Store, address: &str) -> Option<(AdminRow, String)> {
    let found = store.read(|txn| txn.admin_find(&email(address))).unwrap();
    found.map(|(admin, hash)| (admin, hash.as_str().to_owned()))
}

/// Three admins and a token beside the usual stats.
fn site() -> (Program, String) {
    let site = Program::stocked();
    let token = site.token("report");
    let store = Store::open(site.data()).unwrap();
    for address in [ADA, BOB, CAROL] {
        let password = password("a sentence is easier");
        admins::create(&store, &email(address), Role::Admin, &password, &Actor::command_line()).unwrap();
    }
    (site, token)
}

fn backup(site: &Program, name: &str) -> String {
    let file = site.path(name);
    site.ok(&["backup", text(&file)]);
    text(&file).to_owned()
}

fn codes(store: &Store, id: pitlane::domain::AdminId, hashes: &[String]) {
    let sealed = Sealed { salt: SALT.to_vec(), bytes: vec![1; 48] };
    let now = chrono::Utc::now();
    store
        .write(|txn| {
            txn.two_step_create(id, &sealed, 1, now)?;
            txn.recovery_codes_replace(id, hashes)
        })
        .unwrap();
}

/// Whether the recovery code was unused. Now it is used.
fn recovers(store: &Store, id: pitlane::domain::AdminId, hash: &str) -> bool {
    let code = CodeUse { admin: id.to_string(), salt: SALT.to_vec(), code: Code::Recovery(hash.to_owned()) };
    store.write_urgently(&UrgentNote::of_code(code, chrono::Utc::now())).unwrap()
}

#[test]
fn what_was_revoked_or_removed_since_the_backup_stays_so_and_is_listed() {
    let (site, token) = site();
    let store = Store::open(site.data()).unwrap();
    let carol = person(&store, CAROL).unwrap().0;
    let hashes = ["a".repeat(64), "b".repeat(64)];
    codes(&store, carol.id, &hashes);
    drop(store);
    let file = backup(&site, "before.db");

    let store = Store::open(site.data()).unwrap();
    let actor = Actor::command_line();
    let (ada, bob) = (person(&store, ADA).unwrap().0, person(&store, BOB).unwrap().0);
    admins::remove(&store, &bob, &actor).unwrap();
    admins::set_role(&store, &carol, Role::Viewer, &actor).unwrap();
    admins::reset_password(&store, &email(ADA), &password("another sentence"), &actor).unwrap();
    codes(&store, ada.id, &["c".repeat(64)]);
    assert!(recovers(&store, carol.id, &hashes[0]));
    let new_hash = person(&store, ADA).unwrap().1;
    let acme = store.read(|txn| txn.advertiser_get("Acme")).unwrap();
    store.write(|txn| txn.advertiser_set_disabled(acme.key, Some(chrono::Utc::now()))).unwrap();
    let offer = store.read(|txn| txn.offer_list(acme.key)).unwrap().remove(0);
    assert!(store.write(|txn| txn.offer_set_cost_reporting(acme.key, offer.key, false)).unwrap());
    drop(store);
    site.ok(&["token", "revoke", token.split('_').nth(1).unwrap()]);

    let ended = site.run(&["--json", "restore", &file]);
    let words = ended.stderr.clone();
    let done: Value = serde_json::from_str(&ended.done()).unwrap();
    let expected = json!({
        "tokens": 1, "feeds": 0, "people": 1, "roles": 1, "passwords": 1, "twoStep": 1, "recoveryCodes": 1,
        "advertisers": 1, "offers": 1,
    });
    assert_eq!((&done["stayedShut"], &done["anotherAppliance"]), (&expected, &json!(false)));
    for said in ["1 person who was removed since stays removed", "1 offer whose cost reporting", "1 token that was"] {
        assert!(words.contains(said), "{words}");
    }
    let store = Store::open(site.data()).unwrap();
    assert!(person(&store, BOB).is_none());
    assert_eq!(person(&store, CAROL).unwrap().0.role, Role::Viewer);
    assert_eq!(person(&store, ADA).unwrap().1, new_hash);
    store
        .read(|txn| {
            assert!(txn.two_step_find(ada.id)?.is_some());
            assert_eq!(txn.two_step_find(carol.id)?.unwrap().codes_left, 1);
            assert!(txn.advertiser_get("Acme")?.disabled_at.is_some());
            assert!(txn.offer_list(acme.key)?.iter().all(|offer| !offer.cost_reporting));
            assert!(txn.token_list()?.iter().all(|token| token.revoked_at.is_some()));
            Ok::<_, pitlane::store::StoreError>(())
        })
        .unwrap();
    assert!(!recovers(&store, carol.id, &hashes[0]));
    assert!(store.integrity_problems().unwrap().is_empty());
}

#[test]
fn the_old_database_can_be_put_back_with_everybody_who_came_after_the_backup() {
    let (site, _) = site();
    let file = backup(&site, "before.db");
    let store = Store::open(site.data()).unwrap();
    let grace = email("grace@example.com");
    admins::create(&store, &grace, Role::Viewer, &password("a sentence is easier"), &Actor::command_line()).unwrap();
    drop(store);
    let done: Value = serde_json::from_str(&site.ok(&["--json", "restore", &file])).unwrap();
    assert!(person(&Store::open(site.data()).unwrap(), "grace@example.com").is_none());
    site.ok(&["restore", done["kept"].as_str().unwrap()]);
    assert!(person(&Store::open(site.data()).unwrap(), "grace@example.com").is_some());
}

#[test]
fn removed_people_stay_removed_however_many_backups_are_restored() {
    let (site, _) = site();
    let first = backup(&site, "first.db");
    let store = Store::open(site.data()).unwrap();
    let dave = email("dave@example.com");
    admins::create(&store, &dave, Role::Viewer, &password("a sentence is easier"), &Actor::command_line()).unwrap();
    drop(store);
    let token = site.token("report");
    let with_dave = backup(&site, "second.db");
    let store = Store::open(site.data()).unwrap();
    let row = person(&store, "dave@example.com").unwrap().0;
    admins::remove(&store, &row, &Actor::command_line()).unwrap();
    drop(store);
    site.ok(&["token", "revoke", token.split('_').nth(1).unwrap()]);
    // The first copy knows neither Dave nor the token, so it can't know that they were removed and revoked.
    site.ok(&["restore", &first]);
    let done: Value = serde_json::from_str(&site.ok(&["--json", "restore", &with_dave])).unwrap();
    assert_eq!((&done["stayedShut"]["people"], &done["stayedShut"]["tokens"]), (&json!(1), &json!(1)));
    assert!(person(&Store::open(site.data()).unwrap(), "dave@example.com").is_none());
}

#[test]
fn another_appliances_backup_is_called_so_and_brings_its_own_people() {
    let (site, _) = site();
    let other = Program::stocked();
    let store = Store::open(other.data()).unwrap();
    let eve = email("eve@example.com");
    admins::create(&store, &eve, Role::Admin, &password("a sentence is easier"), &Actor::command_line()).unwrap();
    drop(store);
    let file = backup(&other, "other.db");
    let ended = site.run(&["restore", &file]);
    assert!(
        ended.stderr.contains("the backup of another Pitlane") && ended.stderr.contains("Acme"),
        "{}",
        ended.stderr
    );
    let store = Store::open(site.data()).unwrap();
    assert!(person(&store, "eve@example.com").is_some() && person(&store, ADA).is_none());
    let own = site.run(&["restore", &backup(&site, "own.db")]);
    assert!(!own.stderr.contains("another Pitlane"), "{}", own.stderr);
}

#[test]
fn a_pipe_is_refused_instead_of_waited_for() {
    let site = Program::stocked();
    let pipe = site.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for command in ["verify", "restore"] {
        assert!(site.fails(&[command, text(&pipe)]).contains("a pipe"));
    }
    for name in ["pipe.csv", "pipe.json", "pipe.ndjson"] {
        let named = site.path(name);
        std::fs::rename(&pipe, &named).unwrap();
        assert!(site.fails(&["import", text(&named), "--advertiser", "Acme"]).contains("pitlane import -"), "{name}");
        std::fs::rename(&named, &pipe).unwrap();
    }
    assert!(site.fails(&["import", "/dev/zero", "--advertiser", "Acme"]).contains("a device"));
    assert!(site.fails(&["import", text(site.root()), "--advertiser", "Acme"]).contains("is a directory"));
    // A pipe of the shell has a writer.
    let ended = site.run_on(A_THIRD_DAY, &["import", "/dev/stdin", "--advertiser", "Acme"]);
    assert!(ended.stderr.contains("inserted 1, changed 1"), "{}", ended.stderr);
}

#[test]
fn an_incomplete_copy_of_a_killed_restore_is_reported_and_deleted() {
    let site = Program::stocked();
    let left = site.data().join(".pitlane.db.Ab12Cd.part");
    std::fs::write(&left, "half").unwrap();
    let doctor = site.ok(&["doctor"]);
    assert!(doctor.contains(".pitlane.db.Ab12Cd.part"), "{doctor}");
    assert!(left.exists());
    site.serve(&["--backup-at", "off"]);
    assert!(!left.exists());
}

#[test]
fn doctor_sees_a_table_that_was_dropped() {
    let site = Program::stocked();
    site.ok(&["doctor"]);
    let conn = rusqlite::Connection::open(site.data().join("pitlane.db")).unwrap();
    conn.execute_batch("drop table login_pauses; drop index polls_by_at").unwrap();
    let told = site.run(&["doctor"]);
    assert!(
        told.code == Some(1) && told.stdout.contains("lacks index polls_by_at, table login_pauses"),
        "{}",
        told.stdout
    );
}

#[test]
fn doctor_goes_on_where_one_of_its_checks_can_not_be_made() {
    let site = Program::stocked();
    std::fs::create_dir_all(site.data().join("backups")).unwrap();
    std::fs::write(site.data().join("backups/status.json"), "{\"provenAt\":").unwrap();
    let ended = site.run(&["doctor"]);
    assert_eq!(ended.code, Some(1));
    for check in ["sqlite", "integrity", "disk", "polling"] {
        assert!(ended.stdout.contains(check), "{}", ended.stdout);
    }
    assert!(ended.stdout.contains("PROBLEM  backups"), "{}", ended.stdout);
}
