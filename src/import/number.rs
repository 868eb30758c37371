//! How numbers are written: as the contract has them, or as people and their spreadsheets do.
//!
//! The contract's own form takes no detour. The other two drop what only decorates a figure (a currency sign, the marks
//! between groups of three digits) and hand the plain rest to the parsers of the domain, so that every bound and every
//! rounding is theirs.

use serde::{Deserialize, Serialize};

use crate::domain::{Count, Invalid, Micros};

/// How numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Numbers {
    /// Digits, and a point before decimals: `1234.56`. Nothing else.
    #[default]
    Plain,
    /// Marks between thousands and currency signs too: `1,234.56`, `$12.30`, `1 234.5`. A dash or nothing is zero.
    Point,
    /// The same with a comma before decimals: `1.234,56`, `12,30 €`, `1 234,56`.
    Comma,
}

/// What stands for nothing in a cell of figures.
const NOTHING: [&str; 8] = ["", "-", "--", "–", "—", "n/a", "N/A", "null"];

/// Currency signs of one character. Codes of three letters are taken too.
const SIGNS: [char; 18] = ['$', '€', '£', '¥', '₹', '₽', '₩', '₺', '₴', '₪', '₫', '₱', '₦', '₸', '₾', '₡', '₲', '฿'];

/// What some write for a currency besides its sign or its code.
const LETTERS: [&str; 6] = ["kr", "kr.", "zł", "Kč", "Ft", "lei"];

/// The longest number there is any use for; what is longer is not looked at.
const LONGEST: usize = 64;

impl Numbers {
    /// An amount; the flag says whether it had decimals past the sixth.
    #[inline]
    pub(super) fn cost(self, text: &str) -> Result<(Micros, bool), Invalid> {
        if self == Self::Plain {
            return Micros::parse(text);
        }
        let refuse = || Invalid::value("cost", text, &format!("an amount such as {}", self.example()));
        Micros::parse(&self.plain(text).ok_or_else(refuse)?).map_err(|error| echoing(error, "cost", text))
    }

    /// A count. Decimals that are all zero are none.
    #[inline]
    pub(super) fn count(self, field: &'static str, text: &str) -> Result<Count, Invalid> {
        if self == Self::Plain {
            return Count::parse(field, text);
        }
        let refuse = || Invalid::value(field, text, "a whole number of at least 0");
        let plain = self.plain(text).ok_or_else(refuse)?;
        let (whole, decimals) = plain.split_once('.').unwrap_or((&plain, ""));
        if decimals.bytes().any(|digit| digit != b'0') {
            return Err(refuse());
        }
        Count::parse(field, whole).map_err(|error| echoing(error, field, text))
    }

    /// A number written this way.
    #[must_use]
    pub fn example(self) -> &'static str {
        match self {
            Self::Plain => "1234.56",
            Self::Point => "1,234.56",
            Self::Comma => "1.234,56",
        }
    }

    /// The number without decoration and with a point; `None` for what is no number in this form.
    pub(super) fn plain(self, text: &str) -> Option<String> {
        let text = text.trim();
        if NOTHING.contains(&text) {
            return Some("0".to_owned());
        }
        let bare = without_currency(text).0;
        if bare.is_empty() || bare.len() > LONGEST {
            return None;
        }
        let mark = if self == Self::Comma { ',' } else { '.' };
        let (whole, decimals) = match bare.rsplit_once(mark) {
            Some((whole, decimals)) => (whole, Some(decimals)),
            None => (bare, None),
        };
        let mut plain = ungrouped(whole, mark)?;
        if let Some(decimals) = decimals {
            if decimals.is_empty() || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            if plain.is_empty() {
                plain.push('0');
            }
            plain.push('.');
            plain.push_str(decimals);
        }
        (!plain.is_empty()).then_some(plain)
    }
}

/// Whether a cell of figures holds nothing.
pub(super) fn is_nothing(text: &str) -> bool {
    NOTHING.contains(&text)
}

/// The text without a currency sign or code before or behind it, and that sign or code.
pub(super) fn without_currency(text: &str) -> (&str, Option<&str>) {
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',' | '\'' | '’' | '-' | '+');
    let start = text.find(is_number).unwrap_or(text.len());
    let end = text.rfind(is_number).and_then(|at| Some(at + text[at..].chars().next()?.len_utf8())).unwrap_or(start);
    let (before, after) = (text[..start].trim(), text[end..].trim());
    let is_currency = |mark: &str| {
        let letters = mark.chars().filter(|c| c.is_alphabetic()).count();
        let signs = mark.chars().filter(|c| SIGNS.contains(c)).count();
        let is_code = LETTERS.contains(&mark) || mark.len() <= 3 && mark.bytes().all(|byte| byte.is_ascii_uppercase());
        is_code || signs == 1 && letters + 1 == mark.chars().count()
    };
    match (before, after) {
        ("", "") => (text, None),
        (mark, "") | ("", mark) if is_currency(mark) => (&text[start..end], Some(mark)),
        _ => (text, None),
    }
}

