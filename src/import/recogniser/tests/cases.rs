//! Kinds of files that were once read wrong: each is read right, or asked about.

use super::*;

#[test]
fn millionths_are_asked_for_and_never_divided_on_suspicion() {
    let file = File::case("03_micros_in_spend");
    assert_eq!(file.open(), ["money_unit"]);
    let file = file.decide(|decisions| decisions.money_unit = Some(MoneyUnit::Millionths));
    assert_eq!(file.rows(), ["2 2022-10-09 1510 108 158.865149", "3 2022-10-31 1510 98 120.4"]);
    let file = file.decide(|decisions| decisions.money_unit = Some(MoneyUnit::Units));
    assert_eq!(file.recognise().unwrap().sums.cost, "279265149");
}

#[test]
fn millionths_are_known_by_the_headers_name() {
    assert_eq!(File::case("04_micros_by_name").rows(), ["2 2023-08-01 Brand 10 36.15", "3 2023-08-31 Brand 20 24.57"]);
    for (header, cost) in [
        ("spend_in_micro_dollar", "1.5"),
        ("billed_charge_local_micro", "1.5"),
        ("Spend (cents)", "15000"),
        ("my_micros", "1.5"),
    ] {
        let file = File::new(format!("date,campaign_name,clicks,{header}\n2023-08-01,A,1,1500000\n"))
            .map(&[(Column::Cost, header)]);
        assert_eq!(file.rows(), [format!("2 2023-08-01 A 1 {cost}")], "{header}");
    }
}

#[test]
fn another_currency_is_refused_whichever_way_its_column_was_chosen() {
    assert_eq!(File::case("05_currency_hand_chosen").open(), ["currency"]);
    let by_hand = [
        (Column::Date, "Día"),
        (Column::CampaignName, "Campaña"),
        (Column::Clicks, "Clics"),
        (Column::Cost, "Importe gastado"),
    ];
    assert_eq!(File::case("05_currency_hand_chosen").map(&by_hand).open(), ["currency"]);
    for header in ["Cost (€)", "Cost EUR", "spend_eur", "Amount spent (EUR)", "Cost, €"] {
        let file = File::new(format!("Day,Campaign,Clicks,\"{header}\"\n2023-08-01,A,1,1.50\n"))
            .map(&[(Column::Cost, header)]);
        assert_eq!(file.open(), ["currency"], "{header}");
    }
    let eur = File { currency: "EUR", ..File::case("05_currency_hand_chosen") };
    assert_eq!(eur.rows(), ["2 2023-08-01 A 10 12.5", "3 2023-08-31 B 20 7.5"]);
}

#[test]
fn every_sign_of_another_currency_is_refused_with_its_line() {
    let file = File::case("06_currency_signs");
    let told = file.told();
    assert!(told.contains("several currencies: CAD (line 2), BRL (line 3), EUR (line 4)"), "{told}");
    for mark in ["CA$", "A$", "R$", "zł", "₩", "kr", "円", "￥", "руб.", "Rp", "Rs.", "eur", "£"] {
        for amount in [format!("{mark}12"), format!("12 {mark}")] {
            let file = File::new(format!("Day,Campaign,Clicks,Cost\n2023-08-01,A,1,1\n2023-08-02,A,1,{amount}\n"));
            assert_eq!(file.open(), ["currency"], "{amount}");
            assert_eq!(file.recognise().unwrap().problems[0].line, Some(3), "{amount}");
        }
    }
    let dollars = File { currency: "CAD", ..File::new("Day,Campaign,Clicks,Cost\n2023-08-01,A,1,$12\n") };
    assert_eq!(dollars.rows(), ["2 2023-08-01 A 1 12"]);
    let dollars = File { currency: "SEK", ..File::new("Day,Campaign,Clicks,Cost\n2023-08-01,A,1,$12\n") };
    assert_eq!(dollars.open(), ["currency"]);
    let column = File::new(
        "Day,Campaign,Clicks,Cost,Currency\n2023-08-01,A,1,12,USD\n2023-08-02,A,1,12,CAD\n2023-08-03,A,0,0,--\n",
    );
    assert_eq!((column.open(), column.recognise().unwrap().problems[0].line), (vec!["currency"], Some(3)));
}

