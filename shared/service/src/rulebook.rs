//! Rules at run time: putting a set, and looking at those that were put.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use andon_engine::RuleSet;
use andon_model::{Finding, ModelBinding, Rule, RuleDocument};

use crate::limits;
use crate::names;
use crate::ports::{Advanced, Clock, Pointer, PortError, RuleStore, RuleVersion, SetRef};

/// Why a set was not put.
#[derive(Debug)]
pub enum PutError {
    /// It does not compile.
    Invalid(Vec<Finding>),
    /// It holds too many rules.
    TooManyRules(usize),
    /// Its start is too early.
    TooEarly {
        /// The start that was asked for, ms.
        start_ms: i64,
        /// The earliest possible one, ms.
        earliest_ms: i64,
    },
    /// It was not put: writing it took so long that too little was left of its notice. Give it a later start.
    TooSlow {
        /// The start that it would have had, ms.
        start_ms: i64,
    },
    /// It was put, but that took longer than its notice: invocations that began before may have missed it. Put a set
    /// again, so that every key takes it up.
    Late {
        /// Its start, ms.
        start_ms: i64,
    },
    /// Too many sets are still needed by some state or record.
    TooManySets,
    /// Somebody else put a set at the same time: look at it, then try again.
    Conflict,
    /// The store did not answer.
    Port(PortError),
}

impl fmt::Display for PutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(findings) => match findings.split_first() {
                Some((first, [])) => write!(f, "{first}"),
                Some((first, rest)) => write!(f, "{first} (and {} more)", rest.len()),
                None => f.write_str("the rule set is invalid"),
            },
            Self::TooManyRules(rules) => {
                write!(f, "the set holds {rules} rules; expected at most {}", limits::RULES_PER_SET)
            }
            Self::TooEarly { start_ms, earliest_ms } => write!(
                f,
                "the set starts at {start_ms}; expected {earliest_ms} or later, which is {} s from now and after all \
                 known sets",
                limits::SET_NOTICE_MS / 1000
            ),
            Self::TooSlow { start_ms } => write!(
                f,
                "the set was not put: writing it took too long for its start at {start_ms}; give it a later start"
            ),
            Self::Late { start_ms } => write!(
                f,
                "the set was put, but only after its start at {start_ms}: batches under way may have missed it; put it again \
                 with a changed description"
            ),
            Self::TooManySets => write!(
                f,
                "{} sets may still be needed by states and records; wait until older ones have been superseded for long \
                 enough",
                limits::SETS
            ),
            Self::Conflict => {
                f.write_str("somebody else put a rule set at the same time; look at it and try again")
            }
            Self::Port(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PutError {}

impl From<PortError> for PutError {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

/// What putting a set did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Put {
    /// Its start, ms.
    pub start_ms: i64,
    /// Ids of rules that are new.
    pub added: Vec<String>,
    /// Ids of rules that differ from those before, in anything.
    pub changed: Vec<String>,
    /// Ids of rules that are gone.
    pub removed: Vec<String>,
    /// The settings differ.
    pub settings_changed: bool,
    /// Ids of models that are new, gone, or differ in anything.
    pub models: Vec<String>,
    /// Ids of equipments whose attributes differ.
    pub equipment: Vec<String>,
}

impl Put {
    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let rules = self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty();
        rules && !self.settings_changed && self.models.is_empty() && self.equipment.is_empty()
    }
}

/// A set is dropped from the pointer so long after the next one has started, ms: no state at rest, and no record, can
/// need it any more, and `tick` has moved the others on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepSets(pub i64);

impl Default for KeepSets {
    fn default() -> Self {
        Self(40 * 86_400_000)
    }
}

/// The newest rules, and the pointer that names them: what a change is made from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Current {
    /// As it was read.
    pub pointer: Pointer,
    /// The newest document, which may not have started yet; without rules if there is none.
    pub document: RuleDocument,
}

/// Reads the newest rules.
///
/// # Errors
/// When the store does not answer, or holds something else.
pub async fn current(ports: &impl RuleStore) -> Result<Current, PortError> {
    let pointer = ports.pointer().await?;
    let document = newest(ports, &pointer).await?;
    Ok(Current { pointer, document })
}

