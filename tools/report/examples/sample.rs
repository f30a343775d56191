//! Writes a sample page to the path given as its argument (default `sample-report.html`): two shifts of a bottling
//! line with its usual troubles, and names that try to break the page.

use andon_report::{Operand, ReportBuilder, ReportOptions, RuleInfo, Threshold, TransitionInfo, Value};

const START_MS: i64 = 1_699_935_000_000; // 2023-11-14 04:10 UTC
const MINUTE_MS: i64 = 60_000;
const LENGTH_MS: i64 = 17 * 60 * MINUTE_MS;

fn main() -> std::io::Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "sample-report.html".to_owned());
    let mut report = ReportBuilder::new(ReportOptions {
        title: "Bottling line 3".to_owned(),
        note: "Replay of line3.jsonl with rules.yaml. All values are made up.".to_owned(),
        ..ReportOptions::default()
    });
    rules(&mut report);
    for (i, filler) in ["filler-1", "filler-2"].iter().enumerate() {
        filler_day(&mut report, filler, i == 0);
    }
    labeller_day(&mut report);
    report.watch("conveyor-flicker", "conveyor-7");
    conveyor_day(&mut report);
    hostile(&mut report);
    rejected(&mut report);
    std::fs::write(path, report.finish(START_MS + LENGTH_MS))
}

fn line(tag: &str, op: &str, value: f64, state: &str) -> Threshold {
    Threshold { tag: tag.into(), op: op.into(), value, label: format!("{op} {value}"), state: state.into() }
}

fn rules(report: &mut ReportBuilder) {
    report.rule(RuleInfo {
        rule_id: "filler-overheat".into(),
        description: "Hot and under pressure for five minutes; maintenance hides it".into(),
        default_state: "UNKNOWN".into(),
        tags: ["water_temperature", "pressure", "machine_state", "maintenance_mode"].map(String::from).into(),
        thresholds: vec![
            line("water_temperature", ">", 80.0, "WARNING"),
            line("water_temperature", ">", 85.0, "ALARM"),
            line("water_temperature", "<", 77.0, ""),
            line("pressure", ">", 4.0, "WARNING"),
        ],
    });
    report.rule(RuleInfo {
        rule_id: "filler-throughput".into(),
        description: "Bottles per minute fall behind the plan".into(),
        default_state: "NORMAL".into(),
        tags: vec!["bottles_per_minute".into(), "product".into()],
        thresholds: vec![line("bottles_per_minute", "<", 420.0, "DEGRADED")],
    });
    report.rule(RuleInfo {
        rule_id: "labeller-glue".into(),
        description: "Glue runs low or cold".into(),
        default_state: "OK".into(),
        tags: vec!["glue_level".into(), "glue_temperature".into()],
        thresholds: vec![
            line("glue_level", "<", 10.0, "ALARM"),
            line("glue_level", "<", 20.0, "WARNING"),
            line("glue_temperature", "<", 140.0, "WARNING"),
        ],
    });
    report.rule(RuleInfo {
        rule_id: "conveyor-flicker".into(),
        description: "A light barrier that cannot decide".into(),
        default_state: "RUNNING".into(),
        tags: vec!["barrier".into(), "never_sent".into()],
        thresholds: vec![],
    });
}

fn operand(text: &str, value: impl ToString, at_ms: i64) -> Operand {
    Operand { text: text.into(), value: value.to_string(), at_ms: Some(at_ms) }
}

/// Writes the transitions of one rule and equipment: (minute, state, group, operand, value).
fn walk(
    report: &mut ReportBuilder,
    rule: &str,
    equipment: &str,
    from: &str,
    steps: &[(i64, &str, &str, &str, &str)],
) {
    let mut from = from.to_owned();
    for (i, (minute, to, group, text, value)) in steps.iter().enumerate() {
        let at_ms = START_MS + minute * MINUTE_MS + 1_250;
        report.transition(TransitionInfo {
            rule_id: rule.into(),
            equipment: equipment.into(),
            sequence: i as u64 + 1,
            from: std::mem::replace(&mut from, (*to).into()),
            to: Some((*to).into()),
            at_ms,
            group: (!group.is_empty()).then(|| (*group).into()),
            explanation: vec![
                operand(text, value, at_ms - 800),
                operand("avg(pressure, '1m')", "4.31", at_ms - 2_000),
            ],
            since_ms: (*to == "WARNING").then_some(at_ms - 5 * MINUTE_MS),
        });
    }
}

