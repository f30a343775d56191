//! Reads numbers of the canonical form, exactly.

use super::word::each;

/// Powers of ten that a 64-bit float holds exactly.
const POWERS_OF_TEN: [f64; 19] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18];

/// Integers up to here are exact as 64-bit floats.
const EXACT: u64 = 1 << 53;

/// Reads 1 to 18 leading decimal digits. Returns their value, their number, and the bytes behind them.
///
/// Branches find the number of digits. If lengths repeat from line to line, the processor predicts these branches and
/// reads on before it knows the value. It could not if the length were computed.
#[inline(always)]
fn digits(bytes: &[u8]) -> Option<(u64, usize, &[u8])> {
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
    if count == 0 || count > 18 { None } else { Some((value, count, bytes.get(count..)?)) }
}

/// Returns the value of eight decimal digits, computed in three multiplications (as in D. Lemire, "Number parsing at a
/// gigabyte per second", 2021); `None` if one of them is no digit.
#[inline(always)]
fn eight_digits(chunk: [u8; 8]) -> Option<u64> {
    let digits = u64::from_le_bytes(chunk) ^ each(b'0');
    if (digits | digits.wrapping_add(each(0x80 - 10))) & each(0x80) != 0 {
        return None;
    }
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let low = (pairs & 0x0000_00ff_0000_00ff).wrapping_mul(0x000f_4240_0000_0064);
    let high = ((pairs >> 16) & 0x0000_00ff_0000_00ff).wrapping_mul(0x0000_2710_0000_0001);
    Some(low.wrapping_add(high) >> 32)
}

/// Reads thirteen decimal digits, the length of today's times in ms. The first eight and the last eight overlap.
#[inline(always)]
pub(super) fn thirteen_digits(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (chunk, rest) = bytes.split_first_chunk::<13>()?;
    let (first, last) = (eight_digits(*chunk.first_chunk()?)?, eight_digits(*chunk.last_chunk()?)?);
    if chunk.first() == Some(&b'0') {
        return None;
    }
    Some(((first / 1000 * 100_000_000 + last).cast_signed(), rest))
}

/// Reads a leading integer of at most 18 digits without a superfluous zero. Returns the bytes behind it.
#[inline(always)]
pub(super) fn integer(bytes: &[u8]) -> Option<(i64, &[u8])> {
    match digits(bytes) {
        Some((value, count, rest)) => {
            (!superfluous_zero(bytes, count)).then_some((value.cast_signed(), rest))
        }
        None => negative_integer(bytes),
    }
}

/// Reads a negative integer. It stands apart: a check for a minus before every number would delay the processor.
#[inline(never)]
fn negative_integer(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let bytes = bytes.strip_prefix(b"-")?;
    let (value, count, rest) = digits(bytes)?;
    (!superfluous_zero(bytes, count)).then_some((-value.cast_signed(), rest))
}

/// Reads a leading decimal number without exponent. Returns the bytes behind it.
#[inline(always)]
pub(super) fn decimal(bytes: &[u8]) -> Option<(f64, &[u8])> {
    match bytes.first() {
        Some(b'-') => negative_decimal(bytes),
        _ => unsigned_decimal(bytes),
    }
}

#[inline(never)]
fn negative_decimal(bytes: &[u8]) -> Option<(f64, &[u8])> {
    let (value, rest) = unsigned_decimal(bytes.strip_prefix(b"-")?)?;
    Some((-value, rest))
}

/// Reads a decimal number whose digits fit 53 bits. The quotient of two exact floats is then the correctly rounded
/// value (W. D. Clinger, "How to read floating point numbers accurately", 1990). The general reader reads all others.
#[inline(always)]
fn unsigned_decimal(bytes: &[u8]) -> Option<(f64, &[u8])> {
    let (whole, count, rest) = digits(bytes)?;
    if superfluous_zero(bytes, count) {
        return None;
    }
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
    Some((value, rest))
}

#[inline(always)]
fn superfluous_zero(bytes: &[u8], count: usize) -> bool {
    count > 1 && bytes.first() == Some(&b'0')
}
