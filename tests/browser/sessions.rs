//! Set-up links, cookies and sessions from beginning to end.

use std::os::unix::fs::PermissionsExt as _;

use pitlane::domain::Role;
use pitlane::service::Actor;
use pitlane::service::access::admins::{self, Password};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};

use crate::harness::{EMAIL, PASSWORD, Person, defaults, spawn_app, spawn_with};

#[test]
fn a_set_up_link_makes_one_admin_and_says_so_afterwards() {
    let app = spawn_app();
    let mut ada = app.stranger();
    assert!(ada.get("/admin/login").text().contains("pitlane admin setup-link"));
    let path = app.setup_path();
    assert_eq!(ada.get(&path).status, 200);
    let short = ada.post(&path, &[("email", EMAIL), ("new_password", "short"), ("again", "short")]);
    assert_eq!(short.status, 422);
    assert!(short.text().contains("12 to 256") && short.text().contains(EMAIL), "{}", short.text());
    assert!(!short.text().contains("value=\"short\""), "a password was sent back");
    let made = ada.post(&path, &[("email", EMAIL), ("new_password", PASSWORD), ("again", PASSWORD)]);
    assert_eq!((made.status, made.location()), (303, Some("/admin/")));
    assert_eq!(ada.get("/admin/").status, 200);
    let mut mallory = app.stranger();
    mallory.get("/admin/login");
    for answer in [
        mallory.get(&path),
        mallory.post(&path, &[("email", "m@example.com"), ("new_password", PASSWORD), ("again", PASSWORD)]),
    ] {
        assert!(
            answer.text().contains("already been used") && answer.text().contains("setup-link"),
            "{}",
            answer.text()
        );
    }
    assert_eq!(app.store.read(|txn| txn.admin_list()).unwrap().len(), 1);
}

#[test]
fn the_file_with_the_link_goes_when_the_link_is_used() {
    let app = spawn_app();
    let path = app.setup_path();
    let file = admins::write_setup_file(&app.store, &format!("{}{path}", app.origin)).unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let mut ada = app.stranger();
    ada.get(&path);
    assert_eq!(ada.post(&path, &[("email", EMAIL), ("new_password", "short"), ("again", "short")]).status, 422);
    assert!(file.exists(), "the link still works, so its file must stay");
    ada.post(&path, &[("email", EMAIL), ("new_password", PASSWORD), ("again", PASSWORD)]);
    assert!(!file.exists());
}

#[test]
fn one_other_session_is_ended_and_no_one_elses() {
    let app = spawn_app();
    let (mut here, mut grace) = (app.person(EMAIL, Role::Viewer), app.person("grace@example.com", Role::Admin));
    let (mut there, mut third) = (app.logged_in(EMAIL), app.logged_in(EMAIL));
    let id = |person: &Person| pitlane::service::hex(&Sha256::digest(person.cookies["pitlane_session"].as_bytes()));
    let page = here.get("/admin/settings").into_text();
    assert!(page.contains(&id(&there)) && page.contains(&id(&third)) && !page.contains(&id(&here)), "{page}");
    for ended in [id(&there), id(&grace), "nonsense".to_owned()] {
        assert_eq!(here.post("/admin/settings/sessions/end", &[("session", &ended)]).status, 303);
        here.get("/admin/settings");
    }
    let left = [&mut here, &mut there, &mut third, &mut grace].map(|person| person.get("/admin/").status);
    assert_eq!(left, [200, 303, 200, 200]);
}

#[test]
fn an_expired_or_replaced_link_says_so() {
    let app = spawn_app();
    let mut ada = app.stranger();
    let replaced = app.setup_path();
    let expired = app.setup_path();
    assert!(ada.get(&replaced).text().contains("newer one"));
    assert_eq!(ada.get(&expired).status, 200);
    app.database().execute("update setup_links set expires_at = 1", ()).unwrap();
    assert!(ada.get(&expired).text().contains("has expired"));
    let fields = [("email", EMAIL), ("new_password", PASSWORD), ("again", PASSWORD)];
    assert!(ada.post(&expired, &fields).text().contains("has expired"));
    assert!(app.store.read(|txn| txn.admin_list()).unwrap().is_empty());
}