#[test]
fn a_period_is_refused_until_somebody_decides_how_to_book_it() {
    let by_hand = [(Column::Date, "Start Date (in UTC)"), (Column::Cost, "Total Spent")];
    for file in [File::case("07_period_as_day"), File::case("07_period_as_day").map(&by_hand)] {
        assert_eq!(file.open(), ["period"]);
        let file = file.decide(|decisions| decisions.period = Some(Period::FirstDay));
        assert_eq!(file.rows(), ["5 2026-09-01 Leads 100 1500"]);
        let rows = file.decide(|decisions| decisions.period = Some(Period::Spread)).rows();
        assert_eq!(
            (rows.len(), rows[0].as_str(), rows[29].as_str()),
            (30, "5 2026-09-01 Leads 4 50", "5 2026-09-30 Leads 3 50")
        );
    }
    for (first, last, cost) in [
        ("Berichtsstart", "Berichtsende", "Ausgegebener Betrag (USD)"),
        ("レポート開始日", "レポート終了日", "消化金額 (USD)"),
        ("Von", "Bis", "Kosten"),
        ("x", "y", "Cost"),
    ] {
        let text = format!("{first},{last},Campaign name,{cost},Link clicks\n2023-09-01,2023-09-30,A,100.5,3\n");
        assert_eq!(File::new(text).map(&[(Column::Date, first)]).open(), ["period"], "{first}");
    }
    let stamped = "date,campaign_name,clicks,spend,_synced\n2023-09-01,A,3,100.5,2023-09-04 10:00:00\n2023-09-02,A,3,100.5,2023-09-05 10:00:00\n";
    assert_eq!(File::new(stamped).rows().len(), 2);
    for header in ["Week", "Monat", "Semaine", "月"] {
        let text = format!("{header},Campaign,Clicks,Cost\n2023-09-04,A,3,100.5\n");
        assert_eq!(File::new(text).map(&[(Column::Date, header)]).open(), ["period"], "{header}");
    }
}

#[test]
fn the_start_of_a_campaign_is_not_the_day() {
    assert_eq!(File::case("08_start_date_is_no_day").open(), ["no_days"]);
    let told = File::case("08_start_date_is_no_day").told();
    assert!(told.contains("export it with a Day column"), "{told}");
    let told = File::case("08_start_date_is_no_day").map(&[(Column::Date, "Start date")]).told();
    assert!(told.starts_with("no_days: ") && told.contains("export it with a Day column"), "{told}");
}

#[test]
fn a_saved_mapping_checks_what_recognition_checks() {
    let saved = [
        (Column::Date, "Reporting starts"),
        (Column::CampaignName, "Campaign name"),
        (Column::Clicks, "Link clicks"),
        (Column::Cost, "Amount spent (EUR)"),
    ];
    let file =
        File::case("09_saved_mapping_checks_nothing").map(&saved).decide(|decisions| decisions.only_given = true);
    assert_eq!(file.open(), ["period", "currency"]);
}

#[test]
fn numbers_are_found_anew_in_each_file() {
    let file = File::case("10_saved_mapping_numbers").map(&[(Column::Date, "Day"), (Column::Cost, "Cost")]);
    assert_eq!(file.rows(), ["2 2023-08-08 A 12 1234.56", "3 2023-08-09 B 0 0"]);
    let comma = File::new("Titel\n\nTag;Kampagne;Klicks;Kosten\n01.08.2023;A;12;1.234,56\n");
    assert_eq!(comma.rows(), ["4 2023-08-01 A 12 1234.56"]);
}

