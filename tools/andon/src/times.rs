//! Times as people read and write them. All in UTC.

#[cfg(feature = "live")]
use andon_domain::Millis;

/// A time of day in UTC: `09:30:48`.
pub(crate) fn clock(at_ms: i64) -> String {
    let of_day = at_ms.rem_euclid(86_400_000) / 1_000;
    format!("{:02}:{:02}:{:02}", of_day / 3_600, of_day / 60 % 60, of_day % 60)
}

/// A time in UTC, to the second: `2026-03-02 06:00:12Z`.
#[cfg(feature = "live")]
pub(crate) fn stamp(at_ms: i64) -> String {
    match jiff::Timestamp::from_millisecond(at_ms) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
        Err(_) => format!("{at_ms} ms"),
    }
}

/// A time in UTC with its fraction of a second: `2026-03-02T06:00:00.25Z`.
pub(crate) fn stamp_exact(at_ms: i64) -> String {
    match jiff::Timestamp::from_millisecond(at_ms) {
        Ok(time) => time.to_string(),
        Err(_) => format!("{at_ms} ms"),
    }
}

/// A time near another one: without the date, where that is the same.
#[cfg(feature = "live")]
pub(crate) fn stamp_near(at_ms: i64, other_ms: i64) -> String {
    if at_ms.div_euclid(86_400_000) == other_ms.div_euclid(86_400_000) { clock(at_ms) } else { stamp(at_ms) }
}

/// A time in history, ms: a date, a date and a time (both in UTC), or a time with its offset.
pub(crate) fn day_or_time(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let utc = |time: jiff::civil::DateTime| {
        time.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|time| time.timestamp())
    };
    let time = text.parse::<jiff::Timestamp>().ok();
    let time = time.or_else(|| text.parse().ok().and_then(utc));
    time.map(jiff::Timestamp::as_millisecond).ok_or_else(|| {
        format!(
            "`{}` is no time; expected a date such as `2026-03-02`, or a time such as `2026-03-02T06:00:00Z`",
            text.escape_debug()
        )
    })
}

/// A length of time, as fine as it matters: `0.8 s`, `45 s`, `12 min`, `3 h 5 min`, `2 d 4 h`.
pub(crate) fn length(ms: i64) -> String {
    let sign = if ms < 0 { "-" } else { "" };
    let ms = ms.unsigned_abs();
    let seconds = ms / 1_000;
    let two = |great: u64, unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{great} {unit}"),
        small => format!("{great} {unit} {small} {small_unit}"),
    };
    let length = match seconds {
        172_800.. => two(seconds / 86_400, "d", seconds / 3_600 % 24, "h"),
        3_600.. => two(seconds / 3_600, "h", seconds / 60 % 60, "min"),
        120.. => format!("{} min", seconds / 60),
        10.. => format!("{seconds} s"),
        _ => format!("{seconds}.{} s", ms % 1_000 / 100),
    };
    format!("{sign}{length}")
}

/// A time on the command line.
#[cfg(feature = "live")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeArgument {
    /// This time, ms.
    At(i64),
    /// An offset from now, ms; negative for the past.
    FromNow(i64),
}

#[cfg(feature = "live")]
impl TimeArgument {
    /// Returns the time, given the current time.
    pub(crate) fn ms(self, now_ms: i64) -> i64 {
        match self {
            Self::At(ms) => ms,
            Self::FromNow(ms) => now_ms.saturating_add(ms),
        }
    }

    /// Parses a future time: a time, or `+10m`.
    pub(crate) fn to_come(text: &str) -> Result<Self, String> {
        match text.strip_prefix('+') {
            Some(duration) => Self::duration(duration).map(Self::FromNow),
            None => Self::at(text)
                .ok_or_else(|| format!("expected {TIMES}, or a duration from now such as `+10m`")),
        }
    }

    /// Parses a past time: a time, or `10m` for ten minutes ago.
    pub(crate) fn gone_by(text: &str) -> Result<Self, String> {
        if let Ok(Millis(ms)) = Millis::parse(text.strip_prefix('-').unwrap_or(text)) {
            return Ok(Self::FromNow(-ms));
        }
        Self::at(text).ok_or_else(|| format!("expected {TIMES}, or how long ago, such as `10m`"))
    }

    fn duration(text: &str) -> Result<i64, String> {
        Millis::parse(text).map(|Millis(ms)| ms).map_err(|error| error.to_string())
    }

    /// `2026-03-02T06:00:00Z`, also with a space and with another offset; or milliseconds since the epoch.
    fn at(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(time) = text.parse::<jiff::Timestamp>() {
            return Some(Self::At(time.as_millisecond()));
        }
        // Of fewer digits it is rather a year or a slip.
        if text.len() >= 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().ok().map(Self::At);
        }
        None
    }
}

#[cfg(feature = "live")]
const TIMES: &str = "a time with its offset such as `2026-03-02T06:00:00Z` or milliseconds since the epoch";

#[cfg(test)]
#[cfg(feature = "live")]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_as_fine_as_they_matter() {
        let lengths = [0, 850, 9_999, 45_000, 119_999, 720_000, 3_600_000, 11_100_000, 187_200_000, -1_500];
        assert_eq!(
            lengths.map(length),
            ["0.0 s", "0.8 s", "9.9 s", "45 s", "119 s", "12 min", "1 h", "3 h 5 min", "2 d 4 h", "-1.5 s"]
        );
    }

    #[test]
    fn a_time_in_history_is_a_date_or_a_time() {
        let ms = 1_772_409_600_000;
        for text in ["2026-03-02", "2026-03-02 00:00:00", "2026-03-02T00:00:00Z", "2026-03-02T01:00:00+01:00"]
        {
            assert_eq!(day_or_time(text), Ok(ms), "{text}");
        }
        assert!(day_or_time("noon").is_err_and(|error| error.starts_with("`noon` is no time")));
    }

    #[test]
    fn a_time_is_read_as_it_is_shown() {
        let ms = 1_772_431_212_000;
        assert_eq!(stamp(ms), "2026-03-02 06:00:12Z");
        assert_eq!(TimeArgument::to_come(&stamp(ms)), Ok(TimeArgument::At(ms)));
        assert_eq!(TimeArgument::to_come("2026-03-02T07:00:12+01:00"), Ok(TimeArgument::At(ms)));
        assert_eq!(TimeArgument::gone_by("1772431212000"), Ok(TimeArgument::At(ms)));
    }

    #[test]
    fn times_may_be_told_from_now() {
        assert_eq!(TimeArgument::to_come("+10m").unwrap().ms(1_000), 601_000);
        assert_eq!(TimeArgument::gone_by("1h").unwrap().ms(0), -3_600_000);
        assert_eq!(TimeArgument::gone_by("-1h"), TimeArgument::gone_by("1h"));
        for text in ["10m", "tomorrow", "2026", "2026-03-02T06:00:00", "+", "+x"] {
            assert!(TimeArgument::to_come(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_date_is_left_out_on_the_same_day() {
        let ms = 1_772_431_212_000;
        assert_eq!(stamp_near(ms, ms + 1_000), "06:00:12");
        assert_eq!(stamp_near(ms, ms + 86_400_000), "2026-03-02 06:00:12Z");
    }
}
