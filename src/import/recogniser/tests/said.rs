//! What a person is told about a file: notes, choices and the names of columns.

use std::io::{Seek as _, Write as _};

use super::*;
use crate::import::unpack;
use crate::import::workbook::tests::{row, workbook_with};

fn notes(file: &File) -> Vec<(&'static str, Option<u64>)> {
    file.recognise().unwrap().notes.iter().map(|note| (note.code.as_str(), note.line)).collect()
}

#[test]
fn every_kind_of_line_that_is_left_out_is_noted() {
    let file = File::new("Report of Acme\nMade by X\nDay,Campaign,Clicks,Cost\n2023-08-01,A,10,1.50\nTotal,,10,1.50\n");
    assert_eq!(file.left_out(), [(1, "title"), (2, "title"), (5, "total")]);
    assert_eq!(notes(&file), [("left_out", Some(1)), ("left_out", Some(5))]);
}

#[test]
fn each_choice_of_a_money_unit_says_what_it_means() {
    let problems = File::case("03_micros_in_spend").recognise().unwrap().problems;
    let labels: Vec<&str> = problems[0].choices.iter().map(|choice| choice.label.as_str()).collect();
    assert_eq!(labels, ["units of the currency", "hundredths of the currency", "millionths of the currency"]);
}

#[test]
fn all_lines_with_a_day_later_than_tomorrow_can_be_left_out_at_once() {
    let file = File::new("Day,Campaign,Clicks,Cost\n2026-11-27,A,1,2\n2026-12-27,A,1,2\n2026-12-30,A,1,2\n");
    let problem = &file.recognise().unwrap().problems[0];
    assert!(problem.message.contains(", and 1 line like it"), "{}", problem.message);
    assert_eq!(String::from(problem.lines.clone()), "3-4");
    let lines = problem.lines.clone();
    assert_eq!(file.decide(|decisions| decisions.leave_out = lines).rows(), ["2 2026-11-27 A 1 2"]);
}

#[test]
fn a_column_is_named_by_a_source_that_finds_it_again() {
    let seen = File::new("Day,Campaign,Clicks,Cost,Note,Note,note#2\n2023-08-01,A,1,2,x,y,z\n").recognise().unwrap();
    let sources: Vec<&str> = seen.headers.iter().map(|header| header.source.as_str()).collect();
    assert_eq!(sources[4..], ["Note#1", "#6", "note#2"]);
}

#[test]
fn a_character_that_is_cut_in_half_is_the_files_fault() {
    let text: Vec<u8> =
        "Day,Campaign,Clicks,Cost\n2023-08-01,A,1,2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let half_a_pair = 0xD83D_u16.to_le_bytes();
    let torn = [&[0xFF, 0xFE], &text[..], &half_a_pair].concat();
    let words = "the file holds characters that are cut in half: save it again as UTF-8 CSV";
    assert_eq!(File::new(torn).recognise().unwrap_err(), words);
}

/// What a new advertiser pays in, whose currency nobody stated.
#[test]
fn a_sign_tells_a_new_advertisers_currency_if_it_usually_means_one() {
    for (sign, told) in [("€", Some("EUR")), ("$", Some("USD")), ("£", Some("GBP")), ("kr", None), ("¥", None)] {
        let text = format!("Day,Campaign,Clicks,Cost\n2023-08-01,A,1,{sign} 2.50\n");
        let file = File { currency: "", ..File::new(text) };
        assert_eq!(file.recognise().unwrap().currency.map(Currency::code), told, "{sign}");
    }
}

#[test]
fn a_quotation_mark_within_a_name_leaves_its_blank() {
    let text = "\"Day\", \"Campaign\", \"Clicks\", \"Cost\"\n2023-08-01, Big \"Sale\", \"10\", \"1.50\"\n";
    assert_eq!(File::new(text).rows(), ["2 2023-08-01 Big \"Sale\" 10 1.5"]);
}

#[test]
fn the_title_of_a_table_with_another_separator_is_no_header() {
    let text = "Clicks, Cost\nDay;Campaign;Clicks;Cost\n01.08.2023;A;10;1,50\n02.08.2023;B;20;2,50\n";
    assert_eq!(File::new(text).rows(), ["3 2023-08-01 A 10 1.5", "4 2023-08-02 B 20 2.5"]);
}

