//! HTTP by its standards, where clients and proxies depend on them.

use std::io::Write as _;

use pitlane::config::Serve;
use pitlane::domain::TokenScope;
use reqwest::Method;

use crate::fixtures::{
    DAILY_STATS, NORTHWIND, SINGULAR_CSV, SINGULAR_JSON, may, ranged, stock, stock_of_many_rows, stocked,
};
use crate::harness::{answer, defaults, spawn_on};

#[test]
fn unknown_encodings_are_answered_plain() {
    let (_app, token) = stocked();
    let plain = token.get(&may(SINGULAR_CSV)).body;
    for accepted in ["br", "identity;q=0", "*;q=0", "br, *;q=0", "gzip;q=0, identity;q=0", "zstd;q=1"] {
        let got = token.get_with(&may(SINGULAR_CSV), "Accept-Encoding", accepted);
        assert_eq!((got.status, got.header("content-encoding")), (200, None), "{accepted}");
        assert!(got.body == plain, "{accepted}");
    }
}

#[test]
fn gzip_goes_by_both_its_names() {
    let app = spawn_on(tempfile::tempdir().unwrap(), defaults());
    stock_of_many_rows(&app.store, 3);
    let token = app.token(NORTHWIND, TokenScope::Report);
    for (accepted, coding) in
        [("gzip", Some("gzip")), ("x-gzip", Some("gzip")), ("*", Some("gzip")), ("gzip;q=0.0", None)]
    {
        let got = token.get_with(&ranged(SINGULAR_CSV, "2025-01-01", "2025-01-03"), "Accept-Encoding", accepted);
        assert_eq!((got.status, got.header("content-encoding")), (200, coding), "{accepted}");
    }
}

#[test]
fn a_weak_tag_never_fulfils_if_match() {
    let (_app, token) = stocked();
    let tag = token.get(&may(SINGULAR_JSON)).header("etag").unwrap().to_owned();
    let refused = token.get_with(&may(SINGULAR_JSON), "If-Match", &tag);
    assert_eq!((refused.status, refused.json()["responseType"].as_str()), (412, Some("PreconditionFailed")));
    assert_eq!(token.get_with(&may(SINGULAR_JSON), "If-Match", "*").status, 200);
}

/// A long report's head and body, requested with this version of HTTP.
fn said(app: &crate::harness::App, token: &str, version: &str, format: &str) -> (String, Vec<u8>) {
    let path = ranged(format, "2025-01-01", "2025-12-31");
    let head =
        format!("GET {path} {version}\r\nHost: x\r\nConnection: close\r\nAuthorization: ApiToken {token}\r\n\r\n");
    let said = app.raw(&head);
    let (head, body) = said.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.as_bytes().to_vec())
}

#[test]
fn http_1_0_gets_a_length_and_no_chunks() {
    for cache in [0, 32] {
        let app = spawn_on(tempfile::tempdir().unwrap(), Serve { report_cache: cache, ..defaults() });
        stock_of_many_rows(&app.store, 60);
        let token = app.token(NORTHWIND, TokenScope::Report);
        for path in [SINGULAR_CSV, SINGULAR_JSON] {
            let (head, body) = said(&app, &token.token, "HTTP/1.0", path);
            assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
            assert!(!head.contains("transfer-encoding") && body.len() > 500_000, "{head}");
        }
        let csv = token.get(&ranged(SINGULAR_CSV, "2025-01-01", "2025-12-31")).body;
        assert!(said(&app, &token.token, "HTTP/1.0", SINGULAR_CSV).1 == csv);
    }
}

#[test]
fn a_long_report_that_was_made_before_has_its_length() {
    let app = spawn_on(tempfile::tempdir().unwrap(), Serve { report_cache: 0, ..defaults() });
    stock_of_many_rows(&app.store, 60);
    let token = app.token(NORTHWIND, TokenScope::Report);
    let path = ranged(SINGULAR_JSON, "2025-01-01", "2025-12-31");
    let first = token.get(&path);
    assert_eq!(first.header("content-length"), None);
    let second = token.get(&path);
    assert_eq!(second.header("content-length"), Some(second.body.len().to_string().as_str()));
    assert_eq!(second.body.len(), first.body.len());
}

#[test]
fn behind_a_proxy_a_long_report_has_its_length_from_the_first_time_on() {
    for proxied in [("Via", "1.1 Caddy"), ("X-Forwarded-For", "203.0.113.9"), ("Forwarded", "for=203.0.113.9")] {
        let app = spawn_on(tempfile::tempdir().unwrap(), Serve { report_cache: 0, ..defaults() });
        stock_of_many_rows(&app.store, 60);
        let token = app.token(NORTHWIND, TokenScope::Report);
        let got = token.get_with(&ranged(SINGULAR_CSV, "2025-01-01", "2025-12-31"), proxied.0, proxied.1);
        assert_eq!(got.header("content-length"), Some(got.body.len().to_string().as_str()), "{proxied:?}");
        assert!(got.body.len() > 500_000, "{}", got.body.len());
    }
}