fn filler_day(report: &mut ReportBuilder, filler: &str, troubled: bool) {
    let mut random = 7_u32;
    let mut noise = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(random >> 8) / f64::from(1 << 24) - 0.5
    };
    let maintenance = 610..655;
    for second in (0..LENGTH_MS / 1_000).step_by(3) {
        let at_ms = START_MS + second * 1_000;
        let minute = second / 60;
        if troubled && (300..318).contains(&minute) {
            continue; // the gateway was silent
        }
        let x = f64::from(u16::try_from(minute).unwrap_or(0));
        let heat = if troubled {
            14.0 * (-((x - 480.0) / 60.0).powi(2)).exp() + 9.0 * (-((x - 900.0) / 25.0).powi(2)).exp()
        } else {
            0.0
        };
        let stopped = troubled && maintenance.contains(&minute);
        let temperature = if stopped { 55.0 } else { 73.0 + 2.0 * (x / 70.0).sin() + heat } + noise() * 1.4;
        report.point(filler, "water_temperature", at_ms, Value::Num((temperature * 100.0).round() / 100.0));
        report.point(filler, "pressure", at_ms, Value::Num(3.4 + heat / 11.0 + noise() * 0.2));
        if second % 60 == 0 {
            let pace = if stopped { 0.0 } else { 455.0 - heat * 2.0 + noise() * 18.0 };
            report.point(filler, "bottles_per_minute", at_ms, Value::Num(pace.round()));
            let state = if stopped {
                "stopped"
            } else if minute % 240 < 6 {
                "cleaning"
            } else {
                "running"
            };
            report.point(filler, "machine_state", at_ms, Value::Text(state));
            let product = if minute < 420 { "still 1l" } else { "sparkling 0.5l" };
            report.point(filler, "product", at_ms, Value::Text(product));
            report.point(filler, "maintenance_mode", at_ms, Value::Bool(stopped));
        }
    }
    filler_changes(report, filler, troubled);
}

fn filler_changes(report: &mut ReportBuilder, filler: &str, troubled: bool) {
    report.watch("filler-overheat", filler);
    report.watch("filler-throughput", filler);
    let temperature = "water_temperature > params.max_temp";
    if troubled {
        walk(
            report,
            "filler-overheat",
            filler,
            "UNKNOWN",
            &[
                (3, "ACTIVE", "line", "machine_state == 'running'", "'running'"),
                (443, "WARNING", "thermal", temperature, "80.4"),
                (466, "ALARM", "thermal", "water_temperature > 85", "85.3"),
                (497, "WARNING", "thermal", temperature, "84.1"),
                (520, "ACTIVE", "line", "water_temperature < params.max_temp - 3", "76.8"),
                (610, "MAINTENANCE", "maintenance", "maintenance_mode", "true"),
                (655, "ACTIVE", "line", "maintenance_mode", "false"),
                (890, "WARNING", "thermal", temperature, "80.7"),
            ],
        );
        walk(
            report,
            "filler-throughput",
            filler,
            "NORMAL",
            &[
                (472, "DEGRADED", "pace", "bottles_per_minute < 420", "417"),
                (476, "NORMAL", "", "bottles_per_minute < 420", "431"),
                (612, "DEGRADED", "pace", "bottles_per_minute < 420", "0"),
                (657, "NORMAL", "", "bottles_per_minute < 420", "452"),
            ],
        );
        let at = |minute: i64| START_MS + minute * MINUTE_MS;
        report.incident(
            at(300),
            Some(filler),
            "Network switch restarted; the gateway sends nothing for 18 minutes",
        );
        report.incident(at(430), Some(filler), "Cooling water valve sticks");
        report.incident(at(436), Some(filler), "Second valve opened by hand");
        report.incident(at(610), Some(filler), "Valve replaced");
        report.incident(at(420), None, "Change of product: sparkling 0.5l");
    } else {
        walk(
            report,
            "filler-overheat",
            filler,
            "UNKNOWN",
            &[(2, "ACTIVE", "line", "machine_state == 'running'", "'running'")],
        );
    }
}

