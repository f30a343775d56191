//! The bodies of the fuzz targets: each takes any bytes and panics where a property does not hold.
//!
//! The workspace's tests include these files too. They run them over the seeds, over past findings, and over mutations of
//! both: a substitute for fuzzing that needs no nightly compiler.

#![allow(clippy::panic, reason = "a panic tells that a property does not hold")]

mod documents;
mod expressions;
mod models;
mod points;
mod replay;
mod state;
mod state_raw;
mod stored;

use andon_domain::{RuleDocument, ScoreRequest, Transition};
use andon_engine::replay::Sink;
use andon_engine::{BoundScoreRequest, CompiledRules, RuleSet};

/// A function that takes any bytes and panics where a property does not hold.
type Check = fn(&[u8]);

/// The targets by name.
pub(crate) const TARGETS: [(&str, Check); 6] = [
    ("points", points::check),
    ("documents", documents::check),
    ("expressions", expressions::check),
    ("state", state::check),
    ("replay", replay::check),
    ("models", models::check),
];

/// A sink that records transitions and score requests.
#[derive(Default)]
struct Recorder {
    transitions: Vec<Transition>,
    requests: Vec<ScoreRequest>,
}

impl Sink for Recorder {
    fn transition(&mut self, transition: Transition) {
        assert!(serde_json::to_string(&transition).is_ok(), "{transition:?} cannot be written");
        self.transitions.push(transition);
    }

    fn request(&mut self, request: BoundScoreRequest) {
        assert!(serde_json::to_string(&request.request).is_ok(), "{request:?} cannot be written");
        self.requests.push(request.request);
    }
}

/// Returns the compiled rules of a document that is known to compile.
fn compiled(document: RuleDocument) -> CompiledRules {
    CompiledRules::new(RuleSet::compile(document).unwrap_or_else(|findings| panic!("{findings:?}")))
}

/// Reads a text that is known to be a rule document.
fn document(json: &str) -> RuleDocument {
    RuleDocument::from_json(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}
