//! Score requests leave for their queue before the fold that decided them is committed: at least once, and no rule waits
//! for a score.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use andon_domain::limits::ROWS;
use andon_domain::{ModelBinding, ScoreRequest, ScoreRequestBatch};

use super::plan::{ConcludedKey, KeyOutcome, KeyPlan, PendingScoreRequest, PlannedKey};
use super::{EvaluatePorts, Evaluator, Run};
use crate::enrich::EnrichMessage;
use crate::limits;
use crate::ports::{Accepted, PortError, QueueEntry};

/// The message for a batch whose score requests have no queue to go to.
const NO_QUEUE: &str =
    "rules need scores of models, and there is no queue for it: `ANDON_SCORE_REQUESTS_QUEUE_URL` is not set";

/// A message for the queue.
#[derive(Debug, PartialEq)]
struct Packed {
    body: String,
    /// The numbers of the plans whose score requests are in it.
    plans: BTreeSet<usize>,
}

/// Messages, and the numbers of score requests that go into none.
#[derive(Debug, Default, PartialEq)]
struct Packing {
    messages: Vec<Packed>,
    /// Score requests that are older than their endpoint accepts.
    too_old: u64,
    /// Score requests that no message can hold.
    too_large: u64,
}

/// Score requests of one binding, each with the number of its plan.
struct Group<'a> {
    binding: &'a Arc<ModelBinding>,
    pending: Vec<(usize, &'a PendingScoreRequest)>,
}

/// Packs score requests into messages: those of one binding together, up to the number of rows of its endpoint.
fn pack<'a>(pending: impl Iterator<Item = (usize, &'a PendingScoreRequest)>, now_ms: i64) -> Packing {
    let mut packing = Packing::default();
    let mut groups: Vec<Group<'a>> = Vec::new();
    for (plan, pending) in pending {
        let binding = &pending.request.binding;
        if now_ms.saturating_sub(pending.arrival_ms) > binding.endpoint.too_old.0 {
            packing.too_old += 1;
            continue;
        }
        let same = |group: &&mut Group<'_>| Arc::ptr_eq(group.binding, binding) || group.binding == binding;
        match groups.iter_mut().find(same) {
            Some(group) => group.pending.push((plan, pending)),
            None => groups.push(Group { binding, pending: vec![(plan, pending)] }),
        }
    }
    for group in groups {
        let rows = group.binding.endpoint.rows.clamp(1, ROWS);
        // On a platform whose addresses are shorter than `rows`, a message holds one row.
        for chunk in group.pending.chunks(usize::try_from(rows).unwrap_or(1)) {
            pack_chunk(group.binding, chunk, &mut packing);
        }
    }
    packing
}

/// Packs a chunk into one message, or into several if one would exceed [`limits::SCORE_REQUEST_MESSAGE_BYTES`].
fn pack_chunk(binding: &ModelBinding, chunk: &[(usize, &PendingScoreRequest)], packing: &mut Packing) {
    let requests: Vec<ScoreRequest> =
        chunk.iter().map(|(_, pending)| pending.request.request.clone()).collect();
    let batch = ScoreRequestBatch {
        // A chunk is never empty.
        asked_ms: chunk.iter().map(|(_, pending)| pending.arrival_ms).max().unwrap_or_default(),
        endpoint: binding.endpoint.clone(),
        names: binding.inputs.iter().map(|input| input.name.clone()).collect(),
        requests,
        failed: 0,
    };
    let body = EnrichMessage::ScoreRequests(Box::new(batch)).to_json();
    if body.len() <= limits::SCORE_REQUEST_MESSAGE_BYTES {
        packing.messages.push(Packed { body, plans: chunk.iter().map(|(plan, _)| *plan).collect() });
    } else if chunk.len() > 1 {
        let (first, second) = chunk.split_at(chunk.len() / 2);
        pack_chunk(binding, first, packing);
        pack_chunk(binding, second, packing);
    } else {
        packing.too_large += 1;
    }
}

/// Returns the score requests of plans, each with the number of its plan.
fn pending<'a>(plans: &'a [PlannedKey<'_, '_>]) -> impl Iterator<Item = (usize, &'a PendingScoreRequest)> {
    plans.iter().enumerate().flat_map(|(number, planned)| {
        let requests = match &planned.plan {
            KeyPlan::Commit(plan) => plan.score_requests.as_slice(),
            KeyPlan::Park(_) => &[],
        };
        requests.iter().map(move |pending| (number, pending))
    })
}

