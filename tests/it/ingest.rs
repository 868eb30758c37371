//! Uploading stats over HTTP (contract §4).

use pitlane::domain::TokenScope;
use serde_json::{Value, json};

use crate::fixtures::{CONTOSO, DAILY_STATS, NORTHWIND, SINGULAR_CSV, id, may, stock, stocked};
use crate::harness::{Answer, App, Client, spawn_app};

const HEADER: &str = "date,campaign_name,partner,clicks,cost\n";

/// The small sample, Northwind's token for stats and the one for reports.
fn ingesting() -> (App, Client, Client) {
    let (app, report) = stocked();
    let ingest = app.token(NORTHWIND, TokenScope::Ingest);
    (app, ingest, report)
}

fn post_csv(token: &Client, rows: &str) -> Answer {
    token.post(DAILY_STATS, "text/csv", format!("{HEADER}{rows}"))
}

/// The counts of a successful upload: rows, inserted, changed, unchanged, rounded.
#[track_caller]
fn taken(answer: &Answer) -> [u64; 5] {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    ["rows", "inserted", "changed", "unchanged", "rounded"].map(|key| body["data"][key].as_u64().unwrap())
}

/// The messages of a refused upload.
#[track_caller]
fn refused(answer: &Answer) -> Vec<String> {
    let body = answer.json();
    assert_eq!((answer.status, body["responseType"].as_str()), (400, Some("ValidationError")), "{body}");
    body["messages"].as_array().unwrap().iter().map(|message| message.as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_upload_is_answered_with_what_it_did() {
    let (_app, ingest, _) = ingesting();
    let answer =
        post_csv(&ingest, "2025-05-30,AOS_TEST_2025,Lumen,1,1.25\n2025-05-30,AOS_TEST_2025,Pixel,1,0.0000005\n");
    insta::assert_snapshot!(answer.redacted(), @r#"{"responseId":"[id]","isSuccessful":true,"responseTitle":"Success","responseType":"Success","messages":[],"data":{"importId":"[import]","rows":2,"inserted":2,"changed":0,"unchanged":0,"rounded":1}}"#);
}

/// The report after an upload in this format.
fn reported_after(content_type: &str, body: String) -> String {
    let app = spawn_app();
    stock(&app.store);
    let ingest = app.token(NORTHWIND, TokenScope::Ingest);
    assert_eq!(taken(&ingest.post(DAILY_STATS, content_type, body)), [3, 2, 1, 0, 1], "{content_type}");
    app.token(NORTHWIND, TokenScope::Report).get(&may(SINGULAR_CSV)).text().to_owned()
}

#[test]
fn the_same_rows_mean_the_same_in_all_three_formats() {
    let rows = [
        ("2025-05-30", "AOS_TEST_2025", "Lumen", 1, "1.25"),
        ("2025-05-30", "IOS_TEST_2025", "Lumen", 2, "1.429999948"),
        ("2025-05-28", "AOS_TEST_2025", "Lumen", 3, "0"),
    ];
    let csv: String = rows
        .map(|(day, campaign, partner, clicks, cost)| format!("{day},{campaign},{partner},{clicks},{cost}\n"))
        .concat();
    let objects = rows.map(|(day, campaign, partner, clicks, cost)| {
        format!(
            r#"{{"date":"{day}","campaign_name":"{campaign}","partner":"{partner}","clicks":{clicks},"cost":{cost}}}"#
        )
    });
    let from_csv = reported_after("text/csv; charset=utf-8", format!("{HEADER}{csv}"));
    assert!(from_csv.contains(",1.43,2\r\n"), "{from_csv}");
    assert_eq!(reported_after("application/json", format!(r#"{{"items":[{}]}}"#, objects.join(","))), from_csv);
    assert_eq!(reported_after("application/x-ndjson", objects.join("\n")), from_csv);
}

#[test]
fn the_same_rows_again_change_nothing_and_other_figures_restate() {
    let (_app, ingest, report) = ingesting();
    let row = "2025-05-30,AOS_TEST_2025,Lumen,1,1.25\n";
    assert_eq!(taken(&post_csv(&ingest, row)), [1, 1, 0, 0, 0]);
    assert_eq!(taken(&post_csv(&ingest, row)), [1, 0, 0, 1, 0]);
    assert_eq!(taken(&post_csv(&ingest, "2025-05-30,AOS_TEST_2025,Lumen,1,1.26\n")), [1, 0, 1, 0, 0]);
    assert!(report.get(&may(SINGULAR_CSV)).text().ends_with(",1.26,1\r\n"));
}

#[test]
fn one_wrong_row_keeps_all_others_out() {
    let (_app, ingest, report) = ingesting();
    let before = report.get(&may(SINGULAR_CSV)).body;
    let messages = refused(&post_csv(
        &ingest,
        "2025-05-30,AOS_TEST_2025,Lumen,1,1\n2025-05-30,AOS_TEST_2025,Pixel,-1,1x3\n30.05.2025,NOBODY,Nobody,1,1\n",
    ));
    assert_eq!(report.get(&may(SINGULAR_CSV)).body, before);
    insta::assert_snapshot!(messages.join("\n"), @r#"
    line 3, column clicks: got "-1", expected a whole number from 0 to 1000000000000000
    line 3, column cost: got "1x3", expected a decimal number with a point, such as 12.5
    line 4, column date: got "30.05.2025", expected a calendar day as YYYY-MM-DD
    3 problems; nothing was imported
    "#);
}

#[test]
fn unknown_names_are_refused_and_named() {
    let (_app, ingest, _) = ingesting();
    let messages = refused(&post_csv(&ingest, "2025-05-30,NOBODY,Nobody,1,1\n"));
    insta::assert_snapshot!(messages.join("\n"), @r#"
    line 2, column campaign_name: got "NOBODY", which isn't a campaign of "Northwind" yet
    line 2, column partner: got "Nobody", which isn't a publisher yet
    2 problems; nothing was imported
    "#);
}

#[test]
fn the_same_key_twice_is_refused_with_both_lines_unless_summed() {
    let (_app, ingest, report) = ingesting();
    let rows = "2025-05-30,AOS_TEST_2025,Lumen,1,0.1\n2025-05-30,AOS_TEST_2025,Pixel,1,1\n2025-05-30,AOS_TEST_2025,Lumen,2,0.2\n";
    insta::assert_snapshot!(refused(&post_csv(&ingest, rows)).join("\n"), @r#"
    line 4: states 2025-05-30, campaign "AOS_TEST_2025", partner "Lumen" again, as line 2 did; expected each once, or that duplicates are to be summed
    1 problem; nothing was imported
    "#);
    let summed = ingest.post(&format!("{DAILY_STATS}?duplicates=sum"), "text/csv", format!("{HEADER}{rows}"));
    assert_eq!(taken(&summed), [3, 2, 0, 0, 0]);
    assert!(report.get(&may(SINGULAR_CSV)).text().contains(",0.3,3\r\n"));
}

#[test]
fn a_contradiction_says_both_values() {
    let (_app, ingest, _) = ingesting();
    let rows = "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n\
        2025-05-30,AOS_TEST_2025,Lumen,1,1,Other,Coin Game,com.example.coingame,ANDROID\n\
        2025-05-30,AOS_TEST_2025,Pixel,1,1,Coin Game,Other,com.example.coingame,ANDROID\n\
        2025-05-31,AOS_TEST_2025,Lumen,1,1,Coin Game,Coin Game,com.example.other,ANDROID\n\
        2025-05-31,AOS_TEST_2025,Pixel,1,1,Coin Game,Coin Game,com.example.coingame,IOS\n";
    insta::assert_snapshot!(refused(&ingest.post(DAILY_STATS, "text/csv", rows)).join("\n"), @r#"
    line 2, column offer_name: got "Other", but campaign "AOS_TEST_2025" is stored with "Coin Game"
    line 3, column app: got "Other", but campaign "AOS_TEST_2025" is stored with "Coin Game"
    line 4, column store_id: got "com.example.other", but campaign "AOS_TEST_2025" is stored with "com.example.coingame"
    line 5, column os: got "IOS", but campaign "AOS_TEST_2025" is stored with "ANDROID"
    4 problems; nothing was imported
    "#);
}

#[test]
fn another_currency_is_refused() {
    let (_app, ingest, _) = ingesting();
    let rows = "date,campaign_name,partner,clicks,cost,currency\n2025-05-30,AOS_TEST_2025,Lumen,1,1,EUR\n";
    insta::assert_snapshot!(refused(&ingest.post(DAILY_STATS, "text/csv", rows)).join("\n"), @r#"
    line 2, column cost: is in EUR, expected USD, the currency of "Northwind"; Pitlane does not convert money
    1 problem; nothing was imported
    "#);
}

#[test]
fn missing_things_are_created_when_asked_for() {
    let (_app, ingest, report) = ingesting();
    let rows = "date,campaign_name,partner,clicks,cost,offer_name,app,store_id,os\n\
        2025-05-30,NEW_2025,New Partner,1,1,New Offer,New App,com.example.newapp,ANDROID\n";
    let refused_first = refused(&ingest.post(DAILY_STATS, "text/csv", rows));
    assert_eq!(refused_first.len(), 3, "{refused_first:?}");
    let path = format!("{DAILY_STATS}?create_missing=true");
    assert_eq!(taken(&ingest.post(&path, "text/csv", rows)), [1, 1, 0, 0, 0]);
    assert!(report.get(&may(SINGULAR_CSV)).text().contains("2025-05-30,New Offer,"));
}

#[test]
fn ids_do_as_well_as_names() {
    let (_app, ingest, _) = ingesting();
    let item = json!({
        "date": "2025-05-27", "campaign_id": id("offer", "Coin Game").to_string(),
        "partner_id": id("publisher", "Lumen").to_string(), "clicks": 100, "cost": 69, "views": 2000, "conversions": 4,
    });
    let answer = ingest.post(DAILY_STATS, "application/json", json!({"items": [item]}).to_string());
    assert_eq!(taken(&answer), [1, 0, 0, 1, 0]);
}

#[test]
fn another_advertisers_campaign_is_unknown_and_untouched() {
    let (app, _, report) = ingesting();
    let before = report.get(&may(SINGULAR_CSV)).body;
    let contoso = app.token(CONTOSO, TokenScope::Ingest);
    let rows = format!("date,campaign_id,partner,clicks,cost\n2025-05-27,{},Lumen,1,1\n", id("offer", "Coin Game"));
    let answer = contoso.post(&format!("{DAILY_STATS}?create_missing=true"), "text/csv", rows);
    let messages = refused(&answer).join("\n").replace(&id("offer", "Coin Game").to_string(), "[id]");
    insta::assert_snapshot!(messages, @r#"
    line 2, column campaign_id: got "[id]", which isn't a campaign of "Contoso"
    1 problem; nothing was imported
    "#);
    assert_eq!(report.get(&may(SINGULAR_CSV)).body, before);
}

#[test]
fn rows_that_name_another_advertiser_are_refused() {
    let (_app, ingest, _) = ingesting();
    let rows = "date,campaign_name,partner,clicks,cost,advertiser\n2025-05-30,AOS_TEST_2025,Lumen,1,1,Contoso\n";
    insta::assert_snapshot!(refused(&ingest.post(DAILY_STATS, "text/csv", rows)).join("\n"), @r#"
    line 2, column advertiser: got "Contoso", expected "Northwind", whose import this is
    1 problem; nothing was imported
    "#);
}

#[test]
fn the_first_hundred_errors_are_told_and_all_are_counted() {
    let (_app, ingest, _) = ingesting();
    let messages = refused(&post_csv(&ingest, &"2025-05-30,AOS_TEST_2025,Lumen,x,1\n".repeat(250)));
    assert_eq!(messages.len(), 101);
    assert!(messages[99].starts_with("line 101"), "{}", messages[99]);
    assert_eq!(messages[100], "250 problems, of which the first 100 are shown; nothing was imported");
}

#[test]
fn what_is_no_file_of_the_kind_is_refused_as_a_whole() {
    let (_app, ingest, _) = ingesting();
    let said: String = [
        ("text/csv", ""),
        ("text/csv", "a,b\n1,2\n"),
        ("application/json", "{\"items\":["),
        ("application/x-ndjson", "no\n"),
    ]
    .map(|(content_type, body)| {
        format!("{content_type} {body:?}: {}\n", refused(&ingest.post(DAILY_STATS, content_type, body)).join(" | "))
    })
    .concat();
    insta::assert_snapshot!(said, @r#"
    text/csv "": the file is empty
    text/csv "a,b\n1,2\n": the file has no header for date, campaign_id or campaign_name, partner_id or partner, clicks, cost; it has "a", "b"
    application/json "{\"items\":[": the file is not JSON: EOF while parsing a list at line 1 column 10
    application/x-ndjson "no\n": line 1: not JSON at character 2: expected ident | 1 problem; nothing was imported
    "#);
}

#[test]
fn unknown_ways_to_treat_duplicates_are_refused() {
    let (_app, ingest, _) = ingesting();
    let answer = ingest.post(&format!("{DAILY_STATS}?duplicates=maybe"), "text/csv", HEADER);
    insta::assert_snapshot!(refused(&answer).join("\n"), @r#"duplicates: got "maybe", expected reject or sum"#);
}

#[test]
fn what_an_upload_leaves_out_is_set_to_zero_where_that_is_asked_for() {
    let (_app, ingest, report) = ingesting();
    let row = format!("{HEADER}2025-05-28,AOS_TEST_2025,Lumen,7,12.5\n");
    // Its views are zero now, because a row states the whole value.
    assert_eq!(taken(&ingest.post(&format!("{DAILY_STATS}?replace=false"), "text/csv", row.clone())), [1, 0, 1, 0, 0]);
    // Of the day's three cells at the publisher, one is stated unchanged, one is already zero, and one is left out.
    let replace = || ingest.post(&format!("{DAILY_STATS}?replace=true"), "text/csv", row.clone());
    assert_eq!(taken(&replace()), [1, 0, 1, 1, 0]);
    assert_eq!(taken(&replace()), [1, 0, 0, 1, 0]);
    let before = report.get(&may(SINGULAR_CSV)).text().to_owned();
    assert!(before.contains("2025-05-27"), "other days stay: {before}");
    let messages = refused(&ingest.post(&format!("{DAILY_STATS}?replace=perhaps"), "text/csv", row));
    assert_eq!(messages, ["replace: got \"perhaps\", expected true or false"]);
}

#[test]
fn final_days_ask_an_upload_for_a_reason() {
    let (_app, ingest, report) = ingesting();
    let upload = |query: &str, clicks: u64| {
        let row = format!("{HEADER}2025-05-28,AOS_TEST_2025,Lumen,{clicks},12.5\n2025-05-29,AOS_TEST_2025,Lumen,1,1\n");
        ingest.post(&format!("{DAILY_STATS}{query}"), "text/csv", row)
    };
    assert_eq!(taken(&upload("?days=final", 8)), [2, 1, 1, 0, 0]);
    let before = report.get(&may(SINGULAR_CSV)).body;
    let told = ["days that are final would change: 2025-05-28 (1 row). Give the reason why"];
    assert_eq!(refused(&upload("", 9)), told);
    assert_eq!(refused(&upload("?reason=%20", 9)), told);
    assert_eq!(report.get(&may(SINGULAR_CSV)).body, before);
    assert_eq!(taken(&upload("", 8)), [2, 0, 0, 2, 0]);
    assert_eq!(taken(&upload("?reason=fraud+refund", 9)), [2, 0, 1, 1, 0]);
    let again = ["days that are final would change: 2025-05-28 (0 rows), 2025-05-29 (0 rows). Give the reason why"];
    assert_eq!(refused(&upload("?days=provisional", 9)), again);
    assert_eq!(refused(&upload("?days=maybe", 9)), ["days: got \"maybe\", expected provisional or final"]);
}

#[test]
fn an_upload_marks_its_token_as_used() {
    let (mut app, ingest, _) = ingesting();
    post_csv(&ingest, "2025-05-30,AOS_TEST_2025,Lumen,1,1\n");
    app.stop();
    let used: Value = app
        .database()
        .query_row(
            "select last_used_at is not null and last_used_address = '127.0.0.1' from api_tokens where id = ?1",
            [ingest.id()],
            |row| row.get::<_, bool>(0).map(Value::from),
        )
        .unwrap();
    assert_eq!(used, true);
}
