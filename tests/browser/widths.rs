//! Every page, with data that is hard to show, on screens of four widths: none scrolls sideways, none is heavy.
//!
//! `PITLANE_PICTURES=DIR` saves a picture of each page there.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::path::PathBuf;

use pitlane::domain::{Currency, Name, Role};
use pitlane::service::Actor;
use pitlane::service::catalogue;
use serde_json::{Value, json};

use crate::ahead::{ago, connector_of, poll};
use crate::harness::{App, Browser, EMAIL, run, spawn_app};
use crate::imports::{import_file, upload};

const WIDTHS: [u32; 4] = [360, 768, 1280, 1920];

/// An advertiser's name, its currency, and the beginning of its campaigns' names.
fn hard() -> [(String, &'static str, String); 3] {
    [
        (
            "US_Android_CoinGame_Prospecting_Lookalike_1pct_Video_Portrait_EN_2026_Q4_Broad_v12_ab".to_owned(),
            "JPY",
            "DE_iOS_CoinGame_Retargeting_Purchasers_30d_Carousel_Square_DE_2026_Q4_Narrow_v07_cd2".to_owned(),
        ),
        ("Söhne_".repeat(83), "KWD", "X".repeat(496)),
        ("حملة الصيف الكبيرة 🎮😀".to_owned(), "USD", "קמפיין_".repeat(40) + "👩‍👩‍👧‍👦"),
    ]
}

/// Rows of twelve campaigns on days near and far: amounts of a thousandth and of a hundred thousand million each, so that
/// sums pass a million million.
fn rows(campaign: &str, days: &[u64], big: &str) -> String {
    let mut csv = "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n".to_owned();
    for day in days {
        for number in 0..12 {
            let cost = if number == 0 { "0.001" } else { big };
            let name: String = campaign.chars().take(497).collect();
            let day = ago(*day);
            writeln!(
                csv,
                "{day},{name}{number:02},{campaign},{},{cost},{campaign},{campaign},com.example.{},ANDROID",
                900_000_000_000_u64 + number,
                "game".repeat(12)
            )
            .unwrap();
        }
    }
    csv
}

fn fill(app: &App) {
    let actor = Actor::command_line();
    for (name, currency, campaign) in hard() {
        let (parsed, currency) = (Name::parse("name", &name).unwrap(), Currency::parse(currency).unwrap());
        let zone = "Asia/Tokyo".parse().unwrap();
        catalogue::create_advertiser(&app.store, &parsed, currency, zone, &actor).unwrap();
        let import = |csv: String, file: &str| {
            import_file(app, &name, &format!("{file}_{}.csv", "long".repeat(30)), csv);
        };
        import(rows(&campaign, &[1, 2, 9, 40, 300], "100000000000"), "first");
        poll(app, &connector_of(app, &name, &campaign), 400);
        import(rows(&campaign, &[1, 9, 300], "99999999999.999999"), "second");
    }
}

async fn tool(browser: &Browser, name: &str, with: Value) {
    browser.driver.cdp().send_raw(name, with).await.unwrap();
}

/// Checks the page on screens of all widths in both colour schemes; returns the elements that overflow.
async fn too_wide(browser: &Browser, name: &str) -> Vec<String> {
    const SCRIPT: &str = "if (document.documentElement.scrollWidth <= innerWidth) return null;
        const out = [...document.querySelectorAll('body *')].filter((one) =>
            one.getBoundingClientRect().right > innerWidth + 0.5 && !one.closest('.scroll'));
        return document.documentElement.scrollWidth + ' px: '
            + out.slice(0, 3).map((one) => one.outerHTML.slice(0, 160)).join(' | ');";
    let mut found = Vec::new();
    for scheme in ["light", "dark"] {
        let of = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        tool(browser, "Emulation.setEmulatedMedia", of).await;
        for width in WIDTHS {
            let size = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false});
            tool(browser, "Emulation.setDeviceMetricsOverride", size).await;
            let out = browser.driver.execute(SCRIPT, Vec::new()).await.unwrap().json().clone();
            if let Value::String(out) = out {
                found.push(format!("{name}, {scheme}, {width} px wide: {out}"));
            }
            if let Some(dir) = std::env::var_os("PITLANE_PICTURES") {
                let file: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
                let file = format!("{}-{scheme}-{width}.png", &file[..file.len().min(80)]);
                browser.driver.screenshot(&PathBuf::from(dir).join(file)).await.unwrap();
            }
        }
    }
    let size = json!({"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": false});
    tool(browser, "Emulation.setDeviceMetricsOverride", size).await;
    found
}

