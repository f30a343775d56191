//! Rules at run time: putting a set, and looking at those that were put.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use andon_domain::{Finding, ModelBinding, Rule, RuleDocument};
use andon_engine::RuleSet;

use crate::limits;
use crate::object_keys;
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
    /// It was not put: writing it took so long that too little was left until the start that was asked for. Give it a
    /// later one, or none.
    TooSlow {
        /// The start that was asked for, ms.
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
                "the set was not put: writing it took too long for its start at {start_ms}; give it a later start, or \
                 none"
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
pub struct PutSummary {
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

impl PutSummary {
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

/// Puts a set: it takes effect at `start_ms`, or as soon as it may once it is written. A set that changes nothing is not
/// put.
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
    replace(ports, &current, document, Change { start_ms, note, keep, told: &|_| {} }).await
}

/// How a set is put.
#[derive(Clone, Copy)]
pub struct Change<'a> {
    /// When it is to take effect, ms; `None`: as soon as it may once it is written.
    pub start_ms: Option<i64>,
    /// Who changes it, or why.
    pub note: &'a str,
    /// How long sets stay in the pointer.
    pub keep: KeepSets,
    /// Hears how many of the rules that differ are written so far.
    pub told: &'a dyn Fn(usize),
}

/// Puts a set that was made from what [`current`] read: if somebody else put one since, this is a conflict, and
/// nothing of theirs is undone.
///
/// Writing takes as long as the table needs; what was written is in force only when the pointer names it. So the pointer,
/// and with it the start where none was asked for, comes last. Whoever is cut off before that has changed nothing, and
/// does it again.
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
    // Before anything is written, for what could not be put anyway.
    let after_ms = pointer.sets.last().map_or(i64::MIN, |set| set.written_ms.saturating_add(1));
    let written_ms = ports.now_ms().max(after_ms);
    let kept = kept(&pointer.sets, written_ms, change.keep)?;
    start(pointer, change.start_ms, ports.now_ms(), limits::SET_NOTICE_MS)?;

    let json = to_json(document)?;
    let digest = object_keys::digest(&json, 32);
    ports.write_set(&digest, &json).await?;
    let versions = versions(&put, document, written_ms, &digest, change.note);
    let mut done = 0;
    for part in versions.chunks(VERSIONS_AT_ONCE) {
        (change.told)(done);
        ports.write_versions(part).await?;
        done += part.len();
    }
    (change.told)(done);

    // Half of the notice is left for the pointer: it is one small item.
    put.start_ms =
        start(pointer, change.start_ms, ports.now_ms(), limits::SET_NOTICE_MS / 2).map_err(|error| {
            if let PutError::TooEarly { start_ms, .. } = error {
                PutError::TooSlow { start_ms }
            } else {
                error
            }
        })?;
    let mut sets = kept;
    sets.push(SetRef {
        start_ms: put.start_ms,
        digest,
        written_ms,
        rules: document.rules.len() as u64,
        note: change.note.to_owned(),
    });
    match ports.advance(&Pointer { revision: pointer.revision + 1, sets }).await? {
        // Had it taken longer than the notice, an invocation could have missed it.
        Advanced::Done if ports.now_ms() >= put.start_ms => Err(PutError::Late { start_ms: put.start_ms }),
        Advanced::Done => Ok(put),
        Advanced::Conflict => Err(PutError::Conflict),
    }
}

/// Versions that are written between two words about how far it is.
const VERSIONS_AT_ONCE: usize = 500;

/// Time from the default start to the earliest possible one, ms: for reading the clock and writing the pointer.
const SPARE_MS: i64 = 1000;

