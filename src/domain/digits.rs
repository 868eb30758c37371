//! Numbers as decimal digits, which is a fifth of a report's work.
//!
//! Eight digits at a time are made within one register and stored once. What puts them into memory by ones and twos and then
//! copies them makes the processor wait for its own stores, which takes longer than the arithmetic.

const EIGHT: u64 = 100_000_000;
const ZEROS: u64 = u64::from_ne_bytes([b'0'; 8]);

/// Appends a whole number.
#[inline]
pub fn write_whole(number: u64, out: &mut Vec<u8>) {
    if number < EIGHT {
        let digits = eight_digits(number);
        // The last digit always shows.
        let leading = (digits | (1 << 56)).trailing_zeros() / 8;
        append(digits >> (8 * leading), 8 - leading, out);
    } else {
        write_long(number, out);
    }
}

/// Apart, so that the usual case can become part of its callers.
#[cold]
fn write_long(number: u64, out: &mut Vec<u8>) {
    write_whole(number / EIGHT, out);
    append(eight_digits(number % EIGHT), 8, out);
}

/// Appends what stands behind the decimal point of a number with this many millionths over: nothing, or a point and up to
/// six digits.
#[inline]
pub(super) fn write_fraction(millionths: u64, out: &mut Vec<u8>) {
    if millionths != 0 {
        let digits = eight_digits(millionths * 100);
        out.push(b'.');
        append(digits, 8 - digits.leading_zeros() / 8, out);
    }
}

/// The digits of a number below a hundred million, the first in the lowest byte.
#[inline]
fn eight_digits(number: u64) -> u64 {
    // Halves of it side by side, then quarters, then digits; all divisions of a step are one multiplication.
    let halves = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((halves * 10_486) >> 20) & 0x7f_0000_007f;
    let pairs = hundreds | ((halves - 100 * hundreds) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((pairs - 10 * tens) << 8)
}

#[inline]
fn append(digits: u64, count: u32, out: &mut Vec<u8>) {
    let end = out.len() + count as usize;
    out.extend_from_slice(&(digits | ZEROS).to_le_bytes());
    out.truncate(end);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole(number: u64) -> String {
        let mut out = b"x".to_vec();
        write_whole(number, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn fraction(millionths: u64) -> String {
        let mut out = Vec::new();
        write_fraction(millionths, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_number_of_up_to_seven_digits_and_every_fraction_is_right() {
        for number in 0..10_000_000 {
            assert_eq!(whole(number), format!("x{number}"));
        }
        assert_eq!(fraction(0), "");
        for millionths in 1..1_000_000 {
            assert_eq!(fraction(millionths), format!(".{millionths:06}").trim_end_matches('0'));
        }
    }

    #[test]
    fn so_are_those_where_the_length_changes() {
        for power in 0..20 {
            for number in [10_u64.pow(power) - 1, 10_u64.pow(power), 10_u64.pow(power) + 1, u64::MAX] {
                assert_eq!(whole(number), format!("x{number}"));
            }
        }
    }

    proptest! {
        #[test]
        fn so_is_any_other(number: u64, shift in 0..64) {
            prop_assert_eq!(whole(number >> shift), format!("x{}", number >> shift));
        }
    }
}
