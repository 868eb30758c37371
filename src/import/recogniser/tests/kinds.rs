//! Kinds of files in many spellings, one table each: what is asked, and what is read.

use super::*;

/// A row of four cells below these headers.
fn one(headers: [&str; 4], cells: [&str; 4]) -> String {
    let quoted = |cells: [&str; 4]| cells.map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).join(",");
    format!("{}\n{}\n", quoted(headers), quoted(cells))
}

fn amount(cost: &str) -> File {
    File::new(one(["Day", "Campaign", "Clicks", "Cost"], ["2023-08-01", "A", "10", cost]))
}

#[test]
fn the_currency_of_a_header_is_seen_wherever_it_stands() {
    for header in [
        "Cost (in GBP)",
        "Cost (EUR, net)",
        "Cost (net, EUR)",
        "Cost (EUR excl. VAT)",
        "eur_spend",
        "costEUR",
        "Kosten in Euro",
        "cost_micros_eur",
    ] {
        let file = File::new(one(["Day", "Campaign", "Clicks", header], ["2023-08-01", "A", "10", "1500000"]));
        assert!(file.open().contains(&"currency"), "{header}");
    }
    for header in ["usd_spend", "costUSD", "Cost (USD, net)", "Cost (dollars)"] {
        let file = File::new(one(["Day", "Campaign", "Clicks", header], ["2023-08-01", "A", "10", "1.5"]));
        assert_eq!(file.rows(), ["2 2023-08-01 A 10 1.5"], "{header}");
    }
    let both = "Day,Campaign,Clicks,Cost (EUR),Cost (USD)\n2023-08-01,A,10,1.3,1.5\n";
    assert_eq!(File::new(both).rows(), ["2 2023-08-01 A 10 1.5"]);
    assert_eq!(File { currency: "CHF", ..File::new(both) }.open(), ["column"]);
    for header in ["Curr.", "cost_currency", "Spend currency code"] {
        let file = |code: &str| {
            File::new(format!(
                "Day,Campaign,Clicks,Cost,{header}\n2023-08-01,A,10,1.5,{code}\n2023-08-02,A,10,1.5,{code}\n"
            ))
        };
        assert_eq!((file("EUR").open(), file("usd").rows().len()), (vec!["currency"], 2), "{header}");
    }
}

#[test]
fn a_line_around_the_table_may_name_the_currency() {
    let table = "Day,Campaign,Clicks,Cost\n2023-08-01,A,10,1.50\n";
    for title in ["Currency,EUR", "Currency: EUR", "All amounts in EUR", "Währung;EUR"] {
        let file = File::new(format!("{title}\n{table}"));
        assert_eq!(file.open(), ["currency"], "{title}");
        let set = file.decide(|decisions| decisions.fixed.push((Column::Currency, "USD".to_owned())));
        assert_eq!(set.open(), Vec::<&str>::new(), "{title}");
    }
    for title in ["Currency,USD", "Campaign report EUR region", "Currency"] {
        assert_eq!(File::new(format!("{title}\n{table}")).rows().len(), 1, "{title}");
    }
}

#[test]
fn figures_are_read_in_other_scripts_and_spellings() {
    for (cell, cost) in [
        ("١٢٫٥", "12.5"),
        ("١٬٢٣٤٫٥", "1234.5"),
        ("۱۲۳", "123"),
        ("१२.५०", "12.5"),
        ("＄１，２３４．５０", "1234.5"),
        ("US $12", "12"),
        ("$(1.50)", "-1.5"),
        ("=12.30", "12.3"),
        ("$ -", "0"),
        ("US$ --", "0"),
    ] {
        assert_eq!(amount(cell).rows(), [format!("2 2023-08-01 A 10 {cost}")], "{cell}");
    }
    for cell in ["1.50 CR", "1.5K", "<0.01", "12*", "½", "1,,234.5", "- 5 -"] {
        assert_eq!(amount(cell).seen().faults.len(), 1, "{cell}");
    }
    // A currency is recognised even if the amount has the other decimal sign.
    let file = File::new("Day;Campaign;Clicks;Cost\n2023-08-01;A;1;1.00\n2023-08-02;A;1;12,50 €\n");
    assert!(file.open().contains(&"currency"));
    let yen = File { currency: "JPY", ..amount("￥2,000") };
    assert_eq!(yen.rows(), ["2 2023-08-01 A 10 2000"]);
}

