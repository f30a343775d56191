use super::{error_of, map, options, run, set, values_of};
use crate::{Nulls, Options, Reason};

fn one(cell: &str, options: &Options) -> (Option<String>, Option<Reason>) {
    let (values, summary) = values_of(format!("time\ta\n1700000000\t{cell}\n"), options);
    (values.into_iter().next(), summary.rejections.first().map(|it| it.reason))
}

#[test]
fn a_cell_is_a_number_a_boolean_or_text_by_its_looks() {
    for (cell, value) in [
        ("1", "1"),
        (" -1.5 ", "-1.5"),
        ("1e3", "1000.0"),
        ("0", "0"),
        ("0.5", "0.5"),
        ("true", "true"),
        ("FALSE", "false"),
        ("running", "\"running\""),
        ("007", "\"007\""),
        ("-01.5", "\"-01.5\""),
        ("10.0.0.1", "\"10.0.0.1\""),
        ("1.2.3", "\"1.2.3\""),
        ("12.5 °C", "\"12.5 °C\""),
        ("0x10", "\"0x10\""),
        ("1e", "\"1e\""),
        (".", "\".\""),
        ("1-2", "\"1-2\""),
    ] {
        assert_eq!(one(cell, &options()), (Some(value.to_owned()), None), "{cell}");
    }
}

#[test]
fn a_number_that_is_not_finite_is_rejected() {
    for cell in ["inf", "-Infinity", "1e999", "1.#INF"] {
        assert_eq!(one(cell, &options()), (None, Some(Reason::NotFinite)), "{cell}");
    }
}

#[test]
fn a_number_with_grouped_thousands_or_a_comma_is_rejected_and_not_taken_for_text() {
    for cell in ["1,5", "1,234.5", "1.234,5", "1.234.567", "1,234,567", "-1,5e3"] {
        assert_eq!(one(cell, &options()), (None, Some(Reason::AmbiguousNumber)), "{cell}");
    }
    let (_, summary) = run("time\ta\n1700000000\t1,5\n", &options()).unwrap();
    assert!(summary.rejections[0].to_string().contains("for a decimal comma give --decimal-comma"));
}

#[test]
fn with_decimal_commas_only_a_comma_marks_decimals() {
    let options = Options { decimal_comma: Some(true), ..options() };
    assert_eq!(one("1,5", &options).0.as_deref(), Some("1.5"));
    assert_eq!(one("-,5", &options).0.as_deref(), Some("-0.5"));
    assert_eq!(one("15", &options).0.as_deref(), Some("15"));
    assert_eq!(one("1.5", &options).1, Some(Reason::AmbiguousNumber));
    assert_eq!(one("1.234,5", &options).1, Some(Reason::AmbiguousNumber));
}

#[test]
fn with_semicolons_between_the_fields_both_marks_are_read_and_a_mixture_is_reported() {
    let (values, summary) = values_of("time;a;b\n1700000000;1,5;2.5\n", &options());
    assert_eq!(values, ["1.5", "2.5"]);
    assert_eq!((summary.decimal_commas, summary.decimal_points), (1, 1));
    assert!(summary.text().contains("1 number with a point and 1 number with a comma"));
    let points_only = Options { decimal_comma: Some(false), ..options() };
    let (values, summary) = values_of("time;a;b\n1700000000;1,5;2.5\n", &points_only);
    assert_eq!((values, summary.rejected_cells), (vec!["2.5".to_owned()], 1));
}

#[test]
fn a_tag_that_is_said_to_be_text_is_text_whatever_it_looks_like() {
    for name in ["a", "x"] {
        let options = Options { text: set(&[name]), rename: map(&[("a", "x")]), ..options() };
        let (values, _) =
            values_of("time,a,b\n1700000000,12,12\n1700000001,true,1\n1700000002,\"1,5\",1\n", &options);
        assert_eq!(values, ["\"12\"", "12", "\"true\"", "1", "\"1,5\"", "1"]);
        let (values, _) = values_of("time,tag,value\n1700000000,a,12\n", &options);
        assert_eq!(values, ["\"12\""]);
    }
}

#[test]
fn an_empty_cell_is_no_record() {
    let (values, summary) = values_of("time,a,b\n1700000000,,2\n1700000001,\"\",  \n", &options());
    assert_eq!(values, ["2"]);
    assert_eq!((summary.empty, summary.no_value), (3, 0));
}

#[test]
fn null_words_are_skipped_and_counted_or_written() {
    let csv = "time,a\n1700000000,NaN\n1700000001,n/a\n1700000002,-\n1700000003,NULL\n1700000004,1\n";
    let (values, summary) = values_of(csv, &options());
    assert_eq!((values.len(), summary.no_value), (1, 4));
    let written = Options { nulls: Nulls::Write, ..options() };
    let (values, summary) = values_of(csv, &written);
    assert_eq!((values[0].as_str(), values.len(), summary.no_value), ("null", 5, 0));
    assert_eq!(summary.tags[0].nulls, 4);
}

#[test]
fn null_words_can_be_chosen() {
    let options = Options { null_words: vec!["-9999".to_owned()], ..options() };
    let (values, summary) = values_of("time,a\n1700000000,-9999\n1700000001,NaN\n", &options);
    assert_eq!((values, summary.no_value), (vec!["\"NaN\"".to_owned()], 1));
}

#[test]
fn a_tag_cannot_be_renamed_to_nothing() {
    let options = Options { rename: map(&[("a", "")]), ..options() };
    assert!(error_of("time,a\n", &options).contains("no name for the tag `a`"));
}
