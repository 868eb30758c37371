//! Replaces digits of other scripts, and the wide signs of East Asian texts, with plain ones. The readers of numbers and days
//! use it.

use std::borrow::Cow;

/// The zeros of scripts with decimal digits; nine more digits follow each.
const ZEROS: [char; 15] = [
    '\u{0660}', '\u{06F0}', '\u{0966}', '\u{09E6}', '\u{0A66}', '\u{0AE6}', '\u{0B66}', '\u{0BE6}', '\u{0C66}',
    '\u{0CE6}', '\u{0D66}', '\u{0E50}', '\u{0ED0}', '\u{1040}', '\u{FF10}',
];

/// The text with plain digits and signs; unchanged if it has no others.
pub(super) fn narrow(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || text.chars().all(|c| plain(c) == c) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(plain).collect())
}

fn plain(c: char) -> char {
    if c < '\u{0660}' {
        return c;
    }
    match c {
        '＄' | '﹩' => '$',
        '．' => '.',
        '，' => ',',
        '／' => '/',
        '：' => ':',
        '－' | '‐' | '‑' => '-',
        '（' => '(',
        '）' => ')',
        _ => ZEROS.iter().find_map(|zero| digit(c, *zero)).unwrap_or(c),
    }
}

fn digit(c: char, zero: char) -> Option<char> {
    let value = u32::from(c).checked_sub(u32::from(zero)).filter(|value| *value < 10)?;
    char::from_digit(value, 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_any_script_are_digits() {
        for (text, plain) in [
            ("١٢٫٥", "12٫5"),
            ("۲۰۲۳-۰۸-۰۱", "2023-08-01"),
            ("१२.५०", "12.50"),
            ("２０２３／８／１", "2023/8/1"),
            ("＄１，２３４", "$1,234"),
            ("（１．５０）", "(1.50)"),
            ("２０２３－０８－０１ ０９：３０", "2023-08-01 09:30"),
            ("2023‑08‑01", "2023-08-01"),
            ("Köln", "Köln"),
        ] {
            assert_eq!(narrow(text), plain);
        }
        assert!(matches!(narrow("Münzen 12,5"), Cow::Borrowed(_)));
    }
}
