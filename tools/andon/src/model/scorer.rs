//! History with scores put in, as if models had been asked and had answered after so long.

use std::collections::BTreeMap;

use andon_domain::ScoreRequest;
use andon_domain::score::TAG_PREFIX;
use andon_domain::wire::Message;

use super::Models;
use super::features::row;
use crate::failure::Failure;

/// Puts the answers of models into history. Who folds it says what is asked.
pub(crate) struct Scorer<'a> {
    models: &'a Models,
    latency_ms: i64,
    /// Answers that have not arrived, by arrival and order.
    coming: BTreeMap<(i64, u64), Vec<u8>>,
    scores: u64,
    clock_ms: i64,
}

impl<'a> Scorer<'a> {
    pub(crate) fn new(models: &'a Models, latency_ms: i64) -> Self {
        Self { models, latency_ms, coming: BTreeMap::new(), scores: 0, clock_ms: i64::MIN }
    }

    /// How many scores there were.
    pub(crate) fn scores(&self) -> u64 {
        self.scores
    }

    /// One line of history, behind the answers that have arrived before it; `fold` gets each of them, and says what models
    /// are asked by it.
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

    /// All that is still to come.
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
        while let Some(first) = self.coming.first_entry().filter(|first| first.key().0 <= until_ms) {
            let ((arrival_ms, _), line) = first.remove_entry();
            self.clock_ms = self.clock_ms.max(arrival_ms);
            self.answer(&fold(&line)?)?;
        }
        Ok(())
    }

    /// Answers what was asked just now.
    fn answer(&mut self, asked: &[ScoreRequest]) -> Result<(), Failure> {
        for question in asked {
            let Some(model) = self.models.get(question.model.as_str()) else { continue };
            let score = model.score(&row(question)?).map_err(|error| {
                Failure::Message(format!(
                    "the model of `{}` does not fit its binding: {error}",
                    question.model
                ))
            })?;
            if !score.is_finite() {
                continue;
            }
            let arrival_ms = self.clock_ms.saturating_add(self.latency_ms);
            let answer = serde_json::json!({"arrival": arrival_ms, "data": {
                "timestamp": question.at,
                "equipmentId": question.equipment_id,
                "tag": format!("{TAG_PREFIX}{}", question.model),
                "value": score,
                "meta": {"flags": ["Drv"]},
            }});
            self.scores += 1;
            self.coming.insert((arrival_ms, self.scores), answer.to_string().into_bytes());
        }
        Ok(())
    }
}
