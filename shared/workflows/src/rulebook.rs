//! Rules at run time: putting a rule set, and reading the sets that were put.

use std::collections::{BTreeMap, BTreeSet};

use andon_domain::{Finding, ModelBinding, Rule, RuleDocument, never};
use andon_engine::RuleSet;

use crate::limits;
use crate::object_keys;
use crate::ports::{Advanced, Clock, Pointer, PortError, RuleStore, RuleVersion, SetRef};

/// A reason why a set was not put.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// It does not compile.
    #[error("{}", findings(.0))]
    Invalid(Vec<Finding>),
    /// It holds too many rules.
    #[error("the set holds {0} rules; expected at most {limit}", limit = limits::RULES_PER_SET)]
    TooManyRules(usize),
    /// Its start is too early.
    #[error(
        "the set starts at {start_ms}; expected {earliest_ms} or later, which is {} s from now and after all known sets",
        limits::SET_NOTICE_MS / 1000
    )]
    TooEarly {
        /// The requested start, ms.
        start_ms: i64,
        /// The earliest possible start, ms.
        earliest_ms: i64,
    },
    /// It was not put: writing it left too little time until the requested start. Request a later one, or none.
    #[error(
        "the set was not put: writing it took too long for its start at {start_ms}; give it a later start, or none"
    )]
    TooSlow {
        /// The requested start, ms.
        start_ms: i64,
    },
    /// It was put, but that took longer than its notice: invocations that began before may have missed it. Put a set
    /// again, so that every key takes it up.
    #[error(
        "the set was put, but only after its start at {start_ms}: batches under way may have missed it; put it again \
         with a changed description"
    )]
    Late {
        /// Its start, ms.
        start_ms: i64,
    },
    /// The pointer is full of sets that a state or record may still need.
    #[error(
        "{} sets may still be needed by states and records; wait until older ones have been superseded for long enough",
        limits::SETS
    )]
    TooManySets,
    /// Another operator put a set at the same time: read it, then try again.
    #[error("another operator put a rule set at the same time; read it and try again")]
    Conflict,
    /// The store does not answer.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Returns the first finding, and the number of further ones.
fn findings(findings: &[Finding]) -> String {
    match findings.split_first() {
        Some((first, [])) => first.to_string(),
        Some((first, rest)) => format!("{first} (and {} more)", rest.len()),
        None => "the rule set is invalid".to_owned(),
    }
}

/// A summary of the differences of a set that was put.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PutSummary {
    /// Its start, ms.
    pub start_ms: i64,
    /// Ids of rules that are new.
    pub added: Vec<String>,
    /// Ids of rules that differ from those before, in anything.
    pub changed: Vec<String>,
    /// Ids of rules that were removed.
    pub removed: Vec<String>,
    /// True if the settings differ.
    pub settings_changed: bool,
    /// Ids of models that are new, were removed, or differ in anything.
    pub models: Vec<String>,
    /// Ids of machines whose attributes differ.
    pub equipment: Vec<String>,
}

impl PutSummary {
    /// Returns whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let rules = self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty();
        rules && !self.settings_changed && self.models.is_empty() && self.equipment.is_empty()
    }
}

/// Time from the start of the next set until a set is dropped from the pointer, ms. By then no state at rest and no
/// record needs it, and `tick` has moved all other states to a newer set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepSets(pub i64);

impl Default for KeepSets {
    fn default() -> Self {
        Self(40 * 86_400_000)
    }
}

/// The newest rules, and the pointer that names them: the base of a change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Current {
    /// The pointer as it was read.
    pub pointer: Pointer,
    /// The newest document, which may not have started yet; without rules if there is none.
    pub document: RuleDocument,
}

/// Reads the newest rules.
///
/// # Errors
/// If the store does not answer, or its document cannot be read.
pub async fn current(ports: &impl RuleStore) -> Result<Current, PortError> {
    let pointer = ports.pointer().await?;
    let document = newest(ports, &pointer).await?;
    Ok(Current { pointer, document })
}

/// Puts a set. It takes effect at `start_ms`, or as early as possible after it is written. A set without any difference
/// is not put.
///
/// # Errors
/// See [`PutError`]. After [`PutError::Port`] it may have been put.
pub async fn put(
    ports: &(impl RuleStore + Clock),
    document: &RuleDocument,
    start_ms: Option<i64>,
    note: &str,
    keep: KeepSets,
) -> Result<PutSummary, PutError> {
    let current = current(ports).await?;
    replace(ports, &current, document, Change { start_ms, note, keep, on_progress: &|_| {} }).await
}

/// Options of putting a set.
#[derive(Clone, Copy)]
pub struct Change<'a> {
    /// The requested start, ms; `None`: as early as possible after it is written.
    pub start_ms: Option<i64>,
    /// The note of the operator.
    pub note: &'a str,
    /// The time for which sets stay in the pointer.
    pub keep: KeepSets,
    /// Called with the number of rule versions written so far.
    pub on_progress: &'a dyn Fn(usize),
}

