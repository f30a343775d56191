//! Parses times of a CSV column into milliseconds since the epoch.

mod scan;

use std::fmt;
use std::str::FromStr;

use jiff::fmt::strtime::{self, BrokenDownTime};

use crate::zone::{LocalTimeKind, Zone, floor_ms};

/// A format of times: `auto`, `epoch-s`, `epoch-ms`, `epoch-us`, `epoch-ns`, or a pattern such as `%d/%m/%Y %H:%M:%S`,
/// with the conversions of `strftime`.
///
/// `auto` detects the form of the first time in the column and expects it in every row:
///
/// - a number from 100,000,000 on is an epoch time, in seconds below 10^11, milliseconds below 10^14, microseconds
///   below 10^17, and nanoseconds from there on (which separates the units for the years from 1973 to 5138);
/// - year first: RFC 3339, `YYYY-MM-DD` or `YYYY/MM/DD`, with ` HH:MM[:SS[.fff]]` or the same after a `T`, and a
///   zone (`Z`, `UTC`, `+02:00`) or none;
/// - `DD.MM.YYYY`, with the same after it.
///
/// A date without a time is its midnight. `01/02/2024` is refused: it must be said whether that is in January or in
/// February. Digits beyond a millisecond are cut off.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TimeFormat(Format);

#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Format {
    #[default]
    Auto,
    Fixed(Shape),
    Pattern(String),
}

/// A form of a written time, as `auto` detects it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Epoch(EpochUnit),
    YearFirst,
    DayFirst,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EpochUnit {
    Seconds,
    Milliseconds,
    Microseconds,
    Nanoseconds,
}

/// A time format that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TimeFormatError(String);

/// A reason why a text is no time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TimeProblem {
    /// The expected form.
    NotATime(String),
    /// The formats that fit the text; the user must choose one.
    Ambiguous(Vec<String>),
}

/// A time that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ParsedTime {
    pub(crate) ms: i64,
    pub(crate) kind: LocalTimeKind,
}

/// Reads the times of one column.
#[derive(Debug)]
pub(crate) struct TimeReader {
    format: Format,
    zone: Zone,
    /// Form and text of the first time, if the format is `auto`.
    found: Option<(Shape, String)>,
    /// Rows of one time follow each other in the long layout.
    last: Option<(String, ParsedTime)>,
}

impl TimeReader {
    pub(crate) fn new(format: &TimeFormat, zone: &Zone) -> Self {
        Self { format: format.0.clone(), zone: zone.clone(), found: None, last: None }
    }

    /// Returns the format that `auto` detected, and the text that showed it.
    pub(crate) fn found(&self) -> Option<(String, &str)> {
        self.found.as_ref().map(|(shape, text)| (shape.to_string(), text.as_str()))
    }

    pub(crate) fn read(&mut self, text: &str) -> Result<ParsedTime, TimeProblem> {
        if let Some((last, read)) = &self.last
            && last == text
        {
            return Ok(*read);
        }
        let read = self.parse(text)?;
        let (last, kept) = self.last.get_or_insert_with(|| (String::new(), read));
        last.clear();
        last.push_str(text);
        *kept = read;
        Ok(read)
    }

    fn parse(&mut self, text: &str) -> Result<ParsedTime, TimeProblem> {
        let shape = match (&self.format, &self.found) {
            (Format::Pattern(pattern), _) => {
                return by_pattern(pattern, text, &self.zone)
                    .ok_or_else(|| TimeProblem::NotATime(format!("a time such as {}", example(pattern))));
            }
            (Format::Fixed(shape), _) | (Format::Auto, Some((shape, _))) => *shape,
            (Format::Auto, None) => {
                let shape = shape_of(text)?;
                let read = self.by_shape(shape, text)?;
                self.found = Some((shape, text.to_owned()));
                return Ok(read);
            }
        };
        self.by_shape(shape, text)
    }

    fn by_shape(&self, shape: Shape, text: &str) -> Result<ParsedTime, TimeProblem> {
        let read = match shape {
            Shape::Epoch(unit) => scan::epoch_ms(text, unit.nanoseconds())
                .map(|ms| ParsedTime { ms, kind: LocalTimeKind::Absolute }),
            Shape::YearFirst => scan::civil(text, true).and_then(|time| self.resolve(time)),
            Shape::DayFirst => scan::civil(text, false).and_then(|time| self.resolve(time)),
        };
        read.ok_or_else(|| {
            TimeProblem::NotATime(match &self.found {
                Some((_, first)) => format!("{shape}, like the first time, `{first}`"),
                None => shape.to_string(),
            })
        })
    }

    fn resolve(&self, time: scan::Civil) -> Option<ParsedTime> {
        match time.offset {
            Some(offset) => {
                let ms = floor_ms(offset.to_timestamp(time.local).ok()?);
                Some(ParsedTime { ms, kind: LocalTimeKind::Absolute })
            }
            None => self.zone.resolve(time.local).map(|(ms, kind)| ParsedTime { ms, kind }),
        }
    }
}

/// Returns true if a header cell is a time, and therefore not a column name.
pub(crate) fn looks_like_a_time(text: &str) -> bool {
    match shape_of(text) {
        Ok(Shape::Epoch(_)) | Err(TimeProblem::Ambiguous(_)) => true,
        Ok(Shape::YearFirst) => scan::civil(text, true).is_some(),
        Ok(Shape::DayFirst) => scan::civil(text, false).is_some(),
        Err(TimeProblem::NotATime(_)) => false,
    }
}

