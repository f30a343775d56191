//! `andon import`: turns recorded history into event records.

mod arguments;
mod csv;
mod output;

use clap::Subcommand;

use crate::failure::Failure;
use crate::terminal::Terminal;

/// Turn recorded history into event records, for `andon replay`.
#[derive(clap::Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    from: From,
}

#[derive(Subcommand)]
enum From {
    Csv(Box<arguments::Arguments>),
}

pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<(), Failure> {
    match &arguments.from {
        From::Csv(arguments) => csv::run(arguments, terminal),
    }
}
