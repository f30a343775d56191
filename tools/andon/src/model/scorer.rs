//! Adds scores to history, as if models had been called and had answered after a latency.

use std::collections::BTreeMap;

use andon_domain::ScoreRequest;
use andon_domain::score::TAG_PREFIX;
use andon_domain::wire::Message;

use super::Models;
use super::features::row;
use crate::failure::Failure;

/// A source of history with scores. The caller folds each line, and returns the score requests.
pub(crate) struct Scorer<'a> {
    models: &'a Models,
    latency_ms: i64,
    /// Scores that have not arrived, by arrival and order.
    pending: BTreeMap<(i64, u64), Vec<u8>>,
    scores: u64,
    clock_ms: i64,
}

impl<'a> Scorer<'a> {
    pub(crate) fn new(models: &'a Models, latency_ms: i64) -> Self {
        Self { models, latency_ms, pending: BTreeMap::new(), scores: 0, clock_ms: i64::MIN }
    }

    /// Returns the number of scores so far.
    pub(crate) fn scores(&self) -> u64 {
        self.scores
    }

    /// Passes the scores that arrived before a line to `fold`, and then the line. `fold` returns the score requests that each
    /// causes.
    pub(crate) fn line(
        &mut self,
        line: &[u8],
        fold: &mut impl FnMut(&[u8]) -> Result<Vec<ScoreRequest>, Failure>,
    ) -> Result<(), Failure> {
        if let Some(arrival_ms) = Message::read(line).arrival_or_greatest_ms() {
            self.clock_ms = self.clock_ms.max(arrival_ms);
        }
        self.arrive(self.clock_ms, fold)?;
        self.answer(&fold(line)?)
    }

    /// Passes the pending scores to `fold`.
    pub(crate) fn finish(
        &mut self,
        fold: &mut impl FnMut(&[u8]) -> Result<Vec<ScoreRequest>, Failure>,
    ) -> Result<(), Failure> {
        self.arrive(i64::MAX, fold)
    }

    fn arrive(
        &mut self,
        until_ms: i64,
        fold: &mut impl FnMut(&[u8]) -> Result<Vec<ScoreRequest>, Failure>,
    ) -> Result<(), Failure> {
        while let Some(first) = self.pending.first_entry().filter(|first| first.key().0 <= until_ms) {
            let ((arrival_ms, _), line) = first.remove_entry();
            self.clock_ms = self.clock_ms.max(arrival_ms);
            self.answer(&fold(&line)?)?;
        }
        Ok(())
    }

    /// Computes the scores of some requests.
    fn answer(&mut self, requests: &[ScoreRequest]) -> Result<(), Failure> {
        for request in requests {
            let Some(model) = self.models.get(request.model.as_str()) else { continue };
            let score = model.score(&row(request)?).map_err(|error| {
                Failure::Message(format!(
                    "the model of `{}` does not fit its binding: {error}",
                    request.model
                ))
            })?;
            if !score.is_finite() {
                continue;
            }
            let arrival_ms = self.clock_ms.saturating_add(self.latency_ms);
            let answer = serde_json::json!({"arrival": arrival_ms, "data": {
                "timestamp": request.at,
                "equipmentId": request.equipment_id,
                "tag": format!("{TAG_PREFIX}{}", request.model),
                "value": score,
                "meta": {"flags": ["Drv"]},
            }});
            self.scores += 1;
            self.pending.insert((arrival_ms, self.scores), answer.to_string().into_bytes());
        }
        Ok(())
    }
}
