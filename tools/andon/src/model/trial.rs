//! `andon model try`.

use std::path::PathBuf;

use andon_domain::{Millis, Rule, Transition};
use andon_engine::{CompiledRules, RuleSet};
use andon_models::{Forest, ForestOptions, Model};

use super::features::{self, binding, names, row};
use super::labels::{self, Verdict, Window, judge};
use super::scorer::Scorer;
use super::{Models, named_file, read_models};
use crate::failure::Failure;
use crate::lines::{self, Block};
use crate::output_file::{OutputFile, file_name};
use crate::replay::{Report, RequestLog, Session, TransitionLog, write_page};
use crate::rules;
use crate::terminal::{self, Terminal, columns, counted, grouped};
use crate::times::{day_or_time, length};
use andon_domain::text::escape_control_chars;

/// Add scores to history, as if the models had been called, and evaluate the rules.
///
/// With --labels, a table shows for each rule the labelled windows that it caught, the delay from their start, and its false
/// alarms outside of them. A rule alarms while it is not in its default state, or while it is in the state of --state.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  andon model try --rules rules.yaml --train-until 2013-12-10 --labels windows.json --report report.html history.jsonl
  andon model try --rules rules.yaml --model bearing=bearing.json --scored scored.jsonl history.jsonl")]
pub(super) struct Arguments {
    /// Rule files, or directories of them; together they are one rule set.
    #[arg(long, short, required = true, value_name = "FILE")]
    rules: Vec<PathBuf>,
    /// The model of a binding, as `andon model train` printed it.
    #[arg(long, value_name = "ID=FILE", value_parser = named_file)]
    model: Vec<(String, PathBuf)>,
    /// Train a forest for each binding without --model, on the rows before this time.
    #[arg(long, value_name = "TIME", value_parser = day_or_time)]
    train_until: Option<i64>,
    /// The latency of each score.
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = Millis::parse)]
    latency: Millis,
    /// Labelled windows of failures: JSON, [["2026-03-01 06:00:00", "2026-03-01 09:00:00"], ..].
    #[arg(long, value_name = "FILE.json")]
    labels: Option<PathBuf>,
    /// With --labels: a rule alarms in this state only.
    #[arg(long, value_name = "STATE", requires = "labels")]
    state: Option<String>,
    /// Also write the history with its scores, for `andon replay`.
    #[arg(long, value_name = "FILE.jsonl", value_parser = file_name)]
    scored: Option<PathBuf>,
    /// Also write a page with states, charts and rejected points.
    #[arg(long, value_name = "FILE.html", value_parser = file_name)]
    report: Option<PathBuf>,
    /// Event files in the order of time; `-` is standard input, `.gz` and `.zst` are unpacked.
    #[arg(required = true, value_name = "EVENTS")]
    events: Vec<PathBuf>,
}

pub(super) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<(), Failure> {
    let windows = arguments.labels.as_deref().map(labels::read).transpose()?;
    let load = || rules::load(&arguments.rules, terminal);
    let set = load()?;
    let models = models(arguments, &set, load, terminal)?;
    let watched: Vec<Rule> = set.rules().cloned().collect();
    let mut scorer = Scorer::new(&models, arguments.latency.0);
    let rules = CompiledRules::new(set);
    let report = arguments.report.as_ref().map(|_| report(&rules, windows.as_deref().unwrap_or_default()));
    let mut session = Session::new(rules, (TransitionLog::new(false), RequestLog::default(), report));
    let mut scored = arguments.scored.clone().map(OutputFile::create).transpose()?;
    let mut too_long: u64 = 0;
    let mut fold = |line: &[u8]| {
        session.lines(line)?;
        if let Some(scored) = &mut scored {
            scored.write(line)?;
            scored.write(b"\n")?;
        }
        let (_, requests, _) = session.observers_mut();
        Ok(requests.take())
    };
    let progress = terminal.progress(lines::total_bytes(&arguments.events));
    for path in &arguments.events {
        let on_bytes = |bytes| progress.inc(bytes);
        lines::read(path, on_bytes, |block| match block {
            Block::Lines(lines) => lines
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
                .try_for_each(|line| scorer.line(line, &mut fold)),
            Block::TooLong => {
                too_long += 1;
                Ok(())
            }
        })?;
    }
    scorer.finish(&mut fold)?;
    progress.finish_and_clear();
    (0..too_long).for_each(|_| session.too_long());
    session.close();
    let (replay, (log, _, mut report)) = session.into_parts();
    if let Some(scored) = scored {
        scored.finish()?;
    }
    terminal.say(&format!(
        "{}, {} scores, {}",
        counted(replay.counts().points.saturating_sub(scorer.scores()), "point"),
        grouped(scorer.scores()),
        counted(replay.counts().transitions, "state change")
    ));
    if let Some(windows) = &windows {
        let end_ms = log.transitions().iter().map(|transition| transition.at).max().unwrap_or(i64::MIN);
        let table = table(&watched, log.transitions(), windows, end_ms, arguments.state.as_deref());
        terminal::print(&table)?;
        if let Some(report) = &mut report {
            report.table(&table);
        }
    }
    if let (Some(path), Some(report)) = (&arguments.report, report) {
        write_page(path, &report.into_page(&replay))?;
        terminal.say(&format!("report: {}", path.display()));
    }
    Ok(())
}

