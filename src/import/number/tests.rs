//! Which texts are amounts or counts, and in which form.

use proptest::prelude::*;

use super::*;

const POINT: NumberForm = NumberForm::People(DecimalSign::Point, MoneyUnit::Units);
const COMMA: NumberForm = NumberForm::People(DecimalSign::Comma, MoneyUnit::Units);

fn cost(form: NumberForm, text: &str) -> Option<String> {
    form.cost(text).ok().map(|(cost, _)| cost.to_string())
}

#[test]
fn amounts_are_read_as_they_are_written() {
    for (form, text, expected) in [
        (POINT, "1,234.56", "1234.56"),
        (POINT, "1,23,456.78", "123456.78"),
        (POINT, "$12.30", "12.3"),
        (POINT, "US$ 1,012.30", "1012.3"),
        (POINT, "CA$12.30", "12.3"),
        (POINT, "$12.30 CAD", "12.3"),
        (POINT, "12.30 USD", "12.3"),
        (POINT, "Rs.500", "500"),
        (POINT, "12 руб.", "12"),
        (POINT, "1'234.50", "1234.5"),
        (POINT, "1.429999948", "1.429999948"),
        (POINT, ".5", "0.5"),
        (POINT, "144.", "144"),
        (POINT, "+12", "12"),
        (POINT, "1e-05", "0.00001"),
        (POINT, "1E+3", "1000"),
        (POINT, "=\"12.30\"", "12.3"),
        (POINT, "'12.30", "12.3"),
        (POINT, "１２．５", "12.5"),
        (POINT, "１，２３４，５６７．５０", "1234567.5"),
        (POINT, "--", "0"),
        (POINT, "NaN", "0"),
        (POINT, "", "0"),
        (COMMA, "1.234,56", "1234.56"),
        (COMMA, "1 234,56", "1234.56"),
        (COMMA, "1\u{202f}234,56\u{a0}€", "1234.56"),
        (COMMA, "12,30 €", "12.3"),
        (COMMA, "R$ 5,00", "5"),
        (COMMA, "1,429999948", "1.429999948"),
        (COMMA, "1.234", "1234"),
        (COMMA, "144,", "144"),
        (POINT, "1,234", "1234"),
    ] {
        assert_eq!(cost(form, text).as_deref(), Some(expected), "{text} as {form:?}");
    }
    let micros = NumberForm::People(DecimalSign::Point, MoneyUnit::Millionths);
    assert_eq!(cost(micros, "279,265,149").as_deref(), Some("279.265149"));
}

#[test]
fn a_credit_is_one_in_every_spelling() {
    for text in [
        "-1.23",
        "(1.23)",
        "($1.23)",
        "1.23-",
        "−1.23",
        "-$1.23",
        "$-1.23",
        "– 1.23",
        "1.23 USD-",
        "-1.23 USD",
        "- $ 1.23",
    ] {
        assert_eq!(cost(POINT, text).as_deref(), Some("-1.23"), "{text}");
    }
    assert_eq!(cost(POINT, "-0").as_deref(), Some("0"));
    for text in ["--1.23", "-1.23-", "(-1.23)", "+-1", "1-2"] {
        assert_eq!(cost(POINT, text), None, "{text}");
    }
}

#[test]
fn ambiguous_amounts_are_refused() {
    for (form, text) in [
        (NumberForm::Contract, "1,234.56"),
        (NumberForm::Contract, "$1"),
        (NumberForm::Contract, ""),
        (NumberForm::Contract, "NaN"),
        (POINT, "1.234,56"),
        (POINT, "12,34"),
        (POINT, "1,2345"),
        (POINT, ",123"),
        (POINT, "0,123"),
        (POINT, "1,234,56"),
        (POINT, "12.5%"),
        (POINT, "$"),
        (POINT, "$1€"),
        (POINT, "1 234,567.8"),
        (POINT, "12 clicks"),
        (POINT, "1.2.3"),
        (POINT, "12:30"),
        (POINT, "2023-08-01"),
        (COMMA, "1,234.56"),
        (COMMA, "12.3"),
        (COMMA, "0.500"),
    ] {
        assert_eq!(cost(form, text), None, "{text} as {form:?}");
    }
}

#[test]
fn counts_may_have_decimals_that_say_nothing() {
    let count = |form: NumberForm, text| form.count("clicks", text).ok().map(Count::get);
    assert_eq!(count(POINT, "1,234.00"), Some(1234));
    assert_eq!(count(COMMA, "12,00"), Some(12));
    assert_eq!(count(POINT, "270.0"), Some(270));
    assert_eq!(count(NumberForm::Contract, "12.00"), Some(12));
    assert_eq!(count(NumberForm::Contract, "1e2"), Some(100));
    assert_eq!(count(NumberForm::Contract, "-0"), Some(0));
    assert_eq!(count(POINT, "--"), Some(0));
    for text in ["3.50", "-1", "$3", "1e-1"] {
        assert_eq!(count(POINT, text), None, "{text}");
    }
    let error = POINT.count("clicks", "9,999,999,999,999,999").unwrap_err().to_string();
    assert!(error.contains("got \"9,999,999,999,999,999\", expected a whole number"), "{error}");
}

#[test]
fn words_for_no_value_are_no_value() {
    for text in ["NaN", "nan", "NULL", "Null", "None", "NA", "#N/A", "(not set)", "--", "—", "n/a", " - ", "=\"\""] {
        assert_eq!(figure(text, DecimalSign::Point), Written::Nothing, "{text}");
    }
    assert!(is_no_text("(not set)") && !is_no_text("NA") && !is_no_text("None"));
}

#[test]
fn a_number_may_have_64_characters() {
    let is_figure = |length| matches!(figure(&"1".repeat(length), DecimalSign::Point), Written::Figure(_));
    assert_eq!([32, 33, 64, 65].map(is_figure), [true, true, true, false]);
}

proptest! {
    #[test]
    fn plain_figures_mean_what_they_mean_among_decorations(text in "-?[0-9]{1,5}[.,]?[0-9]{0,5}[.,]?[0-9]{0,3}") {
        for sign in DecimalSign::ALL.iter().copied() {
            let slowly = decorated(&text, sign)
                .map_or(Written::Other, |(plain, claim)| Written::Figure(Figure { plain: Cow::Owned(plain), claim }));
            prop_assert_eq!(figure(&text, sign), slowly);
        }
    }

    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in "([0-9]|[., '$€()e-]|\\PC){0,16}") {
        for form in [NumberForm::Contract, POINT, COMMA] {
            let _ = (form.cost(&text), form.count("clicks", &text));
        }
    }

    #[test]
    fn an_amount_is_read_back_from_both_ways_to_write_it(units in 0_i64..100_000_000_000, rest in 0_i64..1_000_000) {
        let exact = ExactCost::parse(&format!("{units}.{rest:06}")).unwrap();
        let digits = units.to_string();
        for (form, group, decimal) in [(POINT, ',', '.'), (COMMA, '.', ',')] {
            let mut written = String::new();
            for (at, digit) in digits.chars().enumerate() {
                if at > 0 && (digits.len() - at).is_multiple_of(3) {
                    written.push(group);
                }
                written.push(digit);
            }
            let written = format!("{written}{decimal}{rest:06} €");
            prop_assert_eq!(form.cost(&written).unwrap().0, exact, "{}", written);
        }
    }
}
