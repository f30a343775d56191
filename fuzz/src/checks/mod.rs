//! The bodies of the fuzz targets: each takes any bytes and panics where a property does not hold.
//!
//! The workspace's tests include these files too, and run them over the seeds, over past findings, and over
//! mutations of both: a substitute for fuzzing that needs no nightly compiler.

#![allow(clippy::panic, reason = "a panic tells that a property does not hold")]

mod choices;
mod documents;
mod expressions;
mod models;
mod points;
mod replay;
mod script;
mod state;
mod state_raw;

use andon_domain::{RuleDocument, ScoreRequest, Transition};
use andon_engine::replay::Sink;
use andon_engine::{BoundScoreRequest, CompiledRules, RuleSet};

/// Takes any bytes, and panics where a property does not hold.
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

/// Keeps the transitions, and what models are asked.
#[derive(Default)]
struct Kept(Vec<Transition>, Vec<ScoreRequest>);

impl Sink for Kept {
    fn transition(&mut self, transition: Transition) {
        assert!(serde_json::to_string(&transition).is_ok(), "{transition:?} cannot be written");
        self.0.push(transition);
    }

    fn request(&mut self, request: BoundScoreRequest) {
        assert!(serde_json::to_string(&request.request).is_ok(), "{request:?} cannot be written");
        self.1.push(request.request);
    }
}

/// Rules that are known to compile.
fn compiled(document: RuleDocument) -> CompiledRules {
    CompiledRules::new(RuleSet::compile(document).unwrap_or_else(|findings| panic!("{findings:?}")))
}

/// A rule document that is known to be one.
fn document(json: &str) -> RuleDocument {
    RuleDocument::from_json(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}
