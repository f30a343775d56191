//! Sequence numbers of Kinesis: too long for machine integers, compared with every record.

use std::fmt;
use std::str::FromStr;

use crate::limits;

/// Decimal digits in a limb.
const LIMB_DIGITS: usize = 19;
/// The exclusive upper bound of a limb: ten to the power of [`LIMB_DIGITS`].
const LIMB: u64 = 10_000_000_000_000_000_000;

/// The sequence number of a record in its shard: up to 57 decimal digits.
///
/// It is ordered as a number and shown as the very text that it was read from. Kinesis writes no leading zeros, but
/// emulators do, and want them back; numbers that differ in these alone are ordered by them.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceNumber {
    /// Three groups of 19 decimal digits, the highest first: reading and writing needs no long division.
    limbs: [u64; 3],
    /// Leading zeros in the text.
    zeros: u8,
}

/// A text that is no sequence number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; expected 1 to {max} decimal digits", max = limits::SEQUENCE_DIGITS)]
pub struct SequenceError(String);

impl SequenceNumber {
    /// Most bytes that [`SequenceNumber::to_bytes`] gives.
    pub const MOST_BYTES: usize = 26;

    /// A compact form: at most 24 bytes for numbers without leading zeros, at most two more with them.
    ///
    /// Of numbers without leading zeros, the longer form is the greater number, and of the same length the greater bytes.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        let value = self.limbs.iter().flat_map(|limb| limb.to_be_bytes()).skip_while(|byte| *byte == 0);
        // No value begins with a zero byte, so one marks the count of leading zeros.
        let marked = [0, self.zeros];
        marked.into_iter().filter(|_| self.zeros > 0).chain(value).collect()
    }

    /// Reads what [`SequenceNumber::to_bytes`] wrote; `None` for bytes that it never writes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (zeros, value) = match bytes {
            [0, zeros @ 1..=u8::MAX, value @ ..] => (*zeros, value),
            value => (0, value),
        };
        let mut padded = [0_u8; 24];
        let start = padded.len().checked_sub(value.len())?;
        padded.get_mut(start..)?.copy_from_slice(value);
        let mut number = Self { limbs: [0; 3], zeros };
        for (limb, bytes) in number.limbs.iter_mut().zip(padded.as_chunks::<8>().0) {
            *limb = u64::from_be_bytes(*bytes);
        }
        let minimal = value.first() != Some(&0);
        let in_range = number.limbs.iter().all(|limb| *limb < LIMB);
        (minimal && in_range && number.length() <= limits::SEQUENCE_DIGITS).then_some(number)
    }

    /// Digits of the text.
    fn length(self) -> usize {
        let digits = |limb: u64| limb.checked_ilog10().map_or(0, |log| log as usize + 1);
        let [high, middle, low] = self.limbs;
        let value = match (high, middle) {
            (0, 0) => digits(low).max(1),
            (0, _) => digits(middle) + LIMB_DIGITS,
            _ => digits(high) + 2 * LIMB_DIGITS,
        };
        value + usize::from(self.zeros)
    }

    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        if text.is_empty() || text.len() > limits::SEQUENCE_DIGITS {
            return None;
        }
        let (rest, low) = text.split_at(text.len().saturating_sub(LIMB_DIGITS));
        let (high, middle) = rest.split_at(rest.len().saturating_sub(LIMB_DIGITS));
        let limbs = [limb(high)?, limb(middle)?, limb(low)?];
        let leading = if text.first() == Some(&b'0') {
            let zeros = text.iter().take_while(|byte| **byte == b'0').count();
            // The zero of `0` itself is no leading one.
            zeros.min(text.len() - 1)
        } else {
            0
        };
        Some(Self { limbs, zeros: u8::try_from(leading).ok()? })
    }
}

/// Up to 19 decimal digits as a number; none are 0.
fn limb(mut digits: &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    while let Some((chunk, rest)) = digits.split_first_chunk::<8>() {
        value = value.wrapping_mul(100_000_000).wrapping_add(eight_digits(*chunk)?);
        digits = rest;
    }
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
    }
    Some(value)
}