/// Puts a set that was made from the result of [`current`]. If another operator put a set since, this is a conflict, and
/// that set stays.
///
/// Writing takes as long as the table needs, and a set is in force only when the pointer names it. So the pointer is
/// written last, with the start if none was requested. A call that is cut off before has changed nothing.
///
/// # Errors
/// See [`put`].
pub async fn replace(
    ports: &(impl RuleStore + Clock),
    Current { pointer, document: former }: &Current,
    document: &RuleDocument,
    change: Change<'_>,
) -> Result<PutSummary, PutError> {
    if document.rules.len() > limits::RULES_PER_SET {
        return Err(PutError::TooManyRules(document.rules.len()));
    }
    RuleSet::compile(document.clone()).map_err(PutError::Invalid)?;
    let mut put = compare(former, document);
    if put.is_empty() && !pointer.sets.is_empty() {
        put.start_ms = pointer.sets.last().map_or(0, |set| set.start_ms);
        return Ok(put);
    }
    // Before anything is written: a set that cannot be put leaves no trace.
    let after_ms = pointer.sets.last().map_or(i64::MIN, |set| set.written_ms.saturating_add(1));
    let written_ms = ports.now_ms().max(after_ms);
    let mut sets = retained_sets(&pointer.sets, written_ms, change.keep)?;
    start(pointer, change.start_ms, ports.now_ms(), limits::SET_NOTICE_MS)?;

    let json = to_json(document)?;
    let digest = object_keys::digest(&json, 32);
    ports.write_set(&digest, &json).await?;
    let versions = versions(&put, document, written_ms, &digest, change.note);
    let mut done = 0;
    for part in versions.chunks(VERSIONS_AT_ONCE) {
        (change.on_progress)(done);
        ports.write_versions(part).await?;
        done += part.len();
    }
    (change.on_progress)(done);

    // Half of the notice suffices for the pointer: it is one small item.
    put.start_ms =
        start(pointer, change.start_ms, ports.now_ms(), limits::SET_NOTICE_MS / 2).map_err(|error| {
            if let PutError::TooEarly { start_ms, .. } = error {
                PutError::TooSlow { start_ms }
            } else {
                error
            }
        })?;
    sets.push(SetRef {
        start_ms: put.start_ms,
        digest,
        written_ms,
        rules: document.rules.len() as u64,
        note: change.note.to_owned(),
    });
    match ports.advance(&Pointer { revision: pointer.revision + 1, sets }).await? {
        // An invocation that began before may have missed the set.
        Advanced::Done if ports.now_ms() >= put.start_ms => Err(PutError::Late { start_ms: put.start_ms }),
        Advanced::Done => Ok(put),
        Advanced::Conflict => Err(PutError::Conflict),
    }
}

/// Versions that are written between two reports of progress.
const VERSIONS_AT_ONCE: usize = 500;

/// Time from the earliest possible start to the default one, ms: for reading the clock and writing the pointer.
const SPARE_MS: i64 = 1000;

/// Returns the start of a set that is put now: the requested one if its notice is long enough, or the earliest one.
fn start(
    pointer: &Pointer,
    requested_ms: Option<i64>,
    now_ms: i64,
    least_notice_ms: i64,
) -> Result<i64, PutError> {
    // A whole second, so that an operator can type it.
    let whole = |ms: i64| ms.saturating_add(999).div_euclid(1000).saturating_mul(1000);
    let known_ms = pointer.sets.last().map_or(i64::MIN, |set| set.start_ms.saturating_add(1));
    let earliest = |notice_ms: i64| known_ms.max(now_ms.saturating_add(notice_ms));
    match requested_ms {
        None => Ok(whole(earliest(limits::SET_NOTICE_MS + SPARE_MS))),
        Some(start_ms) if start_ms >= earliest(least_notice_ms) => Ok(start_ms),
        Some(start_ms) => Err(PutError::TooEarly { start_ms, earliest_ms: earliest(limits::SET_NOTICE_MS) }),
    }
}

/// Returns the sets that stay in the pointer beside a new one.
fn retained_sets(sets: &[SetRef], now_ms: i64, keep: KeepSets) -> Result<Vec<SetRef>, PutError> {
    let unneeded =
        sets.iter().skip(1).take_while(|next| next.start_ms < now_ms.saturating_sub(keep.0)).count();
    let retained: Vec<SetRef> = sets.iter().skip(unneeded).cloned().collect();
    if retained.len() < limits::SETS { Ok(retained) } else { Err(PutError::TooManySets) }
}

/// A version of a rule, with its start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleVersionSpan {
    /// The start of its set, ms; if the pointer no longer lists the set, the time at which it was written.
    pub start_ms: i64,
    /// The version.
    pub version: RuleVersion,
}

