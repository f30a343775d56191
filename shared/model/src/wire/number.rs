//! Numbers of the usual form, read exactly.

/// Powers of ten that a 64-bit float holds exactly.
const POWERS_OF_TEN: [f64; 19] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18];

/// Integers up to here are exact as 64-bit floats.
const EXACT: u64 = 1 << 53;

/// Leading decimal digits as a number, and what follows. At most 18 digits, no superfluous zero.
#[inline(always)]
pub(super) fn digits(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (mut value, mut count) = match bytes.first_chunk::<8>().and_then(|chunk| eight_digits(*chunk)) {
        Some(value) => (value, 8_usize),
        None => (0, 0),
    };
    for byte in bytes.get(count..)? {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        count += 1;
    }
    let superfluous_zero = count > 1 && bytes.first() == Some(&b'0');
    if count == 0 || count > 18 || superfluous_zero { None } else { Some((value, bytes.get(count..)?)) }
}

/// The value of eight decimal digits, computed in three multiplications (as in D. Lemire, "Number parsing at a
/// gigabyte per second", 2021); `None` if one of them is no digit.
#[inline(always)]
fn eight_digits(chunk: [u8; 8]) -> Option<u64> {
    let word = u64::from_le_bytes(chunk);
    let no_digit = (word.wrapping_add(0x4646_4646_4646_4646) | word.wrapping_sub(0x3030_3030_3030_3030))
        & 0x8080_8080_8080_8080;
    if no_digit != 0 {
        return None;
    }
    let digits = word.wrapping_sub(0x3030_3030_3030_3030);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let low = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let high = ((pairs >> 16) & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    Some(low.wrapping_add(high) >> 32)
}

/// A leading integer of at most 18 digits, and what follows.
#[inline(always)]
pub(super) fn integer(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (negative, rest) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (value, rest) = digits(rest)?;
    let value = i64::try_from(value).ok()?;
    Some((if negative { -value } else { value }, rest))
}

/// A leading decimal number without exponent, and what follows.
///
/// The digits must fit 53 bits; then the quotient of two exact floats is the correctly rounded value
/// (W. D. Clinger, "How to read floating point numbers accurately", 1990). Others are left to the general
/// reader.
#[inline(always)]
pub(super) fn decimal(bytes: &[u8]) -> Option<(f64, &[u8])> {
    let (negative, rest) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    let (whole, rest) = digits(rest)?;
    let (mantissa, places, rest) = match rest {
        [b'.', fraction @ ..] => {
            let mut mantissa = whole;
            let mut places = 0_usize;
            for byte in fraction {
                let digit = byte.wrapping_sub(b'0');
                if digit > 9 {
                    break;
                }
                if mantissa > EXACT {
                    return None;
                }
                mantissa = mantissa * 10 + u64::from(digit);
                places += 1;
            }
            if places == 0 {
                return None;
            }
            (mantissa, places, fraction.get(places..)?)
        }
        rest => (whole, 0, rest),
    };
    if mantissa > EXACT || matches!(rest.first(), Some(b'e' | b'E')) {
        return None;
    }
    #[allow(clippy::cast_precision_loss, reason = "at most 2^53, checked above")]
    let value = mantissa as f64 / POWERS_OF_TEN.get(places)?;
    Some((if negative { -value } else { value }, rest))
}
