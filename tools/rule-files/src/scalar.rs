//! The meaning of plain scalars by the core schema of YAML 1.2. JSON's numbers and words are part of it.

use std::num::IntErrorKind;

use crate::event::Style;

/// The meaning of a scalar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Resolved {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    /// May be infinite or no number: `.inf`, `.nan`, `1e999`.
    Float(f64),
    Text,
}

pub(crate) fn resolve(text: &str, style: Style) -> Resolved {
    if style != Style::Plain {
        return Resolved::Text;
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Resolved::Null,
        "true" | "True" | "TRUE" => Resolved::Bool(true),
        "false" | "False" | "FALSE" => Resolved::Bool(false),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Resolved::Float(f64::NEG_INFINITY),
        ".nan" | ".NaN" | ".NAN" => Resolved::Float(f64::NAN),
        _ => number(text).unwrap_or(Resolved::Text),
    }
}

fn number(text: &str) -> Option<Resolved> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return None;
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            let valid = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
            return valid.then(|| u64::from_str_radix(digits, radix).map(Resolved::Unsigned).ok())?;
        }
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !unsigned.is_empty() && unsigned.bytes().all(|b| b.is_ascii_digit()) {
        return Some(whole(text));
    }
    is_float(unsigned).then(|| text.parse().ok().map(Resolved::Float))?
}

fn whole(text: &str) -> Resolved {
    let float = || text.parse().map_or(Resolved::Text, Resolved::Float);
    if text.starts_with('-') {
        return match text.parse::<i64>() {
            Ok(0) => Resolved::Float(-0.0),
            Ok(number) => Resolved::Signed(number),
            Err(_) => float(),
        };
    }
    match text.parse::<u64>() {
        Ok(number) => Resolved::Unsigned(number),
        Err(error) if *error.kind() == IntErrorKind::PosOverflow => float(),
        Err(_) => Resolved::Text,
    }
}

/// `[0-9]+ ( . [0-9]* )? | . [0-9]+`, with an exponent.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let mantissa_valid = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    };
    mantissa_valid
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_mean_what_the_core_schema_says() {
        for (text, meaning) in [
            ("", Resolved::Null),
            ("~", Resolved::Null),
            ("true", Resolved::Bool(true)),
            ("12", Resolved::Unsigned(12)),
            ("012", Resolved::Unsigned(12)),
            ("+12", Resolved::Unsigned(12)),
            ("-12", Resolved::Signed(-12)),
            ("0x1F", Resolved::Unsigned(31)),
            ("0o17", Resolved::Unsigned(15)),
            ("1.5", Resolved::Float(1.5)),
            ("1.", Resolved::Float(1.0)),
            (".5", Resolved::Float(0.5)),
            ("-1e3", Resolved::Float(-1000.0)),
            ("18446744073709551616", Resolved::Float(18_446_744_073_709_551_616.0)),
        ] {
            assert_eq!(resolve(text, Style::Plain), meaning, "{text}");
        }
        for text in
            ["yes", "on", "NO", "1_000", "1.2.3", "5m", "-", ".", "e5", "1e", "0x", "tRUE", "+", "inf", "NaN"]
        {
            assert_eq!(resolve(text, Style::Plain), Resolved::Text, "{text}");
        }
        assert_eq!(resolve("12", Style::DoubleQuoted), Resolved::Text);
    }
}
