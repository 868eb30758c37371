//! Bodies that are taken whole, in parts, slowly or not at all.

use std::sync::Arc;

use actix_web::rt::System;
use futures_util::StreamExt as _;

use super::*;
use crate::domain::{Day, RawReport, ReportFormat, ReportKind, ReportQuery};
use crate::http::turns::{Claim, Holder, Turns};
use crate::service::polls::PollLog;
use crate::service::report::{ReportRequest, Reports};
use crate::service::{Actor, catalogue, demo};
use crate::store::{Lane, PollFilter, Store, StoreResult};

/// A long report of the sample, handed to `take` with its store; whether the history has it as complete.
fn recorded(take: impl AsyncFnOnce(ReportBody, &Store)) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    demo::fill(&store, Day::parse("date", "2025-03-31").unwrap()).unwrap();
    let (kind, format) = (ReportKind::Singular, ReportFormat::Json);
    let report = whole_year(&store);
    let log = Arc::new(PollLog::start(store.clone()).unwrap());
    let poll = PollRecorder::begin(&log, kind, format, String::new(), String::new());
    let closing = Some(Bytes::from_static(b"}}"));
    System::new().block_on(async {
        let claim = Claim::new(Holder::Person(uuid::Uuid::nil()), [127, 0, 0, 1].into());
        let turns = Turns::default();
        let turn = turns.take_now(claim);
        let reading = Reading { store: store.clone(), turns, claim, turn };
        take(ReportBody::new(report, Vec::new(), closing, poll, reading), &store).await;
    });
    log.stop();
    let polls = store.read(|txn| txn.poll_list(&PollFilter { limit: 9, ..PollFilter::default() })).unwrap();
    assert_eq!(polls.len(), 1, "each poll is recorded once");
    polls[0].complete
}

fn whole_year(store: &Store) -> Box<Report> {
    let [date_from, date_to] = ["2025-01-01", "2025-12-31"].map(|day| Some(day.to_owned()));
    let advertiser = store.read(|txn| txn.advertiser_get(demo::ADVERTISER)).unwrap();
    let query = ReportQuery::new(advertiser.id, &RawReport { date_from, date_to, offer_id: None }).unwrap();
    let asked = ReportRequest { kind: ReportKind::Singular, format: ReportFormat::Json, query };
    Reports::new(0).open(asked, store.snapshot().unwrap()).unwrap()
}

/// What an unhurried client gets of it; nothing once it was cut off.
async fn taken(body: &mut ReportBody) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        bytes.extend_from_slice(&chunk.ok()?);
    }
    Some(bytes)
}

fn release(body: &ReportBody) {
    let BodyState::Rows(making) = &mut *body.rest.borrow_mut() else { panic!("nothing is left to read") };
    making.release();
    assert!(making.report.waits_for_snapshot());
}

/// States a day anew: its version moves.
fn restate(store: &Store, day: &str) {
    let touched: StoreResult<()> = store.write(|txn| {
        let advertiser = txn.advertiser_get(demo::ADVERTISER)?;
        let version = txn.version_take()?;
        txn.day_touch(advertiser.key, Day::parse("date", day).unwrap().to_stored(), version)
    });
    touched.unwrap();
}

#[test]
fn a_report_that_gave_its_turn_back_goes_on_where_it_was() {
    let is_complete = recorded(async |mut body, store| {
        let mut whole = Vec::new();
        let mut fresh = whole_year(store);
        while let Some(chunk) = fresh.next_bytes().unwrap() {
            whole.extend_from_slice(&chunk);
        }
        let mut bytes = body.next().await.unwrap().unwrap().to_vec();
        release(&body);
        // What was handed out already, and names, may change.
        restate(store, "2025-01-01");
        let switched =
            catalogue::switch_offer(store, demo::ADVERTISER, "Arcade sign-up", false, &Actor::command_line());
        assert!(switched.unwrap().1);
        bytes.extend(taken(&mut body).await.unwrap());
        assert!(bytes == [whole, b"}}".to_vec()].concat());
    });
    assert!(is_complete);
}

#[test]
fn a_report_whose_rest_was_restated_meanwhile_is_cut_off() {
    let is_complete = recorded(async |mut body, store| {
        assert!(body.next().await.unwrap().is_ok());
        release(&body);
        restate(store, "2025-03-31");
        assert_eq!(taken(&mut body).await, None);
    });
    assert!(!is_complete);
}

#[test]
fn a_report_whose_rest_got_a_day_more_is_cut_off() {
    let is_complete = recorded(async |mut body, store| {
        assert!(body.next().await.unwrap().is_ok());
        release(&body);
        restate(store, "2025-06-01");
        assert_eq!(taken(&mut body).await, None);
    });
    assert!(!is_complete);
}

#[test]
fn an_idle_client_keeps_no_turn_that_others_wait_for() {
    let is_complete = recorded(async |mut body, store| {
        assert!(body.next().await.unwrap().is_ok());
        let turns = match &*body.rest.borrow() {
            BodyState::Rows(making) => making.reading.turns.clone(),
            _ => panic!("nothing is left to read"),
        };
        let token = |key: u8| Claim::new(Holder::Token(i64::from(key).into()), [192, 0, 2, key].into());
        let others: Vec<_> = (1..9).map(|key| turns.take_now(token(key))).collect();
        assert_eq!(others.iter().flatten().count(), Lane::Long.size() - 1);
        let late = turns.take(token(9)).await;
        drop((late, others));
        assert!(store.snapshot_in(Lane::Long).is_ok());
        assert!(taken(&mut body).await.is_some());
    });
    assert!(is_complete);
}

#[test]
fn a_report_is_recorded_once_its_last_bytes_were_taken() {
    let is_complete = recorded(async |mut body, _| {
        let mut bytes = Vec::new();
        while let Some(chunk) = body.next().await {
            bytes.extend_from_slice(&chunk.unwrap());
        }
        assert!(bytes.len() > 3 * 64 * 1024 && bytes.ends_with(b"}]}}"), "{} bytes", bytes.len());
    });
    assert!(is_complete);
}

#[test]
fn a_client_that_leaves_is_recorded_as_having_less() {
    let is_complete = recorded(async |mut body, _| assert!(body.next().await.unwrap().is_ok()));
    assert!(!is_complete);
}

#[test]
fn a_report_that_was_given_up_fails_and_frees_what_it_held() {
    let is_complete = recorded(async |mut body, _| {
        assert!(body.next().await.unwrap().is_ok());
        body.rest.borrow_mut().give_up("too slow");
        assert!(matches!(*body.rest.borrow(), BodyState::Cut));
        assert!(body.next().await.unwrap().is_err());
    });
    assert!(!is_complete);
}

#[test]
fn a_client_may_stand_still_for_a_minute_and_be_slow_but_not_too_slow() {
    let since = Instant::now();
    let after = |seconds| since + Duration::from_secs(seconds);
    let latest = |last, bytes| Pace { since, last: after(last), bytes }.latest();
    assert_eq!(latest(0, 0), after(60));
    assert_eq!(latest(100, 1 << 30), after(160), "a quick one");
    assert_eq!(latest(1000, 1000 * SLOWEST), after(1060), "one that is just quick enough");
    assert_eq!(latest(1000, 500 * SLOWEST), after(560), "one that drips");
}
