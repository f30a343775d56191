//! The features of a binding: what a model would be asked on history, as rows of numbers.

use std::path::PathBuf;
use std::sync::Arc;

use andon_engine::replay::{Replay, Sink};
use andon_engine::{CompiledRules, Request, RuleSet};
use andon_model::{ModelBinding, OperandValue, ScoreRequest, Transition};

use crate::Failure;
use crate::lines::{self, Block};
use crate::terminal::Terminal;

/// What the bindings of a rule set would be asked, and what the rules said.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) questions: Vec<ScoreRequest>,
    pub(super) transitions: Vec<Transition>,
}

impl Sink for Gathered {
    fn transition(&mut self, mut transition: Transition) {
        transition.explanation = None;
        self.transitions.push(transition);
    }

    fn request(&mut self, request: Request) {
        self.questions.push(request.question);
    }
}

/// Replays history and gathers what would be asked.
pub(super) fn gather(set: RuleSet, events: &[PathBuf], terminal: &Terminal) -> Result<Gathered, Failure> {
    let mut replay = Replay::new(CompiledRules::new(set));
    let mut gathered = Gathered::default();
    let progress = terminal.progress(lines::total_bytes(events));
    progress.set_message("features");
    for path in events {
        let input = lines::open(path, |bytes| progress.inc(bytes))
            .map_err(|error| Failure::Said(error.to_string()))?;
        let read = lines::for_each_block(input, |block| {
            match block {
                Block::Lines(mut lines) => {
                    while !lines.is_empty() {
                        lines = replay.first_line(lines, &mut gathered)?;
                    }
                }
                Block::TooLong => replay.too_long(&mut gathered),
            }
            Ok::<(), Failure>(())
        })?;
        read.map_err(|error| Failure::Said(format!("cannot read `{}`: {error}", path.display())))?;
    }
    replay.close(&mut gathered);
    progress.finish_and_clear();
    Ok(gathered)
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
            crate::terminal::harmless(text)
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
            crate::terminal::harmless(id)
        ))
    })
}
