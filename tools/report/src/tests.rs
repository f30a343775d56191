use crate::{Operand, ReportBuilder, ReportOptions, RuleInfo, Threshold, TransitionInfo, Value};

const HOUR_MS: i64 = 3_600_000;

fn rule(rule_id: &str, default_state: &str, tags: &[&str]) -> RuleInfo {
    RuleInfo {
        rule_id: rule_id.into(),
        default_state: default_state.into(),
        tags: tags.iter().map(|t| (*t).to_owned()).collect(),
        ..RuleInfo::default()
    }
}

fn transition(
    rule_id: &str,
    equipment: &str,
    sequence: u64,
    at_ms: i64,
    from: &str,
    to: &str,
) -> TransitionInfo {
    TransitionInfo {
        rule_id: rule_id.into(),
        equipment: equipment.into(),
        sequence,
        from: from.into(),
        to: Some(to.into()),
        at_ms,
        ..TransitionInfo::default()
    }
}

fn report() -> ReportBuilder {
    ReportBuilder::new(ReportOptions::default())
}

/// The page without its style sheet and its script.
fn markup(page: &str) -> String {
    let (head, rest) = page.split_once("<style>").unwrap();
    let (_, rest) = rest.split_once("</style>").unwrap();
    let (body, _) = rest.rsplit_once("<script>").unwrap();
    format!("{head}{body}")
}

fn assert_balanced(page: &str) {
    let markup = markup(page);
    for tag in
        ["div", "section", "details", "summary", "span", "i", "b", "table", "ul", "p", "a", "small", "code"]
    {
        let opened =
            markup.matches(&format!("<{tag} ")).count() + markup.matches(&format!("<{tag}>")).count();
        assert_eq!(opened, markup.matches(&format!("</{tag}>")).count(), "<{tag}>");
    }
}

#[test]
fn an_empty_report_is_a_page_that_says_so() {
    let page = report().finish(0);
    assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n"));
    assert!(page.contains("No points.") && page.contains("No rule watched any machine"));
    assert!(page.contains("Every point was used."));
    assert_balanced(&page);
}

#[test]
fn a_table_stands_at_the_top_line_by_line() {
    let mut r = ReportBuilder::new(ReportOptions::default());
    r.table("RULE  CAUGHT\nhot   4 of 4\n");
    let page = r.finish(0);
    assert!(page.contains("<pre>RULE  CAUGHT\nhot   4 of 4\n</pre>"));
    assert_balanced(&page);
}

#[test]
fn nothing_from_outside_becomes_markup() {
    let bad = "\"' evil=1 ><evil></script><evil>--><evil>\0\u{202e}&lt;evil";
    let mut r =
        ReportBuilder::new(ReportOptions { title: bad.into(), note: bad.into(), ..ReportOptions::default() });
    r.table(&format!("{bad}\n{bad}"));
    let threshold =
        Threshold { tag: bad.into(), op: bad.into(), value: 1.0, label: bad.into(), state: bad.into() };
    let unlabelled = Threshold { label: String::new(), ..threshold.clone() };
    r.rule(RuleInfo {
        rule_id: bad.into(),
        description: bad.into(),
        default_state: bad.into(),
        tags: vec![bad.into()],
        thresholds: vec![threshold, unlabelled],
    });
    (0..50).for_each(|i| r.point(bad, bad, i, Value::Num(1.0)));
    (0..50).for_each(|i| r.point(bad, bad, i, Value::Text(if i % 2 == 0 { bad } else { "b" })));
    r.transition(TransitionInfo {
        group: Some(bad.into()),
        explanation: vec![Operand { text: bad.into(), value: bad.into(), at_ms: Some(1) }],
        ..transition(bad, bad, 1, 20, bad, bad)
    });
    (0..2_000).for_each(|i| {
        let (from, to) = if i % 2 == 0 { (bad, "x") } else { ("x", bad) };
        r.transition(transition("other", bad, i + 1, 20, from, to));
    });
    r.rejected(bad, Some(bad), 1, bad);
    r.counted("<evil>", 3);
    r.incident(10, Some(bad), bad);
    r.incident(10, None, bad);
    let page = r.finish(60);
    assert!(!page.contains("<evil") && !page.contains("\" evil") && !page.contains("' evil"));
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(page.matches("</script").count(), 1);
    assert!(!markup(&page).chars().any(|c| c.is_control() && c != '\n') && !page.contains('\u{202e}'));
    assert!(page.contains("&lt;evil&gt;"), "it is shown, as text");
    assert_balanced(&page);
}

