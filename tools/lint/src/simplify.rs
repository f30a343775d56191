//! An expression with its parameters filled in and its constants worked out.

use andon_domain::ParameterValue;

use andon_engine::expr::check::Parameters;
use andon_engine::expr::{BinaryOp, Expr, ExprKind};

pub(super) fn simplify(expr: &Expr, parameters: &Parameters) -> Expr {
    let simple = |inner: &Expr| Box::new(simplify(inner, parameters));
    let all = |sides: &[Expr]| sides.iter().map(|side| simplify(side, parameters)).collect();
    let kind = match &expr.kind {
        ExprKind::Param(name) => match parameters.get(name) {
            Some(ParameterValue::Bool(value)) => ExprKind::Bool(*value),
            Some(ParameterValue::Number(value)) => ExprKind::Number(*value),
            Some(ParameterValue::Text(value)) => ExprKind::Text(value.clone()),
            None => ExprKind::Param(name.clone()),
        },
        ExprKind::Not(inner) => match simple(inner) {
            inner if let ExprKind::Bool(value) = inner.kind => ExprKind::Bool(!value),
            inner => ExprKind::Not(inner),
        },
        ExprKind::Negate(inner) => match simple(inner) {
            inner if let ExprKind::Number(value) = inner.kind => ExprKind::Number(-value),
            inner => ExprKind::Negate(inner),
        },
        ExprKind::Abs(inner) => match simple(inner) {
            inner if let ExprKind::Number(value) = inner.kind => ExprKind::Number(value.abs()),
            inner => ExprKind::Abs(inner),
        },
        ExprKind::And(sides) => ExprKind::And(all(sides)),
        ExprKind::Or(sides) => ExprKind::Or(all(sides)),
        ExprKind::Binary(op, left, right) => {
            let (left, right) = (simple(left), simple(right));
            match constant(*op, &left, &right) {
                Some(value) => ExprKind::Number(value),
                None => ExprKind::Binary(*op, left, right),
            }
        }
        ExprKind::Compare(op, left, right) => ExprKind::Compare(*op, simple(left), simple(right)),
        ExprKind::Conditional(condition, then, otherwise) => {
            let condition = simple(condition);
            match condition.kind {
                ExprKind::Bool(true) => return Expr { span: expr.span, ..simplify(then, parameters) },
                ExprKind::Bool(false) => return Expr { span: expr.span, ..simplify(otherwise, parameters) },
                _ => ExprKind::Conditional(condition, simple(then), simple(otherwise)),
            }
        }
        kind => kind.clone(),
    };
    Expr { kind, span: expr.span }
}

fn constant(op: BinaryOp, left: &Expr, right: &Expr) -> Option<f64> {
    let (ExprKind::Number(left), ExprKind::Number(right)) = (&left.kind, &right.kind) else { return None };
    let value = match op {
        BinaryOp::Add => left + right,
        BinaryOp::Subtract => left - right,
        BinaryOp::Multiply => left * right,
        BinaryOp::Divide => left / right,
        BinaryOp::Remainder => left % right,
    };
    value.is_finite().then_some(value)
}
