//! Two people at the same form: nothing is overwritten unseen, and nothing that was typed is lost.

use pitlane::domain::Role;

use crate::harness::{App, Browser, EMAIL, PASSWORD, Person, run, spawn_app};
use crate::words::stock;

const BEN: &str = "ben@example.com";

/// The address of the only row that [`stock`] makes, and its cost.
fn cell(app: &App) -> (String, impl Fn() -> i64) {
    let path: String = app
        .database()
        .query_row(
            "select '/admin/stats/cell?day=' || date(day * 86400, 'unixepoch') || '&campaign=' || campaigns.id
                || '&publisher=' || publishers.id
            from daily_stats join campaigns using (campaign_key) join publishers using (publisher_key)",
            (),
            |row| row.get(0),
        )
        .unwrap();
    let database = app.database();
    (path, move || database.query_row("select cost_micros from daily_stats", (), |row| row.get(0)).unwrap())
}

fn two(app: &App) -> (Person, Person) {
    stock(app, "Coin Game");
    (app.person(EMAIL, Role::Admin), app.person(BEN, Role::Admin))
}

#[test]
fn a_cell_that_a_colleague_corrected_is_not_set_back() {
    let app = spawn_app();
    let (mut ada, mut ben) = two(&app);
    let (path, cost) = cell(&app);
    let (hers, his) = (ada.get(&path), ben.get(&path));
    let saved = ada.submit(&hers, &[("cost", "500"), ("reason", "late invoice")]);
    assert_eq!(saved.status, 303, "{}", saved.text());
    // He changed only the clicks.
    let refused = ben.submit(&his, &[("clicks", "120"), ("reason", "recount")]);
    assert_eq!(refused.status, 422, "{}", refused.text());
    for said in [EMAIL, "from “69.5” to “500”", "nothing was saved", "value=\"120\"", "value=\"recount\""] {
        assert!(refused.text().contains(said), "{said}: {}", refused.text());
    }
    assert_eq!(cost(), 500_000_000);
    // The field that he didn't change shows the new cost, and saving keeps it.
    assert_eq!(ben.submit(&refused, &[]).status, 303);
    assert_eq!(cost(), 500_000_000);
    let clicks: i64 = app.database().query_row("select clicks from daily_stats", (), |row| row.get(0)).unwrap();
    assert_eq!(clicks, 120);
}

#[test]
fn both_may_want_the_same_field_and_the_second_decides_knowingly() {
    let app = spawn_app();
    let (mut ada, mut ben) = two(&app);
    let (path, cost) = cell(&app);
    let (hers, his) = (ada.get(&path), ben.get(&path));
    ada.submit(&hers, &[("cost", "500"), ("reason", "late invoice")]);
    let refused = ben.submit(&his, &[("cost", "600"), ("reason", "mine")]);
    assert!(refused.text().contains("You typed “600”"), "{}", refused.text());
    assert_eq!(cost(), 500_000_000);
    assert_eq!(ben.submit(&refused, &[]).status, 303);
    assert_eq!(cost(), 600_000_000);
    // Sent twice, it changes nothing more.
    let imports = || app.store.read(|txn| txn.import_list(None, None, 100)).unwrap().len();
    let before = imports();
    assert_eq!(ben.submit(&refused, &[]).status, 303);
    assert_eq!((imports(), cost()), (before, 600_000_000));
}

