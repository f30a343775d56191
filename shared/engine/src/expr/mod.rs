//! The expression language of rules: a subset of CEL's syntax over tags, parameters and windows.
//!
//! [`parse`] turns a text into an [`Expr`]. [`check::condition`] checks its types with the known names. The module
//! `eval` evaluates it.

pub mod ast;
pub mod check;
mod lexer;
mod parser;

#[cfg(test)]
mod tests;

use std::fmt;

pub use ast::{AggregateFn, BinaryOp, CompareOp, Expr, ExprKind};
pub use ast::{walk, walk_scores};
pub use parser::parse;

/// A range of bytes of an expression's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Span {
    pub(crate) fn to(self, other: Self) -> Self {
        Self { start: self.start, end: other.end }
    }
}

/// A mistake in an expression, with its place in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExprError {
    /// The place in the expression.
    pub span: Span,
    /// The text found, and the text expected.
    pub message: String,
    /// A proposal for the text, if there is one.
    pub help: Option<String>,
}

impl ExprError {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), help: None }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for ExprError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.message, self.span.start)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ExprError {}