#[test]
fn only_columns_of_figures_decide_the_decimal_sign() {
    let file = File::case("11_number_form_from_stranger");
    assert_eq!(file.open(), ["numbers"]);
    let comma = file.decide(|decisions| decisions.numbers = Some(DecimalSign::Comma));
    assert_eq!(comma.recognise().unwrap().sums.cost, "4250");
}

#[test]
fn days_are_put_together_from_parts() {
    assert_eq!(File::case("12_dates_uk_google").rows(), ["2 2026-02-06 Brand 26 50", "3 2026-02-28 Brand 26 27.35"]);
    assert_eq!(File::case("13_dates_excel").rows(), ["2 2023-08-01 A 10 1.5", "3 2023-08-31 B 10 1.5"]);
}

#[test]
fn an_encoding_that_the_bytes_leave_open_is_asked_for_with_samples() {
    let file = File::case("20_windows_1251");
    let problems = file.recognise().unwrap().problems;
    let read: Vec<String> = match problems.as_slice() {
        [] => file.rows(),
        [problem] => {
            assert_eq!(
                (problem.code, problem.flag.as_deref()),
                (crate::import::ProblemCode::Encoding, Some("--encoding"))
            );
            assert!(problem.choices.iter().any(|choice| choice.value == "windows-1251"));
            file.decide(|decisions| decisions.encoding = Some("cp1251".parse().unwrap())).rows()
        }
        several => panic!("{several:?}"),
    };
    assert_eq!(read, ["2 2023-08-01 Бренд 10 1500.5", "3 2023-08-31 Медиа 20 2.5"]);
}

#[test]
fn names_are_folded_to_one_line() {
    let rows = File::case("22_names").rows();
    assert!(rows[0].starts_with("2 2023-08-01 Brand Spring 10"), "{rows:?}");
    assert!(rows[1].chars().count() > 400, "{rows:?}");
}

#[test]
fn words_for_no_value_are_no_value() {
    assert_eq!(File::case("23_missing_words").rows(), ["2 2023-08-01 A 10 12.3", "3 2023-08-31 B 0 0"]);
    for word in ["nan", "NULL", "None", "NA", "#N/A", "(not set)", "--", "—", "n/a"] {
        let file = File::new(format!(
            "Day,Campaign,Clicks,Cost,Currency code\n2023-08-01,A,10,12.30,USD\n2023-08-31,B,{word},{word},--\n"
        ));
        assert_eq!(file.rows().last().unwrap(), "3 2023-08-31 B 0 0", "{word}");
    }
}

#[test]
fn an_id_that_the_catalogue_does_not_have_is_a_name() {
    struct HasAll;
    impl Catalogue for HasAll {
        fn has_campaign(&self, _: CampaignId) -> bool {
            true
        }
        fn has_publisher(&self, _: PublisherId) -> bool {
            true
        }
    }
    let id = "f276341a-07d9-42ce-8edb-bd00f0fb8b46";
    let recognition = File::case("24_foreign_uuid").recognise().unwrap();
    assert_eq!(recognition.plan.place(Column::CampaignName), Some(0));
    assert_eq!(recognition.plan.place(Column::CampaignId), None);
    assert_eq!(File::case("24_foreign_uuid").rows(), [format!("2 2021-03-01 {id} 300 2.5")]);
    let known = File { catalogue: &HasAll, ..File::case("24_foreign_uuid") }.recognise().unwrap();
    assert_eq!((known.plan.place(Column::CampaignId), known.plan.place(Column::CampaignName)), (Some(0), None));
}

#[test]
fn a_renamed_campaign_is_read_as_it_is_called() {
    assert_eq!(File::case("25_renamed_campaign").rows().len(), 3);
}

#[test]
fn a_year_of_two_digits_stands_first_only_where_nothing_else_makes_sense() {
    let rows = File::case("26_year_or_day_first").rows();
    assert_eq!(rows, ["2 2024-01-01 A 1 1", "3 2024-01-19 A 1 1", "4 2024-02-01 A 1 1"]);
}

