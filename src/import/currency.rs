//! The currencies that signs, codes and words beside an amount can mean.
//!
//! Several countries may share a sign: `$` can be any dollar. So a mark claims a set of currencies, and an amount counts as
//! being in the advertiser's currency if that is one of them.

use std::fmt;

use super::currency_marks::MARKS;
use crate::domain::Currency;

/// The currencies a mark can mean, as codes separated by blanks; the first is the usual one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurrencyClaim(&'static str);

/// Codes that are also ordinary words when a header has them in lower case.
const WORDS: [&str; 9] = ["all", "top", "cup", "try", "mad", "pen", "lak", "bob", "net"];

const LONGEST: usize = 18;

impl CurrencyClaim {
    /// Whether the mark can mean this currency.
    #[must_use]
    pub fn fits(self, currency: Currency) -> bool {
        self.0.split(' ').any(|code| code == currency.code())
    }

    /// The currency it usually means.
    #[must_use]
    pub fn usual(self) -> Option<Currency> {
        self.0.split(' ').next().and_then(|code| Currency::parse(code).ok())
    }

    /// The currency if nothing else decides: a sign of several currencies means none of them, except `$` and `£`.
    pub(super) fn usual_of_sign(self) -> Option<Currency> {
        let is_one = !self.0.contains(' ') || matches!(self.usual()?.code(), "USD" | "GBP");
        is_one.then(|| self.usual()).flatten()
    }

    /// What two marks of one amount mean together: the narrower claim, if they agree.
    pub(super) fn both(one: Self, other: Self) -> Option<Self> {
        let (few, many) = if one.0.len() <= other.0.len() { (one, other) } else { (other, one) };
        few.0.split(' ').all(|code| many.0.split(' ').any(|theirs| theirs == code)).then_some(few)
    }

    /// The claim of a known currency.
    pub(super) fn of(currency: Currency) -> Self {
        Self(currency.code())
    }
}

/// `CAD`, `CAD or NIO`, or the like.
impl fmt::Display for CurrencyClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.split(' ').collect::<Vec<_>>().as_slice() {
            [] => Ok(()),
            [only] => f.write_str(only),
            [first, second] => write!(f, "{first} or {second}"),
            [first, second, ..] => write!(f, "{first}, {second} or another of that sign"),
        }
    }
}

/// Whether a character is a currency sign.
pub(super) fn is_sign(c: char) -> bool {
    matches!(c, '$' | '£' | '¥' | '￥' | '￦' | '﷼' | '\u{20a0}'..='\u{20cf}' | '฿' | '৳' | '֏')
}

/// What a sign, code or word beside an amount claims, in any case; `None` if it isn't a currency.
pub(super) fn claim(mark: &str) -> Option<CurrencyClaim> {
    let mark = mark.trim_matches(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '[' | ']'));
    if mark.is_empty() || mark.len() > LONGEST * 3 || mark.chars().count() > LONGEST {
        return None;
    }
    // No code is also a mark with another meaning.
    if let Some(code) = coded(mark) {
        return Some(code);
    }
    let lower = mark.to_lowercase();
    let bare = lower.trim_end_matches('.');
    let listed = |mark: &str| {
        MARKS.iter().find(|(known, _)| *known == lower || *known == mark).map(|(_, codes)| CurrencyClaim(codes))
    };
    // `US $`
    let joined = || bare.contains(char::is_whitespace).then(|| bare.split_whitespace().collect::<String>());
    let listed = listed(bare).or_else(|| joined().and_then(|mark| listed(&mark)));
    listed.or_else(|| coded(bare)).or_else(|| {
        // `USD $`, `EUR€`: a code and a sign together.
        let (code, sign) = bare.split_at_checked(3)?;
        let (code, sign) = (coded(code)?, claim(sign)?);
        CurrencyClaim::both(code, sign)
    })
}

fn coded(code: &str) -> Option<CurrencyClaim> {
    let three = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_alphabetic());
    three.then(|| Currency::parse(code).ok()).flatten().map(CurrencyClaim::of)
}

