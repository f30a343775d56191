use super::{error_of, options, parsed, points_of, run};
use crate::{Options, Reason, import};

#[test]
fn a_row_with_too_few_or_too_many_fields_is_rejected() {
    let csv = "time,a,b\n1700000000,1\n1700000001,1,2,3\n1700000002,1,2,,\n";
    let (points, summary) = points_of(csv, &options());
    assert_eq!(points.len(), 2, "empty fields at the end are harmless");
    assert_eq!(summary.rejected[&Reason::FieldCount], 2);
    assert_eq!(
        summary.rejections[0].to_string(),
        "line 2: wrong number of fields: found 2 fields; expected 3, as in the header"
    );
}

#[test]
fn a_quote_that_is_never_closed_is_suspected() {
    let (_, summary) = run("time,a,b\n1700000000,\"1,2\n1700000001,1,2\n", &options()).unwrap();
    let told = summary.rejections[0].to_string();
    assert!(
        told.starts_with("line 2: ") && told.contains("over 3 lines (is a quote never closed?)"),
        "{told}"
    );
}

#[test]
fn bytes_that_are_not_utf_8_reject_the_row_if_they_are_used() {
    let csv = b"time,tag,value,comment\n1700000000,a,\xe4,\n1700000001,a,1,\xe4\n1700000002,\xc3,\xa9,\n";
    let (points, summary) = points_of(csv, &options());
    assert_eq!(points, ["1700000001000 m a 1"]);
    let told: Vec<_> = summary.rejections.iter().map(ToString::to_string).collect();
    assert!(
        told[0].starts_with("line 2, column `value`: not UTF-8: found `\u{fffd}`; expected UTF-8"),
        "{told:?}"
    );
    assert!(
        told[1].starts_with("line 4, column `tag`: not UTF-8"),
        "halves of a character in two fields: {told:?}"
    );
}

#[test]
fn a_bad_cell_does_not_reject_its_row_in_the_wide_layout() {
    let (points, summary) = points_of("time,a,b\n1700000000,inf,2\n", &options());
    assert_eq!(points, ["1700000000000 m b 2"]);
    assert_eq!((summary.rejected_rows, summary.rejected_cells), (0, 1));
    let (points, summary) = points_of("time,tag,value\n1700000000,a,inf\n", &options());
    assert!(points.is_empty());
    assert_eq!((summary.rejected_rows, summary.rejected_cells), (1, 0));
}

#[test]
fn a_header_that_comes_again_is_known_as_one() {
    let (_, summary) = run("time,a\n1700000000,1\ntime,a\n1700000001,1\n", &options()).unwrap();
    assert_eq!(summary.rejected[&Reason::RepeatedHeader], 1);
    assert_eq!(summary.points, 2);
}

#[test]
fn names_in_columns_must_be_names() {
    let long = "x".repeat(257);
    for (csv, reason) in [
        ("time,machine,tag,value\n1700000000,,a,1\n".to_owned(), Reason::BadEquipment),
        ("time,machine,tag,value\n1700000000,\"a\nb\",a,1\n".to_owned(), Reason::BadEquipment),
        (format!("time,machine,tag,value\n1700000000,{long},a,1\n"), Reason::BadEquipment),
        ("time,machine,tag,value\n1700000000,m,,1\n".to_owned(), Reason::BadTag),
        (format!("time,machine,tag,value\n1700000000,m,{long},1\n"), Reason::BadTag),
        (format!("time,machine,source,tag,value\n1700000000,m,{long},a,1\n"), Reason::BadSource),
        ("time,machine,quality,tag,value\n1700000000,m,\"a\tb\",a,1\n".to_owned(), Reason::BadQuality),
    ] {
        let (points, summary) = points_of(&csv, &Options::default());
        assert!(points.is_empty(), "{csv}");
        assert_eq!(summary.rejections[0].reason, reason, "{csv}");
    }
}

#[test]
fn the_first_twenty_rejections_are_kept_and_all_are_counted() {
    let csv = format!("time,a\n{}", "soon,1\n".repeat(50));
    let (_, summary) = run(csv, &options()).unwrap();
    assert_eq!(summary.rejections.len(), 20);
    assert_eq!(summary.rejections[19].line, 21);
    assert_eq!(summary.rejected[&Reason::BadTime], 50);
    assert_eq!(summary.rejected_rows, 50);
}

#[test]
fn strict_stops_at_the_first_rejection_and_keeps_what_was_before() {
    let options = Options { strict: true, ..options() };
    let mut out = Vec::new();
    let csv = "time,a,b\n1700000000,1,2\n1700000001,3,inf\n1700000002,5,6\n";
    let error = import(csv.as_bytes(), &mut out, &options, &mut |_| {}).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 3, column `b`: number not finite: found `inf`; expected a number that a 64-bit float can hold"
    );
    assert_eq!(parsed(&out).len(), 3);
    assert!(error_of("time,a\nsoon,1\n", &options).starts_with("line 2, column `time`: time not understood"));
}

#[test]
fn what_was_found_is_shown_short_and_on_one_line() {
    let cell = format!("a\u{1b}\n{}", "é".repeat(500));
    let (_, summary) = run(format!("time,a\n\"{cell}\",1\n"), &options()).unwrap();
    let found = &summary.rejections[0].found;
    assert!(
        found.starts_with("`a\u{fffd}\u{fffd}é") && found.ends_with("` and so on, 1003 bytes"),
        "{found}"
    );
    assert!(found.chars().count() < 100);
}

#[test]
fn every_row_and_every_cell_is_counted_once() {
    let csv = "time,a,b\n1700000000,1,\n1700000001,NaN,inf\nsoon,1,2\n1700000002,1\n,,\n1700000003,x,true\n";
    let (_, summary) = run(csv, &options()).unwrap();
    let used = summary.rows - summary.rejected_rows;
    assert_eq!((summary.rows, used, summary.blank_rows), (5, 3, 1));
    let cells = summary.points + summary.empty + summary.no_value + summary.rejected_cells;
    assert_eq!(cells, used * 2);
    let rejected: u64 = summary.rejected.values().sum();
    assert_eq!(rejected, summary.rejected_rows + summary.rejected_cells);
    let of_cells: u64 = summary.rejected.iter().filter(|(it, _)| it.is_of_a_cell()).map(|(_, n)| n).sum();
    assert_eq!(of_cells, summary.rejected_cells);
}
