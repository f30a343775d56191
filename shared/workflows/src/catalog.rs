//! A cache of compiled rule sets, and the sets that a fold needs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use andon_domain::{RuleDocument, never};
use andon_engine::{CompiledRules, RuleSet};

use crate::ports::{Pointer, PortError, RuleStore};

/// Compiled rule sets by start. Only they are kept between batches: a set never changes.
#[derive(Debug, Default)]
pub struct Catalog {
    compiled: RefCell<BTreeMap<i64, Arc<RuleSet>>>,
}

/// A reason why the sets for a fold are not available.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// No set with this start is listed: it is newer than the pointer that was read, or it was dropped.
    #[error(
        "the rule set that starts at {start_ms} is not listed; the newest listed one starts at {newest_ms}"
    )]
    Unknown {
        /// The start, ms.
        start_ms: i64,
        /// The newest listed start, ms.
        newest_ms: i64,
    },
    /// This version cannot read or compile the document of a set.
    #[error("the rule set that starts at {start_ms} cannot be used: {reason}")]
    Unusable {
        /// The start, ms.
        start_ms: i64,
        /// The reason.
        reason: String,
    },
    /// The store does not answer.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl Catalog {
    /// Returns the sets from the one that starts at `from_ms` (there must be one) to the newest that is due at an arrival.
    /// They are all sets that a fold of states from the first set on needs. Reads and compiles those that are missing.
    ///
    /// # Errors
    /// If a set is not listed, cannot be read, or does not compile.
    pub async fn chain(
        &self,
        store: &impl RuleStore,
        pointer: &Pointer,
        from_ms: i64,
        arrival_ms: i64,
    ) -> Result<CompiledRules, CatalogError> {
        let listed = |start_ms: i64| pointer.sets.iter().any(|set| set.start_ms == start_ms);
        if from_ms != CompiledRules::ALWAYS_MS && !listed(from_ms) {
            let newest_ms = pointer.sets.last().map_or(CompiledRules::ALWAYS_MS, |set| set.start_ms);
            return Err(CatalogError::Unknown { start_ms: from_ms, newest_ms });
        }
        let mut sets = Vec::new();
        if from_ms == CompiledRules::ALWAYS_MS {
            sets.push(self.empty_set()?);
        }
        for set in &pointer.sets {
            if set.start_ms >= from_ms && set.start_ms <= arrival_ms.max(from_ms) {
                sets.push(self.set(store, set.start_ms, &set.digest).await?);
            }
        }
        CompiledRules::of(sets)
            .map_err(|error| CatalogError::Unusable { start_ms: from_ms, reason: error.to_string() })
    }

    /// Forgets compiled sets that start before a time, so that a warm function does not keep every set it ever used.
    pub fn forget_before(&self, start_ms: i64) {
        self.compiled.borrow_mut().retain(|start, _| *start >= start_ms);
    }

    /// Returns the rule set that applies before the first stored one. It has no rules.
    fn empty_set(&self) -> Result<Arc<RuleSet>, CatalogError> {
        self.remember(CompiledRules::ALWAYS_MS, || {
            RuleSet::compile(RuleDocument::default()).map_err(|_| "no rules do not compile".to_owned())
        })
    }

    async fn set(
        &self,
        store: &impl RuleStore,
        start_ms: i64,
        digest: &str,
    ) -> Result<Arc<RuleSet>, CatalogError> {
        if let Some(set) = self.compiled.borrow().get(&start_ms) {
            return Ok(Arc::clone(set));
        }
        let document = store.read_set(digest).await?;
        self.remember(start_ms, || compile(&document))
    }

    fn remember(
        &self,
        start_ms: i64,
        make: impl FnOnce() -> Result<RuleSet, String>,
    ) -> Result<Arc<RuleSet>, CatalogError> {
        if let Some(set) = self.compiled.borrow().get(&start_ms) {
            return Ok(Arc::clone(set));
        }
        let broken = never::broken_count();
        let set = make().map_err(|reason| CatalogError::Unusable { start_ms, reason })?;
        if never::broken_count() > broken {
            let reason = "an invariant broke while it was compiled".to_owned();
            return Err(CatalogError::Unusable { start_ms, reason });
        }
        let set = Arc::new(set.starting(start_ms));
        self.compiled.borrow_mut().insert(start_ms, Arc::clone(&set));
        Ok(set)
    }
}

/// Reads and compiles a stored document.
///
/// # Errors
/// The first finding.
pub fn compile(document: &[u8]) -> Result<RuleSet, String> {
    let document: RuleDocument = serde_json::from_slice(document).map_err(|error| error.to_string())?;
    RuleSet::compile(document).map_err(|findings| {
        findings.first().map_or_else(|| "it does not compile".to_owned(), ToString::to_string)
    })
}
