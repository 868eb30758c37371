//! The golden list: what every route answers to every kind of client, and what is the same for all routes.
//!
//! The list is made from `pitlane::server::ROUTES`, so a new route changes the snapshot until somebody confirms who may use
//! it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use pitlane::domain::TokenScope;
use pitlane::server::{Access, Line, ROUTES};
use reqwest::Method;

use crate::fixtures::{CONTOSO, NORTHWIND, id, may, stocked};
use crate::harness::{Answer, App, Client, answer, defaults, spawn_on};

/// A token with a valid form and checksum that was never issued.
const UNKNOWN: &str = "plt_0000000000000000_0000000000000000000000000000000000000000000";

/// Texts that only answers to Northwind may contain.
const NORTHWINDS: [&str; 6] =
    [NORTHWIND, "Coin Game", "Hidden Gems", "AOS_TEST_2025", "com.example.coingame", "gems.example.com"];

/// Sends a valid request for this route.
fn ask(client: &Client, line: &Line) -> Answer {
    let path = match line.path {
        "/assets/{name}" => "/assets/pitlane.css".to_owned(),
        // A route that writes refuses unknown parameters.
        path if line.method.as_str() == "POST" => path.to_owned(),
        path => may(path),
    };
    let mut request = client.request(line.method.as_str().parse().unwrap(), &path);
    if line.method.as_str() == "POST" {
        let rows = format!("date,campaign_id,partner,clicks,cost\n2025-05-27,{},Lumen,1,1\n", id("offer", "Coin Game"));
        request = request.header("Content-Type", "text/csv").body(rows);
    }
    answer(request)
}

/// The routes for programs. Those for people have a list of their own, in `tests/browser`.
fn programs() -> impl Iterator<Item = &'static Line> {
    ROUTES.iter().filter(|line| line.path != "/" && !line.path.starts_with("/admin"))
}

struct Callers {
    app: App,
    northwind: [Client; 2],
    contoso: [Client; 2],
}

impl Callers {
    fn new() -> Self {
        let (app, _) = stocked();
        let tokens = |advertiser| [TokenScope::Report, TokenScope::Ingest].map(|scope| app.token(advertiser, scope));
        let [northwind, contoso] = [NORTHWIND, CONTOSO].map(tokens);
        Self { app, northwind, contoso }
    }

    /// The token with the scope of the route, and the other one.
    fn of<'t>(tokens: &'t [Client; 2], line: &Line) -> (&'t Client, &'t Client) {
        let [report, ingest] = tokens;
        if line.access == Access::IngestToken { (ingest, report) } else { (report, ingest) }
    }
}

#[test]
fn every_route_says_who_gets_what() {
    let callers = Callers::new();
    let unknown = callers.app.bearer(&with_check(UNKNOWN));
    let mut table = String::from("anonymous, unknown token, another advertiser's, wrong scope, right token\n");
    for line in programs() {
        let (right, wrong_scope) = Callers::of(&callers.northwind, line);
        let (other, _) = Callers::of(&callers.contoso, line);
        let foreign = ask(other, line);
        let statuses = [
            ask(&callers.app.anonymous(), line).status,
            ask(&unknown, line).status,
            foreign.status,
            ask(wrong_scope, line).status,
            ask(right, line).status,
        ];
        writeln!(table, "{statuses:?} {} {}", line.method, line.path).unwrap();
        let secret = if matches!(line.access, Access::Anyone | Access::Operator) { &[] } else { NORTHWINDS.as_slice() };
        for name in secret {
            assert!(!foreign.text().contains(*name), "{} tells {CONTOSO} of {name}", line.path);
        }
    }
    insta::assert_snapshot!(table, @r"
    anonymous, unknown token, another advertiser's, wrong scope, right token
    [401, 401, 200, 403, 200] GET /api/v1/integrations/cost-report/singular/json
    [401, 401, 200, 403, 200] GET /api/v1/integrations/cost-report/singular/csv
    [401, 401, 200, 403, 200] GET /api/v1/integrations/cost-report/json
    [401, 401, 200, 403, 200] GET /api/v1/integrations/cost-report/csv
    [401, 401, 400, 403, 200] POST /api/v1/daily-stats
    [404, 404, 404, 404, 404] GET /feeds/{secret}.csv
    [200, 200, 200, 200, 200] GET /api/openapi.json
    [200, 200, 200, 200, 200] GET /api/docs
    [200, 200, 200, 200, 200] GET /assets/{name}
    [200, 200, 200, 200, 200] GET /livez
    [200, 200, 200, 200, 200] GET /readyz
    [200, 200, 200, 200, 200] GET /metrics
    ");
}

/// A token's body with its checksum: CRC-32 as six base62 digits (contract §2).
pub(crate) fn with_check(body: &str) -> String {
    const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut crc = flate2::Crc::new();
    crc.update(body.as_bytes());
    let digits = (0..6).rev().map(|place| char::from(BASE62[(crc.sum() / 62_u32.pow(place) % 62) as usize]));
    body.chars().chain(digits).collect()
}

#[test]
fn a_token_carries_the_checksum_the_contract_says() {
    let (_app, token) = stocked();
    let (body, _) = token.token.split_at(token.token.len() - 6);
    assert_eq!(with_check(body), token.token);
}

#[test]
fn the_openapi_document_lists_exactly_the_api_routes() {
    let document: serde_json::Value = serde_json::from_str(pitlane::api::docs::OPENAPI).unwrap();
    let described: BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(move |method| format!("{method} {path}")))
        .collect();
    let routed: BTreeSet<String> = ROUTES
        .iter()
        .filter(|line| line.path.starts_with("/api/"))
        .flat_map(|line| match line.method.as_str() {
            "GET" => ["get", "head"].map(|method| format!("{method} {}", line.path)).to_vec(),
            method => vec![format!("{} {}", method.to_lowercase(), line.path)],
        })
        .collect();
    assert_eq!(described, routed);
}