#[test]
fn nothing_is_loaded_from_anywhere() {
    let mut r = report();
    r.point("e", "t", 0, Value::Num(1.0));
    let page = r.finish(1);
    assert!(page.contains("default-src 'none'"));
    for loads in ["http://", "https://", "src=", "@import", "url(", "<link", "fetch(", "import("] {
        assert!(!page.contains(loads), "{loads}");
    }
}

#[test]
fn any_input_gives_a_page_of_at_most_ten_megabytes_that_says_what_it_leaves_out() {
    let long = |what: &str, i: usize| format!("{what}{i}-{}", "\"".repeat(200));
    let mut r = report();
    let rules: Vec<String> = (0..3).map(|i| long("rule", i)).collect();
    let tags: Vec<String> = (0..20).map(|i| long("tag", i)).collect();
    for rule_id in &rules {
        let thresholds = tags.iter().flat_map(|tag| {
            (0..10).map(|v| Threshold {
                tag: tag.clone(),
                value: f64::from(v),
                label: long("l", 0),
                ..Threshold::default()
            })
        });
        r.rule(RuleInfo {
            rule_id: rule_id.clone(),
            description: long("d", 0),
            tags: tags.clone(),
            thresholds: thresholds.collect(),
            ..RuleInfo::default()
        });
    }
    let operands: Vec<Operand> =
        (0..20).map(|i| Operand { text: long("o", i), value: long("v", i), at_ms: Some(0) }).collect();
    for e in 0..700 {
        let equipment = long("equipment", e);
        for tag in &tags {
            for i in 0..12_i32 {
                r.point(&equipment, tag, i64::from(i * 1_000), Value::Num(f64::from(i % 5)));
                r.point(&equipment, tag, i64::from(i * 1_000), Value::Text(&long("t", e % 7)));
            }
        }
        for rule_id in &rules {
            for i in 0..20_u32 {
                let (from, to) = (long("state", e % 9), long("state", (e + 1) % 9));
                r.transition(TransitionInfo {
                    explanation: operands.clone(),
                    ..transition(rule_id, &equipment, u64::from(i) + 1, i64::from(i) * 600, &from, &to)
                });
            }
        }
        r.rejected(&long("reason", e), Some(&equipment), 1, &long("detail", e));
        r.incident(5, Some(&equipment), &long("incident", e));
    }
    let page = r.finish(12_000);
    assert!(page.len() <= 10_000_000, "{} bytes", page.len());
    assert!(page.len() > 2_000_000, "{} bytes: the room is used", page.len());
    assert!(page.contains("are not shown here, to keep the page small"));
    assert!(page.contains("left out here, to keep the page small"));
    assert!(page.contains("500 more events"));
    assert!(page.contains("4 more tags of this rule are not drawn"));
    assert_balanced(&page);
}

#[test]
fn the_same_calls_give_the_same_bytes() {
    let page = || {
        let mut r = report();
        r.rule(rule("r", "OK", &["a", "b"]));
        for i in 0..5_000_i32 {
            r.point(
                &format!("e{}", i % 40),
                if i % 2 == 0 { "a" } else { "b" },
                i.into(),
                Value::Num(f64::from(i % 7)),
            );
        }
        (0..40).for_each(|e| r.transition(transition("r", &format!("e{e}"), 1, 100 + e, "OK", "ALARM")));
        r.finish(5_000)
    };
    assert_eq!(page(), page());
}

