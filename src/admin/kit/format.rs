//! How days, moments, amounts and counts are written on pages.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::phrase::grouped;
pub use crate::domain::phrase::{count, day, plural, span};
use crate::domain::{Currency, Day, DayState, MicrosSum, ZoneClock};

/// A stored day, where there is one.
#[must_use]
pub fn stored_day(stored: i64) -> String {
    Day::from_stored(stored).map(day).unwrap_or_default()
}

/// `22 Nov 2026, 14:03 EST`
#[must_use]
pub fn moment(at: DateTime<Utc>, zone: &ZoneClock) -> String {
    let (time, name) = zone.at(at);
    format!("{} {name}", time.format("%-d %b %Y, %H:%M"))
}

/// `22 Nov 2026` in that zone.
#[must_use]
pub fn moment_day(at: DateTime<Utc>, zone: &ZoneClock) -> String {
    zone.at(at).0.format("%-d %b %Y").to_string()
}

/// `3 days ago`
#[must_use]
pub fn ago(span: TimeDelta) -> String {
    format!("{} ago", self::span(span))
}

/// `1,234.50`, with as many decimals as the currency is written with.
#[must_use]
pub fn amount(sum: MicrosSum, currency: Currency) -> String {
    let decimals = currency.decimals().min(6);
    let digits = format!("{:0>width$}", sum.rounded(decimals).to_string(), width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    if fraction.is_empty() { grouped(whole) } else { format!("{}.{fraction}", grouped(whole)) }
}

/// `Firefox on Windows`, as far as the agent's text says so; else its beginning.
#[must_use]
pub fn browser(agent: &str) -> String {
    let first =
        |known: &[(&str, &'static str)]| known.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    // Each of them claims to be those further down.
    let browsers =
        [("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")];
    let systems = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    match (first(&browsers), first(&systems)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        _ if agent.is_empty() => "Unnamed".to_owned(),
        _ => agent.chars().take(40).collect(),
    }
}

/// `4,200 kB`
#[must_use]
pub fn bytes(number: i64) -> String {
    match number {
        ..=9_999 => format!("{} B", count(number)),
        10_000..=9_999_999 => format!("{} kB", count(number / 1000)),
        _ => format!("{} MB", count(number / 1_000_000)),
    }
}

/// `850 µs`, `12 ms`, `3 s`
#[must_use]
pub fn duration(micros: i64) -> String {
    match micros {
        ..=999 => format!("{micros} µs"),
        1_000..=9_999_999 => format!("{} ms", count(micros / 1000)),
        _ => format!("{} s", count(micros / 1_000_000)),
    }
}

/// What a day is called on pages.
#[must_use]
pub fn day_state(state: DayState) -> &'static str {
    match state {
        DayState::Provisional => "Provisional",
        DayState::Final => "Final",
    }
}

/// Text that no spreadsheet takes for a formula.
#[must_use]
pub fn unformulaic(text: &str) -> String {
    let starts_one = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    if starts_one { format!("'{text}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Micros;

    #[test]
    fn formulas_become_text() {
        for text in ["=1+1", "+1", "-1", "@SUM(A1)", "＝1"] {
            assert_eq!(unformulaic(text), format!("'{text}"));
        }
        assert_eq!(unformulaic("AOS_TEST_2025"), "AOS_TEST_2025");
    }

    #[test]
    fn amounts_are_grouped_and_follow_the_currency() {
        let sum = |micros| MicrosSum::from(Micros::new(micros).unwrap());
        let amount = |micros, code| super::amount(sum(micros), Currency::parse(code).unwrap());
        assert_eq!(amount(1_234_500_000, "USD"), "1,234.50");
        assert_eq!(amount(5_000, "USD"), "0.00");
        assert_eq!(amount(15_000, "USD"), "0.02");
        assert_eq!(amount(1_234_500_000, "JPY"), "1,234");
        assert_eq!(amount(1_234_567_800, "KWD"), "1,234.568");
    }
}
