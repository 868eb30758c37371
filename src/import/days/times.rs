//! Times and zones after a date: they are checked and removed.

use std::borrow::Cow;

/// The text without a time and a zone after its date; `None` if the rest is neither.
pub(super) fn without_time(text: &str) -> Option<Cow<'_, str>> {
    let Some(colon) = text.find(':') else { return without_hour(text).map(Cow::Borrowed) };
    let start = text[..colon].trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (date, time) = text.split_at(start);
    let mut rest = time;
    let mut number = |most: u32, first: bool| -> Option<bool> {
        let digits = if first { rest } else { rest.strip_prefix(':').unwrap_or_default() };
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        if !(1..=2).contains(&end) {
            return Some(false).filter(|_| !first);
        }
        let fits = digits[..end].parse::<u32>().is_ok_and(|value| value <= most);
        rest = &digits[end..];
        fits.then_some(true)
    };
    number(24, true)?;
    if !number(59, false)? {
        return None;
    }
    number(60, false)?;
    if let Some(fraction) = rest.strip_prefix(['.', ',']) {
        rest = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    let date = date.trim_end_matches(['T', 't', ',', ' ', '\u{a0}', '\u{202f}', '_', '-']);
    if is_zone(rest) {
        return Some(Cow::Borrowed(date));
    }
    // `Tue Aug 1 00:00:00 UTC 2023`
    let (zone, year) = rest.rsplit_once(' ')?;
    let is_year = year.len() == 4 && year.bytes().all(|byte| byte.is_ascii_digit());
    (is_year && is_zone(zone)).then(|| Cow::Owned(format!("{date} {year}")))
}

/// Zones that can follow a day without a time.
const ZONES: [&str; 20] = [
    "UTC", "GMT", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT", "CET", "CEST", "EET", "EEST", "WET", "BST",
    "MSK", "IST", "JST", "KST",
];

/// The same for an hour alone, as in `8/1/2023 12 AM` and `2023-08-01T00`.
fn without_hour(text: &str) -> Option<&str> {
    let lower = text.to_ascii_lowercase();
    for half in ["am", "pm"] {
        if let Some(rest) = lower.strip_suffix(half) {
            let hour = rest.trim_end().rsplit(' ').next().unwrap_or_default();
            let is_hour = matches!(hour.parse::<u32>(), Ok(1..=12)) && rest.trim_end().len() > hour.len();
            return is_hour.then(|| text[..rest.trim_end().len() - hour.len()].trim_end_matches([',', ' ']));
        }
    }
    if let Some((date, hour)) = text.split_once(['T', ' '])
        && date.len() == 10
        && date.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-')
        && hour.len() == 2
        && hour.parse::<u32>().is_ok_and(|hour| hour < 24)
    {
        return Some(date);
    }
    let text = text.trim_end_matches(['Z', 'z']);
    let without_zone = text.rsplit_once(' ').filter(|(_, zone)| ZONES.contains(zone)).map(|(date, _)| date);
    Some(without_zone.unwrap_or(text))
}

/// Whether what follows a time is at most AM or PM and a zone.
fn is_zone(text: &str) -> bool {
    const HALVES: [&str; 6] = ["am", "pm", "a.m.", "p.m.", "a.m", "p.m"];
    let is_offset = |word: &str| {
        let digits = word.strip_prefix(['+', '-', '−']).map(|rest| rest.replace(':', ""));
        digits
            .is_some_and(|digits| matches!(digits.len(), 1 | 2 | 4) && digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let is_name = |word: &str| {
        (1..=30).contains(&word.len()) && word.chars().all(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '_'))
            || word.split_once(['+', '-']).is_some_and(|(name, rest)| {
                matches!(name.to_ascii_lowercase().as_str(), "utc" | "gmt")
                    && !rest.is_empty()
                    && rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b':')
            })
    };
    // `+02:00[Europe/Berlin]`
    let text = text.replace(['[', '('], " ").replace([']', ')'], " ");
    text.split_whitespace()
        .all(|word| HALVES.contains(&word.to_ascii_lowercase().as_str()) || is_offset(word) || is_name(word))
}