#[test]
fn two_known_columns_make_a_header_below_a_title_of_one() {
    let text = "Campaign,All\nDay,Label,Number,Spend\n2023-08-01,A,10,1.50\n2023-08-02,B,20,2.50\n";
    let file = File::new(text).map(&[(Column::CampaignName, "Label"), (Column::Clicks, "Number")]);
    assert_eq!(file.rows(), ["3 2023-08-01 A 10 1.5", "4 2023-08-02 B 20 2.5"]);
}

#[test]
fn the_header_is_the_line_with_known_columns_or_else_the_one_as_wide_as_the_rows() {
    let rows = "2023-08-01,A,10,1.50\n2023-08-02,B,20,2.50\n";
    let expected = ["3 2023-08-01 A 10 1.5", "4 2023-08-02 B 20 2.5"];
    assert_eq!(File::new(format!("Aa,Bb,Cc,Dd\nDay,Campaign,Clicks,Cost\n{rows}")).rows(), expected);
    let by_hand = [(Column::Date, "Aa"), (Column::CampaignName, "Bb"), (Column::Clicks, "Cc"), (Column::Cost, "Dd")];
    assert_eq!(File::new(format!("Report,May\nAa,Bb,Cc,Dd\n{rows}")).map(&by_hand).rows(), expected);
}

#[test]
fn a_campaign_without_a_day_is_a_row_with_an_error_even_if_its_only_other_row_has_the_same_figures() {
    for figures in ["5,7.25", "10,1.50"] {
        let file =
            File::new(format!("Day,Campaign,Clicks,Cost\n2023-08-01,A,10,1.50\n,A,{figures}\n2023-08-02,C,20,2.50\n"));
        assert_eq!((file.open(), file.left_out()), (vec![], vec![]), "{figures}");
        assert_eq!(file.seen().faults.len(), 1, "{figures}");
    }
}

#[test]
fn a_total_of_nothing_is_left_out_without_a_question() {
    let file = File::new("Day,Campaign,Clicks,Cost\n2023-08-01,A,10,1.50\n2023-08-01,Total,0,0\n");
    assert_eq!((file.open(), file.left_out()), (vec![], vec![(3, "total")]));
}

#[test]
fn a_name_that_speaks_of_a_total_may_have_the_figures_of_one_other_row() {
    let file = File::new(
        "Day,Campaign,Clicks,Cost\n2023-08-01,A,10,1.50\n2023-08-01,Total Wireless,10,1.50\n2023-08-02,B,5,2.25\n",
    );
    assert_eq!(file.rows().len(), 3);
}

#[test]
fn a_last_line_without_day_and_campaign_is_a_row_only_if_it_has_a_figure() {
    let seen = |device: &str| {
        let row = "2023-08-01,A,10,1.50,DE,iOS";
        let file = File::new(format!("Day,Campaign,Clicks,Cost,Country,Device\n{row}\n,,,,DE,{device}\n"));
        (file.left_out(), file.seen().faults.is_empty())
    };
    assert_eq!(seen("end"), (vec![(3, "closing")], true));
    assert_eq!(seen("v2"), (vec![], false));
}

#[test]
fn a_column_names_totals_if_at_most_half_of_its_cells_do() {
    let file = |rows: &str| File::new(format!("Day,Campaign,Device,Clicks,Cost\n{rows}"));
    let half = file("2023-08-01,A,Mobile,10,1.50\n2023-08-01,A,All,10,1.50\n");
    assert_eq!(half.left_out(), [(3, "total")]);
    // The third row has the sums of its day's other two by chance.
    let most = file(
        "2023-08-01,A,Mobile,10,1.50\n2023-08-01,B,Mobile,20,2.50\n2023-08-01,C,All,30,4.00\n\
         2023-08-02,A,All,1,0.50\n2023-08-02,B,All,2,0.25\n2023-08-02,C,All,4,0.75\n",
    );
    assert_eq!(most.rows().len(), 6);
}

