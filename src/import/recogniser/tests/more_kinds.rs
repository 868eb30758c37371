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
        assert!(recognition.notes.iter().any(|note| note.message.contains("cut the ids")), "{one}");
    }
    let whole = "Day,Campaign ID,Campaign name,Clicks,Cost\n2023-08-01,120210000000000123,A,10,1.5\n";
    assert!(File::new(whole).seen().recognition.plan.place(Column::NetworkCampaignId).is_some());
}

#[test]
fn a_row_without_campaign_is_no_total_of_one_row_of_another_day() {
    let outline = File::new("Campaign,Day,Clicks,Cost\nA,2023-08-01,10,1.00\n,2023-08-02,10,1.00\n");
    assert_eq!(outline.left_out(), []);
    assert_eq!(outline.seen().faults.len(), 1);
    let total = File::new("Campaign,Day,Clicks,Cost\nA,2023-08-01,10,1.00\n,2023-08-01,10,1.00\n");
    assert_eq!(total.left_out(), [(3, "total")]);
}