#[test]
fn millionths_are_suspected_by_what_a_click_costs_in_the_currency() {
    let daily = |clicks: u64, views: u64, cost: u64| {
        let row = |day: u64| format!("2022-10-0{day},A,{clicks},{views},{cost}\n");
        format!("date,campaign,clicks,impressions,spend\n{}{}{}", row(1), row(2), row(3))
    };
    for (currency, text, is_open) in [
        ("USD", daily(100, 50_000, 380_000), true),
        ("USD", daily(0, 1000, 380_000), true),
        ("USD", daily(10, 5000, 900), false),
        ("JPY", daily(10, 5000, 150_000), false),
        ("IDR", daily(10, 5000, 450_000), false),
        ("IDR", daily(10, 5000, 4_500_000_000), true),
        ("USD", "date,campaign,clicks,spend\n2022-10-01,A,1,1500\n".to_owned(), false),
        ("USD", "date,campaign,swipes,spend\n2022-10-01,A,10,2240\n".to_owned(), true),
    ] {
        let file = File { currency, ..File::new(text.clone()) };
        assert_eq!(file.open().contains(&"money_unit"), is_open, "{currency} {text}");
    }
    // An API that states money in millionths is recognised by its columns.
    let api = "date,campaign_id,swipes,spend,screen_time_millis\n2022-10-01,c1,10,135300,5\n";
    assert_eq!(File::new(api).rows(), ["2 2022-10-01 c1 10 0.1353"]);
    assert_eq!(File::new(api.replace("135300", "135.30")).rows(), ["2 2022-10-01 c1 10 135.3"]);
    let named = "date,campaign,clicks,cost_micros\n2022-10-01,A,10,36.15\n";
    assert_eq!(File::new(named).open(), ["money_unit"]);
    for header in ["costMicros", "costInMicros", "cost_usd_micros", "spend_microcurrency", "Spend (micro USD)"] {
        let file = File::new(one(["Day", "Campaign", "Clicks", header], ["2023-08-01", "A", "10", "1500000"]));
        assert_eq!(file.rows(), ["2 2023-08-01 A 10 1.5"], "{header}");
    }
}

#[test]
fn the_start_of_a_campaign_is_no_day_in_any_language() {
    for header in [
        "Start date",
        "Startdatum der Kampagne",
        "Kampagnenstart",
        "Date de début",
        "Fecha de inicio",
        "Data de início",
        "Data di inizio",
        "Data rozpoczęcia",
        "Дата начала",
        "Başlangıç tarihi",
        "開始日",
        "创建时间",
        "Date de création",
        "Erstellt am",
        "Launch date",
    ] {
        let text = format!("Campaign,{header},Clicks,Cost\nA,2023-01-10,10,1.5\nB,2023-02-20,20,2.5\n");
        assert_eq!(File::new(text.clone()).open(), ["no_days"], "{header}");
        assert_eq!(File::new(text).map(&[(Column::Date, header)]).open(), ["no_days"], "{header}");
        let text = format!(
            "Day,Campaign,{header},Clicks,Cost\n2023-09-01,A,2023-01-10,1,1.5\n2023-09-02,A,2023-01-10,2,2.5\n"
        );
        assert_eq!(File::new(text).rows().len(), 2, "{header}");
    }
    // Nor is a column with an unknown header the day, if each campaign has its own day there.
    let text = "Campaign,X,Clicks,Cost\nA,2023-01-10,1,1\nB,2023-02-20,1,1\nC,2023-03-05,1,1\n";
    assert_eq!(File::new(text).map(&[(Column::Date, "X")]).open(), ["no_days"]);
}

#[test]
fn days_are_read_in_other_scripts_and_with_a_time_within() {
    for day in [
        "Thu Aug 31 00:00:00 2023",
        "Thu Aug 31 00:00:00 UTC 2023",
        "Do., 31.08.2023",
        "３１/８/２０２３",
        "٣١/٠٨/٢٠٢٣",
        "۲۰۲۳-۰۸-۳۱",
        "2023‑08‑31",
        "2023–08–31",
        "2023-08-31 EST",
        "2023-08-31T00",
    ] {
        let file = File::new(one(["Day", "Campaign", "Clicks", "Cost"], [day, "A", "10", "1.5"]));
        assert_eq!(file.rows(), ["2 2023-08-31 A 10 1.5"], "{day}");
    }
    // A spreadsheet converted some days, perhaps wrongly, and left the others as text.
    let half = "Day,Campaign,Clicks,Cost\n44960,A,1,1.5\n13/01/2023,A,1,1.5\n";
    assert_eq!(File::new(half).open(), ["dates_mixed"]);
}

