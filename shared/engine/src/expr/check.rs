//! Checks the types of expressions before any point has come.

use std::collections::BTreeMap;
use std::fmt;

use andon_domain::{Attributes, ParameterValue};

use super::{BinaryOp, CompareOp, Expr, ExprError, ExprKind};
use andon_domain::suggest::nearest;

/// The type of an expression. The type of a tag is known only at run time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A number.
    Number,
    /// A boolean.
    Bool,
    /// A text.
    Text,
    /// Any of them.
    Any,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Number => "a number",
            Self::Bool => "a boolean",
            Self::Text => "a text",
            Self::Any => "any value",
        })
    }
}

/// The parameters of a rule by name.
pub type Parameters = BTreeMap<String, ParameterValue>;

/// The types of attributes, by name; [`Type::Any`] for an attribute that has another type on another machine.
pub type AttributeTypes = BTreeMap<String, Type>;

/// The names that an expression can use besides tags.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// The parameters of its rule or binding.
    pub parameters: &'a Parameters,
    /// The attributes of all machines.
    pub attributes: &'a AttributeTypes,
}

static NO_ATTRIBUTES: AttributeTypes = AttributeTypes::new();

impl<'a> From<&'a Parameters> for Names<'a> {
    /// Returns names without attributes.
    fn from(parameters: &'a Parameters) -> Self {
        Self { parameters, attributes: &NO_ATTRIBUTES }
    }
}

impl Type {
    /// Returns the type of a parameter or attribute.
    #[must_use]
    pub const fn of(value: &ParameterValue) -> Self {
        match value {
            ParameterValue::Bool(_) => Self::Bool,
            ParameterValue::Number(_) => Self::Number,
            ParameterValue::Text(_) => Self::Text,
        }
    }
}

/// Returns the types of the attributes of all machines.
#[must_use]
pub fn attribute_types(equipment: &BTreeMap<String, Attributes>) -> AttributeTypes {
    let mut types = AttributeTypes::new();
    for (name, value) in equipment.values().flatten() {
        let of_value = Type::of(value);
        match types.get_mut(name) {
            None => {
                types.insert(name.clone(), of_value);
            }
            Some(known) if *known != of_value => *known = Type::Any,
            Some(_) => {}
        }
    }
    types
}

/// Checks that an expression is a condition.
///
/// # Errors
/// Every mistake, in the order of the text.
pub fn condition(expr: &Expr, names: Names<'_>) -> Result<(), Vec<ExprError>> {
    let mut checker = Checker { names, errors: Vec::new() };
    checker.expect(expr, Type::Bool, "a condition must be true or false");
    if checker.errors.is_empty() { Ok(()) } else { Err(checker.errors) }
}

/// Checks that an expression has a value of some type.
///
/// # Errors
/// Every mistake, in the order of the text.
pub fn value(expr: &Expr, names: Names<'_>) -> Result<(), Vec<ExprError>> {
    let mut checker = Checker { names, errors: Vec::new() };
    checker.infer(expr);
    if checker.errors.is_empty() { Ok(()) } else { Err(checker.errors) }
}

struct Checker<'a> {
    names: Names<'a>,
    errors: Vec<ExprError>,
}

