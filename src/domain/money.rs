//! Money as whole millionths of a currency unit. No float ever touches it.

use std::fmt;
use std::iter::Sum;
use std::ops::AddAssign;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Invalid;
use super::digits::{ShortText, write_fraction, write_whole};

const MICROS_PER_UNIT: i64 = 1_000_000;
const DECIMALS: usize = 6;

/// An amount of 0 to 100,000,000,000 currency units, exact to the millionth.
///
/// The upper bound keeps a row's figure far from the limit of 64 bits; sums over rows are [`MicrosSum`]. There are no
/// negative amounts: a refund lowers the cost of the day it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Micros(i64);

impl Micros {
    /// The largest amount of one row: 10^11 units. `schema.sql` checks the same bound.
    pub const MAX: Self = Self(100_000_000_000 * MICROS_PER_UNIT);

    /// An amount from its stored millionths.
    #[expect(clippy::inline_always, reason = "measured: each row of a report is checked")]
    #[inline(always)]
    pub fn new(micros: i64) -> Result<Self, Invalid> {
        if (0..=Self::MAX.0).contains(&micros) { Ok(Self(micros)) } else { Err(Self::out_of_bounds(micros)) }
    }

    #[cold]
    fn out_of_bounds(micros: i64) -> Invalid {
        Invalid::value("cost", &micros.to_string(), "0 to 100000000000 units, in millionths")
    }

    /// The whole millionths, as stored.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }

    /// The sum, if it still fits one row.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).filter(|sum| *sum <= Self::MAX.0).map(Self)
    }

    /// Reads a plain decimal such as `69`, `12.5` or `.000001`.
    ///
    /// More than six decimals are rounded half to even; the flag says whether there were any. Signs, exponents, currency
    /// signs and thousands separators are refused, because their meaning differs from file to file.
    ///
    /// ```
    /// use pitlane::domain::Micros;
    /// assert_eq!(Micros::parse("1.429999948").unwrap(), (Micros::new(1_430_000).unwrap(), true));
    /// assert_eq!(Micros::parse("0.0000005").unwrap().0.to_string(), "0");
    /// assert_eq!(Micros::parse("0.0000015").unwrap().0.to_string(), "0.000002");
    /// assert!(Micros::parse("1e3").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<(Self, bool), Invalid> {
        let refuse = || Invalid::value("cost", text, "a decimal number of at least 0 with a point, such as 12.5");
        let (whole, fraction) = match text.split_once('.') {
            Some((_, "")) => return Err(refuse()),
            Some((whole, fraction)) => (whole, fraction),
            None if text.is_empty() => return Err(refuse()),
            None => (text, ""),
        };
        if !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
            return Err(refuse());
        }
        let (kept, cut) = fraction.split_at(fraction.len().min(DECIMALS));
        let digits = whole.bytes().chain(kept.bytes()).chain(std::iter::repeat_n(b'0', DECIMALS - kept.len()));
        let mut micros = 0_i64;
        for digit in digits {
            micros = (micros * 10) + i64::from(digit - b'0');
            if micros > Self::MAX.0 {
                return Err(Invalid::value("cost", text, "at most 100000000000"));
            }
        }
        micros += i64::from(rounds_up(micros, cut.as_bytes()));
        Self::new(micros)
            .map(|amount| (amount, !cut.is_empty()))
            .map_err(|_| Invalid::value("cost", text, "at most 100000000000"))
    }

    /// Appends the shortest exact decimal: `69`, `12.5`, `0.000001`; never an exponent.
    #[inline(always)]
    pub fn write_to(self, out: &mut ShortText<'_>) {
        const UNIT: u64 = MICROS_PER_UNIT.unsigned_abs();
        // An amount is never negative, so the cast keeps its value.
        let micros = self.0.unsigned_abs();
        write_whole(micros / UNIT, out);
        write_fraction(micros % UNIT, out);
    }
}

/// Whether the digits after the last one kept round it up, half to even.
fn rounds_up(kept: i64, cut: &[u8]) -> bool {
    let Some((first, rest)) = cut.split_first() else { return false };
    let beyond_half = rest.iter().any(|digit| *digit != b'0');
    match first {
        b'0'..=b'4' => false,
        b'5' if !beyond_half => kept % 2 == 1,
        _ => true,
    }
}

impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        MicrosSum::from(*self).fmt(f)
    }
}

