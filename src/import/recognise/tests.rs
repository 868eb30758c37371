//! Whole files, as exports write them: what is recognised, what is read, and what is left to a person.

use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::import::tests::{Reading, read_bytes};
use crate::import::{Encoding, Format, Separator};

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn of(bytes: &[u8]) -> Recognised {
    recognise(Cursor::new(bytes)).unwrap()
}

fn refusal(bytes: &[u8]) -> String {
    recognise(Cursor::new(bytes)).unwrap_err().to_string()
}

/// Reads the file with what was recognised and these values for what it lacks.
fn read(bytes: &[u8], fixed: &[(Column, &str)]) -> (Recognised, Reading) {
    let recognised = of(bytes);
    let fixed = fixed.iter().map(|(column, value)| (*column, (*value).to_owned())).collect();
    let reading = read_bytes(Format::Csv, bytes, &Mapping { fixed, ..recognised.mapping() });
    (recognised, reading)
}

/// Each row in short: line, day, campaign, publisher, clicks, cost, views, conversions.
fn rows(reading: &Reading) -> Vec<String> {
    assert_eq!(reading.faults, []);
    let row = |line: &crate::import::StatLine<'_>| {
        let name = |name: Option<&str>| name.unwrap_or("-").to_owned();
        format!(
            "{} {} {} @ {}: {} {} {} {}",
            line.line,
            line.day,
            name(line.campaign_name),
            name(line.partner),
            line.clicks,
            line.cost,
            line.views,
            line.conversions
        )
    };
    reading.lines.iter().map(row).collect()
}

#[test]
fn google_ads() {
    let (seen, reading) = read(&fixture("exports/google_ads.csv"), &[(Column::Partner, "Google")]);
    assert_eq!(
        rows(&reading),
        [
            "4 2023-08-29 Coin Game | UAC | US @ Google: 1204 734.44 98311 41",
            "5 2023-08-30 Coin Game | UAC | US @ Google: 1312 1287.2 101020 44",
            "6 2023-08-31 Coin Game | UAC | US @ Google: 998 618.76 88400 30",
            "7 2023-08-29 Coin Game | Brand @ Google: 12 4.8 340 0",
            "8 2023-08-30 Coin Game | Brand @ Google: 0 0 51 0",
        ]
    );
    assert_eq!(
        seen.notes,
        [
            "Lines 1 to 2 stand above the header and will be passed over: \"Campaign report\".",
            "Line 9 is a total or a closing line and will be passed over: \"Total: Campaigns\".",
            "Line 10 is a total or a closing line and will be passed over: \"Total: Account\".",
        ]
    );
    assert_eq!(reading.lines[0].currency.unwrap().to_string(), "USD");
}

#[test]
fn google_ads_for_excel() {
    let (seen, reading) = read(&fixture("exports/google_ads_excel.csv"), &[(Column::Partner, "Google")]);
    assert_eq!(
        rows(&reading),
        [
            "4 2023-08-29 Münzspiel | UAC @ Google: 1204 734.44 98311 41",
            "5 2023-08-30 Münzspiel | UAC @ Google: 1312 1287.2 101020 44",
        ]
    );
    assert_eq!((seen.layout.encoding, seen.layout.separator), (Encoding::UTF_16LE, Some(Separator::Tab)));
}

#[test]
fn meta_ads() {
    let (seen, reading) = read(&fixture("exports/meta_ads.csv"), &[(Column::Partner, "Meta")]);
    assert_eq!(
        rows(&reading),
        [
            "3 2023-08-29 Coin Game - Lookalike @ Meta: 166 103.57 13311 21",
            "4 2023-08-30 Coin Game - Lookalike @ Meta: 170 103.43 13400 22",
            "5 2023-08-31 Coin Game - Lookalike @ Meta: 166 104.07 13411 20",
            "6 2023-08-31 Coin Game - Retargeting, EU @ Meta: 0 0 0 0",
        ]
    );
    assert_eq!(
        seen.notes,
        [
            "Line 2 is a total or a closing line and will be passed over: \"2023-08-29\".",
            "\"Link clicks\" has 1 cell that is empty or a dash: counted as 0.",
            "\"Impressions\" has 1 cell that is empty or a dash: counted as 0.",
            "\"Results\" has 1 cell that is empty or a dash: counted as 0.",
        ]
    );
    assert_eq!(seen.currency.as_deref(), Some("USD"));
}

#[test]
fn apple_search_ads() {
    let (seen, reading) = read(&fixture("exports/apple_search_ads.csv"), &[(Column::Partner, "Apple")]);
    assert_eq!(
        rows(&reading),
        [
            "6 2023-08-01 CoinGame US Brand @ Apple: 201 112.4 2104 88",
            "7 2023-08-02 CoinGame US Brand @ Apple: 1854 1020.15 21911 801",
            "8 2023-08-31 CoinGame US Brand @ Apple: 196 98 2000 80",
            "9 2023-08-02 CoinGame US Discovery @ Apple: 0 0 14 0",
        ]
    );
    assert_eq!(
        seen.notes,
        [
            "Lines 1 to 3 stand above the header and will be passed over: \"Report Name\".",
            "Line 10 is a total or a closing line and will be passed over: \"Grand Totals\".",
        ]
    );
}

