//! Every row of the error table in contract §1, produced over HTTP, with the whole body.

use chrono::{TimeDelta, Utc};
use pitlane::config::Serve;
use pitlane::domain::TokenScope;
use pitlane::service::Actor;
use pitlane::service::access::tokens;

use crate::fixtures::{DAILY_STATS, GENERAL_CSV, NORTHWIND, SINGULAR_CSV, SINGULAR_JSON, may, stock, stocked};
use crate::harness::{Answer, Client, answer, defaults, spawn_on};

/// Status and body of a refusal, which must be JSON in the envelope and not cacheable.
#[track_caller]
fn refusal(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    format!("{} {}", answer.status, answer.redacted())
}

/// The same without the dates in the message.
fn refusal_on(answer: &Answer, moment: chrono::DateTime<Utc>) -> String {
    refusal(answer).replace(&moment.format("%Y-%m-%d %H:%M UTC").to_string(), "[moment]")
}

#[test]
fn a_malformed_date_is_400() {
    let (_app, token) = stocked();
    let answer = token.get(&format!("{SINGULAR_JSON}?date_from=2025-02-30&date_to=2025-03-01"));
    insta::assert_snapshot!(refusal(&answer), @r#"400 {"responseId":"[id]","isSuccessful":false,"responseTitle":"ValidationError","responseType":"ValidationError","messages":["date_from: got \"2025-02-30\", expected a calendar day as YYYY-MM-DD, or an RFC 3339 date-time"]}"#);
}

#[test]
fn a_csv_report_is_refused_in_json_too() {
    let (_app, token) = stocked();
    let answer = token.get(&format!("{SINGULAR_CSV}?date_from=2025-03-02&date_to=2025-03-01"));
    insta::assert_snapshot!(refusal(&answer), @r#"400 {"responseId":"[id]","isSuccessful":false,"responseTitle":"ValidationError","responseType":"ValidationError","messages":["date_from: got 2025-03-02, expected a day not after date_to, which is 2025-03-01"]}"#);
}

#[test]
fn every_way_of_having_no_token_gets_the_same_401() {
    let (app, token) = stocked();
    let right = token.token.clone();
    let other_end = if right.ends_with('0') { '1' } else { '0' };
    let bad_checksum = format!("{}{other_end}", &right[..right.len() - 1]);
    let anonymous = app.anonymous();
    let with = |value: &str| anonymous.get_with(&may(SINGULAR_JSON), "Authorization", value);
    let twice = anonymous.request(reqwest::Method::GET, &may(SINGULAR_JSON));
    let refused = [
        anonymous.get(&may(SINGULAR_JSON)),
        with(&right),
        with(&format!("Basic {right}")),
        with("ApiToken"),
        with("ApiToken plt_"),
        with("ApiToken nonsense"),
        with(&format!("ApiToken {bad_checksum}")),
        with(&format!("ApiToken {right} {right}")),
        with("ApiToken plt_0000000000000000_00000000000000000000000000000000000000000000NbPAe"),
        with(&format!("ApiToken {}", wrong_secret(&right))),
        answer(twice.header("Authorization", format!("ApiToken {right}")).header("Authorization", "ApiToken x")),
    ];
    for answer in &refused {
        assert_eq!(answer.header("www-authenticate"), Some("ApiToken realm=\"pitlane\""));
        assert_eq!(refusal(answer), refusal(&refused[0]));
    }
    insta::assert_snapshot!(refusal(&refused[0]), @r#"401 {"responseId":"[id]","isSuccessful":false,"responseTitle":"Unauthorized","responseType":"Unauthorized","messages":["A valid API token is needed: \"Authorization: ApiToken plt_…\"."]}"#);
}

/// A token's id with another token's secret: well-formed, with the right checksum.
fn wrong_secret(token: &str) -> String {
    let body = format!("{}_{}", &token[..20], "0".repeat(43));
    crate::routes::with_check(&body)
}

#[test]
fn the_scheme_is_api_token_or_bearer_in_any_case() {
    let (app, token) = stocked();
    for scheme in ["ApiToken", "apitoken", "APITOKEN", "Bearer", "bearer"] {
        let header = format!("{scheme} {}", token.token);
        assert_eq!(app.anonymous().get_with(&may(SINGULAR_JSON), "Authorization", &header).status, 200, "{scheme}");
    }
}

#[test]
fn a_revoked_token_is_told_so() {
    let (app, token) = stocked();
    let now = Utc::now();
    tokens::revoke(&app.store, &token.id().parse().unwrap(), &Actor::command_line(), now).unwrap();
    let answer = token.get(&may(SINGULAR_JSON));
    assert_eq!(answer.header("www-authenticate"), Some("ApiToken realm=\"pitlane\""));
    insta::assert_snapshot!(refusal_on(&answer, now), @r#"401 {"responseId":"[id]","isSuccessful":false,"responseTitle":"Unauthorized","responseType":"Unauthorized","messages":["This API token was revoked on [moment]."]}"#);
}

#[test]
fn a_revoked_token_with_a_wrong_secret_is_told_nothing() {
    let (app, token) = stocked();
    tokens::revoke(&app.store, &token.id().parse().unwrap(), &Actor::command_line(), Utc::now()).unwrap();
    let answer = app.bearer(&wrong_secret(&token.token)).get(&may(SINGULAR_JSON));
    assert_eq!(refusal(&answer), refusal(&app.anonymous().get(&may(SINGULAR_JSON))));
}

#[test]
fn an_expired_token_is_told_so() {
    let (app, _) = stocked();
    let past = Utc::now() - TimeDelta::days(1);
    let token = app.token_until(NORTHWIND, TokenScope::Report, Some(past));
    insta::assert_snapshot!(refusal_on(&token.get(&may(SINGULAR_JSON)), past), @r#"401 {"responseId":"[id]","isSuccessful":false,"responseTitle":"Unauthorized","responseType":"Unauthorized","messages":["This API token expired on [moment]."]}"#);
}

#[test]
fn a_token_that_expires_later_works() {
    let (app, _) = stocked();
    let token = app.token_until(NORTHWIND, TokenScope::Report, Some(Utc::now() + TimeDelta::days(1)));
    assert_eq!(token.get(&may(SINGULAR_JSON)).status, 200);
}

#[test]
fn a_token_of_the_wrong_scope_is_403() {
    let (app, report) = stocked();
    let ingest = app.token(NORTHWIND, TokenScope::Ingest);
    insta::assert_snapshot!(refusal(&ingest.get(&may(GENERAL_CSV))), @r#"403 {"responseId":"[id]","isSuccessful":false,"responseTitle":"Forbidden","responseType":"Forbidden","messages":["This API token has the scope \"ingest\"; this route needs \"report\"."]}"#);
    insta::assert_snapshot!(refusal(&report.post(DAILY_STATS, "text/csv", "")), @r#"403 {"responseId":"[id]","isSuccessful":false,"responseTitle":"Forbidden","responseType":"Forbidden","messages":["This API token has the scope \"report\"; this route needs \"ingest\"."]}"#);
}

#[test]
fn a_disabled_advertiser_is_403() {
    let (app, token) = stocked();
    let disabled: Result<(), pitlane::store::StoreError> = app.store.write(|txn| {
        let key = txn.advertiser_get(NORTHWIND)?.key;
        txn.advertiser_set_disabled(key, Some(Utc::now()))
    });
    disabled.unwrap();
    insta::assert_snapshot!(refusal(&token.get(&may(SINGULAR_JSON))), @r#"403 {"responseId":"[id]","isSuccessful":false,"responseTitle":"Forbidden","responseType":"Forbidden","messages":["The advertiser this API token belongs to is disabled."]}"#);
}

#[test]
fn an_unknown_path_under_api_is_404_in_json() {
    let (app, token) = stocked();
    insta::assert_snapshot!(refusal(&token.get("/api/v2/<script>?x=1")), @r#"404 {"responseId":"[id]","isSuccessful":false,"responseTitle":"NotFound","responseType":"NotFound","messages":["There is no \"/api/v2/%3Cscript%3E\". /api/docs lists what there is."]}"#);
    for path in ["/api", "/api/", "/api/v1", "/api/v1/integrations/cost-report/singular/json/", "/api/docs/x"] {
        assert_eq!(app.anonymous().get(path).json()["responseType"], "NotFound", "{path}");
    }
}

#[test]
fn a_wrong_method_is_405_with_the_right_ones() {
    let (_app, token) = stocked();
    let answer = token.post(&may(SINGULAR_JSON), "application/json", "{}");
    assert_eq!(answer.header("allow"), Some("GET, HEAD"));
    insta::assert_snapshot!(refusal(&answer), @r#"405 {"responseId":"[id]","isSuccessful":false,"responseTitle":"MethodNotAllowed","responseType":"MethodNotAllowed","messages":["method: got POST, expected GET, HEAD"]}"#);
    assert_eq!(token.get(DAILY_STATS).header("allow"), Some("POST"));
}

#[test]
fn an_upload_that_announces_too_much_is_413_before_it_is_sent() {
    let (app, _) = stocked();
    let token = app.token(NORTHWIND, TokenScope::Ingest);
    let head = format!(
        "POST {DAILY_STATS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ApiToken {}\r\nContent-Type: text/csv\r\n\
         Content-Length: 209715201\r\n\r\n",
        token.token
    );
    let said = app.raw(&head);
    let (head, body) = said.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 413 Payload Too Large\r\n"), "{head}");
    let (_, rest) = body.split_once("\"isSuccessful\"").unwrap();
    insta::assert_snapshot!(rest, @r#":false,"responseTitle":"PayloadTooLarge","responseType":"PayloadTooLarge","messages":["The body is over 200 MB; send it in parts."]}"#);
}

#[test]
fn an_upload_of_another_type_is_415() {
    let (app, _) = stocked();
    let token = app.token(NORTHWIND, TokenScope::Ingest);
    insta::assert_snapshot!(refusal(&token.post(DAILY_STATS, "application/xml", "<a/>")), @r#"415 {"responseId":"[id]","isSuccessful":false,"responseTitle":"UnsupportedMediaType","responseType":"UnsupportedMediaType","messages":["Content-Type: got \"application/xml\", expected text/csv, application/json or application/x-ndjson"]}"#);
    let untyped = answer(token.request(reqwest::Method::POST, DAILY_STATS).body("date\n"));
    insta::assert_snapshot!(refusal(&untyped), @r#"415 {"responseId":"[id]","isSuccessful":false,"responseTitle":"UnsupportedMediaType","responseType":"UnsupportedMediaType","messages":["Content-Type: got nothing, expected text/csv, application/json or application/x-ndjson"]}"#);
}

#[test]
fn a_flood_is_429_with_the_time_to_wait() {
    let config = Serve { rate_limit: 1, ..defaults() };
    let app = spawn_on(tempfile::tempdir().unwrap(), config);
    stock(&app.store);
    let flood = |client: &Client| {
        let mut answers = (0..2000).map(|_| client.get(&may(SINGULAR_JSON)));
        answers.find(|answer| answer.status == 429).unwrap()
    };
    let token = app.token(NORTHWIND, TokenScope::Report);
    let refused = flood(&token);
    assert_eq!(refused.header("retry-after"), Some("1"));
    insta::assert_snapshot!(refusal(&refused), @r#"429 {"responseId":"[id]","isSuccessful":false,"responseTitle":"TooManyRequests","responseType":"TooManyRequests","messages":["Too many requests from this token. Ask again in 1 s."]}"#);
    insta::assert_snapshot!(refusal(&flood(&app.anonymous())), @r#"429 {"responseId":"[id]","isSuccessful":false,"responseTitle":"TooManyRequests","responseType":"TooManyRequests","messages":["Too many requests from this address. Ask again in 1 s."]}"#);
}

#[test]
fn a_failure_inside_is_500_and_says_nothing_of_the_inside() {
    let (app, token) = stocked();
    let conn = app.database();
    conn.execute_batch(
        "pragma foreign_keys = off; delete from campaigns where name = 'AOS_TEST_2025';
         update advertisers set catalogue_version = catalogue_version + 1;",
    )
    .unwrap();
    insta::assert_snapshot!(refusal(&token.get(&may(SINGULAR_JSON))), @r#"500 {"responseId":"[id]","isSuccessful":false,"responseTitle":"Error","responseType":"Error","messages":["Something went wrong on our side. The log has more, by the responseId."]}"#);
}

#[test]
fn a_database_that_is_gone_is_503_on_readyz() {
    let (app, _) = stocked();
    let (path, away) = (app.store.path().to_owned(), app.dir().join("away.db"));
    std::fs::rename(&path, &away).unwrap();
    let answer = app.anonymous().get("/readyz");
    assert_eq!(answer.header("retry-after"), Some("5"));
    insta::assert_snapshot!(refusal(&answer), @r#"503 {"responseId":"[id]","isSuccessful":false,"responseTitle":"Unavailable","responseType":"Unavailable","messages":["The database can't be read or written right now."]}"#);
    assert_eq!(app.anonymous().get("/livez").status, 200);
    std::fs::rename(&away, &path).unwrap();
    assert_eq!(app.anonymous().get("/readyz").status, 200);
}

#[test]
fn the_server_is_ready_while_somebody_writes() {
    let (app, _) = stocked();
    let conn = app.database();
    conn.execute_batch("begin immediate").unwrap();
    let answer = app.anonymous().get("/readyz");
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("somebody is writing"), "{}", answer.text());
    conn.execute_batch("rollback").unwrap();
    assert!(!app.anonymous().get("/readyz").text().contains("writing"));
}

#[test]
fn reports_are_served_while_somebody_else_writes() {
    let (app, token) = stocked();
    let conn = app.database();
    conn.execute_batch("begin immediate").unwrap();
    assert_eq!(token.get(&may(SINGULAR_JSON)).status, 200);
}
