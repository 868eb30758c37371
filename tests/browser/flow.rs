//! The whole way in a real browser: from the set-up link to a row that Singular gets, and to the token's revocation.

use pitlane::domain::Role;
use thirtyfour::prelude::*;

use crate::harness::{App, Browser, EMAIL, PASSWORD, run, spawn_app};
use crate::words::stock;

#[test]
fn from_the_set_up_link_to_a_row_for_singular() {
    run(whole_way(true));
}

#[test]
fn the_same_way_without_scripts() {
    run(whole_way(false));
}

async fn add(browser: &Browser, noun: &str, fields: &[(&str, &str)], button: &str) {
    browser.go(&format!("/admin/catalogue/{noun}/new")).await;
    for (name, text) in fields {
        browser.fill(name, text).await;
    }
    browser.press(button).await;
    assert!(!browser.path().await.ends_with("/new"), "{}", browser.text("main").await);
}

async fn whole_way(scripts: bool) {
    let app = spawn_app();
    let browser = Browser::open(&app, scripts).await;
    browser.go(&app.setup_path()).await;
    browser.fill("email", EMAIL).await;
    browser.fill("new_password", PASSWORD).await;
    if !scripts {
        browser.fill("again", PASSWORD).await;
    }
    browser.press("Create the account").await;
    assert_eq!(browser.path().await, "/admin/");
    browser.sees("Four steps to the first report").await;
    browser.follow("Add an advertiser").await;
    browser.fill("name", "Northwind").await;
    browser.fill("currency", "EUR").await;
    browser.fill("time_zone", "Europe/Berlin").await;
    browser.press("Add advertiser").await;
    let app_fields = [("name", "Coin Game"), ("os", "Android"), ("store_id", "com.example.coingame")];
    add(&browser, "apps", &app_fields, "Add app").await;
    add(&browser, "offers", &[("name", "Coin Game offer")], "Add offer").await;
    let campaign = [("name", "AOS_TEST_2025"), ("offer", "Coin Game offer"), ("app", "Coin Game")];
    add(&browser, "campaigns", &campaign, "Add campaign").await;
    add(&browser, "publishers", &[("name", "Lumen")], "Add publisher").await;
    browser.go("/admin/stats/cell").await;
    for (name, text) in [("day", "2025-05-28"), ("clicks", "100"), ("cost", "69.5"), ("reason", "a first try")] {
        browser.fill(name, text).await;
    }
    browser.press("Save row").await;
    assert_eq!(browser.path().await, "/admin/stats", "{}", browser.text("main").await);
    browser.sees("69.50").await;
    browser.go("/admin/catalogue/offers").await;
    browser.follow("Turn off").await;
    browser.press("Turn cost reporting off").await;
    browser.follow("Turn on").await;
    browser.press("Turn cost reporting on").await;
    browser.sees("Cost reporting is on").await;
    let token = generate_token(&browser).await;
    assert_eq!(
        browser.driver.find(By::Css("button[data-copies]")).await.unwrap().is_displayed().await.unwrap(),
        scripts
    );
    let (status, report) = fetch(&app, &token).await;
    assert_eq!(status, 200, "{report}");
    for part in ["\"date\":\"2025-05-28\"", "\"offer_name\":\"Coin Game offer\"", "\"cost\":69.5,\"clicks\":100"] {
        assert!(report.contains(part), "{report}");
    }
    browser.go("/admin/tokens").await;
    browser.sees("Live").await;
    browser.follow("Revoke").await;
    browser.sees("Everyone who uses it is refused").await;
    browser.press("Revoke token").await;
    browser.sees("Revoked. It is refused from the next request on.").await;
    let (status, report) = fetch(&app, &token).await;
    assert_eq!(status, 401, "{report}");
    browser.close().await;
}

async fn generate_token(browser: &Browser) -> String {
    browser.go("/admin/tokens/new").await;
    browser.fill("name", "Singular connector").await;
    browser.press("Generate token").await;
    let token = browser.text("#token").await;
    assert!(browser.text("#curl").await.contains(&token));
    token
}

async fn fetch(app: &App, token: &str) -> (u16, String) {
    let path = "/api/v1/integrations/cost-report/singular/json?date_from=2025-05-01&date_to=2025-05-31";
    let request = reqwest::Client::new().get(format!("{}{path}", app.origin));
    let answer = request.header("Authorization", format!("ApiToken {token}")).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

#[test]
fn a_viewer_walks_through_and_finds_nothing_to_change() {
    run(async {
        let app = spawn_app();
        stock(&app, "Coin Game");
        app.admit("vera@example.com", Role::Viewer);
        let browser = Browser::open(&app, true).await;
        browser.go("/admin/tokens").await;
        browser.fill("email", "vera@example.com").await;
        browser.fill("password", PASSWORD).await;
        browser.press("Log in").await;
        assert_eq!(browser.path().await, "/admin/tokens");
        browser.sees("(viewer)").await;
        for path in
            ["/admin/", "/admin/stats", "/admin/catalogue/offers", "/admin/tokens", "/admin/polls", "/admin/audit"]
        {
            browser.go(path).await;
            let forms = browser.driver.find_all(By::Css("main form[method=post]")).await.unwrap();
            assert!(forms.is_empty(), "{path}");
        }
        browser.close().await;
    });
}

#[test]
fn a_token_is_rotated_and_the_list_says_when_the_old_one_can_go() {
    run(async {
        let app = spawn_app();
        stock(&app, "Coin Game");
        app.admit(EMAIL, Role::Admin);
        let browser = Browser::open(&app, true).await;
        browser.go("/admin/tokens").await;
        browser.fill("email", EMAIL).await;
        browser.fill("password", PASSWORD).await;
        browser.press("Log in").await;
        generate_token(&browser).await;
        browser.go("/admin/tokens").await;
        browser.follow("Rotate").await;
        browser.fill("name", "Singular connector, second").await;
        browser.press("Generate successor").await;
        let successor = browser.text("#token").await;
        browser.go("/admin/tokens").await;
        browser.sees("It hasn't been used yet: keep the old one").await;
        assert_eq!(fetch(&app, &successor).await.0, 200);
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
        while !browser.text("main").await.contains("so you can revoke the old one") {
            assert!(std::time::Instant::now() < deadline, "{}", browser.text("main").await);
            browser.go("/admin/tokens").await;
        }
        browser.close().await;
    });
}
