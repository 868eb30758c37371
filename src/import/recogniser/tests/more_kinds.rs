//! Kinds of files that were invented to break recognition: each is read right, or asked about.

use super::*;

fn rows_of(header: &str, cost: &str) -> File {
    File::new(format!("Day;Campaign;Clicks;{header}\n2023-08-01;A;10;{cost}\n2023-08-31;A;20;{cost}\n"))
}

#[test]
fn a_header_says_hundredths_and_millionths_in_other_languages() {
    for (header, currency) in [
        ("Coût (centimes)", "EUR"),
        ("Custo (centavos)", "BRL"),
        ("Koszt (grosze)", "PLN"),
        ("Расход (коп.)", "RUB"),
        ("Maliyet (kuruş)", "TRY"),
    ] {
        let file = File { currency, ..rows_of(header, "150") };
        assert_eq!(file.rows(), ["2 2023-08-01 A 10 1.5", "3 2023-08-31 A 20 1.5"], "{header}");
    }
    assert_eq!(rows_of("費用（マイクロ）", "150").rows()[0], "2 2023-08-01 A 10 0.00015");
}

#[test]
fn amounts_in_thousands_are_asked_about() {
    for header in ["Cost (k)", "Spend (thousands)", "Spend ($000)", "Cost (USD thousands)", "Cost (mln)"] {
        assert_eq!(rows_of(header, "1.5").open(), ["money_unit"], "{header}");
        let in_full = rows_of(header, "1.5").decide(|decisions| decisions.money_unit = Some(MoneyUnit::Units));
        assert_eq!(in_full.rows().len(), 2, "{header}");
    }
}

#[test]
fn a_header_names_its_currency_in_words() {
    for header in ["Spend (British Pound)", "Cost in pounds", "Cost (yen)", "Расход, рублей"] {
        assert_eq!(rows_of(header, "1.5").open(), ["currency"], "{header}");
    }
}

#[test]
fn two_currencies_of_one_row_and_costs_with_and_without_tax_are_asked_about() {
    let file = |own: &str| {
        File::new(format!("Day,Campaign,Clicks,Cost,Currency,Account currency\n2023-08-01,A,10,1.5,{own},USD\n"))
    };
    assert_eq!((file("EUR").open(), file("USD").rows().len()), (vec!["column"], 1));
    let tax = "Дата;Кампания;Клики;Расход с НДС, руб.;Расход без НДС, руб.\n13.08.2023;A;10;120,00;100,00\n";
    assert_eq!(File { currency: "RUB", ..File::new(tax) }.open(), ["column"]);
}

#[test]
fn ids_that_a_spreadsheet_cut_find_no_campaign() {
    for (one, other) in [("1.2E+17", "1.2E+17"), ("120210000000000000", "120210000000000000")] {
        let text = format!(
            "Day,Campaign ID,Campaign name,Clicks,Cost\n2023-08-01,{one},A,10,1.5\n2023-08-01,{other},B,10,1.5\n"
        );
        let Seen { recognition, rows, .. } = File::new(text).seen();
        assert_eq!(rows.len(), 2);
        assert!(recognition.plan.place(Column::NetworkCampaignId).is_none(), "{one}");
        assert!(recognition.notes.iter().any(|note| note.message.contains("rounded the ids")), "{one}");
    }
    for whole in ["120210000000000123", "120210000000000", "12e5"] {
        let text = format!("Day,Campaign ID,Campaign name,Clicks,Cost\n2023-08-01,{whole},A,10,1.5\n");
        assert!(File::new(text).seen().recognition.plan.place(Column::NetworkCampaignId).is_some(), "{whole}");
    }
}

#[test]
fn a_row_without_campaign_is_no_total_of_one_row_of_another_day() {
    let outline = File::new("Campaign,Day,Clicks,Cost\nA,2023-08-01,10,1.00\n,2023-08-02,10,1.00\n");
    assert_eq!(outline.left_out(), []);
    assert_eq!(outline.seen().faults.len(), 1);
    let total = File::new("Campaign,Day,Clicks,Cost\nA,2023-08-01,10,1.00\n,2023-08-01,10,1.00\n");
    assert_eq!(total.left_out(), [(3, "total")]);
}