/// The currency that a header names, and the header without it: `Cost (€)`, `Amount spent, EUR`, `spend_usd`, `costEUR`,
/// `Cost (EUR, net)`.
pub(super) fn of_header(header: &str) -> (String, Option<CurrencyClaim>) {
    let header = header.trim();
    for (open, close) in [('(', ')'), ('[', ']'), ('（', '）')] {
        if let Some((before, rest)) = header.split_once(open)
            && let Some((inside, after)) = rest.split_once(close)
            && let Some(claim) =
                header_mark(inside, true).or_else(|| inside.split(is_joint).find_map(|word| header_mark(word, false)))
        {
            return (format!("{} {}", before.trim(), after.trim()).trim().to_owned(), Some(claim));
        }
    }
    let end = header.trim_end_matches('.');
    if let Some(at) = end.rfind(is_joint).filter(|_| !end.ends_with([')', ']', '）'])) {
        let joint = end[at..].chars().next().map_or(1, char::len_utf8);
        if let Some(claim) = header_mark(&end[at + joint..], false) {
            return (end[..at].trim_end_matches(is_joint).to_owned(), Some(claim));
        }
    }
    if let Some(at) = header.find(is_sign) {
        let mark = header[at..].chars().next().unwrap_or_default();
        let rest = header.replace(mark, "");
        if let Some(claim) = claim(mark.encode_utf8(&mut [0; 4])) {
            return (rest.trim().to_owned(), Some(claim));
        }
    }
    code_within(header).map_or_else(|| (header.to_owned(), None), |(rest, claim)| (rest, Some(claim)))
}

fn is_joint(c: char) -> bool {
    c.is_whitespace() || matches!(c, '_' | ',' | '-' | '.' | ':' | '/' | '|' | ';')
}

/// A code that is a word of the header: in capitals, or in small letters between underscores (`cost_eur_net`); and one that begins
/// with a capital at the end of a word of small letters (`costEUR`, `costEur`).
fn code_within(header: &str) -> Option<(String, CurrencyClaim)> {
    let mut start = 0;
    for word in header.split(is_joint) {
        let is_code = word.bytes().all(|byte| byte.is_ascii_uppercase()) || header.contains('_');
        if word.len() == 3
            && is_code
            && let Some(claim) = header_mark(word, false)
        {
            let (before, after) = (&header[..start], &header[start + word.len()..]);
            let rest = format!("{} {}", before.trim_end_matches(is_joint), after.trim_start_matches(is_joint));
            return Some((rest.trim().to_owned(), claim));
        }
        let joint = header[start + word.len()..].chars().next().map_or(0, char::len_utf8);
        start += word.len() + joint;
    }
    let (name, code) = header.split_at_checked(header.len().checked_sub(3)?)?;
    let is_word = !code.bytes().all(|byte| byte.is_ascii_uppercase()) && WORDS.contains(&&*code.to_lowercase());
    let is_camel =
        name.ends_with(|c: char| c.is_ascii_lowercase()) && code.starts_with(|c: char| c.is_ascii_uppercase());
    (is_camel && !is_word).then(|| coded(code)).flatten().map(|claim| (name.to_owned(), claim))
}

/// The currency of a cell that says nothing else, as below the headers of a table with a line of units.
pub(super) fn of_unit_cell(cell: &str) -> Option<CurrencyClaim> {
    header_mark(cell, true).filter(|_| !cell.bytes().any(|byte| byte.is_ascii_digit()))
}

/// A mark in a header: letters count only as a code, or as a sign of several letters in brackets.
fn header_mark(mark: &str, bracketed: bool) -> Option<CurrencyClaim> {
    let mark = mark.trim();
    let lower = mark.chars().any(char::is_lowercase);
    if mark.chars().all(|c| c.is_ascii_alphabetic()) {
        let is_word = lower && WORDS.contains(&mark) || matches!(mark, "All" | "Top");
        return match mark.len() {
            3 if !is_word => coded(mark).or_else(|| bracketed.then(|| claim(mark)).flatten()),
            2 if bracketed => claim(mark),
            4.. => claim(mark).filter(|_| NAMES.iter().any(|name| mark.to_lowercase().starts_with(name))),
            _ => None,
        };
    }
    (bracketed || mark.contains(is_sign) || mark.chars().count() > 1).then(|| claim(mark)).flatten()
}

