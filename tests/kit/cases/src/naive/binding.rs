//! Score requests of one binding on one machine: when, and with which inputs.

use andon_domain::{OperandValue, ScoreRequest, Value};

use super::set::{Binding, Pace};
use super::value::{Memory, Moment};

/// A binding on a key.
#[derive(Clone, Debug)]
pub(super) struct BindingState {
    pub(super) binding: Binding,
    /// The inputs of the last request of this binding as it is.
    pub(super) inputs: Option<Vec<Value>>,
    pub(super) timer: Option<i64>,
}

impl BindingState {
    pub(super) fn new(binding: &Binding) -> Self {
        Self { binding: binding.clone(), inputs: None, timer: None }
    }

    /// Evaluates the binding. `last` is the time of the last request to the model of its id, ms.
    pub(super) fn evaluate(
        &mut self,
        equipment: &str,
        memory: &Memory,
        now: Moment,
        last: Option<i64>,
    ) -> Option<ScoreRequest> {
        match self.binding.pace {
            Pace::AtMostEvery(d, e) => {
                self.timer = None;
                let inputs = self.known(memory, now)?;
                if self.inputs.as_ref() == Some(&inputs) {
                    let (e, last) = (e?, last?);
                    return (now.at - last >= e).then(|| self.request(equipment, now.at, inputs));
                }
                if let Some(last) = last.filter(|last| now.at - last < d) {
                    self.timer = Some(last + d);
                    return None;
                }
                self.inputs = Some(inputs.clone());
                Some(self.request(equipment, now.at, inputs))
            }
            Pace::Every(d) if !now.timer => {
                if self.timer.is_none() {
                    let multiples = (now.at.div_euclid(d)..).map(|number| number * d);
                    self.timer = multiples.into_iter().find(|at| *at >= now.at && Some(*at) != last);
                }
                None
            }
            Pace::Every(_) => {
                self.timer = None;
                let inputs = self.known(memory, now)?;
                Some(self.request(equipment, now.at, inputs))
            }
        }
    }

    /// Returns the inputs, if all are known.
    fn known(&self, memory: &Memory, now: Moment) -> Option<Vec<Value>> {
        self.binding.inputs.iter().map(|input| memory.value(input, now)).collect()
    }

    fn request(&self, equipment: &str, at: i64, inputs: Vec<Value>) -> ScoreRequest {
        let inputs = inputs.into_iter().map(|input| match input {
            Value::Bool(value) => OperandValue::Bool(value),
            Value::Number(0.0) => OperandValue::Number(0.0),
            Value::Number(number) => OperandValue::Number(number),
            Value::Text(text) => OperandValue::Text(text.to_string()),
        });
        ScoreRequest {
            model: self.binding.id.as_str().into(),
            version: self.binding.version,
            equipment_id: equipment.into(),
            at,
            inputs: inputs.collect(),
        }
    }
}
