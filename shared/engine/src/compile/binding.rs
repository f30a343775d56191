//! Model bindings, compiled: what is asked, of which equipments, and when.

use std::sync::Arc;

use andon_domain::ModelBinding;

use super::Code;
use crate::scope::Glob;

/// A binding and its code.
#[derive(Debug)]
pub(crate) struct CompiledBinding {
    pub code: Code,
    pub pace: Pace,
    pub globs: Vec<Glob>,
    /// As it was written.
    pub binding: Arc<ModelBinding>,
}

/// When a model is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// When an input has changed, at most once in so many ms; when none has, after so many, if at all.
    AtMostEvery { width_ms: i64, again_ms: Option<i64> },
    /// At the multiples of so many ms.
    Every(i64),
}

impl CompiledBinding {
    /// `None` for a binding that does not say when, which is refused elsewhere.
    pub(super) fn new(binding: ModelBinding, code: Code) -> Option<Self> {
        let pace = match (binding.at_most_every, binding.every) {
            (Some(width), None) => {
                let again_ms = binding.at_least_every.map(|again| again.0);
                Pace::AtMostEvery { width_ms: width.0, again_ms }
            }
            (None, Some(width)) => Pace::Every(width.0),
            _ => return None,
        };
        let globs = binding.scope.equipment.iter().filter_map(|glob| Glob::new(glob).ok()).collect();
        Some(Self { code, pace, globs, binding: Arc::new(binding) })
    }

    pub(super) fn scores(&self, equipment: &str) -> bool {
        self.globs.iter().any(|glob| glob.matches(equipment))
    }
}
