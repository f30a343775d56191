//! `andon watch`: state changes as they arrive.

use std::collections::{BTreeSet, VecDeque};

use andon_aws::Received;
use andon_domain::Millis;
use andon_workflows::ports::{Clock, PortError};
use andon_workflows::publish::StateChange;
use serde::Deserialize;

use super::change::Lines;
use super::connection::{SystemArguments, with_system};
use super::{port_failure, until_ctrl_c};
use crate::failure::Failure;
use crate::format::Format;
use crate::terminal::{self, Terminal, counted};
use andon_domain::text::escape_control_chars;

/// Show state changes as they arrive, one per line, with the reason.
///
/// Reads a queue that is a target of the bus: that of the local system, or the one of --queue. Messages are deleted once
/// shown, so two commands on one queue each see a part of them. EventBridge may deliver a state change more than once,
/// always under the same identity: it is shown once.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  andon watch
  andon watch --format json | jq 'select(.to == \"ALARM\")'
  andon watch --until-idle 10s          # the messages in the queue
  andon watch --aws --queue alarms      # a queue that is the target of a rule of the bus

Ends by Ctrl-C.")]
pub(crate) struct Arguments {
    /// Name or URL of the queue [default: that of the local system].
    #[arg(long, value_name = "QUEUE")]
    queue: Option<String>,
    /// End after N state changes.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// End when no message has arrived for this long.
    #[arg(long, value_name = "DURATION", value_parser = Millis::parse)]
    until_idle: Option<Millis>,
    /// Also show repeated deliveries, marked as such.
    #[arg(long)]
    duplicates: bool,
    #[command(flatten)]
    system: SystemArguments,
}

/// A source of messages.
trait Inbox {
    /// Receives the messages that are there, or arrive within `wait_s` seconds.
    async fn receive(&self, wait_s: u32) -> Result<Vec<Received>, PortError>;

    /// Takes messages off the queue.
    async fn forget(&self, received: &[Received]) -> Result<(), PortError>;
}

impl Inbox for andon_aws::Inbox {
    async fn receive(&self, wait_s: u32) -> Result<Vec<Received>, PortError> {
        Self::receive(self, wait_s).await
    }

    async fn forget(&self, received: &[Received]) -> Result<(), PortError> {
        Self::forget(self, received).await
    }
}

/// Longest wait for messages in one request, s.
const WAIT_S: u32 = 3;

/// Maximum identities that are remembered, to recognise repeated deliveries.
const IDENTITIES: usize = 100_000;

/// Pause after an error, ms.
const RETRY_MS: u64 = 2_000;

pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<(), Failure> {
    with_system(&arguments.system.connection, terminal, async |system| {
        let queue = arguments.queue.clone().or(system.changes_queue).ok_or_else(|| {
            Failure::Usage(
                "which queue? name one that is the target of a rule of the bus with --queue (docs/operating.md shows how to make \
                 one)"
                    .to_owned(),
            )
        })?;
        let mut state = WatchState::default();
        let inbox = system.aws.inbox(&queue).await.map_err(port_failure)?;
        let outcome = until_ctrl_c(watch(&inbox, &system.aws, arguments, terminal, &mut state)).await;
        terminal.say(&state.text());
        outcome.unwrap_or(Ok(()))
    })
}

/// Counts and identities of the messages so far.
#[derive(Default)]
struct WatchState {
    shown: u64,
    again: u64,
    unreadable: u64,
    known: BTreeSet<String>,
    order: VecDeque<String>,
}

impl WatchState {
    /// Whether a change is new.
    fn is_new(&mut self, id: &str) -> bool {
        if !self.known.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > IDENTITIES
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }

    fn text(&self) -> String {
        let mut text = counted(self.shown, "state change");
        if self.again > 0 {
            text.push_str(&format!(", {} delivered again", terminal::grouped(self.again)));
        }
        if self.unreadable > 0 {
            text.push_str(&format!(", {} could not be read", counted(self.unreadable, "message")));
        }
        text
    }
}

async fn watch(
    inbox: &impl Inbox,
    clock: &impl Clock,
    arguments: &Arguments,
    terminal: &Terminal,
    state: &mut WatchState,
) -> Result<(), Failure> {
    let mut lines = Lines::new();
    let mut heard_ms = clock.now_ms();
    let mut answered = false;
    loop {
        let left_ms = arguments
            .until_idle
            .map(|Millis(idle_ms)| idle_ms.saturating_sub(clock.now_ms().saturating_sub(heard_ms)).max(0));
        let wait_s = left_ms.map_or(WAIT_S, |left_ms| {
            u32::try_from(left_ms.saturating_add(999) / 1000).unwrap_or(WAIT_S).clamp(1, WAIT_S)
        });
        let received = match inbox.receive(wait_s).await {
            Ok(received) => received,
            // It may recover.
            Err(error) if answered && error.is_transient() => {
                terminal.warning(&escape_control_chars(&error.message));
                clock.sleep_ms(RETRY_MS).await;
                continue;
            }
            Err(error) => return Err(port_failure(error)),
        };
        answered = true;
        let mut changes = Vec::new();
        for message in &received {
            match read(&message.body) {
                Ok(change) => changes.push(change),
                Err(reason) => {
                    state.unreadable += 1;
                    if state.unreadable == 1 {
                        terminal.warning(&format!(
                            "a message is no state change: {}",
                            escape_control_chars(&reason)
                        ));
                    }
                }
            }
        }
        // Queues do not keep order; what came together is put into it.
        changes.sort_by_key(|change| (change.transition.at, change.transition.sequence));
        for change in changes {
            let new = state.is_new(&change.id);
            state.again += u64::from(!new);
            if !new && !arguments.duplicates {
                continue;
            }
            state.shown += u64::from(new);
            show(&change, new, arguments.system.format.value, &mut lines, terminal)?;
        }
        if !received.is_empty() {
            heard_ms = clock.now_ms();
            // What is not taken off comes again, and is known then.
            if let Err(error) = inbox.forget(&received).await {
                terminal.warning(&escape_control_chars(&error.message));
            }
        }
        let enough = arguments.count.is_some_and(|count| state.shown >= count);
        let idle = received.is_empty()
            && arguments.until_idle.is_some_and(|idle| clock.now_ms().saturating_sub(heard_ms) >= idle.0);
        if enough || idle {
            return Ok(());
        }
    }
}

fn show(
    change: &StateChange,
    new: bool,
    format: Format,
    lines: &mut Lines,
    terminal: &Terminal,
) -> Result<(), Failure> {
    if format == Format::Json {
        return terminal::print(&format!("{}\n", serde_json::to_string(change)?));
    }
    if let Some(day) = lines.new_day(&change.transition) {
        terminal.say(&day);
    }
    let mark = if new { "" } else { "  (again)" };
    terminal::print(&lines.line(&change.transition, mark, terminal))
}

/// An event of the bus, as a queue gets it.
#[derive(Deserialize)]
struct Event {
    detail: StateChange,
}

/// A state change from a message: an event, or its detail alone.
fn read(body: &str) -> Result<StateChange, String> {
    let value: serde_json::Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
    let read = if value.get("detail").is_some() {
        serde_json::from_value(value).map(|event: Event| event.detail)
    } else {
        serde_json::from_value(value)
    };
    read.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests;