/// A sum of amounts, wide enough for any number of rows, so adding never fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct MicrosSum(u128);

impl MicrosSum {
    /// From millionths as the database stores them, which are never negative.
    #[must_use]
    pub fn from_stored(micros: i64) -> Self {
        Self(u128::from(micros.unsigned_abs()))
    }

    /// The whole millionths, if they fit the database's integers.
    #[must_use]
    pub fn to_stored(self) -> Option<i64> {
        i64::try_from(self.0).ok()
    }

    #[must_use]
    pub fn micros(self) -> i128 {
        i128::try_from(self.0).unwrap_or(i128::MAX)
    }
}

impl MicrosSum {
    /// From whole units and millionths, neither negative.
    #[must_use]
    pub fn from_parts(units: i64, micros: i64) -> Self {
        let unit = u128::from(MICROS_PER_UNIT.unsigned_abs());
        Self(u128::from(units.unsigned_abs()) * unit + u128::from(micros.unsigned_abs()))
    }

    /// Whole units, as far as the database's integers reach, and the remaining millionths.
    #[must_use]
    pub fn to_parts(self) -> (i64, i64) {
        let unit = u128::from(MICROS_PER_UNIT.unsigned_abs());
        let part = |number: u128| i64::try_from(number).unwrap_or(i64::MAX);
        (part(self.0 / unit), part(self.0 % unit))
    }

    /// The amount divided by `count`, rounded half up; `None` if `count` is zero or less.
    #[must_use]
    pub fn per(self, count: i64) -> Option<Self> {
        let count = u128::try_from(count).ok().filter(|count| *count > 0)?;
        Some(Self((self.0 + count / 2) / count))
    }

    /// How many of `parts` equal parts of `whole` it is, rounded half up; `None` if the whole is zero.
    #[must_use]
    pub fn of(self, whole: Self, parts: u128) -> Option<u128> {
        (whole.0 > 0).then(|| (self.0.saturating_mul(parts) + whole.0 / 2) / whole.0)
    }

    /// The amount with exactly `decimals` decimals, rounded half to even, in units of the last one.
    #[must_use]
    pub fn rounded(self, decimals: usize) -> u128 {
        let unit = 10_u128.pow(u32::try_from(DECIMALS.saturating_sub(decimals)).unwrap_or(0));
        let (whole, rest) = (self.0 / unit, self.0 % unit);
        let up = rest * 2 > unit || (rest * 2 == unit && whole % 2 == 1);
        whole + u128::from(up)
    }
}

impl MicrosSum {
    /// A sum of this many millionths.
    #[must_use]
    pub const fn from_micros(micros: u128) -> Self {
        Self(micros)
    }
}

/// As JSON a sum is its shortest exact decimal, in a string.
impl Serialize for MicrosSum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MicrosSum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let micros = (fraction.len() <= DECIMALS).then(|| format!("{whole}{fraction:0<DECIMALS$}").parse().ok());
        micros.flatten().map(Self).ok_or_else(|| serde::de::Error::custom("expected a sum of money"))
    }
}

impl From<Micros> for MicrosSum {
    fn from(amount: Micros) -> Self {
        Self(u128::from(amount.0.unsigned_abs()))
    }
}

impl AddAssign for MicrosSum {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sum<Micros> for MicrosSum {
    fn sum<I: Iterator<Item = Micros>>(amounts: I) -> Self {
        amounts.fold(Self::default(), |mut sum, amount| {
            sum += amount.into();
            sum
        })
    }
}

/// The shortest exact decimal.
impl fmt::Display for MicrosSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNIT: u128 = MICROS_PER_UNIT.unsigned_abs() as u128;
        let (whole, fraction) = (self.0 / UNIT, self.0 % UNIT);
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        let digits = format!("{fraction:06}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

/// The difference of two sums in millionths, which can be negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct MicrosDifference(i128);

impl MicrosDifference {
    /// A difference of this many millionths.
    #[must_use]
    pub fn new(micros: i128) -> Self {
        Self(micros)
    }

    /// The absolute value.
    #[must_use]
    pub fn amount(self) -> MicrosSum {
        MicrosSum(self.0.unsigned_abs())
    }

    /// Whether it is negative.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.0 < 0
    }
}

/// The shortest exact decimal, with a hyphen if it is negative.
impl fmt::Display for MicrosDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.is_negative() { "-" } else { "" }, self.amount())
    }
}