/// A report with the labelled windows as incidents.
fn report(rules: &CompiledRules, windows: &[Window]) -> Report {
    let note = "The scores were added as if the models had been called.";
    let mut report = Report::new("History with scores", note, rules);
    for window in windows {
        report.incident(window.from_ms, None, "labelled failure begins");
        report.incident(window.to_ms, None, "labelled failure ends");
    }
    report
}

/// Returns the models of all bindings, read from files or trained.
fn models(
    arguments: &Arguments,
    set: &RuleSet,
    load: impl Fn() -> Result<RuleSet, Failure>,
    terminal: &Terminal,
) -> Result<Models, Failure> {
    for (id, _) in &arguments.model {
        binding(set, id)?;
    }
    let mut models = read_models(&arguments.model)?;
    let without: Vec<_> =
        set.bindings().filter(|binding| !models.contains_key(&binding.id)).cloned().collect();
    let Some(first) = without.first() else { return Ok(models) };
    let Some(until_ms) = arguments.train_until else {
        return Err(Failure::Usage(format!(
            "no model for the binding `{}`; expected --model {}=FILE, or --train-until TIME to train one here",
            first.id, first.id
        )));
    };
    let features = features::compute(load()?, &arguments.events, terminal)?;
    for binding in &without {
        let requests =
            features.requests.iter().filter(|request| request.model == binding.id && request.at < until_ms);
        let rows: Vec<Vec<f64>> = requests.map(row).collect::<Result<_, _>>()?;
        let forest = Forest::grow(&names(binding), &rows, &ForestOptions::default())
            .map_err(|error| Failure::Message(format!("no model of `{}`: {error}", binding.id)))?;
        terminal.say(&format!(
            "`{}`: a forest from {} rows",
            escape_control_chars(&binding.id),
            grouped(rows.len() as u64)
        ));
        models.insert(binding.id.clone(), Model::Forest(forest));
    }
    Ok(models)
}

/// Returns the table of caught windows and false alarms by rule.
fn table(
    rules: &[Rule],
    changes: &[Transition],
    windows: &[Window],
    end_ms: i64,
    state: Option<&str>,
) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let numbered = (1..=windows.len()).map(|number| format!("WINDOW {number}"));
    rows.push(["RULE", "CAUGHT", "FALSE ALARMS"].map(str::to_owned).into_iter().chain(numbered).collect());
    for rule in rules {
        let of_it = changes.iter().filter(|transition| transition.rule_id == rule.id.as_str());
        let rings = |to: &str| state.map_or(to != rule.default, |state| to == state);
        let Verdict { caught, false_alarms } = judge(of_it, windows, end_ms, rings);
        let count = caught.iter().flatten().count();
        let mut row = vec![
            escape_control_chars(&rule.id),
            format!("{count} of {}", windows.len()),
            false_alarms.to_string(),
        ];
        row.extend(caught.iter().zip(windows).map(|(at_ms, window)| match at_ms {
            None => "missed".to_owned(),
            Some(at_ms) if *at_ms == window.from_ms => "from the start".to_owned(),
            Some(at_ms) => format!("after {}", length(at_ms - window.from_ms)),
        }));
        rows.push(row);
    }
    let count = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| columns(cell)).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width.saturating_sub(columns(cell)))));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
