//! `andon status`: the state of a running system.

mod render;

use andon_clock::Stopwatch;
use andon_domain::Millis;
use andon_workflows::status::{KeysStatus, Memo, Status, StatusPorts, status};

use super::connection::{SystemArguments, with_system};
use super::{port_failure, until_ctrl_c};
use crate::failure::Failure;
use crate::format::Format;
use crate::terminal::{self, Terminal};

/// Show the state of a running system: progress of shards, senders, rejected points, parked machines.
///
/// The watermark of a shard is the lowest mark of its active senders; that of the system is the lowest of its active
/// shards. Rules have been evaluated up to it. It is shown for operators and decides nothing.
#[derive(clap::Args)]
#[command(after_help = "\
Columns:
  WATERMARK  event time that all active senders of the shard have reached; LAG: its age
  READ TO    arrival of the newest record read; READ: the age of its checkpoint
  SENDERS    active and known ones; a sender that is silent for longer than `idle_timeout` is idle
  MARK       the greatest timestamp of the sender; BEHIND: its distance to the foremost sender
  AHEAD      points stamped later than they arrived: the sender's clock is ahead
  LATE       points rejected because they arrived later than `allowed_lateness`
Counts are since the system began; repeated deliveries are counted again.

Exit codes: 0 success; 1 the system cannot be read; with --check also 1 if a machine is parked or failing.")]
pub(crate) struct Arguments {
    /// Refresh until Ctrl-C.
    #[arg(long, short)]
    watch: bool,
    /// With --watch, the time between two refreshes.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = Millis::parse, requires = "watch")]
    every: Millis,
    /// Skip parked machines: finding them reads the whole table of states.
    #[arg(long)]
    quick: bool,
    /// Show all senders and parked machines, not only the first 20.
    #[arg(long)]
    all: bool,
    /// End with exit code 1 if a machine is parked or failing.
    #[arg(long, conflicts_with_all = ["watch", "quick"])]
    check: bool,
    #[command(flatten)]
    system: SystemArguments,
}

/// Time between two scans of all keys with --watch, ms: a scan reads the whole table.
const SCAN_MS: i64 = 30_000;

pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<(), Failure> {
    with_system(&arguments.system.connection, terminal, async |system| {
        let lanes = system.config.parallelization_factor;
        if arguments.watch {
            return until_ctrl_c(watch(&system.aws, lanes, arguments, terminal)).await.unwrap_or(Ok(()));
        }
        let status =
            status(&system.aws, lanes, !arguments.quick, &mut Memo::default()).await.map_err(port_failure)?;
        show(&status, arguments, terminal)?;
        let bad = |keys: &KeysStatus| !keys.parked.is_empty() || !keys.failing.is_empty();
        if arguments.check && status.keys.as_ref().is_some_and(bad) {
            return Err(Failure::AlreadyPrinted);
        }
        Ok(())
    })
}

async fn watch<P: StatusPorts>(
    ports: &P,
    lanes: u32,
    arguments: &Arguments,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let mut memo = Memo::default();
    let mut keys: Option<(i64, KeysStatus)> = None;
    let wait_ms = u64::try_from(arguments.every.0.max(100)).unwrap_or(100);
    let mut first = true;
    loop {
        let stopwatch = Stopwatch::start();
        let old = keys.as_ref().is_none_or(|(at_ms, _)| ports.now_ms().saturating_sub(*at_ms) >= SCAN_MS);
        match status(ports, lanes, old && !arguments.quick, &mut memo).await {
            Ok(mut status) => {
                if let Some(new) = status.keys.take() {
                    keys = Some((status.now, new));
                }
                status.keys = keys.as_ref().map(|(_, keys)| keys.clone());
                if arguments.system.format.value == Format::Text {
                    terminal::print(terminal.page(first))?;
                }
                show(&status, arguments, terminal)?;
                first = false;
            }
            // It may recover.
            Err(error) if !first => terminal.warning(&error.to_string()),
            Err(error) => return Err(port_failure(error)),
        }
        let took_ms = u64::try_from(stopwatch.elapsed().as_millis()).unwrap_or(u64::MAX);
        ports.sleep_ms(wait_ms.saturating_sub(took_ms).max(100)).await;
    }
}

fn show(status: &Status, arguments: &Arguments, terminal: &Terminal) -> Result<(), Failure> {
    terminal::print(&match arguments.system.format.value {
        Format::Text => render::text(status, arguments.all, terminal),
        Format::Json => format!("{}\n", serde_json::to_string(status)?),
    })
}

#[cfg(test)]
mod tests;
