//! The features of a binding: the inputs of its score requests on history, as rows of numbers.

use std::path::PathBuf;
use std::sync::Arc;

use andon_domain::{ModelBinding, OperandValue, ScoreRequest, Transition};
use andon_engine::{CompiledRules, RuleSet};

use crate::failure::Failure;
use crate::lines::{self, Block};
use crate::replay::{RequestLog, Session, TransitionLog};
use crate::terminal::Terminal;

/// The score requests of a history, which hold the features, and its state changes.
pub(super) struct Features {
    pub(super) requests: Vec<ScoreRequest>,
    pub(super) transitions: Vec<Transition>,
}

/// Replays history and keeps its score requests.
pub(super) fn compute(set: RuleSet, events: &[PathBuf], terminal: &Terminal) -> Result<Features, Failure> {
    let observers = (TransitionLog::new(false), RequestLog::default());
    let mut session = Session::new(CompiledRules::new(set), observers);
    let progress = terminal.progress(lines::total_bytes(events));
    progress.set_message("features");
    for path in events {
        let on_bytes = |bytes| progress.inc(bytes);
        lines::read(path, on_bytes, |block| {
            match block {
                Block::Lines(lines) => session.lines(lines)?,
                Block::TooLong => session.too_long(),
            }
            Ok(())
        })?;
    }
    session.close();
    progress.finish_and_clear();
    let (_, (transitions, mut requests)) = session.into_parts();
    Ok(Features { requests: requests.take(), transitions: transitions.into_transitions() })
}

/// Returns the names of a binding's inputs.
pub(super) fn names(binding: &ModelBinding) -> Vec<String> {
    binding.inputs.iter().map(|input| input.name.clone()).collect()
}

/// Returns the inputs of a request as numbers; booleans are 0 and 1.
pub(super) fn row(request: &ScoreRequest) -> Result<Vec<f64>, Failure> {
    let number = |value: &OperandValue| match value {
        OperandValue::Number(number) => Ok(*number),
        OperandValue::Bool(value) => Ok(f64::from(u8::from(*value))),
        OperandValue::Text(text) => Err(Failure::Message(format!(
            "an input of `{}` is the text `{}`; expected a number or a boolean: these models take no texts (compare it, as in \
             `state == 'running'`)",
            request.model,
            andon_domain::text::escape_control_chars(text)
        ))),
    };
    request.inputs.iter().map(number).collect()
}

/// Returns the binding with an id.
pub(super) fn binding(set: &RuleSet, id: &str) -> Result<Arc<ModelBinding>, Failure> {
    let found = set.bindings().find(|binding| binding.id == id).cloned();
    found.ok_or_else(|| {
        let known: Vec<String> = set.bindings().map(|binding| format!("`{}`", binding.id)).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Failure::Message(format!(
            "no binding `{}` in the rule files; there are: {known}",
            andon_domain::text::escape_control_chars(id)
        ))
    })
}
