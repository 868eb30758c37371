//! What counts as handed to Singular: complete answers to a GET with one of its own tokens, and a 304 for the tag it
//! confirms.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};

use chrono::{DateTime, Days, NaiveDate, Utc};
use pitlane::domain::{Day, ReportFormat, ReportKind, TokenReader, TokenScope};
use pitlane::service::access::tokens::{self, TokenRequest};
use pitlane::service::catalogue;
use pitlane::service::ledger::{self, Detail, HandoverState, Ledger};
use pitlane::service::status::PollingState;
use pitlane::service::{Actor, ServiceError};
use pitlane::store::{AdvertiserRow, PollRow, ServedAnswer, Store, TokenKey, Version};

use crate::common::program::Program;
use crate::fixtures::{
    Campaign, GENERAL_JSON, NORTHWIND, SINGULAR_CSV, SINGULAR_JSON, add_advertiser, add_campaigns, add_publishers, csv,
    may, ranged, state, stock, stock_of_many_rows, stocked, switch,
};
use crate::harness::{App, column, spawn_app};

/// The runs of days in the ledger, after everything was written.
fn served(app: &mut App) -> Vec<String> {
    app.stop();
    let sql = "select date(first_day * 86400, 'unixepoch') || ' ' || date(last_day * 86400, 'unixepoch')
        from served_days order by first_day";
    column(&app.database(), sql)
}

#[test]
fn a_whole_answer_to_a_get_is_handed_over() {
    let (mut app, token) = stocked();
    token.get(&may(SINGULAR_JSON));
    token.get(&ranged(SINGULAR_CSV, "2025-05-28", "2025-06-02"));
    assert_eq!(served(&mut app), ["2025-05-01 2025-05-27", "2025-05-28 2025-06-02"]);
}

#[test]
fn heads_other_reports_other_readers_and_refusals_hand_nothing_over() {
    let (mut app, token) = stocked();
    token.head(&may(SINGULAR_JSON));
    token.get(&may(GENERAL_JSON));
    token.get_with(&may(SINGULAR_JSON), "If-None-Match", "*");
    token.get(SINGULAR_JSON);
    let request = TokenRequest {
        advertiser: NORTHWIND.to_owned(),
        name: pitlane::domain::Name::parse("name", "a script").unwrap(),
        scope: TokenScope::Report,
        expires_at: None,
        reader: TokenReader::Other,
    };
    let other = tokens::issue(&app.store, &request, &Actor::command_line(), Utc::now()).unwrap();
    assert_eq!(app.bearer(other.reveal()).get(&may(SINGULAR_JSON)).status, 200);
    assert_eq!(served(&mut app), Vec::<String>::new());
}

#[test]
fn a_304_hands_over_what_its_tag_says() {
    let (mut app, token) = stocked();
    let tag = token.get(&may(SINGULAR_JSON)).header("etag").unwrap().to_owned();
    let before = app.store.read(|txn| Ok::<_, ServiceError>(txn.advertiser_get(NORTHWIND)?)).unwrap();
    assert_eq!(token.get_with(&may(SINGULAR_JSON), "If-None-Match", &format!("\"x\", {tag}")).status, 304);
    assert_eq!(token.get_with(&ranged(SINGULAR_JSON, "2025-05-01", "2025-05-02"), "If-None-Match", "*").status, 304);
    assert_eq!(served(&mut app), ["2025-05-01 2025-05-31"]);
    let polls = app.store.read(|txn| txn.served_polls(before.key, DateTime::UNIX_EPOCH)).unwrap();
    assert_eq!(polls.len(), 2);
}

#[test]
fn an_answer_that_is_cut_hands_nothing_over() {
    let mut app = spawn_app();
    stock_of_many_rows(&app.store, 300);
    let token = app.token(NORTHWIND, TokenScope::Report);
    let origin = app.anonymous();
    let path = ranged(SINGULAR_JSON, "2025-01-01", "2025-12-31");
    let request = token.request(reqwest::Method::GET, &path).build().unwrap();
    let address = format!("{}:{}", request.url().host_str().unwrap(), request.url().port().unwrap());
    let authorization = request.headers()["authorization"].to_str().unwrap().to_owned();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n\r\n").unwrap();
    let mut some = [0; 4096];
    assert!(stream.read(&mut some).unwrap() > 0);
    drop(stream);
    assert_eq!(origin.get("/livez").status, 200);
    assert_eq!(served(&mut app), Vec::<String>::new());
}

