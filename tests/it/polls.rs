//! The poll history: both ends of every report request, answered or refused, in the database after a stop.

use chrono::{TimeDelta, Utc};
use pitlane::domain::TokenScope;
use pitlane::store::{PollFilter, Store};

use crate::fixtures::{GENERAL_CSV, NORTHWIND, SINGULAR_CSV, SINGULAR_JSON, id, may, stock, stocked};
use crate::harness::{App, column, defaults, spawn_on};

/// The history, one line per poll: token, report, range, status, completeness, rows, cost, bytes, address, agent.
fn history(app: &mut App) -> Vec<String> {
    app.stop();
    let sql = "select concat_ws(' ', coalesce(api_tokens.id, 'nobody'), report, format,
            coalesce(date(date_from * 86400, 'unixepoch'), '-'), coalesce(date(date_to * 86400, 'unixepoch'), '-'),
            status, iif(complete, 'complete', 'cut'), rows, cost_micros, bytes, address, user_agent)
         from polls left join api_tokens using (token_key) order by poll_key";
    column(&app.database(), sql)
}

#[test]
fn an_answered_poll_leaves_what_was_asked_and_what_was_answered() {
    let (mut app, token) = stocked();
    let answer = token.get(&may(SINGULAR_JSON));
    let expected = format!(
        "{} singular json 2025-05-01 2025-05-31 200 complete 4 81500001 {} 127.0.0.1 pitlane-tests/1",
        token.id(),
        answer.body.len()
    );
    assert_eq!(history(&mut app), [expected]);
}

#[test]
fn bytes_are_counted_before_compression() {
    let (mut app, token) = stocked();
    let plain = token.get(&may(GENERAL_CSV));
    token.get_with(&may(GENERAL_CSV), "Accept-Encoding", "gzip");
    let line = format!(
        "{} general csv 2025-05-01 2025-05-31 200 complete 3 91490001 {} 127.0.0.1 pitlane-tests/1",
        token.id(),
        plain.body.len()
    );
    assert_eq!(history(&mut app), [line.clone(), line]);
}

#[test]
fn polls_that_read_nothing_and_refused_ones_are_recorded_too() {
    let (mut app, token) = stocked();
    let ingest = app.token(NORTHWIND, TokenScope::Ingest);
    let tag = token.get(&may(SINGULAR_CSV)).header("etag").unwrap().to_owned();
    assert_eq!(token.get_with(&may(SINGULAR_CSV), "If-None-Match", &tag).status, 304);
    assert_eq!(token.get(SINGULAR_CSV).status, 400);
    assert_eq!(ingest.get(&may(SINGULAR_CSV)).status, 403);
    assert_eq!(app.anonymous().get(&may(SINGULAR_CSV)).status, 401);
    let text = history(&mut app)[1..].join("\n").replace(token.id(), "[report]").replace(ingest.id(), "[ingest]");
    insta::assert_snapshot!(text, @r"
    [report] singular csv 2025-05-01 2025-05-31 304 complete 0 0 0 127.0.0.1 pitlane-tests/1
    [report] singular csv - - 400 complete 0 0 0 127.0.0.1 pitlane-tests/1
    [ingest] singular csv - - 403 complete 0 0 0 127.0.0.1 pitlane-tests/1
    nobody singular csv - - 401 complete 0 0 0 127.0.0.1 pitlane-tests/1
    ");
}

#[test]
fn a_flood_of_refused_polls_does_not_fill_the_history() {
    let (mut app, _) = stocked();
    let ingest = app.token(NORTHWIND, TokenScope::Ingest);
    for _ in 0..300 {
        assert_eq!(ingest.get(&may(SINGULAR_CSV)).status, 403);
        assert_eq!(app.anonymous().get(&may(SINGULAR_CSV)).status, 401);
    }
    let lines = history(&mut app);
    for whose in [ingest.id(), "nobody"] {
        let count = lines.iter().filter(|line| line.starts_with(whose)).count();
        assert!((60..200).contains(&count), "{count} of 300 were recorded");
    }
}

#[test]
fn a_poll_marks_its_token_as_used() {
    let (mut app, token) = stocked();
    let before = Utc::now().timestamp_millis();
    token.get(&may(SINGULAR_JSON));
    app.stop();
    let sql = "select last_used_at, last_used_address, last_used_agent from api_tokens where id = ?1";
    let (at, address, agent): (i64, String, String) =
        app.database().query_row(sql, [token.id()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    assert!((before..=Utc::now().timestamp_millis()).contains(&at));
    assert_eq!((address.as_str(), agent.as_str()), ("127.0.0.1", "pitlane-tests/1"));
}

#[test]
fn a_trusted_proxy_says_who_asked_and_a_stranger_does_not() {
    for (trusted, seen) in [(vec!["127.0.0.1/32".parse().unwrap()], "203.0.113.7"), (Vec::new(), "127.0.0.1")] {
        let config = pitlane::config::Serve { trusted_proxy: trusted, ..defaults() };
        let mut app = spawn_on(tempfile::tempdir().unwrap(), config);
        stock(&app.store);
        let token = app.token(NORTHWIND, TokenScope::Report);
        token.get_with(&may(SINGULAR_JSON), "X-Forwarded-For", "198.51.100.1, 203.0.113.7");
        let history = history(&mut app).join("\n");
        assert!(history.contains(&format!(" {seen} pitlane-tests/1")), "{history}");
    }
}

#[test]
fn a_page_of_polls_is_the_same_however_many_there_are() {
    let (mut app, token) = stocked();
    token.get(&may(SINGULAR_JSON));
    app.stop();
    let wanted = |of_day: Option<&str>| {
        let of_day = of_day.map(|day| pitlane::domain::Day::parse("day", day).unwrap().to_stored());
        let advertiser = Some(id("advertiser", NORTHWIND).into());
        let filter = PollFilter { advertiser, of_day, limit: 3, ..PollFilter::default() };
        let found = app.store.read(|txn| txn.poll_list(&filter)).unwrap();
        found.into_iter().map(|poll| poll.key).collect::<Vec<_>>()
    };
    assert_eq!((wanted(None), wanted(Some("2025-05-10"))), (vec![1], vec![1]));
    // Others', then so many of its own that the history is gone through.
    for (whose, count, newest) in [("null", 20_000, [1].as_slice()), ("token_key", 20_000, &[40_001, 40_000, 39_999])] {
        let sql = format!(
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < {count})
            insert into polls (at, token_key, report, format, date_from, date_to, status, complete, rows, bytes, duration_us,
                address, user_agent)
            select at + i, {whose}, report, format, date_to + 1, date_to + 2, 200, 1, 0, 0, 0, '', '' from n, polls
            where poll_key = 1"
        );
        app.database().execute_batch(&sql).unwrap();
        assert_eq!((wanted(None).as_slice(), wanted(Some("2025-05-10"))), (newest, vec![1]));
    }
}

#[test]
fn polls_older_than_400_days_are_forgotten_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    let conn = rusqlite::Connection::open(store.path()).unwrap();
    for days in [399, 401, 4000] {
        let at = (Utc::now() - TimeDelta::days(days)).timestamp_millis();
        let sql =
            "insert into polls (at, report, format, status, complete, rows, bytes, duration_us, address, user_agent)
            values (?1, 'singular', 'json', 200, 1, 0, 0, 0, ?2, '')";
        conn.execute(sql, (at, days.to_string())).unwrap();
    }
    drop((conn, store));
    let mut app = spawn_on(dir, defaults());
    assert_eq!(history(&mut app), ["nobody singular json - - 200 complete 0 0 399 "]);
}
