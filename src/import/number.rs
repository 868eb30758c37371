//! How numbers are written: as in the contract, or as people and spreadsheets write them.
//!
//! The contract's form is parsed directly. Otherwise decoration is removed first (a currency, the marks between groups of
//! three digits, the many forms of a minus), and the parsers of `domain` read the plain number, so that their bounds and
//! rounding apply.

use std::borrow::Cow;

use super::cell::has_plain_ends;
use super::currency::{CurrencyClaim, claim, is_sign};
use super::decisions::{DecimalSign, MoneyUnit};
use super::narrow::narrow;
use crate::domain::{Count, ExactCost, Invalid};

/// How the figures of a file are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberForm {
    /// As in contract §4.
    Contract,
    /// As people write them.
    People(DecimalSign, MoneyUnit),
}

/// Words and signs for "no value" in a cell of figures, in lower case.
const NOTHING: [&str; 20] = [
    "",
    "-",
    "--",
    "---",
    "–",
    "—",
    "−",
    "n/a",
    "na",
    "n.a.",
    "#n/a",
    "nan",
    "null",
    "#null!",
    "none",
    "nil",
    "(not set)",
    "(none)",
    "<null>",
    "\\n",
];

/// Those that also mean "no value" in a cell of text: a campaign may be called NA.
const NO_TEXT: [&str; 14] =
    ["", "-", "--", "---", "–", "—", "−", "n/a", "#n/a", "nan", "null", "#null!", "(not set)", "<null>"];

/// The longest number that can be valid.
const LONGEST: usize = 64;

/// What the currency beside an amount claims, read with this decimal sign.
pub(super) fn claim_beside(text: &str, sign: DecimalSign) -> Option<CurrencyClaim> {
    match figure(text, sign) {
        Written::Figure(Figure { claim, .. }) => claim,
        Written::Nothing | Written::Other => None,
    }
}

/// A figure without its decoration.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Figure<'a> {
    /// A plain decimal with a point.
    pub(super) plain: Cow<'a, str>,
    /// What the currency beside it claims.
    pub(super) claim: Option<CurrencyClaim>,
}

impl NumberForm {
    /// An amount, and the currency beside it.
    #[inline]
    pub(super) fn cost(self, text: &str) -> Result<(ExactCost, Option<CurrencyClaim>), Invalid> {
        let Self::People(sign, unit) = self else { return ExactCost::parse(text).map(|cost| (cost, None)) };
        let refuse = || Invalid::value("cost", text, &format!("an amount such as {}", example(sign)));
        match figure(text, sign) {
            Written::Nothing => Ok((ExactCost::ZERO, None)),
            Written::Figure(Figure { plain, claim }) => {
                let cost = ExactCost::parse_in(&plain, unit.shift()).map_err(|error| echoing(error, "cost", text))?;
                Ok((cost, claim))
            }
            Written::Other => Err(refuse()),
        }
    }

    /// How many decimals of a unit an amount is written with.
    pub(super) fn decimals(self, text: &str) -> u32 {
        let Self::People(sign, unit) = self else { return 0 };
        let Written::Figure(Figure { plain, .. }) = figure(text, sign) else { return 0 };
        let written = plain.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        u32::try_from(written).unwrap_or(u32::MAX).saturating_add(unit.shift())
    }

    /// A count. Decimals are allowed if all are zero.
    #[inline]
    pub(super) fn count(self, field: &'static str, text: &str) -> Result<Count, Invalid> {
        let Self::People(sign, _) = self else { return Count::parse(field, text) };
        if is_digits(text) {
            return Count::parse(field, text);
        }
        match figure(text, sign) {
            Written::Nothing => Ok(Count::default()),
            Written::Figure(Figure { plain, claim: None }) => {
                Count::parse(field, &plain).map_err(|error| echoing(error, field, text))
            }
            _ => Err(Invalid::value(field, text, "a whole number of at least 0")),
        }
    }
}

/// Whether a cell is only digits, as nearly all counts are.
#[inline]
pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// An amount written this way.
pub(super) fn example(sign: DecimalSign) -> &'static str {
    match sign {
        DecimalSign::Point => "1,234.56",
        DecimalSign::Comma => "1.234,56",
    }
}

/// The content of a cell of figures.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Written<'a> {
    /// No value, or a word for that.
    Nothing,
    Figure(Figure<'a>),
    Other,
}

