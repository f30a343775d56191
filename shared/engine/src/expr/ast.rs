//! The syntax tree of an expression.

use std::fmt;

use andon_domain::score::TAG_PREFIX;

use super::Span;

/// An expression with its place in the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// Its kind.
    pub kind: ExprKind,
    /// Its place.
    pub span: Span,
}

impl Expr {
    /// Returns the tag, if this node names one by itself.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        match &self.kind {
            ExprKind::Tag(tag) | ExprKind::Aggregate { tag, .. } | ExprKind::Absent { tag, .. } => Some(tag),
            _ => None,
        }
    }
}

/// The kinds of expressions. No tree is deeper than [`andon_domain::limits::EXPRESSION_DEPTH`].
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// `true` or `false`.
    Bool(bool),
    /// The newest value of a tag.
    Tag(String),
    /// `params.NAME`.
    Param(String),
    /// `equipment.NAME`: an attribute of the equipment, constant for it.
    Attribute(String),
    /// `!x`.
    Not(Box<Expr>),
    /// `-x`.
    Negate(Box<Expr>),
    /// `a && b && ..`: two or more.
    And(Vec<Expr>),
    /// `a || b || ..`: two or more.
    Or(Vec<Expr>),
    /// Arithmetic.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// A comparison.
    Compare(CompareOp, Box<Expr>, Box<Expr>),
    /// `condition ? then : otherwise`.
    Conditional(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `abs(x)`.
    Abs(Box<Expr>),
    /// An aggregate over the points of a tag in a window.
    Aggregate {
        /// The function.
        function: AggregateFn,
        /// The tag.
        tag: String,
        /// The window's width, ms.
        window_ms: i64,
    },
    /// `absent(tag, 'd')`.
    Absent {
        /// The tag.
        tag: String,
        /// The least age of its newest point, ms.
        wait_ms: i64,
    },
}

/// Arithmetic operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`, with the dividend's sign
    Remainder,
}

/// Comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CompareOp {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

/// Aggregates over a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AggregateFn {
    /// Mean of the points' values.
    Avg,
    /// Least value.
    Min,
    /// Greatest value.
    Max,
    /// Sum of the values.
    Sum,
    /// Number of points.
    Count,
    /// Standard deviation of the population.
    Stddev,
    /// Newest value minus oldest.
    Delta,
    /// Delta per second between the two points' own timestamps.
    Rate,
    /// Number of points that differ from the tag's point before them.
    Changes,
}

impl AggregateFn {
    /// All functions, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::Avg,
        Self::Min,
        Self::Max,
        Self::Sum,
        Self::Count,
        Self::Stddev,
        Self::Delta,
        Self::Rate,
        Self::Changes,
    ];

    /// Returns its written form.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Avg => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::Sum => "sum",
            Self::Count => "count",
            Self::Stddev => "stddev",
            Self::Delta => "delta",
            Self::Rate => "rate",
            Self::Changes => "changes",
        }
    }
}

impl BinaryOp {
    /// Returns its written form.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

impl CompareOp {
    /// Returns its written form.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }

    /// Returns the comparison with its sides exchanged: `a < b` is `b > a`.
    #[must_use]
    pub const fn flipped(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::Equal => Self::Equal,
            Self::NotEqual => Self::NotEqual,
        }
    }
}

/// The reserved words of CEL: a tag of this name is written `tag('in')`.
pub const RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "false",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "null",
    "package",
    "params",
    "return",
    "true",
    "var",
    "void",
];

/// Returns whether a tag can be written without `tag('..')`.
#[must_use]
pub fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !RESERVED.contains(&name)
        && name != "while"
}