#[test]
fn a_day_later_than_tomorrow_is_refused_and_decides_the_order() {
    let file = File::case("27_future_day");
    assert_eq!((file.open(), file.recognise().unwrap().problems[0].line), (vec!["future_day"], Some(3)));
    let file = File::new("Day,Campaign,Clicks,Cost\n05/10/2026,A,1,2\n05/11/2026,A,1,2\n");
    assert_eq!(file.open(), ["dates"]);
    let file = File::new("Day,Campaign,Clicks,Cost\n05/12/2026,A,1,2\n05/11/2026,A,1,2\n");
    assert_eq!(file.rows()[0], "2 2026-05-12 A 1 2");
}

#[test]
fn a_second_column_that_reads_the_same_either_way_decides_nothing() {
    let file = File::case("28_equal_second_date");
    assert_eq!(file.open(), ["dates"]);
    let told = file.told();
    assert!(told.contains("[\"day-first\", \"month-first\"]"), "{told}");
    let file = file.decide(|decisions| decisions.dates = Some(super::super::super::DayOrder::MonthFirst));
    assert_eq!(file.rows()[2], "4 2024-02-03 A 1 10");
}

#[test]
fn a_column_that_mixes_two_forms_is_named_as_such() {
    for days in [
        ["13/08/2023", "08/14/2023"],
        ["2023-08-01", "01/08/2023"],
        ["13/08/2023", "1/8/2023"],
        ["01/08/2023", "02-08-2023"],
    ] {
        let [one, other] = days;
        let file = File::new(format!("Day,Campaign,Clicks,Cost\n{one},A,1,1\n{other},A,1,1\n"));
        assert_eq!(file.open(), ["dates_mixed"], "{days:?}");
        assert!(file.told().contains(&format!("line 2 has \"{one}\", line 3 has \"{other}\"")), "{}", file.told());
    }
}

#[test]
fn credits_are_read_in_every_spelling() {
    let rows =
        File::new("Day,Campaign,Clicks,Cost\n2023-08-01,A,1,(1.50)\n2023-08-02,A,1,-$2.50\n2023-08-03,A,1,2.5-\n")
            .rows();
    assert_eq!(rows, ["2 2023-08-01 A 1 -1.5", "3 2023-08-02 A 1 -2.5", "4 2023-08-03 A 1 -2.5"]);
}

#[test]
fn memory_only_answers_open_questions() {
    let memory = Memory {
        dates: Some(crate::import::DayOrder::MonthFirst),
        numbers: Some(DecimalSign::Comma),
        ..Memory::default()
    };
    let open = File { memory: memory.clone(), ..File::new("Day;Campaign;Clicks;Cost\n01/02/2023;A;1;1.500\n") };
    assert_eq!(open.rows(), ["2 2023-01-02 A 1 1500"]);
    assert_eq!(open.recognise().unwrap().notes.len(), 2);
    let shown = File { memory, ..File::new("Day;Campaign;Clicks;Cost\n31/01/2023;A;1;1.50\n") };
    assert_eq!(shown.rows(), ["2 2023-01-31 A 1 1.5"]);
}

#[test]
fn one_stray_byte_does_not_turn_a_file_into_latin() {
    let mut bytes = "Day,Campaign,Clicks,Cost\n2023-08-01,K\u{f6}ln,10,1.50\n2023-08-02,M\u{fc}nchen,10,1.50\n2023-08-03,\u{c4}\u{d6}\u{dc},1,1\n2023-08-04,x".as_bytes().to_vec();
    bytes.extend(b"\xE9,1,1\n");
    let seen = File::new(bytes).seen();
    assert!(seen.rows[0].contains("K\u{f6}ln"), "{:?}", seen.rows);
    assert!(seen.faults[0].starts_with("line 5, column campaign_name"), "{:?}", seen.faults);
}