fn labeller_day(report: &mut ReportBuilder) {
    for minute in 0..LENGTH_MS / MINUTE_MS {
        let at_ms = START_MS + minute * MINUTE_MS + 200;
        if minute % 30 == 0 {
            let level = 100.0 - f64::from(u16::try_from(minute % 840).unwrap_or(0)) * 0.115;
            report.point("labeller-A", "glue_level", at_ms, Value::Num(level.round()));
        }
        report.point(
            "labeller-A",
            "glue_temperature",
            at_ms,
            Value::Num(151.0 + (f64::from(u16::try_from(minute).unwrap_or(0)) / 9.0).sin() * 3.0),
        );
    }
    walk(
        report,
        "labeller-glue",
        "labeller-A",
        "OK",
        &[
            (720, "WARNING", "glue", "glue_level < 20", "17"),
            (810, "ALARM", "glue", "glue_level < 10", "7"),
            (841, "OK", "", "glue_level < 20", "100"),
        ],
    );
}

fn conveyor_day(report: &mut ReportBuilder) {
    let mut from = "RUNNING";
    let mut sequence = 0;
    for second in 0..LENGTH_MS / 1_000 {
        let at_ms = START_MS + second * 1_000;
        let flickers = (20_000..29_000).contains(&second);
        if second % 20 == 0 || flickers {
            report.point("conveyor-7", "barrier", at_ms, Value::Bool(second % 7 < 3 && flickers));
        }
        if flickers && second % 6 == 0 {
            let to = if from == "RUNNING" { "BLOCKED" } else { "RUNNING" };
            sequence += 1;
            report.transition(TransitionInfo {
                rule_id: "conveyor-flicker".into(),
                equipment: "conveyor-7".into(),
                sequence,
                from: from.into(),
                to: Some(to.into()),
                at_ms,
                group: Some("jam".into()),
                explanation: vec![operand("barrier", to == "BLOCKED", at_ms)],
                since_ms: None,
            });
            from = to;
        }
    }
}

fn hostile(report: &mut ReportBuilder) {
    let bad =
        "</script><script>document.title='broken'</script><img src=x onerror=\"document.title='broken'\">";
    report.rule(RuleInfo {
        rule_id: format!("\"'>{bad}"),
        description: bad.into(),
        default_state: "--><!--".into(),
        tags: vec![bad.into(), "a\u{0}b\u{202e}c".into()],
        thresholds: vec![Threshold {
            tag: bad.into(),
            value: 1.0,
            label: bad.into(),
            state: bad.into(),
            op: bad.into(),
        }],
    });
    let equipment = format!("'\" onmouseover=alert(1) {bad}");
    for i in 0..200_i32 {
        let at_ms = START_MS + i64::from(i) * 5 * MINUTE_MS;
        report.point(&equipment, bad, at_ms, Value::Num(f64::from(i % 17) / 4.0));
        report.point(
            &equipment,
            "a\u{0}b\u{202e}c",
            at_ms,
            Value::Text(if i % 50 < 25 { bad } else { "\u{7}bell" }),
        );
    }
    report.transition(TransitionInfo {
        rule_id: format!("\"'>{bad}"),
        equipment,
        sequence: 1,
        from: "--><!--".into(),
        to: Some(bad.into()),
        at_ms: START_MS + 300 * MINUTE_MS,
        group: Some(bad.into()),
        explanation: vec![Operand { text: bad.into(), value: bad.into(), at_ms: None }],
        since_ms: Some(START_MS),
    });
    report.incident(START_MS + 300 * MINUTE_MS, None, bad);
    report.rejected("malformed", None, 17, &format!("expected `value`, found `{bad}`"));
}

fn rejected(report: &mut ReportBuilder) {
    for i in 0..340 {
        report.rejected(
            "late",
            Some("filler-1"),
            4_000 + i,
            "`pressure` at 07:11:02 came 14 min after the watermark",
        );
        if i % 3 == 0 {
            report.rejected(
                "duplicate",
                Some("filler-2"),
                900 + i,
                "`water_temperature` 73.21, sequence number 4711",
            );
        }
        if i % 8 == 0 {
            report.rejected("bad_quality", Some("labeller-A"), 500 + i, "`glue_level` has quality `Bad`");
        }
    }
    report.rejected("malformed", None, 102_331, "not JSON: expected `,` or `}` at column 81");
    report.counted("ahead", 1_204);
}
