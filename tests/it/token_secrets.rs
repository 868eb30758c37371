//! Wrong secrets of a known token id: refused without Argon2, so that nobody waits because of them.

use std::time::{Duration, Instant};

use pitlane::domain::TokenScope;

use crate::fixtures::SINGULAR_JSON;
use crate::harness::{App, Client, defaults, spawn_app, spawn_on};
use crate::routes::with_check;

fn acme() -> (App, Client) {
    let app = spawn_app();
    crate::fixtures::add_advertiser(&app.store, "Acme");
    let client = app.token("Acme", TokenScope::Report);
    (app, client)
}

/// A well-formed token with the client's id and wrong secret number `n`.
fn wrong(client: &Client, n: usize) -> String {
    with_check(&format!("plt_{}_{n:0>43}", client.id()))
}

/// A database connection of the test, for what no service does.
fn database(app: &App) -> rusqlite::Connection {
    rusqlite::Connection::open(app.store.path()).unwrap()
}

fn asks(client: &Client) -> u16 {
    client.get(&format!("{SINGULAR_JSON}?date_from=2026-01-01&date_to=2026-01-02")).status
}

/// How long this many wrong secrets take, all at once; each must be refused with this status.
fn flood(client: &Client, app: &App, count: usize) -> Duration {
    let started = Instant::now();
    std::thread::scope(|scope| {
        for lane in 0..8 {
            scope.spawn(move || {
                for n in (lane..count).step_by(8) {
                    assert_eq!(asks(&app.bearer(&wrong(client, n))), 401);
                }
            });
        }
    });
    started.elapsed()
}

#[test]
fn a_thousand_wrong_secrets_of_a_known_id_cost_no_argon2_whether_it_is_live_or_revoked() {
    let (app, client) = acme();
    // Argon2 would take its time for each; a token without check bits shows how long.
    let one = {
        database(&app).execute("update api_tokens set secret_check = null", ()).unwrap();
        let started = Instant::now();
        assert_eq!(asks(&app.bearer(&wrong(&client, 1_000_000))), 401);
        started.elapsed()
    };
    assert_eq!(asks(&client), 200);
    let filled = "select secret_check is not null from api_tokens";
    let deadline = Instant::now() + Duration::from_secs(20);
    while !database(&app).query_row(filled, (), |row| row.get::<_, bool>(0)).unwrap() {
        assert!(Instant::now() < deadline, "the check bits were not filled in");
    }
    let took = flood(&client, &app, 1000);
    assert!(took < one * 300, "1,000 wrong secrets took {took:?}, one with Argon2 {one:?}");
    database(&app).execute("update api_tokens set revoked_at = 1", ()).unwrap();
    let took = flood(&client, &app, 1000);
    assert!(took < one * 300, "1,000 wrong secrets of a revoked token took {took:?}, one with Argon2 {one:?}");
}

#[test]
fn a_revoked_token_is_told_so_also_by_a_server_that_never_saw_it_live() {
    let (mut app, client) = acme();
    database(&app).execute("update api_tokens set revoked_at = 1", ()).unwrap();
    app.stop();
    let app = spawn_on(app.into_dir(), defaults());
    let answer = app.bearer(&client.token).get(&format!("{SINGULAR_JSON}?date_from=2026-01-01&date_to=2026-01-02"));
    assert_eq!(answer.status, 401);
    assert!(answer.text().contains("was revoked on 1970-01-01"), "{}", answer.text());
}

#[test]
fn a_full_queue_is_reported_at_once_and_affects_only_strangers() {
    let (app, client) = acme();
    database(&app).execute("update api_tokens set secret_check = null", ()).unwrap();
    let other = app.token("Acme", TokenScope::Report);
    std::thread::scope(|scope| {
        let (client, app) = (&client, &app);
        let flood: Vec<_> = (0..40).map(|n| scope.spawn(move || asks(&app.bearer(&wrong(client, n))))).collect();
        let started = Instant::now();
        assert_eq!(asks(&other), 200, "a right secret waits apart");
        assert!(started.elapsed() < Duration::from_secs(5));
        let answers: Vec<_> = flood.into_iter().map(|one| one.join().unwrap()).collect();
        assert!(answers.iter().all(|status| [401, 503].contains(status)), "{answers:?}");
        assert!(answers.contains(&503), "no line was full: {answers:?}");
    });
}
