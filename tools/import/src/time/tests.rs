use super::*;

fn read_as(format: &str, text: &str) -> Option<i64> {
    TimeReader::new(&format.parse().unwrap(), &Zone::default()).read(text).ok().map(|read| read.ms)
}

fn auto(text: &str) -> Option<i64> {
    read_as("auto", text)
}

#[test]
fn the_magnitude_of_an_epoch_time_decides_its_unit() {
    for text in [
        "1700000000",
        "1700000000000",
        "1700000000000000",
        "1700000000000000000",
        "1700000000.000",
        "01700000000",
    ] {
        assert_eq!(auto(text), Some(1_700_000_000_000), "{text}");
    }
    assert_eq!(auto("100000000"), Some(100_000_000_000), "seconds");
    assert_eq!(auto("99999999999"), Some(99_999_999_999_000), "seconds");
    assert_eq!(auto("100000000000"), Some(100_000_000_000), "milliseconds");
    assert_eq!(auto("99999999"), None);
    assert_eq!(auto("20240101"), None, "a date without separators needs a pattern");
}

#[test]
fn an_epoch_time_of_a_given_unit_can_be_of_any_magnitude() {
    assert_eq!(read_as("epoch-s", "0"), Some(0));
    assert_eq!(read_as("epoch-s", "1.5"), Some(1500));
    assert_eq!(read_as("epoch-s", "1,5"), Some(1500));
    assert_eq!(read_as("epoch-ms", "1700000000"), Some(1_700_000_000));
    assert_eq!(read_as("epoch-us", "1999"), Some(1));
    assert_eq!(read_as("epoch-ns", "-1"), Some(-1), "cut off towards the past");
    assert_eq!(read_as("epoch-s", "-0.0001"), Some(-1));
    for wrong in ["", "1e9", "soon", "1.", "--1", "+1", "99999999999999999999", "1 "] {
        assert_eq!(read_as("epoch-s", wrong), None, "{wrong}");
    }
}

#[test]
fn times_with_the_year_first_are_read_with_and_without_a_zone() {
    for text in [
        "2023-11-14T22:13:20Z",
        "2023-11-14t22:13:20z",
        "2023-11-14T23:13:20+01:00",
        "2023-11-14T17:13:20-0500",
        "2023-11-14 22:13:20 UTC",
        "2023-11-14 22:13:20+00",
        "2023-11-14 22:13:20",
        "2023-11-14 22:13:20.000999",
        "2023/11/14 22:13:20,0",
        "2023-11-14 22:13:20.0000000000000",
    ] {
        assert_eq!(auto(text), Some(1_700_000_000_000), "{text}");
    }
    assert_eq!(auto("2024-1-2 3:04"), Some(1_704_164_640_000));
    assert_eq!(auto("2024-01-02"), Some(1_704_153_600_000));
    assert_eq!(auto("1969-12-31 23:59:59.9999"), Some(-1));
}

#[test]
fn dotted_dates_have_the_day_first() {
    assert_eq!(auto("14.11.2023 22:13:20"), Some(1_700_000_000_000));
    assert_eq!(auto("14.11.2023, 22:13:20"), Some(1_700_000_000_000));
    assert_eq!(auto("2.1.2024 03:04"), Some(1_704_164_640_000));
}

#[test]
fn what_is_no_time_is_refused() {
    for text in [
        "2023-13-01 00:00",
        "2023-02-29 00:00",
        "2023-11-14 24:00",
        "2023-11-14 22:60",
        "2023-11-14 22:13:60",
        "2023-11/14",
        "2023-11-14T",
        "2023-11-14 22",
        "2023-11-14 22:13 PM",
        "2023-11-14 22:13:20+25:00",
        "2023-11-14 22:13:20+1",
        "32.01.2024",
        "14.11.2023x",
        "",
        "-",
        "é",
    ] {
        assert_eq!(auto(text), None, "{text}");
    }
}

fn formats(text: &str) -> Vec<String> {
    match TimeReader::new(&TimeFormat::default(), &Zone::default()).read(text) {
        Err(TimeProblem::Ambiguous(formats)) => formats,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn the_suggested_formats_read_the_time() {
    for text in [
        "01/02/2024",
        "1/2/2024 3:04",
        "01/02/24 03:04:05",
        "01-02-2024 03:04:05.678",
        "1/2/2024 3:04:05 PM",
        "01/02/2024 3:04PM",
        "01.02.24 03:04",
        "01/02/2024, 03:04",
    ] {
        for format in formats(text) {
            assert!(read_as(&format, text).is_some(), "{format} does not read {text}");
        }
    }
    assert_eq!(formats("13/02/2024"), ["%d/%m/%Y"]);
    assert_eq!(formats("02/13/2024"), ["%m/%d/%Y"]);
    assert_eq!(formats("01.02.24"), ["%d.%m.%y"]);
}

#[test]
fn a_pattern_reads_what_it_describes() {
    assert_eq!(read_as("%d/%m/%Y %H:%M:%S", "14/11/2023 22:13:20"), Some(1_700_000_000_000));
    assert_eq!(read_as("%m/%d/%Y %I:%M:%S %p", "11/14/2023 10:13:20 PM"), Some(1_700_000_000_000));
    assert_eq!(read_as("%Y%m%d", "20231114"), Some(1_699_920_000_000), "midnight");
    assert_eq!(read_as("%Y-%m-%d %H:%M:%S%.f %z", "2023-11-14 23:13:20.5 +0100"), Some(1_700_000_000_500));
    assert_eq!(read_as("%s", "1700000000"), Some(1_700_000_000_000));
    assert_eq!(read_as("%d/%m/%Y", "14/11/2023 22:13"), None);
}

#[test]
fn a_pattern_that_tells_no_point_in_time_is_refused() {
    for wrong in ["%H:%M", "%d.%m.", "%", "%!", "", "rfc", "epoch-min"] {
        assert!(wrong.parse::<TimeFormat>().is_err(), "{wrong}");
    }
}

#[test]
fn a_zone_is_utc_an_offset_or_a_name() {
    for zone in ["UTC", "Z", "+02:00", "-0530", "+01", "Europe/Berlin", "America/New_York"] {
        assert!(zone.parse::<Zone>().is_ok(), "{zone}");
    }
    for wrong in ["", "Berlin", "+2:0", "+25", "+02:60", "Mars/Olympus"] {
        assert!(wrong.parse::<Zone>().is_err(), "{wrong}");
    }
}
