//! How days, moments, amounts and counts are written on pages.

use std::borrow::Cow;

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::phrase::grouped;
pub use crate::domain::phrase::{count, day, plural, span};
use crate::domain::{Currency, Day, DayState, MicrosSum, ZoneClock};

/// A stored day; empty if it is out of range.
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

/// `1,234.50`, with the usual decimals of the currency, or with all if it would read as zero.
#[must_use]
pub fn amount(sum: MicrosSum, currency: Currency) -> String {
    decimals(sum, currency.decimals().min(6))
}

/// The same with two more decimals, for small amounts such as cost per click.
#[must_use]
pub fn fine(sum: MicrosSum, currency: Currency) -> String {
    decimals(sum, (currency.decimals() + 2).min(6))
}

fn decimals(sum: MicrosSum, decimals: usize) -> String {
    let rounded = sum.rounded(decimals);
    if rounded == 0 && sum != MicrosSum::default() {
        return sum.to_string();
    }
    let digits = format!("{:0>width$}", rounded.to_string(), width = decimals + 1);
    let (whole, fraction) = digits.split_at(digits.len() - decimals);
    if fraction.is_empty() { grouped(whole) } else { format!("{}.{fraction}", grouped(whole)) }
}

/// An exact amount, its whole part in groups: `58,705.229957`.
#[must_use]
pub fn exact(amount: &str) -> String {
    match amount.split_once('.') {
        Some((whole, fraction)) => format!("{}.{fraction}", grouped(whole)),
        None => grouped(amount),
    }
}

/// A round amount beside a chart: `0.2`, `400`, `20 k`, `4 M`.
#[must_use]
pub fn axis(micros: u128) -> String {
    const UNITS: [(u128, &str); 4] = [
        (1_000_000_000_000_000_000, " tn"),
        (1_000_000_000_000_000, " bn"),
        (1_000_000_000_000, " M"),
        (10_000_000_000, " k"),
    ];
    let unit = UNITS.iter().find(|(from, _)| micros >= *from);
    let (divisor, mark) = unit
        .map_or((1_000_000, ""), |(from, mark)| if *mark == " k" { (1_000_000_000, *mark) } else { (*from, *mark) });
    let (whole, rest) = (micros / divisor, micros % divisor);
    let mut text = grouped(&whole.to_string());
    if rest > 0 {
        let width = divisor.ilog10() as usize;
        let fraction = format!("{rest:0>width$}");
        text = format!("{text}.{}", fraction.trim_end_matches('0'));
    }
    text + mark
}

/// By how much the cost changed.
#[derive(Debug, Clone, Copy)]
pub struct CostChange {
    is_more: bool,
    /// The change in thousandths of the earlier cost.
    permille: u128,
}

/// The change from `before`; `None` if there was no cost before.
#[must_use]
pub fn change(now: MicrosSum, before: MicrosSum) -> Option<CostChange> {
    let (now, before) = (now.rounded(6), before.rounded(6));
    let difference = now.abs_diff(before);
    (before > 0).then(|| CostChange {
        is_more: now > before,
        permille: (difference.saturating_mul(1000) + before / 2) / before,
    })
}

impl CostChange {
    fn percent(self) -> String {
        let whole = i64::try_from(self.permille / 10).unwrap_or(i64::MAX);
        if whole > 999 {
            return "> 999 %".to_owned();
        }
        if whole >= 100 { format!("{} %", count(whole)) } else { format!("{whole}.{} %", self.permille % 10) }
    }

    /// `4.2 % more cost than May`
    #[must_use]
    pub fn against(self, before: &str) -> String {
        match (self.permille, self.is_more) {
            (0, _) => format!("the same cost as {before}"),
            (_, true) => format!("{} more cost than {before}", self.percent()),
            (_, false) => format!("{} less cost than {before}", self.percent()),
        }
    }
}

