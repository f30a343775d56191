//! `andon send`: recorded data points into the stream of a running system.

mod record;
mod sender;

use std::path::{Path, PathBuf};

use andon_clock::Stopwatch;
use andon_workflows::ports::{Clock, Stream, StreamEntry};

use self::record::{Outgoing, Record, SkipReason};
use self::sender::{Sender, Tally};
use super::connection::{Connection, with_system};
use super::{port_failure, until_ctrl_c};
use crate::failure::Failure;
use crate::lines::{self, Line, Lines};
use crate::terminal::{Terminal, counted, grouped};
use crate::times::{TimeArgument, length};
use andon_domain::text::escape_control_chars;

/// Send recorded data points into a running system, as gateways do.
///
/// Reads lines as `andon replay` does, and puts each into the stream with `equipmentId` as its partition key. Without --rate
/// or --speed, sends as fast as the stream accepts. Throttled records are sent again.
///
/// A running system evaluates in event time, so an old recording is evaluated as if all points were late. With --as-of now,
/// timestamps are shifted so that the recording ends now, or with --speed when it has been sent. No timestamp then lies in
/// the future: a system applies a point stamped later than it arrives at its arrival time.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  andon send points.jsonl
  andon send shift.jsonl.gz --speed 60 --as-of now    # an hour in a minute
  andon demo && andon send andon-demo/shift.jsonl --rate 2000
  tail -f points.jsonl | andon send -

Exit codes: 0 all readable lines were sent; 1 some were refused, or the system cannot be reached; 2 the command line was \
not understood.")]
pub(crate) struct Arguments {
    /// Event files in the order of time; `-` is standard input, `.gz` and `.zst` are unpacked.
    #[arg(required = true, value_name = "EVENTS")]
    events: Vec<PathBuf>,
    /// Points per second.
    #[arg(long, value_name = "N", value_parser = positive, conflicts_with = "speed")]
    rate: Option<f64>,
    /// Speed-up over the recorded times: 1 is real time, 60 an hour per minute.
    #[arg(long, value_name = "X", value_parser = positive)]
    speed: Option<f64>,
    /// Shift all timestamps so that the newest is at this time, with --speed when it is sent: `now`, or a time such as
    /// `2026-03-02T06:00:00Z`.
    #[arg(long, value_name = "now|TIME", value_parser = as_of)]
    as_of: Option<TimeArgument>,
    /// Also send unreadable lines: the system rejects them with a reason.
    #[arg(long)]
    unreadable: bool,
    /// No summary and no progress on standard error.
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    connection: Connection,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && number < 1e9 => Ok(number),
        _ => Err("expected a number greater than 0".to_owned()),
    }
}

fn as_of(text: &str) -> Result<TimeArgument, String> {
    if text == "now" { Ok(TimeArgument::FromNow(0)) } else { TimeArgument::gone_by(text) }
}

/// The lines that were read and not sent.
#[derive(Debug, Default)]
struct SkippedLines {
    ticks: u64,
    rules: u64,
    unreadable: u64,
    first: Option<String>,
}

/// The result of a run.
#[derive(Debug, Default)]
struct SendOutcome {
    tally: Tally,
    skipped: SkippedLines,
}

pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<(), Failure> {
    let span = span(arguments, terminal)?;
    with_system(&arguments.connection, terminal, async |system| {
        let stopwatch = Stopwatch::start();
        let mut sent = SendOutcome::default();
        let work = send(&system.aws, arguments, span, &mut sent, terminal);
        // A read of standard input blocks the runtime: there, Ctrl-C ends the process.
        let waits = arguments.events.iter().any(|path| lines::is_stdin(path));
        let outcome = if waits { Some(work.await) } else { until_ctrl_c(work).await };
        if !arguments.quiet {
            let stopped = if outcome.is_none() { "Stopped. " } else { "" };
            terminal.say(&format!("{stopped}{}", sent.text(stopwatch.elapsed().as_millis(), terminal)));
        }
        outcome.unwrap_or(Ok(()))?;
        if sent.tally.refused > 0 { Err(Failure::AlreadyPrinted) } else { Ok(()) }
    })
}

/// The first and the newest time of some lines, ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    first_ms: i64,
    newest_ms: i64,
}

