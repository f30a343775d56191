//! What the mains of the functions share: configuration from the environment, the loop over raw events, one line of the
//! log for each, and how a function says that it cannot start.

#![allow(
    async_fn_in_trait,
    reason = "a function runs on one thread, and its futures need not be sent to another"
)]

mod raw;
mod start;
pub mod telemetry;

use std::io::Write as _;
use std::pin::Pin;
use std::process::ExitCode;

use crate::telemetry::{Function, Invocation, Level, Report, batch_line};
use andon_aws::{Config, ConfigError, LogLevel};
use andon_clock::{Stopwatch, now_ms};
use lambda_runtime::{Context, Diagnostic, LambdaEvent, Runtime, service_fn};
use serde_json::Value;

use crate::raw::{RawEvents, Slot};

/// A function, started.
pub trait Handler {
    /// Which one it is.
    const FUNCTION: Function;

    /// Does what there is to do for an event; nothing is begun that could outlast the deadline, ms.
    ///
    /// # Errors
    /// When nothing can be done with the event: what was found, what was expected.
    async fn handle(&self, event: &[u8], deadline_ms: i64) -> Result<Done, String>;
}

/// What came of an event.
#[derive(Clone, Debug)]
pub struct Done {
    /// For whoever sent it.
    pub answer: Value,
    /// For the log.
    pub report: Report,
}

/// Starts a function and serves events until the process is ended.
///
/// A function that cannot start reports that to Lambda, with all mistakes of its configuration, and ends.
pub async fn run<H: Handler>(start: impl AsyncFnOnce(&Config) -> Result<H, ConfigError>) -> ExitCode {
    let since_start = Stopwatch::start();
    let ended = match start::missing_variables() {
        Some(missing) => Err(missing),
        None => serve(since_start, start).await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            let stream = std::env::var("ANDON_STREAM").unwrap_or(Config::default().names.stream);
            let invocation = Invocation {
                function: H::FUNCTION,
                stream: &stream,
                request_id: "",
                ended_ms: now_ms(),
                duration_ms: milliseconds(&since_start),
                init_ms: None,
                log_level: Level::Error,
            };
            print(&batch_line(&invocation, &Report::Failed(reason)));
            ExitCode::FAILURE
        }
    }
}

async fn serve<H: Handler>(
    since_start: Stopwatch,
    start: impl AsyncFnOnce(&Config) -> Result<H, ConfigError>,
) -> Result<(), String> {
    let started = match Config::from_vars(std::env::vars()) {
        Ok(config) => start(&config).await.map(|handler| (handler, config)),
        Err(error) => Err(error),
    };
    let started = started.map_err(|error| error.mistakes.join("; "));
    let (handler, config) = started.inspect_err(|reason| start::report(reason))?;
    let slot = Slot::default();
    let init_ms = std::cell::Cell::new(Some(milliseconds(&since_start)));
    let (handler, config, init) = (&handler, &config, &init_ms);
    let events = RawEvents::new(slot.clone());
    let handle = service_fn(move |event: LambdaEvent<()>| {
        let event_bytes = slot.take().unwrap_or_default();
        async move { one(handler, config, &event_bytes, &event.context, init.take()).await }
    });
    Runtime::new(handle).layer(events).run().await.map_err(|error| format!("the runtime API failed: {error}"))
}

/// When the invocation ends at the latest, ms. Lambda says a time since the epoch. `cargo lambda watch` says how long it may
/// take, which as a time would have passed long ago.
fn deadline_ms(said: u64, now_ms: i64) -> i64 {
    const LONGEST_MS: i64 = 900_000;
    match i64::try_from(said).unwrap_or(i64::MAX) {
        length_ms if length_ms <= LONGEST_MS => now_ms.saturating_add(length_ms),
        time_ms => time_ms,
    }
}

/// One event, and its line.
async fn one<H: Handler>(
    handler: &H,
    config: &Config,
    event: &[u8],
    context: &Context,
    init_ms: Option<u64>,
) -> Result<Value, Diagnostic> {
    let since_event = Stopwatch::start();
    let deadline_ms = deadline_ms(context.deadline, now_ms());
    // In a box, since the compiler gives up on futures as deep as those of an SDK in those of a runtime.
    let handling: Pin<Box<dyn Future<Output = Result<Done, String>> + '_>> =
        Box::pin(handler.handle(event, deadline_ms));
    let (answer, report) = match handling.await {
        Ok(Done { answer, report }) => (Ok(answer), report),
        Err(reason) => (
            Err(Diagnostic { error_type: "Andon.Event".to_owned(), error_message: reason.clone() }),
            Report::Failed(reason),
        ),
    };
    let invocation = Invocation {
        function: H::FUNCTION,
        stream: &config.names.stream,
        request_id: &context.request_id,
        ended_ms: now_ms(),
        duration_ms: milliseconds(&since_event),
        init_ms,
        log_level: match config.log_level {
            LogLevel::Error => Level::Error,
            LogLevel::Warn => Level::Warn,
            LogLevel::Info | LogLevel::Debug => Level::Info,
        },
    };
    print(&batch_line(&invocation, &report));
    answer
}

fn milliseconds(stopwatch: &Stopwatch) -> u64 {
    u64::try_from(stopwatch.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Writes a line to the log, which is standard output.
fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    // There is nowhere to say that it failed.
    let _ = out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::deadline_ms;

    #[test]
    fn a_deadline_is_a_time_and_what_is_too_short_for_one_is_a_length() {
        assert_eq!(deadline_ms(1_700_000_060_000, 1_700_000_000_000), 1_700_000_060_000);
        assert_eq!(deadline_ms(600_000, 1_700_000_000_000), 1_700_000_600_000);
        assert_eq!(deadline_ms(u64::MAX, 1_700_000_000_000), i64::MAX);
    }
}
