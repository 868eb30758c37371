//! The start page: alerts, each with a link to its solution, and the age of the last backup.

use pitlane::domain::Role;

use crate::harness::{App, EMAIL, Person, defaults, spawn_app, spawn_in};
use crate::words::stock;

/// A server with data that shows no first steps: it has a token, and nothing needs attention.
pub(crate) fn in_order() -> (App, Person, String) {
    let app = spawn_app();
    stock(&app, "Coin Game");
    let mut ada = app.person(EMAIL, Role::Admin);
    let choices = ada.get("/admin/tokens/new").into_text();
    let (_, rest) = choices.split_once("name=\"advertiser\"").unwrap();
    let advertiser = rest.split("<option value=\"").nth(1).unwrap()[..36].to_owned();
    let fields = [("name", "Singular"), ("advertiser", &advertiser), ("scope", "report"), ("life", "365")];
    let made = ada.post("/admin/tokens/new", &fields);
    let made = ada.follow(made).into_text();
    let (_, rest) = made.split_once("class=\"secret\">").unwrap_or_else(|| panic!("{made}"));
    let token = rest.split('<').next().unwrap().to_owned();
    (app, ada, token)
}

const REPORT: &str = "/api/v1/integrations/cost-report/singular/json?date_from=2026-01-01&date_to=2026-01-02";

/// Polls with the token, and waits until the page knows about it.
pub(crate) fn poll(app: &App, ada: &mut Person, token: &str) {
    let request = app.stranger().request("GET", REPORT).header("Authorization", format!("ApiToken {token}"));
    assert_eq!(request.send().unwrap().status().as_u16(), 200);
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while !ada.get("/admin/").text().contains("Last polled") {
        assert!(std::time::Instant::now() < deadline, "the poll was not noted");
    }
}

/// The alerts: message and link.
fn matters(ada: &mut Person) -> Vec<(String, String)> {
    let page = ada.get("/admin/").into_text();
    let items = page.split("<ul class=\"matters\">").nth(1).map_or("", |rest| rest.split("</ul>").next().unwrap());
    let item = |item: &str| {
        let words = item.split("<span>").nth(1).unwrap().split("</span>").next().unwrap();
        let link = item.split("href=\"").nth(1).unwrap().split('"').next().unwrap();
        (words.replace("&#34;", "\""), link.to_owned())
    };
    items.split("<li").skip(1).map(item).collect()
}

#[test]
fn an_empty_appliance_shows_the_way_instead() {
    let app = spawn_app();
    let page = app.person(EMAIL, Role::Admin).get("/admin/").into_text();
    assert!(page.contains("Four steps to the first report") && page.contains("Add an advertiser"), "{page}");
    assert!(!page.contains("Needs attention"));
}

#[test]
fn only_a_token_that_reads_the_report_now_ends_the_step() {
    let (app, mut ada, _) = in_order();
    let token_step = |ada: &mut Person| {
        let page = ada.get("/admin/").into_text();
        page.split("Give Singular a token").nth(1).map(|rest| rest.starts_with(" <span class=\"good\">Done"))
    };
    assert_eq!(token_step(&mut ada), None, "with everything in place there are no steps left");
    for change in ["expires_at = 1", "scope = 'ingest', expires_at = null", "scope = 'report', revoked_at = 1"] {
        app.database().execute(&format!("update api_tokens set {change}"), ()).unwrap();
        assert_eq!(token_step(&mut ada), Some(false), "{change}");
    }
}

#[test]
fn polling_that_stopped_is_told_by_page_and_metrics() {
    let (app, mut ada, token) = in_order();
    poll(&app, &mut ada, &token);
    let metrics = |state: &str| {
        let text = app.stranger().get("/metrics").into_text();
        text.contains(&format!("pitlane_advertisers_polling{{state=\"{state}\"}} 1"))
    };
    assert!(metrics("alive"));
    app.database().execute("update polls set at = at - 27 * 3600000", ()).unwrap();
    let page = ada.get("/admin/").into_text();
    assert!(page.contains("No polls for 27 hours."), "{page}");
    assert!(page.contains("Singular has stopped polling: the last poll was 27 hours ago."), "{page}");
    assert!(metrics("stopped"));
}

