//! The conformance cases check the reference. These tests cover cases that are not among them, and the counts that only a
//! test reads.

use super::*;

/// Returns one rule `r` over every machine with one group of these entries.
fn rules(settings: &str, entries: &str) -> RuleDocument {
    let text = format!(
        r#"{{"settings":{{{settings}}},"rules":[{{"id":"r","groups":[{{"id":"g","states":[{entries}]}}]}}]}}"#
    );
    serde_json::from_str(&text).unwrap()
}

fn point(tag: &str, at: i64, value: &str, source: &str) -> String {
    format!(
        r#"{{"timestamp":{at},"equipmentId":"e","tag":"{tag}","value":{value},"meta":{{"sourceId":"{source}"}}}}"#
    )
}

fn states(replay: &ReplayResult) -> Vec<(&str, Option<&str>, i64)> {
    replay
        .transitions
        .iter()
        .map(|transition| (transition.rule_id.as_str(), transition.to.as_deref(), transition.at))
        .collect()
}

#[test]
fn a_wait_is_over_at_its_due_time_unless_a_point_of_that_time_says_otherwise() {
    let rules = rules("", r#"{"state":"HOT","when":"t > 80","for":"10s"}"#);
    let start = point("t", 0, "90", "");
    let in_time = [start.clone(), point("t", 10_000, "70", ""), point("t", 20_000, "70", "")];
    assert_eq!(states(&replay(&rules, &in_time, InputEnd::Closed).unwrap()), []);
    let too_late = [start, point("t", 10_001, "70", ""), point("t", 20_000, "70", "")];
    assert_eq!(
        states(&replay(&rules, &too_late, InputEnd::Closed).unwrap()),
        [("r", Some("HOT"), 10_000), ("r", Some("UNKNOWN"), 10_001)]
    );
}

#[test]
fn the_watermark_can_be_watched_line_by_line() {
    let rules = rules(r#""max_out_of_orderness":"1s""#, r#"{"state":"HOT","when":"t > 80"}"#);
    let mut naive = Naive::new(&rules).unwrap();
    assert_eq!(naive.watermark_ms("e"), None);
    naive.line(&point("t", 5000, "90", ""));
    assert_eq!(naive.watermark_ms("e"), Some(4000));
    assert_eq!(naive.result().transitions, []);
    naive.line(&point("other", 6000, "0", ""));
    assert_eq!(states(naive.result()), [("r", Some("HOT"), 5000)]);
}

#[test]
fn a_bare_tick_does_nothing_on_a_new_key_and_an_enveloped_one_makes_it() {
    let mut naive = Naive::new(&rules("", r#"{"state":"HOT","when":"t > 80"}"#)).unwrap();
    naive.line(r#"{"equipmentId":"e","tick":true}"#);
    assert_eq!(naive.watermark_ms("e"), None);
    naive.line(r#"{"arrival":20000,"data":{"equipmentId":"e","tick":true}}"#);
    assert_eq!(naive.watermark_ms("e"), Some(10_000));
}

#[test]
fn beyond_the_bound_the_source_that_moved_longest_ago_is_forgotten() {
    let settings = r#""max_source_drift":"1h","idle_timeout":"1h""#;
    let bounds = Bounds { sources: 2, ..Bounds::default() };
    let mut naive =
        Naive::new(&rules(settings, r#"{"state":"HOT","when":"t > 80"}"#)).unwrap().with_bounds(bounds);
    for (at, source) in [(1000, "a"), (2000, "b"), (3000, "a")] {
        naive.line(&point("t", at, "0", source));
    }
    assert_eq!(naive.watermark_ms("e"), Some(2000), "b is the slowest");
    naive.line(&point("t", 4000, "0", "c"));
    assert_eq!(naive.watermark_ms("e"), Some(3000), "b is forgotten, a is the slowest");
}

#[test]
fn beyond_the_bound_the_oldest_pending_point_is_processed() {
    let bounds = Bounds { pending: 2, ..Bounds::default() };
    let document = rules(r#""max_out_of_orderness":"1h""#, r#"{"state":"HOT","when":"t > 80"}"#);
    let mut naive = Naive::new(&document).unwrap().with_bounds(bounds);
    for (at, value) in [(3000, "0"), (1000, "90"), (2000, "0")] {
        naive.line(&point("t", at, value, ""));
    }
    assert_eq!(naive.watermark_ms("e"), Some(1000));
    assert_eq!(states(naive.result()), [("r", Some("HOT"), 1000)]);
    assert_eq!(naive.result().counts.watermark_forced, 1);
}

#[test]
fn what_no_rule_names_is_kept_nowhere_but_makes_an_instant() {
    let document = rules("", r#"{"state":"SILENT","when":"absent(t, '10s')"}"#);
    let lines = [point("other", 0, "1", ""), point("other", 0, "1", ""), point("other", 20_000, "1", "")];
    let replay = replay(&document, &lines, InputEnd::Closed).unwrap();
    assert_eq!(states(&replay), [("r", Some("SILENT"), 10_000)]);
    assert_eq!(replay.counts.rejected, BTreeMap::new());
}

#[test]
fn a_rule_set_that_starts_no_later_than_a_known_one_or_does_not_compile_is_refused() {
    let mut naive = Naive::new(&rules("", r#"{"state":"HOT","when":"t > 80"}"#)).unwrap();
    naive.line(r#"{"arrival":1000,"rules":{"rules":[]}}"#);
    naive.line(r#"{"arrival":1000,"rules":{"rules":[]}}"#);
    naive.line(r#"{"arrival":2000,"rules":{"rules":[{"id":"r"}]}}"#);
    naive.line(r#"{"arrival":2000,"rules":{"rules":[{"id":"r","groups":[{"id":"g","states":[{"state":"A","when":"1"}]}]}]}}"#);
    assert_eq!(naive.result().counts.by_reason(), [(Reason::RulesRefused, 3)].into());
}

#[test]
fn a_removed_rule_ends_with_null_and_goes_on_counting_when_it_returns() {
    let document = rules("", r#"{"state":"HOT","when":"t > 80"}"#);
    let json = serde_json::to_string(&document).unwrap();
    let lines = [
        point("t", 0, "90", ""),
        r#"{"arrival":1000,"rules":{"rules":[]}}"#.to_owned(),
        point("t", 1000, "90", ""),
        format!(r#"{{"arrival":2000,"rules":{json}}}"#),
        point("t", 2000, "90", ""),
    ];
    let replay = replay(&document, &lines, InputEnd::Closed).unwrap();
    assert_eq!(states(&replay), [("r", Some("HOT"), 0), ("r", None, 0), ("r", Some("HOT"), 2000)]);
    assert_eq!(
        replay.transitions.iter().map(|transition| transition.sequence).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert_eq!(replay.transitions[2].from, "UNKNOWN");
}

#[test]
fn globs_match_as_in_a_shell() {
    for (glob, equipment, expected) in [
        ("*", "filler-1", true),
        ("filler-*", "filler-", true),
        ("filler-*", "Filler-1", false),
        ("*-1", "a-1-1", true),
        ("filler-?", "filler-12", false),
        ("filler-[1-3]", "filler-2", true),
        ("filler-[1-3]", "filler-4", false),
        ("filler-[!1-3]", "filler-4", true),
        ("[ab]*", "b", true),
        ("filler[", "filler[", true),
        ("", "", true),
    ] {
        let mut document = rules("", r#"{"state":"HOT","when":"t > 80"}"#);
        document.rules[0].scope.equipment = vec![glob.to_owned()];
        let set = RuleSet::compile(&document, 0).unwrap();
        assert_eq!(set.rules_of(equipment).len() == 1, expected, "{glob} {equipment}");
    }
}

#[test]
fn conditions_are_three_valued() {
    // `n` is 7.5, `b` and `c` are true, `s` is 'x', `u` never came.
    for (when, expected) in [
        ("b && u", None),
        ("!b && u", Some(false)),
        ("b || u", Some(true)),
        ("!b || u", None),
        ("n && !b", Some(false)),
        ("n && b", None),
        ("u ? b : b", None),
        ("n ? b : b", None),
        ("b ? b : u", Some(true)),
        ("b ? u : b", None),
        ("n == s", None),
        ("b < c", None),
        ("s < 'y'", Some(true)),
        ("n / 0 > 1", None),
        ("n % -4 == 3.5", Some(true)),
        ("-n % 4 == -3.5", Some(true)),
        ("abs(-n) == n", Some(true)),
        ("n * 1e308 * 1e308 > 0", None),
        ("count(u, '1m') == 0 && changes(u, '1m') == 0", Some(true)),
        ("sum(u, '1m') == 0", None),
        ("count(s, '1m') == 1", Some(true)),
        ("max(s, '1m') == 1", None),
        ("sum(b, '1m') == 1", Some(true)),
        ("rate(n, '1m') == 0 && delta(n, '1m') == 0 && stddev(n, '1m') == 0", Some(true)),
        ("absent(u, '1m')", Some(false)),
    ] {
        let entries = format!(r#"{{"state":"TRUE","when":"{when}"}},{{"state":"FALSE","when":"!({when})"}}"#);
        let lines = [format!(
            "[{},{},{},{}]",
            point("n", 0, "7.5", ""),
            point("b", 0, "true", ""),
            point("c", 0, "true", ""),
            point("s", 0, "\"x\"", "")
        )];
        let replay = replay(&rules("", &entries), &lines, InputEnd::Closed).unwrap();
        let found = replay.transitions.first().map(|transition| transition.to.as_deref() == Some("TRUE"));
        assert_eq!(found, expected, "{when}");
    }
}