/// Reads a figure with this decimal sign.
pub(super) fn figure(text: &str, sign: DecimalSign) -> Written<'_> {
    let text = bare(text);
    let undecorated = |plain| Written::Figure(Figure { plain, claim: None });
    if let Some(at) = undecorated_mark(text) {
        match (text.as_bytes().get(at), sign) {
            (None, _) | (Some(b'.'), DecimalSign::Point) => return undecorated(Cow::Borrowed(text)),
            (Some(b','), DecimalSign::Comma) => {
                return undecorated(Cow::Owned(text.replacen(',', ".", 1)));
            }
            // The other mark must be before the last three digits.
            (Some(_), _) if text.len() - at != 4 => return Written::Other,
            _ => {}
        }
    }
    if is_nothing(text) {
        return Written::Nothing;
    }
    if text.len() > LONGEST * 2 {
        return Written::Other;
    }
    let text = narrow(text);
    let text = if text.contains(ARABIC) { Cow::Owned(without_arabic(&text, sign)) } else { text };
    decorated(&text, sign)
        .map_or(Written::Other, |(plain, claim)| Written::Figure(Figure { plain: Cow::Owned(plain), claim }))
}

/// The Arabic signs before decimals and between thousands.
const ARABIC: [char; 2] = ['٫', '٬'];

fn without_arabic(text: &str, sign: DecimalSign) -> String {
    let group = if sign == DecimalSign::Comma { '.' } else { ',' };
    text.replace(ARABIC[0], mark(sign).encode_utf8(&mut [0; 4])).replace(ARABIC[1], group.encode_utf8(&mut [0; 4]))
}

/// Nearly all figures are digits, with at most a minus before them and one point or comma in them. Returns where that mark
/// is, or the end if there is none. `None` for any other form.
pub(super) fn undecorated_mark(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let start = usize::from(bytes.first() == Some(&b'-'));
    let digits = bytes.get(start..)?;
    if bytes.len() > 32 || !digits.first()?.is_ascii_digit() || !digits.last()?.is_ascii_digit() {
        return None;
    }
    let mut mark = bytes.len();
    for (at, byte) in (start..).zip(digits) {
        match byte {
            b'0'..=b'9' => {}
            b'.' | b',' if mark == bytes.len() => mark = at,
            _ => return None,
        }
    }
    Some(mark)
}

/// Whether a cell of figures has no value.
pub(super) fn is_nothing(text: &str) -> bool {
    is_one_of(&NOTHING, text) || is_dash_of_money(text)
}

/// `$ -`: accounting formats show zero like this.
fn is_dash_of_money(text: &str) -> bool {
    let is_dash = |c: char| c.is_whitespace() || matches!(c, '-' | '–' | '—' | '−');
    text.len() <= 12
        && is_without_digits(text)
        && text.contains(|c: char| is_dash(c) && !c.is_whitespace())
        && matches!(text.trim_matches(is_dash), mark if !mark.is_empty() && claim(mark).is_some())
}

/// Whether a cell of text has no value.
pub(super) fn is_no_text(text: &str) -> bool {
    is_one_of(&NO_TEXT, text)
}

#[inline]
fn is_one_of(words: &[&str], text: &str) -> bool {
    match text.as_bytes() {
        [] => true,
        // The first letters of those words, which few others share.
        [b'-' | 0xE2 | b'n' | b'N' | b'#' | b'(' | b'<' | b'\\', ..] if text.len() <= 9 => {
            words.iter().any(|word| word.eq_ignore_ascii_case(text))
        }
        _ => false,
    }
}

/// The cell without what spreadsheets add to values: blanks, invisible characters, `="…"`, a leading apostrophe.
#[inline]
pub(super) fn bare(text: &str) -> &str {
    let is_wrapped = matches!(text.as_bytes().first(), Some(b'=' | b'\''));
    if has_plain_ends(text) && !is_wrapped { text } else { unwrapped(text) }
}

fn unwrapped(text: &str) -> &str {
    let is_blank = |c: char| c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    let text = text.trim_matches(is_blank);
    if let Some(inner) = text.strip_prefix("=\"").and_then(|rest| rest.strip_suffix('"')) {
        return inner.trim_matches(is_blank);
    }
    match text.strip_prefix(['\'', '=']) {
        Some(rest) if rest.starts_with(|c: char| c.is_ascii_digit() || c == '-') => rest.trim_end_matches('\''),
        _ => text,
    }
}