/// An ISO 4217 currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The default currency of an advertiser.
    pub const USD: Self = Self(iso_currency::Currency::USD);

    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }

    /// The usual number of decimals of its amounts; two if the standard has none.
    #[must_use]
    pub fn decimals(self) -> usize {
        self.0.exponent().map_or(2, usize::from)
    }

    /// Reads a three-letter code; lower case is accepted.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        iso_currency::Currency::from_code(&text.trim().to_ascii_uppercase())
            .map(Self)
            .ok_or_else(|| Invalid::value("currency", text, "an ISO 4217 code such as USD"))
    }
}

impl TryFrom<String> for Currency {
    type Error = Invalid;

    fn try_from(code: String) -> Result<Self, Invalid> {
        Self::parse(&code)
    }
}

impl From<Currency> for &'static str {
    fn from(currency: Currency) -> Self {
        currency.code()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rendered(amount: Micros) -> String {
        let mut room = [0; 32];
        let mut out = ShortText::new(&mut room);
        amount.write_to(&mut out);
        let length = out.length();
        String::from_utf8(room[..length].to_vec()).unwrap()
    }

    #[test]
    fn amounts_are_written_in_their_shortest_form() {
        for (micros, text) in [
            (0, "0"),
            (1, "0.000001"),
            (12_500_000, "12.5"),
            (69_000_000, "69"),
            (1_000_010, "1.00001"),
            (Micros::MAX.get(), "100000000000"),
        ] {
            let amount = Micros::new(micros).unwrap();
            assert_eq!(rendered(amount), text);
            assert_eq!(amount.to_string(), text);
        }
    }

    #[test]
    fn decimals_past_the_sixth_round_half_to_even() {
        for (text, micros, rounded) in [
            ("1.820000023", 1_820_000, true),
            ("0.0000005", 0, true),
            ("0.0000015", 2, true),
            ("0.00000050000000000000000001", 1, true),
            ("0.0000025", 2, true),
            ("0.9999995", 1_000_000, true),
            ("1.5", 1_500_000, false),
            (".5", 500_000, false),
            ("007", 7_000_000, false),
        ] {
            assert_eq!(Micros::parse(text).unwrap(), (Micros(micros), rounded), "{text}");
        }
    }

    #[test]
    fn the_cost_of_a_click_is_rounded_half_up() {
        let per = |micros, clicks| MicrosSum::from_micros(micros).per(clicks).map(|each| each.0);
        assert_eq!([per(10, 4), per(9, 4), per(7, 1), per(0, 5)], [3, 2, 7, 0].map(Some));
        assert_eq!((per(7, 0), per(7, -1)), (None, None));
    }

    #[test]
    fn what_is_not_a_plain_amount_is_refused() {
        for text in
            ["", ".", "5.", "-1", "+1", "1e3", "1,5", "$1", "1.2.3", "NaN", "١", "1 000", "100000000000.0000006"]
        {
            assert!(Micros::parse(text).is_err(), "{text:?} was accepted");
        }
        assert!(Micros::parse(&"9".repeat(10_000)).is_err());
    }

    #[test]
    fn currencies_are_iso_4217() {
        assert_eq!(Currency::parse(" eur ").unwrap().code(), "EUR");
        assert!(Currency::parse("EURO").is_err());
        assert!(Currency::parse("ZZZ").is_err());
    }

    proptest! {
        #[test]
        fn writing_and_reading_an_amount_is_the_identity(micros in 0..=Micros::MAX.get()) {
            let amount = Micros(micros);
            prop_assert_eq!(Micros::parse(&rendered(amount)).unwrap(), (amount, false));
            prop_assert_eq!(rendered(amount), amount.to_string());
        }

        #[test]
        fn rounding_is_off_by_at_most_half_a_millionth(whole in 0_u64..1_000_000, fraction in "[0-9]{7,18}") {
            let (amount, rounded) = Micros::parse(&format!("{whole}.{fraction}")).unwrap();
            prop_assert!(rounded);
            // The same number in units of 10^-18, if no digit was cut.
            let exact = u128::from(whole) * 10_u128.pow(18) + format!("{fraction:0<18}").parse::<u128>().unwrap();
            let kept = u128::from(amount.get().unsigned_abs()) * 10_u128.pow(12);
            let off = exact.abs_diff(kept);
            prop_assert!(off < 500_000_000_000 || (off == 500_000_000_000 && amount.get() % 2 == 0));
        }
    }
}
