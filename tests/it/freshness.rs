//! Whatever the server caches between polls, a poll shows the current state of the database: after changes by this process
//! and by others, and after time has passed.

use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{SubsecRound as _, TimeDelta, Utc};
use pitlane::config::Serve;
use pitlane::domain::TokenScope;

use crate::fixtures::{
    CONTOSO, Campaign, GENERAL_JSON, NORTHWIND, SINGULAR_CSV, SINGULAR_JSON, add_campaigns, add_publishers, may,
    ranged, state, stock, stocked, switch,
};
use crate::harness::{App, Client, defaults, spawn_on};

/// A server with or without a cache of rendered days, and without rate limits.
fn served(report_cache: u64) -> App {
    let app = spawn_on(tempfile::tempdir().unwrap(), Serve { report_cache, rate_limit: 0, ..defaults() });
    stock(&app.store);
    app
}

/// Polls until everything is cached; returns the last entity tag.
fn warm(token: &Client) -> String {
    for _ in 0..3 {
        assert_eq!(token.get(&may(SINGULAR_CSV)).status, 200);
    }
    let answer = token.get(&may(SINGULAR_JSON));
    let tag = answer.header("etag").unwrap().to_owned();
    assert_eq!(token.get_with(&may(SINGULAR_JSON), "If-None-Match", &tag).status, 304);
    tag
}

#[test]
fn what_another_process_does_to_a_token_or_its_advertiser_holds_from_the_very_next_poll_on() {
    let app = served(32);
    let stranger = app.database();
    let key = "(select max(token_key) from api_tokens)";
    let cases = [
        ("api_tokens set revoked_at = 1", 401, "was revoked"),
        ("api_tokens set expires_at = 1", 401, "expired on 1970-01-01"),
        ("api_tokens set scope = 'ingest'", 403, "has the scope"),
    ];
    for (change, status, words) in cases {
        let token = app.token(NORTHWIND, TokenScope::Report);
        let tag = warm(&token);
        stranger.execute_batch(&format!("update {change} where token_key = {key}")).unwrap();
        let refused = token.get_with(&may(SINGULAR_JSON), "If-None-Match", &tag);
        assert_eq!(refused.status, status, "{change}");
        assert!(refused.text().contains(words), "{}", refused.text());
    }
    let token = app.token(NORTHWIND, TokenScope::Report);
    warm(&token);
    stranger.execute_batch("update advertisers set disabled_at = 1").unwrap();
    assert_eq!(token.get(&may(SINGULAR_JSON)).status, 403);
    stranger.execute_batch("update advertisers set disabled_at = null").unwrap();
    assert_eq!(token.get(&may(SINGULAR_JSON)).status, 200);
    stranger.execute_batch(&format!("delete from polls; delete from api_tokens where token_key = {key}")).unwrap();
    assert_eq!(token.get(&may(SINGULAR_JSON)).status, 401);
}

#[test]
fn what_another_process_does_to_figures_and_names_shows_in_the_very_next_poll() {
    for cache in [0, 32] {
        let app = served(cache);
        let token = app.token(NORTHWIND, TokenScope::Report);
        let stranger = app.database();
        let touched = "update change_clock set latest = latest + 1;
            update advertisers set catalogue_version = (select latest from change_clock);
            update day_versions set version = (select latest from change_clock);";
        for (change, shown) in [
            ("update daily_stats set clicks = 4711", ",4711\r\n"),
            ("update offers set name = name || ' renamed'", " renamed,"),
            ("update campaigns set name = 'other ' || name", ",other AOS_TEST_2025,"),
            ("update daily_stats set clicks = 0, cost_micros = 0", ",0,0\r\n"),
        ] {
            let tag = warm(&token);
            assert!(!token.get(&may(SINGULAR_CSV)).text().contains(shown));
            stranger.execute_batch(&format!("begin immediate; {touched} {change}; commit")).unwrap();
            let known = token.get_with(&may(SINGULAR_JSON), "If-None-Match", &tag);
            assert_eq!(known.status, 200, "after {change}");
            assert_ne!(known.header("etag"), Some(tag.as_str()));
            let next = token.get(&may(SINGULAR_CSV));
            assert!(next.text().contains(shown), "after {change}: {}", next.text());
        }
        warm(&token);
        stranger
            .execute_batch(&format!("begin immediate; {touched} update offers set cost_reporting = 0; commit"))
            .unwrap();
        assert_eq!(token.get(&may(SINGULAR_CSV)).text().lines().count(), 1);
    }
}

#[test]
fn a_token_that_expires_while_nothing_changes_is_refused_from_that_moment_on() {
    let app = served(32);
    // As stored, to the millisecond.
    let expires = (Utc::now() + TimeDelta::seconds(2)).trunc_subsecs(3);
    let token = app.token_until(NORTHWIND, TokenScope::Report, Some(expires));
    let mut good = 0;
    loop {
        let before = Utc::now();
        let answer = token.get(&may(SINGULAR_JSON));
        if answer.status != 200 {
            assert_eq!(answer.status, 401, "{}", answer.text());
            break;
        }
        assert!(before < expires, "answered {} after it expired", before - expires);
        good += 1;
    }
    assert!(good > 1 && Utc::now() >= expires, "refused after {good} answers");
}

