//! What is the same for every format, and how the tests of this module read a text.

use std::ops::ControlFlow;

use proptest::prelude::*;

use super::{Format, LineError, Mapping, StatLine, read};
use crate::domain::{Count, Day, Figures, Micros};

/// The result of reading a file.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) lines: Vec<StatLine<'static>>,
    pub(super) faults: Vec<LineError>,
    pub(super) end: Result<super::Summary, String>,
}

pub(super) fn read_text(format: Format, text: &str, mapping: &Mapping) -> Reading {
    read_bytes(format, text.as_bytes(), mapping)
}

pub(super) fn read_bytes(format: Format, bytes: &[u8], mapping: &Mapping) -> Reading {
    let (mut lines, mut faults) = (Vec::new(), Vec::new());
    let end = read(format, bytes, mapping, &mut |row| {
        match row {
            Ok(line) => lines.push(kept(&line)),
            Err(fault) => faults.push(fault),
        }
        ControlFlow::Continue(())
    });
    Reading { lines, faults, end: end.map_err(|error| error.to_string()) }
}

/// A copy of the row with leaked texts, which is fine in a test.
fn kept(line: &StatLine<'_>) -> StatLine<'static> {
    let keep = |text: Option<&str>| text.map(|text| &*String::leak(text.to_owned()));
    StatLine {
        campaign_name: keep(line.campaign_name),
        partner: keep(line.partner),
        network_campaign_id: keep(line.network_campaign_id),
        advertiser: keep(line.advertiser),
        offer_name: keep(line.offer_name),
        app: keep(line.app),
        store_id: keep(line.store_id),
        os: keep(line.os),
        ..*line
    }
}

const FORMATS: [Format; 3] = [Format::Csv, Format::Json, Format::NdJson];
const HEADER: [&str; 8] = ["date", "campaign_name", "partner", "clicks", "cost", "views", "conversions", "app"];

/// The cells of a row, and the expected result.
#[derive(Debug, Clone)]
struct Row {
    day: Day,
    figures: Figures,
    texts: [String; 3],
}

impl Row {
    fn cells(&self) -> [String; 8] {
        let Figures { clicks, cost, views, conversions } = self.figures;
        let [campaign, partner, app] = self.texts.clone();
        let day = self.day.to_string();
        [day, campaign, partner, clicks.to_string(), cost.to_string(), views.to_string(), conversions.to_string(), app]
    }

    /// A run of blanks, line breaks and control characters counts as one blank.
    fn folded(text: &str) -> &'static str {
        let words: Vec<&str> = text.split_whitespace().collect();
        String::leak(words.join(" "))
    }

    fn line(&self, line: u64) -> StatLine<'_> {
        StatLine {
            line,
            day: self.day,
            clicks: self.figures.clicks,
            cost: self.figures.cost.into(),
            views: self.figures.views,
            conversions: self.figures.conversions,
            campaign_id: None,
            campaign_name: Some(Self::folded(&self.texts[0])),
            network_campaign_id: None,
            partner_id: None,
            partner: Some(Self::folded(&self.texts[1])),
            currency: None,
            advertiser: None,
            offer_name: None,
            app: Some(Self::folded(&self.texts[2])).filter(|text| !text.is_empty()),
            store_id: None,
            os: None,
        }
    }
}

prop_compose! {
    fn row()(
        day in 10_957_i64..84_005,
        counts in prop::array::uniform3(0..=Count::MAX.get()),
        cost in 0..=Micros::MAX.get(),
        campaign in "[ -~é]{0,10}[!-~]", partner in "[\"',;\ta-c]{0,5}[a-z]", app in "[ \"a-z\r\n]{0,6}",
    ) -> Row {
        let [clicks, views, conversions] = counts.map(|count| Count::new("count", count).unwrap());
        let cost = Micros::new(cost).unwrap();
        Row {
            day: Day::from_stored(day).unwrap(),
            figures: Figures { clicks, cost, views, conversions },
            texts: [campaign, partner, app],
        }
    }
}

fn as_csv(rows: &[Row], separator: u8, terminator: csv::Terminator) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().delimiter(separator).terminator(terminator).from_writer(Vec::new());
    writer.write_record(HEADER).unwrap();
    for row in rows {
        writer.write_record(row.cells()).unwrap();
    }
    writer.into_inner().unwrap()
}

/// One object per row; figures as JSON numbers.
fn as_objects(rows: &[Row]) -> Vec<String> {
    let object = |row: &Row| {
        let cells = HEADER.iter().zip(row.cells()).map(|(key, cell)| match *key {
            "clicks" | "cost" | "views" | "conversions" => format!("\"{key}\":{cell}"),
            _ => format!("\"{key}\":{}", serde_json::to_string(&cell).unwrap()),
        });
        format!("{{{}}}", cells.collect::<Vec<_>>().join(","))
    };
    rows.iter().map(object).collect()
}

