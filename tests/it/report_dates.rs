//! The report's two dates (contract §1): valid forms, the range they mean, and errors.

use crate::fixtures::{SINGULAR_CSV, SINGULAR_JSON, stocked};
use crate::harness::Client;

/// How many rows the CSV report has for this query.
#[track_caller]
fn rows(token: &Client, query: &str) -> usize {
    let answer = token.get(&format!("{SINGULAR_CSV}?{query}"));
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    answer.text().lines().count() - 1
}

/// The error message for this query.
#[track_caller]
fn refused(token: &Client, query: &str) -> String {
    let answer = token.get(&format!("{SINGULAR_JSON}?{query}"));
    let body = answer.json();
    assert_eq!((answer.status, body["responseType"].as_str()), (400, Some("ValidationError")), "{query}");
    assert_eq!(body["messages"].as_array().unwrap().len(), 1, "{query}");
    body["messages"][0].as_str().unwrap().to_owned()
}

#[test]
fn both_ends_count() {
    let (_app, token) = stocked();
    assert_eq!(rows(&token, "date_from=2025-05-27&date_to=2025-05-28"), 4);
    assert_eq!(rows(&token, "date_from=2025-05-27&date_to=2025-05-27"), 2);
    assert_eq!(rows(&token, "date_from=2025-05-28&date_to=2025-05-28"), 2);
    assert_eq!(rows(&token, "date_from=2025-05-29&date_to=2025-05-31"), 0);
}

#[test]
fn a_date_time_counts_with_its_date_as_written() {
    let (_app, token) = stocked();
    for moment in [
        "2025-05-27T00:00:00Z",
        "2025-05-27T23:59:59.999Z",
        "2025-05-27T23:30:00-11:00",
        "2025-05-27T00:30:00%2B14:00",
        "2025-05-27T00:30:00+14:00",
        "2025-05-27T12:00:00",
        "2025-05-27T00:00:00.000000%2B0000",
        "2025-05-27T00:00:00.000000+0000",
        "2025-05-27 00:00:00",
        "2025-05-27 00:00:00%2B00:00",
        "2025-05-27+23:59:59.999-0830",
        "2025-05-27t12:00:00.5z",
    ] {
        assert_eq!(rows(&token, &format!("date_from={moment}&date_to={moment}")), 2, "{moment}");
    }
}

#[test]
fn any_length_of_range_is_answered() {
    let (_app, token) = stocked();
    assert_eq!(rows(&token, "date_from=0001-01-01&date_to=9999-12-31"), 4);
    assert_eq!(rows(&token, "date_from=2000-01-01&date_to=2025-05-27"), 2);
}

#[test]
fn future_days_are_empty() {
    let (_app, token) = stocked();
    assert_eq!(rows(&token, "date_from=2190-01-01&date_to=2190-12-31"), 0);
}

#[test]
fn parameter_names_come_in_any_case() {
    let (_app, token) = stocked();
    assert_eq!(rows(&token, "DATE_FROM=2025-05-27&Date_To=2025-05-28"), 4);
}

#[test]
fn unknown_parameters_are_ignored_even_when_repeated() {
    let (_app, token) = stocked();
    let range = "date_from=2025-05-27&date_to=2025-05-28";
    assert_eq!(rows(&token, &format!("{range}&x=1&x=2&dimensions=%FF&&=")), 4);
    // The general report's parameter doesn't exist here.
    assert_eq!(rows(&token, &format!("{range}&offerId=nonsense&offerId=2")), 4);
}

#[test]
fn a_refused_date_is_named_with_what_came_and_what_is_expected() {
    let (_app, token) = stocked();
    let good = "date_from=2025-05-27";
    let queries = [
        "",
        good,
        "date_to=2025-05-27",
        "date_from=&date_to=2025-05-27",
        "date_from=27.05.2025&date_to=2025-05-27",
        "date_from=2025-5-7&date_to=2025-05-27",
        "date_from=2025-02-30&date_to=2025-05-27",
        "date_from=0000-01-01&date_to=2025-05-27",
        "date_from=2025-05-27&date_to=12025-05-27",
        "date_from=2025-05-27&date_to=2025-05-27T25:00:00Z",
        "date_from=2025-05-27&date_to=2025-05-27%2012:00",
        "date_from=2025-05-28&date_to=2025-05-27",
        "date_from=2025-05-27&date_to=2025-05-28&date_from=2025-05-27",
        "date_from=2025-05-27&date_to=2025-05-28&DATE_TO=2025-05-29",
        "date_from=%00%1b[31m&date_to=2025-05-27",
    ];
    let said: String = queries.map(|query| format!("?{query}\n  {}\n", refused(&token, query))).concat();
    insta::assert_snapshot!(said, @r#"
    ?
      date_from: is missing, expected a calendar day as YYYY-MM-DD
    ?date_from=2025-05-27
      date_to: is missing, expected a calendar day as YYYY-MM-DD
    ?date_to=2025-05-27
      date_from: is missing, expected a calendar day as YYYY-MM-DD
    ?date_from=&date_to=2025-05-27
      date_from: is missing, expected a calendar day as YYYY-MM-DD
    ?date_from=27.05.2025&date_to=2025-05-27
      date_from: got "27.05.2025", expected a calendar day as YYYY-MM-DD, or an RFC 3339 date-time
    ?date_from=2025-5-7&date_to=2025-05-27
      date_from: got "2025-5-7", expected a calendar day as YYYY-MM-DD, or an RFC 3339 date-time
    ?date_from=2025-02-30&date_to=2025-05-27
      date_from: got "2025-02-30", expected a calendar day as YYYY-MM-DD, or an RFC 3339 date-time
    ?date_from=0000-01-01&date_to=2025-05-27
      date_from: got "0000-01-01", expected a calendar day as YYYY-MM-DD, or an RFC 3339 date-time
    ?date_from=2025-05-27&date_to=12025-05-27
      date_to: got "12025-05-27", expected a calendar day as YYYY-MM-DD, or an RFC 3339 date-time
    ?date_from=2025-05-27&date_to=2025-05-27T25:00:00Z
      date_to: got "2025-05-27T25:00:00Z", expected a calendar day as YYYY-MM-DD, or an RFC 3339 date-time
    ?date_from=2025-05-27&date_to=2025-05-27%2012:00
      date_to: got "2025-05-27 12:00", expected a calendar day as YYYY-MM-DD, or an RFC 3339 date-time
    ?date_from=2025-05-28&date_to=2025-05-27
      date_from: got 2025-05-28, expected a day not after date_to, which is 2025-05-27
    ?date_from=2025-05-27&date_to=2025-05-28&date_from=2025-05-27
      date_from: got "2025-05-27" and "2025-05-27", expected it once
    ?date_from=2025-05-27&date_to=2025-05-28&DATE_TO=2025-05-29
      date_to: got "2025-05-28" and "2025-05-29", expected it once
    ?date_from=%00%1b[31m&date_to=2025-05-27
      date_from: got "\0\u{1b}[31m", expected a calendar day as YYYY-MM-DD, or an RFC 3339 date-time
    "#);
}

#[test]
fn a_long_refused_date_is_not_repeated_in_full() {
    let (_app, token) = stocked();
    assert!(refused(&token, &format!("date_from={}&date_to=2025-05-27", "9".repeat(5000))).len() < 300);
}
