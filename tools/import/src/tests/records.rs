use super::{map, options, points_of, run};
use crate::{Field, Options, import};

fn text_of(csv: &str, options: &Options) -> String {
    let mut out = Vec::new();
    import(csv.as_bytes(), &mut out, options, &mut |_| {}).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_line_has_its_keys_in_the_order_that_the_fast_reader_expects() {
    let options = Options { source: Some(Field::Constant("gateway-7".to_owned())), ..options() };
    assert_eq!(
        text_of("time,water\n1700000000000,13.45\n", &options),
        concat!(
            r#"{"version":1,"timestamp":1700000000000,"equipmentId":"m","tag":"water","value":13.45,"quality":"Ok","#,
            r#""meta":{"sequenceNumber":1,"flags":[],"createdAt":1700000000000,"sourceId":"gateway-7"}}"#,
            "\n"
        )
    );
}

#[test]
fn the_arrival_column_becomes_the_created_at_of_the_record() {
    let csv = "time,created_at,a\n1700000000000,2023-11-14T22:13:20.250Z,1\n1700000001000,,2\n";
    let (lines, summary) = run(csv, &options()).unwrap();
    assert_eq!(lines[0]["meta"]["createdAt"], 1_700_000_000_250_i64);
    assert_eq!(lines[1]["meta"]["createdAt"], 1_700_000_001_000_i64, "an empty cell means the time itself");
    assert_eq!(summary.arrived_early, 0);
}

#[test]
fn rows_that_arrived_before_their_own_time_are_counted() {
    let (_, summary) = run("time,created_at,a\n1700000001000,1700000000000,1\n", &options()).unwrap();
    assert_eq!(summary.arrived_early, 1);
    assert!(summary.text().contains("1 time is later than the arrival"));
}

#[test]
fn every_point_has_the_next_sequence_number_from_the_first_given() {
    let options = Options { first_sequence_number: 41, ..options() };
    let (lines, _) = run("time,a,b\n1700000000,1,2\n1700000001,,3\n", &options).unwrap();
    let numbers: Vec<_> = lines.iter().map(|it| it["meta"]["sequenceNumber"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [41, 42, 43]);
}

#[test]
fn names_and_texts_are_escaped() {
    let csv = "time,\"a \"\"b\"\"\"\n1700000000,\"say \"\"hi\"\"\nthere \\\"\n";
    let (lines, _) = run(csv, &options()).unwrap();
    assert_eq!(lines[0]["tag"], "a \"b\"");
    assert_eq!(lines[0]["value"], "say \"hi\"\nthere \\");
}

#[test]
fn numbers_are_written_so_that_the_same_number_is_read_back() {
    for digits in
        ["0", "-0", "1", "0.1", "74.93588199999998", "1e300", "-1.5E-7", "9007199254740993", "+5", ".5", "5."]
    {
        let (lines, _) = run(format!("time,a\n1700000000,{digits}\n"), &options()).unwrap();
        let read = lines[0]["value"].as_f64().unwrap();
        assert_eq!(read.to_bits(), digits.parse::<f64>().unwrap().to_bits(), "{digits}");
    }
    let long = "0.12345678901234567890123456789";
    let text = text_of(&format!("time,a\n1700000000,{long}\n"), &options());
    assert!(text.contains("\"value\":0.12345678901234568,"), "{text}");
}

#[test]
fn digits_are_passed_on_as_they_stand() {
    let text = text_of("time,a,b\n1700000000,80,13.50\n", &options());
    assert!(text.contains("\"value\":80,") && text.contains("\"value\":13.50,"), "{text}");
}

#[test]
fn a_snapshot_is_one_line_with_the_points_of_a_row() {
    let options = Options { snapshot: true, ..options() };
    let csv = "time,a,b\n1700000000,1,x\n1700000001,,\n1700000002,,true\n";
    let (lines, summary) = run(csv, &options).unwrap();
    assert_eq!(lines.len(), 2, "a row without a value makes no line");
    assert_eq!(lines[0].as_array().unwrap().len(), 2);
    assert_eq!(lines[0][1]["value"], "x");
    assert_eq!(lines[1].as_array().unwrap().len(), 1);
    assert_eq!((summary.points, summary.lines), (3, 2));
}

#[test]
fn a_snapshot_of_the_long_layout_is_refused() {
    let options = Options { snapshot: true, ..options() };
    assert!(super::error_of("time,tag,value\n", &options).contains("snapshots are of the wide layout"));
}

#[test]
fn rows_are_written_in_the_order_of_the_file() {
    let (points, summary) = points_of("time,a\n1700000005,1\n1700000001,2\n", &options());
    assert_eq!(points, ["1700000005000 m a 1", "1700000001000 m a 2"]);
    assert_eq!((summary.first_ms, summary.last_ms), (Some(1_700_000_001_000), Some(1_700_000_005_000)));
}

#[test]
fn a_tag_is_renamed() {
    let options = Options { rename: map(&[("Temperature [°C]", "temperature")]), ..options() };
    let (points, summary) = points_of("time,Temperature [°C],Pressure [bar]\n1700000000,1,2\n", &options);
    assert_eq!(points, ["1700000000000 m temperature 1", "1700000000000 m Pressure [bar] 2"]);
    assert_eq!(summary.tags[0].column, "Temperature [°C]");
}
