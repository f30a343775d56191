//! Model bindings: the times and contents of score requests. `docs/models.md` gives their semantics.
//!
//! Bindings are numbered behind the rules. So the lists of rules to evaluate, and the timers of rules, serve bindings
//! too, and cost nothing without bindings.

use std::collections::BTreeMap;
use std::sync::Arc;

use andon_domain::fnv::Fnv128;
use andon_domain::{ModelBinding, OperandValue, ScoreRequest, limits, never};
use compact_str::CompactString;

use super::timers::NEVER_MS;
use super::{KeyState, Outcome, Scratch};
use crate::compile::plan::ReevaluateOn;
use crate::compile::{CompiledBinding, Pace, Plan, RuleContext, binding_meaning};
use crate::eval::{EvalContext, EvalValue, Trigger};
use crate::position::{at, at_mut, position};

/// A score request with its binding, decided by the fold.
///
/// Its identity is (model, equipment, time). The same identity always carries the same content.
#[derive(Clone, Debug, PartialEq)]
pub struct BoundScoreRequest {
    /// The binding, as it stands in the rule set in force.
    pub binding: Arc<ModelBinding>,
    /// The request.
    pub request: ScoreRequest,
}

/// The state of a binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BindingState {
    /// The time of the last score request, ms; also of an earlier version of the binding.
    pub requested_ms: Option<i64>,
    /// The digest of the inputs of that request. It is kept only for bindings with `at_most_every`, and only of the
    /// current version of the binding.
    pub inputs: Option<u128>,
    /// The time of the next evaluation by a timer, ms; [`NEVER_MS`] without a timer.
    pub due_ms: i64,
    /// The last instant that listed the binding. It has no meaning between records.
    pub listed: u64,
}

impl Default for BindingState {
    fn default() -> Self {
        Self { requested_ms: None, inputs: None, due_ms: NEVER_MS, listed: 0 }
    }
}

/// A digest of inputs. Inputs that the language distinguishes have different digests.
///
/// A state keeps it in place of the inputs themselves, which may be 64 texts of 4 KiB each. 128 bits exclude accidental
/// collisions. A sender that causes a collision on purpose only suppresses a score of its own sensor; it could also
/// suppress the point.
#[derive(Clone, Copy, Default)]
struct Digest(Fnv128);