/// A plain decimal, and the currency beside it.
fn decorated(text: &str, sign: DecimalSign) -> Option<(String, Option<CurrencyClaim>)> {
    let joined;
    let (text, in_brackets) = match text.strip_suffix(')').and_then(|rest| rest.split_once('(')) {
        Some(("", inner)) => (inner.trim(), true),
        // `$(1.50)`
        Some((before, inner)) if is_without_digits(before) && !is_without_digits(inner) => {
            joined = format!("{before}{inner}");
            (joined.as_str(), true)
        }
        _ => (text, false),
    };
    let start = text.find(|c: char| c.is_ascii_digit())?;
    // A mark right before the first digit belongs to the number: `.5`, `-.5`.
    let start =
        if text[..start].ends_with(['.', ',']) && !ends_in_word(&text[..start - 1]) { start - 1 } else { start };
    let last = text.rfind(|c: char| c.is_ascii_digit())? + 1;
    let end = if text[last..].starts_with(mark(sign)) { last + 1 } else { last };
    let mut minus = in_brackets;
    let mut around = [&text[..start], &text[end..]];
    let mut signs = 0;
    let mut claims = None;
    for part in &mut around {
        let mut rest = part.trim();
        while let Some(first) = rest.chars().next().filter(|c| is_plus_or_minus(*c)) {
            (signs, minus) = (signs + 1, minus || first != '+');
            rest = rest[first.len_utf8()..].trim_start();
        }
        while let Some(last) = rest.chars().next_back().filter(|c| is_plus_or_minus(*c)) {
            (signs, minus) = (signs + 1, minus || last != '+');
            rest = rest[..rest.len() - last.len_utf8()].trim_end();
        }
        if rest.is_empty() {
            continue;
        }
        let found = claim(rest)?;
        claims = match claims {
            None => Some(found),
            // `$12.30 CAD`: the code says which dollar it is.
            Some(before) => Some(CurrencyClaim::both(before, found)?),
        };
    }
    if signs + usize::from(in_brackets) > 1 {
        return None;
    }
    let plain = plain(&text[start..end], sign)?;
    Some((if minus { format!("-{plain}") } else { plain }, claims))
}

fn is_without_digits(text: &str) -> bool {
    !text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Whether a text ends in a letter: then the point in `Rs.500` belongs to it.
fn ends_in_word(text: &str) -> bool {
    text.ends_with(|c: char| c.is_alphabetic() || is_sign(c))
}

fn is_plus_or_minus(c: char) -> bool {
    matches!(c, '-' | '+' | '−' | '–' | '‐' | '‑' | '﹣' | '－')
}

fn mark(sign: DecimalSign) -> char {
    if sign == DecimalSign::Comma { ',' } else { '.' }
}

/// The number without marks between groups and with a decimal point; `None` if it isn't a number in this form.
fn plain(number: &str, sign: DecimalSign) -> Option<String> {
    if number.len() > LONGEST {
        return None;
    }
    let (number, exponent) = match number.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (number, None),
    };
    let (whole, decimals) = match number.rsplit_once(mark(sign)) {
        Some((whole, decimals)) => (whole, decimals),
        None => (number, ""),
    };
    let mut plain = ungrouped(whole, mark(sign))?;
    if !decimals.bytes().all(|byte| byte.is_ascii_digit()) || plain.is_empty() && decimals.is_empty() {
        return None;
    }
    if plain.is_empty() {
        plain.push('0');
    }
    if !decimals.is_empty() {
        plain.push('.');
        plain.push_str(decimals);
    }
    if let Some(exponent) = exponent {
        let digits = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        plain.push('e');
        plain.push_str(exponent);
    }
    Some(plain)
}

/// The digits of a whole number, which may have marks between groups of three (or, as in India, of two before the last
/// three).
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
        // Nobody writes a thousands mark after a zero: `0.500` is a half.
        if !(last && first && rest.iter().all(|size| *size == 3 || *size == 2)) || whole.starts_with('0') {
            return None;
        }
    }
    Some(whole.chars().filter(char::is_ascii_digit).collect())
}

/// The same error, with the text from the file.
fn echoing(error: Invalid, field: &'static str, text: &str) -> Invalid {
    match error.reason.split_once(", expected ") {
        Some((_, expected)) => Invalid::value(field, text, expected),
        None => error,
    }
}

#[cfg(test)]
mod tests;
