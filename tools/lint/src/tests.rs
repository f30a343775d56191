use std::collections::BTreeMap;

use andon_domain::{
    Finding, Group, Millis, ParameterValue, PathSegment, Rule, RuleDocument, Scope, Severity, StateEntry,
};

use super::lint;

fn entry(state: &str, when: &str) -> StateEntry {
    StateEntry {
        state: state.to_owned(),
        when: when.to_owned(),
        hold: None,
        until: None,
        keep_for: None,
        times: None,
        weight: None,
    }
}

fn group(id: &str, weight: f64, states: Vec<StateEntry>) -> Group {
    Group { id: id.to_owned(), weight, otherwise: None, states }
}

fn rule(groups: Vec<Group>) -> Rule {
    Rule {
        id: "r".to_owned(),
        version: 1,
        description: None,
        scope: Scope::default(),
        default: "UNKNOWN".to_owned(),
        parameters: BTreeMap::new(),
        groups,
    }
}

fn of_rule(rule: Rule) -> Vec<Finding> {
    lint(&RuleDocument { rules: vec![rule], ..RuleDocument::default() })
}

fn codes(findings: &[Finding]) -> Vec<&'static str> {
    assert!(findings.iter().all(|finding| finding.severity == Severity::Warning));
    findings.iter().map(|finding| finding.code).collect()
}

fn of_entries(entries: Vec<StateEntry>) -> Vec<&'static str> {
    codes(&of_rule(rule(vec![group("g", 1.0, entries)])))
}

fn of_when(when: &str) -> Vec<&'static str> {
    of_entries(vec![entry("A", when)])
}

fn of_until(when: &str, until: &str) -> Vec<&'static str> {
    of_entries(vec![StateEntry { until: Some(until.to_owned()), ..entry("A", when) }])
}

#[test]
fn a_condition_that_no_values_make_true_is_warned_of() {
    for when in [
        "t > 80 && t < 70",
        "t > 80 && t <= 80",
        "80 < t && 70 > t",
        "s == 'a' && s == 'b'",
        "s == 'a' && s != 'a'",
        "s < 'a' && s > 'b'",
        "s == 'a' && s > 5",
        "running && running == 5",
        "running && !running",
        "running == true && running == false",
        "t == 5 && t != 5",
        "false",
        "1 > 2",
        "'a' == 'b'",
        "a && (t > 80 && t < 70)",
        "a || (t > 80 && t < 70)",
        "!(t > 70 || t <= 70)",
        "(a || b) && !a && !b",
        "t > 80 && (t < 70 || t == 75)",
        "t > 80 && (running || t < 70) && !running",
        "avg(t, '1m') > 5 && avg(t, '60s') < 4",
        "count(t, '1m') > 3 && count(t, '1m') < 4",
        "count(t, '1m') < 0",
        "abs(t - 5) < 0",
        "a > b && b > a",
        "a > b && b >= a",
        "a == b && a != b",
        "t > t",
        "running ? false : t > 5 && t < 4",
        "absent(t, '30s') && !absent(t, '30s')",
        "tag('x y') > 5 && tag(\"x y\") < 4",
    ] {
        assert_eq!(of_when(when), ["never-true"], "{when}");
    }
}

#[test]
fn a_condition_that_no_values_make_false_is_warned_of() {
    for when in [
        "t > 70 || t < 80",
        "s != 'a' || s != 'b'",
        "running || !running",
        "2 > 1",
        "count(t, '1m') >= 0",
        "a >= b || a < b",
    ] {
        assert_eq!(of_when(when), ["never-false"], "{when}");
    }
}

#[test]
fn a_sound_condition_is_left_alone() {
    for when in [
        "true",
        "t > 70 && t < 80",
        "t >= 80 && t <= 80",
        "t > 80 || s == 'a'",
        "s == 'a' || s == 'b'",
        "s != 'a' && s != 'b'",
        "a > 80 && b < 70",
        "avg(t, '1m') > 80 && t < 70",
        "avg(t, '1m') > 80 && avg(t, '2m') < 70",
        "count(t, '1m') > 3 && count(t, '1m') < 5",
        "a > b && a > c",
        "a > b && b > c && c > a",
        "t + 1 > 80 && t - 1 < 70",
        "running && !stopped",
        "running == (t > 5)",
        "(t > 80 || running) && (t < 70 || running)",
        "running ? t > 80 : t < 70",
        "running ? t > 80 : t <= 80",
        "absent(t, '30s') && !absent(t, '60s')",
        "t % 2 == 0 && t > 5",
        "1 / 0 > 5",
        "s > 'a' && s < 'b'",
    ] {
        assert!(of_when(when).is_empty(), "{when}: {:?}", of_when(when));
    }
    let many: Vec<String> = (0..100).map(|i| format!("(a{i} > 1 || b{i} < 2)")).collect();
    assert!(of_when(&many.join(" && ")).is_empty(), "what is too complex is left alone");
}