#[test]
fn before_the_first_transition_a_rule_has_its_default_from_the_first_point_on() {
    let mut r = report();
    r.rule(rule("r", "UNKNOWN", &[]));
    r.point("other", "t", 0, Value::Bool(true));
    r.point("e", "t", HOUR_MS, Value::Bool(true));
    r.transition(transition("r", "e", 1, 2 * HOUR_MS, "UNKNOWN", "OK"));
    let page = r.finish(4 * HOUR_MS);
    let unknown = "class=\"unk\" style=\"left:25.000%;width:25.000%\" title=\"UNKNOWN · 1970-01-01 01:00:00 – 02:00:00 (1 h)\"";
    assert!(page.contains(unknown));
    assert!(page.contains("class=\"ok\" style=\"left:50.000%;width:50.000%\""));
    assert!(page.contains("aria-label=\"OK 67 %, UNKNOWN 33 %\""));
}

#[test]
fn a_rule_that_never_changes_has_its_row_when_it_is_announced() {
    let mut r = report();
    r.rule(rule("quiet", "NORMAL", &["t"]));
    r.point("e", "t", 0, Value::Num(1.0));
    r.watch("quiet", "e");
    r.watch("not known", "e");
    let page = r.finish(HOUR_MS);
    assert!(page.contains("title=\"NORMAL · 1970-01-01 00:00:00 – 01:00:00 (1 h)\""));
    assert!(page.contains("No transition: the state stayed as it was."));
    assert!(!page.contains("not known"));
}

#[test]
fn what_is_in_trouble_at_the_end_comes_first_then_what_was_in_trouble_longest() {
    let mut r = report();
    r.rule(rule("r", "OK", &[]));
    for e in ["a-calm", "b-short", "c-long", "d-now"] {
        r.point(e, "t", 0, Value::Num(1.0));
        r.watch("r", e);
    }
    r.transition(transition("r", "b-short", 1, 10, "OK", "ALARM"));
    r.transition(transition("r", "b-short", 2, 20, "ALARM", "OK"));
    r.transition(transition("r", "c-long", 1, 10, "OK", "WARNING"));
    r.transition(transition("r", "c-long", 2, 90, "WARNING", "OK"));
    r.transition(transition("r", "d-now", 1, 99, "OK", "ALARM"));
    let page = r.finish(100);
    let place = |name: &str| page.find(&format!("<summary><b>{name}</b>")).unwrap();
    assert!(place("d-now") < place("c-long"));
    assert!(place("c-long") < place("b-short"));
    assert!(place("b-short") < place("a-calm"));
}

#[test]
fn of_many_transitions_the_latest_are_listed_and_the_others_counted() {
    let mut r = report();
    for i in 0..1_434_i32 {
        let (from, to) = if i % 2 == 0 { ("A", "B") } else { ("B", "A") };
        r.transition(transition("r", "e", u64::try_from(i).unwrap() + 1, i.into(), from, to));
    }
    let page = r.finish(2_000);
    assert_eq!(page.matches("<tr data-at=").count(), 200);
    assert!(page.contains("<td class=n>1434<") && !page.contains("<td class=n>1234<"));
    assert!(page.contains("there are 1,234 more before them"));
    assert!(page.contains("changes between"), "the strip says that it merged");
    assert!(page.contains("<dd>1,434</dd><dt>transitions"));
}

#[test]
fn a_transition_shows_what_it_rested_on_and_since_when() {
    let mut r = report();
    r.rule(rule("r", "OK", &["t"]));
    r.point("e", "t", 0, Value::Num(81.5));
    r.transition(TransitionInfo {
        group: Some("thermal".into()),
        explanation: vec![Operand { text: "t > 80".into(), value: "81.5".into(), at_ms: Some(HOUR_MS) }],
        since_ms: Some(HOUR_MS - 300_000),
        ..transition("r", "e", 1, HOUR_MS, "OK", "WARNING")
    });
    r.transition(TransitionInfo { to: None, ..transition("r", "e", 2, 2 * HOUR_MS, "WARNING", "") });
    let page = r.finish(2 * HOUR_MS);
    assert!(page.contains("<code>t &gt; 80</code> <b>81.5</b> <small>at 01:00:00</small>"));
    assert!(page.contains("true since 00:55:00 (5 min)"));
    assert!(page.contains("thermal") && page.contains("rule removed") && page.contains("none (default)"));
}