#[test]
fn a_compressed_upload_is_unpacked_and_other_codings_are_refused() {
    let (app, _) = stocked();
    let token = app.token(NORTHWIND, TokenScope::Ingest);
    let rows = "date,campaign_name,partner,clicks,cost\n2025-05-29,AOS_TEST_2025,Lumen,1,1\n";
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(rows.as_bytes()).unwrap();
    let gzipped = packer.finish().unwrap();
    let send = |coding: &str, body: &[u8]| {
        let request = token.request(Method::POST, DAILY_STATS).header("Content-Type", "text/csv");
        answer(request.header("Content-Encoding", coding).body(body.to_vec()))
    };
    assert_eq!(send("gzip", &gzipped).json()["data"]["inserted"], 1);
    assert_eq!(send("identity", rows.as_bytes()).json()["data"]["unchanged"], 1);
    let refused = send("br", rows.as_bytes());
    assert_eq!((refused.status, refused.header("accept-encoding")), (415, Some("gzip")));
    for body in [rows.as_bytes(), &gzipped[..gzipped.len() - 9]] {
        let refused = send("gzip", body);
        assert_eq!(refused.status, 400);
        assert!(refused.text().contains("not whole gzip"), "{}", refused.text());
    }
}

#[test]
fn a_packed_upload_that_unpacks_to_too_much_is_refused() {
    let (app, _) = stocked();
    let token = app.token(NORTHWIND, TokenScope::Ingest);
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let blanks = vec![b'\n'; 1 << 20];
    for _ in 0..201 {
        packer.write_all(&blanks).unwrap();
    }
    let request = token.request(Method::POST, DAILY_STATS).header("Content-Type", "text/csv");
    assert_eq!(answer(request.header("Content-Encoding", "gzip").body(packer.finish().unwrap())).status, 413);
}

#[test]
fn strangers_are_told_that_it_is_ready_and_no_figures() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("metrics-token");
    std::fs::write(&file, "a long secret\n").unwrap();
    let app = spawn_on(dir, Serve { metrics_token_file: Some(file), ..defaults() });
    let anonymous = app.anonymous();
    assert!(anonymous.get("/readyz").text().contains("backup"));
    assert_eq!(anonymous.get("/metrics").status, 200);
    let passed_on = |path: &str, token: &str| {
        let request = anonymous.request(Method::GET, path).header("X-Forwarded-For", "203.0.113.9");
        answer(request.header("Authorization", format!("Bearer {token}")))
    };
    assert_eq!(passed_on("/readyz", "x").text(), "ready\n");
    let refused = passed_on("/metrics", "x");
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, Some("Bearer realm=\"pitlane\"")));
    assert_eq!(passed_on("/metrics", "a long secret").status, 200);
}

#[cfg(unix)]
#[test]
fn nothing_is_written_into_a_file_that_was_moved_away() {
    let app = spawn_on(tempfile::tempdir().unwrap(), defaults());
    stock(&app.store);
    let token = app.token(NORTHWIND, TokenScope::Ingest);
    let send = || {
        let rows = "date,campaign_name,partner,clicks,cost\n2025-05-29,AOS_TEST_2025,Lumen,1,1\n";
        token.post(DAILY_STATS, "text/csv", rows).status
    };
    assert_eq!((send(), app.anonymous().get("/readyz").status), (200, 200));
    let (path, away) = (app.store.path().to_owned(), app.dir().join("away.db"));
    std::fs::rename(&path, &away).unwrap();
    assert_eq!((send(), app.anonymous().get("/readyz").status), (500, 503));
    std::fs::copy(&away, &path).unwrap();
    assert_eq!((send(), app.anonymous().get("/readyz").status), (500, 503));
    std::fs::rename(&away, &path).unwrap();
    assert_eq!((send(), app.anonymous().get("/readyz").status), (200, 200));
}

#[test]
fn a_flood_is_told_its_limit() {
    let app = spawn_on(tempfile::tempdir().unwrap(), Serve { rate_limit: 1, ..defaults() });
    stock(&app.store);
    let token = app.token(NORTHWIND, TokenScope::Report);
    let refused = (0..200).map(|_| token.get(&may(SINGULAR_JSON))).find(|answer| answer.status == 429).unwrap();
    assert_eq!(refused.header("ratelimit-limit"), Some("50"));
    assert_eq!(refused.header("ratelimit-remaining"), Some("0"));
    assert_eq!(refused.header("ratelimit-reset"), refused.header("retry-after"));
    assert_eq!(refused.header("ratelimit-policy"), Some("\"token\";q=50;w=50"));
    assert_eq!(refused.header("ratelimit"), Some("\"token\";r=0;t=1"));
    // Other tokens at the same address have their own limits.
    let another = app.token(NORTHWIND, TokenScope::Report).get(&may(SINGULAR_JSON));
    assert_eq!((another.status, another.header("ratelimit")), (200, None));
    assert_eq!(another.header("ratelimit-policy"), refused.header("ratelimit-policy"));
}