/// `▲ 4.2 %`
impl std::fmt::Display for CostChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.permille, self.is_more) {
            (0, _) => f.write_str("= 0 %"),
            (_, true) => write!(f, "▲ {}", self.percent()),
            (_, false) => write!(f, "▼ {}", self.percent()),
        }
    }
}

/// `36 %` of the whole.
#[must_use]
pub fn share(part: MicrosSum, whole: MicrosSum) -> String {
    match part.of(whole, 1000) {
        None => "–".to_owned(),
        Some(0) if part == MicrosSum::default() => "0 %".to_owned(),
        Some(0) => "< 0.1 %".to_owned(),
        Some(permille @ 1..=9) => format!("0.{permille} %"),
        Some(permille) => format!("{} %", (permille + 5) / 10),
    }
}

/// `Firefox on Windows`, if the user agent says so, else the beginning of its text.
#[must_use]
pub fn browser(agent: &str) -> String {
    let first =
        |known: &[(&str, &'static str)]| known.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    // Each of these also names those below it.
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

/// A day state's label.
#[must_use]
pub fn day_state(state: DayState) -> &'static str {
    match state {
        DayState::Provisional => "Provisional",
        DayState::Final => "Final",
    }
}

/// A name of at most 100 characters: a longer one loses its middle, because names often differ at the end only.
#[must_use]
pub fn short(name: &str) -> Cow<'_, str> {
    both_ends(name, 60, 39)
}

/// A name of at most 32 characters, for a heading that says more than the name: so its verb and its amounts stay in sight.
#[must_use]
pub fn in_heading(name: &str) -> Cow<'_, str> {
    both_ends(name, 20, 11)
}

/// The first and last characters of a name that is longer than those and a dot.
fn both_ends(name: &str, first: usize, last: usize) -> Cow<'_, str> {
    let length = name.chars().count();
    if length <= first + 1 + last {
        return Cow::Borrowed(name);
    }
    let part = |from: usize, count: usize| name.chars().skip(from).take(count).collect::<String>();
    Cow::Owned(format!("{}…{}", part(0, first), part(length - last, last)))
}

/// A name that keeps its own direction beside other text: one with letters written from right to left is isolated.
#[must_use]
pub fn isolated(name: &str) -> Cow<'_, str> {
    let is_leftward = |c: char| matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}');
    if name.contains(is_leftward) { Cow::Owned(format!("\u{2068}{name}\u{2069}")) } else { Cow::Borrowed(name) }
}

/// Text that spreadsheets don't read as a formula.
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
    fn long_names_keep_both_ends() {
        let long = format!("{}{}", "ä".repeat(400), "z".repeat(100));
        assert_eq!(short(&long), format!("{}…{}", "ä".repeat(60), "z".repeat(39)));
        let just = "ä".repeat(100);
        assert_eq!(short(&just), just);
        assert_eq!(short(&format!("{just}ä")).chars().count(), 100);
        assert_eq!(in_heading(&long), format!("{}…{}", "ä".repeat(20), "z".repeat(11)));
        assert_eq!(in_heading("AOS_TEST_2025"), "AOS_TEST_2025");
    }

    #[test]
    fn only_names_written_leftward_are_isolated() {
        assert_eq!(isolated("11 קמפיין"), "\u{2068}11 קמפיין\u{2069}");
        assert_eq!(isolated("Söhne 日本"), "Söhne 日本");
    }

    #[test]
    fn amounts_are_grouped_and_follow_the_currency() {
        let sum = |micros| MicrosSum::from(Micros::new(micros).unwrap());
        let amount = |micros, code| super::amount(sum(micros), Currency::parse(code).unwrap());
        assert_eq!(amount(1_234_500_000, "USD"), "1,234.50");
        assert_eq!(amount(5_000, "USD"), "0.005");
        assert_eq!(amount(15_000, "USD"), "0.02");
        assert_eq!(amount(1_234_500_000, "JPY"), "1,234");
        assert_eq!(amount(1_234_567_800, "KWD"), "1,234.568");
    }
}