/// Words for currencies that stand in headers.
const NAMES: [&str; 16] = [
    "usdt", "usdc", "euro", "dollar", "pound", "sterling", "rupee", "rouble", "ruble", "yuan", "zloty", "peso",
    "reais", "franken", "pfund", "lira",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(mark: &str) -> &'static str {
        claim(mark).map_or("-", |claim| claim.0.split(' ').next().unwrap())
    }

    #[test]
    fn marks_are_known_in_any_case_and_with_blanks() {
        for (mark, code) in [
            ("CA$", "CAD"),
            ("A$", "AUD"),
            ("R$", "BRL"),
            ("zł", "PLN"),
            ("ZŁ", "PLN"),
            ("₩", "KRW"),
            ("kr.", "SEK"),
            ("円", "JPY"),
            ("￥", "JPY"),
            ("руб.", "RUB"),
            ("Rp", "IDR"),
            ("Rs.", "INR"),
            ("usd", "USD"),
            (" EUR ", "EUR"),
            ("US$", "USD"),
            ("€", "EUR"),
            ("USD $", "USD"),
            ("EUR€", "EUR"),
            ("(EUR)", "EUR"),
            ("USD €", "-"),
            ("x", "-"),
            ("%", "-"),
            ("", "-"),
            ("abc", "-"),
            ("per click", "-"),
            ("US $", "USD"),
            ("Bs. ", "BOB"),
        ] {
            assert_eq!(codes(mark), code, "{mark}");
        }
        for (mark, codes) in MARKS {
            assert!(coded(mark).is_none_or(|code| code.0 == *codes), "{mark} is a code with another meaning");
        }
        assert!(claim("$").unwrap().fits(Currency::parse("CAD").unwrap()));
        assert!(!claim("$").unwrap().fits(Currency::parse("EUR").unwrap()));
        assert_eq!(
            (claim("$").unwrap().to_string(), claim("€").unwrap().to_string()),
            ("USD, CAD or another of that sign".to_owned(), "EUR".to_owned())
        );
    }

    #[test]
    fn headers_name_a_currency_before_behind_or_in_brackets() {
        for (header, rest, code) in [
            ("Amount spent (USD)", "Amount spent", "USD"),
            ("Cost (€)", "Cost", "EUR"),
            ("Cost EUR", "Cost", "EUR"),
            ("spend_usd", "spend", "USD"),
            ("Spend, EUR", "Spend", "EUR"),
            ("Cost, €", "Cost", "EUR"),
            ("Cost €", "Cost", "EUR"),
            ("€ Cost", "Cost", "EUR"),
            ("Cost (zł)", "Cost", "PLN"),
            ("EUR Cost", "Cost", "EUR"),
            ("Расход (руб.) с НДС", "Расход с НДС", "RUB"),
            ("Расход, руб.", "Расход", "RUB"),
            ("費用 (円)", "費用", "JPY"),
            ("消費金額（円）", "消費金額", "JPY"),
            ("Clicks (all)", "Clicks (all)", "-"),
            ("cost_all", "cost_all", "-"),
            ("Cost", "Cost", "-"),
            ("Avg. CPC", "Avg. CPC", "-"),
            ("Cost per result", "Cost per result", "-"),
            ("Spend (USA)", "Spend (USA)", "-"),
            ("cost_micros", "cost_micros", "-"),
            ("Cost (in GBP)", "Cost", "GBP"),
            ("Cost (EUR, net)", "Cost", "EUR"),
            ("Cost (net, EUR)", "Cost", "EUR"),
            ("Cost (EUR excl. VAT)", "Cost", "EUR"),
            ("eur_spend", "spend", "EUR"),
            ("cost_usd_micros", "cost micros", "USD"),
            ("costEUR", "cost", "EUR"),
            ("costEur", "cost", "EUR"),
            ("costAll", "costAll", "-"),
            ("Cost (All)", "Cost (All)", "-"),
            ("Cost (USDT)", "Cost", "USDT"),
            ("Cost (dollars)", "Cost", "USD"),
            ("Cost in pounds", "Cost in", "GBP"),
            ("Spend (British Pound)", "Spend", "GBP"),
            ("Расход, рублей", "Расход", "RUB"),
            ("all_costs", "all_costs", "-"),
            ("clicksCTR", "clicksCTR", "-"),
        ] {
            let (bare, claim) = of_header(header);
            let found = claim.map_or("-", |claim| claim.0.split(' ').next().unwrap());
            assert_eq!((bare.as_str(), found), (rest, code), "{header}");
        }
    }
}
