//! `andon republish`: publishes state changes again.

use andon_workflows::ports::{Clock as _, Objects, OutboxStore, PortError};
use andon_workflows::publish::{PublishPorts, preview, republish};

use super::change::Lines;
use super::connection::{Connection, with_system};
use super::{port_failure, until_ctrl_c};
use crate::failure::Failure;
use crate::terminal::{self, Terminal, counted, grouped};
use crate::times::{TimeArgument, stamp};

/// Publish state changes again, for consumers that missed them.
///
/// State changes go to the bus again under the same identities, as long as the outbox keeps them (a week by default).
/// Consumers that follow `sequence` ignore known ones. With --dry-run, they are only shown: the recent history of each
/// machine, without any effect.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  andon republish --since 2h --dry-run
  andon republish --since 2026-03-02T06:00:00Z --equipment filler-1

Exit codes: 0 all were published; 1 some were not, or the system cannot be read; 2 the command line was not understood.")]
pub(crate) struct Arguments {
    /// State changes decided since a time or for a duration: `2026-03-02T06:00:00Z`, `2h`.
    #[arg(long, value_name = "TIME|DURATION", value_parser = TimeArgument::gone_by, allow_hyphen_values = true)]
    since: TimeArgument,
    /// Only those of this machine, by `equipmentId`.
    #[arg(long, value_name = "EQUIPMENT")]
    equipment: Option<String>,
    /// Only show them.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    connection: Connection,
}

pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<(), Failure> {
    with_system(&arguments.connection, terminal, async |system| {
        if arguments.dry_run {
            return show(&system.aws, system.aws.now_ms(), arguments, terminal).await;
        }
        let work = again(&system.aws, arguments, terminal);
        until_ctrl_c(work)
            .await
            .unwrap_or_else(|| Err(Failure::Message("stopped; some were published".to_owned())))
    })
}

/// Shows the state changes without publishing them. Ends when the reader of standard output has gone away.
async fn show<P: OutboxStore + Objects>(
    ports: &P,
    now_ms: i64,
    arguments: &Arguments,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let (mut lines, mut count) = (Lines::new(), 0);
    let since_ms = arguments.since.ms(now_ms);
    let shown = preview(ports, since_ms, arguments.equipment.as_deref(), |change| {
        count += 1;
        if let Some(day) = lines.new_day(&change) {
            terminal.say(&day);
        }
        terminal::print(&lines.line(&change, "", terminal)).map_err(ShowError::Failure)
    });
    match shown.await {
        Ok(()) => {}
        Err(ShowError::Port(error)) => return Err(port_failure(error)),
        Err(ShowError::Failure(failure)) => return Err(failure),
    }
    let since = stamp(since_ms);
    terminal.say(&format!(
        "{} decided since {since}; nothing was published (--dry-run).",
        counted(count, "state change")
    ));
    Ok(())
}

/// A reason to stop showing.
enum ShowError {
    Port(PortError),
    Failure(Failure),
}

impl From<PortError> for ShowError {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

async fn again<P: PublishPorts + OutboxStore>(
    ports: &P,
    arguments: &Arguments,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let since_ms = arguments.since.ms(ports.now_ms());
    let progress = terminal.spinner();
    let told = republish(ports, since_ms, arguments.equipment.as_deref(), |so_far| {
        progress.set_message(format!("{} published", grouped(so_far.published)));
    });
    let outcome = told.await;
    progress.finish_and_clear();
    let done = outcome.map_err(port_failure)?;
    let published = counted(done.published, "state change");
    terminal.say(&format!("Published again: {published}, decided since {}.", stamp(since_ms)));
    if done.failed > 0 {
        return Err(Failure::Message(format!(
            "{} not published: the bus did not accept them; those that it refuses for good are in the queue of failures",
            if done.failed == 1 { "1 was".to_owned() } else { format!("{} were", grouped(done.failed)) }
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