#[test]
fn where_all_is_in_order_nothing_needs_attention() {
    let (_app, mut ada, _) = in_order();
    assert_eq!(matters(&mut ada), []);
    assert!(ada.get("/admin/").text().contains("Nothing."));
}

#[test]
fn each_trouble_is_told_with_the_way_to_mend_it() {
    for (trouble, words, link) in [
        ("update offers set cost_reporting = 0", "Cost reporting is off for all offers", "/admin/catalogue/offers"),
        ("update api_tokens set revoked_at = 1", "No active token can read", "/admin/tokens/new?"),
        (
            "update api_tokens set expires_at = (unixepoch() + 864060) * 1000",
            "The token “Singular” expires in 10 days.",
            "/admin/tokens",
        ),
        ("update polls set at = at - 27 * 3600000", "Singular has stopped polling", "/admin/polls"),
        ("update daily_stats set day = day - 5", "There are no stats for yesterday", "/admin/stats"),
        ("update advertisers set disabled_at = 1", "This advertiser is disabled", "/switch?"),
    ] {
        let (app, mut ada, token) = in_order();
        poll(&app, &mut ada, &token);
        app.database().execute(trouble, ()).unwrap();
        let found = matters(&mut ada);
        let told = found.iter().find(|(said, _)| said.contains(words));
        let (_, href) = told.unwrap_or_else(|| panic!("{trouble}: {found:?}"));
        assert!(href.contains(link), "{href}");
        assert_eq!(ada.get(href).status, 200, "{href} mends nothing");
    }
}

#[test]
fn refused_polls_are_told_with_those_that_showed_no_valid_token() {
    let (app, mut ada, token) = in_order();
    let stranger = app.stranger();
    let report = "/api/v1/integrations/cost-report/singular/json?date_from=2026-02-30&date_to=2026-03-01";
    for token in [token.as_str(), "nonsense"] {
        let answer = stranger.request("GET", report).header("Authorization", format!("ApiToken {token}")).send();
        assert!(answer.unwrap().status().is_client_error());
    }
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while matters(&mut ada).len() < 2 {
        assert!(std::time::Instant::now() < deadline, "{:?}", matters(&mut ada));
    }
    let found = matters(&mut ada);
    for ((words, href), expected) in found.iter().zip([
        ("1 poll was refused in the last 7 days.", "Refused: bad dates"),
        ("1 poll without a valid token was refused in the last 7 days.", "Refused: no valid token"),
    ]) {
        assert_eq!(words, expected.0);
        let list = ada.get(&href.replace("&#38;", "&")).into_text();
        assert!(list.contains(expected.1), "{href}: {list}");
        let poll = list.split("/admin/polls/").nth(1).unwrap().split('"').next().unwrap();
        let detail = ada.get(&format!("/admin/polls/{poll}"));
        assert!(detail.text().contains(expected.1) && detail.text().contains("127.0.0.1"), "{}", detail.text());
    }
}

#[test]
fn the_age_of_the_last_proven_backup_is_told_and_a_failure_seen_at_once() {
    let app = spawn_app();
    let mut ada = app.person(EMAIL, Role::Viewer);
    assert!(ada.get("/admin/").text().contains("The server makes no backups"));
    let told = |status: &str| {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("backups")).unwrap();
        std::fs::write(dir.path().join("backups/status.json"), status).unwrap();
        let nightly = pitlane::config::Nightly(chrono::NaiveTime::from_hms_opt(3, 0, 0));
        let app = spawn_in(dir, pitlane::config::Serve { backup_at: nightly, ..defaults() });
        app.person(EMAIL, Role::Viewer).get("/admin/").into_text()
    };
    let now = chrono::Utc::now().to_rfc3339();
    let page = told(&format!(r#"{{"provenAt":"{now}","drilledAt":"{now}","attemptedAt":"{now}"}}"#));
    assert!(page.contains("Last verified backup: less than a minute ago."), "{page}");
    let failed =
        r#"{"provenAt":"2026-01-01T03:00:00Z","attemptedAt":"2026-01-02T03:00:00Z","failure":"the disk is gone"}"#;
    let page = told(failed);
    assert!(page.contains("Backups: the last backup failed: the disk is gone."), "{page}");
}
