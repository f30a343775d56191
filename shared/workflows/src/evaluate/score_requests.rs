//! What the fold asks of models leaves for a queue before the fold is committed: at least once, and nobody waits for an
//! answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use andon_domain::limits::ROWS;
use andon_domain::{ModelBinding, ScoreRequest, ScoreRequestBatch};
use andon_engine::BoundScoreRequest;

use super::commit::{KeyOutcome, KeyPlan};
use super::fold::CommitPlan;
use super::{EvaluatePorts, Evaluator, Run};
use crate::enrich::EnrichMessage;
use crate::limits;
use crate::ports::{Accepted, PortError, QueueEntry};

/// What is said once for each batch whose questions go nowhere.
const NO_QUEUE: &str =
    "rules ask models, and there is no queue for it: `ANDON_QUESTIONS_QUEUE_URL` is not set";

/// A question that was decided, and the arrival, ms, of the record that led to it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PendingScoreRequest {
    pub arrival_ms: i64,
    pub request: BoundScoreRequest,
}

/// A message for the queue.
#[derive(Debug, PartialEq)]
struct Packed {
    body: String,
    /// Whose questions are in it.
    places: BTreeSet<usize>,
}

/// Messages, and what does not go into any.
#[derive(Debug, Default, PartialEq)]
struct Packing {
    messages: Vec<Packed>,
    /// Questions of so long ago that nobody wants to know any more.
    too_old: u64,
    /// Questions that no message can hold.
    too_large: u64,
}

/// Questions of one binding.
struct Group<'a> {
    binding: &'a Arc<ModelBinding>,
    asked: Vec<(usize, &'a PendingScoreRequest)>,
}

/// Packs questions into messages: those of one binding together, as many as its endpoint takes in a request.
fn pack<'a>(asked: impl Iterator<Item = (usize, &'a PendingScoreRequest)>, now_ms: i64) -> Packing {
    let mut packing = Packing::default();
    let mut groups: Vec<Group<'a>> = Vec::new();
    for (place, asked) in asked {
        let binding = &asked.request.binding;
        if now_ms.saturating_sub(asked.arrival_ms) > binding.endpoint.too_old.0 {
            packing.too_old += 1;
            continue;
        }
        let same = |group: &&mut Group<'_>| Arc::ptr_eq(group.binding, binding) || group.binding == binding;
        match groups.iter_mut().find(same) {
            Some(group) => group.asked.push((place, asked)),
            None => groups.push(Group { binding, asked: vec![(place, asked)] }),
        }
    }
    for group in groups {
        let rows = group.binding.endpoint.rows.clamp(1, ROWS);
        for chunk in group.asked.chunks(usize::try_from(rows).unwrap_or(1)) {
            pack_chunk(group.binding, chunk, &mut packing);
        }
    }
    packing
}

/// One message, or as many as it takes to keep each within its bound.
fn pack_chunk(binding: &ModelBinding, chunk: &[(usize, &PendingScoreRequest)], packing: &mut Packing) {
    let requests: Vec<ScoreRequest> = chunk.iter().map(|(_, asked)| asked.request.request.clone()).collect();
    let batch = ScoreRequestBatch {
        asked_ms: chunk.iter().map(|(_, asked)| asked.arrival_ms).max().unwrap_or_default(),
        endpoint: binding.endpoint.clone(),
        names: binding.inputs.iter().map(|input| input.name.clone()).collect(),
        requests,
        failed: 0,
    };
    let body = EnrichMessage::ScoreRequests(Box::new(batch)).to_json();
    if body.len() <= limits::QUESTION_BYTES {
        packing.messages.push(Packed { body, places: chunk.iter().map(|(place, _)| *place).collect() });
    } else if chunk.len() > 1 {
        let (first, second) = chunk.split_at(chunk.len() / 2);
        pack_chunk(binding, first, packing);
        pack_chunk(binding, second, packing);
    } else {
        packing.too_large += 1;
    }
}

impl<P: EvaluatePorts> Evaluator<P> {
    /// Sends what the folds of a round ask. A key whose questions could not be sent is not committed, and comes again.
    pub(super) async fn enqueue(&self, works: &mut [(usize, KeyPlan)], run: &mut Run<'_>) {
        let asked = works.iter().enumerate().flat_map(|(place, (_, work))| {
            let step = if let KeyPlan::Commit(step) = work { Some(step) } else { None };
            step.into_iter().flat_map(move |step| step.asked.iter().map(move |asked| (place, asked)))
        });
        let mut asked = asked.peekable();
        if asked.peek().is_none() {
            return;
        }
        if !self.ports.has_queue() {
            run.summary.first_failure.get_or_insert_with(|| NO_QUEUE.to_owned());
            return;
        }
        let packing = pack(asked, self.ports.now_ms());
        run.summary.questions_too_old += packing.too_old;
        run.summary.questions_unsent += packing.too_large;
        for (places, refusal) in self.send(packing.messages, run).await {
            run.summary.error(&refusal);
            for place in places {
                if let Some((_, work)) = works.get_mut(place) {
                    *work = KeyPlan::End(KeyOutcome::NotNow(refusal.clone()));
                }
            }
        }
    }