#[test]
fn totals_under_any_name_are_not_added_to_what_they_sum() {
    for name in ["Tagessumme", "Total del día", "Total (2 campaigns)", "Σ", "Загалом", "Yhteensä", "日計"] {
        let text = format!(
            "Day,Campaign,Clicks,Cost\n2023-08-01,A,10,1.50\n2023-08-01,B,20,2.50\n2023-08-01,{name},30,4.00\n2023-08-02,A,1,0.50\n"
        );
        assert_eq!(File::new(text).left_out(), [(4, "total")], "{name}");
    }
    // Its name is unknown, but on each day its figures are the sums of all others.
    let text = "Day,Campaign,Clicks,Cost\n2023-08-01,A,10,1.50\n2023-08-01,B,20,2.50\n2023-08-01,Xyz,30,4.00\n\
                2023-08-02,A,7,0.50\n2023-08-02,B,1,1.25\n2023-08-02,Xyz,8,1.75\n";
    let file = File::new(text);
    assert_eq!(file.open(), ["total"]);
    assert!(file.told().contains("lines 4,7 are left out or kept"), "{}", file.told());
    assert_eq!(file.decide(|decisions| decisions.leave_out = "4,7".parse().unwrap()).rows().len(), 4);
    let kept = File::new(text).decide(|decisions| decisions.keep = "4,7".parse().unwrap());
    assert_eq!(kept.rows().len(), 6);
    // One day may be chance, and a name in every row is a campaign's.
    let once = "Day,Campaign,Clicks,Cost\n2023-08-01,A,10,1\n2023-08-01,B,20,2\n2023-08-01,C,30,3\n";
    assert_eq!(File::new(once).rows().len(), 3);
    let all = "Day,Campaign,Clicks,Cost\n2023-08-01,Total,10,1.5\n2023-08-02,Total,10,1.5\n";
    assert_eq!(File::new(all).rows().len(), 2);
    let beside = "Tag;Kampagne;Klicks;Kosten\n31.08.2023;Gesamt-Kampagne;10;1,50\n31.08.2023;B;10;1,50\n";
    assert_eq!(File::new(beside).open(), ["total"]);
}

#[test]
fn tables_may_follow_each_other_and_remarks_the_last() {
    let text = "Report A\nDay,Campaign,Clicks,Cost\n2023-08-01,A,10,1.50\n\nReport B\nDAY,CAMPAIGN,CLICKS,COST\n2023-08-02,B,20,2.50\n\
                Report generated,2023-09-01\nTime zone,UTC\n";
    let file = File::new(text);
    assert_eq!(file.rows(), ["3 2023-08-01 A 10 1.5", "7 2023-08-02 B 20 2.5"]);
    assert_eq!(file.left_out(), [(1, "title"), (5, "closing"), (6, "header"), (8, "closing"), (9, "closing")]);
    let cr = "Day,Campaign,Clicks,Cost\r2023-08-01,\"Bra\nnd\",10,1.50\r2023-08-02,B,20,2.50\r";
    assert_eq!(File::new(cr).rows().len(), 2);
}

#[test]
fn columns_whose_names_are_alike_are_told_apart() {
    let yandex = "День,№ Кампании,Название кампании,Клики,\"Расход, руб.\"\n01.08.2023,17,A,10,\"1,50\"\n";
    assert_eq!(File { currency: "RUB", ..File::new(yandex) }.rows(), ["2 2023-08-01 A 10 1.5"]);
    let offers = "Date,Offer Name,Currency,Click,Spend\n20230801,A,USD,10,1.50\n";
    assert_eq!(File::new(offers).rows(), ["2 2023-08-01 A 10 1.5"]);
    let twice = "Day,Campaign,Clicks,Spend,Cost\n2023-08-01,A,10,1.50,1.90\n";
    assert!(File::new(twice).told().contains("\"Spend\" and \"Cost\" may each be cost"));
}