#[test]
fn a_total_of_weeks_within_the_table_is_no_campaign() {
    let weeks = |name: &str| {
        let mut text = "Day,Campaign,Clicks,Cost\n".to_owned();
        for (week, cost) in [(7, "1.00"), (14, "1.50")] {
            for day in week..week + 7 {
                writeln!(text, "2023-08-{day:02},A,2,{cost}").unwrap();
            }
            let sum = if week == 7 { "7.00" } else { "10.50" };
            writeln!(text, "2023-08-{:02},{name},14,{sum}", week + 6).unwrap();
        }
        File::new(text)
    };
    for name in ["Weekly total", "Wochensumme", "Total week 32", "週計"] {
        assert_eq!(
            (weeks(name).rows().len(), weeks(name).recognise().unwrap().sums.cost.as_str()),
            (14, "17.5"),
            "{name}"
        );
    }
    // A name that only begins like a total is asked about where its figures are sums.
    assert_eq!(weeks("Total Acme").open(), ["total", "total"]);
}

#[test]
fn a_total_shows_the_decimal_sign_if_it_is_the_sum() {
    let file = |total: &str| {
        File::new(format!(
            "Day,Campaign,Clicks,Cost\n2023-08-01,A,10,1.500\n2023-08-02,B,20,2.750\nTotal,,30,\"{total}\"\n"
        ))
    };
    assert_eq!(file("4.25").rows(), ["2 2023-08-01 A 10 1.5", "3 2023-08-02 B 20 2.75"]);
    assert!(
        file("4.25")
            .recognise()
            .unwrap()
            .notes
            .iter()
            .any(|note| note.message.contains("Line 4, a total, has \"4.25\""))
    );
    assert_eq!(file("4.250,00").rows(), ["2 2023-08-01 A 10 1500", "3 2023-08-02 B 20 2750"]);
    for total in ["4.250", "9.25", "4,250.00"] {
        assert_eq!(file(total).open(), ["numbers"], "{total}");
    }
    let rounded = "Day,Campaign,Clicks,Cost\n2023-08-01,A,10,1.333\n2023-08-01,B,20,2.333\n2023-08-01,Total,30,3.67\n";
    assert_eq!(File::new(rounded).left_out(), [(4, "total")]);
}

#[test]
fn a_line_that_counts_the_rows_is_none() {
    for line in [";2 rows;30;4.00", "2 Zeilen;;30;4.00", "Строк: 2;;;", "2 件;;30;4.00"] {
        let file = File::new(format!("Day;Campaign;Clicks;Cost\n2023-08-01;A;10;1.50\n2023-08-02;B;20;2.50\n{line}\n"));
        assert_eq!((file.rows().len(), file.left_out().len()), (2, 1), "{line}");
    }
}

#[test]
fn a_total_or_a_line_of_units_in_another_currency_refuses_the_file() {
    for (line, rows) in [("Total,,30,€4.00", true), (",,count,EUR", false), (",,#,€", false), ("Total,,30,$4.00", true)]
    {
        let table = "2023-08-01,A,10,1.50\n2023-08-02,B,20,2.50\n";
        let below = if rows { format!("{table}{line}\n") } else { format!("{line}\n{table}") };
        let file = File::new(format!("Day,Campaign,Clicks,Cost\n{below}"));
        let open = if line.contains('$') { Vec::new() } else { vec!["currency"] };
        assert_eq!(file.open(), open, "{line}");
    }
    for title in ["Kontowährung: EUR", "Account currency,EUR", "通貨: JPY", "All amounts in GBP"] {
        let file = File::new(format!("{title}\nDay,Campaign,Clicks,Cost\n2023-08-01,A,10,1.50\n"));
        assert_eq!(file.open(), ["currency"], "{title}");
    }
    for header in ["costEur", "Cost (USDT)", "spend_usdc", "cost.eur"] {
        assert_eq!(rows_of(header, "1.5").map(&[(Column::Cost, header)]).open(), ["currency"], "{header}");
    }
}