/// Returns the span of all timestamps, where shifting needs it.
fn span(arguments: &Arguments, terminal: &Terminal) -> Result<Option<Span>, Failure> {
    // In real time or slower, it is enough that the first point is at the current time.
    let by_first = arguments.speed.is_some_and(|speed| speed <= 1.0);
    if arguments.as_of.is_none() || by_first {
        return Ok(None);
    }
    if arguments.events.iter().any(|path| lines::is_stdin(path)) {
        let message = "--as-of reads the events twice, to find the newest, and standard input can be read only once; expected \
                       files, or --speed 1";
        return Err(Failure::Usage(message.to_owned()));
    }
    let mut span: Option<Span> = None;
    let progress = terminal.progress(lines::total_bytes(&arguments.events));
    progress.set_message("looking for the newest point");
    for path in &arguments.events {
        let input = lines::open(path, |bytes| progress.inc(bytes))
            .map_err(|error| Failure::Message(error.to_string()))?;
        let mut lines = Lines::new(input);
        while let Some((_, line)) = lines.next().map_err(|error| unreadable_file(path, &error))? {
            if let Line::Bytes(bytes) = line
                && let Some(time_ms) = record::time_of(bytes)
            {
                let known = span.get_or_insert(Span { first_ms: time_ms, newest_ms: time_ms });
                known.newest_ms = known.newest_ms.max(time_ms);
            }
        }
    }
    progress.finish_and_clear();
    Ok(span)
}

fn unreadable_file(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Message(format!("cannot read `{}`: {error}", path.display()))
}

async fn send<P: Stream + Clock>(
    ports: &P,
    arguments: &Arguments,
    span: Option<Span>,
    sent: &mut SendOutcome,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let mut pace = Pace::new(arguments, span, ports.now_ms());
    let mut sender = Sender::new(ports);
    let progress = match arguments.quiet {
        true => indicatif::ProgressBar::hidden(),
        false => terminal.progress(lines::total_bytes(&arguments.events)),
    };
    for path in &arguments.events {
        let input = lines::open(path, |bytes| progress.inc(bytes))
            .map_err(|error| Failure::Message(error.to_string()))?;
        let mut lines = Lines::new(input);
        loop {
            // A record of a slow input must not wait for the next one.
            if !lines.is_ready() {
                sender.flush(&mut sent.tally).await.map_err(port_failure)?;
            }
            let next = lines.next().map_err(|error| unreadable_file(path, &error))?;
            let Some((number, line)) = next else { break };
            let Some(outgoing) = sent.outgoing(line, number, path, arguments, &mut pace) else { continue };
            let points: u64 = outgoing.records.iter().map(|record| record.points).sum();
            let wait_ms = pace.wait_ms(outgoing.time_ms, points, ports.now_ms());
            if wait_ms > 0 {
                sender.flush(&mut sent.tally).await.map_err(port_failure)?;
                progress.set_message(format!("{} points sent", grouped(sent.tally.points)));
                ports.sleep_ms(wait_ms).await;
            }
            for record in outgoing.records {
                sender.push(record, &mut sent.tally).await.map_err(port_failure)?;
            }
            progress.set_message(format!("{} points sent", grouped(sent.tally.points)));
        }
    }
    progress.finish_and_clear();
    Ok(())
}

impl SendOutcome {
    /// Returns the records of a line; `None` if it is skipped.
    fn outgoing(
        &mut self,
        line: Line<'_>,
        number: u64,
        path: &Path,
        arguments: &Arguments,
        pace: &mut Pace,
    ) -> Option<Outgoing> {
        let (bytes, read) = match line {
            Line::Bytes(bytes) => (bytes, record::read(bytes, pace.shift_ms(bytes))),
            Line::TooLong => {
                (&[][..], Err(SkipReason::Unreadable("the line is longer than a record may be".to_owned())))
            }
        };
        match read {
            Ok(outgoing) => return Some(outgoing),
            Err(SkipReason::Tick) => self.skipped.ticks += 1,
            Err(SkipReason::Rules) => self.skipped.rules += 1,
            Err(SkipReason::Unreadable(_)) if arguments.unreadable && !bytes.is_empty() => {
                let entry = StreamEntry { partition_key: record::UNKNOWN.to_owned(), data: bytes.to_vec() };
                return Some(Outgoing { time_ms: None, records: vec![Record { entry, points: 0 }] });
            }
            Err(SkipReason::Unreadable(reason)) => {
                self.skipped.unreadable += 1;
                self.skipped.first.get_or_insert_with(|| {
                    format!("{}:{number}: {}", path.display(), escape_control_chars(&reason))
                });
            }
        }
        None
    }

