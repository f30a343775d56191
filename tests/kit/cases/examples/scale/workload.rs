//! The measured workload: W1, and rules besides it.

use std::hint::black_box;

use andon_domain::{RuleDocument, Transition};
use andon_engine::replay::{Replay, Sink};
use andon_engine::{AddSetError, CompiledRules, RuleSet};
use andon_kit_cases::w1::W1;

use crate::Result;

/// A sink that drops everything.
struct Quiet;

impl Sink for Quiet {
    fn transition(&mut self, transition: Transition) {
        black_box(transition);
    }
}

pub(crate) fn compiled(document: RuleDocument) -> Result<CompiledRules> {
    Ok(CompiledRules::new(RuleSet::compile(document).map_err(AddSetError::Invalid)?))
}

pub(crate) fn lines_of(w1: &W1) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    w1.write_points(&mut bytes)?;
    Ok(bytes)
}

pub(crate) fn feed<'a>(replay: &mut Replay, lines: impl IntoIterator<Item = &'a [u8]>) -> Result<()> {
    lines.into_iter().try_for_each(|line| Ok(replay.line(line, &mut Quiet)?))
}

pub(crate) fn split(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

/// Returns the rules of W1, and further rules that a point of W1 never touches. `elsewhere` watches other machines, each
/// by its name; `globs` watches other machines by a glob for every five rules; `beside` watches the same machines, but
/// other tags.
pub(crate) fn rules(shape: &str, count: usize) -> Result<impl Iterator<Item = andon_domain::Rule>> {
    let (beside, end) = match shape {
        "elsewhere" => (false, ""),
        "globs" => (false, "*"),
        "beside" => (true, ""),
        _ => return Err(format!("no such shape: `{shape}`").into()),
    };
    let document = W1::default().rules();
    let pattern = document.rules.last().cloned().ok_or("W1 has no rules")?;
    let machines = W1::default().equipment_ids();
    let more = (document.rules.len()..count).map(move |number| {
        let mut rule = pattern.clone();
        rule.id = format!("r{number:06}");
        let (turn, place) = (number / machines.len(), number % machines.len());
        if beside {
            rule.scope.equipment = machines.get(place).cloned().into_iter().collect();
            // At most 9,000 tags: a set names at most 10,000, and the rules of W1 name four.
            let (first, second) = (turn * 2 % 9_000, turn * 2 % 9_000 + 1);
            for entry in rule.groups.iter_mut().flat_map(|group| &mut group.states) {
                entry.when = format!("aux_{first:04} > 80.00 && aux_{second:04} > 5.00");
            }
        } else {
            rule.scope.equipment = vec![format!("machine-{:06}{end}", number / 5)];
        }
        rule
    });
    Ok(document.rules.into_iter().chain(more))
}

pub(crate) fn document(shape: &str, count: usize) -> Result<RuleDocument> {
    let settings = W1::default().rules().settings;
    Ok(RuleDocument { settings, rules: rules(shape, count)?.collect(), ..RuleDocument::default() })
}
