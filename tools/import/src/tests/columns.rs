use super::{assumed, error_of, map, options, points_of, run, set};
use crate::{Field, Layout, Options};

#[test]
fn a_wide_file_has_a_tag_in_every_column_that_is_nothing_else() {
    let (points, summary) = points_of("time,a,b\n1700000000,1,2\n", &options());
    assert_eq!(points, ["1700000000000 m a 1", "1700000000000 m b 2"]);
    assert_eq!(assumed(&summary, "layout"), Some("wide"));
}

#[test]
fn a_long_file_is_known_by_its_header() {
    let csv = "Timestamp,Machine,Tag Name,Value,Unit\n1700000000,m1,a,1,bar\n1700000000,m2,b,2,bar\n";
    let (points, summary) = points_of(csv, &Options::default());
    assert_eq!(points, ["1700000000000 m1 a 1", "1700000000000 m2 b 2"]);
    assert_eq!(assumed(&summary, "layout"), Some("long"));
    assert_eq!(assumed(&summary, "equipment"), Some("column `Machine`"));
    assert_eq!(summary.unused_columns, ["`Unit`"]);
}

#[test]
fn a_value_column_alone_makes_no_long_file() {
    let (points, _) = points_of("timestamp,value\n1700000000,1\n", &options());
    assert_eq!(points, ["1700000000000 m value 1"]);
}

#[test]
fn a_layout_that_is_given_is_not_guessed() {
    let csv = "time,tag,value\n1700000000,a,1\n";
    let (points, summary) = points_of(csv, &Options { layout: Layout::Wide, ..options() });
    assert_eq!(points, ["1700000000000 m tag \"a\"", "1700000000000 m value 1"]);
    assert_eq!(assumed(&summary, "layout"), None);
    let error = error_of("time,x,y\n1700000000,a,1\n", &Options { layout: Layout::Long, ..options() });
    assert!(
        error.contains("needs a tag column; give it with --tag-column; the columns are `time`, `x`, `y`"),
        "{error}"
    );
}

#[test]
fn columns_that_are_given_make_a_long_file_of_any_header() {
    let options = Options {
        tag_column: Some("was".to_owned()),
        value_column: Some("WIEVIEL".to_owned()),
        time_column: Some("wann".to_owned()),
        ..options()
    };
    let (points, _) = points_of("was,wann,wieviel\na,1700000000,1\n", &options);
    assert_eq!(points, ["1700000000000 m a 1"]);
}

#[test]
fn the_time_column_is_found_by_its_name_or_is_the_first() {
    for (header, taken) in [
        ("a,Zeitstempel", "`Zeitstempel`"),
        ("a, TS ", "`TS`"),
        ("a,Time Stamp [UTC]", "`Time Stamp [UTC]`"),
        ("x,a", "`x`"),
        (",a", "number 1 (without a name)"),
    ] {
        let (lines, summary) = run(format!("{header}\n1700000000,1700000000\n"), &options()).unwrap();
        assert_eq!(assumed(&summary, "time column"), Some(taken), "{header}");
        assert_eq!(lines.len(), 1, "{header}");
    }
}

#[test]
fn date_and_time_in_two_columns_are_read_together() {
    let csv = "Date,Time,a\n14.11.2023,22:13:20,1\n";
    let (points, summary) = points_of(csv, &options());
    assert_eq!(points, ["1700000000000 m a 1"]);
    assert_eq!(assumed(&summary, "date and time"), Some("`Date` and `Time`"));
    let given = Options {
        time_column: Some("clock".to_owned()),
        date_column: Some("day".to_owned()),
        time_format: "%m/%d/%Y %I:%M:%S %p".parse().unwrap(),
        ..options()
    };
    assert_eq!(points_of("a,clock,day\n1,10:13:20 PM,11/14/2023\n", &given).0, ["1700000000000 m a 1"]);
}

#[test]
fn a_missing_date_is_a_missing_time() {
    let (_, summary) = run("date,time,a\n,22:13:20,1\n2023-11-14,,1\n", &options()).unwrap();
    let columns: Vec<_> = summary.rejections.iter().map(|it| it.column.as_deref().unwrap()).collect();
    assert_eq!(columns, ["date", "time"]);
}

#[test]
fn a_file_that_names_no_equipment_is_refused_with_its_columns() {
    let error = error_of("time,a\n1700000000,1\n", &Options::default());
    assert!(error.contains("--equipment") && error.ends_with("the columns are `time`, `a`"), "{error}");
}

#[test]
fn equipment_source_and_quality_come_from_columns() {
    let csv = "time,press,gw,q,a\n1700000000,p1,g1,Bad,1\n1700000000,p2,,,2\n";
    let options = Options {
        equipment: Some(Field::Column("press".to_owned())),
        source: Some(Field::Column("gw".to_owned())),
        quality: Some(Field::Column("q".to_owned())),
        ..Options::default()
    };
    let (lines, summary) = run(csv, &options).unwrap();
    assert_eq!(lines[0]["equipmentId"], "p1");
    assert_eq!(lines[0]["meta"]["sourceId"], "g1");
    assert_eq!(lines[0]["quality"], "Bad");
    assert_eq!(lines[1]["meta"]["sourceId"], "");
    assert_eq!(lines[1]["quality"], "Ok");
    let machines: Vec<_> = summary.machines.iter().map(|it| (it.name.as_str(), it.points)).collect();
    assert_eq!(machines, [("p1", 1), ("p2", 1)]);
}

