//! Dates in UTC, for names of objects.

/// Returns the hour of a time as `YYYY/MM/DD/HH`.
#[must_use]
pub(crate) fn hour(at_ms: i64) -> String {
    let hours = at_ms.div_euclid(3_600_000);
    let (year, month, day) = civil(hours.div_euclid(24));
    format!("{year:04}/{month:02}/{day:02}/{:02}", hours.rem_euclid(24))
}

/// Returns year, month and day of a day since the epoch, in the Gregorian calendar (after Howard Hinnant's
/// `civil_from_days`).
fn civil(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year_of_era + era * 400 + carry, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_named_by_its_date_in_utc() {
        assert_eq!(hour(0), "1970/01/01/00");
        assert_eq!(hour(1_700_000_000_000), "2023/11/14/22");
        assert_eq!(hour(951_782_400_000), "2000/02/29/00");
        assert_eq!(hour(-1), "1969/12/31/23");
    }
}
