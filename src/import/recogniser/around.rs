//! The currency of all amounts, if a line above or below the table names it.

use super::findings::{Findings, problem};
use super::header_words::words;
use super::headers::{Headers, Known};
use crate::domain::{Currency, Invalid};
use crate::import::currency::{CurrencyClaim, claim, of_header};
use crate::import::recognition::ProblemCode;
use crate::import::{Column, Decisions, LeftOut, LeftOutCode, Problem};

/// What words hold that speak of a currency, alone or joined to others (`Kontowährung`).
const CURRENCY: [&str; 16] = [
    "currenc",
    "währung",
    "devise",
    "moneda",
    "moeda",
    "valuta",
    "waluta",
    "валют",
    "para birimi",
    "döviz",
    "通貨",
    "货币",
    "貨幣",
    "币种",
    "幣別",
    "통화",
];

/// Words for amounts in sentences that name a currency.
const AMOUNTS: [&str; 11] =
    ["amounts", "money", "costs", "beträge", "montants", "importes", "valores", "importi", "kwoty", "суммы", "金額"];

/// The currency that a line around the table names. The file is refused where it is not the expected one, unless somebody set it.
pub(super) fn tell_currency(
    left_out: &[LeftOut],
    currency: Option<Currency>,
    headers: &Headers,
    decisions: &Decisions,
    found: &mut Findings,
) -> Option<CurrencyClaim> {
    if decisions.fixed.iter().any(|(column, _)| *column == Column::Currency) {
        return None;
    }
    let around = left_out.iter().filter(|line| matches!(line.code, LeftOutCode::Title | LeftOutCode::Closing));
    let named = around.filter_map(|line| named(&line.text, headers).map(|claim| (line, claim)));
    let (line, claim) = named.min_by_key(|(_, claim)| currency.is_some_and(|expected| claim.fits(expected)))?;
    if let Some(expected) = currency.filter(|expected| !claim.fits(*expected)) {
        let (at, code) = (line.line, expected.code());
        let message = format!(
            "Line {at} ({}) says that amounts are in {claim}, but the advertiser pays in {code}. Pitlane does not convert money: export \
             the report in that currency, or set the currency to {code} for all rows if the line means something else.",
            Invalid::echo(&line.text)
        );
        found.problems.push(Problem {
            line: Some(at),
            column: Some(Column::Cost),
            flag: Some(format!("--set currency={code}")),
            ..problem(ProblemCode::Currency, message)
        });
    }
    Some(claim)
}

/// The currency that a line names: `Currency · EUR`, `Currency: EUR`, `All amounts in EUR`.
fn named(text: &str, headers: &Headers) -> Option<CurrencyClaim> {
    let parts: Vec<&str> = text.split([':', '·', '=']).map(str::trim).collect();
    let is_currency = |part: &str| headers.rank(part, Known::Column(Column::Currency)).is_some();
    let pair = parts.windows(2).find_map(|pair| is_currency(pair[0]).then(|| claim(pair[1])).flatten());
    let speaks = || {
        let words = words(text);
        CURRENCY.iter().any(|part| words.contains(part)) || words.split(' ').any(|word| AMOUNTS.contains(&word))
    };
    pair.or_else(|| speaks().then(|| of_header(text).1).flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_a_currency_in_a_pair_or_a_sentence() {
        for (text, code) in [
            ("Currency · EUR", "EUR"),
            ("Währung: EUR", "EUR"),
            ("Kontowährung: EUR", "EUR"),
            ("通貨: JPY", "JPY"),
            ("All amounts in GBP", "GBP"),
            ("Campaign report TRY", "-"),
            ("Account · Acme", "-"),
            ("Currency · --", "-"),
        ] {
            let found = named(text, Headers::built_in()).map_or("-".to_owned(), |claim| claim.to_string());
            assert_eq!(found, code, "{text}");
        }
    }
}
