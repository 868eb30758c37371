//! Inviting people, changing their roles, removing them; never the last admin.

use pitlane::domain::Role;

use crate::harness::{Answer, App, EMAIL, PASSWORD, Person, spawn_app};

const PEOPLE: &str = "/admin/settings/people";
const VERA: &str = "vera@example.com";

fn invite(ada: &mut Person, email: &str, role: &str) -> Answer {
    ada.get(&format!("{PEOPLE}/new"));
    let made = ada.post(&format!("{PEOPLE}/new"), &[("email", email), ("role", role)]);
    ada.follow(made)
}

/// The path of the link that a page shows.
fn link(page: &Answer) -> String {
    let (_, rest) = page.text().split_once("/admin/setup/").unwrap_or_else(|| panic!("{}", page.text()));
    format!("/admin/setup/{}", &rest[..64])
}

fn page_of(app: &App, email: &str) -> String {
    let people = app.store.read(|txn| txn.admin_list()).unwrap();
    format!("{PEOPLE}/{}", people.iter().find(|row| row.email == email).unwrap().id)
}

fn choose(app: &App, path: &str, password: &str) -> (Person, Answer) {
    let mut person = app.stranger();
    person.get("/admin/login");
    person.get(path);
    let done = person.post(path, &[("email", "x@example.com"), ("new_password", password), ("again", password)]);
    (person, done)
}

fn audited(app: &App, action: &str) -> Vec<String> {
    let entries = app.store.read(|txn| txn.audit_list(action, None, 100)).unwrap();
    entries.into_iter().filter(|entry| entry.action == action).map(|entry| entry.subject).collect()
}

#[test]
fn somebody_who_is_invited_chooses_a_password_by_a_link_that_works_once() {
    let app = spawn_app();
    let mut ada = app.person(EMAIL, Role::Admin);
    let made = invite(&mut ada, VERA, "viewer");
    assert_eq!(made.status, 200, "{}", made.text());
    let path = link(&made);
    assert!(ada.get(PEOPLE).text().contains("Invited, no password yet"));
    assert_eq!(app.stranger().log_in(VERA, PASSWORD).status, 422);
    assert!(app.stranger().get(&path).text().contains("You log in as vera@example.com"));
    let (mut vera, done) = choose(&app, &path, PASSWORD);
    assert_eq!((done.status, done.location()), (303, Some("/admin/")), "{}", done.text());
    let home = vera.get("/admin/");
    assert!(home.text().contains("vera@example.com (viewer)"), "{}", home.text());
    assert_eq!(app.stranger().log_in(VERA, PASSWORD).status, 303);
    assert!(choose(&app, &path, "another sentence").1.text().contains("already been used"));
    assert_eq!(audited(&app, "admin invite"), ["vera@example.com as viewer"]);
    let again = invite(&mut ada, VERA, "admin");
    assert!(again.status == 422 && again.text().contains("already somebody"), "{}", again.text());
    assert_eq!(invite(&mut ada, "nonsense", "viewer").status, 422);
}

#[test]
fn a_new_link_ends_the_one_before_and_a_set_up_link_ends_neither() {
    let app = spawn_app();
    let mut ada = app.person(EMAIL, Role::Admin);
    let first = link(&invite(&mut ada, VERA, "viewer"));
    let page = format!("{}/link", page_of(&app, VERA));
    ada.get(&page);
    let made = ada.post(&page, &[]);
    let second = link(&ada.follow(made));
    let setup = app.setup_path();
    assert!(choose(&app, &first, PASSWORD).1.text().contains("unknown"));
    assert_eq!(choose(&app, &second, PASSWORD).1.status, 303);
    assert_eq!(app.stranger().get(&setup).status, 200);
    assert_eq!(app.store.read(|txn| txn.admin_list()).unwrap().len(), 2);
}

#[test]
fn a_role_holds_from_the_next_click_on() {
    let app = spawn_app();
    let mut ada = app.person(EMAIL, Role::Admin);
    let mut vera = app.person(VERA, Role::Viewer);
    assert_eq!(vera.get(&format!("{PEOPLE}/new")).status, 403);
    ada.get(&page_of(&app, VERA));
    let asked = ada.post(&page_of(&app, VERA), &[("role", "admin")]);
    assert!(asked.status == 200 && asked.text().contains("Make vera@example.com an admin?"), "{}", asked.text());
    assert_eq!(vera.get(&format!("{PEOPLE}/new")).status, 403, "it was only asked");
    assert_eq!(ada.post(&page_of(&app, VERA), &[("role", "admin"), ("confirmed", "yes")]).status, 303);
    assert_eq!(vera.get(&format!("{PEOPLE}/new")).status, 200);
    assert_eq!(vera.post(&page_of(&app, EMAIL), &[("role", "viewer"), ("confirmed", "yes")]).status, 303);
    assert_eq!(ada.get(&format!("{PEOPLE}/new")).status, 403);
    assert_eq!(audited(&app, "admin role"), ["ada@example.com is now viewer", "vera@example.com is now admin"]);
}

#[test]
fn the_last_admin_who_can_log_in_stays_one() {
    let app = spawn_app();
    let mut ada = app.person(EMAIL, Role::Admin);
    app.admit(VERA, Role::Viewer);
    invite(&mut ada, "grace@example.com", "admin");
    let page = page_of(&app, EMAIL);
    let removal = format!("{page}/remove");
    ada.get(&page);
    for answer in [ada.post(&page, &[("role", "viewer"), ("confirmed", "yes")]), ada.post(&removal, &[])] {
        assert!(answer.status == 422 && answer.text().contains("This is the last admin"), "{}", answer.text());
    }
    assert_eq!(ada.get(&format!("{PEOPLE}/new")).status, 200);
}

#[test]
fn who_is_removed_is_out_at_once_and_what_they_did_stays() {
    let app = spawn_app();
    let mut ada = app.person(EMAIL, Role::Admin);
    let mut vera = app.person(VERA, Role::Viewer);
    let page = page_of(&app, VERA);
    assert!(ada.get(&format!("{page}/remove")).text().contains("Remove vera@example.com?"));
    assert_eq!(ada.post(&format!("{page}/remove"), &[]).status, 303);
    assert_eq!(vera.get("/admin/").status, 303);
    assert_eq!(app.stranger().log_in(VERA, PASSWORD).status, 422);
    assert_eq!(ada.get(&page).status, 404);
    assert!(ada.get("/admin/audit?search=vera").text().contains("log in"));
    assert_eq!(audited(&app, "admin remove"), [VERA]);
}

#[test]
fn a_persons_sessions_are_ended_by_an_admin() {
    let app = spawn_app();
    let mut ada = app.person(EMAIL, Role::Admin);
    let mut vera = app.person(VERA, Role::Viewer);
    let page = page_of(&app, VERA);
    assert!(ada.get(PEOPLE).text().contains("1 browser"));
    ada.get(&format!("{page}/sessions"));
    assert_eq!(ada.post(&format!("{page}/sessions"), &[]).status, 303);
    assert_eq!((vera.get("/admin/").status, ada.get("/admin/").status), (303, 200));
    assert_eq!(audited(&app, "admin log-out"), ["vera@example.com in 1 browser"]);
}
