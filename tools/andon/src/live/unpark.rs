//! `andon unpark`: equipments that were set aside go on.

use andon_workflows::evaluate::{EvaluatePorts, EvaluateSettings, Evaluator, UnparkError};
use andon_workflows::status;

use super::connection::{Connection, with_system};
use super::{port_failure, with_advice};
use crate::failure::Failure;
use crate::terminal::{self, Terminal, counted};
use andon_domain::text::escape_control_chars;

/// Let parked equipments go on: their records are folded in the order in which they came, then what comes next.
///
/// An equipment is parked after it could not be folded several times in a row; its records are kept meanwhile. Mend the
/// cause first (`andon status` shows it): most often a state that was damaged, or a rule set that was lost. An equipment
/// that still cannot be folded stays parked, and nothing is lost.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  andon unpark filler-9
  andon unpark --all

Exit codes: 0 all of them go on; 1 some stay parked; 2 the command line was not understood.")]
pub(crate) struct Arguments {
    /// The equipments.
    #[arg(value_name = "EQUIPMENT", required_unless_present = "all", conflicts_with = "all")]
    equipments: Vec<String>,
    /// All that are parked.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<(), Failure> {
    with_system(&arguments.connection, terminal, async |system| {
        // Without the key, parked ticks and scores would be taken for forged ones, and left out.
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
    let equipments = if arguments.all {
        let keys = status::look_through(&ports).await.map_err(port_failure)?;
        keys.parked.into_iter().map(|key| key.equipment_id).collect()
    } else {
        arguments.equipments.clone()
    };
    if equipments.is_empty() {
        terminal.say("No equipment is parked.");
        return Ok(());
    }
    let evaluator = Evaluator::new(ports, settings);
    let progress = terminal.steps(equipments.len() as u64);
    let mut stay = 0;
    for equipment in &equipments {
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
                match unparked.questions_unsent {
                    0 => String::new(),
                    unsent => format!(
                        "; {} to models not asked, since `ANDON_QUESTIONS_QUEUE_URL` is not set",
                        counted(unsent, "question")
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