/// Puts a set: it takes effect at `start_ms`, or as soon as it may. A set that changes nothing is not put.
///
/// # Errors
/// See [`PutError`]. After [`PutError::Port`] it may have been put.
pub async fn put(
    ports: &(impl RuleStore + Clock),
    document: &RuleDocument,
    start_ms: Option<i64>,
    note: &str,
    keep: KeepSets,
) -> Result<Put, PutError> {
    let current = current(ports).await?;
    replace(ports, &current, document, start_ms, note, keep).await
}

/// Puts a set that was made from what [`current`] read: if somebody else put one since, this is a conflict, and
/// nothing of theirs is undone.
///
/// # Errors
/// See [`put`].
pub async fn replace(
    ports: &(impl RuleStore + Clock),
    Current { pointer, document: former }: &Current,
    document: &RuleDocument,
    start_ms: Option<i64>,
    note: &str,
    keep: KeepSets,
) -> Result<Put, PutError> {
    if document.rules.len() > limits::RULES_PER_SET {
        return Err(PutError::TooManyRules(document.rules.len()));
    }
    RuleSet::compile(document.clone()).map_err(PutError::Invalid)?;
    let mut put = compare(former, document);
    if put.is_empty() && !pointer.sets.is_empty() {
        put.start_ms = pointer.sets.last().map_or(0, |set| set.start_ms);
        return Ok(put);
    }
    let now_ms = ports.now_ms();
    let known_ms = pointer.sets.last().map(|set| set.start_ms.saturating_add(1));
    // Writing takes time too: a version of each rule that differs.
    let differing = put.added.len() + put.changed.len() + put.removed.len();
    let writing_ms = 1000 + VERSION_WRITE_MS.saturating_mul(i64::try_from(differing).unwrap_or(i64::MAX));
    let notice_ms = limits::SET_NOTICE_MS;
    let earliest_ms = known_ms.unwrap_or(i64::MIN).max(now_ms.saturating_add(notice_ms));
    let as_soon_as_may_be = now_ms.saturating_add(notice_ms.saturating_add(writing_ms));
    // A whole second, so that people can name it.
    let whole = |ms: i64| ms.saturating_add(999).div_euclid(1000).saturating_mul(1000);
    let start_ms = start_ms.unwrap_or(whole(earliest_ms.max(as_soon_as_may_be)));
    if start_ms < earliest_ms {
        return Err(PutError::TooEarly { start_ms, earliest_ms });
    }
    let json = to_json(document)?;
    let digest = names::digest(&json, 32);
    let mut sets: Vec<SetRef> = pointer.sets.clone();
    sets.push(SetRef {
        start_ms,
        digest: digest.clone(),
        written_ms: now_ms,
        rules: document.rules.len() as u64,
        note: note.to_owned(),
    });
    let unneeded =
        sets.iter().skip(1).take_while(|next| next.start_ms < now_ms.saturating_sub(keep.0)).count();
    sets.drain(..unneeded);
    if sets.len() > limits::SETS {
        return Err(PutError::TooManySets);
    }
    ports.write_set(&digest, &json).await?;
    ports.write_versions(&versions(&put, document, start_ms, note)).await?;
    if ports.now_ms() > start_ms.saturating_sub(notice_ms / 2) {
        return Err(PutError::TooSlow { start_ms });
    }
    let next = Pointer { revision: pointer.revision + 1, sets };
    match ports.advance(&next).await? {
        Advanced::Done => {
            // Had it taken longer than the notice, an invocation could have missed it.
            put.start_ms = start_ms;
            if ports.now_ms() >= start_ms { Err(PutError::Late { start_ms }) } else { Ok(put) }
        }
        Advanced::Conflict => Err(PutError::Conflict),
    }
}

/// Time that is allowed for writing the version of one rule, ms.
const VERSION_WRITE_MS: i64 = 5;

/// The versions of a rule, oldest first. Those of sets that were written and then not put are left out.
///
/// # Errors
/// When the store does not answer.
pub async fn history(ports: &impl RuleStore, id: &str) -> Result<Vec<RuleVersion>, PortError> {
    let sets = ports.pointer().await?.sets;
    // Of sets that were dropped from the pointer nothing more is known.
    let first_ms = sets.first().map_or(i64::MIN, |set| set.start_ms);
    let was_put = |version: &RuleVersion| {
        version.start_ms < first_ms || sets.iter().any(|set| set.start_ms == version.start_ms)
    };
    let mut versions = ports.versions(id).await?;
    versions.retain(was_put);
    Ok(versions)
}

