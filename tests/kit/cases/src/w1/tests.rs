use andon_domain::fnv::fnv64 as hash;

use super::*;

fn lines(w1: &W1) -> String {
    let mut bytes = Vec::new();
    w1.write_points(&mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_first_points_are_always_the_same() {
    // Fewer points than two million end earlier, and are the same until then.
    let few = lines(&W1 { points: 20_000, ..W1::default() });
    let first: Vec<&str> = few.split_inclusive('\n').take(10_000).collect();
    assert_eq!(hash(first.concat().as_bytes()), 0x9e05_32ae_cf6f_9116);
    assert_eq!(first.len(), 10_000);
}

#[test]
fn there_are_as_many_points_as_asked_for() {
    for points in [0, 1, 1999, 2000, 2001, 12_345] {
        let lines = lines(&W1 { points, ..W1::default() });
        assert_eq!(lines.lines().count() as u64, points);
    }
    assert_eq!(lines(&W1 { machines: 0, ..W1::default() }), "");
}

#[test]
fn a_tenth_of_the_points_is_behind_its_second() {
    let text = lines(&W1 { points: 100_000, ..W1::default() });
    let (mut newest, mut behind) = (0, 0);
    for line in text.lines() {
        let point: serde_json::Value = serde_json::from_str(line).unwrap();
        let timestamp = point["timestamp"].as_i64().unwrap();
        newest = newest.max(timestamp);
        behind += u32::from(timestamp < newest);
        assert!(newest - timestamp <= 5_000, "{line}");
    }
    assert!((9_000..11_000).contains(&behind), "{behind}");
}

#[test]
fn the_rules_compile_and_name_the_machines_that_send() {
    let w1 = W1 { points: 2_000, ..W1::default() };
    let document = w1.rules();
    assert_eq!(document.rules.len(), 1_000);
    let set = andon_engine::RuleSet::compile(document).unwrap();
    for line in lines(&w1).lines() {
        let point: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(set.rules_for(point["equipmentId"].as_str().unwrap()).len(), 5, "{line}");
    }
}

#[test]
fn the_thresholds_of_a_machine_lie_around_its_usual_values() {
    let document = W1::default().rules();
    let conditions: Vec<&str> =
        document.rules.iter().take(5).map(|rule| rule.groups[1].states[0].when.as_str()).collect();
    assert_eq!(
        conditions,
        [
            "temperature > 74.00 && pressure > 4.70",
            "temperature > 77.00 && pressure > 4.85",
            "temperature > 80.00 && pressure > 5.00",
            "temperature > 83.00 && pressure > 5.15",
            "temperature > 86.00 && pressure > 5.30",
        ]
    );
}
