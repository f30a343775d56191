//! `andon model`: models from history, and what rules with their scores would have said.

mod features;
mod labels;
mod scorer;
mod train;
mod trial;

use std::collections::BTreeMap;
use std::path::PathBuf;

use andon_models::Model;
use clap::Subcommand;

pub(crate) use self::scorer::Scorer;

use crate::failure::Failure;
use crate::output_file::cannot;
use crate::terminal::Terminal;

/// Train small models on history, and try rules with their scores on it.
///
/// A model is asked by a binding in the rule file (see docs/models.md): the features come from there, computed in event time by
/// the code that computes them live. The models here are files that `andon local up --model` hosts; those of others are behind
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

/// Models by whom they answer: the id of a binding, or the name of an endpoint.
pub(crate) type Models = BTreeMap<String, Model>;

/// A model's file and whom it answers: `NAME=FILE`.
pub(crate) fn named_file(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => {
            Ok((name.to_owned(), PathBuf::from(file)))
        }
        _ => Err("expected a name and a file, such as `bearing=bearing.json`".to_owned()),
    }
}

/// Reads models.
pub(crate) fn read_models(files: &[(String, PathBuf)]) -> Result<Models, Failure> {
    let mut models = Models::new();
    for (name, path) in files {
        let json = std::fs::read(path).map_err(|error| cannot("read", path, &error))?;
        let model = Model::read(&json)
            .map_err(|error| Failure::Message(format!("cannot read `{}`: {error}", path.display())))?;
        if models.insert(name.clone(), model).is_some() {
            return Err(Failure::Message(format!("two models for `{name}`; expected one")));
        }
    }
    Ok(models)
}
