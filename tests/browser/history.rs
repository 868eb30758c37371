//! What the pages tell about imports besides figures: marks of days, imports that were cut off, and long histories.

use pitlane::domain::Role;
use pitlane::service::imports;

use crate::harness::{Answer, EMAIL, Person, spawn_app};
use crate::home::{in_order, poll};
use crate::words::stock;

/// Marks the two days that `home::poll` asks for.
fn mark(person: &mut Person, days: &str, reason: &str) -> Answer {
    let fields = [("from", "2026-01-01"), ("to", "2026-01-02"), ("days", days), ("reason", reason)];
    person.post("/admin/stats/days", &fields)
}

#[test]
fn days_are_marked_and_a_poll_of_them_says_so() {
    let (app, mut ada, token) = in_order();
    let marked = mark(&mut ada, "final", "");
    assert_eq!(marked.status, 303, "{}", marked.text());
    poll(&app, &mut ada, &token);
    let detail = |ada: &mut Person| {
        let list = ada.get("/admin/polls").into_text();
        ada.get(&format!("/admin/polls/{}", list.split("/admin/polls/").nth(1).unwrap().split('"').next().unwrap()))
            .into_text()
    };
    let told = detail(&mut ada);
    assert!(told.contains("Of these days") && told.contains("2 final"), "{told}");
    // The day is final, so a change needs a reason.
    let refused = mark(&mut ada, "provisional", "");
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("would reopen final days"), "{}", refused.text());
    assert_eq!(mark(&mut ada, "provisional", "the invoice was wrong").status, 303);
    assert!(detail(&mut ada).contains("2 provisional"));
    let list = ada.get("/admin/imports").into_text();
    assert!(list.contains("Days marked") && list.contains("the invoice was wrong"), "{list}");
}

#[test]
fn an_import_that_was_cut_off_is_told_on_the_first_page_and_in_the_history() {
    let (app, mut ada, _) = in_order();
    let running = app.dir.path().join("imports");
    std::fs::create_dir_all(&running).unwrap();
    let file = running.join("0a3b1f6e-58c1-4e8e-9c3d-6f1f0d1c2b3a.running");
    std::fs::write(&file, "august.csv, begun 2026-11-22 10:00 UTC").unwrap();
    imports::note_cut_off(&app.store).unwrap();
    assert!(!file.exists());
    for page in ["/admin/", "/admin/imports"] {
        let body = ada.get(page).into_text();
        assert!(
            body.contains("august.csv, begun 2026-11-22 10:00 UTC") && body.to_lowercase().contains("cut off"),
            "{page}: {body}"
        );
    }
}

#[test]
fn a_long_history_goes_on_page_after_page() {
    let app = spawn_app();
    stock(&app, "Coin Game");
    let mut ada = app.person(EMAIL, Role::Admin);
    for turn in 1..=60 {
        assert_eq!(mark(&mut ada, "final", &format!("turn {turn}.")).status, 303);
    }
    let (mut page, mut seen) = ("/admin/imports".to_owned(), Vec::new());
    loop {
        let body = ada.get(&page).into_text();
        seen.extend((1..=60).filter(|turn| body.contains(&format!("turn {turn}."))));
        let Some((before, _)) = body.split_once("\">Older imports") else { break };
        page = before.rsplit('"').next().unwrap().replace("&#38;", "&").replace("&amp;", "&");
    }
    seen.sort_unstable();
    assert_eq!(seen, (1..=60).collect::<Vec<_>>());
}