#[test]
fn a_new_row_does_not_replace_one_that_exists_without_asking() {
    let app = spawn_app();
    let (mut ada, _) = two(&app);
    let (path, cost) = cell(&app);
    let query: Vec<(String, String)> =
        form_urlencoded::parse(path.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
    let new = ada.get("/admin/stats/cell");
    let mut fields: Vec<_> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    fields.extend([("clicks", "1"), ("cost", "9,999.00")]);
    let asked = ada.submit(&new, &fields);
    assert_eq!(asked.status, 422, "{}", asked.text());
    assert!(asked.text().contains("exists already: cost 69.50 → 9,999.00 EUR"), "{}", asked.text());
    assert_eq!(cost(), 69_500_000);
    let reason = ada.submit(&asked, &[]);
    assert!(reason.text().contains("Say why these figures change"), "{}", reason.text());
    assert_eq!(ada.submit(&reason, &[("reason", "typed it again")]).status, 303);
    assert_eq!(cost(), 9_999_000_000);
}

#[test]
fn a_row_that_is_new_wants_no_reason_and_no_day_far_ahead() {
    let app = spawn_app();
    let (mut ada, _) = two(&app);
    let (path, _) = cell(&app);
    let query: Vec<(String, String)> =
        form_urlencoded::parse(path.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
    let new = ada.get("/admin/stats/cell");
    let mut fields: Vec<_> = query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    fields.retain(|(name, _)| *name != "day");
    fields.extend([("day", "2062-11-20"), ("clicks", "1"), ("cost", "12,50")]);
    let refused = ada.submit(&new, &fields);
    assert!(refused.text().contains("later than tomorrow"), "{}", refused.text());
    assert_eq!(ada.submit(&refused, &select(&refused, &[("day", "2020-11-20")])).status, 303);
    let cost: i64 = app.database().query_row("select min(cost_micros) from daily_stats", (), |row| row.get(0)).unwrap();
    assert_eq!(cost, 12_500_000);
}

#[test]
fn renames_deletions_and_roles_are_not_overwritten_unseen() {
    let app = spawn_app();
    let (mut ada, mut ben) = two(&app);
    let id = |table: &str| -> String {
        app.database().query_row(&format!("select id from {table}"), (), |row| row.get(0)).unwrap()
    };
    for (noun, table) in [
        ("offers", "offers"),
        ("campaigns", "campaigns"),
        ("apps", "apps"),
        ("publishers", "publishers"),
        ("advertisers", "advertisers"),
    ] {
        let path = format!("/admin/catalogue/{noun}/{}", id(table));
        let (hers, his) = (ada.get(&path), ben.get(&path));
        assert_eq!(ada.submit(&hers, &select(&hers, &[("name", "Hers")])).status, 303, "{noun}");
        let refused = ben.submit(&his, &select(&his, &[("name", "His")]));
        assert_eq!(refused.status, 422, "{noun}");
        for said in [EMAIL, "from “Coin Game” to “Hers”", "You typed “His”", "value=\"His\""] {
            assert!(refused.text().contains(said), "{noun}, {said}: {}", refused.text());
        }
        let name = || -> String {
            app.database().query_row(&format!("select name from {table}"), (), |row| row.get(0)).unwrap()
        };
        assert_eq!(name(), "Hers");
        assert_eq!(ben.submit(&refused, &select(&refused, &[])).status, 303);
        assert_eq!(name(), "His");
    }
    let person: String =
        app.database().query_row("select id from admins where email = ?1", [BEN], |row| row.get(0)).unwrap();
    let removal = ada.get(&format!("/admin/settings/people/{person}/remove"));
    let mut eve = app.person("eve@example.com", Role::Admin);
    let role = eve.get(&format!("/admin/settings/people/{person}"));
    let asked = eve.submit(&role, &[("role", "viewer")]);
    assert_eq!(eve.submit(&asked, &[]).status, 303);
    let refused = ada.submit(&removal, &[]);
    assert!(refused.text().contains("eve@example.com"), "{}", refused.text());
    assert!(refused.text().contains("from “admin” to “viewer”"), "{}", refused.text());
    assert_eq!(ada.submit(&refused, &[]).status, 303);
}

/// The fields with their selected choices.
fn select<'a>(page: &'a crate::harness::Answer, fields: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all = fields.to_vec();
    for choice in page.text().split("<select id=\"").skip(1) {
        let name = choice.split('"').next().unwrap();
        let chosen = choice.split("</select>").next().unwrap().split("<option value=\"");
        let chosen = chosen.filter(|option| option.split('>').next().unwrap().contains(" selected")).last();
        if let (Some(option), false) = (chosen, fields.iter().any(|(given, _)| *given == name)) {
            all.push((name, option.split('"').next().unwrap()));
        }
    }
    all.retain(|(name, _)| *name != "advertiser-switch");
    all
}

#[test]
fn a_token_is_made_once_however_often_its_form_is_sent_or_its_page_loaded() {
    let app = spawn_app();
    let (mut ada, mut ben) = two(&app);
    let tokens = || app.store.read(|txn| txn.token_list()).unwrap().len();
    let page = ada.get("/admin/tokens/new");
    let advertiser: String = app.database().query_row("select id from advertisers", (), |row| row.get(0)).unwrap();
    let fields = [("name", "Singular"), ("advertiser", &advertiser), ("scope", "report"), ("life", "365")];
    let made = ada.submit(&page, &fields);
    let again = ada.submit(&page, &fields);
    assert_eq!((made.status, tokens()), (303, 1));
    assert_eq!(again.location(), made.location());
    let to = made.location().unwrap().to_owned();
    assert_eq!(ben.get(&to).status, 410, "it is not for everybody");
    let shown = ada.get(&to);
    assert!(shown.text().contains("class=\"secret\">plt_"), "{}", shown.text());
    let reloaded = ada.get(&to);
    assert_eq!((reloaded.status, tokens()), (410, 1));
    assert!(!reloaded.text().contains("plt_"));
    // Two people rotate the same token: the second is told about the first.
    let token = app.store.read(|txn| txn.token_list()).unwrap().remove(0).id;
    let path = format!("/admin/tokens/{token}/rotate");
    let (hers, his) = (ada.get(&path), ben.get(&path));
    assert_eq!(ada.submit(&hers, &select(&hers, &[])).status, 303);
    let refused = ben.submit(&his, &select(&his, &[]));
    assert_eq!((refused.status, tokens()), (422, 2), "{}", refused.text());
    assert!(refused.text().contains(EMAIL) && refused.text().contains("Singular 2"), "{}", refused.text());
    assert_eq!(ben.submit(&refused, &select(&refused, &[])).status, 303);
    assert_eq!(tokens(), 3);
}

#[test]
fn what_was_typed_outlives_the_session() {
    run(async {
        let app = spawn_app();
        stock(&app, "Coin Game");
        app.admit(EMAIL, Role::Admin);
        let (path, cost) = cell(&app);
        for scripts in [true, false] {
            let browser = Browser::open(&app, scripts).await;
            browser.log_in(EMAIL).await;
            browser.go(&path).await;
            let typed = if scripts { "70.25" } else { "80.25" };
            browser.fill("cost", typed).await;
            browser.fill("reason", "late invoice").await;
            app.database().execute("delete from sessions", ()).unwrap();
            browser.press("Save changes").await;
            browser.sees("Your session has ended, so nothing was saved").await;
            browser.fill("email", EMAIL).await;
            browser.fill("password", PASSWORD).await;
            browser.press("Log in").await;
            browser.sees("Nothing was saved yet").await;
            browser.press("Send it now").await;
            assert_eq!(browser.path().await, "/admin/stats", "{}", browser.text("main").await);
            assert_eq!(cost(), if scripts { 70_250_000 } else { 80_250_000 });
            browser.close().await;
        }
    });
}

#[test]
fn another_log_in_in_another_tab_loses_nothing() {
    let app = spawn_app();
    let (mut ada, _) = two(&app);
    let (path, cost) = cell(&app);
    let page = ada.get(&path);
    let answer = ada.log_in(EMAIL, PASSWORD);
    assert_eq!(answer.status, 303);
    let held = ada.submit(&page, &[("cost", "71"), ("reason", "late invoice")]);
    assert_eq!(held.status, 403);
    assert!(held.text().contains("logged in again in another tab"), "{}", held.text());
    assert_eq!(cost(), 69_500_000);
    assert_eq!(ada.submit(&held, &[]).status, 303);
    assert_eq!(cost(), 71_000_000);
}
