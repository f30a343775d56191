//! Seconds as Lambda writes them, read exactly.

use andon_domain::limits::TIMESTAMP_MS;

/// The milliseconds of a JSON number of seconds, not negative: `1700000000.123` is 1,700,000,000,123.
///
/// Digits beyond the milliseconds are rounded to the nearest, since writers print binary fractions. No float is involved.
pub(super) fn milliseconds(number: &[u8]) -> Option<i64> {
    let (mantissa, exponent) = match number.iter().position(|byte| matches!(byte, b'e' | b'E')) {
        None => (number, 0),
        Some(at) => (number.get(..at)?, exponent(number.get(at + 1..)?)?),
    };
    let point = mantissa.iter().position(|byte| *byte == b'.').unwrap_or(mantissa.len());
    // The power of ten of the first digit, in milliseconds.
    let mut power = i64::try_from(point).ok()? - 1 + 3 + exponent;
    let mut total = 0_i64;
    let mut digits = 0_usize;
    for byte in mantissa {
        let digit = match byte {
            b'.' => continue,
            b'0'..=b'9' => i64::from(byte - b'0'),
            _ => return None,
        };
        digits += 1;
        match power {
            0.. if total > TIMESTAMP_MS => return None,
            0.. => total = total * 10 + digit,
            -1 if digit >= 5 => total += 1,
            _ => {}
        }
        power -= 1;
    }
    // Digits that are not written are zeros.
    while power >= 0 && total != 0 {
        if total > TIMESTAMP_MS {
            return None;
        }
        total *= 10;
        power -= 1;
    }
    (digits > 0 && total <= TIMESTAMP_MS).then_some(total)
}

/// Milliseconds as in [`milliseconds`], and what follows, of the usual form: 1 to 15 digits, the first not 0, and then
/// perhaps a point and 1 to 3 more. `None` says nothing about the number.
#[inline]
pub(super) fn usual(text: &[u8]) -> Option<(i64, &[u8])> {
    let (seconds, length, rest) = digits(text);
    if !matches!(length, 1..=15) || text.first() == Some(&b'0') {
        return None;
    }
    let (ms, rest) = match rest {
        [b'.', fraction @ ..] => {
            let (ms, length, rest) = digits(fraction);
            (ms * [0, 100, 10, 1].get(length).filter(|factor| **factor > 0)?, rest)
        }
        rest => (0, rest),
    };
    let total = seconds * 1000 + ms;
    let ends = !matches!(rest.first(), Some(b'.' | b'e' | b'E') | None);
    (ends && total <= TIMESTAMP_MS).then_some((total, rest))
}

/// Up to 16 leading digits as a number, how many, and what follows.
fn digits(text: &[u8]) -> (i64, usize, &[u8]) {
    let mut value = 0_i64;
    let mut rest = text;
    let mut length = 0;
    while length < 16
        && let [byte @ b'0'..=b'9', after @ ..] = rest
    {
        value = value * 10 + i64::from(byte - b'0');
        rest = after;
        length += 1;
    }
    (value, length, rest)
}

fn exponent(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    // Nothing within bounds needs as much as this.
    text.parse::<i64>().ok().filter(|exponent| exponent.abs() <= 1000)
}
