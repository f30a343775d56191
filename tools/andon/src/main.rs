//! `andon`: check rules, replay history, import it, a demonstration; and the commands over a running system.
//!
//! A thin binary over the libraries: arguments in, exit code out. Results go to standard output, everything else
//! to standard error.

mod check;
mod demo;
mod failure;
mod format;
mod import;
mod lines;
#[cfg_attr(not(feature = "live"), path = "without_live.rs")]
mod live;
mod model;
mod output_file;
mod reason;
mod replay;
mod rules;
mod terminal;
mod times;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;

/// Condition monitoring for production lines: evaluates rules over data points, and reports each state change with its
/// reason.
#[derive(Parser)]
#[command(
    name = "andon",
    version,
    after_help = "Exit codes: 0 success; 1 wrong input (rules, events, files) or a failed service; 2 the command line was \
                  not understood.\n\nTo see it work: andon demo",
    max_term_width = 100
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Colour in messages.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: terminal::ColorChoice,
}

#[derive(Subcommand)]
enum Command {
    Check(check::Arguments),
    Replay(replay::Arguments),
    Import(import::Arguments),
    Model(model::Arguments),
    Demo(demo::Arguments),
    #[command(flatten)]
    Live(live::Command),
    /// Print the JSON Schema of rule files, with which editors complete and check them.
    ///
    /// In YAML, name it in the first line: `# yaml-language-server: $schema=rules.schema.json`
    Schema,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let terminal = terminal::Terminal::new(arguments.color);
    let done = match &arguments.command {
        Command::Check(arguments) => check::run(arguments, &terminal),
        Command::Replay(arguments) => replay::run(arguments, &terminal),
        Command::Import(arguments) => import::run(arguments, &terminal),
        Command::Model(arguments) => model::run(arguments, &terminal),
        Command::Demo(arguments) => demo::run(arguments, &terminal),
        Command::Live(command) => live::run(command, &terminal),
        Command::Schema => terminal::print(&andon_rule_files::schema()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::AlreadyPrinted) => ExitCode::from(1),
        Err(Failure::Message(message)) => {
            terminal.error(&message);
            ExitCode::from(1)
        }
        Err(Failure::Usage(message)) => {
            terminal.error(&message);
            ExitCode::from(2)
        }
    }
}
