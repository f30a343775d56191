//! Resolves local times in a time zone, with the gaps and folds of clock changes.

use std::fmt;
use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};

/// A time zone: `UTC`, a fixed offset such as `+02:00`, or a name such as `Europe/Berlin`. The rules of the named
/// zones are built in; those of the machine are not asked.
#[derive(Debug, Clone)]
pub struct Zone {
    name: String,
    zone: TimeZone,
}

/// A zone that is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no known time zone; expected `UTC`, an offset such as `+02:00`, or a name such as `Europe/Berlin`"
)]
pub struct ZoneError(String);

/// A kind of local time in its zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LocalTimeKind {
    /// The time states its own zone.
    Absolute,
    /// The time occurs once.
    Once,
    /// The time does not occur: clocks were put forward over it.
    Gap,
    /// The time occurs twice: clocks were put back.
    Fold,
}

impl Zone {
    /// The name the zone was given by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Milliseconds since the epoch; `None` outside of the years that can be told.
    pub(crate) fn resolve(&self, local: DateTime) -> Option<(i64, LocalTimeKind)> {
        let found = self.zone.to_ambiguous_timestamp(local);
        let kind = match found.offset() {
            AmbiguousOffset::Unambiguous { .. } => LocalTimeKind::Once,
            AmbiguousOffset::Gap { .. } => LocalTimeKind::Gap,
            AmbiguousOffset::Fold { .. } => LocalTimeKind::Fold,
        };
        // In a gap "compatible" is the later reading, in a fold the earlier one, as `Options::zone` promises.
        let time = found.compatible().ok()?;
        Some((floor_ms(time), kind))
    }
}

/// Fractions of a millisecond are cut off towards the past, before 1970 as after.
pub(crate) fn floor_ms(time: jiff::Timestamp) -> i64 {
    let ms = time.as_millisecond();
    if time.subsec_nanosecond() % 1_000_000 < 0 { ms.saturating_sub(1) } else { ms }
}

/// Seconds east of UTC: `Z`, `UTC`, `GMT`, `+02`, `+0200`, `+02:00`.
pub(crate) fn parse_offset(text: &str) -> Option<Offset> {
    if ["z", "utc", "gmt"].iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return Some(Offset::UTC);
    }
    let (sign, digits) = match (text.strip_prefix('+'), text.strip_prefix('-')) {
        (Some(digits), _) => (1, digits),
        (_, Some(digits)) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() > 2 => digits.split_at_checked(2)?,
        None => (digits, "00"),
    };
    if ![hours, minutes].iter().all(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    if hours > 18 || minutes > 59 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

impl Default for Zone {
    fn default() -> Self {
        Self { name: "UTC".to_owned(), zone: TimeZone::UTC }
    }
}

impl FromStr for Zone {
    type Err = ZoneError;

    fn from_str(text: &str) -> Result<Self, ZoneError> {
        let zone = match parse_offset(text) {
            Some(offset) => TimeZone::fixed(offset),
            None => TimeZone::get(text).map_err(|_| ZoneError(text.to_owned()))?,
        };
        Ok(Self { name: text.to_owned(), zone })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
