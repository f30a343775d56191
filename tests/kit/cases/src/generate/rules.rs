//! Random rule documents.

use andon_domain::{Group, Millis, ParameterValue, Rule, RuleDocument, Scope, Settings, StateEntry};

use super::{Dice, NUMBERS, SCORE_TAG, TEXTS};

const COMPARISONS: [&str; 6] = ["<", "<=", ">", ">=", "==", "!="];
const STATES: [&str; 4] = ["ACTIVE", "WARNING", "ALARM", "NORMAL"];
const WINDOWS: [&str; 8] = ["50ms", "1s", "2s", "2500ms", "5s", "10s", "20s", "1m"];
const ABSENCES: [&str; 6] = ["500ms", "1s", "2s", "5s", "10s", "20s"];
const WAITS_MS: [i64; 7] = [250, 250, 500, 1000, 1000, 2000, 5000];

pub(super) fn document(rng: &mut Dice) -> RuleDocument {
    let settings = (!rng.chance(10)).then(|| settings(rng));
    let number = rng.usize(1..=4);
    let rules = (0..number).map(|index| rule(rng, &format!("r{index}"))).collect();
    RuleDocument { settings, rules, ..RuleDocument::default() }
}

pub(super) fn settings(rng: &mut Dice) -> Settings {
    Settings {
        max_out_of_orderness: Millis(rng.pick(&[0, 0, 250, 500, 1000, 2000, 5000])),
        allowed_lateness: Millis(rng.pick(&[0, 500, 2000, 10_000, 600_000])),
        idle_timeout: Millis(rng.pick(&[1000, 2000, 10_000, 30_000])),
        max_source_drift: Millis(rng.pick(&[0, 500, 1000, 5000, 10_000, 60_000])),
    }
}

/// Returns settings under which the slowest of many sources holds the watermark back for long.
pub(super) fn settings_for_a_crowd(rng: &mut Dice) -> Settings {
    Settings { idle_timeout: Millis(30_000), max_source_drift: Millis(60_000), ..settings(rng) }
}

pub(super) fn rule(rng: &mut Dice, id: &str) -> Rule {
    let number = rng.pick(&[1, 1, 2, 2, 3]);
    let mut rule = Rule {
        id: id.to_owned(),
        version: rng.u64(1..4),
        description: None,
        scope: scope(rng),
        default: rng.pick(&["UNKNOWN", "UNKNOWN", "UNKNOWN", "NORMAL", "IDLE"]).to_owned(),
        parameters: [].into(),
        groups: (0..number).map(|index| group(rng, &format!("g{index}"))).collect(),
    };
    settle_parameters(rng, &mut rule);
    rule
}

/// Gives a rule a value for each parameter that it uses, and none for others.
pub(super) fn settle_parameters(rng: &mut Dice, rule: &mut Rule) {
    let entries = rule.groups.iter().flat_map(|group| &group.states);
    let text: String =
        entries.flat_map(|entry| [Some(&entry.when), entry.until.as_ref()]).flatten().cloned().collect();
    for name in ["limit", "mode", "flag"] {
        if !text.contains(&format!("params.{name}")) {
            rule.parameters.remove(name);
        } else if !rule.parameters.contains_key(name) {
            rule.parameters.insert(name.to_owned(), parameter(rng, name));
        }
    }
}

pub(super) fn parameter(rng: &mut Dice, name: &str) -> ParameterValue {
    match name {
        "limit" => ParameterValue::Number(rng.pick(&NUMBERS)),
        "mode" => ParameterValue::Text(rng.pick(&TEXTS).to_owned()),
        _ => ParameterValue::Bool(rng.bool()),
    }
}

pub(super) fn scope(rng: &mut Dice) -> Scope {
    let equipment: &[&str] = match rng.u8(..10) {
        0 => &["filler-*"],
        1 => &["filler-1", "labeler-?"],
        2 => &["[fl]*-1"],
        3 => &["*-[2-9]", "unseen"],
        _ => &["*"],
    };
    Scope { equipment: equipment.iter().map(|glob| (*glob).to_owned()).collect() }
}

pub(super) fn group(rng: &mut Dice, id: &str) -> Group {
    let number = rng.pick(&[1, 1, 2, 2, 3]);
    Group {
        id: id.to_owned(),
        weight: weight(rng),
        otherwise: rng.chance(35).then(|| rng.pick(&["NORMAL", "NORMAL", "IDLE", "ACTIVE"]).to_owned()),
        states: (0..number).map(|_| entry(rng)).collect(),
    }
}

pub(super) fn entry(rng: &mut Dice) -> StateEntry {
    StateEntry {
        state: rng.pick(&STATES).to_owned(),
        when: condition(rng, 2),
        hold: rng.chance(45).then(|| wait(rng)),
        until: rng.chance(25).then(|| condition(rng, 1)),
        keep_for: rng.chance(35).then(|| wait(rng)),
        times: rng.chance(20).then(|| rng.u32(1..=4)),
        weight: rng.chance(30).then(|| weight(rng)),
    }
}

pub(super) fn wait(rng: &mut Dice) -> Millis {
    Millis(if rng.chance(5) { 0 } else { rng.pick(&WAITS_MS) })
}

pub(super) fn weight(rng: &mut Dice) -> f64 {
    rng.pick(&[1.0, 1.0, 1.0, 2.0, 2.0, 3.0, 2.5, 0.0, -1.0])
}