/// The digits of a whole number whose groups of three (or, as in India, of two before the last three) may be marked off.
fn ungrouped(whole: &str, decimal: char) -> Option<String> {
    let is_mark = |c: char| match c {
        ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '’' => true,
        ',' | '.' => c != decimal,
        _ => false,
    };
    let mut marks = whole.chars().filter(|c| !c.is_ascii_digit());
    if let Some(mark) = marks.next() {
        if !is_mark(mark) || marks.any(|other| other != mark) {
            return None;
        }
        let mut groups = whole.split(mark).map(str::len).rev();
        let last = groups.next() == Some(3);
        let mut rest: Vec<usize> = groups.collect();
        let first = rest.pop().is_some_and(|first| (1..=3).contains(&first));
        if !(last && first && rest.iter().all(|size| *size == 3 || *size == 2)) {
            return None;
        }
    }
    Some(whole.chars().filter(char::is_ascii_digit).collect())
}

/// The same refusal with what stood in the file.
fn echoing(error: Invalid, field: &'static str, text: &str) -> Invalid {
    match error.reason.split_once(", expected ") {
        Some((_, expected)) => Invalid::value(field, text, expected),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cost(numbers: Numbers, text: &str) -> Option<String> {
        numbers.cost(text).ok().map(|(cost, _)| cost.to_string())
    }

    #[test]
    fn amounts_are_read_as_they_are_written() {
        for (numbers, text, expected) in [
            (Numbers::Point, "1,234.56", "1234.56"),
            (Numbers::Point, "1,23,456.78", "123456.78"),
            (Numbers::Point, "$12.30", "12.3"),
            (Numbers::Point, "US$ 1,012.30", "1012.3"),
            (Numbers::Point, "12.30 USD", "12.3"),
            (Numbers::Point, "1'234.50", "1234.5"),
            (Numbers::Point, "1.429999948", "1.43"),
            (Numbers::Point, ".5", "0.5"),
            (Numbers::Point, "--", "0"),
            (Numbers::Point, "", "0"),
            (Numbers::Comma, "1.234,56", "1234.56"),
            (Numbers::Comma, "1 234,56", "1234.56"),
            (Numbers::Comma, "1\u{202f}234,56\u{a0}€", "1234.56"),
            (Numbers::Comma, "12,30 €", "12.3"),
            (Numbers::Comma, "1,429999948", "1.43"),
            (Numbers::Comma, "1.234", "1234"),
            (Numbers::Point, "1,234", "1234"),
        ] {
            assert_eq!(cost(numbers, text).as_deref(), Some(expected), "{text} as {numbers:?}");
        }
    }

    #[test]
    fn what_could_mean_something_else_is_refused() {
        for (numbers, text) in [
            (Numbers::Plain, "1,234.56"),
            (Numbers::Plain, "$1"),
            (Numbers::Plain, ""),
            (Numbers::Point, "1.234,56"),
            (Numbers::Point, "12,34"),
            (Numbers::Point, "1,2345"),
            (Numbers::Point, ",123"),
            (Numbers::Point, "1,234,56"),
            (Numbers::Point, "-1.20"),
            (Numbers::Point, "(1.20)"),
            (Numbers::Point, "12.5%"),
            (Numbers::Point, "1e3"),
            (Numbers::Point, "1."),
            (Numbers::Point, "$"),
            (Numbers::Point, "$1$"),
            (Numbers::Point, "1 234,567.8"),
            (Numbers::Comma, "1,234.56"),
            (Numbers::Comma, "12.3"),
        ] {
            assert_eq!(cost(numbers, text), None, "{text} as {numbers:?}");
        }
    }

    #[test]
    fn counts_may_have_decimals_that_say_nothing() {
        let count = |numbers: Numbers, text| numbers.count("clicks", text).ok().map(Count::get);
        assert_eq!(count(Numbers::Point, "1,234.00"), Some(1234));
        assert_eq!(count(Numbers::Comma, "12,00"), Some(12));
        assert_eq!(count(Numbers::Point, "--"), Some(0));
        assert_eq!(count(Numbers::Point, "3.50"), None);
        assert_eq!(count(Numbers::Plain, "12.00"), None);
        let error = Numbers::Point.count("clicks", "9,999,999,999,999,999").unwrap_err().to_string();
        assert!(error.contains("got \"9,999,999,999,999,999\", expected a whole number"), "{error}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in "([0-9]|[., '$€-]|\\PC){0,16}") {
            for numbers in [Numbers::Point, Numbers::Comma] {
                let _ = (numbers.cost(&text), numbers.count("clicks", &text));
            }
        }

        #[test]
        fn an_amount_is_read_back_from_both_ways_to_write_it(units in 0_i64..100_000_000_000, rest in 0_i64..1_000_000) {
            let amount = Micros::new(units * 1_000_000 + rest).unwrap();
            let digits = units.to_string();
            for (numbers, group, decimal) in [(Numbers::Point, ',', '.'), (Numbers::Comma, '.', ',')] {
                let mut written = String::new();
                for (at, digit) in digits.chars().enumerate() {
                    if at > 0 && (digits.len() - at).is_multiple_of(3) {
                        written.push(group);
                    }
                    written.push(digit);
                }
                let written = format!("{written}{decimal}{rest:06} €");
                prop_assert_eq!(numbers.cost(&written).unwrap(), (amount, false), "{}", written);
            }
        }
    }
}
