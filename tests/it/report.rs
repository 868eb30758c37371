//! The Singular report (contract §1): its rows, what they say, and in which order, as raw text.

use pitlane::domain::{Os, TokenScope};

use crate::fixtures::{
    Campaign, NORTHWIND, SINGULAR_CSV, SINGULAR_JSON, add_advertiser, add_campaigns, add_publishers, csv, id, may,
    state, stocked, switch,
};
use crate::harness::{Client, spawn_app};

#[test]
fn the_json_report_has_the_ten_keys_in_their_order_and_enabled_offers_only() {
    let (_app, token) = stocked();
    let answer = token.get(&may(SINGULAR_JSON));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    insta::assert_snapshot!(answer.redacted(), @r#"{"responseId":"[id]","isSuccessful":true,"responseTitle":"Success","responseType":"Success","messages":[],"data":{"generatedAt":"[now]","items":[{"date":"2025-05-27","offer_name":"Coin Game","partner_id":"c4063052-5e86-447f-a498-331c9343bfb9","app":"Coin Game","store_id":"com.example.coingame","os":"ANDROID","campaign_name":"AOS_TEST_2025","campaign_id":"50b75807-a09c-49b5-b368-952b732e5147","cost":69,"clicks":100},{"date":"2025-05-27","offer_name":"Coin Game","partner_id":"3e92370a-9386-447f-a498-1285c60e6d20","app":"Coin Game","store_id":"com.example.coingame","os":"ANDROID","campaign_name":"AOS_TEST_2025","campaign_id":"50b75807-a09c-49b5-b368-952b732e5147","cost":0.000001,"clicks":3},{"date":"2025-05-28","offer_name":"Coin Game","partner_id":"c4063052-5e86-447f-a498-331c9343bfb9","app":"Coin Game","store_id":"com.example.coingame","os":"ANDROID","campaign_name":"AOS_TEST_2025","campaign_id":"50b75807-a09c-49b5-b368-952b732e5147","cost":12.5,"clicks":7},{"date":"2025-05-28","offer_name":"Coin Game","partner_id":"c4063052-5e86-447f-a498-331c9343bfb9","app":"Coin Game","store_id":"1498765432","os":"IOS","campaign_name":"IOS_TEST_2025","campaign_id":"876aa97b-d12d-4c8f-aa56-7ae24d225910","cost":0,"clicks":0}]}}"#);
}

#[test]
fn the_csv_report_has_the_same_rows() {
    let (_app, token) = stocked();
    let answer = token.get(&may(SINGULAR_CSV));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/csv; charset=utf-8")));
    insta::assert_snapshot!(answer.text().replace("\r\n", "␍␊\n"), @r"
    date,offer_name,partner_id,app,store_id,os,campaign_name,campaign_id,cost,clicks␍␊
    2025-05-27,Coin Game,c4063052-5e86-447f-a498-331c9343bfb9,Coin Game,com.example.coingame,ANDROID,AOS_TEST_2025,50b75807-a09c-49b5-b368-952b732e5147,69,100␍␊
    2025-05-27,Coin Game,3e92370a-9386-447f-a498-1285c60e6d20,Coin Game,com.example.coingame,ANDROID,AOS_TEST_2025,50b75807-a09c-49b5-b368-952b732e5147,0.000001,3␍␊
    2025-05-28,Coin Game,c4063052-5e86-447f-a498-331c9343bfb9,Coin Game,com.example.coingame,ANDROID,AOS_TEST_2025,50b75807-a09c-49b5-b368-952b732e5147,12.5,7␍␊
    2025-05-28,Coin Game,c4063052-5e86-447f-a498-331c9343bfb9,Coin Game,1498765432,IOS,IOS_TEST_2025,876aa97b-d12d-4c8f-aa56-7ae24d225910,0,0␍␊
    ");
}

/// The items' text, including the brackets.
fn items(token: &Client, path: &str) -> String {
    let answer = token.get(path);
    let (_, items) = answer.text().split_once("\"items\":").unwrap();
    items.strip_suffix("}}").unwrap().to_owned()
}

#[test]
fn every_answer_has_an_id_of_its_own() {
    let (_app, token) = stocked();
    let [first, second] = [0, 1].map(|_| token.get(&may(SINGULAR_JSON)).json()["responseId"].clone());
    assert_ne!(first, second);
}

#[test]
fn generated_at_is_the_moment_of_the_answer_in_utc() {
    let (_app, token) = stocked();
    let before = chrono::Utc::now().timestamp_millis();
    let answer = token.get(&may(SINGULAR_JSON)).json();
    let at = answer["data"]["generatedAt"].as_str().unwrap();
    let at = chrono::DateTime::parse_from_rfc3339(at).unwrap().timestamp_millis();
    assert!((before..=chrono::Utc::now().timestamp_millis()).contains(&at));
}

#[test]
fn cost_is_the_shortest_exact_decimal() {
    let (app, token) = stocked();
    let written =
        ["69", "12.50", "0.000001", "100000000000", "99999999999.999999", "0.1", "1000000", "007", ".5", "0.30"];
    let lines = (1..).zip(written).map(|(day, cost)| format!("2025-06-{day:02},AOS_TEST_2025,Lumen,0,{cost}"));
    state(&app.store, NORTHWIND, &csv(lines));
    let text = items(&token, &format!("{SINGULAR_JSON}?date_from=2025-06-01&date_to=2025-06-30"));
    let costs: Vec<_> = text.split("\"cost\":").skip(1).map(|rest| rest.split_once(',').unwrap().0).collect();
    assert_eq!(
        costs,
        ["69", "12.5", "0.000001", "100000000000", "99999999999.999999", "0.1", "1000000", "7", "0.5", "0.3"]
    );
}

const AWKWARD: [&str; 6] =
    [r#"Say "hi", \ world"#, "a,b;c", "Ünïcødé 漢字 🎮", "</script><b>&amp;'", "=cmd|calc", "{\"cost\":1}"];

/// A report with names that are hard to write.
fn awkward() -> (crate::harness::App, Client) {
    let app = spawn_app();
    let advertiser = add_advertiser(&app.store, NORTHWIND);
    add_publishers(&app.store, &["Lumen"]);
    let campaigns = AWKWARD.map(|name| Campaign::of(name, name).on("Coin \"Game\", the app", Os::Ios, "77"));
    add_campaigns(&app.store, &advertiser, &campaigns);
    let lines = AWKWARD.map(|name| format!("2025-05-01,\"{}\",Lumen,1,1", name.replace('"', "\"\"")));
    state(&app.store, NORTHWIND, &csv(lines));
    let token = app.token(NORTHWIND, TokenScope::Report);
    (app, token)
}

#[test]
fn names_are_escaped_in_json_and_read_back_as_they_are() {
    let (_app, token) = awkward();
    let report = token.get(&may(SINGULAR_JSON)).json();
    let items = report["data"]["items"].as_array().unwrap();
    let names: Vec<_> = items.iter().map(|item| item["campaign_name"].as_str().unwrap()).collect();
    assert_eq!(names, AWKWARD);
    assert!(
        items.iter().all(|item| item["offer_name"] == item["campaign_name"] && item["app"] == "Coin \"Game\", the app")
    );
}

#[test]
fn names_are_escaped_in_csv_and_read_back_as_they_are() {
    let (_app, token) = awkward();
    let answer = token.get(&may(SINGULAR_CSV));
    let mut reader = ::csv::Reader::from_reader(answer.body.as_slice());
    let names: Vec<_> = reader.records().map(|record| record.unwrap()[6].to_owned()).collect();
    assert_eq!(names, AWKWARD);
    let quoted = answer.text().lines().find(|line| line.contains("Say")).unwrap();
    assert!(quoted.starts_with(r#"2025-05-01,"Say ""hi"", \ world","#), "{quoted}");
}

#[test]
fn no_enabled_offer_is_an_empty_success_that_says_so() {
    let (app, token) = stocked();
    switch(&app.store, "Coin Game", false);
    let answer = token.get(&may(SINGULAR_JSON));
    assert_eq!(answer.status, 200);
    insta::assert_snapshot!(answer.redacted(), @r#"{"responseId":"[id]","isSuccessful":true,"responseTitle":"Success","responseType":"Success","messages":["No offer of this advertiser has cost reporting enabled, so there is nothing to report. Enable it in the catalogue or with: pitlane offer enable NAME --advertiser NAME"],"data":{"generatedAt":"[now]","items":[]}}"#);
    assert_eq!(token.get(&may(SINGULAR_CSV)).text().lines().count(), 1);
}

#[test]
fn a_day_without_figures_is_an_empty_success_without_words() {
    let (_app, token) = stocked();
    let answer = token.get(&format!("{SINGULAR_JSON}?date_from=2025-05-01&date_to=2025-05-02"));
    insta::assert_snapshot!(answer.redacted(), @r#"{"responseId":"[id]","isSuccessful":true,"responseTitle":"Success","responseType":"Success","messages":[],"data":{"generatedAt":"[now]","items":[]}}"#);
}

#[test]
fn a_day_restated_to_zero_is_served_as_zeros() {
    let (app, token) = stocked();
    state(&app.store, NORTHWIND, "date,campaign_name,partner,clicks,cost\n2025-05-28,AOS_TEST_2025,Lumen,0,0.000\n");
    let csv = token.get(&format!("{SINGULAR_CSV}?date_from=2025-05-28&date_to=2025-05-28"));
    let ends: Vec<_> =
        csv.text().lines().skip(1).map(|line| line.rsplitn(3, ',').take(2).collect::<Vec<_>>()).collect();
    assert_eq!(ends, [["0", "0"], ["0", "0"]]);
}

#[test]
fn an_offer_that_is_enabled_later_shows_its_whole_history() {
    let (app, token) = stocked();
    assert!(!token.get(&may(SINGULAR_JSON)).text().contains("Hidden Gems"));
    switch(&app.store, "Hidden Gems", true);
    assert!(token.get(&may(SINGULAR_JSON)).text().contains("\"cost\":9.99"));
}

#[test]
fn the_first_campaign_carries_the_offers_id_and_further_ones_their_own() {
    let (_app, token) = stocked();
    let report = token.get(&may(SINGULAR_JSON)).json();
    let ids = |campaign: &str| {
        let items = report["data"]["items"].as_array().unwrap().iter();
        items.filter(|item| item["campaign_name"] == campaign).map(|item| item["campaign_id"].clone()).next().unwrap()
    };
    assert_eq!(ids("AOS_TEST_2025"), id("offer", "Coin Game").to_string());
    assert_eq!(ids("IOS_TEST_2025"), id("campaign", "IOS_TEST_2025").to_string());
}

#[test]
fn rows_come_by_date_and_in_the_same_order_every_time() {
    let (app, token) = stocked();
    // Out of order, and between existing cells.
    state(
        &app.store,
        NORTHWIND,
        "date,campaign_name,partner,clicks,cost\n\
         2025-05-29,IOS_TEST_2025,Pixel,1,1\n2025-05-01,IOS_TEST_2025,Lumen,1,1\n2025-05-27,IOS_TEST_2025,Lumen,1,1\n",
    );
    let first = items(&token, &may(SINGULAR_JSON));
    let dates: Vec<_> = first.split("\"date\":\"").skip(1).map(|rest| &rest[..10]).collect();
    assert!(dates.is_sorted() && dates.len() == 7, "{dates:?}");
    state(&app.store, NORTHWIND, "date,campaign_name,partner,clicks,cost\n2025-06-01,AOS_TEST_2025,Lumen,1,1\n");
    assert_eq!(items(&token, &may(SINGULAR_JSON)), first);
}