/// Returns a boolean expression.
pub(super) fn condition(rng: &mut Dice, depth: u8) -> String {
    if depth > 0 && rng.chance(45) {
        let depth = depth - 1;
        return match rng.u8(..10) {
            0..=3 => format!("{} && {}", part(rng, depth), part(rng, depth)),
            4..=6 => format!("{} || {}", part(rng, depth), part(rng, depth)),
            7 => format!("!{}", part(rng, depth)),
            8 => format!("{} && {} && {}", part(rng, depth), part(rng, depth), part(rng, depth)),
            _ => format!("{} ? {} : {}", part(rng, depth), part(rng, depth), part(rng, depth)),
        };
    }
    match rng.u8(..100) {
        0..=29 => format!("{} {} {}", tag(rng.number_tag()), rng.pick(&COMPARISONS), limit(rng)),
        30..=37 => format!("{} {} {}", number(rng, depth + 1), rng.pick(&COMPARISONS), number(rng, 1)),
        38..=47 => format!("{} {} {}", exact_aggregate(rng), rng.pick(&COMPARISONS), limit(rng)),
        48..=57 => inexact(rng),
        58..=67 => format!("absent({}, '{}')", tag(any_tag(rng)), rng.pick(&ABSENCES)),
        68..=77 => {
            let text = if rng.chance(20) { "params.mode".to_owned() } else { quoted(rng.pick(&TEXTS)) };
            format!("{} {} {text}", rng.text_tag(), rng.pick(&["==", "==", "!=", "<", ">="]))
        }
        78..=87 => rng.bool_tag().to_owned(),
        88..=90 => format!("{} {} params.flag", rng.bool_tag(), rng.pick(&["==", "!="])),
        // Types that do not fit: legal, since a tag's type is known only at run time, and unknown.
        91..=92 => format!("{} {} 4", rng.text_tag(), rng.pick(&COMPARISONS)),
        93 => format!("{} == 'fault'", tag(rng.number_tag())),
        94 => format!("{} {} motor_on", rng.bool_tag(), rng.pick(&COMPARISONS)),
        95 => tag(any_tag(rng)),
        96 => format!("{} == {}", tag(any_tag(rng)), tag(any_tag(rng))),
        97 => rng.pick(&["true", "false", "1 < 2"]).to_owned(),
        _ => format!("score('quality') {} {}", rng.pick(&["<", ">="]), limit(rng)),
    }
}

fn part(rng: &mut Dice, depth: u8) -> String {
    format!("({})", condition(rng, depth))
}

fn limit(rng: &mut Dice) -> String {
    if rng.chance(20) { "params.limit".to_owned() } else { rng.pick(&NUMBERS).to_string() }
}

/// Returns an expression whose number is exact in binary, or rounded in one way only.
pub(super) fn number(rng: &mut Dice, depth: u8) -> String {
    if depth == 0 || rng.chance(35) {
        return match rng.u8(..10) {
            0..=5 => tag(rng.number_tag()),
            6 => limit(rng),
            7 => tag(SCORE_TAG),
            _ => exact_aggregate(rng),
        };
    }
    let depth = depth - 1;
    match rng.u8(..9) {
        0 => format!("({} + {})", number(rng, depth), number(rng, depth)),
        1 | 2 => format!("({} - {})", number(rng, depth), number(rng, depth)),
        3 => format!("{} * 2", number(rng, 0)),
        4 => format!("({}) / ({})", number(rng, depth), number(rng, depth)),
        5 => format!("({}) % {}", number(rng, depth), rng.pick(&["3", "-3", "2.5", "0", "level"])),
        6 => format!("-({})", number(rng, depth)),
        7 => format!("abs({})", number(rng, depth)),
        _ => format!("({} ? {} : {})", part(rng, 0), number(rng, depth), number(rng, depth)),
    }
}

pub(super) fn exact_aggregate(rng: &mut Dice) -> String {
    let function = rng.pick(&["min", "max", "sum", "count", "count", "delta", "changes", "changes"]);
    format!("{function}({}, '{}')", tag(any_tag(rng)), rng.pick(&WINDOWS))
}

/// Returns a comparison of a rounded number with a limit that it never equals.
fn inexact(rng: &mut Dice) -> String {
    let function = rng.pick(&["avg", "stddev", "rate", "rate"]);
    let tag_text = if rng.chance(85) { tag(rng.number_tag()) } else { tag(any_tag(rng)) };
    let odd = rng.pick(&NUMBERS) + 1.0 / 1024.0;
    let comparison = rng.pick(&["<", "<=", ">", ">="]);
    let less = if rng.chance(15) { " - level" } else { "" };
    format!("{function}({tag_text}, '{}'){less} {comparison} {odd}", rng.pick(&WINDOWS))
}

fn any_tag(rng: &mut Dice) -> &'static str {
    match rng.u8(..10) {
        0..=4 => rng.number_tag(),
        5 | 6 => rng.bool_tag(),
        7 | 8 => rng.text_tag(),
        _ => SCORE_TAG,
    }
}

/// Returns a tag as an expression names it.
pub(super) fn tag(name: &str) -> String {
    match name.strip_prefix("ml.") {
        Some(model) => format!("score('{model}')"),
        None if name.contains('=') => format!("tag('{name}')"),
        None => name.to_owned(),
    }
}

fn quoted(text: &str) -> String {
    format!("'{text}'")
}
