//! Numbers as decimal digits, which is a fifth of a report's work.
//!
//! Eight digits at a time are computed within one register and stored once. Writing them to memory one or two at a time and
//! then copying them makes the processor wait for its own stores, which takes longer than the arithmetic.

const EIGHT: u64 = 100_000_000;
const ZEROS: u64 = u64::from_ne_bytes([b'0'; 8]);

/// A buffer for a short text. Each piece is stored in a fixed number of bytes, known at compile time, and only its length is
/// counted. That takes a move or two and no call.
#[derive(Debug)]
pub struct ShortText<'r> {
    room: &'r mut [u8],
    length: usize,
}

impl<'r> ShortText<'r> {
    /// An empty text in this buffer.
    #[must_use]
    pub fn new(room: &'r mut [u8]) -> Self {
        Self { room, length: 0 }
    }

    /// Appends the first `kept` bytes of `piece`, or nothing if the piece doesn't fit.
    #[expect(clippy::inline_always, reason = "measured: a call costs more than the move")]
    #[inline(always)]
    pub fn push<const N: usize>(&mut self, piece: &[u8; N], kept: usize) {
        if let Some(place) = self.room.get_mut(self.length..).and_then(<[u8]>::first_chunk_mut::<N>) {
            *place = *piece;
            self.length += kept.min(N);
        }
    }

    /// The number of bytes written.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }
}

/// Appends a whole number.
#[expect(clippy::inline_always, reason = "measured: two of them make a row")]
#[inline(always)]
pub fn write_whole(number: u64, out: &mut ShortText<'_>) {
    if number < EIGHT {
        let digits = eight_digits(number);
        // A zero at the end is written too.
        let leading = (digits | (1 << 56)).trailing_zeros() / 8;
        append(digits >> (8 * leading), 8 - leading, out);
    } else {
        write_long(number, out);
    }
}

/// Not inlined, to keep the common case small enough to inline.
#[cold]
fn write_long(number: u64, out: &mut ShortText<'_>) {
    let (high, low) = (number / EIGHT, number % EIGHT);
    if high < EIGHT {
        write_whole(high, out);
    } else {
        write_long(high, out);
    }
    append(eight_digits(low), 8, out);
}

/// Appends the decimals of a number with this many millionths: nothing, or a point and up to six digits.
#[expect(clippy::inline_always, reason = "as for `write_whole`")]
#[inline(always)]
pub(super) fn write_fraction(millionths: u64, out: &mut ShortText<'_>) {
    if millionths != 0 {
        let digits = eight_digits(millionths * 100);
        out.push(b".", 1);
        append(digits, 8 - digits.leading_zeros() / 8, out);
    }
}

/// The digits of a number below a hundred million, the first in the lowest byte.
#[expect(clippy::inline_always, reason = "as for `write_whole`")]
#[inline(always)]
fn eight_digits(number: u64) -> u64 {
    // Splits the number into halves, quarters and digits, side by side in one register; each step is one multiplication.
    let halves = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((halves * 10_486) >> 20) & 0x7f_0000_007f;
    let pairs = hundreds | ((halves - 100 * hundreds) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((pairs - 10 * tens) << 8)
}

#[expect(clippy::inline_always, reason = "as for `write_whole`")]
#[inline(always)]
fn append(digits: u64, count: u32, out: &mut ShortText<'_>) {
    out.push(&(digits | ZEROS).to_le_bytes(), count as usize);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl FnOnce(&mut ShortText<'_>)) -> String {
        let mut room = [0; 32];
        let mut out = ShortText::new(&mut room);
        write(&mut out);
        let length = out.length();
        String::from_utf8(room[..length].to_vec()).unwrap()
    }

    fn whole(number: u64) -> String {
        written(|out| {
            out.push(b"x", 1);
            write_whole(number, out);
        })
    }

    fn fraction(millionths: u64) -> String {
        written(|out| write_fraction(millionths, out))
    }

    #[test]
    fn a_piece_that_does_not_fit_is_left_out() {
        let mut room = [0; 4];
        let mut out = ShortText::new(&mut room);
        out.push(b"abc", 2);
        out.push(b"def", 3);
        assert_eq!((out.length(), &room[..2]), (2, &b"ab"[..]));
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
    fn numbers_at_changes_of_length_are_right() {
        for power in 0..20 {
            for number in [10_u64.pow(power) - 1, 10_u64.pow(power), 10_u64.pow(power) + 1, u64::MAX] {
                assert_eq!(whole(number), format!("x{number}"));
            }
        }
    }

    proptest! {
        #[test]
        fn any_other_number_is_right(number: u64, shift in 0..64) {
            prop_assert_eq!(whole(number >> shift), format!("x{}", number >> shift));
        }
    }
}