#[test]
fn numbers_texts_and_booleans_of_a_tag_are_drawn() {
    let mut r = report();
    r.rule(RuleInfo {
        thresholds: vec![Threshold {
            tag: "n".into(),
            op: ">".into(),
            value: 80.0,
            state: "ALARM".into(),
            ..Threshold::default()
        }],
        ..rule("r", "OK", &["n", "s", "b", "never"])
    });
    r.watch("r", "e");
    r.point("e", "n", 0, Value::Num(70.0));
    r.point("e", "n", 500, Value::Num(90.0));
    r.point("e", "n", 600, Value::Num(f64::NAN));
    r.point("e", "s", 0, Value::Text("running"));
    r.point("e", "b", 0, Value::Bool(true));
    let page = r.finish(1_000);
    assert!(page.contains("&gt; 80 <b>ALARM</b>"));
    assert!(page.contains("data-p=\"0,70 500,90\""));
    assert!(page.contains("<b>running</b>") && page.contains("class=\"on\""));
    assert!(page.contains("no point came"));
    assert!(page.contains("1 point not drawn"), "the value that is not a number is counted");
}

#[test]
fn rejected_points_are_counted_by_reason_and_by_equipment_with_samples() {
    let mut r = report();
    r.point("filler", "t", 0, Value::Num(1.0));
    (0..7).for_each(|i| r.rejected("late", Some("filler"), 100 + i, "`t` too late"));
    r.rejected("odd_reason", None, 3, "something else");
    r.counted("ahead", 12);
    let page = r.finish(1);
    assert_eq!(page.matches("`t` too late").count(), 5);
    assert!(page.contains("line 104, filler") && !page.contains("line 105, filler"));
    assert!(page.contains("Came after the allowed lateness"));
    assert!(page.contains("<dd>8</dd><dt>rejected (89 %)"), "what is only counted is not rejected");
    assert!(page.contains("<b>ahead</b><br><small>used all the same</small><td class=r>12"));
    assert!(page.contains("<tr><td>filler<td class=r>7<td class=r>88 %"));
    assert!(page.contains("odd_reason"));
}

#[test]
fn points_of_a_wrong_clock_are_left_out_of_the_range_and_reported() {
    let start = 1_700_000_000_000;
    let mut r = report();
    r.rule(rule("r", "OK", &["t"]));
    (0..100).for_each(|i| r.point("e", "t", start + i * 1_000, Value::Num(1.0)));
    r.point("e", "t", 0, Value::Num(1.0));
    r.transition(transition("r", "e", 1, 0, "OK", "RUNNING"));
    r.transition(transition("r", "e", 2, start + 75_000, "RUNNING", "OK"));
    let page = r.finish(start + 100_000);
    assert!(page.contains("aria-label=\"RUNNING 75 %, OK 25 %\""), "the years before do not count");
    assert!(page.contains("2023-11-14 22:13:20 – 2023-11-14 22:15:00 UTC (1 min 40 s)"));
    assert!(page.contains("1 point far outside of the time range"));
}

#[test]
fn incidents_are_listed_in_the_order_of_time_and_marked() {
    let mut r = report();
    r.rule(rule("r", "OK", &[]));
    r.point("e", "t", 0, Value::Num(1.0));
    r.watch("r", "e");
    r.incident(50, Some("e"), "second");
    r.incident(20, None, "first");
    let page = r.finish(100);
    assert!(page.find("<td>first").unwrap() < page.find("<td>second").unwrap());
    assert!(page.contains("href=\"#i2\" style=\"left:50.000%;top:0px\""));
}

#[test]
fn times_at_both_ends_of_the_range_do_not_break_the_page() {
    let mut r = report();
    r.rule(rule("r", "OK", &["t"]));
    for at in [i64::MIN, -1, 0, i64::MAX] {
        r.point("e", "t", at, Value::Num(f64::MAX));
        r.point("e", "t", at, Value::Text("x"));
        r.transition(transition("r", "e", 1, at, "OK", "ALARM"));
    }
    assert_balanced(&r.finish(i64::MAX));
}
