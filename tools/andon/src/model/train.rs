//! `andon model train`.

use std::path::PathBuf;

use andon_domain::{Millis, ScoreRequest, Transition};
use andon_models::{Forest, ForestOptions, Linear, Model};
use clap::ValueEnum;

use super::features::{self, binding, names, row};
use crate::failure::Failure;
use crate::rules;
use crate::terminal::{Terminal, grouped};
use crate::times::day_or_time;
use andon_domain::text::escape_control_chars;

/// Train a model on history, and print it as JSON.
///
/// `forest` is an isolation forest and needs no labels. Its score is near 0.5 for a usual row, and nears 1 for an anomaly.
/// `chance` is a logistic regression on the state changes of a rule in the same history. Its score is the probability, from
/// 0 to 1, that the rule enters a state within a time.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  andon model train --rules rules.yaml --model bearing --until 2026-03-01 history.jsonl > bearing.json
  andon model train --rules rules.yaml --model hot-soon --kind chance --before filler-overheat=WARNING --within 10m \\
      history.jsonl > hot-soon.json")]
pub(super) struct Arguments {
    /// Rule files, or directories of them; together they are one rule set.
    #[arg(long, short, required = true, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// The binding of the model.
    #[arg(long, value_name = "ID")]
    model: String,
    /// The kind of model.
    #[arg(long, value_enum, default_value = "forest")]
    kind: Kind,
    /// Learn only from rows before this time: a date, or `2026-03-01T06:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = day_or_time)]
    until: Option<i64>,
    /// For `chance`: the rule and the state to predict.
    #[arg(long, value_name = "RULE=STATE", value_parser = rule_and_state, required_if_eq("kind", "chance"))]
    before: Option<(String, String)>,
    /// For `chance`: the prediction horizon.
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = Millis::parse)]
    within: Millis,
    /// For `forest`: the number of trees.
    #[arg(long, default_value_t = ForestOptions::default().trees, value_name = "COUNT")]
    trees: u32,
    /// For `forest`: the rows sampled for each tree.
    #[arg(long, default_value_t = ForestOptions::default().sample, value_name = "COUNT")]
    sample: u32,
    /// The seed of all randomness: the same seed gives the same model.
    #[arg(long, default_value_t = ForestOptions::default().seed, value_name = "NUMBER")]
    seed: u64,
    /// Event files in the order of time; `-` is standard input, `.gz` and `.zst` are unpacked.
    #[arg(required = true, value_name = "EVENTS")]
    events: Vec<PathBuf>,
}

/// A kind of model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// An isolation forest: the anomaly of a row.
    Forest,
    /// A logistic regression: the probability of a state.
    Chance,
}

fn rule_and_state(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((rule, state)) if !rule.is_empty() && !state.is_empty() => {
            Ok((rule.to_owned(), state.to_owned()))
        }
        _ => Err("expected a rule and a state, such as `filler-overheat=WARNING`".to_owned()),
    }
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<(), Failure> {
    let set = rules::load(&arguments.rules, terminal)?;
    let binding = binding(&set, &arguments.model)?;
    let features = features::compute(set, &arguments.events, terminal)?;
    let until_ms = arguments.until.unwrap_or(i64::MAX);
    let is_example = |request: &&ScoreRequest| request.model == arguments.model && request.at < until_ms;
    let requests: Vec<&ScoreRequest> = features.requests.iter().filter(is_example).collect();
    let rows: Vec<Vec<f64>> = requests.iter().map(|request| row(request)).collect::<Result<_, _>>()?;
    let inputs = names(&binding);
    let trained = match (arguments.kind, &arguments.before) {
        (Kind::Chance, Some((rule, state))) => {
            let comes: Vec<bool> = requests
                .iter()
                .map(|request| comes(&features.transitions, request, rule, state, arguments.within.0))
                .collect();
            let before = comes.iter().filter(|comes| **comes).count();
            terminal.say(&format!(
                "{} of {} rows are within {} before `{}` of `{}`",
                grouped(before as u64),
                grouped(rows.len() as u64),
                arguments.within,
                escape_control_chars(state),
                escape_control_chars(rule)
            ));
            Linear::fit_chance(&inputs, &rows, &comes).map(Model::Linear)
        }
        _ => {
            terminal.say(&format!("{} rows of features", grouped(rows.len() as u64)));
            let options =
                ForestOptions { trees: arguments.trees, sample: arguments.sample, seed: arguments.seed };
            Forest::grow(&inputs, &rows, &options).map(Model::Forest)
        }
    };
    let model =
        trained.map_err(|error| Failure::Message(format!("no model of `{}`: {error}", arguments.model)))?;
    let json = serde_json::to_string(&model).map_err(|error| Failure::Message(error.to_string()))?;
    crate::terminal::print(&format!("{json}\n"))
}

/// Whether a rule enters a state soon after a request, on the same machine.
fn comes(
    transitions: &[Transition],
    request: &ScoreRequest,
    rule: &str,
    state: &str,
    within_ms: i64,
) -> bool {
    transitions.iter().any(|transition| {
        transition.rule_id == rule
            && transition.equipment_id == request.equipment_id
            && transition.to.as_deref() == Some(state)
            && (request.at..=request.at.saturating_add(within_ms)).contains(&transition.at)
    })
}
