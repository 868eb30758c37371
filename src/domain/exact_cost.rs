//! A cost exactly as a file states it, before it is rounded to millionths. No float ever touches it.

use std::fmt;

use super::{Invalid, Micros, MicrosSum};

/// A cost as stated: exact to 10^-24 of a unit; negative for a credit.
///
/// Lines of one cell are summed exactly and rounded once, by [`Self::rounded`] (contract §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct ExactCost(i128);

/// Decimals that are kept exactly.
const DECIMALS: i64 = 24;

/// 10^-24 units in a millionth.
const IN_A_MICRO: i128 = 10_i128.pow(18);

/// Digits that fit the mantissa.
const DIGITS: usize = 38;

/// The largest exponent that is computed; a larger one is beyond every valid amount.
const MAX_EXPONENT: i64 = 60;

/// The largest amount of a line, positive or negative.
const MAX: i128 = Micros::MAX.get() as i128 * IN_A_MICRO;

impl ExactCost {
    pub const ZERO: Self = Self(0);

    /// Reads a decimal number with a point, such as `69`, `-12.5`, `.000001` or `1e-06`.
    ///
    /// Digits past the 24th decimal only count towards which way the amount is rounded.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        Self::parse_in(text, 0)
    }

    /// The same for an amount that is stated in units of 10^-`shift`: 6 for millionths, 2 for hundredths.
    pub fn parse_in(text: &str, shift: u32) -> Result<Self, Invalid> {
        match plain_micros(text) {
            Some(micros) if shift == 0 => Ok(Self(i128::from(micros) * IN_A_MICRO)),
            _ => Self::parse_any(text, shift),
        }
    }

    fn parse_any(text: &str, shift: u32) -> Result<Self, Invalid> {
        let refuse = || Invalid::value("cost", text, "a decimal number with a point, such as 12.5");
        let Decimal { negative, mantissa, cut, exponent } = Decimal::parse(text).ok_or_else(refuse)?;
        let too_large = || Invalid::value("cost", text, "at most 100000000000");
        let scale = DECIMALS + exponent - i64::from(shift);
        let power = |exponent: i64| u32::try_from(exponent).ok().and_then(|exponent| 10_u128.checked_pow(exponent));
        let (whole, cut) = if mantissa == 0 {
            (0, cut)
        } else if scale >= 0 {
            let whole = power(scale).and_then(|power| mantissa.checked_mul(power)).ok_or_else(too_large)?;
            (whole, cut)
        } else {
            power(-scale).map_or((0, true), |power| (mantissa / power, cut || !mantissa.is_multiple_of(power)))
        };
        let amount = i128::try_from(whole).ok().filter(|amount| *amount <= MAX).ok_or_else(too_large)?;
        // The digits that were cut off matter only if the rest is exact or exactly a half.
        let rest = amount % IN_A_MICRO;
        let amount = amount + i128::from(cut && (rest == 0 || rest == IN_A_MICRO / 2));
        Ok(Self(if negative { -amount } else { amount }))
    }

    /// The sum, if it still fits.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, if it still fits.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// Whether it is negative.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Whether it has more than six decimals that aren't zero.
    #[must_use]
    pub fn is_finer_than_micros(self) -> bool {
        self.0 % IN_A_MICRO != 0
    }

    /// Its absolute value.
    #[must_use]
    pub fn abs(self) -> Self {
        Self(self.0.abs())
    }

    /// A whole number of units.
    #[must_use]
    pub fn from_units(units: i64) -> Self {
        Self(i128::from(units) * 1_000_000 * IN_A_MICRO)
    }

    /// The whole units, without decimals.
    #[must_use]
    pub fn units(self) -> i128 {
        self.0 / (1_000_000 * IN_A_MICRO)
    }

    /// The millionths, if it is a whole number of them.
    #[must_use]
    pub fn in_micros(self) -> Option<i64> {
        if self.is_finer_than_micros() { None } else { i64::try_from(self.0 / IN_A_MICRO).ok() }
    }

    /// In millionths, rounded half to even. A negative sum is refused, with advice.
    pub fn rounded(self) -> Result<Micros, Invalid> {
        if self.0 < 0 {
            let reason = format!(
                "comes to {self}, which is below zero; expected at least 0: add the lines that it corrects, or book the \
                 credit against a day that has the cost"
            );
            return Err(Invalid::because("cost", reason));
        }
        self.to_sum()
            .and_then(MicrosSum::to_stored)
            .and_then(|micros| Micros::new(micros).ok())
            .ok_or_else(|| Invalid::because("cost", format!("comes to {self}, expected at most 100000000000")))
    }

    /// In millionths, rounded half to even, however large; nothing below zero.
    #[must_use]
    pub fn to_sum(self) -> Option<MicrosSum> {
        let (whole, rest) = (self.0 / IN_A_MICRO, self.0 % IN_A_MICRO);
        let up = rest * 2 > IN_A_MICRO || (rest * 2 == IN_A_MICRO && whole % 2 == 1);
        u128::try_from(self.0)
            .ok()
            .and_then(|_| u128::try_from(whole + i128::from(up)).ok())
            .map(MicrosSum::from_micros)
    }

    /// `parts` amounts that add up to it and differ by at most a millionth; the first ones get what is left over.
    pub fn spread(self, parts: u32) -> impl Iterator<Item = Self> {
        let parts = i128::from(parts.max(1));
        let (micros, fine) = (self.0 / IN_A_MICRO, self.0 % IN_A_MICRO);
        let (each, left) = (micros / parts, micros % parts);
        (0..parts).map(move |part| {
            let more = if part < left.abs() { left.signum() } else { 0 };
            let fine = if part == 0 { fine } else { 0 };
            Self((each + more) * IN_A_MICRO + fine)
        })
    }

    /// As stored while an import sorts its lines.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }

    /// What [`Self::to_bytes`] made.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(i128::from_le_bytes(bytes))
    }
}

