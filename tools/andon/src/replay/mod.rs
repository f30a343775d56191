//! `andon replay`: rules over recorded points, as a running system would have decided.

pub(crate) mod session;
mod summary;

#[cfg(feature = "live")]
pub(crate) use summary::meaning;

use std::fs;
use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use andon_engine::CompiledRules;
use clap::ValueEnum;

use self::session::Session;
use crate::lines::{self, Block};
use crate::terminal::Terminal;
use crate::written::cannot;
use crate::{Failure, rules};
use andon_clock::Stopwatch;

/// Run rules over recorded data points, and print the state changes.
///
/// Reads one record per line (a data point, a list of them, a tick; bare or as {"arrival": ms, "data": record}) and
/// prints the state changes as JSON lines. Time comes from the records alone: the same input gives the same output,
/// and the same as the running system decides.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  andon replay --rules rules.yaml points.jsonl
  andon replay --rules rules.yaml --requests asked.jsonl points.jsonl
  andon replay --rules rules/ --report report.html monday.jsonl.gz tuesday.jsonl.zst
  zcat points.jsonl.gz | andon replay --rules rules.yaml --explain -

A line {\"arrival\": ms, \"rules\": {document}} brings a rule set that starts at that arrival.")]
pub(crate) struct Arguments {
    /// Rule files, or directories of them; together they are one rule set.
    #[arg(long, short, required = true, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// Event files in the order of time; `-` is standard input, `.gz` and `.zst` are unpacked.
    #[arg(value_name = "EVENTS")]
    events: Vec<PathBuf>,
    /// What happens at the end of the input.
    #[arg(long, value_enum, default_value = "close")]
    end: End,
    /// Print with each state change why: the condition that won or ended, its operands with values and times.
    #[arg(long)]
    explain: bool,
    /// Also write what models would be asked, as JSON lines; nobody is asked.
    #[arg(long, value_name = "FILE.jsonl")]
    requests: Option<PathBuf>,
    /// Also write a page that shows states, charts and what was rejected.
    #[arg(long, value_name = "FILE.html")]
    report: Option<PathBuf>,
    /// No summary and no progress on standard error.
    #[arg(long, short)]
    quiet: bool,
}

/// What happens at the end of the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum End {
    /// Event time advances to the newest point, as if all had gone silent there.
    Close,
    /// Nothing is flushed: what a running system would have decided so far.
    Open,
}

pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<(), Failure> {
    let events = inputs(&arguments.events)?;
    let set = rules::load(&arguments.rules, terminal)?;
    let stopwatch = Stopwatch::start();
    let mut session = Session::new(CompiledRules::new(set), arguments.explain);
    if arguments.report.is_some() {
        session.report(&title(&events), "");
    }
    if let Some(path) = &arguments.requests {
        session.requests(Box::new(BufWriter::new(create(path)?)));
    }
    let mut output = BufWriter::with_capacity(64 << 10, io::stdout().lock());
    let progress = match arguments.quiet {
        true => indicatif::ProgressBar::hidden(),
        false => terminal.progress(lines::total_bytes(&events)),
    };
    let mut outcome = Ok(());
    for path in &events {
        outcome = read(path, &mut session, &mut output, |bytes| progress.inc(bytes));
        if outcome.is_err() {
            break;
        }
    }
    if outcome.is_ok() && arguments.end == End::Close {
        session.close(&mut output);
    }
    progress.finish_and_clear();
    let written = session.take_write_error().map_or_else(|| output.flush(), Err);
    match written {
        // Who reads has had enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
        Err(error) => return Err(Failure::Said(format!("cannot write to standard output: {error}"))),
        Ok(()) => {}
    }
    if let Some(path) = &arguments.requests {
        let written = session.end_requests();
        written.map_err(|error| cannot("write", path, &error))?;
    }
    if !arguments.quiet {
        terminal.say(&summary::text(&session, stopwatch.elapsed(), terminal));
    }
    outcome?;
    if let Some(path) = &arguments.report {
        write_report(path, session)?;
        if !arguments.quiet {
            terminal.say(&format!("report: {}", path.display()));
        }
    }
    Ok(())
}

fn create(path: &Path) -> Result<fs::File, Failure> {
    fs::File::create(path).map_err(|error| cannot("write", path, &error))
}

/// Folds the lines of one input.
fn read(
    path: &Path,
    session: &mut Session,
    output: &mut impl io::Write,
    on_bytes: impl Fn(u64),
) -> Result<(), Failure> {
    session.begin_file(path);
    let read = lines::read(path, on_bytes, |block| {
        match block {
            Block::Lines(lines) => session.lines(lines, output)?,
            Block::TooLong => session.too_long(),
        }
        // An output that is gone ends the work.
        if session.has_write_error() { Err(Failure::AlreadySaid) } else { Ok(()) }
    });
    match read {
        Err(Failure::AlreadySaid) => Ok(()),
        read => read,
    }
}

/// The inputs to read: standard input where none is named, unless a person sits before it.
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

/// Writes a session's report.
pub(crate) fn write_report(path: &Path, session: Session) -> Result<(), Failure> {
    let Some(page) = session.into_page() else { return Ok(()) };
    fs::write(path, page).map_err(|error| cannot("write", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::ColorChoice;

    #[test]
    fn what_models_would_be_asked_is_written_as_lines() {
        let case = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/golden/replay/a-model-is-asked-and-its-score-decides");
        let asked = std::env::temp_dir().join(format!("andon-asked-{}.jsonl", std::process::id()));
        let arguments = Arguments {
            rules: vec![case.join("rules.yaml")],
            events: vec![case.join("events.jsonl")],
            end: End::Close,
            explain: false,
            requests: Some(asked.clone()),
            report: None,
            quiet: true,
        };
        run(&arguments, &Terminal::new(ColorChoice::Never)).unwrap();
        let written = fs::read_to_string(&asked).unwrap();
        fs::remove_file(&asked).unwrap();
        assert_eq!(written, fs::read_to_string(case.join("requests.jsonl")).unwrap());
    }
}
