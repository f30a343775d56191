//! The pointwise part of the language against an independent implementation of CEL.
//!
//! Compared where both mean the same: every tag known and of the type that the expression wants. Numbers are written
//! with a point, since CEL keeps integers apart; `%` and division by a tag are left out, since CEL's answer to them
//! differs by design.

use andon_domain::{Rule, RuleDocument};
use cel::{Context, Program, Value};
use fastrand::Rng;

use super::seeds;
use crate::support::replay;

const NUMBERS: [(&str, f64); 3] = [("a", 1.5), ("b", -2.25), ("c", 80.0)];
const BOOLS: [(&str, bool); 2] = [("p", true), ("q", false)];
const TEXTS: [(&str, &str); 2] = [("s", "running"), ("u", "it's 1l \\ é")];

fn number(rng: &mut Rng, depth: usize) -> String {
    if depth == 0 || rng.u8(..3) == 0 {
        return match rng.bool() {
            true => rng.choice(NUMBERS).map(|(name, _)| name.to_owned()).unwrap_or_default(),
            false => format!("{:.2}", f64::from(rng.i16(-400..400)) / 4.0),
        };
    }
    let depth = depth - 1;
    match rng.u8(..6) {
        0 => format!("-({})", number(rng, depth)),
        1 => format!("({} / {:.1})", number(rng, depth), rng.choice([2.0, -4.0, 0.5]).unwrap_or(2.0)),
        2 => format!("({} ? {} : {})", boolean(rng, depth), number(rng, depth), number(rng, depth)),
        op => {
            let symbol = match op {
                3 => "+",
                4 => "-",
                _ => "*",
            };
            // Without parentheses half of the time, to compare precedence.
            match rng.bool() {
                true => format!("({} {symbol} {})", number(rng, depth), number(rng, depth)),
                false => format!("{} {symbol} {}", number(rng, depth), number(rng, depth)),
            }
        }
    }
}

fn text(rng: &mut Rng) -> String {
    match rng.bool() {
        true => rng.choice(TEXTS).map(|(name, _)| name.to_owned()).unwrap_or_default(),
        false => rng
            .choice(["'running'", "\"running\"", "'it\\'s 1l \\\\ \\u00e9'", "'runninh'", "'Running'", "''"])
            .unwrap_or("''")
            .to_owned(),
    }
}

fn boolean(rng: &mut Rng, depth: usize) -> String {
    if depth == 0 {
        return rng.choice(["p", "q", "true", "false", "!p"]).unwrap_or("p").to_owned();
    }
    let depth = depth - 1;
    let compare = |rng: &mut Rng| rng.choice(["<", "<=", ">", ">=", "==", "!="]).unwrap_or("<");
    match rng.u8(..8) {
        0 => format!("!({})", boolean(rng, depth)),
        1 => format!("{} && {}", boolean(rng, depth), boolean(rng, depth)),
        2 => format!("{} || {}", boolean(rng, depth), boolean(rng, depth)),
        3 => format!("({} || {}) && {}", boolean(rng, depth), boolean(rng, depth), boolean(rng, depth)),
        4 => format!("({} ? {} : {})", boolean(rng, depth), boolean(rng, depth), boolean(rng, depth)),
        5 => format!("({}) == ({})", boolean(rng, depth), boolean(rng, depth)),
        6 => format!("{} {} {}", text(rng), compare(rng), text(rng)),
        _ => format!("{} {} {}", number(rng, depth), compare(rng), number(rng, depth)),
    }
}

fn by_cel(expression: &str) -> bool {
    let program =
        Program::compile(expression).unwrap_or_else(|error| panic!("CEL refuses {expression}: {error}"));
    let mut context = Context::default();
    NUMBERS.iter().for_each(|(name, value)| context.add_variable_from_value(*name, *value));
    BOOLS.iter().for_each(|(name, value)| context.add_variable_from_value(*name, *value));
    TEXTS.iter().for_each(|(name, value)| context.add_variable_from_value(*name, *value));
    match program.execute(&context) {
        Ok(Value::Bool(value)) => value,
        other => panic!("{expression} is {other:?} by CEL"),
    }
}

/// By a rule that says what the condition is, true or false.
fn by_andon(expression: &str) -> String {
    let rule: Rule = serde_json::from_value(serde_json::json!({
        "id": "r",
        "groups": [{"id": "g", "otherwise": "false", "states": [{"state": "true", "when": expression}]}]
    }))
    .expect("a rule");
    let point = |tag: &str, value: serde_json::Value| serde_json::json!({"equipmentId": "e", "tag": tag, "timestamp": 1000, "value": value});
    let points: Vec<_> = NUMBERS
        .iter()
        .map(|(name, value)| point(name, (*value).into()))
        .chain(BOOLS.iter().map(|(name, value)| point(name, (*value).into())))
        .chain(TEXTS.iter().map(|(name, value)| point(name, (*value).into())))
        .collect();
    let line = serde_json::to_string(&points).expect("points are JSON");
    let document = RuleDocument { rules: vec![rule], ..RuleDocument::default() };
    let (transitions, _) = replay(document, [line.as_str()], true);
    transitions
        .first()
        .and_then(|transition| transition.to.as_ref())
        .map_or("unknown".to_owned(), ToString::to_string)
}

#[test]
fn conditions_are_as_cel_has_them() {
    let (mut held, seeds) = (0, seeds());
    for seed in seeds.clone() {
        let mut rng = Rng::with_seed(seed);
        let expression = boolean(&mut rng, 4);
        if expression.len() > andon_domain::limits::EXPRESSION_BYTES {
            continue;
        }
        let expected = by_cel(&expression);
        held += usize::from(expected);
        assert_eq!(by_andon(&expression), expected.to_string(), "seed {seed}: {expression}");
    }
    println!("CEL agrees on {} conditions, {held} of them true", seeds.count());
}
