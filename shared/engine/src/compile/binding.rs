//! Model bindings, compiled: the inputs of a score request, its machines and its times.

use std::sync::Arc;

use andon_domain::ModelBinding;

use super::Code;
use crate::scope::Glob;

/// A binding with its code.
#[derive(Debug)]
pub(crate) struct CompiledBinding {
    pub code: Code,
    pub pace: Pace,
    pub globs: Vec<Glob>,
    /// The binding as it was written.
    pub binding: Arc<ModelBinding>,
}

/// The times of the score requests of a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// When an input changed, at most once in `width_ms`; without a change after `again_ms`, if given.
    AtMostEvery { width_ms: i64, again_ms: Option<i64> },
    /// At the multiples of a number of ms.
    Every(i64),
}

impl CompiledBinding {
    /// Returns `None` for a binding without a period, or with two. Validation reports it.
    pub(super) fn new(binding: ModelBinding, code: Code) -> Option<Self> {
        let pace = match (binding.at_most_every, binding.every) {
            (Some(width), None) => {
                let again_ms = binding.at_least_every.map(|again| again.0);
                Pace::AtMostEvery { width_ms: width.0, again_ms }
            }
            (None, Some(width)) => Pace::Every(width.0),
            _ => return None,
        };
        // Validation reports globs that do not compile.
        let globs = binding.scope.equipment.iter().filter_map(|glob| Glob::new(glob).ok()).collect();
        Some(Self { code, pace, globs, binding: Arc::new(binding) })
    }

    /// Returns whether the binding scores an equipment.
    pub(super) fn scores(&self, equipment: &str) -> bool {
        self.globs.iter().any(|glob| glob.matches(equipment))
    }
}