#[test]
fn parameters_are_filled_in_before_conditions_are_judged() {
    let with = |low: f64| {
        let mut rule = rule(vec![group("g", 1.0, vec![entry("A", "t > params.high - 3 && t < params.low")])]);
        rule.parameters = BTreeMap::from([
            ("high".to_owned(), ParameterValue::Number(80.0)),
            ("low".to_owned(), ParameterValue::Number(low)),
        ]);
        codes(&of_rule(rule))
    };
    assert_eq!(with(77.0), ["never-true"]);
    assert!(with(78.0).is_empty());
}

#[test]
fn the_part_of_a_condition_that_is_never_true_is_pointed_at() {
    let findings = of_rule(rule(vec![group("g", 1.0, vec![entry("A", "a || (t > 80 && t < 70)")])]));
    assert_eq!(findings[0].within, Some(5..23));
    assert_eq!(findings[0].message, "this is never true: no value of `t` fits all of it");
    let place: Vec<PathSegment> =
        ["rules".into(), 0.into(), "groups".into(), 0.into(), "states".into(), 0.into(), "when".into()]
            .into();
    assert_eq!(findings[0].path, place);
}

#[test]
fn until_is_judged_against_when() {
    for (when, until, code) in [
        ("t > 80", "t > 85", "never-left"),
        ("t > 80 || a", "t > 85", "never-left"),
        ("t > 80", "t <= 80", "until-without-effect"),
        ("t > 80", "!(t > 80)", "until-without-effect"),
        ("t > 80", "t < 85", "until-without-effect"),
        ("t > 80", "true", "until-without-effect"),
        ("t > 80", "t > 75", "until-reversed"),
        ("t < 10", "t <= 15", "until-reversed"),
        ("t > 80", "t < 70 && t > 75", "never-true"),
        ("t > 80", "t > 75 || t < 80", "never-false"),
    ] {
        assert_eq!(of_until(when, until), [code], "{when} until {until}");
    }
    for (when, until) in [
        ("t > 80", "t < 75"),
        ("t > 80", "t < 75 || !running"),
        ("t > 80 && running", "running"),
        ("t > 80 && running", "t <= 80"),
        ("t > 80", "reset"),
        ("t > 80", "avg(t, '1m') > 75"),
        ("s == 'error'", "s == 'ready'"),
        ("t < 10", "t > 12"),
        ("t > 80 || t < 10", "t < 75 && t > 15"),
        ("true", "t > 5"),
        ("t == 5", "t > 6"),
    ] {
        assert!(of_until(when, until).is_empty(), "{when} until {until}: {:?}", of_until(when, until));
    }
}

#[test]
fn the_place_where_a_reversed_until_keeps_the_state_is_named() {
    let reversed = StateEntry { until: Some("t > 75".to_owned()), ..entry("A", "t > 80") };
    let findings = of_rule(rule(vec![group("g", 1.0, vec![reversed])]));
    assert_eq!(
        findings[0].message,
        "`until` looks the same way as `when`: once entered, the state stays while `t` is at most 75"
    );
}

#[test]
fn an_entry_that_another_of_its_group_always_outvotes_is_warned_of() {
    let warning = || entry("WARNING", "t > 80");
    let critical = || entry("CRITICAL", "t > 90");
    assert_eq!(of_entries(vec![warning(), critical()]), ["hidden-state"]);
    assert!(of_entries(vec![critical(), warning()]).is_empty(), "the stricter one first");
    assert!(of_entries(vec![warning(), StateEntry { weight: Some(2.0), ..critical() }]).is_empty());
    assert_eq!(of_entries(vec![critical(), StateEntry { weight: Some(2.0), ..warning() }]), ["hidden-state"]);
    let held = StateEntry { hold: Some(Millis(5_000)), ..warning() };
    assert!(of_entries(vec![held, critical()]).is_empty(), "the wider one comes later");
    let kept = StateEntry { keep_for: Some(Millis(5_000)), ..critical() };
    assert!(of_entries(vec![warning(), kept]).is_empty(), "the stricter one stays longer");
    let hysteresis = StateEntry { until: Some("t < 70".to_owned()), ..critical() };
    assert!(of_entries(vec![warning(), hysteresis]).is_empty(), "the stricter one stays longer");
    let running = entry("CRITICAL", "t > 90 && running");
    assert_eq!(of_entries(vec![warning(), running]), ["hidden-state"]);
    assert!(of_entries(vec![warning(), entry("OTHER", "t > 70")]).is_empty());
    assert!(of_entries(vec![entry("A", "a || !b"), entry("B", "c > 1")]).is_empty());
}

