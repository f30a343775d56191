//! `andon unpark`: parked machines go on.

use andon_workflows::evaluate::{EvaluatePorts, EvaluateSettings, Evaluator, UnparkError};
use andon_workflows::status;

use super::connection::{Connection, with_system};
use super::{port_failure, with_advice};
use crate::failure::Failure;
use crate::terminal::{self, Terminal, counted};
use andon_domain::text::escape_control_chars;

/// Fold the parked records of machines in their order of arrival, and go on.
///
/// A machine is parked when its records failed to fold several times in a row; its records are kept. Fix the cause first:
/// `andon status` shows it, most often a damaged state or a missing rule set. A machine whose records still fail to fold
/// stays parked, and no record is lost.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  andon unpark filler-9
  andon unpark --all

Exit codes: 0 all of them go on; 1 some stay parked; 2 the command line was not understood.")]
pub(crate) struct Arguments {
    /// The machines, by `equipmentId`.
    #[arg(value_name = "EQUIPMENT", required_unless_present = "all", conflicts_with = "all")]
    machines: Vec<String>,
    /// All parked machines.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<(), Failure> {
    with_system(&arguments.connection, terminal, async |system| {
        // Without the key, parked ticks and scores would count as forged.
        let trust = system.config.authenticator().map_err(|error| Failure::Message(error.to_string()))?;
        unpark(system.aws, system.config.evaluate_settings(), Some(&trust), arguments, terminal).await
    })
}

async fn unpark<P: EvaluatePorts>(
    ports: P,
    settings: EvaluateSettings,
    trust: Option<&andon_ingest::Authenticator>,
    arguments: &Arguments,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let machines = if arguments.all {
        let keys = status::scan_keys(&ports).await.map_err(port_failure)?;
        keys.parked.into_iter().map(|key| key.equipment_id).collect()
    } else {
        arguments.machines.clone()
    };
    if machines.is_empty() {
        terminal.say("No machine is parked.");
        return Ok(());
    }
    let evaluator = Evaluator::new(ports, settings);
    let progress = terminal.steps(machines.len() as u64);
    let mut stay = 0;
    for equipment in &machines {
        let name = escape_control_chars(equipment);
        progress.set_message(name.clone());
        let outcome = evaluator.unpark(equipment, trust).await;
        progress.inc(1);
        let line = match outcome {
            Ok(unparked) => format!(
                "{name}: goes on; {} in {} folded, {} decided{}",
                counted(unparked.messages, "message"),
                match unparked.objects {
                    1 => "1 batch".to_owned(),
                    objects => format!("{} batches", terminal::grouped(objects)),
                },
                counted(unparked.transitions, "state change"),
                match unparked.score_requests_unsent {
                    0 => String::new(),
                    unsent => format!(
                        "; {} to models not sent, since `ANDON_SCORE_REQUESTS_QUEUE_URL` is not set",
                        counted(unsent, "score request")
                    ),
                }
            ),
            Err(UnparkError::NotParked) => format!("{name}: is not parked"),
            Err(error) => {
                stay += 1;
                format!("{name}: stays parked: {}", with_advice(&error.to_string()))
            }
        };
        progress.suspend(|| terminal::print(&format!("{line}\n")))?;
    }
    progress.finish_and_clear();
    if stay > 0 { Err(Failure::AlreadyPrinted) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