/// Visits all nodes of an expression, from the top.
pub fn walk<'e>(expr: &'e Expr, visit: &mut impl FnMut(&'e Expr)) {
    visit(expr);
    match &expr.kind {
        ExprKind::Not(inner) | ExprKind::Negate(inner) | ExprKind::Abs(inner) => walk(inner, visit),
        ExprKind::And(sides) | ExprKind::Or(sides) => sides.iter().for_each(|side| walk(side, visit)),
        ExprKind::Binary(_, left, right) | ExprKind::Compare(_, left, right) => {
            walk(left, visit);
            walk(right, visit);
        }
        ExprKind::Conditional(condition, then, otherwise) => {
            walk(condition, visit);
            walk(then, visit);
            walk(otherwise, visit);
        }
        ExprKind::Number(_)
        | ExprKind::Text(_)
        | ExprKind::Bool(_)
        | ExprKind::Tag(_)
        | ExprKind::Param(_)
        | ExprKind::Attribute(_)
        | ExprKind::Aggregate { .. }
        | ExprKind::Absent { .. } => {}
    }
}

/// Calls `visit` with the model and the node of every score that the expression names.
pub fn walk_scores<'e>(expr: &'e Expr, visit: &mut impl FnMut(&'e str, &'e Expr)) {
    walk(expr, &mut |expr| {
        if let Some(id) = expr.tag().and_then(|tag| tag.strip_prefix(TAG_PREFIX)) {
            visit(id, expr);
        }
    });
}

/// Writes a text in single quotes, as the language reads it.
pub(crate) fn write_text(f: &mut impl fmt::Write, text: &str) -> fmt::Result {
    f.write_char('\'')?;
    for c in text.chars() {
        match c {
            '\'' => f.write_str("\\'")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            c if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('\'')
}

/// Writes a tag as in an expression.
pub(crate) fn write_tag(f: &mut impl fmt::Write, tag: &str) -> fmt::Result {
    if is_identifier(tag) {
        return f.write_str(tag);
    }
    let (call, name) = match tag.strip_prefix("ml.") {
        Some(model) if !model.is_empty() => ("score(", model),
        _ => ("tag(", tag),
    };
    f.write_str(call)?;
    write_text(f, name)?;
    f.write_char(')')
}

/// Writes the canonical form: two expressions with equal trees have the same text.
impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn joined(f: &mut fmt::Formatter<'_>, sides: &[Expr], symbol: &str) -> fmt::Result {
            f.write_str("(")?;
            for (index, side) in sides.iter().enumerate() {
                if index > 0 {
                    write!(f, " {symbol} ")?;
                }
                write!(f, "{side}")?;
            }
            f.write_str(")")
        }
        match &self.kind {
            ExprKind::Number(number) => write!(f, "{number}"),
            ExprKind::Text(text) => write_text(f, text),
            ExprKind::Bool(value) => write!(f, "{value}"),
            ExprKind::Tag(tag) => write_tag(f, tag),
            ExprKind::Param(name) => write!(f, "params.{name}"),
            ExprKind::Attribute(name) => write!(f, "equipment.{name}"),
            ExprKind::Not(inner) => write!(f, "!{inner}"),
            ExprKind::Negate(inner) => write!(f, "-({inner})"),
            ExprKind::And(sides) => joined(f, sides, "&&"),
            ExprKind::Or(sides) => joined(f, sides, "||"),
            ExprKind::Binary(op, left, right) => write!(f, "({left} {} {right})", op.symbol()),
            ExprKind::Compare(op, left, right) => write!(f, "({left} {} {right})", op.symbol()),
            ExprKind::Conditional(condition, then, otherwise) => {
                write!(f, "({condition} ? {then} : {otherwise})")
            }
            ExprKind::Abs(inner) => write!(f, "abs({inner})"),
            ExprKind::Aggregate { function, tag, window_ms } => {
                write!(f, "{}(", function.name())?;
                write_tag(f, tag)?;
                write!(f, ", '{}')", andon_domain::Millis(*window_ms))
            }
            ExprKind::Absent { tag, wait_ms } => {
                f.write_str("absent(")?;
                write_tag(f, tag)?;
                write!(f, ", '{}')", andon_domain::Millis(*wait_ms))
            }
        }
    }
}
