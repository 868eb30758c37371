//! A viewer can see everything, but change nothing.

use pitlane::domain::Role;
use pitlane::server::{Access, ROUTES};

use crate::harness::spawn_app;
use crate::words::stock;

#[test]
fn a_viewers_forged_forms_are_refused_on_every_route() {
    let app = spawn_app();
    stock(&app, "Coin Game");
    let mut vera = app.person("vera@example.com", Role::Viewer);
    let before = state(&app);
    for line in ROUTES.iter().filter(|line| line.access == Access::Admin) {
        let answer =
            if line.method.as_str() == "POST" { vera.post(line.path, &[("name", "x")]) } else { vera.get(line.path) };
        assert_eq!(answer.status, 403, "{} {}", line.method, line.path);
        assert!(answer.text().contains("nothing was changed"), "{}", answer.text());
    }
    assert_eq!(state(&app), before);
}

/// What a forged form could have changed.
fn state(app: &crate::harness::App) -> Vec<i64> {
    let database = app.database();
    ["advertisers", "apps", "offers", "campaigns", "publishers", "api_tokens", "imports"]
        .map(|table| database.query_row(&format!("select count(*) from {table}"), (), |row| row.get(0)).unwrap())
        .into()
}

#[test]
fn a_viewer_gets_all_pages_but_no_form_that_changes_anything() {
    let app = spawn_app();
    stock(&app, "Coin Game");
    let mut vera = app.person("vera@example.com", Role::Viewer);
    let own = [
        "/admin/logout",
        "/admin/settings/theme",
        "/admin/settings/password",
        "/admin/settings/sessions",
        "/admin/settings/two-step",
        "/admin/settings/two-step/codes",
        "/admin/settings/two-step/off",
    ];
    for line in ROUTES.iter().filter(|line| line.access == Access::Viewer && line.method.as_str() == "GET") {
        if line.path.contains('{') {
            continue;
        }
        // The page of one day needs a date.
        let yesterday = chrono::Utc::now().date_naive().pred_opt().unwrap();
        let query = match line.path {
            "/admin/singular/day" => format!("?day={yesterday}"),
            // The tracking links need a link to start from.
            "/admin/singular/links.csv" => "?link=https://example.sng.link/Abc12".to_owned(),
            _ => String::new(),
        };
        let page = vera.get(&format!("{}{query}", line.path));
        assert_eq!(page.status, 200, "{}", line.path);
        for form in page.text().split("<form ").skip(1) {
            let tag = form.split('>').next().unwrap();
            let harmless =
                tag.contains("method=\"get\"") || own.iter().any(|own| tag.contains(&format!("action=\"{own}\"")));
            assert!(harmless, "{}: {tag}", line.path);
        }
        for verb in
            ["/new", "/revoke", "/rotate", "/delete", "/reporting", "/switch", "/undo", "/days", "/link", "/remove"]
        {
            assert!(!page.text().contains(&format!("{verb}\"")), "{} leads to {verb}", line.path);
        }
    }
}