#[test]
fn a_client_that_is_marked_as_not_singular_never_was() {
    let (mut app, token) = stocked();
    token.get(&may(SINGULAR_JSON));
    assert_eq!(served(&mut app).len(), 1);
    let advertiser = app.store.read(|txn| txn.advertiser_get(NORTHWIND)).unwrap();
    let client = ("127.0.0.1", "pitlane-tests/1");
    let mark = |is_singular| {
        ledger::mark_reader(&app.store, &advertiser, client, is_singular, &Actor::command_line(), Utc::now()).unwrap();
        app.store.read(|txn| txn.served_days(advertiser.key)).unwrap().len()
    };
    assert_eq!([mark(false), mark(true)], [0, 1]);
}

/// What was just handed over is written within a moment.
fn until(done: impl Fn() -> bool) {
    let since = std::time::Instant::now();
    while !done() {
        assert!(since.elapsed().as_secs() < 20, "it is not written");
        std::thread::yield_now();
    }
}

#[test]
fn the_status_command_says_what_a_person_has_to_do() {
    let program = Program::new();
    let today = Utc::now().date_naive();
    let rows = |days: &[u64], cost: &str| {
        let header = "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n";
        let line =
            |back: &u64| format!("{},A,Lumen,1,{cost},Offer,App,com.acme.app,ANDROID\n", today - Days::new(*back));
        header.to_owned() + &days.iter().map(line).collect::<String>()
    };
    let import = |name: &str, text: String| {
        let file = program.file(name, text);
        program.ok(&["import", &file, "--advertiser", "Acme", "--create-missing"]);
    };
    import("first.csv", rows(&[1, 20, 300], "1.5"));
    let token = program.ok(&["token", "create", "--advertiser", "Acme", "--name", "Singular"]).trim_end().to_owned();
    let status = || program.run(&["--json", "singular", "status", "--advertiser", "Acme"]);
    let never = status();
    assert_eq!(never.code, Some(1));
    let server = program.start("serve", "info");
    let client = server.anonymous().with(&token);
    let poll = |from: u64| {
        let (from, to) = ((today - Days::new(from)).to_string(), today.to_string());
        assert_eq!(client.get(&ranged(SINGULAR_JSON, &from, &to)).status, 200);
    };
    poll(400);
    until(|| status().code == Some(0));
    let well = program.run(&["singular", "status"]);
    assert_eq!((well.code, well.stdout.as_str()), (Some(0), "Acme: everything is in step\n"));
    import("second.csv", rows(&[1, 20, 300], "2.25"));
    let ended = status();
    assert_eq!(ended.code, Some(1));
    let told: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let acme = &told["advertisers"][0];
    assert_eq!((&acme["polling"]["state"], &acme["lookBackDays"]["days"]), (&"alive".into(), &7.into()));
    let days: Vec<_> = acme["days"].as_array().unwrap().iter().map(|day| day["state"].as_str().unwrap()).collect();
    assert_eq!(days, ["out_of_reach", "refresh", "next_poll"]);
    let day = &acme["days"][1];
    assert_eq!(day["served"]["cost"].to_string() + " " + &day["held"]["cost"].to_string(), "1.5 2.25");
    assert_eq!(day["campaigns"][0]["differs"], serde_json::json!(["cost"]));
    let request = &acme["refreshRequests"][0];
    assert_eq!(request["costDifference"].to_string(), "0.75");
    assert_eq!(request["from"], day["date"]);
    poll(30);
    until(|| status().code == Some(0));
    drop(server);
}

/// An advertiser whose polls and clock the test controls.
struct Week {
    _dir: tempfile::TempDir,
    store: Store,
    advertiser: AdvertiserRow,
    token: TokenKey,
    now: DateTime<Utc>,
}

