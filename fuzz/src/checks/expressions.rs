//! Target `expressions`: any text up to the first zero byte as an expression, the bytes after it as points for it.

use std::collections::BTreeSet;

use andon_domain::{RuleDocument, Transition, limits};
use andon_engine::RuleSet;
use andon_engine::expr::{self, Expr, ExprKind as Kind, check};
use andon_engine::replay::Replay;
use andon_kit_cases::Choices;
use andon_lint::lint;
use serde_json::json;

use super::{Recorder, compiled, document};

/// The greatest depth of which the canonical form is surely read again. It has a parenthesis for every operator, and
/// each costs up to three levels of nesting.
const SURELY_READ_AGAIN: usize = limits::EXPRESSION_DEPTH / 3 - 1;

const RULE: &str = r#"{"rules":[{"id":"r","parameters":{"max":80,"mode":"running","flag":true},
    "groups":[{"id":"g","otherwise":"NO","states":[{"state":"YES","when":"true"}]}]}]}"#;

pub(super) fn check(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let text = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let expr = match expr::parse(&text) {
        Ok(expr) => expr,
        Err(error) => {
            assert!(text.get(error.span.start..error.span.end).is_some(), "{:?}: {error}", error.span);
            return;
        }
    };
    let mut tags = BTreeSet::new();
    let depth = walk(&expr, &text, &mut tags);
    assert!(depth <= limits::EXPRESSION_DEPTH, "{depth} deep");
    written_and_read_again(&expr, depth);

    let document = rule(&text);
    let compiles = RuleSet::compile(document.clone());
    let parameters = document.rules.first().map(|rule| rule.parameters.clone()).unwrap_or_default();
    let checked = check::condition(&expr, (&parameters).into());
    assert_eq!(checked.is_ok(), compiles.is_ok(), "{checked:?} but {:?}", compiles.err());
    if checked.is_ok() {
        let _ = lint(&document);
        evaluated(document, &tags, Choices::of_bytes(parts.next().unwrap_or_default()));
    }
}

fn written_and_read_again(expr: &Expr, depth: usize) {
    let written = expr.to_string();
    match expr::parse(&written) {
        Ok(again) => assert_eq!(again.to_string(), written),
        Err(error) => assert!(
            depth > SURELY_READ_AGAIN || written.len() > limits::EXPRESSION_BYTES,
            "written as `{written}`, which is refused: {error}"
        ),
    }
}

/// Returns a rule with this condition, as `when` and as `until`.
fn rule(text: &str) -> RuleDocument {
    let mut document = document(RULE);
    for entry in
        document.rules.iter_mut().flat_map(|rule| &mut rule.groups).flat_map(|group| &mut group.states)
    {
        entry.when = text.to_owned();
        entry.until = Some(text.to_owned());
    }
    document
}

/// Folds points of the tags and of others.
fn evaluated(document: RuleDocument, tags: &BTreeSet<String>, mut choices: Choices) {
    let mut replay = Replay::new(compiled(document));
    let mut recorder = Recorder::default();
    let tags: Vec<&str> = tags.iter().map(String::as_str).chain(["unwatched"]).collect();
    let mut at_ms: i64 = 1_700_000_000_000;
    let mut values = vec![json!(1), json!(true), json!("running")];
    for _ in 0..64 {
        at_ms += choices.pick(&[1000_i64, 0, 1, 250, 60_000, 604_800_000]);
        let tag = choices.pick(&tags);
        if choices.chance(12) {
            values.push(json!(f64::from_be_bytes(choices.take(8).try_into().unwrap_or_default())));
        }
        let some =
            [json!(80.5), json!(-0.0), json!(1e308), json!(-1e308), json!(5e-324), json!(false), json!("")];
        let value = values.iter().chain(&some).nth(choices.usize(..values.len() + some.len()));
        let line = json!({"timestamp": at_ms, "equipmentId": "e", "tag": tag, "value": value});
        assert!(replay.line(line.to_string().as_bytes(), &mut recorder).is_ok());
        if choices.is_used_up() {
            break;
        }
    }
    replay.close(&mut recorder);
    assert!(form_a_chain(&recorder.transitions));
}

/// Returns whether every transition goes to another state, from that of the one before.
fn form_a_chain(transitions: &[Transition]) -> bool {
    let mut state = Some("UNKNOWN".into());
    transitions.iter().all(|transition| {
        let links = state.as_ref() == Some(&transition.from) && transition.to != state;
        state.clone_from(&transition.to);
        links
    })
}

/// Checks every node's place, gathers the tags that it names, and returns the depth of the tree.
fn walk(expr: &Expr, text: &str, tags: &mut BTreeSet<String>) -> usize {
    let span = expr.span;
    assert!(span.start < span.end && text.get(span.start..span.end).is_some(), "{span:?} of `{expr}`");
    let below: Vec<&Expr> = match &expr.kind {
        Kind::Number(number) => {
            assert!(number.is_finite());
            Vec::new()
        }
        Kind::Tag(tag) | Kind::Aggregate { tag, .. } | Kind::Absent { tag, .. } => {
            assert!(
                (1..=limits::NAME_BYTES).contains(&tag.len()) || expr::ast::is_identifier(tag),
                "the tag `{tag}`"
            );
            tags.insert(tag.clone());
            Vec::new()
        }
        Kind::Text(_) | Kind::Bool(_) | Kind::Param(_) | Kind::Attribute(_) => Vec::new(),
        Kind::Not(inner) | Kind::Negate(inner) | Kind::Abs(inner) => vec![inner],
        Kind::And(sides) | Kind::Or(sides) => sides.iter().collect(),
        Kind::Binary(_, left, right) | Kind::Compare(_, left, right) => vec![left, right],
        Kind::Conditional(condition, then, otherwise) => vec![condition, then, otherwise],
    };
    let deepest = below.into_iter().map(|side| walk(side, text, tags)).max();
    deepest.unwrap_or(0) + 1
}
