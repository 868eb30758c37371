//! Every page in both colour schemes, wide and narrow: axe-core finds no problem, nothing overflows sideways, and nothing is
//! loaded from other sites.

use pitlane::domain::Role;
use pitlane::server::{Access, ROUTES};
use serde_json::json;

use crate::ahead::{ago, connector, poll, state};
use crate::harness::{Browser, EMAIL, PASSWORD, run, spawn_app};
use crate::imports::{ads_export, fixture, found, say_what_is_advertised, upload};
use crate::merging::{add_others, page};
use crate::two_step::code;
use crate::words::stock;

const AXE: &str = include_str!("../vendor/axe-core/axe.min.js");

const CHECK: &str = "const done = arguments[arguments.length - 1];
    axe.run(document).then((found) => done({
        violations: found.violations.map((one) => one.id + ': ' + one.nodes.map((node) => node.html).join(' | ')),
        wide: document.documentElement.scrollWidth > innerWidth,
        foreign: performance.getEntriesByType('resource').map((entry) => entry.name)
            .filter((name) => !name.startsWith(location.origin)),
        bytes: performance.getEntries().reduce((sum, entry) => sum + (entry.transferSize || 0), 0),
    }));";

async fn check(browser: &Browser, path: &str) {
    let tools = browser.driver.cdp();
    for (scheme, width) in [("light", 1280), ("dark", 1280), ("light", 360), ("dark", 360)] {
        let scheme_of = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        tools.send_raw("Emulation.setEmulatedMedia", scheme_of).await.unwrap();
        let size = json!({"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false});
        tools.send_raw("Emulation.setDeviceMetricsOverride", size).await.unwrap();
        let found = browser.driver.execute_async(format!("{AXE};{CHECK}"), Vec::new()).await.unwrap();
        let found = found.json().clone();
        let bytes = found["bytes"].as_u64().unwrap();
        assert!(bytes < 100_000, "{path} weighs {bytes} bytes");
        let bare = json!({"violations": found["violations"], "wide": found["wide"], "foreign": found["foreign"]});
        let clean = json!({"violations": [], "wide": false, "foreign": []});
        assert_eq!(bare, clean, "{path}, {scheme}, {width} px");
    }
    // Buttons are pressed on a wide page, because narrow ones hide columns.
    let wide = json!({"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": false});
    tools.send_raw("Emulation.setDeviceMetricsOverride", wide).await.unwrap();
}

/// The pages for connecting Singular and other partners.
async fn connect_pages(browser: &Browser) {
    browser.go("/admin/singular/connect").await;
    check(browser, "the steps with a token").await;
    browser.go("/admin/singular/check").await;
    browser.press("Check from outside").await;
    check(browser, "what a check found").await;
    browser.go("/admin/singular/links").await;
    browser.fill("link", "https://example.sng.link/Abc12/wxyz").await;
    browser.press("Make links").await;
    check(browser, "the links").await;
    browser.fill("verify", "https://example.sng.link/Abc12/wxyz?pcid=1").await;
    browser.press("Check link").await;
    check(browser, "a wrong link").await;
    browser.go("/admin/singular/feeds/new").await;
    browser.fill("name", "Sheet").await;
    browser.press("Make feed").await;
    check(browser, "the link of a feed, once").await;
    browser.go("/admin/singular/feeds").await;
    check(browser, "the list of feeds").await;
    browser.follow("Revoke").await;
    check(browser, "the question before a revocation").await;
}

#[test]
fn every_page_is_accessible_and_fits() {
    run(async {
        let app = spawn_app();
        let browser = Browser::open(&app, true).await;
        for path in
            ["/admin/login".to_owned(), app.setup_path(), "/admin/setup/0".to_owned(), "/admin/nonsense".to_owned()]
        {
            browser.go(&path).await;
            check(&browser, &path).await;
        }
        app.admit(EMAIL, Role::Admin);
        browser.go("/admin/").await;
        check(&browser, "the log-in page").await;
        browser.fill("email", EMAIL).await;
        browser.fill("password", PASSWORD).await;
        browser.press("Log in").await;
        check(&browser, "the empty start page").await;
        for path in ["/admin/stats", "/admin/tokens", "/admin/polls", "/admin/catalogue/offers"] {
            browser.go(path).await;
            check(&browser, &format!("{path}, empty")).await;
        }
        stock(&app, "Coin Game");
        for line in ROUTES.iter().filter(|line| matches!(line.access, Access::Viewer | Access::Admin)) {
            if line.method.as_str() == "GET" && !line.path.contains('{') && !line.path.ends_with("csv") {
                browser.go(line.path).await;
                check(&browser, line.path).await;
            }
        }
        for (path, link) in [
            ("/admin/catalogue/offers", "tbody th a"),
            ("/admin/catalogue/offers", "td:last-child a"),
            ("/admin/catalogue/campaigns", "tbody th a"),
            ("/admin/catalogue/apps", "tbody th a"),
            ("/admin/catalogue/publishers", "tbody th a"),
            ("/admin/catalogue/advertisers", "tbody th a"),
            ("/admin/stats", "tbody th a"),
            ("/admin/stats?by=rows", "td:last-child a"),
            ("/admin/stats?by=month&range=all", "tbody th a"),
            ("/admin/settings/people", "tbody th a"),
        ] {
            browser.go(path).await;
            browser.driver.find(thirtyfour::By::Css(link)).await.unwrap().click().await.unwrap();
            let here = browser.path().await;
            check(&browser, &here).await;
        }
        upload(&browser, &fixture("ads_export.csv")).await;
        check(&browser, "the mapping of an upload").await;
        say_what_is_advertised(&browser).await;
        browser.press("Check import").await;
        check(&browser, "a mapping that is not complete").await;
        browser.fill("set-partner", "Facebook").await;
        browser.press("Check import").await;
        check(&browser, "a preview with problems").await;
        browser.press("Add them up").await;
        check(&browser, "a preview").await;
        browser.press(&format!("Import {} rows", ads_export().0)).await;
        check(&browser, "an import").await;
        browser.follow("Undo this import").await;
        check(&browser, "the question before an undo").await;
        browser.go("/admin/imports").await;
        check(&browser, "the list of imports").await;
        add_others(&app);
        let (campaign, publisher) = (page(&app, "campaigns", "Summer"), page(&app, "publishers", "Facebok"));
        for path in [
            format!("{campaign}/move"),
            format!("{campaign}/merge"),
            format!("{publisher}/merge"),
            format!("{publisher}/merge/{}", page(&app, "publishers", "Facebook").rsplit('/').next().unwrap()),
        ] {
            browser.go(&path).await;
            check(&browser, &path).await;
        }
        browser.press("Merge publishers").await;
        check(&browser, "a merge").await;
        browser.go(&publisher).await;
        check(&browser, "what was merged").await;
        browser.go("/admin/tokens/new").await;
        browser.fill("name", "Singular connector").await;
        browser.press("Generate token").await;
        check(&browser, "the token, once").await;
        connect_pages(&browser).await;
        browser.go("/admin/settings/people/new").await;
        browser.fill("email", "vera@example.com").await;
        browser.press("Make invitation link").await;
        check(&browser, "the link, once").await;
        browser.go("/admin/settings/two-step").await;
        let secret = browser.text(".secret").await;
        browser.fill("code", &code(&secret, 0)).await;
        browser.fill("password", PASSWORD).await;
        browser.press("Turn two-step log-in on").await;
        check(&browser, "the recovery codes, once").await;
        browser.leave_by("//header//button[normalize-space()='Log out']").await;
        browser.log_in(EMAIL).await;
        check(&browser, "the question for the code").await;
        browser.close().await;
    });
}

#[test]
fn the_pages_of_what_differs_from_what_singular_was_handed_are_accessible_and_fit() {
    let app = spawn_app();
    found(&app, "USD");
    state(&app, &[1, 12, 40, 300], "1.5");
    poll(&app, &connector(&app), 20);
    state(&app, &[1, 12], "2.25");
    app.admit(EMAIL, Role::Admin);
    run(async {
        let browser = Browser::open(&app, true).await;
        browser.log_in(EMAIL).await;
        browser.go("/admin/singular").await;
        browser.sees("Refresh request 1 of 2").await;
        check(&browser, "the overview with requests").await;
        browser.press("I sent it today").await;
        check(&browser, "the overview with a request that was sent").await;
        for (days, state) in [
            (1, "comes with the next poll"),
            (12, "needs a refresh request"),
            (40, "never asked for"),
            (300, "No poll ever asked"),
        ] {
            browser.go(&format!("/admin/singular/day?day={}", ago(days))).await;
            browser.sees(state).await;
            check(&browser, state).await;
        }
        browser.follow("Polls that asked for this day").await;
        check(&browser, "the polls of a day").await;
        browser.close().await;
    });
}
