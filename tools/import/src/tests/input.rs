use std::io::{self, Read};

use super::{assumed, error_of, options, points_of, run};
use crate::{ImportError, Options, import};

/// Gives a byte at a time, then fails if it should.
struct Slow<'a> {
    bytes: &'a [u8],
    fails: bool,
}

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.bytes.split_first() {
            Some((byte, rest)) => {
                self.bytes = rest;
                buffer[0] = *byte;
                Ok(1)
            }
            None if self.fails => Err(io::Error::other("the disk is gone")),
            None => Ok(0),
        }
    }
}

#[test]
fn the_delimiter_is_what_the_header_line_has_most_of() {
    for (header, row, taken) in [
        ("time,a,b", "1700000000,1,2", "`,`"),
        ("time;a, inner;b", "1700000000;1;2", "`;`"),
        ("time\ta\tb", "1700000000\t1\t2", "tab"),
        ("time|a|b", "1700000000|1|2", "`|`"),
        ("time;\"a,,,,\";b", "1700000000;1;2", "`;`"),
    ] {
        let (lines, summary) = run(format!("{header}\n{row}\n"), &options()).unwrap();
        assert_eq!(assumed(&summary, "delimiter"), Some(taken), "{header}");
        assert_eq!(lines.len(), 2, "{header}");
    }
}

#[test]
fn a_delimiter_that_is_given_is_used() {
    let options = Options { delimiter: Some("#".parse().unwrap()), ..options() };
    let (points, summary) = points_of("time#a,b\n1700000000#1\n", &options);
    assert_eq!(points, ["1700000000000 m a,b 1"]);
    assert_eq!(assumed(&summary, "delimiter"), None);
}

#[test]
fn a_line_that_names_the_delimiter_is_no_header() {
    for csv in ["sep=;\ntime;a\n1700000000;x\n", "sep=\t\r\ntime\ta\r\n1700000000\tx\r\n"] {
        let (points, _) = points_of(csv, &options());
        assert_eq!(points, ["1700000000000 m a \"x\""], "{csv}");
    }
    let (_, summary) = run("sep=;\ntime;a\nsoon;x\n", &options()).unwrap();
    assert_eq!(summary.rejections[0].line, 3);
}

#[test]
fn a_header_of_one_column_asks_for_the_delimiter() {
    let error = error_of("time a b\n", &options());
    assert!(error.contains("single column, `time a b`") && error.contains("--delimiter"), "{error}");
}

#[test]
fn a_byte_order_mark_and_carriage_returns_are_not_part_of_anything() {
    let (points, _) = points_of("\u{feff}time,a\r\n1700000000,x\r\n1700000001,\"y\"\r\n", &options());
    assert_eq!(points, ["1700000000000 m a \"x\"", "1700000001000 m a \"y\""]);
}

#[test]
fn spaces_around_names_and_cells_do_not_count() {
    let (points, _) = points_of(" time , a \n 1700000000 , 1 \n1700000001,\u{a0}2\u{a0}\n", &options());
    assert_eq!(points, ["1700000000000 m a 1", "1700000001000 m a 2"]);
}

#[test]
fn quoted_fields_may_hold_delimiters_quotes_and_line_ends() {
    let (points, summary) = points_of("time,a\n1700000000,\"x, \"\"y\"\"\nz\"\nsoon,1\n", &options());
    assert_eq!(points, [r#"1700000000000 m a "x, \"y\"\nz""#]);
    assert_eq!(summary.rejections[0].line, 4, "line ends inside quotes are counted");
}

#[test]
fn lines_are_numbered_as_in_an_editor() {
    for end in ["\n", "\r\n"] {
        let csv = ["", "time,a", "", "x,1", ",,", "\"x\ny\",1", "1700000000,1", "", "", "x,1"].join(end);
        let (_, summary) = run(&csv, &options()).unwrap();
        let lines: Vec<_> = summary.rejections.iter().map(|it| it.line).collect();
        assert_eq!(lines, [4, 6, 11], "{end:?}");
        assert_eq!((summary.rows, summary.blank_rows), (4, 1), "{end:?}");
        let (_, with_end) = run(csv + end, &options()).unwrap();
        assert_eq!(with_end.rejections, summary.rejections, "{end:?}");
    }
}

#[test]
fn files_that_are_no_utf_8_text_are_refused_with_what_to_do() {
    assert!(error_of(b"\xff\xfet\0i\0", &options()).contains("UTF-16"));
    assert!(error_of(b"t\0i\0m\0e\0\n", &options()).contains("zero bytes"));
    assert!(error_of(b"time,a\r1,2\r", &options()).contains("carriage return alone"));
    let error = error_of(b"time,Temperatur [\xb0C]\n", &options());
    assert!(error.contains("column 2 is `Temperatur [\u{fffd}C]`") && error.contains("iconv"), "{error}");
}

#[test]
fn a_file_without_anything_is_refused() {
    for csv in ["", "\n\n", "\u{feff}", "sep=;\n"] {
        assert!(error_of(csv, &options()).contains("empty"), "{csv:?}");
    }
}

#[test]
fn a_file_with_only_a_header_has_no_points() {
    for csv in ["time,a\n", "time,a"] {
        let (lines, summary) = run(csv, &options()).unwrap();
        assert!(lines.is_empty());
        assert!(summary.text().starts_with("0 points from 0 rows.\n"), "{}", summary.text());
    }
}

#[test]
fn the_result_does_not_depend_on_how_the_input_comes() {
    let csv = "\u{feff}time;a;b\r\n1700000000;1,5;\"x\r\ny\"\r\nsoon;1;2\r\n1700000001;2;z";
    let whole = run(csv, &options()).unwrap();
    let mut out = Vec::new();
    let slow = Slow { bytes: csv.as_bytes(), fails: false };
    let summary = import(slow, &mut out, &options(), &mut |_| {}).unwrap();
    assert_eq!((super::parsed(&out), summary), whole);
}

#[test]
fn progress_is_reported_in_bytes_up_to_the_last() {
    let csv = format!("\u{feff}time,a\n{}", "1700000000,1\n".repeat(20_000));
    let mut told = Vec::new();
    import(csv.as_bytes(), io::sink(), &options(), &mut |bytes| told.push(bytes)).unwrap();
    assert!(told.len() > 3 && told.is_sorted());
    assert_eq!(told.last(), Some(&(csv.len() as u64)));
}

#[test]
fn points_before_a_read_error_are_written() {
    let mut out = Vec::new();
    let broken = Slow { bytes: b"time,a\n1700000000,1\n1700000001,2", fails: true };
    let error = import(broken, &mut out, &options(), &mut |_| {}).unwrap_err();
    assert_eq!(error.to_string(), "the input cannot be read after line 2: the disk is gone");
    assert_eq!(super::parsed(&out).len(), 1);
}

#[test]
fn an_output_that_fails_ends_the_import_with_an_error() {
    let mut full = [0_u8; 8];
    let error = import(&b"time,a\n1700000000,1\n"[..], &mut full[..], &options(), &mut |_| {}).unwrap_err();
    assert!(matches!(error, ImportError::Write(_)), "{error}");
}

#[test]
fn options_are_read_from_words() {
    assert_eq!("tab".parse::<crate::Delimiter>(), "\t".parse());
    for wrong in ["", "ab", "a", "5", "\"", "\n", "."] {
        assert!(wrong.parse::<crate::Delimiter>().is_err(), "{wrong:?}");
    }
    assert_eq!("long".parse(), Ok(crate::Layout::Long));
    assert!("tall".parse::<crate::Layout>().is_err());
}