#[test]
fn a_problem_names_its_line_and_its_column() {
    let rows = "Day,Campaign,Clicks,Cost\n";
    for (text, code, line, column) in [
        (format!("All amounts in EUR\n{rows}2023-08-01,A,10,1.50\n"), "currency", Some(1), Column::Cost),
        (format!("{rows}soon,A,10,1.50\n"), "no_days", None, Column::Date),
        (format!("{rows}13/08/2023,A,10,1.50\n08/14/2023,A,10,1.50\n"), "dates_mixed", Some(3), Column::Date),
    ] {
        let problems = File::new(text).recognise().unwrap().problems;
        let places: Vec<_> = problems.iter().map(|told| (told.code.as_str(), told.line, told.column)).collect();
        assert_eq!(places, [(code, line, Some(column))]);
    }
}

#[test]
fn a_last_figure_with_fewer_decimals_than_a_few_others_is_complete() {
    let file = File::new("Day,Campaign,Clicks,Cost\n2023-08-01,A,10,1.5\n2023-08-02,B,20,2.5\n2023-08-03,C,30,3");
    assert_eq!(file.rows().len(), 3);
}

#[test]
fn an_open_end_is_noted_if_a_figure_may_have_lost_digits() {
    let noted = |text: &str| -> Vec<u64> {
        let seen = File::new(text).recognise().unwrap();
        assert_eq!(seen.problems, [], "{text}");
        let cut = seen.notes.iter().filter(|note| note.code.as_str() == "cut_off");
        cut.filter_map(|note| note.line).collect()
    };
    let rows = "Day,Campaign,Clicks,Cost\n2023-08-01,A,10,1.50\n2023-08-02,B,20,";
    assert_eq!(noted(&format!("{rows}2.50")), [3]);
    for closed in ["2.50\n", "\"2.50\""] {
        assert!(noted(&format!("{rows}{closed}")).is_empty(), "{closed}");
    }
    assert!(noted("Day,Clicks,Cost,Campaign\n2023-08-01,10,1.50,A\n2023-08-02,20,2.50,B").is_empty());
}

#[test]
fn a_file_of_zero_bytes_is_refused_as_that() {
    let error = File::new(vec![0; 64]).recognise().unwrap_err();
    assert!(error.starts_with("the file holds NUL bytes"), "{error}");
}

/// A workbook with these properties whose days are `day`, and whose fourth row is hidden.
fn recognise_workbook(properties: &str, day: &str) -> Recognition {
    let header = row(1, &[(0, "Day"), (0, "Campaign"), (0, "Clicks"), (0, "Cost")]);
    let rows: String = (2..5).map(|at| row(at, &[(0, day), (0, "A"), (0, "10"), (0, "1.5")])).collect();
    let rows = (header + &rows).replace("<row r=\"4\"", "<row r=\"4\" hidden=\"1\"");
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&workbook_with(properties, &[("Data", &rows)])).unwrap();
    file.rewind().unwrap();
    let spool = tempfile::tempdir().unwrap();
    let mut unpacked = unpack(file, None, spool.path()).unwrap();
    let memory = Memory::default();
    let context = Context {
        currency: None,
        last_day: super::day("2026-11-28"),
        catalogue: &EmptyCatalogue,
        headers: Headers::built_in(),
        memory: &memory,
    };
    recognise_file(&mut unpacked, &File::new("").decisions, &context).unwrap()
}

#[test]
fn hidden_rows_are_read_and_named() {
    let seen = recognise_workbook("", "2023-08-01");
    let notes: Vec<&str> = seen.notes.iter().map(|note| note.message.as_str()).collect();
    assert!(notes[0].starts_with("Rows 4 are hidden in the sheet, and are read like all others."), "{notes:?}");
    assert_eq!(seen.rows, 3);
}

#[test]
fn bare_numbers_are_no_days_in_a_workbook_that_counts_from_1904() {
    const FROM_1904: &str = "<workbookPr date1904=\"1\"/>";
    let problems = |properties, day| -> Vec<(&str, Option<Column>)> {
        recognise_workbook(properties, day).problems.iter().map(|told| (told.code.as_str(), told.column)).collect()
    };
    assert_eq!(problems(FROM_1904, "45139"), [("dates", Some(Column::Date))]);
    assert_eq!(problems("", "45139"), []);
    assert_eq!(problems(FROM_1904, "2023-08-01"), []);
}