/// Without line numbers, which differ from format to format.
fn unnumbered(lines: Vec<StatLine<'_>>) -> Vec<StatLine<'_>> {
    lines.into_iter().map(|line| StatLine { line: 0, ..line }).collect()
}

#[test]
fn a_sink_that_breaks_is_not_called_again() {
    let item = r#"{"date":"2025-05-28","campaign_name":"c","partner":"p","clicks":1,"cost":2}"#;
    for (format, text) in [
        (Format::Csv, "date,campaign_name,partner,clicks,cost\nx,,p,x,2\n2025-05-28,c,p,1,2\n".to_owned()),
        (Format::Json, format!("{{\"items\":[{{}},{item}]}} and what follows is not read")),
        (Format::NdJson, format!("{{}}\n{item}\n")),
    ] {
        let mut calls = 0;
        let end = read(format, text.as_bytes(), &Mapping::default(), &mut |_| {
            calls += 1;
            ControlFlow::Break(())
        });
        assert_eq!((calls, end.is_ok()), (1, true), "{format:?}");
    }
}

#[test]
fn a_contradictory_mapping_is_refused_before_anything_is_read() {
    let pair = vec![Mapping::parse_set("cost=1").unwrap()];
    let mapping = Mapping { columns: pair.clone(), fixed: pair, ..Mapping::default() };
    for format in FORMATS {
        let end = read_text(format, "", &mapping).end;
        assert_eq!(end.unwrap_err(), "cost is both mapped and set, expected one source for each column");
    }
}

#[test]
fn a_byte_order_mark_is_passed_over_in_every_format() {
    let item = r#"{"date":"2025-05-28","campaign_name":"c","partner":"p","clicks":1,"cost":2}"#;
    for (format, text) in [
        (Format::Csv, "date,campaign_name,partner,clicks,cost\n2025-05-28,c,p,1,2\n".to_owned()),
        (Format::Json, format!("{{\"items\":[{item}]}}")),
        (Format::NdJson, item.to_owned()),
    ] {
        let reading = read_text(format, &format!("\u{feff}{text}"), &Mapping::default());
        assert_eq!((reading.lines.len(), reading.faults, reading.end.is_ok()), (1, vec![], true), "{format:?}");
    }
}

fn mapping() -> Mapping {
    Mapping {
        columns: vec![Mapping::parse_map("cost=a").unwrap(), Mapping::parse_map("app=a").unwrap()],
        fixed: ["date=1/2/2025", "partner=p", "campaign_name=c", "clicks=1"]
            .map(|pair| Mapping::parse_set(pair).unwrap())
            .into(),
        date_format: Some("%d/%m/%Y".parse().unwrap()),
    }
}

proptest! {
    #[test]
    fn csv_is_read_as_it_was_written(
        rows in prop::collection::vec(row(), 1..8),
        separator in prop::sample::select(vec![b',', b';', b'\t']),
        crlf: bool,
    ) {
        let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let reading = read_bytes(Format::Csv, &as_csv(&rows, separator, terminator), &Mapping::default());
        prop_assert_eq!(reading.faults, []);
        let mut line = 2;
        for (row, read) in rows.iter().zip(&reading.lines) {
            prop_assert_eq!(&row.line(line), read);
            line += 1 + row.texts[2].matches('\n').count() as u64;
        }
        prop_assert_eq!(reading.lines.len(), rows.len());
    }

    #[test]
    fn the_same_rows_mean_the_same_in_every_format(rows in prop::collection::vec(row(), 1..8)) {
        let expected = unnumbered(rows.iter().map(|row| row.line(0)).collect());
        let objects = as_objects(&rows);
        for (format, bytes) in [
            (Format::Csv, as_csv(&rows, b',', csv::Terminator::CRLF)),
            (Format::Json, format!("{{\"items\": [{}]}}\n", objects.join(",\n")).into_bytes()),
            (Format::NdJson, objects.join("\n").into_bytes()),
        ] {
            let reading = read_bytes(format, &bytes, &Mapping::default());
            prop_assert_eq!(&unnumbered(reading.lines), &expected);
            prop_assert_eq!(reading.faults, []);
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        for format in FORMATS {
            read_bytes(format, &bytes, &Mapping::default());
            let after = [b"a,b\n1,".as_slice(), &bytes].concat();
            read_bytes(format, &after, &mapping());
        }
    }

    #[test]
    fn near_csv_and_near_json_are_read_or_refused_without_a_panic(
        csv in "(a|b|,|\"|\n|\r\n|;|1|2\\.5|é| ){0,80}",
        json in "(\\{|\\}|\\[|\\]|\"a\":|\"items\":|\"x\"|1e5|,|null|\n|\"\\\\u|true){0,40}",
    ) {
        read_text(Format::Csv, &format!("a,b\n{csv}"), &mapping());
        for format in [Format::Json, Format::NdJson] {
            read_text(format, &json, &mapping());
            read_text(format, &format!("{{\"items\":[{{\"a\":1}},{json}"), &mapping());
        }
    }
}