#[test]
fn cookies_are_out_of_reach_and_bound_to_the_host_over_tls() {
    let app = spawn_app();
    app.admit(EMAIL, Role::Admin);
    let answer = app.stranger().log_in(EMAIL, PASSWORD);
    let [session, known] = answer.cookies()[..] else { panic!("{:?}", answer.cookies()) };
    assert!(session.starts_with("pitlane_session=") && known.starts_with("pitlane_known="), "{session} {known}");
    for cookie in [session, known] {
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        assert!(!cookie.contains("Secure"), "{cookie}");
    }
    let origin = "https://costs.example.com";
    let app = spawn_with(pitlane::config::Serve { public_url: Some(origin.to_owned()), ..defaults() });
    app.admit(EMAIL, Role::Admin);
    let mut ada = app.stranger();
    ada.get("/admin/login");
    let fields = [("form_token", ada.form_token.as_str()), ("email", EMAIL), ("password", PASSWORD)];
    let answer = ada.send(ada.form("/admin/login", &fields).header("Origin", origin));
    let cookie = answer.cookies()[0];
    assert!(cookie.starts_with("__Host-pitlane_session="), "{cookie}");
    assert!(["HttpOnly", "SameSite=Strict", "Secure", "Path=/"].iter().all(|word| cookie.contains(word)), "{cookie}");
}

#[test]
fn the_database_holds_no_cookie() {
    let app = spawn_app();
    let ada = app.person(EMAIL, Role::Admin);
    let cookies = ["pitlane_session", "pitlane_known"].map(|name| ada.cookies[name].as_bytes());
    for file in std::fs::read_dir(app.dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for cookie in cookies {
            assert!(!bytes.windows(cookie.len()).any(|window| window == cookie));
        }
    }
}

#[test]
fn a_session_ends_when_idle_when_old_and_when_logged_out() {
    let app = spawn_app();
    app.admit(EMAIL, Role::Admin);
    let hours = |hours: i64| hours * 3_600_000;
    for (column, age, ends) in [
        ("last_seen_at", hours(11), false),
        ("last_seen_at", hours(12) + 1000, true),
        ("created_at", hours(24 * 7) - 60_000, false),
        ("created_at", hours(24 * 7) + 1000, true),
    ] {
        let mut ada = app.logged_in(EMAIL);
        let then = chrono::Utc::now().timestamp_millis() - age;
        app.database().execute(&format!("update sessions set {column} = ?1"), [then]).unwrap();
        assert_eq!(ada.get("/admin/").status == 303, ends, "{column} {age}");
    }
    let mut ada = app.logged_in(EMAIL);
    let stolen = ada.clone();
    assert_eq!(ada.post("/admin/logout", &[]).location(), Some("/admin/login"));
    assert_eq!(stolen.clone().get("/admin/").status, 303);
}