/// Eight decimal digits in three multiplications (as in D. Lemire, "Number parsing at a gigabyte per second", 2021).
fn eight_digits(chunk: [u8; 8]) -> Option<u64> {
    let word = u64::from_le_bytes(chunk);
    let digits = word.wrapping_sub(0x3030_3030_3030_3030);
    if (word.wrapping_add(0x4646_4646_4646_4646) | digits) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let low = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let high = ((pairs >> 16) & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    Some(low.wrapping_add(high) >> 32)
}

impl FromStr for SequenceNumber {
    type Err = SequenceError;

    fn from_str(text: &str) -> Result<Self, SequenceError> {
        Self::parse(text.as_bytes()).ok_or_else(|| {
            SequenceError(format!("`{}` is no sequence number", crate::refusal::excerpt(text.as_bytes())))
        })
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for _ in 0..self.zeros {
            f.write_str("0")?;
        }
        match self.limbs {
            [0, 0, low] => write!(f, "{low}"),
            [0, middle, low] => write!(f, "{middle}{low:019}"),
            [high, middle, low] => write!(f, "{high}{middle:019}{low:019}"),
        }
    }
}

impl fmt::Debug for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> SequenceNumber {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    const USUAL: &str = "49590338271490256608559692538361571095921575989136588898";

    #[test]
    fn a_number_is_shown_as_it_was_read() {
        let longest = "9".repeat(57);
        for text in [
            "0",
            "7",
            "12345678901234567890",
            "10000000000000000000",
            "100000000000000000000000000000000000000",
            "000000017000000000001234567890",
            "00",
            "000",
            USUAL,
            &longest,
        ] {
            assert_eq!(number(text).to_string(), text);
            assert_eq!(SequenceNumber::from_bytes(&number(text).to_bytes()), Some(number(text)), "{text}");
        }
    }

    #[test]
    fn numbers_are_ordered_as_numbers_not_as_texts() {
        let texts =
            ["0", "9", "10", "9999999999999999999", "10000000000000000000", "99999999999999999999", USUAL];
        let ordered: Vec<_> = texts.iter().map(|text| number(text)).collect();
        assert!(ordered.is_sorted_by(|a, b| a < b), "{ordered:?}");
        let successor = format!("{}9", USUAL.get(..55).unwrap());
        assert!(number(USUAL) < number(&successor));
        assert!(number("0000000017") < number("18") && number("17") < number("0000000018"));
    }

    #[test]
    fn the_stored_form_is_short_and_keeps_the_order() {
        assert!(number("0").to_bytes().is_empty());
        assert_eq!(number("258").to_bytes(), [1, 2]);
        assert_eq!(number("00258").to_bytes(), [0, 2, 1, 2]);
        assert!(number(USUAL).to_bytes().len() <= 24);
        assert!(number(&"9".repeat(57)).to_bytes().len() <= SequenceNumber::MOST_BYTES);
        let successor = format!("{}9", USUAL.get(..55).unwrap());
        assert!(number(USUAL).to_bytes() < number(&successor).to_bytes());
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let long = "1".repeat(58);
        for text in
            ["", "-1", "+1", "1.0", "12a", "a2345678", "1234567:", "12345678901234567890x", " 1", &long]
        {
            assert!(text.parse::<SequenceNumber>().is_err(), "{text}");
        }
        let error = "12a".parse::<SequenceNumber>().unwrap_err().to_string();
        assert_eq!(error, "`12a` is no sequence number; expected 1 to 57 decimal digits");
    }

    #[test]
    fn bytes_that_are_never_stored_are_refused() {
        let over = 10_000_000_000_000_000_000_u64.to_be_bytes();
        for bytes in [&[0][..], &[0, 0, 1], &[0, 1, 0, 1], &[1; 25], &[0xff; 24], &[0, 57], &over] {
            assert_eq!(SequenceNumber::from_bytes(bytes), None, "{bytes:?}");
        }
    }
}