#[test]
fn texts_in_seldom_encodings_are_read_or_asked_about_and_never_misread() {
    let row = |campaign: &str| format!("Day;Campaign;Clicks;Cost\n01.08.2023;{campaign};10;1,50\n");
    for (label, campaign) in [
        ("windows-1251", "Медиа реклама"),
        ("koi8-r", "Медиа реклама"),
        ("ibm866", "Медиа реклама"),
        ("iso-8859-5", "Медиа реклама"),
        ("x-mac-cyrillic", "Медиа реклама"),
        ("windows-1250", "Zażółć gęślą"),
        ("iso-8859-2", "Łódź główna"),
        ("windows-1252", "Köln Süd"),
        ("windows-1253", "Μάρκα"),
        ("windows-1255", "מותג"),
        ("windows-1256", "علامة"),
        ("windows-1254", "Kış İndirimi"),
        ("windows-874", "แบรนด์"),
        ("euc-jp", "春の販促"),
        ("iso-2022-jp", "春の販促"),
        ("shift_jis", "春の販促"),
        ("euc-kr", "여름 세일"),
        ("gbk", "春季促销"),
        ("big5", "春季促銷"),
    ] {
        let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap();
        let file = File::new(encoding.encode(&row(campaign)).0.into_owned());
        let open = file.open();
        if open != ["encoding"] {
            assert_eq!(open, Vec::<&str>::new(), "{label}");
            assert_eq!(file.rows(), [format!("2 2023-08-01 {campaign} 10 1.5")], "{label}");
        }
    }
    let stray = [row("Köln Süd").as_bytes(), b"02.08.2023;M\xFCnchen;1;2\n"].concat();
    let seen = File::new(stray).seen();
    assert_eq!((seen.rows.len(), seen.faults.len()), (1, 1));
    let euro = File { currency: "EUR", ..File::new(&b"Day;Campaign;Clicks;Cost\n01.08.2023;A;10;1,50 \x80\n"[..]) };
    assert_eq!(euro.rows(), ["2 2023-08-01 A 10 1.5"]);
}

#[test]
fn an_encoding_that_makes_impossible_or_rare_words_is_not_offered() {
    for (label, campaign, unlikely) in [
        // Hebrew points on no letter.
        ("windows-1251", "Медиа", "windows-1255"),
        // Cyrillic capitals within words.
        ("windows-1253", "Καλοκαιρινή καμπάνια", "windows-1251"),
        // A small sigma at the end of a word.
        ("windows-1251", "Сезону", "windows-1253"),
        // A half-wide kana alone.
        ("windows-1252", "Straße", "Shift_JIS"),
        // A half-wide kana before ideographs.
        ("windows-1251", "Книги", "Shift_JIS"),
        // Kana in a Chinese text.
        ("euc-jp", "ブランド検索キャンペーン", "GBK"),
    ] {
        let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap();
        let text = format!("Day;Campaign;Clicks;Cost\n01.08.2023;{campaign};10;1,50\n");
        let seen = File::new(encoding.encode(&text).0.into_owned()).recognise().unwrap();
        let offered = seen.problems.iter().flat_map(|problem| &problem.choices).map(|choice| choice.value.as_str());
        let offered: Vec<&str> = offered.chain([seen.plan.table.encoding.name()]).collect();
        assert!(offered.contains(&encoding.name()) && !offered.contains(&unlikely), "{label}: {offered:?}");
    }
}

#[test]
fn known_headers_tell_the_encoding() {
    let text = "Дата;Кампания;Клики;Расход\n01.08.2023;Бренд;10;1,50\n";
    for label in ["windows-1251", "koi8-r", "ibm866", "iso-8859-5"] {
        let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap();
        let file = File::new(encoding.encode(text).0.into_owned());
        assert_eq!(file.rows(), ["2 2023-08-01 Бренд 10 1.5"], "{label}");
    }
    for (label, text) in [
        ("gbk", "日期,广告系列,点击次数,费用\n2023-08-01,春季促销,10,1.50\n"),
        ("euc-kr", "날짜,캠페인,클릭수,비용\n2023-08-01,여름 세일,10,1.50\n"),
    ] {
        let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap();
        let seen = File::new(encoding.encode(text).0.into_owned()).recognise().unwrap();
        assert_eq!(seen.plan.table.encoding.name(), encoding.name());
        assert!(seen.problems.iter().all(|problem| problem.code.as_str() != "encoding"), "{label}");
    }
}