#[test]
fn every_poll_shows_at_least_what_was_stated_before_it_began_and_each_state_whole() {
    for cache in [0, 32] {
        let app = served(cache);
        let row = |day: u32, clicks: u64| format!("2025-07-{day:02},AOS_TEST_2025,Lumen,{clicks},1\n");
        let header = "date,campaign_name,partner,clicks,cost\n".to_owned();
        let file = |clicks| (1..=5).fold(header.clone(), |file, day| file + &row(day, clicks));
        state(&app.store, NORTHWIND, &file(0));
        let stated = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                let token = app.token(NORTHWIND, TokenScope::Report);
                let (stated, july) = (&stated, ranged(SINGULAR_CSV, "2025-07-01", "2025-07-31"));
                scope.spawn(move || {
                    let mut seen = 0;
                    while seen < 40 {
                        let least = stated.load(Ordering::SeqCst);
                        let answer = token.get(&july);
                        let rows = answer.text().lines().skip(1);
                        let clicks: Vec<u64> =
                            rows.map(|row| row.rsplit(',').next().unwrap().parse().unwrap()).collect();
                        assert_eq!(clicks.len(), 5);
                        assert!(clicks.iter().all(|one| *one == clicks[0]), "{clicks:?} were never stated together");
                        assert!(clicks[0] >= least && clicks[0] >= seen, "{} after {least} was stated", clicks[0]);
                        seen = clicks[0];
                    }
                });
            }
            for clicks in 1..=40 {
                state(&app.store, NORTHWIND, &file(clicks));
                stated.store(clicks, Ordering::SeqCst);
                if clicks % 10 == 0 {
                    switch(&app.store, "Hidden Gems", clicks % 20 == 10);
                }
            }
        });
    }
}

#[test]
fn the_same_versions_in_another_copy_of_the_database_have_another_tag() {
    let (app, token) = stocked();
    let tag = token.get(&may(SINGULAR_JSON)).header("etag").unwrap().to_owned();
    app.store.checkpoint().unwrap();
    // As after a restore: the database is there, but the file beside it doesn't match.
    let elsewhere = tempfile::tempdir().unwrap();
    std::fs::copy(app.store.path(), elsewhere.path().join(pitlane::store::Store::FILE)).unwrap();
    let copy = spawn_on(elsewhere, defaults());
    let token = copy.bearer(&token.token);
    let answer = token.get_with(&may(SINGULAR_JSON), "If-None-Match", &tag);
    assert_eq!(answer.status, 200);
    let other = answer.header("etag").unwrap().to_owned();
    assert_ne!(other, tag);
    assert_eq!(token.get_with(&may(SINGULAR_JSON), "If-None-Match", &other).status, 304);
}

/// What moves the tags, and what does not. They are made of versions, which cost a poll nothing to read: so a change of a figure that
/// the cost report does not show moves its tag too. None of them stays where the answer changes.
#[test]
fn tags_move_with_versions_and_stay_while_none_of_the_advertisers_does() {
    let (app, token) = stocked();
    let store = &app.store;
    let tags = || [SINGULAR_JSON, GENERAL_JSON].map(|path| token.get(&may(path)).header("etag").unwrap().to_owned());
    let row = |figures: &str| {
        format!("date,campaign_name,partner,clicks,cost,views\n2025-05-28,AOS_TEST_2025,Lumen,{figures}\n")
    };
    state(store, NORTHWIND, &row("100,69,5"));
    let moved = |what: &dyn Fn()| {
        let before = tags();
        what();
        let after = tags();
        [before[0] != after[0], before[1] != after[1]]
    };
    let contoso = || store.read(|txn| txn.advertiser_get(CONTOSO)).unwrap();
    for (name, expected, change) in [
        ("the same figures again", [false, false], &(|| drop(state(store, NORTHWIND, &row("100,69,5")))) as &dyn Fn()),
        ("another token", [false, false], &|| drop(app.token(NORTHWIND, TokenScope::Report))),
        ("a day that was not asked for", [false, false], &|| {
            drop(state(store, NORTHWIND, &row("100,69,5").replace("2025-05-28", "2025-06-28")));
        }),
        ("another advertiser's offer", [false, false], &|| {
            add_campaigns(store, &contoso(), &[Campaign::of("New Game", "NEW_TEST")]);
        }),
        ("a publisher that the cost report does not name", [false, true], &|| add_publishers(store, &["Prism"])),
        ("clicks", [true, true], &|| drop(state(store, NORTHWIND, &row("101,69,5")))),
        ("views alone", [true, true], &|| drop(state(store, NORTHWIND, &row("101,69,6")))),
        ("an offer that is switched off", [true, true], &|| switch(store, "Coin Game", false)),
    ] {
        assert_eq!(moved(change), expected, "{name}");
    }
}
