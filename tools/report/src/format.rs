//! Formats times, durations, counts and measured numbers for the page.

use std::fmt;

use crate::numbers::float;

const DAY_MS: i64 = 86_400_000;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
// The epoch was a Thursday.
const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// A calendar day in UTC (proleptic Gregorian), for any time that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Day {
    year: i64,
    month: i64,
    day: i64,
    weekday: i64,
}

impl Day {
    pub(crate) fn of(at_ms: i64) -> Self {
        let days = at_ms.div_euclid(DAY_MS);
        // Years begin in March here, so that the leap day is the last of its year; eras are 400 years.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let of_era = shifted.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Self {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: of_year - (153 * from_march + 2) / 5 + 1,
            weekday: days.rem_euclid(7),
        }
    }

    fn month_name(self) -> &'static str {
        usize::try_from(self.month - 1).ok().and_then(|m| MONTHS.get(m)).copied().unwrap_or("")
    }

    fn weekday_name(self) -> &'static str {
        usize::try_from(self.weekday).ok().and_then(|d| WEEKDAYS.get(d)).copied().unwrap_or("")
    }
}

/// `Sat 14 Nov`, with the year where the step between ticks is long.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            write!(f, "{} {} {}", self.day, self.month_name(), self.year)
        } else {
            write!(f, "{} {} {}", self.weekday_name(), self.day, self.month_name())
        }
    }
}

/// `2026-11-14 10:42:10`, with milliseconds if there are any.
pub(crate) struct DateTime(pub(crate) i64);

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let day = Day::of(self.0);
        write!(f, "{:04}-{:02}-{:02} {}", day.year, day.month, day.day, Clock(self.0))
    }
}

/// Returns the whole second of a time: people need no milliseconds.
pub(crate) fn to_second(at_ms: i64) -> i64 {
    at_ms.saturating_sub(at_ms.rem_euclid(1_000))
}

/// The time alone if the reader knows the day already, because `near_ms` is on it.
pub(crate) struct ClockOrDate {
    pub(crate) at_ms: i64,
    pub(crate) near_ms: i64,
}

impl fmt::Display for ClockOrDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at_ms.div_euclid(DAY_MS) == self.near_ms.div_euclid(DAY_MS) {
            write!(f, "{}", Clock(self.at_ms))
        } else {
            write!(f, "{}", DateTime(self.at_ms))
        }
    }
}

/// `10:42:10`, with milliseconds if there are any.
pub(crate) struct Clock(pub(crate) i64);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_day = self.0.rem_euclid(DAY_MS);
        let (h, m, s, ms) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1_000 % 60, of_day % 1_000);
        write!(f, "{h:02}:{m:02}:{s:02}")?;
        if ms != 0 { write!(f, ".{ms:03}") } else { Ok(()) }
    }
}

/// The time on an axis whose ticks are `step_ms` apart: no finer than it needs to be.
pub(crate) struct TickTime {
    pub(crate) at_ms: i64,
    pub(crate) step_ms: i64,
}

impl fmt::Display for TickTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of_day = self.at_ms.rem_euclid(DAY_MS);
        let (h, m, s, ms) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1_000 % 60, of_day % 1_000);
        match self.step_ms {
            DAY_MS.. => write!(f, "{:#}", Day::of(self.at_ms)),
            60_000.. => write!(f, "{h:02}:{m:02}"),
            1_000.. => write!(f, "{h:02}:{m:02}:{s:02}"),
            _ => write!(f, "{h:02}:{m:02}:{s:02}.{ms:03}"),
        }
    }
}

/// A length of time in its two greatest units: `2 h 5 min`.
pub(crate) struct Span(pub(crate) i64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.max(0);
        let (great, great_unit, small, small_unit) = match ms {
            DAY_MS.. => (ms / DAY_MS, "d", ms / 3_600_000 % 24, "h"),
            3_600_000.. => (ms / 3_600_000, "h", ms / 60_000 % 60, "min"),
            60_000.. => (ms / 60_000, "min", ms / 1_000 % 60, "s"),
            10_000.. => (ms / 1_000, "s", 0, ""),
            1_000.. if ms % 1_000 != 0 => return write!(f, "{:.1} s", float(ms) / 1_000.0),
            1_000.. => (ms / 1_000, "s", 0, ""),
            _ => (ms, "ms", 0, ""),
        };
        write!(f, "{great} {great_unit}")?;
        if small > 0 { write!(f, " {small} {small_unit}") } else { Ok(()) }
    }
}

