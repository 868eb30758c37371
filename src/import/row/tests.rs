//! Which cells become a row, and how others are refused.

use super::*;
use crate::domain::ExactCost;
use crate::import::Format;
use crate::import::tests::{Reading, read_text};

const ID: &str = "7df30136-ff83-4551-b877-fa0f0d8b8f72";

fn csv(text: &str) -> Reading {
    read_text(Format::Csv, text, &Mapping::default())
}

/// The one error of a file with this row.
fn fault(header: &str, row: &str) -> String {
    let reading = csv(&format!("{header}\n{row}\n"));
    assert_eq!((reading.lines.len(), reading.faults.len()), (0, 1), "{:?}", reading.faults);
    reading.faults[0].to_string()
}

const SHORT: &str = "date,campaign_name,partner,clicks,cost";

#[test]
fn every_column_reaches_its_place() {
    let header = "date,campaign_id,campaign_name,network_campaign_id,partner_id,partner,clicks,cost,views,conversions,currency,advertiser,\
                  offer_name,app,store_id,os";
    let text = format!("{header}\n2025-05-28,{ID},c,n,{ID},p,100,69.0000001,7,8,USD,a,o,x,s,IOS\n");
    let [line] = csv(&text).lines.try_into().unwrap();
    let expected = StatLine {
        line: 2,
        day: Day::parse("date", "2025-05-28").unwrap(),
        clicks: Count::new("clicks", 100).unwrap(),
        cost: ExactCost::parse("69.0000001").unwrap(),
        views: Count::new("views", 7).unwrap(),
        conversions: Count::new("conversions", 8).unwrap(),
        campaign_id: Some(ID.parse().unwrap()),
        campaign_name: Some("c"),
        network_campaign_id: Some("n"),
        partner_id: Some(ID.parse().unwrap()),
        partner: Some("p"),
        currency: claim("USD"),
        advertiser: Some("a"),
        offer_name: Some("o"),
        app: Some("x"),
        store_id: Some("s"),
        os: Some("IOS"),
    };
    assert_eq!(line, expected);
}

#[test]
fn optional_cells_are_none_or_zero() {
    let [line] = csv(&format!("{SHORT},views,os\n2025-05-28, c ,p,1,2, ,\n")).lines.try_into().unwrap();
    assert_eq!((line.views, line.conversions), (Count::default(), Count::default()));
    assert_eq!((line.campaign_name, line.campaign_id, line.os), (Some("c"), None, None));
}

#[test]
fn all_errors_of_a_row_are_reported_together() {
    let reading = csv(&format!("{SHORT}\n2025-02-30,,p,-1,x\n2025-05-28,c,p,1,2\n"));
    let faults: Vec<_> = reading.faults.iter().map(|fault| fault.column.as_deref().unwrap()).collect();
    assert_eq!(faults, ["date", "clicks", "cost", "campaign_id or campaign_name"]);
    assert_eq!(reading.lines.len(), 1);
    let cost = reading.faults[2].to_string();
    assert!(cost.starts_with("line 2, column cost: got \"x\", expected a decimal number"), "{cost}");
}

#[test]
fn an_empty_required_cell_is_reported() {
    for (row, column) in [
        (",c,p,1,2", "date"),
        ("2025-05-28,c,p,,2", "clicks"),
        ("2025-05-28,c,p,1,", "cost"),
        ("2025-05-28,,p,1,2", "campaign_id or campaign_name"),
        ("2025-05-28,c,,1,2", "partner_id or partner"),
    ] {
        let error = fault(SHORT, row);
        assert!(error.starts_with(&format!("line 2, column {column}: got nothing, expected")), "{error}");
    }
}

#[test]
fn an_id_must_be_one_even_beside_a_name() {
    let error = fault("date,campaign_name,campaign_id,partner,clicks,cost", "2025-05-28,c,916,p,1,2");
    assert!(error.starts_with("line 2, column campaign_id: got \"916\", expected a UUID"), "{error}");
}

#[test]
fn the_files_own_header_is_told_where_it_differs() {
    let mapping = Mapping { columns: vec![Mapping::parse_map("cost=Spent").unwrap()], ..Mapping::default() };
    let reading = read_text(Format::Csv, "Date,campaign_name,partner,clicks,Spent\nx,c,p,1,x\n", &mapping);
    let columns: Vec<_> = reading.faults.iter().map(|fault| fault.column.as_deref().unwrap()).collect();
    assert_eq!(columns, ["date (header \"Date\")", "cost (header \"Spent\")"]);
    let hint = reading.faults[0].to_string();
    assert!(hint.ends_with("expected a calendar day as YYYY-MM-DD"), "{hint}");
}

#[test]
fn a_year_that_was_misread_is_refused() {
    for date in ["1999-12-31", "2200-01-01", "0023-08-31"] {
        let error = fault(SHORT, &format!("{date},c,p,1,2"));
        assert!(error.ends_with(&format!("read as {date}, expected a day from 2000-01-01 to 2199-12-31")), "{error}");
    }
    let reading = csv(&format!("{SHORT}\n2000-01-01,c,p,1,2\n2199-12-31,c,p,1,2\n"));
    assert_eq!(reading.lines.len(), 2);
}

#[test]
fn a_bad_date_after_a_good_one_is_not_taken_for_it() {
    let reading = csv(&format!("{SHORT}\n2025-05-28,c,p,1,2\n2025-05-2,c,p,1,2\n2025-05-29,c,p,1,2\n"));
    let days: Vec<_> = reading.lines.iter().map(|line| (line.line, line.day.to_string())).collect();
    assert_eq!(days, [(2, "2025-05-28".to_owned()), (4, "2025-05-29".to_owned())]);
    assert_eq!(reading.faults.len(), 1);
}
