//! Forms from other sites are refused, whoever's they are; so are forms that the person may not send.

use pitlane::domain::Role;
use pitlane::server::{Access, ROUTES};

use crate::harness::{EMAIL, spawn_app};
use crate::log;

const CHANGE: &str = "/admin/catalogue/publishers/new";

#[test]
fn a_form_from_another_site_is_refused() {
    let app = spawn_app();
    let mut ada = app.person(EMAIL, Role::Admin);
    let token = ada.form_token.clone();
    let fields = [("form_token", token.as_str()), ("name", "Lumen")];
    for (header, value) in [
        ("Origin", "https://evil.example"),
        ("Origin", "null"),
        ("Origin", "http://127.0.0.1:1"),
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
    ] {
        let answer = ada.send(ada.form(CHANGE, &fields).header(header, value));
        assert_eq!(answer.status, 403, "{header}: {value}");
        // The message names the origin, because it may be another name of this server; for another site it can't be known.
        let told = if header == "Origin" { value } else { "another site" };
        assert!(answer.text().contains(told), "{}", answer.text());
    }
    assert!(app.store.read(|txn| txn.publisher_list()).unwrap().is_empty());
    let answer =
        ada.send(ada.form(CHANGE, &fields).header("Origin", &app.origin).header("Sec-Fetch-Site", "same-origin"));
    assert_eq!(answer.status, 303);
}

#[test]
fn a_form_without_its_own_sessions_token_is_refused() {
    let app = spawn_app();
    let mut ada = app.person(EMAIL, Role::Admin);
    let grace = app.person("grace@example.com", Role::Admin);
    let mut stranger = app.stranger();
    stranger.get("/admin/login");
    let cookie = ada.cookies["pitlane_session"].clone();
    for wrong in ["", "x", &grace.form_token, &stranger.form_token, &cookie] {
        let answer = ada.send(ada.form(CHANGE, &[("form_token", wrong), ("name", "Lumen")]));
        assert_eq!(answer.status, 403, "{wrong}");
    }
    let answer = ada.send(ada.form(CHANGE, &[("name", "Lumen")]));
    assert_eq!(answer.status, 403);
    assert!(app.store.read(|txn| txn.publisher_list()).unwrap().is_empty());
}

#[test]
fn refused_forms_are_logged_with_their_address() {
    log::keep();
    let app = spawn_app();
    let (mut ada, mut vera) = (app.person(EMAIL, Role::Admin), app.person("vera@example.com", Role::Viewer));
    let from = |person: &mut crate::harness::Person, address: &str| person.from = Some(address.to_owned());
    from(&mut ada, "203.0.113.71");
    ada.send(ada.form(CHANGE, &[("form_token", &ada.form_token)]).header("Origin", "https://evil.example"));
    from(&mut ada, "203.0.113.72");
    ada.send(ada.form(CHANGE, &[("form_token", &vera.form_token), ("name", "Lumen")]));
    from(&mut vera, "203.0.113.73");
    vera.post(CHANGE, &[("name", "Lumen")]);
    ada.cookies.insert("pitlane_session".to_owned(), "0".repeat(64));
    from(&mut ada, "203.0.113.74");
    ada.get("/admin/");
    let lines = log::lines();
    for (address, words) in [
        ("203.0.113.71", "it came from another origin"),
        ("203.0.113.72", "its token is missing or not of this session"),
        ("203.0.113.73", "a viewer sent it"),
        ("203.0.113.74", "a session that is not known or has ended"),
    ] {
        let logged = lines.lines().any(|line| line.contains(address) && line.contains(words));
        assert!(logged, "nothing about {address}: {words}");
    }
    assert!(!lines.contains(&vera.form_token));
}

#[test]
fn a_log_in_form_needs_a_token_too() {
    let app = spawn_app();
    app.admit(EMAIL, Role::Admin);
    let mut stranger = app.stranger();
    let fields = [("email", EMAIL), ("password", crate::harness::PASSWORD)];
    assert_eq!(stranger.send(stranger.form("/admin/login", &fields)).status, 403);
    stranger.get("/admin/login");
    assert_eq!(stranger.send(stranger.form("/admin/login", &fields)).status, 403);
    assert_eq!(stranger.post("/admin/login", &fields).status, 303);
}

#[test]
fn a_session_id_that_was_tampered_with_is_nobodys() {
    let app = spawn_app();
    let ada = app.person(EMAIL, Role::Admin);
    let good = ada.cookies["pitlane_session"].clone();
    let flipped = if good.starts_with('0') { "1" } else { "0" };
    let stored: String = app.database().query_row("select id_sha256 from sessions", (), |row| row.get(0)).unwrap();
    for wrong in
        [format!("{flipped}{}", &good[1..]), good[1..].to_owned(), String::new(), stored, "' or 1=1".to_owned()]
    {
        let mut thief = ada.clone();
        thief.cookies.insert("pitlane_session".to_owned(), wrong);
        let answer = thief.get("/admin/tokens");
        assert_eq!((answer.status, answer.location()), (303, Some("/admin/login?next=%2Fadmin%2Ftokens")));
        assert_eq!(thief.post(CHANGE, &[("name", "Lumen")]).status, 401);
    }
}

#[test]
fn nobody_gets_a_page_without_logging_in() {
    let app = spawn_app();
    app.admit(EMAIL, Role::Admin);
    for line in ROUTES.iter().filter(|line| matches!(line.access, Access::Viewer | Access::Admin)) {
        let mut stranger = app.stranger();
        stranger.get("/admin/login");
        if line.method.as_str() == "POST" {
            let answer = stranger.post(line.path, &[]);
            assert_eq!(answer.status, 401, "{}", line.path);
            assert!(answer.text().contains("Log in first"), "{}", answer.text());
        } else {
            let answer = stranger.get(line.path);
            assert_eq!(answer.status, 303, "{}", line.path);
            assert!(answer.location().unwrap().starts_with("/admin/login"), "{:?}", answer.location());
        }
    }
}

#[test]
fn pages_are_not_kept_and_refusals_are_pages() {
    let app = spawn_app();
    let mut ada = app.person(EMAIL, Role::Admin);
    for (path, status) in [
        ("/admin/", 200),
        ("/admin/nonsense", 404),
        ("/admin/tokens/zzzzzzzzzzzzzzzz/revoke", 404),
        ("/admin/polls/x", 404),
    ] {
        let answer = ada.get(path);
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.header("content-type").unwrap().starts_with("text/html"), "{path}");
        assert!(answer.header("cache-control").unwrap().contains("no-store"), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    }
    let answer = ada.send(ada.request("DELETE", "/admin/tokens"));
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")));
}

#[test]
fn going_on_after_a_log_in_never_leads_away() {
    let app = spawn_app();
    app.admit(EMAIL, Role::Admin);
    for (next, to) in [
        ("/admin/polls?token=none", "/admin/polls?token=none"),
        ("https://evil.example/", "/admin/"),
        ("//evil.example/", "/admin/"),
        ("/admin/\\evil", "/admin/"),
        ("/admin/logout", "/admin/"),
    ] {
        let mut ada = app.stranger();
        ada.get("/admin/login");
        let fields = [("email", EMAIL), ("password", crate::harness::PASSWORD), ("next", next)];
        assert_eq!(ada.post("/admin/login", &fields).location(), Some(to), "{next}");
    }
}
