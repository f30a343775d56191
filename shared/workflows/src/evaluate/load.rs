//! Loading keys: heads, states and the rules to fold them with.

use andon_domain::never;
use andon_engine::{CompiledRules, UnpackError, rule_set_of, segments_of};
use futures_util::stream::{self, StreamExt as _};

use super::plan::{LoadError, LoadedKey, LoadedState};
use super::{EvaluatePorts, Evaluator, Key, Run};
use crate::catalog::CatalogError;
use crate::envelope::{Positions, StateEnvelope, Stored};
use crate::limits;
use crate::ports::{Head, Pointer, PortError};

/// A reason why there are no rules to fold with.
#[derive(Debug, thiserror::Error)]
pub(super) enum RulesError {
    /// The store of rules does not answer.
    #[error(transparent)]
    Store(#[from] PortError),
    /// A needed rule set is not listed, or cannot be used.
    #[error("{0}")]
    Unusable(String),
}

impl From<CatalogError> for RulesError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::Port(error) => Self::Store(error),
            error @ (CatalogError::Unknown { .. } | CatalogError::Unusable { .. }) => {
                Self::Unusable(error.to_string())
            }
        }
    }
}

impl LoadedState {
    /// Returns the start of the rule set to fold with, ms: that of the state, or for a new key the one that is due when
    /// its first message arrives.
    pub(super) fn rules_start_ms(
        &self,
        pointer: &Pointer,
        first_arrival_ms: i64,
    ) -> Result<i64, UnpackError> {
        if self.packed.is_empty() {
            Ok(pointer.start_of_due(first_arrival_ms))
        } else {
            rule_set_of(&self.packed)
        }
    }
}

impl<P: EvaluatePorts> Evaluator<P> {
    /// Loads open keys, in their order.
    pub(super) async fn load_keys<'k, 'b>(
        &self,
        open: Vec<&'k mut Key<'b>>,
    ) -> Result<Vec<(&'k mut Key<'b>, LoadedKey)>, PortError> {
        let equipment: Vec<&str> = open.iter().map(|key| key.equipment).collect();
        let heads = self.ports.read_heads(&equipment).await?;
        if heads.len() != open.len() {
            never!("the store answered {} heads for {} keys", heads.len(), open.len());
        }
        Ok(stream::iter(open.into_iter().zip(heads))
            .map(|(key, head)| async move {
                let loaded = self.load_key(key.equipment, head.unwrap_or_default()).await;
                (key, loaded)
            })
            .buffered(limits::CONCURRENT_REQUESTS)
            .collect()
            .await)
    }

    async fn load_key(&self, equipment: &str, head: Head) -> LoadedKey {
        let state = match head.parked {
            Some(_) => None,
            None => Some(self.load_state(equipment, &head).await),
        };
        LoadedKey { head, state }
    }

    /// Loads the state that a head names.
    pub(super) async fn load_state(&self, equipment: &str, head: &Head) -> Result<LoadedState, LoadError> {
        let mut state = LoadedState {
            head: head.clone(),
            positions: Positions::default(),
            packed: Vec::new(),
            object: None,
            segments: Vec::new(),
            sequences: Vec::new(),
        };
        if head.body.is_empty() {
            let views = self.ports.read_views(equipment).await.map_err(LoadError::Port)?;
            state.sequences = views.into_iter().map(|view| (view.rule, view.sequence)).collect();
            return Ok(state);
        }
        let body = StateEnvelope::read(&head.body).map_err(|error| LoadError::Damaged(error.to_string()))?;
        state.positions = body.positions;
        state.packed = match body.state {
            Stored::Here(packed) => packed,
            Stored::Object(name) => {
                let packed = self.ports.get_object(&name).await.map_err(LoadError::Port)?;
                let missing = || LoadError::Torn(format!("the object `{name}` of the state is missing"));
                let packed = packed.ok_or_else(missing)?;
                state.object = Some(name);
                packed
            }
        };
        let needed = segments_of(&state.packed).map_err(|error| LoadError::Damaged(error.to_string()))?;
        if !needed.is_empty() {
            state.segments = self.ports.read_segments(equipment).await.map_err(LoadError::Port)?;
        }
        Ok(state)
    }

    /// Returns the rule sets that loaded keys need.
    pub(super) async fn rules_for(
        &self,
        pointer: &Pointer,
        loaded: &[(&mut Key<'_>, LoadedKey)],
        run: &Run<'_>,
    ) -> Result<CompiledRules, RulesError> {
        let start_ms = |(key, loaded): &(&mut Key<'_>, LoadedKey)| {
            // A key without a readable state needs no rules: it is not folded in this round.
            let state = loaded.state.as_ref()?.as_ref().ok()?;
            state.rules_start_ms(pointer, key.open().first()?.arrival_ms).ok()
        };
        let starts = || loaded.iter().filter_map(start_ms);
        let arrival_ms = run.batch.arrival_ms;
        let from_ms = starts().min().unwrap_or_else(|| pointer.start_of_due(arrival_ms));
        // Another shard may be ahead: its records may have brought a key to a set that is not due on this shard yet.
        let until_ms = starts().max().unwrap_or(from_ms).max(arrival_ms);
        let rules = self.catalog.chain(&self.ports, pointer, from_ms, until_ms).await?;
        self.catalog.forget_before(from_ms);
        Ok(rules)
    }
}
