//! Scans the common forms of times digit by digit, without a pattern.

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

use crate::zone::parse_offset;

/// A date and time of day, with an offset if the text has one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Civil {
    pub(super) local: DateTime,
    pub(super) offset: Option<Offset>,
}

/// The rest of a text that is being read.
#[derive(Clone, Copy)]
struct Scan<'a>(&'a str);

impl<'a> Scan<'a> {
    fn eat(&mut self, byte: char) -> bool {
        match self.0.strip_prefix(byte) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    /// Reads `least` to `most` digits with no further digit behind them.
    fn digits(&mut self, least: usize, most: usize) -> Option<&'a str> {
        let count = self.0.bytes().take_while(u8::is_ascii_digit).count();
        if !(least..=most).contains(&count) {
            return None;
        }
        let (digits, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(digits)
    }

    fn number<N: std::str::FromStr>(&mut self, least: usize, most: usize) -> Option<N> {
        self.digits(least, most)?.parse().ok()
    }

    /// Up to nine digits of a second, as nanoseconds; further ones are read and cut off.
    fn nanoseconds(&mut self) -> Option<i32> {
        let digits = self.digits(1, 100)?;
        let kept = digits.get(..9).unwrap_or(digits);
        let scale = 10_i32.checked_pow(u32::try_from(9 - kept.len()).ok()?)?;
        Some(kept.parse::<i32>().ok()? * scale)
    }
}

/// `YYYY-MM-DD` or `YYYY/MM/DD`, or else `DD.MM.YYYY`, then nothing or a time of day, then nothing or a zone.
pub(super) fn civil(text: &str, year_first: bool) -> Option<Civil> {
    let mut scan = Scan(text);
    let date = if year_first {
        let year: i16 = scan.number(4, 4)?;
        let separator = if scan.eat('-') {
            '-'
        } else if scan.eat('/') {
            '/'
        } else {
            return None;
        };
        let month: i8 = scan.number(1, 2)?;
        if !scan.eat(separator) {
            return None;
        }
        Date::new(year, month, scan.number(1, 2)?)
    } else {
        let day: i8 = scan.number(1, 2)?;
        if !scan.eat('.') {
            return None;
        }
        let month: i8 = scan.number(1, 2)?;
        if !scan.eat('.') {
            return None;
        }
        Date::new(scan.number(4, 4)?, month, day)
    };
    let date = date.ok()?;
    if scan.0.is_empty() {
        return Some(Civil { local: date.to_datetime(Time::midnight()), offset: None });
    }
    if !scan.eat('T') && !scan.eat('t') {
        let comma = scan.eat(',');
        if !scan.eat(' ') && !comma {
            return None;
        }
        while scan.eat(' ') {}
    }
    let time = time_of_day(&mut scan)?;
    while scan.eat(' ') {}
    let offset = if scan.0.is_empty() { None } else { Some(parse_offset(scan.0)?) };
    Some(Civil { local: date.to_datetime(time), offset })
}

fn time_of_day(scan: &mut Scan<'_>) -> Option<Time> {
    let hour: i8 = scan.number(1, 2)?;
    if !scan.eat(':') {
        return None;
    }
    let minute: i8 = scan.number(2, 2)?;
    let (mut second, mut nanosecond) = (0_i8, 0_i32);
    if scan.eat(':') {
        second = scan.number(2, 2)?;
        if scan.eat('.') || scan.eat(',') {
            nanosecond = scan.nanoseconds()?;
        }
    }
    Time::new(hour, minute, second, nanosecond).ok()
}

/// The digits before the decimal mark of a number that has nothing but digits, a sign and a mark; without zeros in
/// front, so that their count is the number's magnitude.
pub(super) fn whole_digits(text: &str) -> Option<&str> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = unsigned.split_once(['.', ',']).unwrap_or((unsigned, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (digits(whole) && digits(fraction)).then(|| whole.trim_start_matches('0'))
}

/// Converts a number of units of `nanoseconds` each to milliseconds since the epoch.
pub(super) fn epoch_ms(text: &str, unit_ns: i128) -> Option<i64> {
    if whole_digits(text)?.len() > 20 {
        return None;
    }
    let (negative, unsigned) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = unsigned.split_once(['.', ',']).unwrap_or((unsigned, "0"));
    let mut scan = Scan(fraction);
    let total =
        whole.parse::<i128>().ok()? * unit_ns + i128::from(scan.nanoseconds()?) * unit_ns / 1_000_000_000;
    let ms = i64::try_from((if negative { -total } else { total }).div_euclid(1_000_000)).ok()?;
    // The years that the rest of the library can tell.
    jiff::Timestamp::from_millisecond(ms).ok().map(|_| ms)
}

/// Returns the patterns that fit a date with an ambiguous order of day and month, or an ambiguous century.
pub(super) fn suggestions(text: &str) -> Option<Vec<String>> {
    let mut scan = Scan(text);
    let first: u8 = scan.number(1, 2)?;
    let separator = ['/', '-', '.'].into_iter().find(|separator| scan.eat(*separator))?;
    let second: u8 = scan.number(1, 2)?;
    if !scan.eat(separator) {
        return None;
    }
    let year = match scan.digits(2, 4)?.len() {
        2 => "%y",
        4 => "%Y",
        _ => return None,
    };
    let time = time_pattern(scan)?;
    let mut formats = Vec::new();
    if first <= 12 && separator != '.' {
        formats.push(format!("%m{separator}%d{separator}{year}{time}"));
    }
    if second <= 12 {
        formats.push(format!("%d{separator}%m{separator}{year}{time}"));
    }
    (!formats.is_empty()).then_some(formats)
}

fn time_pattern(mut scan: Scan<'_>) -> Option<String> {
    if scan.0.is_empty() {
        return Some(String::new());
    }
    let mut pattern = String::new();
    while let Some(separator) = [',', 'T', ' '].into_iter().find(|separator| scan.eat(*separator)) {
        pattern.push(separator);
    }
    scan.digits(1, 2)?;
    pattern.push_str("%H");
    for part in [":%M", ":%S"] {
        if scan.eat(':') {
            scan.digits(2, 2)?;
            pattern.push_str(part);
        }
    }
    if scan.eat('.') {
        scan.digits(1, 9)?;
        pattern.push_str("%.f");
    }
    if scan.eat(' ') {
        pattern.push(' ');
    }
    match scan.0 {
        "" => Some(pattern),
        "AM" | "PM" | "am" | "pm" => Some(pattern.replace("%H", "%I") + "%p"),
        _ => None,
    }
}