/// `1,234,567`.
pub(crate) struct Count(pub(crate) u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                write!(f, ",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// `1 transition`, `1,234 transitions`.
pub(crate) struct Counted(pub(crate) u64, pub(crate) &'static str);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", Count(self.0), self.1, if self.0 == 1 { "" } else { "s" })
    }
}

/// A measured value with up to six significant digits.
pub(crate) struct Measured(pub(crate) f64);

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.0.abs();
        if size == 0.0 {
            return write!(f, "0");
        }
        if !(1e-4..1e9).contains(&size) {
            let text = format!("{:.4e}", self.0);
            let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            return write!(f, "{}e{exponent}", trim_zeros(digits));
        }
        let decimals = match size {
            100_000.0.. => 0,
            10_000.0.. => 1,
            1_000.0.. => 2,
            100.0.. => 3,
            10.0.. => 4,
            1.0.. => 5,
            0.01.. => 6,
            _ => 8,
        };
        write!(f, "{}", trim_zeros(&format!("{:.*}", decimals, self.0)))
    }
}

fn trim_zeros(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}

/// A share in percent, never rounded to nothing or to the whole.
pub(crate) struct Share {
    pub(crate) part: f64,
    pub(crate) whole: f64,
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = if self.whole > 0.0 { self.part / self.whole * 100.0 } else { 0.0 };
        if percent > 0.0 && percent < 0.1 {
            write!(f, "< 0.1 %")
        } else if percent < 100.0 && percent > 99.9 {
            write!(f, "> 99.9 %")
        } else if percent >= 10.0 {
            write!(f, "{percent:.0} %")
        } else {
            write!(f, "{percent:.1} %")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_calendar_times_in_utc_at_both_ends_of_time() {
        assert_eq!(DateTime(0).to_string(), "1970-01-01 00:00:00");
        assert_eq!(DateTime(1_709_164_800_500).to_string(), "2024-02-29 00:00:00.500");
        assert_eq!(DateTime(-1).to_string(), "1969-12-31 23:59:59.999");
        assert_eq!(DateTime(i64::MAX).to_string(), "292278994-08-17 07:12:55.807");
        assert!(DateTime(i64::MIN).to_string().ends_with("16:47:04.192"));
        assert_eq!(Day::of(1_700_000_000_000).to_string(), "Tue 14 Nov");
    }

    #[test]
    fn spans_show_their_two_greatest_units() {
        let all: Vec<String> = [0, 450, 1_500, 59_000, 90_000, 3_600_000, 93_600_000]
            .iter()
            .map(|&ms| Span(ms).to_string())
            .collect();
        assert_eq!(all, ["0 ms", "450 ms", "1.5 s", "59 s", "1 min 30 s", "1 h", "1 d 2 h"]);
    }

    #[test]
    fn measured_values_have_six_digits_and_no_trailing_zeros() {
        let all: Vec<String> = [0.0, 80.0, 81.37, 1.0 / 3.0, -1234.5678, 1e12, 1e-9, 999_999.6, f64::MAX]
            .iter()
            .map(|&v| Measured(v).to_string())
            .collect();
        assert_eq!(
            all,
            ["0", "80", "81.37", "0.333333", "-1234.57", "1e12", "1e-9", "1000000", "1.7977e308"]
        );
    }

    #[test]
    fn counts_are_grouped_by_thousands() {
        assert_eq!(Count(1_234_567).to_string(), "1,234,567");
        assert_eq!(Counted(1, "rule").to_string(), "1 rule");
        assert_eq!(Counted(1_000, "rule").to_string(), "1,000 rules");
    }

    #[test]
    fn a_share_is_never_rounded_to_nothing_or_to_the_whole() {
        assert_eq!(Share { part: 1.0, whole: 1e6 }.to_string(), "< 0.1 %");
        assert_eq!(Share { part: 999_999.0, whole: 1e6 }.to_string(), "> 99.9 %");
        assert_eq!(Share { part: 1.0, whole: 0.0 }.to_string(), "0.0 %");
        assert_eq!(Share { part: 1.0, whole: 4.0 }.to_string(), "25 %");
    }
}
