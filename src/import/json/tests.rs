//! Which JSON is read, and which is refused.

use std::io::Read;

use super::*;
use crate::import::tests::{Reading, read_bytes, read_text};
use crate::import::{Column, Format, read};

const REST: &str = r#""campaign_name":"c","partner":"p","clicks":1,"date":"2025-05-28""#;

fn document(items: &str) -> Reading {
    read_text(Format::Json, &format!("{{\"items\":[{items}]}}"), &Mapping::default())
}

fn refusal(text: &str) -> String {
    read_text(Format::Json, text, &Mapping::default()).end.unwrap_err()
}

#[test]
fn numbers_are_read_from_their_text_and_never_as_floats() {
    for (written, cost) in [
        ("0.1", "0.1"),
        ("\"0.1\"", "0.1"),
        ("99999999999.999999", "99999999999.999999"),
        ("0.30000000000000004", "0.30000000000000004"),
        ("5e-05", "0.00005"),
        ("1.25E+1", "12.5"),
        ("1e3", "1000"),
        ("-2.5", "-2.5"),
        ("-0", "0"),
    ] {
        let reading = document(&format!("{{\"cost\":{written},{REST}}}"));
        let [line] = reading.lines.as_slice() else { panic!("{written}: {:?}", reading.faults) };
        assert_eq!(line.cost.to_string(), cost, "{written}");
    }
}

#[test]
fn null_is_nothing_and_what_is_neither_text_nor_number_is_an_error() {
    let reading = document(&format!("{{\"cost\":1,\"views\":null,\"os\":null,{REST}}}"));
    assert_eq!((reading.lines[0].os, reading.lines[0].views.get()), (None, 0));
    for (value, what) in [("true", "true"), ("false", "false"), ("[1]", "a list"), ("{\"a\":1}", "an object")] {
        for column in ["cost", "app"] {
            let cost = if column == "cost" { "" } else { "\"cost\":1," };
            let reading = document(&format!("{{{cost}\"{column}\":{value},{REST}}}"));
            let [fault] = reading.faults.as_slice() else { panic!("{:?}", reading.faults) };
            assert_eq!(fault.to_string(), format!("item 1, column {column}: got {what}, expected text or a number"));
        }
    }
}

#[test]
fn an_item_without_a_needed_key_is_an_error_of_its_own() {
    let reading = document(&format!("{{\"cost\":1,{REST}}},{{}}"));
    let faults: Vec<_> = reading.faults.iter().map(|fault| (fault.line, fault.column.as_deref().unwrap())).collect();
    let columns = ["date", "clicks", "cost", "campaign_id or campaign_name", "partner_id or partner"];
    assert_eq!(faults, columns.map(|column| (2, column)));
    assert_eq!(reading.lines.len(), 1);
}

#[test]
fn a_key_may_not_come_twice() {
    for again in ["cost", "Cost", "c\\u006fst"] {
        let reading = document(&format!("{{\"cost\":1,\"{again}\":2,{REST}}}"));
        let [fault] = reading.faults.as_slice() else { panic!("{:?}", reading.faults) };
        let error = fault.to_string();
        assert!(error.starts_with("item 1, column cost: cost is named twice, as \"cost\" and as"), "{error}");
    }
}

#[test]
fn unused_keys_are_reported_once() {
    let reading = document(&format!("{{\"cost\":1,\"x\":[],{REST}}},{{\"x\":{{}},\"cost\":1,\"y\":1,{REST}}}"));
    assert_eq!(reading.lines.len(), 2);
    assert_eq!(reading.end.unwrap().ignored, ["x", "y"]);
}

#[test]
fn a_mapping_applies_to_keys() {
    let mapping = Mapping {
        columns: vec![(Column::Cost, "Spent".to_owned())],
        fixed: vec![(Column::Partner, "Facebook".to_owned())],
        ..Mapping::default()
    };
    let text = format!("{{\"items\":[{{\"Spent\":\"2.5\",\"cost\":9,{REST}}}]}}");
    let reading = read_text(Format::Json, &text, &mapping);
    assert_eq!((reading.lines[0].partner, reading.lines[0].cost.to_string()), (Some("Facebook"), "2.5".to_owned()));
    assert_eq!(reading.end.unwrap().ignored, ["cost", "partner"]);
}

#[test]
fn documents_of_another_shape_are_refused_in_words() {
    for (text, words) in [
        ("{}", "the file has no \"items\""),
        ("{\"rows\":[]}", "the file has no \"items\""),
        ("{\"items\":[]}", "\"items\" is empty"),
        ("{\"items\":{}}", "expected {\"items\":[{…}]}"),
        ("{\"items\":\"x\"}", "expected {\"items\":[{…}]}"),
        ("{\"items\":[],\"items\":[]}", "\"items\" comes twice"),
        ("{\"items\":[{}]", "not JSON: EOF while parsing an object at line 1 column 13"),
        ("{\"items\":[{}]} x", "not JSON: trailing characters at line 1 column 16"),
        ("{\"items\":[{,}]}", "not JSON: "),
        ("{\"items\":[{\"a\":01}]}", "not JSON: "),
        ("d\0a\0t\0a\0", "NUL bytes"),
        ("", "the file is empty"),
    ] {
        let error = refusal(text);
        assert!(error.contains(words), "{text}: {error}");
    }
    let long = refusal(&format!("{{\"items\":\"{}\"}}", "x".repeat(10_000)));
    assert!(long.len() < 200, "{long}");
}

