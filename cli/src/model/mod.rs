//! `andon model`: models from history, and what rules with their scores would have said.

mod features;
mod labels;
mod scorer;
mod train;
mod trial;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use andon_modelling::Model;
use clap::Subcommand;

pub(crate) use self::scorer::Scorer;

use crate::Failure;
use crate::terminal::Terminal;

/// Train small models on history, and try rules with their scores on it.
///
/// A model is asked by a binding in the rule file (see docs/models.md): the features come from there, computed in event time by
/// the code that computes them live. The models here are files that `andon local up --models` hosts; those of others are behind
/// an endpoint of SageMaker, and their scores are recorded with the points.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Train(train::Arguments),
    Try(trial::Arguments),
}

pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<(), Failure> {
    match &arguments.command {
        Command::Train(arguments) => train::run(arguments, terminal),
        Command::Try(arguments) => trial::run(arguments, terminal),
    }
}

/// Models by the id of the binding that asks them.
pub(crate) type Models = BTreeMap<String, Model>;

/// A model's file and whom it answers: `ID=FILE`.
fn named_file(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((id, file)) if !id.is_empty() && !file.is_empty() => Ok((id.to_owned(), PathBuf::from(file))),
        _ => Err("expected the id of a binding and a file, such as `bearing=bearing.json`".to_owned()),
    }
}

fn read_model(path: &Path) -> Result<Model, Failure> {
    let said =
        |what: &dyn std::fmt::Display| Failure::Said(format!("cannot read `{}`: {what}", path.display()));
    let json = std::fs::read(path).map_err(|error| said(&error))?;
    Model::read(&json).map_err(|error| said(&error))
}