/// When a set starts that is put now: as asked for, with so much notice at least, or as soon as it may.
fn start(
    pointer: &Pointer,
    asked_ms: Option<i64>,
    now_ms: i64,
    least_notice_ms: i64,
) -> Result<i64, PutError> {
    // A whole second, so that people can name it.
    let whole = |ms: i64| ms.saturating_add(999).div_euclid(1000).saturating_mul(1000);
    let known_ms = pointer.sets.last().map_or(i64::MIN, |set| set.start_ms.saturating_add(1));
    let earliest = |notice_ms: i64| known_ms.max(now_ms.saturating_add(notice_ms));
    match asked_ms {
        None => Ok(whole(earliest(limits::SET_NOTICE_MS + SPARE_MS))),
        Some(start_ms) if start_ms >= earliest(least_notice_ms) => Ok(start_ms),
        Some(start_ms) => Err(PutError::TooEarly { start_ms, earliest_ms: earliest(limits::SET_NOTICE_MS) }),
    }
}

/// The sets that stay in the pointer beside a new one.
fn kept(sets: &[SetRef], now_ms: i64, keep: KeepSets) -> Result<Vec<SetRef>, PutError> {
    let unneeded =
        sets.iter().skip(1).take_while(|next| next.start_ms < now_ms.saturating_sub(keep.0)).count();
    let kept: Vec<SetRef> = sets.iter().skip(unneeded).cloned().collect();
    if kept.len() < limits::SETS { Ok(kept) } else { Err(PutError::TooManySets) }
}

/// A version of a rule, and when it takes effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleVersionSpan {
    /// The start of its set, ms; of a set that the pointer no longer lists, when it was written.
    pub start_ms: i64,
    /// The version.
    pub version: RuleVersion,
}

/// The versions of a rule, oldest first. Those of sets that were written and then not put are left out.
///
/// # Errors
/// When the store does not answer.
pub async fn history(ports: &impl RuleStore, id: &str) -> Result<Vec<RuleVersionSpan>, PortError> {
    let sets = ports.pointer().await?.sets;
    // Of sets that were dropped from the pointer nothing more is known.
    let dropped = |version: &RuleVersion| {
        let first = |set: &SetRef| if version.set.is_some() { set.written_ms } else { set.start_ms };
        sets.first().is_some_and(|set| version.number < first(set))
    };
    let lived = |version: RuleVersion| {
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
    Ok(ports.versions(id).await?.into_iter().filter_map(lived).collect())
}

/// The versions of a model, oldest first, as far back as sets are known.
///
/// # Errors
/// When the store does not answer, or holds something else.
pub async fn model_history(ports: &impl RuleStore, id: &str) -> Result<Vec<RuleVersionSpan>, PortError> {
    let mut versions: Vec<RuleVersionSpan> = Vec::new();
    for set in ports.pointer().await?.sets {
        let document = document(ports, &set).await?;
        let model = document.models.iter().find(|model| model.id == id);
        let document = model.and_then(|model| serde_json::to_string(model).ok());
        if versions.last().and_then(|before| before.version.document.as_ref()) != document.as_ref() {
            let (number, digest) = (set.written_ms, Some(set.digest));
            let version = RuleVersion { id: id.to_owned(), number, set: digest, document, note: set.note };
            versions.push(RuleVersionSpan { start_ms: set.start_ms, version });
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
pub fn compare(former: &RuleDocument, new: &RuleDocument) -> PutSummary {
    let before: BTreeMap<&str, &Rule> = former.rules.iter().map(|rule| (rule.id.as_str(), rule)).collect();
    let after: BTreeMap<&str, &Rule> = new.rules.iter().map(|rule| (rule.id.as_str(), rule)).collect();
    let mut put = PutSummary {
        settings_changed: former.settings.unwrap_or_default() != new.settings.unwrap_or_default(),
        models: differing(&models(former), &models(new)),
        equipment: differing(&former.equipment, &new.equipment),
        ..PutSummary::default()
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
    let written = differing.map(|rule| version(&rule.id, serde_json::to_string(rule).ok()));
    written.chain(put.removed.iter().map(|id| version(id, None))).collect()
}

#[cfg(test)]
mod tests;