    fn text(&self, elapsed_ms: u128, terminal: &Terminal) -> String {
        let Self { tally, skipped } = self;
        let elapsed_ms = i64::try_from(elapsed_ms).unwrap_or(i64::MAX).max(1);
        let per_second = u128::from(tally.points) * 1000 / u128::try_from(elapsed_ms).unwrap_or(1);
        let mut text = format!(
            "Sent {} of {} to {} in {} ({} points/s)",
            counted(tally.points, "point"),
            counted(tally.machines.len() as u64, "machine"),
            counted(tally.shards.len() as u64, "shard"),
            length(elapsed_ms),
            grouped(u64::try_from(per_second).unwrap_or(u64::MAX)),
        );
        let mut line = |count: u64, what: &str| {
            if count > 0 {
                text.push_str(&format!(
                    "\n{} {what}",
                    terminal.paint(&format!("{:>9}", grouped(count)), "33")
                ));
            }
        };
        line(tally.retries, "records sent again, since the stream did not take them at once");
        line(tally.refused, "records refused for good");
        line(skipped.ticks, "ticks skipped: a running system makes its own");
        line(skipped.rules, "rule sets skipped: use andon rules put");
        line(skipped.unreadable, "lines skipped: they cannot be read (--unreadable sends them)");
        for (what, first) in [("refusal", &tally.first_refusal), ("unreadable line", &skipped.first)] {
            if let Some(first) = first {
                text.push_str(&format!("\n          first {what}: {}", escape_control_chars(first)));
            }
        }
        text
    }
}

/// Waits shorter than this, ms, are put together.
const GRAIN_MS: i64 = 50;

/// When what is sent, and how far times are moved.
struct Pace {
    rate: Option<f64>,
    speed: Option<f64>,
    begun_ms: i64,
    points: i64,
    first_ms: Option<i64>,
    /// Where times are moved to.
    as_of_ms: Option<i64>,
    shift_ms: Option<i64>,
}

impl Pace {
    fn new(arguments: &Arguments, span: Option<Span>, now_ms: i64) -> Self {
        let as_of_ms = arguments.as_of.map(|as_of| as_of.ms(now_ms));
        let shift_ms = as_of_ms.zip(span).map(|(as_of_ms, Span { first_ms, newest_ms })| {
            let length_ms = newest_ms.saturating_sub(first_ms);
            let sent_ms =
                as_of_ms.saturating_add(arguments.speed.map_or(0, |speed| divided(length_ms, speed)));
            sent_ms.saturating_sub(newest_ms)
        });
        Self {
            rate: arguments.rate,
            speed: arguments.speed,
            begun_ms: now_ms,
            points: 0,
            first_ms: None,
            as_of_ms,
            shift_ms,
        }
    }

    /// Returns the shift of the timestamps of a line, ms.
    fn shift_ms(&mut self, line: &[u8]) -> i64 {
        let Some(as_of_ms) = self.as_of_ms else { return 0 };
        if self.shift_ms.is_none() {
            self.shift_ms = record::time_of(line).map(|first_ms| as_of_ms.saturating_sub(first_ms));
        }
        self.shift_ms.unwrap_or(0)
    }

    /// Returns the wait before points of a recorded time are sent, ms.
    fn wait_ms(&mut self, time_ms: Option<i64>, points: u64, now_ms: i64) -> u64 {
        let mut due_ms = self.begun_ms;
        if let Some(rate) = self.rate {
            due_ms = due_ms.saturating_add(divided(self.points.saturating_mul(1000), rate));
            self.points = self.points.saturating_add_unsigned(points);
        }
        if let (Some(speed), Some(time_ms)) = (self.speed, time_ms) {
            let first_ms = *self.first_ms.get_or_insert(time_ms);
            due_ms = due_ms.saturating_add(divided(time_ms.saturating_sub(first_ms), speed));
        }
        match due_ms.saturating_sub(now_ms) {
            wait_ms if wait_ms > 0 => u64::try_from(wait_ms.max(GRAIN_MS)).unwrap_or_default(),
            _ => 0,
        }
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "of lengths of time in ms, which are exact far beyond a thousand years, and which decide nothing"
)]
fn divided(number: i64, by: f64) -> i64 {
    (number as f64 / by) as i64
}

#[cfg(test)]
mod tests;
