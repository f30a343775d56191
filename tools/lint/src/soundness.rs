//! What is concluded about conditions is tried out on values: random conditions, every value of a small world.

use super::region::Region;
use super::simplify::simplify;
use andon_engine::expr::check::Parameters;
use andon_engine::expr::{self, CompareOp, Expr, ExprKind};

#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum SampleValue {
    Number(f64),
    Text(&'static str),
    Bool(bool),
}

const WORLD: [Option<SampleValue>; 12] = [
    None,
    Some(SampleValue::Number(0.0)),
    Some(SampleValue::Number(0.5)),
    Some(SampleValue::Number(1.0)),
    Some(SampleValue::Number(1.5)),
    Some(SampleValue::Number(2.0)),
    Some(SampleValue::Number(2.5)),
    Some(SampleValue::Text("a")),
    Some(SampleValue::Text("k")),
    Some(SampleValue::Text("x")),
    Some(SampleValue::Bool(false)),
    Some(SampleValue::Bool(true)),
];

fn truth(value: Option<SampleValue>) -> Option<bool> {
    match value {
        Some(SampleValue::Bool(value)) => Some(value),
        _ => None,
    }
}

/// The three-valued meaning of an expression over the tags `p` and `q`.
fn value(expr: &Expr, p: Option<SampleValue>, q: Option<SampleValue>) -> Option<SampleValue> {
    let of = |expr: &Expr| value(expr, p, q);
    match &expr.kind {
        ExprKind::Number(number) => Some(SampleValue::Number(*number)),
        ExprKind::Text(text) => Some(SampleValue::Text(if text == "a" { "a" } else { "x" })),
        ExprKind::Bool(value) => Some(SampleValue::Bool(*value)),
        ExprKind::Tag(tag) => {
            if tag == "p" {
                p
            } else {
                q
            }
        }
        ExprKind::Not(inner) => truth(of(inner)).map(|value| SampleValue::Bool(!value)),
        ExprKind::And(sides) | ExprKind::Or(sides) => {
            let decides = matches!(expr.kind, ExprKind::Or(_));
            let sides: Vec<Option<bool>> = sides.iter().map(|side| truth(of(side))).collect();
            if sides.contains(&Some(decides)) {
                Some(SampleValue::Bool(decides))
            } else {
                (!sides.contains(&None)).then_some(SampleValue::Bool(!decides))
            }
        }
        ExprKind::Conditional(condition, then, otherwise) => {
            truth(of(condition)).and_then(|condition| of(if condition { then } else { otherwise }))
        }
        ExprKind::Compare(op, left, right) => {
            let (left, right) = (of(left)?, of(right)?);
            let same_type = std::mem::discriminant(&left) == std::mem::discriminant(&right);
            let ordered = !matches!(op, CompareOp::Equal | CompareOp::NotEqual);
            if !same_type || (ordered && matches!(left, SampleValue::Bool(_))) {
                return None;
            }
            Some(SampleValue::Bool(match op {
                CompareOp::Less => left < right,
                CompareOp::LessOrEqual => left <= right,
                CompareOp::Greater => left > right,
                CompareOp::GreaterOrEqual => left >= right,
                CompareOp::Equal => left == right,
                CompareOp::NotEqual => left != right,
            }))
        }
        ExprKind::Abs(inner) => match of(inner)? {
            SampleValue::Number(number) => Some(SampleValue::Number(number.abs())),
            _ => None,
        },
        kind => panic!("not generated: {kind:?}"),
    }
}

/// A small generator of random numbers (Knuth's multiplier), for tests that must not depend on anything.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn one<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }

    fn condition(&mut self, depth: u32) -> String {
        let tag = self.one(&["p", "q"]);
        let op = self.one(&["<", "<=", ">", ">=", "==", "!="]);
        match if depth == 0 { self.below(6) } else { self.below(12) } {
            0 => tag.to_owned(),
            1 => format!("{tag} {op} {}", self.one(&["p", "q"])),
            2 => format!("{tag} {op} '{}'", self.one(&["a", "x"])),
            3 => format!("{} {op} {tag}", self.one(&["0", "1", "2"])),
            4 => format!("abs({tag}) {op} {}", self.one(&["0", "1", "2"])),
            5 => format!("{tag} {op} {}", self.one(&["0", "1", "2", "1 + 1"])),
            6 => format!("!({})", self.condition(depth - 1)),
            7 => format!("({}) == {}", self.condition(depth - 1), self.one(&["true", "false"])),
            8 => {
                let (a, b, c) = (self.condition(0), self.condition(depth - 1), self.condition(depth - 1));
                format!("(({a}) ? ({b}) : ({c}))")
            }
            9 => format!("({} || {})", self.condition(depth - 1), self.condition(depth - 1)),
            _ => format!("({} && {})", self.condition(depth - 1), self.condition(depth - 1)),
        }
    }

    fn expr(&mut self) -> Expr {
        loop {
            let text = self.condition(3);
            let expr = expr::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            if expr::check::condition(&expr, (&Parameters::new()).into()).is_ok() {
                return simplify(&expr, &Parameters::new());
            }
        }
    }
}

#[test]
fn conclusions_about_conditions_hold_for_all_values() {
    let mut random =
        Random(std::env::var("ANDON_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(11));
    let (mut empty, mut within, mut apart) = (0, 0, 0);
    for _ in 0..2500 {
        let (first, second) = (random.expr(), random.expr());
        let region =
            |expr: &Expr, truth| Region::of(expr, truth).filter(|region| region.alternatives.len() < 64);
        let (Some(first_true), Some(first_false), Some(second_true)) =
            (region(&first, true), region(&first, false), region(&second, true))
        else {
            continue;
        };
        let first_in_second = first_true.is_within(&second_true);
        let not_first_in_second = first_false.is_within(&second_true);
        let disjoint = first_false.clone().and(second_true.clone()).is_some_and(|both| both.is_empty());
        empty += usize::from(first_true.is_empty()) + usize::from(first_false.is_empty());
        within += usize::from(first_in_second && !first_true.is_empty());
        apart += usize::from(disjoint && !first_false.is_empty() && !second_true.is_empty());
        for p in WORLD {
            for q in WORLD {
                let (one, two) = (truth(value(&first, p, q)), truth(value(&second, p, q)));
                let told = format!("{first}\n{second}\np {p:?} q {q:?}");
                assert!(!(first_true.is_empty() && one == Some(true)), "never true: {told}");
                assert!(!(first_false.is_empty() && one == Some(false)), "never false: {told}");
                assert!(!(first_in_second && one == Some(true) && two != Some(true)), "within: {told}");
                assert!(
                    !(not_first_in_second && one == Some(false) && two != Some(true)),
                    "not within: {told}"
                );
                assert!(!(disjoint && one == Some(false) && two == Some(true)), "disjoint: {told}");
            }
        }
    }
    assert!(empty > 20 && within > 20 && apart > 20, "{empty} {within} {apart}");
}
