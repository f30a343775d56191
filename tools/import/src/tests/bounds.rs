use super::{error_of, options, points_of, run};
use crate::{
    Field, ImportError, MAX_COLUMNS, MAX_FIELD_BYTES, MAX_ROW_BYTES, MAX_SNAPSHOT_BYTES, MAX_TEXT_BYTES,
    Options, Reason, import,
};

#[test]
fn a_field_that_is_too_long_rejects_its_row() {
    let csv = format!("time,a\n1700000000,{}\n1700000001,1\n", "x".repeat(MAX_FIELD_BYTES + 1));
    let (points, summary) = points_of(csv, &options());
    assert_eq!(points, ["1700000001000 m a 1"]);
    assert_eq!(summary.rejections[0].reason, Reason::FieldTooLong);
}

#[test]
fn a_text_that_is_too_long_rejects_its_cell() {
    for (length, points) in [(MAX_TEXT_BYTES, 2), (MAX_TEXT_BYTES + 1, 1)] {
        let csv = format!("time,a,b\n1700000000,{},1\n", "x".repeat(length));
        assert_eq!(run(csv, &options()).unwrap().1.points, points);
    }
}

#[test]
fn a_row_that_does_not_end_stops_the_import_with_its_line() {
    let csv = format!("time,a\n1700000000,1\n\n1700000001,\"{}", "1700000000,1\n".repeat(MAX_ROW_BYTES / 6));
    let mut out = Vec::new();
    let error = import(csv.as_bytes(), &mut out, &options(), &mut |_| {}).unwrap_err();
    assert!(matches!(error, ImportError::RowTooLong { line: 3 | 4 }), "{error}");
    assert_eq!(super::parsed(&out).len(), 1);
}

#[test]
fn a_file_without_line_ends_is_not_read_to_its_end() {
    let endless = std::io::Read::chain(&b"time,"[..], std::io::repeat(b'x'));
    let mut read = 0;
    let error = import(endless, std::io::sink(), &options(), &mut |bytes| read = bytes).unwrap_err();
    assert!(error.to_string().contains("no line ends within"), "{error}");
    assert!(read < 4 * MAX_ROW_BYTES as u64);
}

#[test]
fn there_may_be_ten_thousand_columns_and_no_more() {
    let header = |columns: usize| {
        let names: Vec<_> = (1..columns).map(|n| format!("t{n}")).collect();
        format!("time,{}\n1700000000{}\n", names.join(","), ",1".repeat(columns - 1))
    };
    assert_eq!(run(header(MAX_COLUMNS), &options()).unwrap().1.points, 9_999);
    assert!(error_of(header(MAX_COLUMNS + 1), &options()).contains("10001 columns"));
}

#[test]
fn a_snapshot_that_grows_too_long_is_continued_on_a_next_line() {
    let columns = 9_000;
    let names: Vec<_> = (0..columns).map(|n| format!("t{n}")).collect();
    let csv = format!("time,{}\n1700000000{}\n", names.join(","), ",1".repeat(columns));
    let mut out = Vec::new();
    let summary =
        import(csv.as_bytes(), &mut out, &Options { snapshot: true, ..options() }, &mut |_| {}).unwrap();
    let text = String::from_utf8(out.clone()).unwrap();
    assert!(text.lines().all(|line| line.len() <= MAX_SNAPSHOT_BYTES));
    let lines = super::parsed(&out);
    assert_eq!(lines.len() as u64, summary.lines);
    assert!(lines.len() > 1);
    let tags: Vec<_> =
        lines.iter().flat_map(|it| it.as_array().unwrap()).map(|it| it["tag"].as_str().unwrap()).collect();
    assert_eq!(tags, names);
}

#[test]
fn tags_and_machines_beyond_those_of_the_summary_are_written_and_counted_together() {
    let mut csv = "time,machine,tag,value\n".to_owned();
    for n in 0..10_005 {
        csv.push_str(&format!("1700000000,m{n},t{n},1\n"));
    }
    let (points, summary) = points_of(csv, &Options::default());
    assert_eq!(points.len(), 10_005);
    assert_eq!(points[10_004], "1700000000000 m10004 t10004 1");
    assert_eq!((summary.tags.len(), summary.other_tag_points), (10_000, 5));
    assert_eq!((summary.machines.len(), summary.other_equipment_points), (10_000, 5));
    assert!(summary.text().lines().count() < 200);
}

#[test]
fn constants_must_be_names() {
    for wrong in ["", "a\nb", &"x".repeat(257)] {
        let options = Options { equipment: Some(Field::Constant(wrong.to_owned())), ..Options::default() };
        assert!(error_of("time,a\n", &options).contains("no name for the equipment"), "{wrong}");
    }
    let error = error_of(format!("time,{}\n", "x".repeat(257)), &options());
    assert!(error.starts_with("column 2, ") && error.contains("no name for a tag"), "{error}");
}

#[test]
fn no_bytes_make_it_panic() {
    let alphabet = b"0123456789.,;\"\n\r\t-+eE:/TZ \xc3\xa9\xffnatime=|";
    let mut state = 1_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    for round in 0..3000 {
        let mut csv = if round % 3 == 0 { Vec::new() } else { b"time,tag,value\n1700000000,a,1\n".to_vec() };
        for _ in 0..next(120) {
            csv.push(alphabet[next(alphabet.len())]);
        }
        let options = Options { decimal_comma: (round % 2 == 0).then_some(true), ..options() };
        let mut out = Vec::new();
        if let Ok(summary) = import(csv.as_slice(), &mut out, &options, &mut |_| {}) {
            assert_eq!(super::parsed(&out).len() as u64, summary.points);
            let _ = summary.text();
        }
    }
}

#[test]
fn a_file_may_be_much_longer_than_a_row() {
    let row = "1700000000,1\n";
    let rows = 3 * MAX_ROW_BYTES / row.len();
    let summary =
        import(format!("time,a\n{}", row.repeat(rows)).as_bytes(), std::io::sink(), &options(), &mut |_| {})
            .unwrap();
    assert_eq!(summary.points, rows as u64);
}
