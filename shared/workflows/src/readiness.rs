//! Readiness of this version for the stored rule sets and states: `andon deploy-check`. It reads and never writes.
//!
//! It does the first steps of an invocation of the new version: compile the rule sets that states and records may still
//! need, and unpack the states.

use std::collections::BTreeSet;

use andon_domain::RuleDocument;
use andon_engine::{KeyState, rule_set_of, segments_of};

use crate::catalog::{Catalog, CatalogError};
use crate::envelope::{StateEnvelope, Stored, among};
use crate::ports::{Head, Objects, Pointer, PortError, RuleStore, SetRef, StateStore};

/// The ports of the check.
pub trait ReadinessPorts: RuleStore + StateStore + Objects {}

impl<P: RuleStore + StateStore + Objects> ReadinessPorts for P {}

/// A check of a rule set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetReadiness {
    /// The set.
    pub set: SetRef,
    /// The reasons why this version cannot use it; empty if it can.
    pub problems: Vec<String>,
    /// The endpoints of its models, each once.
    pub endpoints: Vec<String>,
}

/// Checks every rule set that the pointer lists.
///
/// # Errors
/// If the table of rules cannot be read. A document that is lost is a problem of its set.
pub async fn rule_sets(ports: &impl RuleStore) -> Result<(Pointer, Vec<SetReadiness>), PortError> {
    let pointer = ports.pointer().await?;
    let mut sets = Vec::with_capacity(pointer.sets.len());
    for set in &pointer.sets {
        let (problems, endpoints) = match ports.read_set(&set.digest).await {
            Ok(document) => inspect_document(&document),
            Err(error) => (vec![error.message], Vec::new()),
        };
        sets.push(SetReadiness { set: set.clone(), problems, endpoints });
    }
    Ok((pointer, sets))
}

/// Returns the problems of a document, and the endpoints that it names.
fn inspect_document(document: &[u8]) -> (Vec<String>, Vec<String>) {
    let document = match serde_json::from_slice::<RuleDocument>(document) {
        Err(error) => return (vec![format!("the document cannot be read: {error}")], Vec::new()),
        Ok(document) => document,
    };
    let endpoints: BTreeSet<String> =
        document.models.iter().map(|model| model.endpoint.name.clone()).collect();
    let problems = match andon_engine::RuleSet::compile(document) {
        Ok(_) => Vec::new(),
        Err(findings) => findings.iter().map(ToString::to_string).collect(),
    };
    (problems, endpoints.into_iter().collect())
}

/// A check of states.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatesReadiness {
    /// The number of states inspected.
    pub inspected: u64,
    /// True if some states were not inspected.
    pub more: bool,
    /// States in a form that this version no longer writes: the next commit of each rewrites it.
    pub rewritten: u64,
    /// Keys that are parked already.
    pub parked: u64,
    /// Keys whose state this version cannot read, with the reason: it would park them.
    pub unreadable: Vec<(String, String)>,
}

/// Checks the states of up to `most` keys. Calls `on_progress` with the number of states inspected so far.
///
/// # Errors
/// If a table cannot be read.
pub async fn states(
    ports: &impl ReadinessPorts,
    pointer: &Pointer,
    most: u64,
    mut on_progress: impl FnMut(u64),
) -> Result<StatesReadiness, PortError> {
    let catalog = Catalog::default();
    let mut states = StatesReadiness::default();
    let mut next = None;
    loop {
        let page = ports.scan_heads(next.as_deref()).await?;
        for (equipment, head) in page.items {
            if states.inspected >= most {
                states.more = true;
                return Ok(states);
            }
            states.inspected += 1;
            if head.parked.is_some() {
                states.parked += 1;
            } else if !head.body.is_empty() {
                match state(ports, &catalog, pointer, &equipment, &head).await {
                    Ok(same_form) => states.rewritten += u64::from(!same_form),
                    Err(StateError::Unreadable(reason)) => states.unreadable.push((equipment, reason)),
                    Err(StateError::Store(error)) => return Err(error),
                }
            }
        }
        on_progress(states.inspected);
        next = page.next;
        if next.is_none() {
            return Ok(states);
        }
    }
}

/// A reason why a state cannot be read.
enum StateError {
    /// A store does not answer.
    Store(PortError),
    /// This version cannot read it.
    Unreadable(String),
}

impl From<PortError> for StateError {
    fn from(error: PortError) -> Self {
        Self::Store(error)
    }
}

impl StateError {
    fn unreadable(error: impl ToString) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// Reads a state and returns whether this version writes it in the same form.
async fn state(
    ports: &impl ReadinessPorts,
    catalog: &Catalog,
    pointer: &Pointer,
    equipment: &str,
    head: &Head,
) -> Result<bool, StateError> {
    let body = StateEnvelope::read(&head.body).map_err(StateError::unreadable)?;
    let packed = match body.state {
        Stored::Here(packed) => packed,
        Stored::Object(name) => ports
            .get_object(&name)
            .await?
            .ok_or_else(|| StateError::Unreadable(format!("the object `{name}` of the state is missing")))?,
    };
    let start_ms = rule_set_of(&packed).map_err(StateError::unreadable)?;
    let needed = segments_of(&packed).map_err(StateError::unreadable)?;
    let rules = match catalog.chain(ports, pointer, start_ms, start_ms).await {
        Ok(rules) => rules,
        Err(CatalogError::Port(error)) => return Err(error.into()),
        Err(error) => return Err(StateError::unreadable(error)),
    };
    let segments = if needed.is_empty() { Vec::new() } else { ports.read_segments(equipment).await? };
    let mut state =
        KeyState::unpack(equipment, &rules, &packed, among(&segments)).map_err(StateError::unreadable)?;
    // The first byte is the version of the form.
    Ok(state.pack().head.first() == packed.first())
}
