//! The features of a binding: what a model would be asked on history, as rows of numbers.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use andon_domain::{ModelBinding, OperandValue, ScoreRequest, Transition};
use andon_engine::{CompiledRules, RuleSet};

use crate::Failure;
use crate::lines::{self, Block};
use crate::replay::session::Session;
use crate::terminal::Terminal;

/// What the bindings of a rule set would be asked, and what the rules said.
pub(super) struct Gathered {
    pub(super) questions: Vec<ScoreRequest>,
    pub(super) transitions: Vec<Transition>,
}

/// Replays history and gathers what would be asked.
pub(super) fn gather(set: RuleSet, events: &[PathBuf], terminal: &Terminal) -> Result<Gathered, Failure> {
    let mut session = Session::new(CompiledRules::new(set), false);
    session.keep();
    session.keep_asked();
    let progress = terminal.progress(lines::total_bytes(events));
    progress.set_message("features");
    for path in events {
        let on_bytes = |bytes| progress.inc(bytes);
        lines::read(path, on_bytes, |block| {
            match block {
                Block::Lines(lines) => session.lines(lines, &mut io::sink())?,
                Block::TooLong => session.too_long(),
            }
            Ok(())
        })?;
    }
    session.close(&mut io::sink());
    progress.finish_and_clear();
    Ok(Gathered { questions: session.take_asked(), transitions: session.kept().to_vec() })
}

/// The names of a binding's inputs.
pub(super) fn names(binding: &ModelBinding) -> Vec<String> {
    binding.inputs.iter().map(|input| input.name.clone()).collect()
}

/// The row of a question: booleans are 0 and 1.
pub(super) fn row(question: &ScoreRequest) -> Result<Vec<f64>, Failure> {
    let number = |value: &OperandValue| match value {
        OperandValue::Number(number) => Ok(*number),
        OperandValue::Bool(value) => Ok(f64::from(u8::from(*value))),
        OperandValue::Text(text) => Err(Failure::Said(format!(
            "an input of `{}` is the text `{}`; expected a number or a boolean: these models know no text (compare it, as in \
             `state == 'running'`)",
            question.model,
            andon_domain::text::escape_control_chars(text)
        ))),
    };
    question.inputs.iter().map(number).collect()
}

/// The binding of an id.
pub(super) fn binding(set: &RuleSet, id: &str) -> Result<Arc<ModelBinding>, Failure> {
    let found = set.bindings().find(|binding| binding.id == id).cloned();
    found.ok_or_else(|| {
        let known: Vec<String> = set.bindings().map(|binding| format!("`{}`", binding.id)).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Failure::Said(format!(
            "no binding `{}` in the rule files; there are: {known}",
            andon_domain::text::escape_control_chars(id)
        ))
    })
}
