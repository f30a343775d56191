//! `andon local`: the whole system on this machine.

pub(super) mod record;
mod up;

use clap::{Subcommand, ValueEnum};

use self::record::Running;
use crate::failure::Failure;
use crate::terminal::{self, Terminal};
use crate::times::{length, stamp};

/// Run the whole system on this machine, without AWS and without Docker.
///
/// An emulator takes the place of AWS: ministack, installed from PyPI on first use, which needs Python 3.10 or newer. The
/// functions are those that run in Lambda, as processes. All other commands find it without options.
#[derive(clap::Args)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Up(up::Arguments),
    /// Stop the running system, wherever it was started.
    Down,
    Status(StatusArguments),
}

/// Show whether a system runs, and where.
#[derive(clap::Args)]
struct StatusArguments {
    /// The format of the output.
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    format: Format,
}

/// A format of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs: one JSON object, without the internal key.
    Json,
    /// For shells: variables for other AWS tools, `eval "$(andon local status --format env)"`.
    Env,
}

/// Longest wait for a system to stop, in tenths of a second.
const STOP_TENTHS: u32 = 300;

pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<(), Failure> {
    match &arguments.command {
        Command::Up(up) => up::run(up, terminal),
        Command::Down => down(terminal),
        Command::Status(status) => show(status, terminal),
    }
}

fn down(terminal: &Terminal) -> Result<(), Failure> {
    if record::running().is_none() {
        terminal.say("No local system is running.");
        return Ok(());
    }
    record::ask_to_stop()?;
    for _ in 0..STOP_TENTHS {
        if !record::is_held() {
            terminal.say("The local system has stopped.");
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    Err(Failure::Message("the local system was asked to stop, and still runs; end its process".to_owned()))
}

fn show(arguments: &StatusArguments, terminal: &Terminal) -> Result<(), Failure> {
    let Some(running) = record::running() else {
        terminal.say("No local system is running. To start one: andon local up");
        return Err(Failure::AlreadyPrinted);
    };
    terminal::print(&match arguments.format {
        Format::Text => text(&running, andon_clock::now_ms()),
        Format::Json => format!("{}\n", without_key(&running)),
        Format::Env => {
            running.vars.iter().map(|(name, value)| format!("export {name}='{}'\n", quoted(value))).collect()
        }
    })
}

/// For single quotes in a shell.
fn quoted(value: &str) -> String {
    value.replace('\'', "'\\''")
}

fn text(running: &Running, now_ms: i64) -> String {
    let Running { pid, since, endpoint, .. } = running;
    format!(
        "A local system runs at {endpoint}, since {} ({} ago), as process {pid}.\nTo see its state: andon status\n",
        stamp(*since),
        length(now_ms.saturating_sub(*since)),
    )
}

fn without_key(running: &Running) -> serde_json::Value {
    let public = running.vars.iter().filter(|(name, _)| !name.starts_with("ANDON_INTERNAL_KEY"));
    let vars: serde_json::Map<String, serde_json::Value> =
        public.map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    serde_json::json!({
        "pid": running.pid,
        "since": running.since,
        "endpoint": running.endpoint,
        "changesQueue": running.changes_queue,
        "vars": vars,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> Running {
        Running {
            pid: 4711,
            since: 1_772_431_212_000,
            endpoint: "http://127.0.0.1:4566".to_owned(),
            vars: vec![
                ("ANDON_STREAM".to_owned(), "it's".to_owned()),
                ("ANDON_INTERNAL_KEY".to_owned(), "secret".to_owned()),
            ],
            changes_queue: "http://127.0.0.1:4566/q".to_owned(),
        }
    }

    #[test]
    fn people_hear_where_it_runs_and_since_when() {
        assert_eq!(
            text(&running(), 1_772_431_212_000 + 90_000),
            "A local system runs at http://127.0.0.1:4566, since 2026-03-02 06:00:12Z (90 s ago), as process 4711.\n\
             To see its state: andon status\n"
        );
    }

    #[test]
    fn programs_hear_no_secret_and_shells_get_whole_values() {
        assert!(!without_key(&running()).to_string().contains("secret"));
        assert_eq!(quoted("it's"), "it'\\''s");
    }
}