#[test]
fn keys_beside_the_items_are_ignored_and_reported() {
    let text = format!("{{\"generatedAt\":\"x\",\"items\":[{{\"cost\":1,{REST}}}],\"more\":[{{}}]}}");
    let reading = read_text(Format::Json, &text, &Mapping::default());
    assert_eq!(reading.lines.len(), 1);
    assert_eq!(reading.end.unwrap().ignored, ["generatedAt", "more"]);
}

#[test]
fn an_entry_that_is_no_object_is_an_error_of_its_own() {
    let reading = document(&format!("5,null,[],\"x\",{{\"cost\":1,{REST}}}"));
    let faults: Vec<_> = reading.faults.iter().map(ToString::to_string).collect();
    let expected = [(1, "a number"), (2, "no object"), (3, "a list"), (4, "text")];
    assert_eq!(faults, expected.map(|(item, kind)| format!("item {item}: got {kind}, expected an object {{…}}")));
    assert_eq!(reading.lines[0].line, 5);
}

#[test]
fn endless_json_is_given_up_early() {
    for (head, words) in [
        ("{\"items\":[{}, {\"a\":\"", "item 2 is longer than 1 MiB"),
        ("{\"items\":[", "item 1 is longer than 1 MiB"),
        ("{\"a\":\"", "more than 1 MiB stands outside of \"items\""),
        ("{\"items\":[{}],\"a\":\"", "more than 1 MiB stands outside of \"items\""),
    ] {
        let endless = head.as_bytes().chain(io::repeat(b' '));
        let mut limited = endless.take(2 << 20);
        let end = read(Format::Json, &mut limited, &Mapping::default(), &mut |_| ControlFlow::Continue(()));
        let error = end.unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert!(limited.limit() > (1 << 20) - (320 << 10), "only {} bytes were left", limited.limit());
    }
    let endless = io::repeat(b'x');
    let end = read(Format::NdJson, endless, &Mapping::default(), &mut |_| ControlFlow::Continue(()));
    assert!(end.unwrap_err().to_string().contains("begins on line 1 is longer than 1 MiB"));
}

#[test]
fn a_document_longer_than_one_item_may_be_is_read_to_its_end() {
    let item = format!("{{\"cost\":1,\"x\":\"{}\",{REST}}}", "x".repeat(1000));
    assert_eq!(document(&vec![item; 3000].join(",")).lines.len(), 3000);
}

#[test]
fn a_line_that_is_not_json_costs_only_itself() {
    let good = format!("{{\"cost\":1,{REST}}}");
    let text = format!("{good}\r\n\r\n{{\"cost\":}}\n{good} x\n[]\nnul\n{good}");
    let bytes = [text.as_bytes(), b"\n\xE9\n"].concat();
    let reading = read_bytes(Format::NdJson, &bytes, &Mapping::default());
    let lines: Vec<_> = reading.lines.iter().map(|line| line.line).collect();
    assert_eq!(lines, [1, 7]);
    let faults: Vec<_> = reading.faults.iter().map(ToString::to_string).collect();
    assert_eq!(faults[0], "line 3: not JSON at character 9: expected value");
    assert_eq!(faults[1], format!("line 4: not JSON at character {}: trailing characters", good.len() + 2));
    assert_eq!(faults[2], "line 5: got a list, expected an object {…}");
    assert!(faults[3].starts_with("line 6: not JSON"), "{}", faults[3]);
    assert_eq!(faults[4], "line 8: got bytes that are not UTF-8, expected UTF-8 text");
}

#[test]
fn half_a_surrogate_pair_is_an_error_of_its_cell() {
    let reading =
        document(&format!("{{\"cost\":1,\"app\":\"\\ud800\",{REST}}},{{\"cost\":1,\"app\":\"\\u00e9\",{REST}}}"));
    let error = reading.faults[0].to_string();
    assert!(error.starts_with("item 1, column app: got text with a \\u that names no character"), "{error}");
    assert_eq!(reading.lines[0].app, Some("é"));
}

#[test]
fn nesting_however_deep_does_not_exhaust_the_stack() {
    let deep = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
    let reading = document(&format!("{{\"cost\":{deep},\"x\":1,{REST}}},{deep},{{\"cost\":1,\"x\":1,{REST}}}"));
    let faults: Vec<_> = reading.faults.iter().map(ToString::to_string).collect();
    let expected =
        ["item 1, column cost: got a list, expected text or a number", "item 2: got a list, expected an object {…}"];
    assert_eq!(faults, expected);
    assert_eq!(reading.lines[0].line, 3);
}

#[test]
fn an_item_may_have_as_many_keys_as_a_table_has_columns() {
    let with = |extra: usize| {
        let keys: Vec<String> = (0..extra).map(|at| format!(",\"k{at}\":1")).collect();
        document(&format!("{{\"cost\":1,{REST}{}}}", keys.concat()))
    };
    let full = with(MAX_HEADERS - 5);
    assert_eq!((full.lines.len(), full.end.unwrap().headers.len()), (1, MAX_HEADERS));
    let faults = with(MAX_HEADERS - 4).faults;
    assert_eq!(faults[0].to_string(), "item 1: got 1001 keys, expected at most 1000");
}
