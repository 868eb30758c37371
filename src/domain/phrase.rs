//! Counts, periods and days in sentences, for pages, e-mails and the command line.

use chrono::TimeDelta;

use crate::domain::Day;

/// `22 Nov 2026`
#[must_use]
pub fn day(day: Day) -> String {
    day.date().format("%-d %b %Y").to_string()
}

/// A period in its most useful unit: `3 days`.
#[must_use]
pub fn span(span: TimeDelta) -> String {
    let minutes = span.num_minutes().abs();
    let (number, unit) = match minutes {
        0 => return "less than a minute".to_owned(),
        1..=119 => (minutes, "minute"),
        120..=2879 => (minutes / 60, "hour"),
        _ => (minutes / 1440, "day"),
    };
    plural(number, unit)
}

/// `1 day`, `1,143 rows`
#[must_use]
pub fn plural(number: i64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// `an offer`, `a publisher`
#[must_use]
pub fn with_article(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u', 'A', 'E', 'I', 'O', 'U']) { "an" } else { "a" };
    format!("{article} {noun}")
}

/// `1,143`
#[must_use]
pub fn count(number: i64) -> String {
    grouped(&number.to_string())
}

/// A whole number's digits in groups of three.
#[must_use]
pub fn grouped(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && !out.ends_with('-') {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_article_fits_its_noun() {
        assert_eq!(["app", "offer", "publisher"].map(with_article), ["an app", "an offer", "a publisher"]);
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!([count(0), count(999), count(1_143), count(-1_234_567)], ["0", "999", "1,143", "-1,234,567"]);
    }

    #[test]
    fn spans_are_told_in_one_unit() {
        assert_eq!(span(TimeDelta::minutes(1)), "1 minute");
        assert_eq!(span(TimeDelta::hours(30)), "30 hours");
        assert_eq!(span(TimeDelta::days(12)), "12 days");
    }
}