#[test]
fn rare_characters_of_another_encoding_are_no_doubt() {
    let bytes =
        encoding_rs::WINDOWS_1252.encode("Tag;Kampagne;Klicks;Kosten\n01.08.2023;Münzspiel 1;10;1,50\n").0.into_owned();
    assert_eq!(File::new(bytes).rows(), ["2 2023-08-01 Münzspiel 1 10 1.5"]);
}

#[test]
fn exports_in_further_languages_are_known() {
    for header in [
        "날짜,캠페인,클릭수,비용",
        "Dag,Campagne,Klikken,Kosten",
        "Dag,Kampanj,Klick,Kostnad",
        "Den,Kampaň,Kliknutí,Náklady",
        "Nap,Kampány,Kattintások,Költség",
        "День,Кампанія,Кліки,Витрати",
        "Tanggal,Kampanye,Klik,Biaya",
        "Ngày,Chiến dịch,Lượt nhấp,Chi phí",
    ] {
        assert_eq!(
            File::new(format!("{header}\n2023-08-01,A,10,1.50\n")).rows(),
            ["2 2023-08-01 A 10 1.5"],
            "{header}"
        );
    }
}

#[test]
fn only_what_a_file_showed_is_remembered() {
    let memory = |rows: &str| {
        let file = File::new(format!("Day;Campaign;Clicks;Cost\n{rows}"));
        let memory = file.recognise().unwrap().memory;
        (memory.dates, memory.numbers)
    };
    let day_first = Some(crate::import::DayOrder::DayFirst);
    assert_eq!(memory("01/01/2023;A;10;12\n02/02/2023;A;10;15\n"), (None, None));
    assert_eq!(memory("2023-01-01;A;10;12.5\n"), (None, Some(DecimalSign::Point)));
    assert_eq!(memory("1 Aug 2023;A;10;12\n"), (None, None));
    assert_eq!(memory("31/01/2023;A;10;12,5\n"), (day_first, Some(DecimalSign::Comma)));
    // What was remembered before stays.
    let before = Memory { dates: day_first, numbers: Some(DecimalSign::Comma), ..Memory::default() };
    let file = File { memory: before.clone(), ..File::new("Day;Campaign;Clicks;Cost\n2023-01-01;A;10;12\n") };
    let memory = file.recognise().unwrap().memory;
    assert_eq!((memory.dates, memory.numbers), (before.dates, before.numbers));
}

#[test]
fn lines_that_are_not_there_are_told() {
    let table = "Day,Campaign,Clicks,Cost\n2023-08-01,A,10,1.50\n2023-08-02,B,20,2.50\n";
    let out = File::new(table).decide(|decisions| decisions.leave_out = "3,8-9".parse().unwrap()).recognise().unwrap();
    let told: Vec<&str> = out.notes.iter().map(|note| note.message.as_str()).collect();
    assert_eq!(out.rows, 1);
    assert!(told.contains(&"Of the lines to leave out, these hold no row: 8-9."), "{told:?}");
    let error = File::new(table).decide(|decisions| decisions.header_line = Some(99)).recognise().unwrap_err();
    assert!(error.contains("no line 99"), "{error}");
}

#[test]
fn further_headers_are_known_beside_the_built_in_ones() {
    let headers = Headers::with("# ours\ncolumn,rank,header\ncost,1,Outlay\ntotal,1,Endstand\n").unwrap();
    assert!(headers.knows("Outlay") && headers.knows("Clicks") && headers.is_bare_total("endstand"));
    let error = Headers::with("cost,1,Outlay\nprice,1,Preis\n").unwrap_err();
    assert!(error.starts_with("line 2: got \"price,1,Preis\", expected a column"), "{error}");
}
