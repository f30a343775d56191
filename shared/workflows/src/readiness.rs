//! Whether this version could take over what is stored: `andon deploy-check`. Reads, and writes nothing.
//!
//! It does what an invocation of the new version would do first: compile the rule sets that states and records may
//! still need, and unpack the states.

use std::collections::BTreeSet;

use andon_domain::RuleDocument;
use andon_engine::{CompiledRules, KeyState, rule_set_of, segments_of};

use crate::catalog::{Catalog, CatalogError};
use crate::envelope::{StateEnvelope, Stored, among};
use crate::ports::{Head, Objects, Pointer, PortError, RuleStore, SetRef, StateStore};

/// The ports that are read.
pub trait ReadinessPorts: RuleStore + StateStore + Objects {}

impl<P: RuleStore + StateStore + Objects> ReadinessPorts for P {}

/// A rule set, as this version sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetReadiness {
    /// Which one.
    pub set: SetRef,
    /// What keeps it from being used; empty where it can be.
    pub problems: Vec<String>,
    /// Endpoints that its models ask, each once.
    pub endpoints: Vec<String>,
}

/// Looks at every rule set that is listed.
///
/// # Errors
/// When the table of rules cannot be read. A set whose document is lost has that as its problem.
pub async fn rule_sets(ports: &impl RuleStore) -> Result<(Pointer, Vec<SetReadiness>), PortError> {
    let pointer = ports.pointer().await?;
    let mut sets = Vec::with_capacity(pointer.sets.len());
    for set in &pointer.sets {
        let (problems, endpoints) = match ports.read_set(&set.digest).await {
            Ok(document) => looked_at(&document),
            Err(error) => (vec![error.message], Vec::new()),
        };
        sets.push(SetReadiness { set: set.clone(), problems, endpoints });
    }
    Ok((pointer, sets))
}

/// What is wrong with a document, and the endpoints that it names.
fn looked_at(document: &[u8]) -> (Vec<String>, Vec<String>) {
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

/// The states, as this version sees them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatesReadiness {
    /// How many were looked at.
    pub looked_at: u64,
    /// Whether there are more, which were not looked at.
    pub more: bool,
    /// Of these, in a form that this version writes otherwise: each is written anew with its next commit.
    pub rewritten: u64,
    /// Equipments that are parked already: they are no worse off.
    pub parked: u64,
    /// Equipments whose state this version cannot read, with the reason: it would park them.
    pub unreadable: Vec<(String, String)>,
}

/// Looks at the states of up to `most` equipments; `on_progress` hears how many were looked at so far.
///
/// # Errors
/// When the table of states cannot be read.
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
            if states.looked_at >= most {
                states.more = true;
                return Ok(states);
            }
            states.looked_at += 1;
            if head.parked.is_some() {
                states.parked += 1;
            } else if !head.body.is_empty() {
                match state(ports, &catalog, pointer, &equipment, &head).await? {
                    Ok(same_form) => states.rewritten += u64::from(!same_form),
                    Err(reason) => states.unreadable.push((equipment, reason)),
                }
            }
        }
        on_progress(states.looked_at);
        next = page.next;
        if next.is_none() {
            return Ok(states);
        }
    }
}

/// Whether this version would write a state as it is stored; the inner error: it cannot read it.
async fn state(
    ports: &impl ReadinessPorts,
    catalog: &Catalog,
    pointer: &Pointer,
    equipment: &str,
    head: &Head,
) -> Result<Result<bool, String>, PortError> {
    let body = match StateEnvelope::read(&head.body) {
        Ok(body) => body,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let packed = match body.state {
        Stored::Here(packed) => packed,
        Stored::Object(name) => match ports.get_object(&name).await? {
            Some(packed) => packed,
            None => return Ok(Err(format!("the object `{name}` of the state is missing"))),
        },
    };
    let (start_ms, needed) = match (rule_set_of(&packed), segments_of(&packed)) {
        (Ok(start_ms), Ok(needed)) => (start_ms, needed),
        (Err(error), _) | (_, Err(error)) => return Ok(Err(error.to_string())),
    };
    let rules: CompiledRules = match catalog.chain(ports, pointer, start_ms, start_ms).await {
        Ok(rules) => rules,
        Err(CatalogError::Port(error)) => return Err(error),
        Err(error) => return Ok(Err(error.to_string())),
    };
    let segments = if needed.is_empty() { Vec::new() } else { ports.read_segments(equipment).await? };
    Ok(match KeyState::unpack(equipment, &rules, &packed, among(&segments)) {
        // The form is said by the first byte.
        Ok(mut state) => Ok(state.pack().head.first() == packed.first()),
        Err(error) => Err(error.to_string()),
    })
}
