//! Helpers of several tests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use andon_domain::{RuleDocument, ScoreRequest, Transition};
use andon_engine::replay::{Counts, Replay, Sink};
use andon_engine::{BoundScoreRequest, CompiledRules, RuleSet};

/// The workspace's folder.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ has a parent").to_owned()
}

/// The folders in a folder, by name; none if it is not there.
pub(crate) fn folders(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(path) else { return Vec::new() };
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.expect("a readable folder").path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

pub(crate) fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rules of a file in a test's folder.
pub(crate) fn rules(path: &Path) -> RuleDocument {
    andon_rule_files::read(&path.display().to_string(), &text(path))
        .unwrap_or_else(|diagnostics| panic!("{}", diagnostics.first().expect("one diagnostic at least")))
        .document
}

pub(crate) fn compiled(document: RuleDocument) -> CompiledRules {
    CompiledRules::new(RuleSet::compile(document).unwrap_or_else(|findings| panic!("{:?}", findings.first())))
}

/// A sink that records the decisions.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Recorded {
    pub(crate) transitions: Vec<Transition>,
    pub(crate) requests: Vec<ScoreRequest>,
}

impl Sink for Recorded {
    fn transition(&mut self, transition: Transition) {
        self.transitions.push(transition);
    }

    fn request(&mut self, request: BoundScoreRequest) {
        self.requests.push(request.request);
    }
}

/// The transitions of a replay, with what it counted.
pub(crate) fn replay<'a>(
    document: RuleDocument,
    lines: impl IntoIterator<Item = &'a str>,
    close: bool,
) -> (Vec<Transition>, Counts) {
    let (recorded, counts) = replay_all(document, lines, close);
    (recorded.transitions, counts)
}

/// All that a replay decided, with what it counted.
pub(crate) fn replay_all<'a>(
    document: RuleDocument,
    lines: impl IntoIterator<Item = &'a str>,
    close: bool,
) -> (Recorded, Counts) {
    let mut replay = Replay::new(compiled(document));
    let mut recorded = Recorded::default();
    for line in lines {
        replay.line(line.as_bytes(), &mut recorded).expect("rules that serve every equipment");
    }
    if close {
        replay.close(&mut recorded);
    }
    let counts = replay.counts().clone();
    (recorded, counts)
}

/// The part of a transition that is compared with other models: (sequence, from, to, at, group).
pub(crate) type ComparedTransition = (u64, String, Option<String>, i64, Option<String>);

/// Transitions by (rule, equipment), in the order of decision.
pub(crate) fn by_rule(transitions: &[Transition]) -> BTreeMap<(String, String), Vec<ComparedTransition>> {
    let mut sorted: BTreeMap<_, Vec<ComparedTransition>> = BTreeMap::new();
    for transition in transitions {
        sorted
            .entry((transition.rule_id.to_string(), transition.equipment_id.to_string()))
            .or_default()
            .push((
                transition.sequence,
                transition.from.to_string(),
                transition.to.as_ref().map(ToString::to_string),
                transition.at,
                transition.group.as_ref().map(ToString::to_string),
            ));
    }
    sorted
}
