//! Cached and remembered results equal a fresh report.

use tempfile::TempDir;

use super::*;
use crate::domain::{Day, RawReport};
use crate::service::{Actor, catalogue, demo};
use crate::store::Store;

fn sample() -> (TempDir, Store, ReportQuery) {
    let dir = TempDir::new().unwrap();
    let store = Store::open(dir.path()).unwrap();
    demo::fill(&store, Day::parse("date", "2025-03-31").unwrap()).unwrap();
    let advertiser = store.read(|txn| txn.advertiser_get(demo::ADVERTISER)).unwrap();
    let raw =
        RawReport { date_from: Some("2025-01-01".to_owned()), date_to: Some("2025-03-31".to_owned()), offer_id: None };
    let query = ReportQuery::new(advertiser.id, &raw).unwrap();
    (dir, store, query)
}

fn asked(format: ReportFormat, query: &ReportQuery) -> ReportRequest {
    ReportRequest { kind: ReportKind::Singular, format, query: *query }
}

fn all(mut report: Box<Report>) -> Vec<u8> {
    let (mut bytes, length) = (Vec::new(), report.length().unwrap());
    while let Some(chunk) = report.next_bytes().unwrap() {
        bytes.extend_from_slice(&chunk);
    }
    assert!(length.is_none_or(|length| length == bytes.len() as u64));
    bytes
}

fn made(store: &Store, reports: &Reports, format: ReportFormat, query: &ReportQuery) -> Vec<u8> {
    all(reports.open(asked(format, query), store.snapshot().unwrap()).unwrap())
}

fn made_now(store: &Store, reports: &Reports, format: ReportFormat, query: &ReportQuery) -> Option<Vec<u8>> {
    match reports.open_now(asked(format, query), store.snapshot().unwrap()).unwrap() {
        Opened::Ready(report) => Some(all(report)),
        Opened::NeedsNames(_) => None,
    }
}

#[test]
fn kept_days_and_quick_reports_are_the_same_bytes_as_fresh_ones() {
    let (_dir, store, query) = sample();
    let (plain, keeping) = (Reports::new(0), Reports::new(1 << 20));
    for format in [ReportFormat::Json, ReportFormat::Csv] {
        let fresh = made(&store, &Reports::new(0), format, &query);
        for reports in [&plain, &keeping] {
            assert_eq!(made_now(&store, reports, format, &query), None, "nothing was known of the advertiser yet");
            assert!(made(&store, reports, format, &query) == fresh);
            assert!(made_now(&store, reports, format, &query).is_some_and(|now| now == fresh));
        }
    }
    let json: serde_json::Value =
        serde_json::from_slice(&made_now(&store, &keeping, ReportFormat::Json, &query).unwrap()).unwrap();
    assert!(json.as_array().is_some_and(|items| items.len() > 1000));
}

#[test]
fn a_switched_offer_is_gone_from_the_next_report() {
    let (_dir, store, query) = sample();
    let keeping = Reports::new(1 << 20);
    let before = made(&store, &keeping, ReportFormat::Json, &query);
    catalogue::switch_offer(&store, demo::ADVERTISER, "Arcade sign-up", false, &Actor::command_line()).unwrap();
    assert_eq!(made_now(&store, &keeping, ReportFormat::Json, &query), None, "what was known is not true any more");
    let after = made(&store, &keeping, ReportFormat::Json, &query);
    assert!(after.len() < before.len() && !String::from_utf8(after).unwrap().contains("Arcade sign-up"));
}

#[test]
fn a_range_without_rows_is_an_empty_array() {
    let (_dir, store, query) = sample();
    let raw =
        RawReport { date_from: Some("2030-01-01".to_owned()), date_to: Some("2030-01-02".to_owned()), offer_id: None };
    let empty = ReportQuery::new(query.advertiser, &raw).unwrap();
    let reports = Reports::new(1 << 20);
    assert_eq!(made(&store, &reports, ReportFormat::Json, &empty), b"[]");
    assert_eq!(made_now(&store, &reports, ReportFormat::Json, &empty).unwrap(), b"[]");
    assert_eq!(
        made(&store, &reports, ReportFormat::Csv, &empty),
        b"date,offer_name,partner_id,app,store_id,os,campaign_name,campaign_id,cost,clicks\r\n"
    );
}

#[test]
fn a_plan_of_one_connection_is_not_taken_for_anothers() {
    let (_dir, store, query) = sample();
    let reports = Reports::new(1 << 20);
    let ask = || reports.open(asked(ReportFormat::Json, &query), store.snapshot().unwrap()).unwrap();
    let (one, two) = (ask(), ask());
    catalogue::switch_offer(&store, demo::ADVERTISER, "Arcade sign-up", false, &Actor::command_line()).unwrap();
    let (old, older) = (all(one), all(two));
    assert!(old == older, "a report shows what there was when it began");
    let (one, two) = (ask(), ask());
    let (new, newer) = (all(one), all(two));
    assert!(new == newer && new.len() < old.len());
}
