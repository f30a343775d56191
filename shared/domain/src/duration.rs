//! Durations as people write them: `500ms`, `30s`, `5m`, `1h30m`, `2d`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A duration in milliseconds, written as in `1h30m`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub i64);

/// The units, greatest first, with their length in ms.
const UNITS: [(&str, i64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A mistake in a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// It is not a sequence of numbers with units, from greater to smaller units.
    #[error("`{0}` is not a duration; expected one such as `500ms`, `30s`, `5m`, `1h30m` or `2d`")]
    Syntax(String),
    /// It does not fit 64 bits of ms.
    #[error("the duration `{0}` is too long")]
    TooLong(String),
}

impl Millis {
    /// Reads a duration such as `1h30m`: whole numbers, each with its unit, greater units first, each once.
    ///
    /// # Errors
    /// When the text has another form, or the sum does not fit 64 bits.
    pub fn parse(text: &str) -> Result<Self, DurationError> {
        let syntax = || DurationError::Syntax(text.chars().take(40).collect());
        let too_long = || DurationError::TooLong(text.chars().take(40).collect());
        let mut rest = text;
        let mut total: i64 = 0;
        let mut smallest_ms = i64::MAX;
        while !rest.is_empty() {
            let digits_end = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(syntax)?;
            let (digits, after) = rest.split_at_checked(digits_end).ok_or_else(syntax)?;
            let unit_end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
            let (unit, next) = after.split_at_checked(unit_end).ok_or_else(syntax)?;
            let &(_, unit_ms) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(syntax)?;
            if digits.is_empty() || unit_ms >= smallest_ms {
                return Err(syntax());
            }
            let number: i64 = digits.parse().map_err(|_| too_long())?;
            let part = number.checked_mul(unit_ms).ok_or_else(too_long)?;
            total = total.checked_add(part).ok_or_else(too_long)?;
            smallest_ms = unit_ms;
            rest = next;
        }
        if smallest_ms == i64::MAX { Err(syntax()) } else { Ok(Self(total)) }
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        if rest < 0 {
            f.write_str("-")?;
            rest = rest.saturating_neg();
        }
        for (name, unit_ms) in UNITS {
            if rest >= unit_ms {
                write!(f, "{}{name}", rest / unit_ms)?;
                rest %= unit_ms;
            }
        }
        Ok(())
    }
}

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Millis;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as `30s` or `1h30m`")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Millis, E> {
                Millis::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl JsonSchema for Millis {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A duration: whole numbers with units, greater units first.",
            "pattern": "^(?=.)([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
            "examples": ["500ms", "30s", "5m", "1h30m", "2d"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, ms) in [
            ("500ms", 500),
            ("0s", 0),
            ("30s", 30_000),
            ("60s", 60_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("2d", 172_800_000),
            ("1d2h3m4s5ms", 93_784_005),
        ] {
            assert_eq!(Millis::parse(text), Ok(Millis(ms)), "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_duration_is_rejected() {
        for text in [
            "",
            "5",
            "m",
            "5 m",
            "-5m",
            "1.5h",
            "5min",
            "30m1h",
            "5m5m",
            "5M",
            "99999999999999999999d",
            "9223372036854775807d",
        ] {
            assert!(Millis::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_duration_is_written_as_it_is_read() {
        for ms in [0, 1, 999, 1_000, 61_000, 5_400_000, 93_784_005] {
            assert_eq!(Millis::parse(&Millis(ms).to_string()), Ok(Millis(ms)));
        }
    }
}
