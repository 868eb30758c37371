//! Figures that people type into a form. No file shows their decimal sign, so both are tried.

use super::currency::CurrencyClaim;
use super::decisions::DecimalSign;
use super::number::{Figure, Written, figure};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypedFigure {
    /// A plain decimal with a point, and what the currency beside it claims.
    Number(String, Option<CurrencyClaim>),
    /// Two different numbers, depending on the decimal sign, and what the currency beside them claims.
    Either(String, String, Option<CurrencyClaim>),
    Other,
}

/// Reads what somebody typed.
#[must_use]
pub fn typed_figure(text: &str) -> TypedFigure {
    let read = |sign| match figure(text, sign) {
        Written::Figure(Figure { plain, claim }) => Some((plain.into_owned(), claim)),
        Written::Nothing | Written::Other => None,
    };
    let same = |one: &str, other: &str| {
        let bare = |text: &str| match text.split_once('.') {
            Some((whole, decimals)) => format!("{whole}.{}", decimals.trim_end_matches('0')),
            None => format!("{text}."),
        };
        bare(one) == bare(other)
    };
    match (read(DecimalSign::Point), read(DecimalSign::Comma)) {
        (Some((plain, claim)), None) | (None, Some((plain, claim))) => TypedFigure::Number(plain, claim),
        (Some((one, claim)), Some((other, _))) if same(&one, &other) => TypedFigure::Number(one, claim),
        (Some((one, claim)), Some((other, _))) => TypedFigure::Either(one, other, claim),
        (None, None) => TypedFigure::Other,
    }
}