/// The versions of a model, oldest first, as far back as sets are known.
///
/// # Errors
/// When the store does not answer, or holds something else.
pub async fn model_history(ports: &impl RuleStore, id: &str) -> Result<Vec<RuleVersion>, PortError> {
    let mut versions: Vec<RuleVersion> = Vec::new();
    for set in ports.pointer().await?.sets {
        let document = document(ports, &set).await?;
        let model = document.models.iter().find(|model| model.id == id);
        let document = model.and_then(|model| serde_json::to_string(model).ok());
        if versions.last().and_then(|before| before.document.as_ref()) != document.as_ref() {
            versions.push(RuleVersion {
                id: id.to_owned(),
                start_ms: set.start_ms,
                document,
                note: set.note,
            });
        }
    }
    Ok(versions)
}

/// The newest document; without rules if there is none.
///
/// # Errors
/// When the store does not answer, or holds something else.
pub async fn newest(ports: &impl RuleStore, pointer: &Pointer) -> Result<RuleDocument, PortError> {
    match pointer.sets.last() {
        None => Ok(RuleDocument::default()),
        Some(set) => document(ports, set).await,
    }
}

/// The document of a set.
///
/// # Errors
/// When the store does not answer, or holds something else.
pub async fn document(ports: &impl RuleStore, set: &SetRef) -> Result<RuleDocument, PortError> {
    let json = ports.read_set(&set.digest).await?;
    serde_json::from_slice(&json).map_err(|error| {
        PortError::permanent(format!("the rule set `{}` is not readable: {error}", set.digest))
    })
}

fn to_json(document: &RuleDocument) -> Result<Vec<u8>, PortError> {
    serde_json::to_vec(document)
        .map_err(|error| PortError::permanent(format!("the rule set cannot be written as json: {error}")))
}

/// What differs between two documents, by the ids of rules.
#[must_use]
pub fn compare(former: &RuleDocument, new: &RuleDocument) -> Put {
    let before: BTreeMap<&str, &Rule> = former.rules.iter().map(|rule| (rule.id.as_str(), rule)).collect();
    let after: BTreeMap<&str, &Rule> = new.rules.iter().map(|rule| (rule.id.as_str(), rule)).collect();
    let mut put = Put {
        settings_changed: former.settings.unwrap_or_default() != new.settings.unwrap_or_default(),
        models: differing(&models(former), &models(new)),
        equipment: differing(&former.equipment, &new.equipment),
        ..Put::default()
    };
    // Bindings of one time are looked at in the order of the document.
    if put.models.is_empty() && former.models != new.models {
        put.models = new.models.iter().map(|model| model.id.clone()).collect();
    }
    for (id, rule) in &after {
        match before.get(id) {
            None => put.added.push((*id).to_owned()),
            Some(former) if former != rule => put.changed.push((*id).to_owned()),
            Some(_) => {}
        }
    }
    put.removed = before.keys().filter(|id| !after.contains_key(*id)).map(|id| (*id).to_owned()).collect();
    put
}

fn models(document: &RuleDocument) -> BTreeMap<String, &ModelBinding> {
    document.models.iter().map(|model| (model.id.clone(), model)).collect()
}

/// The keys under which two maps do not hold the same.
fn differing<T: PartialEq>(former: &BTreeMap<String, T>, new: &BTreeMap<String, T>) -> Vec<String> {
    let keys: BTreeSet<&String> = former.keys().chain(new.keys()).collect();
    keys.into_iter().filter(|key| former.get(*key) != new.get(*key)).cloned().collect()
}

fn versions(put: &Put, document: &RuleDocument, start_ms: i64, note: &str) -> Vec<RuleVersion> {
    let version = |id: &str, document: Option<String>| RuleVersion {
        id: id.to_owned(),
        start_ms,
        document,
        note: note.to_owned(),
    };
    let ids: BTreeSet<&str> = put.added.iter().chain(&put.changed).map(String::as_str).collect();
    let differing = document.rules.iter().filter(|rule| ids.contains(rule.id.as_str()));
    let written = differing.map(|rule| version(&rule.id, serde_json::to_string(rule).ok()));
    written.chain(put.removed.iter().map(|id| version(id, None))).collect()
}

#[cfg(test)]
mod tests;
