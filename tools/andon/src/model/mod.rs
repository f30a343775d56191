//! `andon model`: trains models on history, and evaluates rules with their scores.

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
/// A binding in the rule file defines the inputs of a model (see docs/models.md). They are computed in event time, by the
/// code that computes them in a running system. `andon local up --model` hosts the models of this command. Scores of other
/// models come from a SageMaker endpoint, and are recorded with the points.
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

/// Models by the id of their binding, or by the name of their endpoint.
pub(crate) type Models = BTreeMap<String, Model>;

/// Parses a model's name and file: `NAME=FILE`.
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
