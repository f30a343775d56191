//! The mains of the functions share: configuration from the environment, the loop over raw events, a line of the log at
//! the start and at the end of each, and the report of a function that cannot start.

#![allow(
    async_fn_in_trait,
    reason = "a function runs on one thread, and its futures need not be sent to another"
)]

mod answer;
mod raw;
mod start;
pub mod telemetry;

use std::io::Write as _;
use std::pin::Pin;
use std::process::ExitCode;

use crate::telemetry::{Function, Invocation, Report, Start, batch_line, start_line};
use andon_aws::{Config, ConfigError};
use andon_clock::{Stopwatch, now_ms};
use andon_domain::never;
use andon_domain::never::take_broken;

use andon_workflows::measures::Level;
use bytes::Bytes;
use lambda_runtime::{Context, Diagnostic, LambdaEvent, Runtime, service_fn};
use serde_json::Value;

pub use answer::BatchResponse;

use crate::raw::{RawEvents, Slot};

/// A function that has started.
pub trait Handler {
    /// The function.
    const FUNCTION: Function;

    /// Handles an event. The function begins nothing that could outlast the deadline, ms.
    ///
    /// # Errors
    /// When nothing can be done with the event: the finding and the expectation.
    async fn handle(&self, event: &[u8], deadline_ms: i64) -> Result<Done, String>;
}

/// The result of an event.
#[derive(Clone, Debug)]
pub struct Done {
    /// The answer to the event source; see [`BatchResponse`].
    pub answer: Value,
    /// The report for the log.
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
            print(&batch_line(&invocation, &Report::Failed(reason), take_broken()));
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
        let event_bytes = slot.take().unwrap_or_else(|| {
            never!("an invocation without the bytes of its event");
            Bytes::new()
        });
        async move { one(handler, config, &event_bytes, &event.context, init.take()).await }
    });
    Runtime::new(handle).layer(events).run().await.map_err(|error| format!("the runtime API failed: {error}"))
}

/// Returns when the invocation ends at the latest, ms. Lambda gives a time since the epoch. `cargo lambda watch` gives the
/// time that is left, which as a time since the epoch passed long ago.
fn deadline_ms(said: u64, now_ms: i64) -> i64 {
    const LONGEST_MS: i64 = 900_000;
    match i64::try_from(said).unwrap_or(i64::MAX) {
        length_ms if length_ms <= LONGEST_MS => now_ms.saturating_add(length_ms),
        time_ms => time_ms,
    }
}

/// Handles one event, and prints its lines.
async fn one<H: Handler>(
    handler: &H,
    config: &Config,
    event: &[u8],
    context: &Context,
    init_ms: Option<u64>,
) -> Result<Value, Diagnostic> {
    let since_event = Stopwatch::start();
    let began_ms = now_ms();
    let deadline_ms = deadline_ms(context.deadline, began_ms);
    let start = Start {
        function: H::FUNCTION,
        stream: &config.names.stream,
        request_id: &context.request_id,
        event_bytes: event.len(),
        deadline_ms,
        now_ms: began_ms,
        version: &context.env_config.version,
        memory_mb: context.env_config.memory,
        trace_id: context.xray_trace_id.as_deref(),
        log_level: config.log_level,
    };
    if let Some(line) = start_line(&start) {
        print(&line);
    }
    // Boxed: the compiler gives up on the futures of an SDK nested in those of a runtime.
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
        log_level: config.log_level,
    };
    print(&batch_line(&invocation, &report, take_broken()));
    answer
}

fn milliseconds(stopwatch: &Stopwatch) -> u64 {
    u64::try_from(stopwatch.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Writes a line to standard output, which is the log.
fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    // There is nowhere to report a failure.
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