impl<P: EvaluatePorts> Evaluator<P> {
    /// Sends the score requests of plans. Takes out the plans whose score requests could not be sent: their keys come
    /// again with the batch.
    pub(super) async fn send_score_requests<'k, 'b>(
        &self,
        plans: &mut Vec<PlannedKey<'k, 'b>>,
        run: &mut Run<'_>,
    ) -> Vec<ConcludedKey<'k, 'b>> {
        let mut pending = pending(plans).peekable();
        if pending.peek().is_none() {
            return Vec::new();
        }
        if !self.ports.has_queue() {
            run.summary.first_failure.get_or_insert_with(|| NO_QUEUE.to_owned());
            return Vec::new();
        }
        let packing = pack(pending, self.ports.now_ms());
        run.summary.score_requests_too_old += packing.too_old;
        run.summary.score_requests_unsent += packing.too_large;
        let mut unsent: BTreeMap<usize, PortError> = BTreeMap::new();
        for (refused, error) in self.send(packing.messages, run).await {
            run.summary.error(&error);
            unsent.extend(refused.into_iter().map(|plan| (plan, error.clone())));
        }
        if unsent.is_empty() {
            return Vec::new();
        }
        let mut concluded = Vec::with_capacity(unsent.len());
        for (number, planned) in std::mem::take(plans).into_iter().enumerate() {
            match unsent.remove(&number) {
                Some(error) => concluded.push((planned.key, KeyOutcome::NotNow(error))),
                None => plans.push(planned),
            }
        }
        concluded
    }

    /// Sends messages and returns the plans of those that may be accepted later, with the error.
    async fn send(&self, messages: Vec<Packed>, run: &mut Run<'_>) -> Vec<(BTreeSet<usize>, PortError)> {
        let (entries, plans): (Vec<QueueEntry>, Vec<BTreeSet<usize>>) = messages
            .into_iter()
            .map(|packed| (QueueEntry { body: packed.body, delay_s: 0 }, packed.plans))
            .unzip();
        if entries.is_empty() {
            return Vec::new();
        }
        let answers = self.ports.enqueue(&entries).await;
        let answers = answers.unwrap_or_else(|error| vec![Accepted::No(error); entries.len()]);
        let mut refused = Vec::new();
        for (plans, answer) in plans.into_iter().zip(answers) {
            match answer {
                Accepted::Yes => run.summary.score_request_messages += 1,
                Accepted::No(error) if error.is_transient() => refused.push((plans, error)),
                // No rule waits for a message that the queue never accepts.
                Accepted::No(error) => {
                    run.summary.score_requests_unsent += 1;
                    run.summary.error(&error);
                }
            }
        }
        refused
    }
}

#[cfg(test)]
mod tests {
    use andon_domain::OperandValue;
    use andon_engine::BoundScoreRequest;

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

    fn pending(
        binding: &Arc<ModelBinding>,
        equipment: &str,
        arrival_ms: i64,
        input: OperandValue,
    ) -> PendingScoreRequest {
        let request = ScoreRequest {
            model: binding.id.as_str().into(),
            version: 1,
            equipment_id: equipment.into(),
            at: arrival_ms - 5,
            inputs: vec![input],
        };
        PendingScoreRequest {
            arrival_ms,
            request: BoundScoreRequest { binding: Arc::clone(binding), request },
        }
    }

    fn number(number: f64) -> OperandValue {
        OperandValue::Number(number)
    }

    /// The messages: endpoint, age, machines, and the numbers of their plans.
    fn packed(packing: &Packing) -> Vec<(String, i64, Vec<String>, Vec<usize>)> {
        let open = |packed: &Packed| {
            let Ok(EnrichMessage::ScoreRequests(batch)) = EnrichMessage::read(&packed.body) else {
                panic!("{}", packed.body)
            };
            let machines = batch.requests.iter().map(|request| request.equipment_id.to_string());
            let plans = packed.plans.iter().copied().collect();
            (batch.endpoint.name.clone(), batch.asked_ms, machines.collect(), plans)
        };
        packing.messages.iter().map(open).collect()
    }

    #[test]
    fn score_requests_of_one_binding_share_messages_up_to_the_rows_of_its_endpoint() {
        let (one, other) = (binding("one", 2), binding("other", 1));
        let requests = [
            (0, pending(&one, "a", 1000, number(1.0))),
            (0, pending(&other, "a", 1000, number(1.0))),
            (1, pending(&one, "b", 3000, number(2.0))),
            // The same binding out of another rule set.
            (2, pending(&binding("one", 2), "c", 2000, number(3.0))),
        ];
        let packing = pack(requests.iter().map(|(plan, pending)| (*plan, pending)), 4000);
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
    fn a_score_request_that_is_too_old_is_not_sent() {
        let one = binding("one", 10);
        let requests = [pending(&one, "a", 0, number(1.0)), pending(&one, "b", 1, number(1.0))];
        let packing = pack(requests.iter().map(|pending| (0, pending)), 600_001);
        assert_eq!((packing.too_old, packing.messages.len()), (1, 1));
    }

    #[test]
    fn a_message_that_would_be_too_large_is_split() {
        let one = binding("one", 1000);
        let long = |letters: usize| OperandValue::Text("x".repeat(letters));
        let mut many: Vec<PendingScoreRequest> =
            (0..100).map(|n| pending(&one, &format!("e{n}"), 1, long(10_000))).collect();
        many.push(pending(&one, "e", 1, long(limits::SCORE_REQUEST_MESSAGE_BYTES)));
        let packing = pack(many.iter().map(|pending| (0, pending)), 2);
        assert_eq!(packing.too_large, 1);
        let requests: usize = packed(&packing).iter().map(|(_, _, machines, _)| machines.len()).sum();
        assert_eq!(requests, 100);
        assert!(
            packing.messages.iter().all(|packed| packed.body.len() <= limits::SCORE_REQUEST_MESSAGE_BYTES)
        );
    }
}