#[test]
fn every_answer_carries_the_security_headers() {
    let callers = Callers::new();
    let mut answers: Vec<_> = programs().map(|line| ask(Callers::of(&callers.northwind, line).0, line)).collect();
    let anonymous = callers.app.anonymous();
    answers.extend(
        ["/nowhere", "/api/nowhere", "/assets/nowhere", &may("/api/v1/integrations/cost-report/json")]
            .map(|path| anonymous.get(path)),
    );
    answers.push(answer(anonymous.request(Method::DELETE, "/api/docs")));
    for found in answers {
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(found.header(name), Some(value), "{} {:?}", found.status, found.headers);
        }
        assert!(found.header("content-security-policy").unwrap().starts_with("default-src 'none'; "));
        assert_eq!(found.header("strict-transport-security"), None, "only over https");
    }
}

#[test]
fn head_answers_what_get_answers_without_the_body() {
    let callers = Callers::new();
    for line in programs().filter(|line| line.method.as_str() == "GET" && line.path != "/metrics") {
        let (right, _) = Callers::of(&callers.northwind, line);
        let path = if line.path == "/assets/{name}" { "/assets/pitlane.css".to_owned() } else { may(line.path) };
        same_without_body(&right.get(&path), &right.head(&path), &path);
    }
}

#[test]
fn head_is_refused_as_get_is() {
    let callers = Callers::new();
    let anonymous = callers.app.anonymous();
    for path in [may("/api/v1/integrations/cost-report/json"), "/api/nowhere".to_owned(), "/nowhere".to_owned()] {
        same_without_body(&anonymous.get(&path), &anonymous.head(&path), &path);
    }
}

#[track_caller]
fn same_without_body(get: &Answer, head: &Answer, path: &str) {
    let steady = |answer: &Answer| {
        let mut headers = answer.headers.clone();
        headers.remove("date");
        headers
    };
    assert_eq!((head.status, steady(head)), (get.status, steady(get)), "{path}");
    assert!(head.body.is_empty() && !get.body.is_empty(), "{path}");
}

#[test]
fn a_wrong_method_is_told_the_right_ones_on_every_route() {
    let callers = Callers::new();
    let anonymous = callers.app.anonymous();
    for line in programs() {
        let refused = answer(anonymous.request(Method::DELETE, &may(&line.path.replace("{name}", "pitlane.css"))));
        let allow = if line.method.as_str() == "GET" { "GET, HEAD" } else { "POST" };
        assert_eq!((refused.status, refused.header("allow")), (405, Some(allow)), "{}", line.path);
        assert_eq!(refused.json()["responseType"], "MethodNotAllowed", "{}", line.path);
    }
}

#[test]
fn behind_https_browsers_are_told_to_stay_there() {
    let config = pitlane::config::Serve { public_url: Some("https://costs.example.com".to_owned()), ..defaults() };
    let app = spawn_on(tempfile::tempdir().unwrap(), config);
    assert_eq!(app.anonymous().get("/livez").header("strict-transport-security"), Some("max-age=31536000"));
}

#[test]
fn only_a_trusted_proxy_says_that_a_request_came_by_https() {
    for trusted in [true, false] {
        let trusted_proxy = if trusted { vec!["127.0.0.1/32".parse().unwrap()] } else { Vec::new() };
        let config = pitlane::config::Serve { trusted_proxy, ..defaults() };
        let app = spawn_on(tempfile::tempdir().unwrap(), config);
        let asked = app.anonymous().request(Method::GET, "/admin/login").header("X-Forwarded-Proto", "https");
        let answered = answer(asked);
        let cookies: Vec<_> = answered.headers.get_all("set-cookie").iter().map(|it| it.to_str().unwrap()).collect();
        assert!(!cookies.is_empty());
        for cookie in cookies {
            let kept = cookie.starts_with("__Host-") && cookie.contains("Secure");
            assert_eq!(kept, trusted, "{cookie}");
        }
        assert_eq!(answered.header("strict-transport-security").is_some(), trusted);
    }
}

#[test]
fn metrics_count_by_route_and_status_and_name_no_token_and_no_address() {
    let (app, token) = stocked();
    token.get(&may("/api/v1/integrations/cost-report/json"));
    app.anonymous().get("/api/v1/integrations/cost-report/json");
    app.anonymous().get("/api/nowhere/at-all");
    let answer = app.anonymous().get("/metrics");
    let text = answer.text();
    let counted = |status| format!("{{route=\"/api/v1/integrations/cost-report/json\",status=\"{status}\"}} 1\n");
    assert!(text.contains(&counted(200)) && text.contains(&counted(401)), "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
    // Advertisers are labels of their own metrics (contract §8); nothing else is named.
    for private in [token.id(), "127.0.0.1", "at-all"] {
        assert!(!text.contains(private), "{text}");
    }
}
