//! Figures as people type them: `12.50`, `12,50`, `1,234.50`, `$12`. A figure with two readings is refused with both.

use crate::domain::{Count, Currency, Invalid, Micros};
use crate::import::{CurrencyClaim, TypedFigure, typed_figure};

/// An amount of money in the advertiser's currency.
pub fn cost(field: &'static str, text: &str, currency: Currency) -> Result<Micros, Invalid> {
    let text = text.trim();
    let refuse = |reason: String| Invalid::because(field, reason);
    // The form itself writes amounts this way, so this reading always wins.
    if let Ok((amount, false)) = Micros::parse(text) {
        return Ok(amount);
    }
    let (plain, claim) = match typed_figure(text) {
        TypedFigure::Number(plain, claim) => (plain, claim),
        TypedFigure::Either(one, other, _) => {
            return Err(refuse(format!("“{text}” can be read as {one} or as {other}: write one of these")));
        }
        TypedFigure::Other if text.is_empty() => return Err(refuse("enter an amount such as 12.50".to_owned())),
        TypedFigure::Other => return Err(refuse(format!("“{text}” isn't an amount. Enter one such as 12.50"))),
    };
    let fits = |claim: CurrencyClaim| claim.fits(currency);
    if !claim.is_none_or(fits) {
        let code = currency.code();
        return Err(refuse(format!("“{text}” is not in {code}: enter the amount in {code}")));
    }
    if plain.starts_with('-') {
        return Err(refuse("an amount can't be below zero: enter what the day came to after the refund".to_owned()));
    }
    match Micros::parse(&plain) {
        Ok((amount, false)) => Ok(amount),
        Ok((_, true)) => Err(refuse(format!("“{text}” has more than 6 decimals"))),
        Err(_) => Err(refuse("enter an amount up to 100,000,000,000, such as 12.50".to_owned())),
    }
}

/// A number of clicks, views or conversions.
pub fn count(field: &'static str, text: &str) -> Result<Count, Invalid> {
    let text = text.trim();
    let whole = |plain: &str| {
        let (whole, decimals) = plain.split_once('.').unwrap_or((plain, ""));
        decimals.bytes().all(|digit| digit == b'0').then(|| Count::parse(field, whole).ok()).flatten()
    };
    let read = match typed_figure(text) {
        TypedFigure::Number(plain, None) => whole(&plain),
        TypedFigure::Either(one, other, None) => whole(&one).or_else(|| whole(&other)),
        TypedFigure::Number(..) | TypedFigure::Either(..) | TypedFigure::Other => None,
    };
    read.ok_or_else(|| Invalid::because(field, format!("“{text}” isn't a whole number. Enter one such as 1250")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_type_them() {
        let read = |text: &str, code: &str| {
            cost("cost", text, Currency::parse(code).unwrap())
                .map(|cost| cost.to_string())
                .map_err(|error| error.reason)
        };
        for (text, expected) in [
            ("12.5", "12.5"),
            ("12,50", "12.5"),
            ("1,234.50", "1234.5"),
            ("1.234,50", "1234.5"),
            ("1 234,50", "1234.5"),
            ("$12", "12"),
            ("USD 12", "12"),
            ("1.234", "1.234"),
            (" 0 ", "0"),
        ] {
            assert_eq!(read(text, "USD").as_deref(), Ok(expected), "{text}");
        }
        assert!(read("1,234", "USD").unwrap_err().contains("1234 or as 1.234"));
        for text in ["", "-", "-5", "abc", "€12", "12 EUR", "1.0000001"] {
            assert!(read(text, "USD").is_err(), "{text} was read");
        }
        assert_eq!(read("€12", "EUR").as_deref(), Ok("12"));
    }

    #[test]
    fn counts_may_be_grouped() {
        for text in ["1250", "1,250", "1.250", "1 250"] {
            assert_eq!(count("clicks", text).map(|count| count.get()), Ok(1250), "{text}");
        }
        for text in ["", "-1", "1.5", "many", "$5", "$1,250"] {
            assert!(count("clicks", text).is_err(), "{text} was read");
        }
    }
}
