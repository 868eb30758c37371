//! What is made at once, and what is kept, is what a fresh report would be.

use tempfile::TempDir;

use super::*;
use crate::domain::{Day, RawReport};
use crate::service::{Actor, catalogue, demo};

/// Holds a report.
#[derive(Default)]
struct Held(Vec<u8>);

impl ReportSink for Held {
    fn begin(&mut self, _: &ReportHead) -> ServiceResult<Wanted> {
        Ok(Wanted::Rows)
    }

    fn chunk(&mut self, bytes: Bytes) -> ServiceResult<()> {
        self.0.extend_from_slice(&bytes);
        Ok(())
    }
}

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

fn made(reports: &Reports, format: ReportFormat, query: &ReportQuery) -> Vec<u8> {
    let mut sink = Held::default();
    let end = reports.make(ReportKind::Singular, format, query, &mut sink).unwrap();
    let ReportEnd::Complete(totals) = end else { panic!("{end:?}") };
    assert_eq!(totals.bytes, sink.0.len() as u64);
    sink.0
}

fn made_now(reports: &Reports, format: ReportFormat, query: &ReportQuery) -> Option<Vec<u8>> {
    let mut sink = Held::default();
    reports.make_now(ReportKind::Singular, format, query, &mut sink)?.unwrap();
    Some(sink.0)
}

#[test]
fn kept_days_and_quick_reports_are_the_same_bytes_as_fresh_ones() {
    let (_dir, store, query) = sample();
    let (plain, keeping) = (Reports::new(store.clone(), 0), Reports::new(store.clone(), 1 << 20));
    for format in [ReportFormat::Json, ReportFormat::Csv] {
        let fresh = made(&Reports::new(store.clone(), 0), format, &query);
        for reports in [&plain, &keeping] {
            assert_eq!(made_now(reports, format, &query), None, "nothing was known of the advertiser yet");
            assert!(made(reports, format, &query) == fresh);
            assert!(made_now(reports, format, &query).is_some_and(|now| now == fresh));
        }
    }
    let json: serde_json::Value =
        serde_json::from_slice(&made_now(&keeping, ReportFormat::Json, &query).unwrap()).unwrap();
    assert!(json.as_array().is_some_and(|items| items.len() > 1000));
}

#[test]
fn a_switched_offer_is_gone_from_the_next_report() {
    let (_dir, store, query) = sample();
    let keeping = Reports::new(store.clone(), 1 << 20);
    let before = made(&keeping, ReportFormat::Json, &query);
    catalogue::switch_offer(&store, demo::ADVERTISER, "Arcade sign-up", false, &Actor::command_line()).unwrap();
    assert_eq!(made_now(&keeping, ReportFormat::Json, &query), None, "what was known is not true any more");
    let after = made(&keeping, ReportFormat::Json, &query);
    assert!(after.len() < before.len() && !String::from_utf8(after).unwrap().contains("Arcade sign-up"));
}

#[test]
fn a_range_without_rows_is_an_empty_array() {
    let (_dir, store, query) = sample();
    let raw =
        RawReport { date_from: Some("2030-01-01".to_owned()), date_to: Some("2030-01-02".to_owned()), offer_id: None };
    let empty = ReportQuery::new(query.advertiser, &raw).unwrap();
    let reports = Reports::new(store, 1 << 20);
    assert_eq!(made(&reports, ReportFormat::Json, &empty), b"[]");
    assert_eq!(made_now(&reports, ReportFormat::Json, &empty).unwrap(), b"[]");
    assert_eq!(made(&reports, ReportFormat::Csv, &empty), segments::CSV_HEADER.as_bytes());
}
