//! `andon rules`: the rules of a running system.

mod change;
mod difference;
mod show;

use std::path::PathBuf;

use andon_domain::{RuleDocument, Severity};
use andon_rule_files::{Loaded, RenderOptions, render};
use clap::Subcommand;

use super::connection::with_system;
use crate::failure::Failure;
use crate::rules::{self, ReadError, compiler_findings};
use crate::terminal::Terminal;

/// See and change the rules of a running system.
///
/// A running system has a sequence of rule sets, each with its start. A change makes a new set from the newest one. It takes
/// effect for each machine with its first record after the start, without a deployment. Rules that it does not touch keep
/// their states and timers. Older sets stay readable for weeks.
#[derive(clap::Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Put(PutArguments),
    List(show::ListArguments),
    Get(show::GetArguments),
    Delete(DeleteArguments),
    History(show::HistoryArguments),
}

/// Add and change rules, models and attributes: those in the files replace those with the same id.
///
/// The files are checked as `andon check` does, and the differences are shown. Rules, models and settings that are in no
/// file stay as they are. The attributes of a machine are replaced as a whole. With --replace, the files are the whole set:
/// everything else is removed.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  andon rules put filler.yaml --note 'limit raised for the new pump, ticket 4711'
  andon rules put rules/ --replace --dry-run
  andon rules put rules/ --replace --start 2026-03-02T06:00:00Z
  andon rules get filler-overheat > rule.yaml   # edit it, then: andon rules put rule.yaml

Exit codes: 0 the set was put, or nothing differs; 1 it was not put; 2 the command line was not understood.")]
struct PutArguments {
    /// Rule files in YAML or JSON, or directories of them; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The files are the whole set.
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    change: change::ChangeArguments,
}

/// Remove rules, models, or the attributes of machines.
///
/// A removed rule that is not in its default state publishes a last state change, with `to` null. A removed model gets no
/// more score requests; pending ones are still answered, and rules keep its last score until `absent` holds for it.
/// Attributes that expressions name must remain on at least one machine.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  andon rules delete filler-overheat capper-torque
  andon rules delete --model bearing --dry-run
  andon rules delete --equipment filler-1")]
struct DeleteArguments {
    /// The ids of the rules.
    #[arg(required_unless_present_any = ["models", "equipment"], value_name = "ID")]
    ids: Vec<String>,
    /// A model to remove; may be given several times.
    #[arg(long = "model", value_name = "ID")]
    models: Vec<String>,
    /// A machine whose attributes to remove; may be given several times.
    #[arg(long, value_name = "ID")]
    equipment: Vec<String>,
    #[command(flatten)]
    change: change::ChangeArguments,
}

pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<(), Failure> {
    match &arguments.command {
        Command::Put(put) => {
            // Before anything is asked of the network.
            let files = checked(&put.files, terminal)?;
            with_system(&put.change.system.connection, terminal, async |system| {
                let keep = system.config.keep_sets();
                let make = |current: &RuleDocument| {
                    Ok(if put.replace { files } else { change::merged(current, files) })
                };
                change::change(&system.aws, &put.change, keep, terminal, make).await
            })
        }
        Command::Delete(delete) => with_system(&delete.change.system.connection, terminal, async |system| {
            let removal =
                change::Removal { rules: &delete.ids, models: &delete.models, equipment: &delete.equipment };
            let make = |current: &RuleDocument| change::without(current, &removal);
            change::change(&system.aws, &delete.change, system.config.keep_sets(), terminal, make).await
        }),
        Command::List(list) => with_system(&list.system.connection, terminal, async |system| {
            show::list(&system.aws, list, terminal).await
        }),
        Command::Get(get) => {
            with_system(&get.connection, terminal, async |system| show::get(&system.aws, get, terminal).await)
        }
        Command::History(history) => with_system(&history.system.connection, terminal, async |system| {
            show::history(&system.aws, history, terminal).await
        }),
    }
}

/// Reads rule files as one set, and prints errors and warnings as `andon check` does.
pub(super) fn checked(files: &[PathBuf], terminal: &Terminal) -> Result<RuleDocument, Failure> {
    let options = RenderOptions { color: terminal.color, ..RenderOptions::default() };
    let say = |diagnostics: &[andon_rule_files::Diagnostic]| {
        if !diagnostics.is_empty() {
            terminal.say(render(diagnostics, options).trim_end());
        }
    };
    let Loaded { document, source_map } = rules::read(files).map_err(|error| match error {
        ReadError::Unreadable(failure) => failure,
        ReadError::Invalid(diagnostics) => {
            say(&diagnostics);
            Failure::AlreadyPrinted
        }
    })?;
    let mut findings = andon_lint::lint(&document);
    findings.extend(compiler_findings(document.clone()));
    let has_errors = findings.iter().any(|finding| finding.severity == Severity::Error);
    say(&source_map.locate(findings));
    if has_errors { Err(Failure::AlreadyPrinted) } else { Ok(document) }
}
