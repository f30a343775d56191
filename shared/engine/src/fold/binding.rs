//! Model bindings: when a model is asked, and what. What it means is said in `docs/models.md`.
//!
//! A binding stands behind the rules in everything that is numbered, so that whatever lists rules to be evaluated, or
//! times at which they are due, serves bindings too, and costs nothing where there are none.

use std::collections::BTreeMap;
use std::sync::Arc;

use andon_domain::fnv::Fnv128;
use andon_domain::{ModelBinding, OperandValue, ScoreRequest, limits};
use compact_str::CompactString;

use super::timers::NEVER_MS;
use super::{KeyState, Outcome, Scratch};
use crate::compile::plan::ReevaluateOn;
use crate::compile::{CompiledBinding, Pace, Plan, RuleContext, binding_meaning};
use crate::eval::{EvalContext, EvalValue, Trigger};

/// A question to a model, decided by the fold.
///
/// Its identity is (model, equipment, time); the same identity always carries the same content.
#[derive(Clone, Debug, PartialEq)]
pub struct BoundScoreRequest {
    /// The binding by which it is asked, as it stands in the rule set that was in force.
    pub binding: Arc<ModelBinding>,
    /// What is asked.
    pub question: ScoreRequest,
}

/// What a binding remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BindingState {
    /// When the model was asked last, ms, also by an earlier form of the binding.
    pub asked_ms: Option<i64>,
    /// What it was asked then: the digest of the inputs. Kept only where it decides, and only of the binding as it is.
    pub inputs: Option<u128>,
    /// When it is to be looked at again, ms; [`NEVER_MS`] if it is not.
    pub due_ms: i64,
    /// The last instant for which it was listed; means nothing between records.
    pub listed: u64,
}

impl Default for BindingState {
    fn default() -> Self {
        Self { asked_ms: None, inputs: None, due_ms: NEVER_MS, listed: 0 }
    }
}

/// A digest of inputs that tells apart what the language tells apart.
///
/// A state keeps it in the place of the inputs themselves, which may be 64 texts of 4 KiB each. Inputs that differ do
/// not meet by accident in 128 bits. A sender that makes them meet on purpose only keeps a change of its own sensor from
/// being scored, which it could also do by not sending it.
#[derive(Clone, Copy, Default)]
struct Digest(Fnv128);

impl Digest {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    /// Adds an input, which must be known.
    fn add(&mut self, value: EvalValue<'_>) {
        match value {
            EvalValue::Unknown => self.bytes(&[0]),
            EvalValue::Bool(value) => self.bytes(&[1, u8::from(value)]),
            EvalValue::Number(number) => {
                self.bytes(&[2]);
                // Minus zero is zero.
                self.bytes(&(number + 0.0).to_bits().to_le_bytes());
            }
            EvalValue::Text(text) => {
                self.bytes(&[3]);
                self.bytes(&text.len().to_le_bytes());
                self.bytes(text.as_bytes());
            }
        }
    }
}

/// Lists the bindings that name a tag, and answers the attention that its rules need.
#[inline(never)]
pub(super) fn list(
    plan: &Plan,
    slot: u32,
    states: &mut [BindingState],
    scratch: &mut Scratch,
) -> ReevaluateOn {
    let Some((attention, bindings)) = plan.asked(slot) else { return ReevaluateOn::Points };
    for binding in bindings {
        let Some(state) = states.get_mut(*binding as usize) else { continue };
        if std::mem::replace(&mut state.listed, scratch.instant) != scratch.instant {
            scratch.rules.push(behind_rules(plan, *binding as usize));
        }
    }
    attention
}

/// The position of a binding among rules and bindings.
pub(super) fn behind_rules(plan: &Plan, binding: usize) -> u32 {
    u32::try_from(plan.rules.len() + binding).unwrap_or(u32::MAX)
}

/// Drops all but the newest requests of a record.
pub(super) fn drop_older(outcome: &mut Outcome, before: usize) {
    let surplus = (outcome.requests.len() - before).saturating_sub(limits::REQUESTS_PER_RECORD);
    outcome.requests.drain(before..before + surplus);
    outcome.requests_dropped += surplus as u64;
}