impl Checker<'_> {
    fn error(&mut self, expr: &Expr, message: String) {
        self.errors.push(ExprError::new(expr.span, message));
    }

    fn expect(&mut self, expr: &Expr, wanted: Type, why: &str) {
        let found = self.infer(expr);
        if found == wanted || found == Type::Any {
            return;
        }
        self.error(expr, format!("{why}; this is {found}"));
        if let (Type::Bool, Some(error)) = (wanted, self.errors.last_mut()) {
            error.help = Some("compare it, as in `temperature > 80`".to_owned());
        }
    }

    fn infer(&mut self, expr: &Expr) -> Type {
        match &expr.kind {
            ExprKind::Number(_) | ExprKind::Aggregate { .. } => Type::Number,
            ExprKind::Text(_) => Type::Text,
            ExprKind::Bool(_) | ExprKind::Absent { .. } => Type::Bool,
            ExprKind::Tag(_) => Type::Any,
            ExprKind::Param(name) => self.parameter(expr, name),
            ExprKind::Attribute(name) => self.attribute(expr, name),
            ExprKind::Not(inner) => {
                self.expect(inner, Type::Bool, "`!` wants a boolean");
                Type::Bool
            }
            ExprKind::Negate(inner) => {
                self.expect(inner, Type::Number, "`-` wants a number");
                Type::Number
            }
            ExprKind::Abs(inner) => {
                self.expect(inner, Type::Number, "`abs` wants a number");
                Type::Number
            }
            ExprKind::And(sides) => self.sides(sides, "`&&` joins booleans"),
            ExprKind::Or(sides) => self.sides(sides, "`||` joins booleans"),
            ExprKind::Binary(op, left, right) => {
                let why = match op {
                    BinaryOp::Add => "`+` adds numbers",
                    BinaryOp::Subtract => "`-` subtracts numbers",
                    BinaryOp::Multiply => "`*` multiplies numbers",
                    BinaryOp::Divide => "`/` divides numbers",
                    BinaryOp::Remainder => "`%` wants numbers",
                };
                self.expect(left, Type::Number, why);
                self.expect(right, Type::Number, why);
                Type::Number
            }
            ExprKind::Compare(op, left, right) => {
                self.compare(expr, *op, left, right);
                Type::Bool
            }
            ExprKind::Conditional(condition, then, otherwise) => {
                self.expect(condition, Type::Bool, "before `?` stands a condition");
                let (then, otherwise) = (self.infer(then), self.infer(otherwise));
                if then == otherwise { then } else { Type::Any }
            }
        }
    }

    fn sides(&mut self, sides: &[Expr], why: &str) -> Type {
        for side in sides {
            self.expect(side, Type::Bool, why);
        }
        Type::Bool
    }

    fn compare(&mut self, expr: &Expr, op: CompareOp, left: &Expr, right: &Expr) {
        let types = (self.infer(left), self.infer(right));
        let ordered = !matches!(op, CompareOp::Equal | CompareOp::NotEqual);
        match types {
            (Type::Bool, _) | (_, Type::Bool) if ordered => {
                let chained = matches!(left.kind, ExprKind::Compare(..));
                self.error(expr, format!("booleans have no order; `{}` wants numbers or texts", op.symbol()));
                if let (true, Some(error)) = (chained, self.errors.last_mut()) {
                    error.help = Some("a range is written `10 < x && x < 20`".to_owned());
                }
            }
            (Type::Any, _) | (_, Type::Any) => {}
            (left_type, right_type) if left_type != right_type => {
                self.error(expr, format!("{left_type} is compared with {right_type}, which is never true"));
            }
            _ => {}
        }
    }

    fn parameter(&mut self, expr: &Expr, name: &str) -> Type {
        let parameters = self.names.parameters;
        if let Some(value) = parameters.get(name) {
            return Type::of(value);
        }
        let help = match nearest(name, parameters.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `params.{near}`?"),
            None if parameters.is_empty() => "there are no `parameters` here".to_owned(),
            None => format!("the parameters here are {}", listed(parameters.keys())),
        };
        self.errors.push(ExprError::new(expr.span, format!("unknown parameter `{name}`")).with_help(help));
        Type::Any
    }

    fn attribute(&mut self, expr: &Expr, name: &str) -> Type {
        let attributes = self.names.attributes;
        if let Some(known) = attributes.get(name) {
            return *known;
        }
        let help = match nearest(name, attributes.keys().map(String::as_str)) {
            Some(near) => format!("did you mean `equipment.{near}`?"),
            None if attributes.is_empty() => format!(
                "attributes stand in `equipment:` of the document; a tag of this name is written `tag('equipment.{name}')`"
            ),
            None => format!("the attributes are {}", listed(attributes.keys())),
        };
        let message = format!("no equipment has the attribute `{name}`");
        self.errors.push(ExprError::new(expr.span, message).with_help(help));
        Type::Any
    }
}

/// Maximum names in the list of a help text.
const LISTED: usize = 20;

fn listed<'a>(names: impl ExactSizeIterator<Item = &'a String>) -> String {
    let more = names.len().saturating_sub(LISTED);
    let mut text = names.take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    text
}
