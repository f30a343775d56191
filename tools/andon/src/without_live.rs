//! In the place of the commands over a running system, where they were left out of the build: they say how to get them.

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
    /// Let parked equipments go on (not in this build).
    Unpark(AnyArguments),
    /// Say again what was decided (not in this build).
    Republish(AnyArguments),
    /// Say what this version would change or break in a running system (not in this build).
    DeployCheck(AnyArguments),
}

/// Whatever the command takes.
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