#[test]
fn a_new_password_ends_the_other_sessions_and_so_does_logging_out_everywhere() {
    let app = spawn_app();
    let mut here = app.person(EMAIL, Role::Viewer);
    let mut there = app.logged_in(EMAIL);
    let mut grace = app.person("grace@example.com", Role::Admin);
    here.get("/admin/settings");
    assert_eq!(here.post("/admin/settings/sessions", &[]).status, 303);
    assert_eq!((here.get("/admin/").status, there.get("/admin/").status), (200, 303));
    there = app.logged_in(EMAIL);
    let before = here.clone();
    let changed = |now: &str, new: &str, again: &str| {
        [("password", now.to_owned()), ("new_password", new.to_owned()), ("again", again.to_owned())]
    };
    let mut send = |[one, two, three]: [(&'static str, String); 3]| {
        here.get("/admin/settings");
        here.post("/admin/settings/password", &[(one.0, &one.1), (two.0, &two.1), (three.0, &three.1)])
    };
    let wrong = send(changed("not her password", "another sentence", "another sentence"));
    assert!(wrong.status == 422 && wrong.text().contains("This is not your password"), "{}", wrong.text());
    assert_eq!(send(changed(PASSWORD, "another sentence", "differs a bit")).status, 422);
    assert_eq!(send(changed(PASSWORD, "another sentence", "another sentence")).status, 303);
    assert_eq!((here.get("/admin/").status, there.get("/admin/").status), (200, 303));
    assert_eq!((before.clone().get("/admin/").status, grace.get("/admin/").status), (303, 200));
    assert_eq!(app.stranger().log_in(EMAIL, "another sentence").status, 303);
}

#[test]
fn a_password_that_changes_ends_the_links_that_would_change_it_again() {
    let app = spawn_app();
    let mut ada = app.person(EMAIL, Role::Admin);
    let email = EMAIL.parse().unwrap();
    let link = || {
        let (person, _) = app.store.read(|txn| txn.admin_find(&email)).unwrap().unwrap();
        let secret = admins::invite_again(&app.store, &person, &Actor::command_line()).unwrap();
        format!("/admin/setup/{}", secret.expose_secret())
    };
    let before = link();
    assert!(app.stranger().get(&before).text().contains("Choose your password"));
    ada.get("/admin/settings");
    let new = "another sentence";
    let fields = [("password", PASSWORD), ("new_password", new), ("again", new)];
    assert_eq!(ada.post("/admin/settings/password", &fields).status, 303);
    assert!(app.stranger().get(&before).text().contains("is unknown"));
    let before = link();
    let password = Password::parse("a third sentence").unwrap();
    admins::reset_password(&app.store, &email, &password, &Actor::command_line()).unwrap();
    let mut thief = app.stranger();
    thief.get("/admin/login");
    let fields = [("email", EMAIL), ("new_password", PASSWORD), ("again", PASSWORD)];
    assert!(thief.post(&before, &fields).text().contains("is unknown"));
}

/// A log-in that waits for Argon2 during a reset has checked an old password.
#[test]
fn a_log_in_under_way_does_not_survive_a_reset_of_its_password() {
    let app = spawn_app();
    app.admit(EMAIL, Role::Admin);
    let email = EMAIL.parse().unwrap();
    let reset = |password: &str| {
        let password = Password::parse(password).unwrap();
        admins::reset_password(&app.store, &email, &password, &Actor::command_line()).unwrap();
    };
    for _ in 0..6 {
        let asked = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..6)
                .map(|last| {
                    let mut thief = app.stranger();
                    thief.from = Some(format!("203.0.113.{last}"));
                    scope.spawn(move || {
                        thief.log_in(EMAIL, PASSWORD);
                        thief
                    })
                })
                .collect();
            // Hashing the new password takes about as long as checking the old one.
            reset("a third sentence");
            tries.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
        });
        for mut thief in asked {
            assert_eq!(thief.get("/admin/settings").status, 303, "a session outlived the reset");
        }
        reset(PASSWORD);
    }
}

#[test]
fn secrets_made_while_the_clock_was_ahead_are_invalid() {
    let app = spawn_app();
    let mut ada = app.person(EMAIL, Role::Admin);
    let ahead = 30_i64 * 24 * 3_600_000;
    let sql = "update sessions set created_at = created_at + ?1, last_seen_at = last_seen_at + ?1";
    app.database().execute(sql, [ahead]).unwrap();
    assert_eq!(ada.get("/admin/settings").status, 303);
    // The next log-in deletes it, so that it isn't valid in 30 days either.
    app.logged_in(EMAIL);
    let left: i64 = app.database().query_row("select count(*) from sessions", (), |row| row.get(0)).unwrap();
    assert_eq!(left, 1);
    let path = app.setup_path();
    app.database().execute("update setup_links set expires_at = expires_at + ?1", [ahead]).unwrap();
    assert!(app.stranger().get(&path).text().contains("has expired"));
}

#[test]
fn an_address_to_go_on_to_with_control_characters_leads_to_the_start_page() {
    let app = spawn_app();
    app.admit(EMAIL, Role::Admin);
    for next in ["/admin/stats\u{1}", "/admin/\u{7f}x", "/admin/a b", "/admin/\u{fc}", "/admin\\evil"] {
        let mut ada = app.stranger();
        ada.get("/admin/login");
        let answer = ada.post("/admin/login", &[("email", EMAIL), ("password", PASSWORD), ("next", next)]);
        assert_eq!((answer.status, answer.location()), (303, Some("/admin/")), "{next:?}");
        assert_eq!(ada.get("/admin/").status, 200);
        let answer = ada.post("/admin/settings/theme", &[("theme", "dark"), ("to", next)]);
        assert_eq!((answer.status, answer.location()), (303, Some("/admin/")), "{next:?}");
    }
}
