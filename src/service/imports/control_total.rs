//! The total from the ad platform, typed by a person: a file with another total cost is not imported.

use std::fmt;
use std::str::FromStr;

use crate::domain::{ExactCost, Invalid};

/// The total that an input's cost must have, compared in as many decimals as were typed, and at least two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlTotal {
    amount: ExactCost,
    decimals: usize,
}

/// Decimals that count if none were typed.
const CENTS: usize = 2;

impl FromStr for ControlTotal {
    type Err = Invalid;

    /// `58705.23`, `58,705.23`, `58.705,23`, `$58,705.23` or `58705.23 USD`.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = || Invalid::value("control total", text, "an amount such as 58705.23");
        let is_beside = |c: char| !c.is_ascii_digit() && !matches!(c, '.' | ',' | '-');
        let number: String = text.trim_matches(is_beside).chars().filter(|c| !is_blank(*c)).collect();
        let (whole, fraction) = match number.rfind(['.', ',']) {
            Some(at) if is_decimal_sign(&number, at) => (&number[..at], &number[at + 1..]),
            _ => (number.as_str(), ""),
        };
        let has_both = whole.contains('.') && whole.contains(',');
        let is_grouped = whole.split(['.', ',']).skip(1).all(|group| matches!(group.len(), 2 | 3));
        if has_both || !is_grouped {
            return Err(refuse());
        }
        let plain: String = whole.chars().filter(|c| !matches!(c, '.' | ',')).collect();
        let plain = if fraction.is_empty() { plain } else { format!("{plain}.{fraction}") };
        let amount = ExactCost::parse(&plain).map_err(|_| refuse())?;
        Ok(Self { amount, decimals: fraction.len() })
    }
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\'' | '’' | '_')
}

/// Whether the last mark is a decimal sign: another mark comes before it, or other than three digits after it.
fn is_decimal_sign(number: &str, at: usize) -> bool {
    let mark = &number[at..=at];
    let before = &number[..at];
    match (before.contains(mark), before.contains(['.', ','])) {
        (true, _) => false,
        (false, true) => true,
        // `1.234` is a decimal number as programs write it; `1,234` is a thousand as people write it.
        (false, false) => mark == "." || number.len() - at - 1 != 3,
    }
}

impl ControlTotal {
    /// Compares it with the file's total; the error names both.
    pub fn check(&self, cost: Option<&str>) -> Result<(), String> {
        let Some(cost) = cost.and_then(|cost| ExactCost::parse(cost).ok()) else {
            return Err("the file has amounts in several currencies, so they have no total".to_owned());
        };
        let unit = ExactCost::parse(&format!("1e-{}", self.decimals.max(CENTS))).unwrap_or_default();
        let difference = cost.checked_sub(self.amount).map(ExactCost::abs);
        let is_same = difference.and_then(|half| half.checked_add(half)).is_some_and(|twice| twice <= unit);
        if is_same {
            return Ok(());
        }
        let difference = difference.map_or_else(String::new, |difference| format!(", a difference of {difference}"));
        Err(format!("the file's cost comes to {cost}, expected {self}{difference}; nothing was imported"))
    }
}

impl fmt::Display for ControlTotal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.amount.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn total(text: &str) -> ControlTotal {
        text.parse().unwrap()
    }

    #[test]
    fn a_total_is_read_as_platforms_write_it() {
        for (text, amount) in [
            ("58705.23", "58705.23"),
            ("58,705.23", "58705.23"),
            ("58.705,23", "58705.23"),
            ("$58,705.23", "58705.23"),
            ("58 705,23 €", "58705.23"),
            ("58705.23 USD", "58705.23"),
            ("1,234", "1234"),
            ("1.234", "1.234"),
            ("12,5", "12.5"),
            ("1,234,567", "1234567"),
            ("0", "0"),
        ] {
            assert_eq!(total(text).to_string(), amount, "{text}");
        }
        for text in ["", "abc", "1.2.3,4,5", "--"] {
            assert!(text.parse::<ControlTotal>().is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn cents_and_every_decimal_that_is_typed_must_match() {
        assert!(total("58,705.23").check(Some("58705.229957")).is_ok());
        assert!(total("58705.229957").check(Some("58705.229957")).is_ok());
        assert!(total("58705.229958").check(Some("58705.229957")).is_err());
        assert!(total("58705").check(Some("58705.23")).is_err());
        assert!(total("58705").check(Some("58705.00")).is_ok());
        let error = total("104.01").check(Some("104")).unwrap_err();
        assert!(error.contains("comes to 104, expected 104.01, a difference of 0.01"), "{error}");
        assert!(total("1").check(None).is_err());
    }
}