impl Digest {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    /// Adds a known input.
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

/// Lists the bindings that name a tag, and returns the need of the tag's rules.
#[inline(never)]
pub(super) fn list(
    plan: &Plan,
    slot: u32,
    states: &mut [BindingState],
    scratch: &mut Scratch,
) -> ReevaluateOn {
    let (rules_reevaluate_on, bindings) = plan.bindings_of(slot);
    for binding in bindings {
        let Some(state) = at_mut(states, *binding, "binding of a tag") else { continue };
        if std::mem::replace(&mut state.listed, scratch.instant) != scratch.instant {
            scratch.rules.push(behind_rules(plan, *binding as usize));
        }
    }
    rules_reevaluate_on
}

/// Returns the position of a binding among rules and bindings.
pub(super) fn behind_rules(plan: &Plan, binding: usize) -> u32 {
    position(plan.rules.len() + binding)
}

/// Drops all but the newest requests of a record.
pub(super) fn drop_older(outcome: &mut Outcome, before: usize) {
    let surplus = (outcome.requests.len() - before).saturating_sub(limits::REQUESTS_PER_RECORD);
    outcome.requests.drain(before..before + surplus);
    outcome.requests_dropped += surplus as u64;
}

impl KeyState {
    /// Evaluates a binding, by its position among rules and bindings: makes a score request, or sets a timer.
    pub(super) fn evaluate_binding(
        &mut self,
        number: u32,
        t_ms: i64,
        trigger: Trigger,
        outcome: &mut Outcome,
    ) {
        let plan = &self.rules.plan;
        let Some(index) = number.checked_sub(position(plan.rules.len())) else {
            return never!("rule {number} of {} is evaluated as a binding", plan.rules.len());
        };
        let Some(plan_binding) = at(&plan.bindings, index, "binding") else { return };
        let set = &self.rules.set;
        let Some(compiled) = at(&set.bindings, plan_binding.binding, "binding of the plan") else { return };
        let Some(state) = at_mut(&mut self.bindings, index, "state of binding") else { return };
        let context = self.rules.context(
            &compiled.code,
            plan.slots_of_binding(plan_binding, compiled),
            (&self.tags, &self.windows),
            self.first_instant_ms,
            (t_ms, trigger),
        );
        let inputs = state.step(compiled, &context);
        self.timers.set(number, state.due_ms);
        if let Some(inputs) = inputs {
            state.requested_ms = Some(t_ms);
            outcome.requests.push(BoundScoreRequest {
                binding: Arc::clone(&compiled.binding),
                request: ScoreRequest {
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

    /// Takes over the state of the old set's bindings. Returns the positions of new and changed ones, to be evaluated.
    ///
    /// The time of the last request stays with the id of the binding. Otherwise a binding that changes, or that goes
    /// and comes back, could make two requests at one time.
    pub(super) fn keep_bindings(&mut self, old: &Self) -> Vec<u32> {
        let mut before: BTreeMap<&str, (&CompiledBinding, &BindingState)> = BTreeMap::new();
        for (plan_binding, state) in old.rules.plan.bindings.iter().zip(&old.bindings) {
            if let Some(compiled) = at(&old.rules.set.bindings, plan_binding.binding, "old binding") {
                before.insert(&compiled.binding.id, (compiled, state));
            }
        }
        let plan = Arc::clone(&self.rules.plan);
        let set = Arc::clone(&self.rules.set);
        let context = RuleContext { set: &set, attributes: &self.rules.attributes };
        let mut to_evaluate = Vec::new();
        for (index, (plan_binding, state)) in plan.bindings.iter().zip(&mut self.bindings).enumerate() {
            let Some(compiled) = at(&set.bindings, plan_binding.binding, "new binding") else { continue };
            let id = compiled.binding.id.as_str();
            match before.remove(id) {
                Some((former, former_state))
                    if binding_meaning(old.rule_context(), &former.binding)
                        == binding_meaning(context, &compiled.binding) =>
                {
                    *state = former_state.clone();
                }
                Some((_, former_state)) => {
                    state.requested_ms = former_state.requested_ms;
                    to_evaluate.push(behind_rules(&plan, index));
                }
                None => {
                    state.requested_ms = self.retired_requests_ms.remove(id);
                    to_evaluate.push(behind_rules(&plan, index));
                }
            }
        }
        for (id, (_, state)) in before {
            if let Some(requested_ms) = state.requested_ms {
                self.retired_requests_ms.insert(id.into(), requested_ms);
            }
        }
        self.arm_bindings();
        to_evaluate
    }
}

impl BindingState {
    /// Moves the binding on. Returns the inputs of a score request if one is due and all its inputs are known.
    fn step(&mut self, compiled: &CompiledBinding, context: &EvalContext<'_>) -> Option<Vec<OperandValue>> {
        let t_ms = context.t_ms;
        let due_ms = std::mem::replace(&mut self.due_ms, NEVER_MS);
        match compiled.pace {
            Pace::Every(width_ms) if context.trigger == Trigger::Instant => {
                self.due_ms =
                    if due_ms == NEVER_MS { grid_ms(t_ms, width_ms, self.requested_ms) } else { due_ms };
                None
            }
            Pace::Every(_) => known(compiled, context),
            Pace::AtMostEvery { width_ms, again_ms } => {
                let since_ms = self.requested_ms.map(|requested_ms| t_ms - requested_ms);
                let is_old = |least_ms| since_ms.is_none_or(|since_ms| since_ms >= least_ms);
                match (digest(compiled, context), self.requested_ms) {
                    // Without all inputs there is no request.
                    (None, _) => None,
                    (digest, _) if digest == self.inputs => {
                        if again_ms.is_some_and(is_old) {
                            known(compiled, context)
                        } else {
                            None
                        }
                    }
                    (Some(_), Some(requested_ms)) if !is_old(width_ms) => {
                        self.due_ms = requested_ms.saturating_add(width_ms);
                        None
                    }
                    (digest, _) => {
                        self.inputs = digest;
                        known(compiled, context)
                    }
                }
            }
        }
    }
}

/// Returns the first time of a grid at or after `t_ms` without a score request.
fn grid_ms(t_ms: i64, width_ms: i64, requested_ms: Option<i64>) -> i64 {
    let behind_ms = t_ms.rem_euclid(width_ms);
    let at_ms = if behind_ms == 0 { t_ms } else { t_ms.saturating_add(width_ms - behind_ms) };
    if requested_ms == Some(at_ms) { at_ms.saturating_add(width_ms) } else { at_ms }
}

/// Returns the digest of the inputs, if all are known.
fn digest(binding: &CompiledBinding, context: &EvalContext<'_>) -> Option<u128> {
    let mut digest = Digest::default();
    for input in &binding.code.inputs {
        match context.value(*input) {
            EvalValue::Unknown => return None,
            value => digest.add(value),
        }
    }
    Some(digest.0.finish())
}

/// Returns the inputs, if all are known.
fn known(binding: &CompiledBinding, context: &EvalContext<'_>) -> Option<Vec<OperandValue>> {
    let inputs = binding.code.inputs.iter().map(|input| match context.value(*input) {
        EvalValue::Unknown => None,
        EvalValue::Bool(value) => Some(OperandValue::Bool(value)),
        EvalValue::Number(number) => Some(OperandValue::Number(number + 0.0)),
        EvalValue::Text(text) => Some(OperandValue::Text(text.to_owned())),
    });
    inputs.collect()
}
