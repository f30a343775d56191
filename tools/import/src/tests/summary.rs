use super::{options, run};
use crate::Options;

#[test]
fn the_summary_reads_as_sentences() {
    let csv = "time;temperature;state\n\
               2024-01-02 00:00:10;1,5;on\n\
               2024-01-02 00:00:20;2,5;\n\
               2024-01-02 00:00:12;NaN;7\n\
               2024-01-02 00:00:30;-3;off\n\
               soon;1;on\n";
    let (_, summary) = run(csv, &options()).unwrap();
    assert_eq!(
        summary.text(),
        "\
6 points from 5 rows, from 2024-01-02 00:00:10 UTC to 2024-01-02 00:00:30 UTC.
Left out: 1 row rejected, 1 empty cell, 1 cell without a value.
The times of a machine go backwards in 1 row, by 8s at most, on line 4; a max_out_of_orderness of 8s puts them all in order.
Assumed:
  time column: `time`, because it is the first column that is named like a time
  layout: wide, because no two columns are named like one of tags and one of values
  delimiter: `;`, because the header line has most of it
  decimal mark: point or comma, because the delimiter is `;`
  time format: year, month, day and time of day, because the first one is `2024-01-02 00:00:10`
  zone: UTC, because the times do not say their zone
Machines:
  m: 6 points
Tags:
  temperature: 3 numbers from -3 to 2.5
  state: 1 number from 7 to 7, 2 texts
The tag state has numbers and 2 texts; the first text is `on` on line 2.
Rejected:
  time not understood: 1
In full:
  line 6, column `time`: time not understood: found `soon`; expected year, month, day and time of day, like the first time, `2024-01-02 00:00:10`
"
    );
}

#[test]
fn steps_backwards_are_of_one_equipment() {
    let csv = "time,machine,a\n1700000100,m1,1\n1700000000,m2,1\n1700000090,m1,1\n1700000110,m1,1\n1700000095,m1,1\n";
    let (_, summary) = run(csv, &Options::default()).unwrap();
    assert_eq!((summary.backward_rows, summary.max_backward_ms), (2, 15_000));
    assert_eq!(summary.max_backward_line, Some(6));
}

#[test]
fn a_row_without_a_point_is_no_step_backwards() {
    let (_, summary) = run("time,a\n1700000100,1\n1700000000,\n1700000200,1\n", &options()).unwrap();
    assert_eq!((summary.backward_rows, summary.max_backward_line), (0, None));
    assert!(summary.text().contains("The times of each machine never go backwards."));
    assert_eq!(summary.first_ms, Some(1_700_000_100_000));
}

#[test]
fn each_tag_tells_its_types_and_its_least_and_greatest_number() {
    let csv = "time,tag,value\n1700000000,b,2\n1700000001,b,-1\n1700000002,a,true\n1700000003,b,x\n";
    let (_, summary) = run(csv, &options()).unwrap();
    let names: Vec<_> = summary.tags.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(summary.tags[0].booleans, 1);
    let b = &summary.tags[1];
    assert_eq!((b.numbers, b.texts, b.min, b.max, b.points()), (2, 1, Some(-1.0), Some(2.0), 3));
    assert_eq!(b.first_text, Some((5, "`x`".to_owned())));
}

#[test]
fn a_column_without_a_value_is_a_tag_without_points() {
    let (_, summary) = run("time,a,b\n1700000000,1,\n", &options()).unwrap();
    assert!(summary.text().contains("  b: no points\n"));
}

#[test]
fn very_great_and_very_small_numbers_are_shown_with_an_exponent() {
    let (_, summary) = run("time,a\n1700000000,1e300\n1700000001,-2.5e-9\n", &options()).unwrap();
    assert!(summary.text().contains("a: 2 numbers from -2.5e-9 to 1e300\n"), "{}", summary.text());
}