impl Week {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let advertiser = add_advertiser(&store, NORTHWIND);
        add_publishers(&store, &["Lumen"]);
        add_campaigns(&store, &advertiser, &[Campaign::of("Coin Game", "A"), Campaign::of("Gems", "B")]);
        let request = TokenRequest {
            advertiser: NORTHWIND.to_owned(),
            name: pitlane::domain::Name::parse("name", "Singular").unwrap(),
            scope: TokenScope::Report,
            expires_at: None,
            reader: TokenReader::Singular,
        };
        let issued = tokens::issue(&store, &request, &Actor::command_line(), Utc::now()).unwrap();
        let token = store.read(|txn| txn.token_find(issued.id())).unwrap().unwrap().key;
        let now = "2026-08-31T00:03:00Z".parse().unwrap();
        Self { _dir: dir, store, advertiser, token, now }
    }

    fn today(&self) -> NaiveDate {
        self.now.date_naive()
    }

    /// Imports a cost for campaigns on the day this many days back.
    fn state(&self, back: u64, cost: &str) {
        let day = self.today() - Days::new(back);
        state(&self.store, NORTHWIND, &csv(["A", "B"].map(|name| format!("{day},{name},Lumen,1,{cost}"))));
    }

    /// Polls the days from this many days back to today.
    fn poll(&self, from: u64, to: u64) {
        let stored = |back| Day::try_from(self.today() - Days::new(back)).unwrap().to_stored();
        let version = self.store.read(|txn| {
            let (_, catalogue) = txn.catalogue_version(self.advertiser.id)?;
            let days = txn.day_versions(self.advertiser.key, i64::MIN, i64::MAX)?;
            Ok::<_, ServiceError>(
                days.into_iter().map(|(_, version)| version).max().unwrap_or(catalogue).max(catalogue),
            )
        });
        let version: Version = version.unwrap();
        let days = pitlane::domain::DayRange::new(
            Day::from_stored(stored(from)).unwrap(),
            Day::from_stored(stored(to)).unwrap(),
        );
        let row = PollRow {
            at: self.now,
            token: Some(self.token),
            report: ReportKind::Singular,
            format: ReportFormat::Json,
            days: Some(days.unwrap()),
            status: 200,
            complete: true,
            rows: 0,
            cost: pitlane::domain::MicrosSum::default(),
            bytes: 0,
            duration: std::time::Duration::ZERO,
            address: "192.0.2.1".to_owned(),
            user_agent: "connector".to_owned(),
            served: Some(version),
            feed: None,
        };
        let answer = ServedAnswer {
            token: self.token,
            days: (stored(from), stored(to)),
            version,
            at: self.now,
            address: row.address.clone(),
            user_agent: row.user_agent.clone(),
        };
        let written = self.store.write_ledger(|txn| {
            txn.polls_add(&[&row])?;
            txn.served_add(&answer)
        });
        assert!(written.unwrap());
    }

    /// Midnight, and 01:00 Pacific, of the next day: polls yesterday, and seven days back.
    fn next_day(&mut self) {
        self.now += chrono::TimeDelta::days(1);
        self.poll(7, 0);
        self.now += chrono::TimeDelta::hours(8);
        self.poll(7, 1);
        self.now -= chrono::TimeDelta::hours(8);
    }

    fn ledger(&self) -> Ledger {
        self.store.read(|txn| Ledger::of(txn, &self.advertiser, None, Detail::Cells, self.now)).unwrap()
    }

    /// The days that differ, counted back, by state.
    fn differing(&self) -> BTreeMap<i64, HandoverState> {
        let today = Day::try_from(self.today()).unwrap().to_stored();
        let days = self.ledger().days.into_iter().filter(|day| day.state != HandoverState::InStep);
        days.map(|day| (today - day.day.to_stored(), day.state)).collect()
    }
}