fn shape_of(text: &str) -> Result<Shape, TimeProblem> {
    if scan::civil(text, true).is_some() {
        return Ok(Shape::YearFirst);
    }
    if scan::civil(text, false).is_some() {
        return Ok(Shape::DayFirst);
    }
    if let Some(digits) = scan::whole_digits(text) {
        return match digits.len() {
            9..=11 => Ok(Shape::Epoch(EpochUnit::Seconds)),
            12..=14 => Ok(Shape::Epoch(EpochUnit::Milliseconds)),
            15..=17 => Ok(Shape::Epoch(EpochUnit::Microseconds)),
            18..=20 => Ok(Shape::Epoch(EpochUnit::Nanoseconds)),
            _ => Err(TimeProblem::NotATime(
                "a point in time; a number like this is taken for one only if --time-format says of what unit \
                 (epoch-s, epoch-ms, epoch-us or epoch-ns) or gives a pattern (such as %Y%m%d)"
                    .to_owned(),
            )),
        };
    }
    match scan::suggestions(text) {
        Some(formats) => Err(TimeProblem::Ambiguous(formats)),
        None => Err(TimeProblem::NotATime(
            "an epoch time, `YYYY-MM-DD HH:MM:SS`, RFC 3339 or `DD.MM.YYYY HH:MM:SS`; for any other form give \
             --time-format"
                .to_owned(),
        )),
    }
}

fn by_pattern(pattern: &str, text: &str, zone: &Zone) -> Option<ParsedTime> {
    let time = strtime::parse(pattern, text).ok()?;
    if time.timestamp().is_some() || time.offset().is_some() {
        return Some(ParsedTime { ms: floor_ms(time.to_timestamp().ok()?), kind: LocalTimeKind::Absolute });
    }
    if time.iana_time_zone().is_some() {
        return Some(ParsedTime {
            ms: floor_ms(time.to_zoned().ok()?.timestamp()),
            kind: LocalTimeKind::Absolute,
        });
    }
    let local = local_time(&time)?;
    zone.resolve(local).map(|(ms, kind)| ParsedTime { ms, kind })
}

/// A pattern without a time of day means midnight.
fn local_time(time: &BrokenDownTime) -> Option<jiff::civil::DateTime> {
    let date = time.to_date().ok()?;
    if time.hour().is_none() && time.minute().is_none() && time.second().is_none() {
        return Some(date.to_datetime(jiff::civil::Time::midnight()));
    }
    Some(date.to_datetime(time.to_time().ok()?))
}

/// A time written by the pattern.
fn example(pattern: &str) -> String {
    sample(pattern).map_or_else(|_| format!("`{pattern}`"), |text| format!("`{text}`"))
}

fn sample(pattern: &str) -> Result<String, jiff::Error> {
    let time = jiff::Timestamp::from_second(1_710_499_530)?.to_zoned(jiff::tz::TimeZone::UTC);
    strtime::format(pattern, &time)
}

impl EpochUnit {
    const fn nanoseconds(self) -> i128 {
        match self {
            Self::Seconds => 1_000_000_000,
            Self::Milliseconds => 1_000_000,
            Self::Microseconds => 1_000,
            Self::Nanoseconds => 1,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Epoch(EpochUnit::Seconds) => "seconds since 1970",
            Self::Epoch(EpochUnit::Milliseconds) => "milliseconds since 1970",
            Self::Epoch(EpochUnit::Microseconds) => "microseconds since 1970",
            Self::Epoch(EpochUnit::Nanoseconds) => "nanoseconds since 1970",
            Self::YearFirst => "year, month, day and time of day",
            Self::DayFirst => "day, month, year and time of day",
        })
    }
}

impl FromStr for TimeFormat {
    type Err = TimeFormatError;

    fn from_str(text: &str) -> Result<Self, TimeFormatError> {
        let epoch = |unit| Ok(Self(Format::Fixed(Shape::Epoch(unit))));
        match text {
            "auto" => Ok(Self(Format::Auto)),
            "epoch-s" => epoch(EpochUnit::Seconds),
            "epoch-ms" => epoch(EpochUnit::Milliseconds),
            "epoch-us" => epoch(EpochUnit::Microseconds),
            "epoch-ns" => epoch(EpochUnit::Nanoseconds),
            _ if text.contains('%') => {
                // What a pattern writes, it must be able to read: that finds a pattern without a year, for example.
                let written = sample(text).map_err(|error| TimeFormatError(format!("`{text}`: {error}")))?;
                match by_pattern(text, &written, &Zone::default()) {
                    Some(_) => Ok(Self(Format::Pattern(text.to_owned()))),
                    None => Err(TimeFormatError(format!(
                        "`{text}` does not tell a point in time; expected at least a year, a month and a day, \
                         such as `%Y-%m-%d %H:%M:%S`"
                    ))),
                }
            }
            _ => Err(TimeFormatError(format!(
                "`{text}` is no time format; expected `auto`, `epoch-s`, `epoch-ms`, `epoch-us`, `epoch-ns` or a \
                 pattern such as `%d/%m/%Y %H:%M:%S`"
            ))),
        }
    }
}

impl fmt::Display for TimeFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Format::Auto => f.write_str("auto"),
            Format::Fixed(shape) => shape.fmt(f),
            Format::Pattern(pattern) => f.write_str(pattern),
        }
    }
}

#[cfg(test)]
mod tests;