    /// Sends messages; those that could not be, with what may be mended by trying again.
    async fn send(&self, messages: Vec<Packed>, run: &mut Run<'_>) -> Vec<(BTreeSet<usize>, PortError)> {
        let (entries, places): (Vec<QueueEntry>, Vec<BTreeSet<usize>>) = messages
            .into_iter()
            .map(|packed| (QueueEntry { body: packed.body, delay_s: 0 }, packed.places))
            .unzip();
        if entries.is_empty() {
            return Vec::new();
        }
        let answers = self.ports.enqueue(&entries).await;
        let answers = answers.unwrap_or_else(|error| vec![Accepted::No(error); entries.len()]);
        let mut refused = Vec::new();
        for (places, answer) in places.into_iter().zip(answers) {
            match answer {
                Accepted::Yes => run.summary.question_messages += 1,
                Accepted::No(error) if error.is_transient() => refused.push((places, error)),
                // No rule waits for a message that the queue will never take.
                Accepted::No(error) => {
                    run.summary.questions_unsent += 1;
                    run.summary.error(&error);
                }
            }
        }
        refused
    }

    /// Sends what one step asks, outside of a round; answers how many questions went nowhere.
    pub(super) async fn send_questions_of(&self, step: &CommitPlan) -> Result<u64, PortError> {
        if step.asked.is_empty() {
            return Ok(0);
        }
        if !self.ports.has_queue() {
            return Ok(step.asked.len() as u64);
        }
        let packing = pack(step.asked.iter().map(|asked| (0, asked)), self.ports.now_ms());
        let mut unsent = packing.too_large;
        let messages = packing.messages.into_iter();
        let entries: Vec<QueueEntry> =
            messages.map(|packed| QueueEntry { body: packed.body, delay_s: 0 }).collect();
        if entries.is_empty() {
            return Ok(unsent);
        }
        for answer in self.ports.enqueue(&entries).await? {
            match answer {
                Accepted::No(error) if error.is_transient() => return Err(error),
                Accepted::No(_) => unsent += 1,
                Accepted::Yes => {}
            }
        }
        Ok(unsent)
    }
}

#[cfg(test)]
mod tests {
    use andon_domain::OperandValue;

    use super::*;

    fn binding(id: &str, rows: u32) -> Arc<ModelBinding> {
        let json = serde_json::json!({
            "id": id,
            "inputs": [{"name": "t", "value": "temperature"}],
            "every": "1m",
            "endpoint": {"name": id, "rows": rows, "too_old": "10m"},
        });
        Arc::new(serde_json::from_value(json).unwrap())
    }

    fn asked(
        binding: &Arc<ModelBinding>,
        equipment: &str,
        arrival_ms: i64,
        input: OperandValue,
    ) -> PendingScoreRequest {
        let question = ScoreRequest {
            model: binding.id.as_str().into(),
            version: 1,
            equipment_id: equipment.into(),
            at: arrival_ms - 5,
            inputs: vec![input],
        };
        PendingScoreRequest {
            arrival_ms,
            request: BoundScoreRequest { binding: Arc::clone(binding), question },
        }
    }

    fn number(number: f64) -> OperandValue {
        OperandValue::Number(number)
    }

    /// What the messages hold: endpoint, age, equipments, and whose they are.
    fn packed(packing: &Packing) -> Vec<(String, i64, Vec<String>, Vec<usize>)> {
        let open = |packed: &Packed| {
            let Ok(EnrichMessage::ScoreRequests(batch)) = EnrichMessage::read(&packed.body) else {
                panic!("{}", packed.body)
            };
            let equipments = batch.requests.iter().map(|request| request.equipment_id.to_string());
            let places = packed.places.iter().copied().collect();
            (batch.endpoint.name.clone(), batch.asked_ms, equipments.collect(), places)
        };
        packing.messages.iter().map(open).collect()
    }

    #[test]
    fn questions_of_one_binding_go_together_as_its_endpoint_takes_them() {
        let (one, other) = (binding("one", 2), binding("other", 1));
        let asked = [
            (0, asked(&one, "a", 1000, number(1.0))),
            (0, asked(&other, "a", 1000, number(1.0))),
            (1, asked(&one, "b", 3000, number(2.0))),
            // The same binding out of another rule set.
            (2, asked(&binding("one", 2), "c", 2000, number(3.0))),
        ];
        let packing = pack(asked.iter().map(|(place, asked)| (*place, asked)), 4000);
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            packed(&packing),
            [
                ("one".to_owned(), 3000, names(&["a", "b"]), vec![0, 1]),
                ("one".to_owned(), 2000, names(&["c"]), vec![2]),
                ("other".to_owned(), 1000, names(&["a"]), vec![0]),
            ]
        );
    }

    #[test]
    fn what_nobody_wants_to_know_any_more_is_not_asked() {
        let one = binding("one", 10);
        let asked = [asked(&one, "a", 0, number(1.0)), asked(&one, "b", 1, number(1.0))];
        let packing = pack(asked.iter().map(|asked| (0, asked)), 600_001);
        assert_eq!((packing.too_old, packing.messages.len()), (1, 1));
    }

    #[test]
    fn a_message_is_cut_where_it_would_be_too_large() {
        let one = binding("one", 1000);
        let long = |letters: usize| OperandValue::Text("x".repeat(letters));
        let mut many: Vec<PendingScoreRequest> =
            (0..100).map(|n| asked(&one, &format!("e{n}"), 1, long(10_000))).collect();
        many.push(asked(&one, "e", 1, long(limits::QUESTION_BYTES)));
        let packing = pack(many.iter().map(|asked| (0, asked)), 2);
        assert_eq!(packing.too_large, 1);
        let questions: usize = packed(&packing).iter().map(|(_, _, equipments, _)| equipments.len()).sum();
        assert_eq!(questions, 100);
        assert!(packing.messages.iter().all(|packed| packed.body.len() <= limits::QUESTION_BYTES));
    }
}
