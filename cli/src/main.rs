//! `andon`: check rules, replay history, import it, and a demonstration.
//!
//! A thin binary over the libraries: arguments in, exit code out. 0: all is well. 1: something was wrong with what
//! was given (rules, events, files). 2: the command line was not understood.

mod clock;
mod lines;
mod replay;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "andon", version, about, long_about = None)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Replay(replay::Arguments),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Replay(arguments) => replay::run(&arguments),
    }
}