/// The kind of page at an address: without ids and values, except the grouping of stats.
fn kind(path: &str) -> String {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let is_id = |part: &str| part.len() > 20 || part.starts_with(|c: char| c.is_ascii_digit());
    let parts: Vec<&str> = path.split('/').map(|part| if is_id(part) { "ID" } else { part }).collect();
    let mut names: Vec<String> = form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| !["advertiser", "sort", "page", "range", "done", "from", "to"].contains(&name.as_ref()))
        .filter(|(name, _)| path != "/admin/stats" || name == "by")
        .map(|(name, value)| if name == "by" { format!("by {value}") } else { name.into_owned() })
        .collect();
    names.sort();
    names.dedup();
    format!("{} {}", parts.join("/"), names.join(" "))
}

/// The pages that can be reached by links from here, each kind once.
async fn walk(browser: &Browser, start: &str, found: &mut Vec<String>) -> usize {
    const LINKS: &str = "return [...document.querySelectorAll('a[href]:not([download])')].map((one) => one.href)
        .filter((href) => href.startsWith(location.origin + '/admin')).map((href) => href.slice(location.origin.length));";
    const WEIGHT: &str = "const done = arguments[arguments.length - 1];
        fetch(location.href).then((page) => page.text()).then((text) => done(new Blob([text]).size));";
    let (mut seen, mut waiting) = (BTreeMap::new(), VecDeque::from([start.to_owned()]));
    while let Some(path) = waiting.pop_front() {
        let kind = kind(path.split('#').next().unwrap_or_default());
        let is_file = [".csv", ".zip", "/packet/", "/download"].iter().any(|end| path.contains(end));
        if is_file || seen.contains_key(&kind) {
            continue;
        }
        browser.go(&path).await;
        found.extend(too_wide(browser, &kind).await);
        let weight = browser.driver.execute_async(WEIGHT, Vec::new()).await.unwrap().json().as_u64().unwrap();
        if weight > 100_000 {
            found.push(format!("{kind} has {weight} bytes"));
        }
        let links = browser.driver.execute(LINKS, Vec::new()).await.unwrap().json().clone();
        let links = links.as_array().unwrap().iter().map(|link| link.as_str().unwrap().to_owned());
        waiting.extend(links);
        seen.insert(kind, path);
    }
    seen.len()
}

#[test]
fn no_page_scrolls_sideways_whatever_the_names_and_amounts() {
    let app = spawn_app();
    fill(&app);
    app.admit(EMAIL, Role::Admin);
    let advertisers: Vec<String> =
        app.store.read(|txn| txn.advertiser_list()).unwrap().iter().map(|row| row.id.to_string()).collect();
    assert_eq!(advertisers.len(), 3);
    let file = app.dir.path().join(format!("{}.csv", "name_without_blanks_".repeat(6)));
    let heads = "H".repeat(300);
    let text = rows(&"Ü".repeat(450), &[1, 5], "1234567890.123").replacen('\n', &format!(",{heads}\n"), 1);
    std::fs::write(&file, text.replace(",ANDROID", &format!(",ANDROID,{}", "v".repeat(500)))).unwrap();
    run(async {
        let browser = Browser::open(&app, true).await;
        browser.log_in(EMAIL).await;
        let mut found = Vec::new();
        for advertiser in &advertisers {
            let pages = walk(&browser, &format!("/admin/?advertiser={advertiser}"), &mut found).await;
            println!("{pages} kinds of pages");
            assert!(pages > 50, "only {pages} kinds of pages were found");
        }
        upload(&browser, &file.to_string_lossy()).await;
        found.extend(too_wide(&browser, "mapping").await);
        browser.press("Check import").await;
        found.extend(too_wide(&browser, "preview with problems").await);
        for (page, name) in [("/admin/tokens/new", "token"), ("/admin/catalogue/publishers/new", "publisher")] {
            browser.go(page).await;
            browser.fill("name", &"W".repeat(600)).await;
            browser.leave_by("//main//form//button[@type='submit']").await;
            found.extend(too_wide(&browser, &format!("a refused {name}")).await);
        }
        browser.go("/admin/tokens/new").await;
        browser.fill("name", &"W".repeat(500)).await;
        browser.press("Generate token").await;
        found.extend(too_wide(&browser, "token once").await);
        // Five days of eleven times a hundred thousand million were handed over.
        browser.go(&format!("/admin/?advertiser={}", advertisers[2])).await;
        browser.sees("with a cost of 5,500,000,000,000.00 USD").await;
        assert!(found.is_empty(), "{} pages scroll sideways or are heavy:\n{}", found.len(), found.join("\n"));
        browser.close().await;
    });
}
