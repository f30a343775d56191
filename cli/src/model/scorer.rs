//! History with scores put in, as if models had been asked and had answered after so long.

use std::collections::BTreeMap;

use andon_engine::replay::{Replay, Sink};
use andon_engine::{CompiledRules, Request, RuleSet};
use andon_model::score::TAG_PREFIX;
use andon_model::wire::Message;
use andon_model::{ScoreRequest, Transition};

use super::Models;
use super::features::row;
use crate::Failure;

/// Folds history to find out what is asked, and puts the answers in.
pub(crate) struct Scorer<'a> {
    replay: Replay,
    asked: Asked,
    models: &'a Models,
    latency_ms: i64,
    /// Answers that have not arrived, by arrival and order.
    coming: BTreeMap<(i64, u64), Vec<u8>>,
    pub(crate) scores: u64,
    clock_ms: i64,
}

#[derive(Default)]
struct Asked(Vec<ScoreRequest>);

impl Sink for Asked {
    fn transition(&mut self, _: Transition) {}

    fn request(&mut self, request: Request) {
        self.0.push(request.question);
    }
}

impl<'a> Scorer<'a> {
    pub(crate) fn new(set: RuleSet, models: &'a Models, latency_ms: i64) -> Self {
        Self {
            replay: Replay::new(CompiledRules::new(set)),
            asked: Asked::default(),
            models,
            latency_ms,
            coming: BTreeMap::new(),
            scores: 0,
            clock_ms: i64::MIN,
        }
    }

    /// One line of history, behind the answers that have arrived before it.
    pub(crate) fn line(
        &mut self,
        line: &[u8],
        emit: &mut impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if let Some(arrival_ms) = Message::read(line).arrival_or_greatest_ms() {
            self.clock_ms = self.clock_ms.max(arrival_ms);
        }
        self.arrive(self.clock_ms, emit)?;
        self.fold(line, emit)
    }

    /// All that is still to come.
    pub(crate) fn finish(
        &mut self,
        emit: &mut impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.arrive(i64::MAX, emit)
    }

    fn arrive(
        &mut self,
        until_ms: i64,
        emit: &mut impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        while let Some(first) = self.coming.first_entry().filter(|first| first.key().0 <= until_ms) {
            let ((arrival_ms, _), line) = first.remove_entry();
            self.clock_ms = self.clock_ms.max(arrival_ms);
            self.fold(&line, emit)?;
        }
        Ok(())
    }

    fn fold(
        &mut self,
        line: &[u8],
        emit: &mut impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.replay.line(line, &mut self.asked)?;
        emit(line)?;
        for question in self.asked.0.drain(..) {
            let Some(model) = self.models.get(question.model.as_str()) else { continue };
            let score = model.score(&row(&question)?).map_err(|error| {
                Failure::Said(format!("the model of `{}` does not fit its binding: {error}", question.model))
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
