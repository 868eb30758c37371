//! The page of the API: a list of contents, and a command for each route with a button that copies it.

use serde_json::json;

use crate::harness::{Browser, run, spawn_app};

const SEEN: &str = "return {
    missing: [...document.querySelectorAll('nav a')].filter((one) => !document.querySelector(one.hash)).map((one) => one.href),
    listed: document.querySelectorAll('nav a').length,
    sections: document.querySelectorAll('main section').length,
    commands: [...document.querySelectorAll('pre[aria-label^=\"Command: \"]')].map((one) => one.textContent),
    bare: [...document.querySelectorAll('pre')].filter((one) => !one.nextElementSibling
        || !one.nextElementSibling.matches('button[aria-label^=\"Copy: \"]')).length,
    wide: Math.max(0, document.documentElement.scrollWidth - innerWidth),
};";

#[test]
fn each_route_is_listed_and_has_a_command_to_copy() {
    let app = spawn_app();
    run(async {
        let browser = Browser::open(&app, true).await;
        browser.go("/api/docs").await;
        let seen = browser.driver.execute(SEEN, Vec::new()).await.unwrap().json().clone();
        assert_eq!((&seen["missing"], &seen["bare"], &seen["wide"]), (&json!([]), &json!(0), &json!(0)), "{seen}");
        let sections = seen["sections"].as_u64().unwrap();
        assert_eq!(seen["listed"].as_u64().unwrap(), sections + 1);
        let commands = seen["commands"].as_array().unwrap();
        assert_eq!(commands.len() as u64, sections);
        let report = format!(
            "curl \\\n  -H 'Authorization: ApiToken plt_…' \\\n  \
             '{}/api/v1/integrations/cost-report/singular/json?date_from=2026-01-01&date_to=2026-01-31'",
            app.origin
        );
        assert!(commands.contains(&json!(report)), "{commands:?}");
        let stats = format!("--data-binary @stats.csv \\\n  '{}/api/v1/daily-stats?dry_run=true'", app.origin);
        assert!(commands.iter().any(|one| one.as_str().unwrap().ends_with(&stats)), "{commands:?}");
        browser.close().await;
    });
}