impl From<Micros> for ExactCost {
    fn from(micros: Micros) -> Self {
        Self(i128::from(micros.get()) * IN_A_MICRO)
    }
}

/// The shortest exact decimal.
impl fmt::Display for ExactCost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNIT: u128 = 1_000_000 * IN_A_MICRO.unsigned_abs();
        let (sign, size) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let (whole, fraction) = (size / UNIT, size % UNIT);
        if fraction == 0 {
            return f.pad(&format!("{sign}{whole}"));
        }
        let digits = format!("{fraction:024}");
        f.pad(&format!("{sign}{whole}.{}", digits.trim_end_matches('0')))
    }
}

/// The millionths of a typical amount: up to eleven digits, and up to six decimals. That is far from every bound, so it needs
/// no checks.
fn plain_micros(text: &str) -> Option<i64> {
    let (mut micros, mut digits, mut decimals) = (0_i64, 0, None);
    for byte in text.bytes() {
        match (byte, &mut decimals) {
            (b'0'..=b'9', None) if digits < 11 => digits += 1,
            (b'0'..=b'9', Some(decimals)) if *decimals < 6 => *decimals += 1,
            (b'.', None) if digits > 0 => {
                decimals = Some(0);
                continue;
            }
            _ => return None,
        }
        micros = micros * 10 + i64::from(byte - b'0');
    }
    let scale = match decimals {
        None if digits > 0 => 6,
        Some(decimals) if decimals > 0 => 6 - decimals,
        _ => return None,
    };
    Some(micros * 10_i64.pow(scale))
}

/// A number as written: `mantissa` × 10^`exponent`, and whether digits other than zero were cut off.
struct Decimal {
    negative: bool,
    mantissa: u128,
    cut: bool,
    exponent: i64,
}

impl Decimal {
    fn parse(text: &str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent_of(exponent)?),
            None => (text, 0),
        };
        let (whole, fraction) = match number.split_once('.') {
            Some((_, "")) => return None,
            Some((whole, fraction)) => (whole, fraction),
            None if number.is_empty() => return None,
            None => (number, ""),
        };
        let mut decimal = Self { negative, mantissa: 0, cut: false, exponent };
        let mut kept = 0;
        for (at, digit) in whole.bytes().chain(fraction.bytes()).enumerate() {
            let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
            let in_fraction = at >= whole.len();
            if kept == 0 && digit == 0 {
                decimal.exponent -= i64::from(in_fraction);
            } else if kept < DIGITS {
                kept += 1;
                decimal.mantissa = decimal.mantissa * 10 + u128::from(digit);
                decimal.exponent -= i64::from(in_fraction);
            } else {
                decimal.cut |= digit != 0;
                decimal.exponent += i64::from(!in_fraction);
            }
        }
        Some(decimal)
    }
}

