//! Wrong passwords: slowed, then held off; the right one works again after the pause, and nobody else is held.

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
fn twenty_wrong_passwords_from_many_addresses() {
    let app = spawn_app();
    app.admit(EMAIL, Role::Admin);
    app.admit(OTHER, Role::Viewer);
    let mut held = 0;
    for last in 0..20 {
        let mut mallory = app.stranger();
        mallory.from = Some(format!("198.51.100.{last}"));
        held += usize::from(mallory.log_in(EMAIL, "not her password").status == 429);
    }
    assert!(held >= 10, "only {held} of 20 were held");
    assert_eq!(app.stranger().log_in(OTHER, PASSWORD).status, 303);
    log_in_after_the_pause(&app);
}

/// Asks with the right password until it is let in; each refusal must say how long to wait.
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