#[test]
fn an_entry_that_stands_twice_is_warned_of() {
    assert_eq!(of_entries(vec![entry("A", "t > 80"), entry("A", "t>80.0")]), ["duplicate-entry"]);
    let heavier_later = StateEntry { weight: Some(5.0), hold: Some(Millis(60_000)), ..entry("A", "t > 80") };
    assert!(of_entries(vec![entry("A", "t > 80"), heavier_later]).is_empty(), "it escalates");
}

#[test]
fn a_group_that_hardly_ever_wins_is_warned_of() {
    let line = || group("line", 1.0, vec![entry("ACTIVE", "running")]);
    let thermal = |weight, otherwise: Option<&str>| Group {
        otherwise: otherwise.map(str::to_owned),
        ..group("thermal", weight, vec![entry("HOT", "t > 80")])
    };
    assert_eq!(codes(&of_rule(rule(vec![line(), thermal(2.0, Some("COOL"))]))), ["hidden-group"]);
    assert_eq!(codes(&of_rule(rule(vec![thermal(1.0, Some("COOL")), line()]))), ["hidden-group"]);
    assert!(of_rule(rule(vec![line(), thermal(1.0, Some("COOL"))])).is_empty());
    assert!(of_rule(rule(vec![line(), thermal(2.0, None)])).is_empty());
    let always = group("always", 3.0, vec![entry("ON", "true")]);
    assert_eq!(codes(&of_rule(rule(vec![line(), always]))), ["hidden-group"]);
}

#[test]
fn names_that_surely_are_not_meant_so_are_warned_of() {
    let mut unused = rule(vec![group("g", 1.0, vec![entry("A", "t > params.max")])]);
    unused.parameters = BTreeMap::from([
        ("max".to_owned(), ParameterValue::Number(80.0)),
        ("min".to_owned(), ParameterValue::Number(80.0)),
    ]);
    assert_eq!(codes(&of_rule(unused)), ["unused-parameter"]);

    let mut globs = rule(vec![group("g", 1.0, vec![entry("A", "a")])]);
    globs.scope.equipment = ["a-*", "b-*", "a-*"].map(str::to_owned).into();
    assert_eq!(codes(&of_rule(globs.clone())), ["repeated-glob"]);
    globs.scope.equipment = ["a-*", "*"].map(str::to_owned).into();
    assert_eq!(codes(&of_rule(globs)), ["repeated-glob"]);

    assert_eq!(of_entries(vec![entry("HOT", "a"), entry("Hot", "b")]), ["state-case"]);
    assert_eq!(of_entries(vec![entry("Unknown", "a")]), ["state-case"]);
    assert_eq!(of_entries(vec![entry("UNKNOWN", "a")]), ["default-state"]);
    assert!(of_entries(vec![entry("A", "a"), entry("UNKNOWN", "b")]).is_empty(), "it can outvote another");

    assert_eq!(of_entries(vec![entry("A", "s == 'Running'"), entry("B", "s == 'running'")]), ["text-case"]);
    assert!(of_when("s == 'Running' || s == 'running'").is_empty(), "both are meant");
    assert!(of_entries(vec![entry("A", "s == 'Running'"), entry("B", "u == 'running'")]).is_empty());
}

#[test]
fn waits_and_counts_that_do_nothing_are_warned_of() {
    let times = |times, when| of_entries(vec![StateEntry { times: Some(times), ..entry("A", when) }]);
    assert_eq!(times(1, "t > 5"), ["times-without-effect"]);
    assert_eq!(times(3, "true"), ["times-without-tag"]);
    assert!(times(3, "t > 5").is_empty());
    assert!(times(1, "absent(t, '30s')").is_empty(), "it can become true without a point");
    let held = |ms| of_entries(vec![StateEntry { hold: Some(Millis(ms)), ..entry("A", "avg(t, '1h') > 5") }]);
    assert_eq!(held(30_000), ["short-wait"]);
    assert!(held(60_000).is_empty());
}

#[test]
fn what_does_not_compile_is_passed_over() {
    assert!(of_when("t >").is_empty());
    assert!(of_when("t > 'x' && params.none > 1").is_empty());
}

#[test]
fn the_rule_of_the_documentation_is_sound() {
    let mut thermal = entry("WARNING", "water_temperature > params.max_temp && avg(pressure, '1m') > 4");
    thermal.until = Some("water_temperature < params.max_temp - 3".to_owned());
    thermal.hold = Some(Millis(300_000));
    thermal.keep_for = Some(Millis(30_000));
    thermal.times = Some(3);
    thermal.weight = Some(5.0);
    let mut rule = rule(vec![
        group("line", 1.0, vec![entry("ACTIVE", "machine_state == 'running' && product == '1l'")]),
        group("thermal", 2.0, vec![thermal]),
        group("maintenance", 9.0, vec![entry("MAINTENANCE", "maintenance_mode")]),
    ]);
    rule.parameters = BTreeMap::from([("max_temp".to_owned(), ParameterValue::Number(80.0))]);
    assert_eq!(of_rule(rule), []);
}