fn exponent_of(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten().filter(|exponent: &i64| exponent.abs() <= MAX_EXPONENT)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> String {
        ExactCost::parse(text).unwrap().to_string()
    }

    #[test]
    fn numbers_mean_the_same_in_every_notation() {
        for (text, exact) in [
            ("69", "69"),
            ("-12.50", "-12.5"),
            (".000001", "0.000001"),
            ("1e-06", "0.000001"),
            ("1E+05", "100000"),
            ("270.0", "270"),
            ("-0", "0"),
            ("100e-2", "1"),
            ("0e60", "0"),
            ("00012.34e1", "123.4"),
            ("99999999999.999999", "99999999999.999999"),
            ("1.429999948", "1.429999948"),
        ] {
            assert_eq!(read(text), exact, "{text}");
        }
        for text in
            ["", ".", "5.", "+1", "1,5", "$1", "1.2.3", "NaN", "١", "1 000", "1e", "1e+", "1e61", "e5", "--1", "1e1.5"]
        {
            assert!(ExactCost::parse(text).is_err(), "{text:?} was accepted");
        }
        for text in ["100000000001", "999999999999", "100000000000.0000001", "1e60", "-1e12", &"9".repeat(10_000)] {
            assert!(ExactCost::parse(text).unwrap_err().reason.contains("at most"), "{text:?} was accepted");
        }
    }

    #[test]
    fn an_amount_in_another_unit_only_moves_its_point() {
        assert_eq!(ExactCost::parse_in("279265149", 6).unwrap().to_string(), "279.265149");
        assert_eq!(ExactCost::parse_in("1234", 2).unwrap().to_string(), "12.34");
        assert_eq!(ExactCost::parse_in("99999999999999999", 6).unwrap().to_string(), "99999999999.999999");
        assert_eq!(ExactCost::parse_in("0.5", 6).unwrap().to_string(), "0.0000005");
    }

    #[test]
    fn whole_units_have_no_decimals() {
        for (text, units) in [("-3.75", -3_i64), ("0.999999", 0), ("12", 12)] {
            assert_eq!(ExactCost::parse(text).unwrap().units(), i128::from(units), "{text}");
            assert_eq!(ExactCost::from_units(units).to_string(), units.to_string());
        }
    }

    #[test]
    fn credits_count_until_the_sum_is_rounded() {
        let sum = |texts: &[&str]| {
            texts.iter().fold(ExactCost::ZERO, |sum, text| sum.checked_add(ExactCost::parse(text).unwrap()).unwrap())
        };
        assert_eq!(sum(&["10", "-2.5"]).rounded().unwrap().to_string(), "7.5");
        assert!(sum(&["1", "-2"]).rounded().unwrap_err().reason.starts_with("comes to -1, which is below zero"));
        // Rounded one by one, each would be zero.
        assert_eq!(sum(&["0.0000004"; 5]).rounded().unwrap().to_string(), "0.000002");
    }

    #[test]
    fn digits_past_the_24th_decide_only_halves() {
        let rounded = |text: &str| ExactCost::parse(text).unwrap().rounded().unwrap().get();
        assert_eq!(rounded("0.0000005"), 0);
        assert_eq!(rounded(&format!("0.0000005{}1", "0".repeat(40))), 1);
        assert_eq!(rounded(&format!("0.0000004{}", "9".repeat(40))), 0);
        assert!(ExactCost::parse(&format!("1.{}1", "0".repeat(30))).unwrap().is_finer_than_micros());
        assert!(!ExactCost::parse("1.0000000").unwrap().is_finer_than_micros());
    }

    proptest! {
        #[test]
        fn the_fast_path_gives_the_same_result(text in "-?[0-9]{0,13}[.e]?[0-9]{0,8}[.]?", shift in 0_u32..3) {
            prop_assert_eq!(ExactCost::parse_in(&text, shift), ExactCost::parse_any(&text, shift));
        }

        #[test]
        fn it_is_parsed_like_micros(whole in 0_u64..100_000_000_000, fraction in "[0-9]{1,30}") {
            let text = format!("{whole}.{fraction}");
            let (micros, _) = Micros::parse(&text).unwrap();
            prop_assert_eq!(ExactCost::parse(&text).unwrap().rounded().unwrap(), micros);
        }

        #[test]
        fn what_is_written_can_be_read_again(whole in -1_000_000_i64..1_000_000, fraction in "[0-9]{1,24}") {
            let exact = ExactCost::parse(&format!("{whole}.{fraction}")).unwrap();
            prop_assert_eq!(ExactCost::parse(&exact.to_string()).unwrap(), exact);
            prop_assert_eq!(ExactCost::from_bytes(exact.to_bytes()), exact);
        }

        #[test]
        fn parts_add_up_to_the_whole(micros in -10_000_i64..10_000_000, fine in 0_u32..1000, parts in 1_u32..400) {
            let exact = ExactCost::parse(&format!("{micros}.{fine:03}e-6")).unwrap();
            let all: Vec<ExactCost> = exact.spread(parts).collect();
            prop_assert_eq!(all.len(), parts as usize);
            let sum = all.iter().fold(ExactCost::ZERO, |sum, part| sum.checked_add(*part).unwrap());
            prop_assert_eq!(sum, exact);
        }
    }
}
