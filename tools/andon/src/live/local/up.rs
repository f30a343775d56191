//! `andon local up`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use andon_aws::Aws;
use andon_clock::{Stopwatch, now_ms};
use andon_domain::{Millis, RuleDocument};
use andon_local::models::ModelServer;
use andon_local::{Backend, Event, Listener, Options, System};
use andon_workflows::rulebook::{self, PutError};

use super::record::{Running, SystemLock};
use crate::failure::Failure;
use crate::live::rules::checked;
use crate::live::{runtime, until_ctrl_c};
use crate::model::{Models, named_file, read_models};
use crate::terminal::{ColorChoice, Terminal, counted};
use crate::times::stamp;
use andon_domain::text::escape_control_chars;

/// Start the system, and run it until Ctrl-C or `andon local down`.
///
/// Everything is in memory: states and rules are gone when it stops. AWS is not contacted.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  andon local up --rules events/rules/bottling-line.yaml      # in one terminal
  andon watch                                                 # in another one
  andon demo && andon send andon-demo/shift.jsonl --speed 60 --as-of now
  andon status --watch")]
pub(super) struct Arguments {
    /// The first rule set: files or directories, together one set.
    #[arg(long, short, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// A model to host as a SageMaker endpoint: the endpoint's name and the model's file. Set its behaviour while it runs
    /// with `PUT /behaviour/ENDPOINT` and JSON such as `{"latencyMs":5000,"errors":0.5,"dead":false}`.
    #[arg(long, value_name = "ENDPOINT=FILE", value_parser = named_file)]
    model: Vec<(String, PathBuf)>,
    /// Batch window of `evaluate`: a longer one costs less and decides later.
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = Millis::parse)]
    batch_window: Millis,
    /// Maximum records in a batch.
    #[arg(long, value_name = "N", default_value = "10000", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    batch_size: u32,
    /// Shards of the stream.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=100))]
    shards: u32,
    /// Interval of the ticks, which drive the timers of silent machines.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = Millis::parse)]
    tick_interval: Millis,
    /// A running emulator, instead of a new one.
    #[arg(long, value_name = "URL")]
    endpoint: Option<String>,
    /// Names begin with this.
    #[arg(long, value_name = "PREFIX", default_value = "andon")]
    prefix: String,
    /// Also print the log of the functions: a JSON line per batch.
    #[arg(long, short)]
    verbose: bool,
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<(), Failure> {
    // First, so that mistakes in files start nothing.
    let rules = match arguments.rules.as_slice() {
        [] => None,
        files => Some(checked(files, terminal)?),
    };
    let models = read_models(&arguments.model)?;
    let lock = SystemLock::take()?;
    runtime()?.block_on(async {
        let Some(system) = until_ctrl_c(start(arguments, models, terminal)).await else {
            return Err(Failure::Message("stopped before it was up".to_owned()));
        };
        let system = system?;
        let outcome = until_ctrl_c(serve(&system, &lock, rules, terminal)).await.unwrap_or(Ok(()));
        terminal.say("Stopping ..");
        // A second Ctrl-C ends at once.
        until_ctrl_c(system.down()).await;
        terminal.say("Stopped.");
        outcome
    })
}

async fn start(arguments: &Arguments, models: Models, terminal: &Terminal) -> Result<System, Failure> {
    let color = if terminal.color { ColorChoice::Always } else { ColorChoice::Never };
    let printer = ProgressPrinter {
        terminal: Terminal::new(color),
        verbose: arguments.verbose,
        begun: Stopwatch::start(),
        last: Mutex::default(),
    };
    let printer = Arc::new(printer);
    let mut vars: BTreeMap<String, String> = BTreeMap::new();
    vars.insert("ANDON_SHARDS".to_owned(), arguments.shards.to_string());
    vars.insert("ANDON_TICK_INTERVAL".to_owned(), arguments.tick_interval.to_string());
    let options = Options {
        backend: arguments.endpoint.clone().map_or(Backend::Emulator, Backend::Endpoint),
        prefix: arguments.prefix.clone(),
        vars,
        window: Duration::from_millis(u64::try_from(arguments.batch_window.0).unwrap_or_default()),
        batch_size: usize::try_from(arguments.batch_size).unwrap_or(1),
        models,
        listener: Listener::new(move |event| printer.print(&event)),
        ..Options::default()
    };
    System::up(options).await.map_err(|error| Failure::Message(error.to_string()))
}

/// A printer of progress and problems.
struct ProgressPrinter {
    terminal: Terminal,
    verbose: bool,
    begun: Stopwatch,
    /// The last problem; repetitions are not printed.
    last: Mutex<String>,
}

impl ProgressPrinter {
    fn print(&self, event: &Event) {
        let text = escape_control_chars(&event.to_string());
        match event {
            Event::Step(_) => {
                let after = format!("{:>6.1} s", self.begun.elapsed().as_secs_f64());
                self.terminal.say(&format!("{}  {text}", self.terminal.paint(&after, "2")));
            }
            Event::Problem(_) | Event::Invoked { error: Some(_), .. } => {
                let Ok(mut last) = self.last.lock() else { return };
                if *last != text {
                    self.terminal.warning(&text);
                    *last = text;
                }
            }
            Event::Line { .. } | Event::Started { .. } | Event::Invoked { .. } => {
                if self.verbose {
                    self.terminal.say(&self.terminal.paint(&text, "2"));
                }
            }
        }
    }
}

/// Puts the first rules, announces the system, and waits until it is withdrawn.
async fn serve(
    system: &System,
    lock: &SystemLock,
    rules: Option<RuleDocument>,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let rules = match rules {
        Some(rules) => first_rules(system, &rules).await?,
        None => "none yet; to put some: andon rules put FILE...".to_owned(),
    };
    lock.announce(&Running {
        pid: std::process::id(),
        since: now_ms(),
        endpoint: system.endpoint().unwrap_or_default().to_owned(),
        vars: system.vars().iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        changes_queue: system.changes_queue().to_owned(),
    })?;
    terminal.say(&greeting(system, &rules));
    while lock.is_announced() {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

async fn first_rules(system: &System, rules: &RuleDocument) -> Result<String, Failure> {
    let aws = Aws::connect(system.config()).await;
    let put = rulebook::put(&aws, rules, None, "andon local up", system.config().keep_sets()).await;
    let put = put.map_err(|error: PutError| Failure::Message(error.to_string()))?;
    Ok(format!("{}, in force from {} on", counted(rules.rules.len() as u64, "rule"), stamp(put.start_ms)))
}

fn greeting(system: &System, rules: &str) -> String {
    let names = &system.config().names;
    let models = system.models().map_or_else(|| "those of AWS".to_owned(), ModelServer::url);
    format!(
        "\nThe system runs.\n  endpoint  {}\n  stream    {}\n  bus       {}\n  models    {models}\n  rules     {rules}\n\nIn other terminals:\n  andon watch                     \
         state changes as they come\n  andon send EVENTS.jsonl         data points in\n  andon status --watch            its state\n  \
         andon rules put FILE            rules, while it runs\n\nCtrl-C, or andon local down, stops it.",
        system.endpoint().unwrap_or("that of AWS"),
        names.stream,
        names.bus,
    )
}
