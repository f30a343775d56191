//! Placeholders for the commands over a running system, in builds without them: they say how to get them.

use std::ffi::OsString;

use clap::Subcommand;

use crate::failure::Failure;
use crate::terminal::Terminal;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run the whole system on this machine (not in this build).
    Local(AnyArguments),
    /// See and change the rules of a running system (not in this build).
    Rules(AnyArguments),
    /// Send recorded data points into a running system (not in this build).
    Send(AnyArguments),
    /// Show state changes as they come (not in this build).
    Watch(AnyArguments),
    /// Show how a running system is doing (not in this build).
    Status(AnyArguments),
    /// Fold the parked records of machines, and go on (not in this build).
    Unpark(AnyArguments),
    /// Publish state changes again (not in this build).
    Republish(AnyArguments),
    /// Check whether this version can take over a running system (not in this build).
    DeployCheck(AnyArguments),
}

/// Any arguments.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct AnyArguments {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    _words: Vec<OsString>,
}

pub(crate) fn run(_: &Command, _: &Terminal) -> Result<(), Failure> {
    Err(Failure::Message(
        "this build of `andon` has no commands for running systems; to have them, build it with its feature `live`: \
         `cargo install --locked --path tools/andon --features live`"
            .to_owned(),
    ))
}
