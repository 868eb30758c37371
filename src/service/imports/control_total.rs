//! The total from the ad platform, typed by a person: a file with another total cost is not imported.

use std::fmt;
use std::str::FromStr;

use crate::domain::{Currency, ExactCost, Invalid};
use crate::import::{CurrencyClaim, TypedFigure, typed_figure};

/// The total that an input's cost must have, compared in as many decimals as were typed, and at least two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlTotal {
    amount: ExactCost,
    decimals: usize,
    /// What stands beside it says of its currency.
    claim: Option<CurrencyClaim>,
}

/// Decimals that count if none were typed.
const CENTS: usize = 2;

impl FromStr for ControlTotal {
    type Err = Invalid;

    /// `58705.23`, `58,705.23`, `58.705,23`, `$58,705.23` or `58705.23 USD`. Of `1,234` and `1.234` the first is a thousand.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let refuse = || Invalid::value("control total", text, "an amount such as 58705.23");
        let (plain, claim) = match typed_figure(text.trim()) {
            TypedFigure::Number(plain, claim) | TypedFigure::Either(plain, _, claim) => (plain, claim),
            TypedFigure::Other => return Err(refuse()),
        };
        let amount = ExactCost::parse(&plain).map_err(|_| refuse())?;
        let decimals = plain.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        Ok(Self { amount, decimals, claim })
    }
}

impl ControlTotal {
    /// Compares it with what a file comes to in its currency; the error says both.
    pub fn check(&self, cost: Option<&str>, currency: Option<Currency>) -> Result<(), String> {
        if let (Some(claim), Some(currency)) = (self.claim, currency)
            && !claim.fits(currency)
        {
            return Err(format!(
                "the total is in {claim}, but the file's cost in {}; nothing was imported",
                currency.code()
            ));
        }
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
        for text in ["", "abc", "12 total", "1.2.3,4,5", "--"] {
            assert!(text.parse::<ControlTotal>().is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn cents_and_every_decimal_that_is_typed_must_match() {
        assert!(total("58,705.23").check(Some("58705.229957"), None).is_ok());
        assert!(total("58705.229957").check(Some("58705.229957"), None).is_ok());
        assert!(total("58705.229958").check(Some("58705.229957"), None).is_err());
        assert!(total("58705").check(Some("58705.23"), None).is_err());
        assert!(total("58705").check(Some("58705.00"), None).is_ok());
        let error = total("104.01").check(Some("104"), None).unwrap_err();
        assert!(error.contains("comes to 104, expected 104.01, a difference of 0.01"), "{error}");
        assert!(total("1").check(None, None).is_err());
        let usd = Currency::parse("USD").ok();
        assert!(total("$104").check(Some("104"), usd).is_ok() && total("104 USD").check(Some("104"), usd).is_ok());
        for (typed, cost) in [("€104", "104"), ("€1,234", "1234"), ("1.234 €", "1.234"), ("EUR 1,234", "1234")] {
            let error = total(typed).check(Some(cost), usd).unwrap_err();
            assert!(error.contains("the total is in EUR, but the file's cost in USD"), "{typed}: {error}");
            assert!(total(typed).check(Some(cost), Currency::parse("EUR").ok()).is_ok(), "{typed}");
        }
    }
}