/// Returns the versions of a rule, oldest first, without those of sets that were written and then not put.
///
/// # Errors
/// If the store does not answer.
pub async fn history(ports: &impl RuleStore, id: &str) -> Result<Vec<RuleVersionSpan>, PortError> {
    let sets = ports.pointer().await?.sets;
    // The start of a set that was dropped from the pointer is not known any more.
    let dropped = |version: &RuleVersion| {
        let first = |set: &SetRef| if version.set.is_some() { set.written_ms } else { set.start_ms };
        sets.first().is_some_and(|set| version.number < first(set))
    };
    let span = |version: RuleVersion| {
        let of = |set: &&SetRef| match &version.set {
            Some(digest) => set.written_ms == version.number && set.digest == *digest,
            None => set.start_ms == version.number,
        };
        let start_ms = match sets.iter().find(of) {
            Some(set) => set.start_ms,
            None if dropped(&version) => version.number,
            None => return None,
        };
        Some(RuleVersionSpan { start_ms, version })
    };
    Ok(ports.versions(id).await?.into_iter().filter_map(span).collect())
}

/// Returns the versions of a model, oldest first, from all sets that the pointer lists.
///
/// # Errors
/// If the store does not answer, or its document cannot be read.
pub async fn model_history(ports: &impl RuleStore, id: &str) -> Result<Vec<RuleVersionSpan>, PortError> {
    let mut versions: Vec<RuleVersionSpan> = Vec::new();
    for set in ports.pointer().await?.sets {
        let document = document(ports, &set).await?;
        let model = document.models.iter().find(|model| model.id == id);
        let document = model.and_then(json_of);
        if versions.last().and_then(|before| before.version.document.as_ref()) != document.as_ref() {
            let (number, digest) = (set.written_ms, Some(set.digest));
            let version = RuleVersion { id: id.to_owned(), number, set: digest, document, note: set.note };
            versions.push(RuleVersionSpan { start_ms: set.start_ms, version });
        }
    }
    Ok(versions)
}

/// Returns the newest document; without rules if there is none.
///
/// # Errors
/// If the store does not answer, or its document cannot be read.
pub async fn newest(ports: &impl RuleStore, pointer: &Pointer) -> Result<RuleDocument, PortError> {
    match pointer.sets.last() {
        None => Ok(RuleDocument::default()),
        Some(set) => document(ports, set).await,
    }
}

/// Returns the document of a set.
///
/// # Errors
/// If the store does not answer, or its document cannot be read.
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

/// Returns the differences between two documents, by the ids of rules.
#[must_use]
pub fn compare(former: &RuleDocument, new: &RuleDocument) -> PutSummary {
    let before: BTreeMap<&str, &Rule> = former.rules.iter().map(|rule| (rule.id.as_str(), rule)).collect();
    let after: BTreeMap<&str, &Rule> = new.rules.iter().map(|rule| (rule.id.as_str(), rule)).collect();
    let mut put = PutSummary {
        settings_changed: former.settings.unwrap_or_default() != new.settings.unwrap_or_default(),
        models: differing(&models(former), &models(new)),
        equipment: differing(&former.equipment, &new.equipment),
        ..PutSummary::default()
    };
    // Bindings of one instant are evaluated in the order of the document, so their order is a difference.
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

/// Returns the keys whose values differ between two maps.
fn differing<T: PartialEq>(former: &BTreeMap<String, T>, new: &BTreeMap<String, T>) -> Vec<String> {
    let keys: BTreeSet<&String> = former.keys().chain(new.keys()).collect();
    keys.into_iter().filter(|key| former.get(*key) != new.get(*key)).cloned().collect()
}

/// Returns a rule or model as JSON. `None` would say that it was removed, so it must not fail.
fn json_of(part: &impl serde::Serialize) -> Option<String> {
    match serde_json::to_string(part) {
        Ok(json) => Some(json),
        Err(error) => {
            never!("a part of a rule set is not written as JSON: {error}");
            None
        }
    }
}

fn versions(
    put: &PutSummary,
    document: &RuleDocument,
    written_ms: i64,
    digest: &str,
    note: &str,
) -> Vec<RuleVersion> {
    let version = |id: &str, document: Option<String>| RuleVersion {
        id: id.to_owned(),
        number: written_ms,
        set: Some(digest.to_owned()),
        document,
        note: note.to_owned(),
    };
    let ids: BTreeSet<&str> = put.added.iter().chain(&put.changed).map(String::as_str).collect();
    let differing = document.rules.iter().filter(|rule| ids.contains(rule.id.as_str()));
    let written = differing.map(|rule| version(&rule.id, json_of(rule)));
    written.chain(put.removed.iter().map(|id| version(id, None))).collect()
}

#[cfg(test)]
mod tests;
