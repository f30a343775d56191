//! `andon replay`: rules over recorded points, as a running system would have decided.

mod json_lines;
mod logs;
mod observer;
mod report;
mod session;
mod summary;

pub(crate) use self::json_lines::TransitionLines;
pub(crate) use self::logs::{RequestLog, TransitionLog};
pub(crate) use self::report::Report;
pub(crate) use self::session::Session;

#[cfg(feature = "live")]
pub(crate) use summary::meaning;

use std::fs;
use std::io::{self, BufWriter, IsTerminal as _};
use std::path::{Path, PathBuf};

use andon_engine::CompiledRules;
use clap::ValueEnum;

use self::json_lines::RequestLines;
use self::logs::Samples;
use self::observer::Observer as _;
use crate::failure::Failure;
use crate::lines::{self, Block};
use crate::output_file::{cannot, file_name};
use crate::rules;
use crate::terminal::Terminal;
use andon_clock::Stopwatch;

/// Run rules over recorded data points, and print the state changes.
///
/// Reads one record per line: a data point, a list of them, or a tick; bare or as {"arrival": ms, "data": record}. Prints
/// the state changes as JSON lines. Time comes from the records alone: the same input gives the same output, and a running
/// system decides the same.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  andon replay --rules rules.yaml points.jsonl
  andon replay --rules rules.yaml --requests requests.jsonl points.jsonl
  andon replay --rules rules/ --report report.html monday.jsonl.gz tuesday.jsonl.zst
  zcat points.jsonl.gz | andon replay --rules rules.yaml --explain -

A line {\"arrival\": ms, \"rules\": {document}} puts a rule set that starts at that arrival.")]
pub(crate) struct Arguments {
    /// Rule files, or directories of them; together they are one rule set.
    #[arg(long, short, required = true, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// Event files in the order of time; `-` is standard input, `.gz` and `.zst` are unpacked.
    #[arg(value_name = "EVENTS")]
    events: Vec<PathBuf>,
    /// The treatment of the end of the input.
    #[arg(long, value_enum, default_value = "close")]
    end: End,
    /// Add an explanation to each state change: the condition that won or ended, its operands with values and times.
    #[arg(long)]
    explain: bool,
    /// Also write the score requests to models, as JSON lines. No model is called.
    #[arg(long, value_name = "FILE.jsonl", value_parser = file_name)]
    requests: Option<PathBuf>,
    /// Also write a page with states, charts and rejected points.
    #[arg(long, value_name = "FILE.html", value_parser = file_name)]
    report: Option<PathBuf>,
    /// No summary and no progress on standard error.
    #[arg(long, short)]
    quiet: bool,
}

/// Bytes of state changes that are written at once.
const OUTPUT_BYTES: usize = 64 << 10;

/// The treatment of the end of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum End {
    /// Event time advances to the newest point, as if all machines were silent from there on.
    Close,
    /// Event time stays: the output is that of a running system so far.
    Open,
}

/// The observers of `andon replay`.
type Observers<'a> = (
    TransitionLines<BufWriter<io::StdoutLock<'a>>>,
    Samples,
    Option<RequestLines<BufWriter<fs::File>>>,
    Option<Report>,
);

pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<(), Failure> {
    let events = inputs(&arguments.events)?;
    let set = rules::load(&arguments.rules, terminal)?;
    let stopwatch = Stopwatch::start();
    let mut session = session(arguments, &events, CompiledRules::new(set))?;
    let progress = match arguments.quiet {
        true => indicatif::ProgressBar::hidden(),
        false => terminal.progress(lines::total_bytes(&events)),
    };
    let outcome = events.iter().try_for_each(|path| read(path, &mut session, |bytes| progress.inc(bytes)));
    if outcome.is_ok() && arguments.end == End::Close {
        session.close();
    }
    progress.finish_and_clear();
    let (replay, (changes, samples, requests, report)) = session.into_parts();
    match changes.finish() {
        // The reader of standard output has gone away, as `head` does.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        Err(error) => return Err(Failure::Message(format!("cannot write to standard output: {error}"))),
        Ok(()) => {}
    }
    if let (Some(path), Some(requests)) = (&arguments.requests, requests) {
        requests.finish().map_err(|error| cannot("write", path, &error))?;
    }
    if !arguments.quiet {
        terminal.say(&summary::text(&replay, &samples, stopwatch.elapsed(), terminal));
    }
    outcome?;
    if let (Some(path), Some(report)) = (&arguments.report, report) {
        write_page(path, &report.into_page(&replay))?;
        if !arguments.quiet {
            terminal.say(&format!("report: {}", path.display()));
        }
    }
    Ok(())
}

/// Opens the outputs, and begins the replay.
fn session<'a>(
    arguments: &Arguments,
    events: &[PathBuf],
    rules: CompiledRules,
) -> Result<Session<Observers<'a>>, Failure> {
    let create = |path: &PathBuf| fs::File::create(path).map_err(|error| cannot("write", path, &error));
    let requests = arguments.requests.as_ref().map(create).transpose()?;
    let observers = (
        TransitionLines::new(BufWriter::with_capacity(OUTPUT_BYTES, io::stdout().lock()), arguments.explain),
        Samples::default(),
        requests.map(|file| RequestLines::new(BufWriter::new(file))),
        arguments.report.as_ref().map(|_| Report::new(&title(events), "", &rules)),
    );
    Ok(Session::new(rules, observers))
}

/// Folds the lines of one input.
fn read(path: &Path, session: &mut Session<Observers<'_>>, on_bytes: impl Fn(u64)) -> Result<(), Failure> {
    session.begin_file(path);
    let read = lines::read(path, on_bytes, |block| {
        match block {
            Block::Lines(lines) => session.lines(lines)?,
            Block::TooLong => session.too_long(),
        }
        // Ends the reading; the error itself comes from `finish`.
        if session.observers().has_failed() { Err(Failure::AlreadyPrinted) } else { Ok(()) }
    });
    match read {
        Err(Failure::AlreadyPrinted) => Ok(()),
        read => read,
    }
}

/// Returns the inputs to read: standard input where none is named, unless it is a terminal.
fn inputs(named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    if io::stdin().is_terminal() {
        let message = "no events; expected files, or `-` for standard input (see `andon replay --help`)";
        return Err(Failure::Usage(message.to_owned()));
    }
    Ok(vec![PathBuf::from("-")])
}

fn title(events: &[PathBuf]) -> String {
    let names: Vec<String> = events.iter().map(|path| path.display().to_string()).collect();
    match names.as_slice() {
        [first, _, .., last] => format!("Replay of {first} to {last}"),
        names => format!("Replay of {}", names.join(" and ")),
    }
}

/// Writes the page of a report.
pub(crate) fn write_page(path: &Path, page: &str) -> Result<(), Failure> {
    fs::write(path, page).map_err(|error| cannot("write", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::ColorChoice;

    #[test]
    fn score_requests_are_written_as_lines() {
        let case = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/golden/replay/a-model-is-asked-and-its-score-decides");
        let path = std::env::temp_dir().join(format!("andon-asked-{}.jsonl", std::process::id()));
        let arguments = Arguments {
            rules: vec![case.join("rules.yaml")],
            events: vec![case.join("events.jsonl")],
            end: End::Close,
            explain: false,
            requests: Some(path.clone()),
            report: None,
            quiet: true,
        };
        run(&arguments, &Terminal::new(ColorChoice::Never)).unwrap();
        let written = fs::read_to_string(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(written, fs::read_to_string(case.join("requests.jsonl")).unwrap());
    }
}
