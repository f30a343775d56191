//! Warnings for rules that are legal but surely wrong.

use andon_model::{Finding, RuleDocument};

/// What is doubtful in a document whose rules all compile.
#[must_use]
pub fn lint(_document: &RuleDocument) -> Vec<Finding> {
    Vec::new()
}