#[test]
fn keitaro() {
    let (seen, reading) = read(&fixture("exports/keitaro.csv"), &[]);
    assert_eq!(
        rows(&reading),
        [
            "2 2023-08-29 coin-game-push-us @ PropellerAds: 5120 25.6 0 61",
            "3 2023-08-30 coin-game-push-us @ PropellerAds: 4998 24.99 0 57",
            "4 2023-08-29 coin-game-pop-de @ Adsterra: 11800 11.799999 0 12",
        ]
    );
    assert_eq!(seen.notes, Vec::<String>::new());
}

#[test]
fn binom() {
    let (seen, reading) = read(&fixture("exports/binom.csv"), &[]);
    assert_eq!(
        rows(&reading),
        [
            "2 2023-08-29 Coin Game – Café @ Zeropark: 1204 1020.35 0 12",
            "3 2023-08-30 Coin Game – Café @ Zeropark: 998 812.4 0 9",
            "4 2023-08-31 Coin Game – Café @ Zeropark: 0 0 0 0",
        ]
    );
    assert_eq!(
        (seen.layout.encoding, seen.notes),
        (
            Encoding::WINDOWS_1252,
            vec!["Line 5 is a total or a closing line and will be passed over: \"Total\".".to_owned(),]
        )
    );
}

#[test]
fn an_export_of_ads() {
    let (seen, reading) = read(&fixture("ads_export.csv"), &[(Column::Partner, "Facebook")]);
    assert_eq!(reading.faults, []);
    assert_eq!(reading.lines.len() as u64, seen.rows);
    assert!(seen.columns.contains(&(Column::CampaignName, "xyz_campaign_id".to_owned())));
    assert!(seen.notes[0].contains("speak of campaigns; the first was taken"), "{:?}", seen.notes);
}

#[test]
fn what_the_file_leaves_open_stays_open() {
    let seen = of(b"Day,Campaign,Clicks,Cost\n01/08/2023,a,1,\"1,234\"\n02/08/2023,a,1,\"2,345\"\n");
    let dates: Vec<String> = seen.date_formats("Day").iter().map(ToString::to_string).collect();
    assert_eq!(dates, ["%d/%m/%Y", "%m/%d/%Y"]);
    assert_eq!(seen.number_formats(&["Clicks", "Cost"]), [Numbers::Point, Numbers::Comma]);
    // Another column of the same file decides both.
    let seen = of(b"Day,Until,Campaign,CTR,Cost\n01/08/2023,01/08/2023,a,\"1,5\",\"1,234\"\n01/08/2023,31/08/2023,a,2,\"2,345\"\n");
    let dates: Vec<String> = seen.date_formats("Day").iter().map(ToString::to_string).collect();
    assert_eq!(dates, ["%d/%m/%Y"]);
    assert_eq!(seen.number_formats(&["Cost"]), [Numbers::Comma]);
}

#[test]
fn a_total_in_the_middle_is_a_row_with_a_fault() {
    let (seen, reading) = read(
        b"Day,Campaign,Clicks,Cost\n2023-08-01,a,1,2\nTotal,--,1,2\n2023-08-02,a,1,2\n",
        &[(Column::Partner, "p")],
    );
    assert_eq!((seen.rows, seen.layout.totals.len(), reading.faults.len()), (3, 0, 1));
}

#[test]
fn rows_of_several_days_are_no_daily_stats() {
    let seen = of(b"Reporting starts,Reporting ends,Campaign name,Amount spent (EUR)\n2023-08-01,2023-08-31,a,1\n");
    assert!(seen.columns.iter().all(|(column, _)| *column != Column::Date));
    assert!(seen.notes[0].contains("breakdown by day"), "{:?}", seen.notes);
    assert_eq!(seen.currency.as_deref(), Some("EUR"));
}

#[test]
fn files_that_are_no_table_are_refused_in_words() {
    let wide = "column,".repeat(10_000);
    let unclosed = format!("Day,Campaign,Cost\n2023-08-01,\"a,1\n{}", "2023-08-02,a,1\n".repeat(100_000));
    for (bytes, words) in [
        (&b""[..], "the file is empty"),
        (b"\n\n \n", "the file is empty"),
        (b"Day,Campaign,Cost\n", "a header but no rows"),
        (b"Day,Campaign,Cost\nTotal,--,1\n", "a header but no rows"),
        (wide.as_bytes(), "the header has 10001 columns, expected at most 1000"),
        (unclosed.as_bytes(), "line 2"),
        (b"PK\x03\x04", "Excel workbook"),
        (&vec![b'a'; 3 << 20], "longer than 1 MiB"),
    ] {
        assert!(refusal(bytes).contains(words), "{} for {words}", refusal(bytes));
    }
}

#[test]
fn a_line_of_a_gigabyte_is_given_up_in_bounded_memory() {
    /// A file of one line that never ends.
    struct Endless(u64);
    impl Read for Endless {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let left = (1_u64 << 30) - self.0;
            let count = buffer.len().min(usize::try_from(left).unwrap());
            buffer[..count].fill(b'x');
            self.0 += count as u64;
            Ok(count)
        }
    }
    impl Seek for Endless {
        fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
            assert_eq!(to, SeekFrom::Start(0));
            self.0 = 0;
            Ok(0)
        }
    }
    assert!(recognise(Endless(0)).unwrap_err().to_string().contains("longer than 1 MiB"));
}

proptest! {
    #[test]
    fn any_bytes_are_recognised_or_refused_without_a_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        text in "(Day|Cost|Total|[,;|\t\"\n0-9./-]|\\PC){0,60}",
    ) {
        let _ = recognise(Cursor::new(&bytes));
        let _ = recognise(Cursor::new(text.as_bytes()));
    }
}