#[test]
fn words_for_a_good_quality_become_ok_and_others_stand() {
    let csv = "time,quality,a\n1,Good,1\n2,OK,1\n3,192,1\n4,GOOD,1\n5,true,1\n6,Bad,1\n7,Uncertain (sub),1\n";
    let options = Options { time_format: "epoch-s".parse().unwrap(), ..options() };
    let (lines, summary) = run(csv, &options).unwrap();
    let found: Vec<_> = lines.iter().map(|it| it["quality"].as_str().unwrap()).collect();
    assert_eq!(found, ["Ok", "Ok", "Ok", "Ok", "Ok", "Bad", "Uncertain (sub)"]);
    assert_eq!(summary.qualities["Ok"], 5);
    assert!(summary.text().contains("2 points are not of the quality Ok"));
    let none = Options { good_words: Vec::new(), ..options };
    assert_eq!(run(csv, &none).unwrap().0[0]["quality"], "Good");
}

#[test]
fn a_constant_quality_is_of_every_point() {
    let options = Options { quality: Some(Field::Constant("Simulated".to_owned())), ..options() };
    assert_eq!(run("time,a\n1700000000,1\n", &options).unwrap().0[0]["quality"], "Simulated");
}

#[test]
fn tags_are_included_and_excluded_by_their_names_in_the_file() {
    let wide = "time,a,b,c\n1700000000,1,2,3\n";
    let long = "time,tag,value\n1700000000,a,1\n1700000000,b,2\n1700000000,c,3\n";
    for csv in [wide, long] {
        let include = Options { include: set(&["a", "c"]), rename: map(&[("a", "x")]), ..options() };
        assert_eq!(points_of(csv, &include).0, ["1700000000000 m x 1", "1700000000000 m c 3"]);
        let exclude = Options { exclude: set(&["a", "c"]), ..options() };
        assert_eq!(points_of(csv, &exclude).0, ["1700000000000 m b 2"]);
    }
    let (_, summary) = run(long, &Options { exclude: set(&["a"]), ..options() }).unwrap();
    assert_eq!(summary.unselected_rows, 1);
}

#[test]
fn a_tag_that_does_not_exist_is_refused_or_told() {
    for wrong in [
        Options { include: set(&["x"]), ..options() },
        Options { exclude: set(&["x"]), ..options() },
        Options { rename: map(&[("x", "y")]), ..options() },
        Options { text: set(&["x"]), ..options() },
    ] {
        assert!(error_of("time,a\n1700000000,1\n", &wrong).starts_with("no column is named `x`"));
        let (_, summary) = run("time,tag,value\n1700000000,a,1\n", &wrong).unwrap();
        assert_eq!(summary.missing_tags, ["x"]);
    }
}

#[test]
fn a_column_that_is_named_as_a_tag_is_not_taken_for_anything_else() {
    let csv = "time,source,quality\n1700000000,1,2\n";
    let (points, summary) = points_of(csv, &Options { include: set(&["source"]), ..options() });
    assert_eq!(points, ["1700000000000 m source 1"]);
    assert_eq!(assumed(&summary, "quality"), Some("column `quality`"));
}

#[test]
fn two_columns_of_one_tag_are_refused() {
    let error = error_of("time,a,a\n1700000000,1,2\n", &options());
    assert!(error.starts_with("columns 2 and 3 are both the tag `a`"), "{error}");
    let renamed = Options { rename: map(&[("b", "a")]), ..options() };
    assert!(error_of("time,a,b\n1700000000,1,2\n", &renamed).contains("both the tag `a`"));
    let both = Options { rename: map(&[("a", "x"), ("b", "x")]), ..options() };
    assert!(error_of("time,a,b\n", &both).starts_with("two tags are renamed to `x`"));
}

#[test]
fn one_column_cannot_be_two_things() {
    let options = Options {
        time_column: Some("t".to_owned()),
        equipment: Some(Field::Column("t".to_owned())),
        ..Options::default()
    };
    assert_eq!(error_of("t,a\n", &options), "the column `t` cannot be both the time and the equipment");
    let options = Options { include: set(&["t"]), time_column: Some("t".to_owned()), ..super::options() };
    assert_eq!(error_of("t,a\n", &options), "the column `t` is the time, so it cannot be a tag too");
}

#[test]
fn a_column_without_a_name_is_listed_as_not_used() {
    let (points, summary) = points_of("time;a;\n1700000000;1;x\n", &options());
    assert_eq!(points, ["1700000000000 m a 1"]);
    assert_eq!(summary.unused_columns, ["number 3 (without a name)"]);
}

#[test]
fn a_file_without_a_header_is_read_with_names_that_are_given() {
    let csv = "1700000000,1\n1700000001,2\n";
    let error = error_of(csv, &options());
    assert!(error.contains("line 1 should be the header but has the time `1700000000`"), "{error}");
    let options = Options { columns: Some(vec!["time".to_owned(), "a".to_owned()]), ..options() };
    let (points, summary) = points_of(csv, &options);
    assert_eq!(points.len(), 2);
    assert_eq!(summary.rows, 2);
}

#[test]
fn in_a_long_file_the_names_of_tags_are_not_those_of_columns() {
    let csv = "time,tag,value,quality\n1700000000,quality,1,Bad\n";
    let options = Options { layout: Layout::Long, include: set(&["quality"]), ..options() };
    let (lines, _) = run(csv, &options).unwrap();
    assert_eq!((lines[0]["tag"].as_str(), lines[0]["quality"].as_str()), (Some("quality"), Some("Bad")));
}
