use super::{assumed, error_of, options, points_of, run};
use crate::{Options, Reason};

#[test]
fn the_first_time_decides_how_times_are_written() {
    let csv = "time,a\n2024-01-02 03:04,1\n02.01.2024 03:04,2\n1704164640,3\n2024/01/02 03:04:05,4\n";
    let (points, summary) = points_of(csv, &options());
    assert_eq!(points, ["1704164640000 m a 1", "1704164645000 m a 4"]);
    assert_eq!(summary.rejected[&Reason::BadTime], 2);
    let told = summary.rejections[0].to_string();
    assert_eq!(
        told,
        "line 3, column `time`: time not understood: found `02.01.2024 03:04`; expected year, month, day and time \
         of day, like the first time, `2024-01-02 03:04`"
    );
    assert_eq!(assumed(&summary, "time format"), Some("year, month, day and time of day"));
}

#[test]
fn a_row_whose_time_cannot_be_read_does_not_decide_it() {
    let (points, _) = points_of("time,a\nsoon,1\n1700000000000,2\n", &options());
    assert_eq!(points, ["1700000000000 m a 2"]);
}

#[test]
fn a_date_that_can_be_read_in_two_ways_stops_with_the_formats_to_choose_from() {
    assert_eq!(
        error_of("time,a\n01/02/2024 03:04:05,1\n", &options()),
        "line 2, column `time`: `01/02/2024 03:04:05` can be read in more than one way; give --time-format \
         '%m/%d/%Y %H:%M:%S' or --time-format '%d/%m/%Y %H:%M:%S'"
    );
    let error = error_of("time,created_at,a\n1700000000,1/2/24,1\n", &options());
    assert!(error.ends_with("give --arrival-format '%m/%d/%y' or --arrival-format '%d/%m/%y'"), "{error}");
}

#[test]
fn a_time_since_the_start_of_a_recording_is_not_taken_for_a_point_in_time() {
    let (points, summary) = points_of("time,a\n0.1,1\n", &options());
    assert!(points.is_empty());
    assert!(summary.rejections[0].expected.contains("--time-format"), "{}", summary.rejections[0]);
}

#[test]
fn local_times_are_of_the_given_zone() {
    for (zone, ms) in
        [("UTC", 1_700_000_000_000_i64), ("+02:00", 1_699_992_800_000), ("Europe/Berlin", 1_699_996_400_000)]
    {
        let options = Options { zone: zone.parse().unwrap(), ..options() };
        let (points, summary) = points_of("time,a\n2023-11-14 22:13:20,1\n", &options);
        assert_eq!(points, [format!("{ms} m a 1")], "{zone}");
        assert_eq!(assumed(&summary, "zone"), Some(zone));
        let (points, summary) = points_of("time,a\n2023-11-14T22:13:20Z,1\n", &options);
        assert_eq!(points, ["1700000000000 m a 1"], "a zone in the time goes first");
        assert_eq!(assumed(&summary, "zone"), None);
    }
}

#[test]
fn a_time_in_the_gap_is_moved_forward_and_one_that_occurs_twice_is_the_first() {
    let options = Options { zone: "Europe/Berlin".parse().unwrap(), ..options() };
    // On 31 March 2024 clocks go from 02:00 to 03:00, on 27 October from 03:00 back to 02:00.
    let csv =
        "time,a,b\n2024-03-31 02:30,1,1\n2024-03-31 03:30,2,\n2024-10-27 02:30,3,\n2024-10-27 03:30,4,\n";
    let (points, summary) = points_of(csv, &options);
    assert_eq!(points[0], "1711848600000 m a 1");
    assert_eq!(points[2], "1711848600000 m a 2", "03:30 in summer time is where 02:30 was moved to");
    assert_eq!(points[3], "1729989000000 m a 3", "02:30 in summer time");
    assert_eq!(points[4], "1729996200000 m a 4", "two hours later");
    assert_eq!((summary.gap_times, summary.fold_times), (1, 1));
    let text = summary.text();
    assert!(text.contains("1 row lies in the gap where clocks are put forward"), "{text}");
    assert!(text.contains("1 row lies in the stretch that clocks repeat"), "{text}");
}

#[test]
fn an_empty_time_is_reported_with_its_line() {
    let (_, summary) = run("time,a\n1700000000,1\n,2\n", &options()).unwrap();
    assert_eq!(
        summary.rejections[0].to_string(),
        "line 3, column `time`: no time: found nothing; expected a time"
    );
}

#[test]
fn an_arrival_that_cannot_be_read_rejects_the_row() {
    let (points, summary) = points_of("time,created_at,a\n1700000000,later,1\n", &options());
    assert!(points.is_empty());
    assert_eq!(summary.rejections[0].reason, Reason::BadArrival);
}

#[test]
fn a_pattern_says_in_a_rejection_what_it_would_have_read() {
    let options = Options { time_format: "%d/%m/%Y %H:%M".parse().unwrap(), ..options() };
    let (points, summary) = points_of("time,a\n31/01/2024 00:00,1\n01/31/2024 00:00,2\n", &options);
    assert_eq!(points, ["1706659200000 m a 1"]);
    assert_eq!(summary.rejections[0].expected, "a time such as `15/03/2024 10:45`");
}