#[test]
fn a_week_with_singular_goes_through_every_state() {
    let mut week = Week::new();
    for back in 1..=100 {
        week.state(back, "1.5");
    }
    week.state(250, "1.5");
    assert_eq!(week.ledger().polling.state, PollingState::Never);
    // The first connect asks for three months at once, which says nothing about how far polls look back.
    week.poll(91, 0);
    let never = week.differing();
    assert_eq!(never.keys().copied().collect::<Vec<_>>(), (92..=100).chain([250]).collect::<Vec<_>>());
    assert!(never.values().all(|state| *state == HandoverState::NeverServed));
    assert_eq!((week.ledger().look_back.days, week.ledger().look_back.is_observed), (7, false));
    assert!(!week.ledger().is_well(), "days beyond the look-back that were never served need a person");
    let request = week.ledger().refresh_requests();
    assert_eq!((request.len(), request[0].cost_difference), (1, 27_000_000));
    week.poll(100, 0);
    for _ in 0..3 {
        week.state(0, "2");
        week.next_day();
    }
    assert_eq!((week.ledger().look_back.days, week.ledger().look_back.is_observed), (7, true));
    assert!(week.ledger().is_well(), "{:?}", week.differing());
    // Yesterday, 20 days ago and 8 months ago are changed.
    for back in [1, 20, 253] {
        week.state(back, "3");
    }
    let states = [(1, HandoverState::NextPoll), (20, HandoverState::Refresh), (253, HandoverState::NeverServed)];
    assert_eq!(week.differing(), states.into());
    assert_eq!(week.ledger().refresh_requests().len(), 1);
    week.next_day();
    assert_eq!(week.differing(), [(21, HandoverState::Refresh), (254, HandoverState::NeverServed)].into());
    // The same figures again leave it in step.
    week.state(21, "1.5");
    assert_eq!(week.differing(), [(254, HandoverState::NeverServed)].into());
    // The poll of the refresh request arrives.
    week.state(21, "4");
    week.poll(30, 16);
    assert_eq!(week.differing(), [(254, HandoverState::NeverServed)].into());
    // An outage of two days, and the recovery.
    week.now += chrono::TimeDelta::days(2);
    assert_eq!(week.ledger().polling.state, PollingState::Stopped);
    assert!(!week.ledger().is_well());
    week.next_day();
    assert_eq!(week.ledger().polling.state, PollingState::Alive);
    // A day that was handed over empty, and corrected by a later poll.
    week.state(1, "5");
    assert_eq!(week.differing().get(&1), Some(&HandoverState::NextPoll));
    let ledger = week.ledger();
    let found = ledger.days.last().unwrap();
    assert_eq!(found.difference.served.unwrap().rows, 0);
    week.next_day();
    assert_eq!(week.differing().keys().copied().collect::<Vec<_>>(), [258]);
    // An offer is switched off: its items are gone from every day, polled or not.
    switch(&week.store, "Gems", false);
    let off = week.differing();
    assert_eq!(off.get(&6), Some(&HandoverState::NextPoll));
    assert_eq!(off.get(&40), Some(&HandoverState::Refresh));
    assert_eq!(off.values().filter(|state| **state == HandoverState::Refresh).count(), 101);
    switch(&week.store, "Gems", true);
    assert_eq!(week.differing().len(), 1, "what was switched back is in step again");
    // An offer is renamed.
    let offers = week.store.read(|txn| txn.offer_list(week.advertiser.key)).unwrap();
    let offer = offers.into_iter().find(|offer| offer.name == "Gems").unwrap();
    let name = pitlane::domain::Name::parse("name", "Hidden Gems").unwrap();
    let rename = catalogue::Change::RenameOffer(&offer, &name);
    catalogue::change(&week.store, &week.advertiser, &rename, &Actor::command_line()).unwrap();
    let ledger = week.ledger();
    let day = ledger.days.iter().find(|day| day.state == HandoverState::Refresh).unwrap();
    assert_eq!(day.difference.cells[0].differs, ["offer_name"]);
    let requests = ledger.refresh_requests();
    assert!(requests.iter().all(|request| request.to.to_stored() - request.from.to_stored() < 14));
    assert!(requests.iter().all(|request| request.cost_difference == 0));
}

#[test]
fn a_nightly_export_adds_next_to_nothing_and_is_not_lost_to_an_undo() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    stock(&store);
    let first = NaiveDate::from_ymd_opt(2025, 6, 1).unwrap();
    let night = |number: u64| {
        let days = (number..number + 30).map(|back| first + Days::new(back));
        state(&store, NORTHWIND, &csv(days.map(|day| format!("{day},AOS_TEST_2025,Lumen,1,1.5"))))
    };
    let imports: Vec<_> = (0..40).map(night).collect();
    let rows = |table: &str| -> i64 {
        let conn = rusqlite::Connection::open(store.path()).unwrap();
        conn.query_row(&format!("select count(*) from {table}"), (), |row| row.get(0)).unwrap()
    };
    assert_eq!((rows("stated_sets"), rows("stated_cells")), (1, 1), "all nights share one set");
    assert_eq!(rows("import_statements"), 39, "a night adds one row");
    // Later nights state the first night's thirty days too, except the oldest.
    let undone = pitlane::service::imports::undo(&store, imports[0].id, None, &Actor::command_line()).unwrap();
    assert_eq!((undone.restored, undone.deleted, undone.kept), (0, 1, 29));
}
