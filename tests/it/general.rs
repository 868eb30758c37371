//! The general cost report (contract §3): totals over the period, one row per offer and publisher.

use crate::fixtures::{GENERAL_CSV, GENERAL_JSON, NORTHWIND, csv, id, may, ranged, state, stocked};
use crate::harness::Client;

#[test]
fn the_json_report_sums_each_offer_and_publisher() {
    let (_app, token) = stocked();
    insta::assert_snapshot!(token.get(&may(GENERAL_JSON)).redacted(), @r#"{"responseId":"[id]","isSuccessful":true,"responseTitle":"Success","responseType":"Success","messages":[],"data":[{"offerId":"50b75807-a09c-49b5-b368-952b732e5147","offerName":"Coin Game","totalConversions":5,"totalClicks":107,"totalViews":2070,"revenue":81.5,"publisherName":"Lumen"},{"offerId":"50b75807-a09c-49b5-b368-952b732e5147","offerName":"Coin Game","totalConversions":0,"totalClicks":3,"totalViews":10,"revenue":0.000001,"publisherName":"Pixel"},{"offerId":"148a1300-91da-4d41-bc41-ab90cbd76546","offerName":"Hidden Gems","totalConversions":2,"totalClicks":9,"totalViews":90,"revenue":9.99,"publisherName":"Lumen"}]}"#);
}

#[test]
fn the_csv_report_has_the_same_rows() {
    let (_app, token) = stocked();
    let answer = token.get(&may(GENERAL_CSV));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/csv; charset=utf-8")));
    insta::assert_snapshot!(answer.text().replace("\r\n", "␍␊\n"), @r"
    offerId,offerName,totalConversions,totalClicks,totalViews,revenue,publisherName␍␊
    50b75807-a09c-49b5-b368-952b732e5147,Coin Game,5,107,2070,81.5,Lumen␍␊
    50b75807-a09c-49b5-b368-952b732e5147,Coin Game,0,3,10,0.000001,Pixel␍␊
    148a1300-91da-4d41-bc41-ab90cbd76546,Hidden Gems,2,9,90,9.99,Lumen␍␊
    ");
}

/// The offers' names and revenues in the report of this offer only.
fn of_offer(token: &Client, offer: &str) -> Vec<String> {
    let report = token.get(&format!("{}&offerId={offer}", may(GENERAL_JSON))).json();
    let rows = report["data"].as_array().unwrap().iter();
    rows.map(|row| format!("{} {}", row["offerName"].as_str().unwrap(), row["publisherName"].as_str().unwrap()))
        .collect()
}

#[test]
fn an_offer_id_leaves_only_that_offer() {
    let (_app, token) = stocked();
    let offer = id("offer", "Coin Game").to_string();
    assert_eq!(of_offer(&token, &offer), ["Coin Game Lumen", "Coin Game Pixel"]);
    assert_eq!(of_offer(&token, &offer.to_uppercase()), ["Coin Game Lumen", "Coin Game Pixel"]);
    assert_eq!(of_offer(&token, ""), ["Coin Game Lumen", "Coin Game Pixel", "Hidden Gems Lumen"]);
}

#[test]
fn an_unknown_offer_and_another_advertisers_are_empty() {
    let (_app, token) = stocked();
    assert_eq!(of_offer(&token, &id("offer", "nobody's").to_string()), [""; 0]);
    assert_eq!(of_offer(&token, &id("offer", "Contoso Cards").to_string()), [""; 0]);
}

#[test]
fn a_malformed_offer_id_is_400() {
    let (_app, token) = stocked();
    let answer = token.get(&format!("{}&offerId=12", may(GENERAL_JSON)));
    insta::assert_snapshot!(format!("{} {}", answer.status, answer.redacted()), @r#"400 {"responseId":"[id]","isSuccessful":false,"responseTitle":"ValidationError","responseType":"ValidationError","messages":["offerId: got \"12\", expected a UUID such as 7df30136-ff83-4551-b877-fa0f0d8b8f72"]}"#);
}

#[test]
fn totals_count_only_the_days_asked_for() {
    let (_app, token) = stocked();
    let report = token.get(&ranged(GENERAL_CSV, "2025-05-28", "2025-05-28"));
    let offers: Vec<_> = report.text().lines().skip(1).map(|line| line.split_once(',').unwrap().1).collect();
    assert_eq!(offers, ["Coin Game,1,7,70,12.5,Lumen", "Hidden Gems,2,9,90,9.99,Lumen"]);
}

#[test]
fn totals_past_what_one_cell_can_hold_stay_exact() {
    let (app, token) = stocked();
    let lines = (1..=31).map(|day| format!("2024-01-{day:02},AOS_TEST_2025,Pixel,1000000000000000,99999999999.999999"));
    state(&app.store, NORTHWIND, &csv(lines));
    let report = token.get(&ranged(GENERAL_CSV, "2024-01-01", "2024-01-31"));
    assert!(report.text().ends_with(",0,31000000000000000,0,3099999999999.999969,Pixel\r\n"), "{}", report.text());
}