impl KeyState {
    /// Looks at a binding, by its position among rules and bindings: asks the model, or sets when to look again.
    pub(super) fn look(&mut self, position: u32, t_ms: i64, moment: Trigger, outcome: &mut Outcome) {
        let plan = &self.rules.plan;
        let Some(index) = (position as usize).checked_sub(plan.rules.len()) else { return };
        let Some(plan_binding) = plan.bindings.get(index) else { return };
        let Some(compiled) = self.rules.set.bindings.get(plan_binding.binding as usize) else { return };
        let Some(state) = self.bindings.get_mut(index) else { return };
        let scene = EvalContext {
            code: &compiled.code,
            slots: plan.slots_of_binding(plan_binding, compiled),
            tags: &self.tags,
            windows: &self.windows,
            specs: &plan.windows,
            attributes: &self.rules.attributes,
            t_ms,
            moment,
            first_instant_ms: self.first_instant_ms,
        };
        let due_ms = std::mem::replace(&mut state.due_ms, NEVER_MS);
        let mut inputs = None;
        match compiled.pace {
            Pace::Every(width_ms) if moment == Trigger::Instant => {
                state.due_ms =
                    if due_ms == NEVER_MS { grid_ms(t_ms, width_ms, state.asked_ms) } else { due_ms };
            }
            Pace::Every(_) => inputs = known(compiled, &scene),
            Pace::AtMostEvery { width_ms, again_ms } => {
                let since_ms = state.asked_ms.map(|asked_ms| t_ms - asked_ms);
                let is_old = |least_ms| since_ms.is_none_or(|since_ms| since_ms >= least_ms);
                match (digest(compiled, &scene), state.asked_ms) {
                    (None, _) => {}
                    (digest, _) if digest == state.inputs => {
                        if again_ms.is_some_and(is_old) {
                            inputs = known(compiled, &scene);
                        }
                    }
                    (Some(_), Some(asked_ms)) if !is_old(width_ms) => {
                        state.due_ms = asked_ms.saturating_add(width_ms);
                    }
                    (digest, _) => {
                        state.inputs = digest;
                        inputs = known(compiled, &scene);
                    }
                }
            }
        }
        self.timers.set(position, state.due_ms);
        if let Some(inputs) = inputs {
            state.asked_ms = Some(t_ms);
            outcome.requests.push(BoundScoreRequest {
                binding: Arc::clone(&compiled.binding),
                question: ScoreRequest {
                    model: CompactString::new(&compiled.binding.id),
                    version: compiled.binding.version,
                    equipment_id: self.equipment.clone(),
                    at: t_ms,
                    inputs,
                },
            });
        }
    }

    /// Sets the timers of bindings from the state alone.
    pub(crate) fn arm_bindings(&mut self) {
        for (index, state) in self.bindings.iter().enumerate() {
            self.timers.set(behind_rules(&self.rules.plan, index), state.due_ms);
        }
    }

    /// Takes over what the bindings of the old set remember; answers the positions of those that are to be looked at.
    ///
    /// When a model was asked last stays with its id whatever happens to its binding: otherwise a binding that changes,
    /// or that goes and comes back, could ask twice at one time.
    pub(super) fn keep_bindings(&mut self, old: &Self) -> Vec<u32> {
        let mut before: BTreeMap<&str, (&CompiledBinding, &BindingState)> = BTreeMap::new();
        for (plan_binding, state) in old.rules.plan.bindings.iter().zip(&old.bindings) {
            if let Some(compiled) = old.rules.set.bindings.get(plan_binding.binding as usize) {
                before.insert(&compiled.binding.id, (compiled, state));
            }
        }
        let plan = Arc::clone(&self.rules.plan);
        let set = Arc::clone(&self.rules.set);
        let facts = RuleContext { set: &set, attributes: &self.rules.attributes };
        let mut to_look_at = Vec::new();
        for (index, (plan_binding, state)) in plan.bindings.iter().zip(&mut self.bindings).enumerate() {
            let Some(compiled) = set.bindings.get(plan_binding.binding as usize) else { continue };
            let id = compiled.binding.id.as_str();
            match before.remove(id) {
                Some((former, former_state))
                    if binding_meaning(old.facts(), &former.binding)
                        == binding_meaning(facts, &compiled.binding) =>
                {
                    *state = former_state.clone();
                }
                Some((_, former_state)) => {
                    state.asked_ms = former_state.asked_ms;
                    to_look_at.push(behind_rules(&plan, index));
                }
                None => {
                    state.asked_ms = self.asked.remove(id);
                    to_look_at.push(behind_rules(&plan, index));
                }
            }
        }
        for (id, (_, state)) in before {
            if let Some(asked_ms) = state.asked_ms {
                self.asked.insert(id.into(), asked_ms);
            }
        }
        self.arm_bindings();
        to_look_at
    }
}

/// The first time of a grid that is not before `t_ms`, nor one at which the model was asked already.
fn grid_ms(t_ms: i64, width_ms: i64, asked_ms: Option<i64>) -> i64 {
    let behind_ms = t_ms.rem_euclid(width_ms);
    let at_ms = if behind_ms == 0 { t_ms } else { t_ms.saturating_add(width_ms - behind_ms) };
    if asked_ms == Some(at_ms) { at_ms.saturating_add(width_ms) } else { at_ms }
}

/// The digest of the inputs, if all are known.
fn digest(binding: &CompiledBinding, scene: &EvalContext<'_>) -> Option<u128> {
    let mut digest = Digest::default();
    for input in &binding.code.inputs {
        match scene.value(*input) {
            EvalValue::Unknown => return None,
            value => digest.add(value),
        }
    }
    Some(digest.0.finish())
}

/// The inputs, if all are known.
fn known(binding: &CompiledBinding, scene: &EvalContext<'_>) -> Option<Vec<OperandValue>> {
    let inputs = binding.code.inputs.iter().map(|input| match scene.value(*input) {
        EvalValue::Unknown => None,
        EvalValue::Bool(value) => Some(OperandValue::Bool(value)),
        EvalValue::Number(number) => Some(OperandValue::Number(number + 0.0)),
        EvalValue::Text(text) => Some(OperandValue::Text(text.to_owned())),
    });
    inputs.collect()
}
