//! Wrong passwords: attempts are slowed, then paused; the right one works again after the pause, and nobody else is paused.

use pitlane::domain::Role;

use crate::harness::{EMAIL, PASSWORD, spawn_app};

const OTHER: &str = "grace@example.com";

#[test]
fn twenty_wrong_passwords_from_one_address() {
    let app = spawn_app();
    app.admit(EMAIL, Role::Admin);
    app.admit(OTHER, Role::Viewer);
    let mut mallory = app.stranger();
    mallory.from = Some("198.51.100.66".to_owned());
    let answers: Vec<_> = (0..20).map(|_| mallory.log_in(EMAIL, "not her password")).collect();
    let looked_at = answers.iter().filter(|answer| answer.status == 200 || answer.status == 422).count();
    assert!((5..=8).contains(&looked_at), "{looked_at} of 20 were looked at");
    let held = answers.last().unwrap();
    assert_eq!(held.status, 429);
    assert!(held.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert!(held.text().contains("Try again in"), "{}", held.text());
    let mut grace = app.stranger();
    assert_eq!(grace.log_in(OTHER, PASSWORD).status, 303);
    log_in_after_the_pause(&app);
}

#[test]
fn strangers_at_four_addresses_keep_nobody_out() {
    let app = spawn_app();
    let mut ada = app.person(EMAIL, Role::Admin);
    let known = ada.cookies["pitlane_known"].clone();
    let attack = || {
        for last in 0..4 {
            let mut mallory = app.stranger();
            mallory.from = Some(format!("198.51.100.{last}"));
            while mallory.log_in(EMAIL, "not her password").status != 429 {}
        }
    };
    attack();
    // Ada logs in from her own address, from a browser she has used before although the attacker shares its address, and
    // while she is logged in.
    let mut elsewhere = app.stranger();
    elsewhere.from = Some("203.0.113.7".to_owned());
    assert_eq!(elsewhere.log_in(EMAIL, PASSWORD).status, 303);
    attack();
    let mut beside = app.stranger();
    beside.from = Some("198.51.100.1".to_owned());
    assert_eq!(beside.log_in(EMAIL, PASSWORD).status, 429);
    beside.cookies.insert("pitlane_known".to_owned(), known);
    assert_eq!(beside.log_in(EMAIL, PASSWORD).status, 303);
    ada.from = Some("198.51.100.2".to_owned());
    ada.get("/admin/settings");
    let new = "another sentence";
    let fields = [("password", PASSWORD), ("new_password", new), ("again", new)];
    assert_eq!(ada.post("/admin/settings/password", &fields).status, 303);
}

#[test]
fn a_known_browser_is_held_for_its_own_wrong_passwords_and_for_its_own_account() {
    let app = spawn_app();
    app.admit("grace@example.com", Role::Viewer);
    let mut ada = app.person(EMAIL, Role::Admin);
    ada.cookies.remove("pitlane_session");
    let looked_at = |who: &mut crate::harness::Person, email: &str| {
        (0..20).filter(|_| who.log_in(email, "not the password").status != 429).count()
    };
    assert_eq!(looked_at(&mut ada, EMAIL), 6);
    // For another account it counts as a stranger's browser.
    assert_eq!(looked_at(&mut ada, "grace@example.com"), 6);
    assert_eq!(app.stranger().log_in("grace@example.com", PASSWORD).status, 429);
}

#[test]
fn a_restart_forgets_no_pause() {
    let app = spawn_app();
    app.admit(EMAIL, Role::Admin);
    let mut wrong = 0;
    while app.stranger().log_in(EMAIL, "not her password").status != 429 {
        wrong += 1;
    }
    let kept = "select count(*) from login_pauses where wrong >= ?1";
    app.wait_for(|database| database.query_row(kept, [wrong], |row| row.get::<_, i64>(0)).unwrap() >= 2);
    let mut again = app.restart();
    for _ in 0..4 {
        let tries = (0..20).filter(|_| again.stranger().log_in(EMAIL, "not her password").status != 429).count();
        assert!(tries <= 1, "{tries} more after a restart");
        again = again.restart();
    }
}

/// Tries the right password until it is accepted; each refusal must say how long to wait.
fn log_in_after_the_pause(app: &crate::harness::App) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let answer = app.stranger().log_in(EMAIL, PASSWORD);
        if answer.status == 303 {
            return;
        }
        assert_eq!(answer.status, 429, "the right password was called wrong");
        assert!(std::time::Instant::now() < deadline, "still held");
    }
}

#[test]
fn an_unknown_account_is_answered_like_a_wrong_password() {
    let app = spawn_app();
    app.admit(EMAIL, Role::Admin);
    let bare = |answer: crate::harness::Answer, email: &str| {
        let mut body = answer.text().replace(email, "EMAIL");
        while let Some((before, rest)) = body.split_once("name=\"form_token\" value=\"") {
            let after = rest.split_once('"').unwrap().1;
            body = format!("{before}{after}");
        }
        (answer.status, body)
    };
    let known = bare(app.stranger().log_in(EMAIL, "not her password"), EMAIL);
    let unknown = bare(app.stranger().log_in("nobody@example.com", "not her password"), "nobody@example.com");
    assert_eq!(known, unknown);
}
