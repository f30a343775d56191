//! `andon demo`: one shift of a bottling line, its incidents, and the state changes of the rules.

mod story;

use std::fs;
use std::path::{Path, PathBuf};

use andon_domain::ScoreRequest;
use andon_engine::{CompiledRules, RuleSet};
use andon_models::Model;
use andon_simulator::{DEFAULT_SEED, Incident, Shift, ShiftOptions};

use self::story::KnownChange;
use crate::failure::Failure;
use crate::model::{Models, Scorer};
use crate::output_file::{OutputFile, cannot};
use crate::reason::Reasons;
use crate::replay::{Report, RequestLog, Session, TransitionLines, TransitionLog, write_page};
use crate::terminal::{self, Terminal};
use andon_clock::Stopwatch;

/// Simulate one shift of a bottling line, run rules over it, and show incidents and state changes.
///
/// Eight machines send about a million data points in eight hours. Many things fail: a sensor jumps, another one dies, a
/// fault grows behind a maintenance, a gateway loses its link. The timeline shows each incident and the state changes that
/// it caused. It takes some seconds and needs nothing but this program.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  andon demo
  andon demo --no-files | less
  andon demo --seed 8 --dir another-shift

The files in the folder:
  rules.yaml     the rules, with comments: change one, and replay the shift
  models.yaml    a rule on the score of a model, and the binding of the model
  shift.jsonl    the data points and scores, one JSON record per line (about 210 MB)
  changes.jsonl  the state changes with their explanations
  report.html    a page with states, charts and rejected points

The same seed gives the same files, byte for byte.")]
pub(crate) struct Arguments {
    /// Another shift: the same kinds of incidents, at other times.
    #[arg(long, default_value_t = DEFAULT_SEED, value_name = "NUMBER")]
    seed: u64,
    /// The folder for the files; replaces those of an earlier demo.
    #[arg(long, default_value = "andon-demo", value_name = "FOLDER")]
    dir: PathBuf,
    /// Only print the timeline.
    #[arg(long, conflicts_with = "dir")]
    no_files: bool,
}

/// The rules are part of the program, so that it works in any folder.
const RULES: &str = include_str!("../../../../events/rules/bottling-line.yaml");
const RULES_FILE: &str = "rules.yaml";
const MODEL_RULES: &str = include_str!("../../../../events/rules/bottling-line-models.yaml");
const MODEL_RULES_FILE: &str = "models.yaml";
/// The model, trained on another shift as the rules file explains.
const MODEL: (&str, &[u8]) = ("bearing-wear", include_bytes!("../../../../events/models/bearing-wear.json"));
/// Latency of the model, ms.
const MODEL_LATENCY_MS: i64 = 200;
const EVENTS_FILE: &str = "shift.jsonl";
const CHANGES_FILE: &str = "changes.jsonl";
const REPORT_FILE: &str = "report.html";

/// Size of the blocks in which lines are written, bytes.
const BLOCK_BYTES: usize = 1 << 20;

pub(crate) fn run(arguments: &Arguments, terminal: &Terminal) -> Result<(), Failure> {
    let dir = if arguments.no_files { None } else { Some(arguments.dir.as_path()) };
    let stopwatch = Stopwatch::start();
    let (set, reasons) = rules()?;
    let models = models()?;
    let mut scorer = Scorer::new(&models, MODEL_LATENCY_MS);
    let mut shift = Shift::new(&ShiftOptions { seed: arguments.seed, ..ShiftOptions::default() });
    let rules = CompiledRules::new(set);
    let report = dir.map(|_| report(&shift, arguments.seed, &rules));
    let mut session = session(rules, report);
    let progress = terminal.progress(None);
    progress.set_message("one shift of a bottling line");
    let mut files = dir.map(Files::create).transpose()?;
    let said = work(&mut shift, &mut scorer, &mut session, |lines, changes| {
        progress.inc(u64::try_from(lines.len()).unwrap_or(u64::MAX));
        files.as_mut().map_or(Ok(()), |files| files.write(lines, changes))
    })?;
    files.map_or(Ok(()), Files::finish)?;
    progress.finish_and_clear();
    let (replay, (.., report)) = session.into_parts();
    let rule_count = replay.rules().newest().map_or(0, |set| set.rule_count());
    let mut text = story::text(&shift, &said, &reasons, rule_count, arguments.seed, terminal);
    text.push_str(&story::unseen(replay.counts(), shift.totals(), terminal));
    if let (Some(dir), Some(report)) = (dir, report) {
        write_page(&dir.join(REPORT_FILE), &report.into_page(&replay))?;
        text.push_str(&next(dir));
    }
    terminal::print(&text)?;
    terminal.say(&format!("That took {:.1} s.", stopwatch.elapsed().as_secs_f64()));
    Ok(())
}

/// The observers of the demo: the state changes as JSON lines and in memory, the score requests, and the report.
type Observers = (TransitionLines<Vec<u8>>, TransitionLog, RequestLog, Option<Report>);

fn session(rules: CompiledRules, report: Option<Report>) -> Session<Observers> {
    let changes = TransitionLines::new(Vec::new(), true);
    Session::new(rules, (changes, TransitionLog::new(true), RequestLog::default(), report))
}

fn report(shift: &Shift, seed: u64, rules: &CompiledRules) -> Report {
    let note = "A simulated shift of a bottling line. The numbered marks are the real incidents.";
    let mut report = Report::new(&format!("One shift of a bottling line (seed {seed})"), note, rules);
    shift.story().iter().for_each(|incident| note_incident(&mut report, incident));
    report
}

/// Returns the sample rules, compiled, and the reasons of their conditions.
fn rules() -> Result<(RuleSet, Reasons), Failure> {
    let read = |file: &str, text: &str| {
        let loaded = andon_rule_files::read(file, text);
        loaded.map(|loaded| loaded.document).map_err(|found| broken(&andon_rule_files::to_json(&found)))
    };
    let mut document = read(RULES_FILE, RULES)?;
    let with_models = read(MODEL_RULES_FILE, MODEL_RULES)?;
    document.rules.extend(with_models.rules);
    document.models.extend(with_models.models);
    let set = RuleSet::compile(document.clone())
        .map_err(|found| broken(&found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))?;
    Ok((set, Reasons::new(document)))
}

fn models() -> Result<Models, Failure> {
    let (id, json) = MODEL;
    let model = Model::read(json).map_err(|error| broken(&error.to_string()))?;
    Ok(Models::from([(id.to_owned(), model)]))
}

fn broken(what: &str) -> Failure {
    Failure::Message(format!("the rules in this program do not compile: {what}"))
}

/// Simulates the shift and folds its lines; `write` gets the lines and the state changes as they come.
fn work(
    shift: &mut Shift,
    scorer: &mut Scorer<'_>,
    session: &mut Session<Observers>,
    mut write: impl FnMut(&[u8], &[u8]) -> Result<(), Failure>,
) -> Result<Vec<KnownChange>, Failure> {
    let mut said: Vec<KnownChange> = Vec::new();
    let mut lines = Vec::with_capacity(BLOCK_BYTES * 2);
    let mut sent = Vec::new();
    loop {
        sent.clear();
        let Some(now_ms) = shift.step(&mut sent) else { break };
        let mut arrive = |line: &[u8]| fold(line, session, &mut lines);
        for line in sent.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            scorer.line(line, &mut arrive)?;
        }
        say_new(&mut said, session, now_ms);
        if lines.len() >= BLOCK_BYTES {
            let (changes, ..) = session.observers_mut();
            write(&lines, changes.output_mut())?;
            lines.clear();
            changes.output_mut().clear();
        }
    }
    scorer.finish(&mut |line: &[u8]| fold(line, session, &mut lines))?;
    session.close();
    say_new(&mut said, session, shift.end_ms());
    let (changes, ..) = session.observers_mut();
    write(&lines, changes.output_mut())?;
    Ok(said)
}

/// Adds the state changes that are new, as known since this time.
fn say_new(said: &mut Vec<KnownChange>, session: &Session<Observers>, known_ms: i64) {
    let (_, log, ..) = session.observers();
    let new = log.transitions().get(said.len()..).unwrap_or_default();
    said.extend(new.iter().map(|transition| KnownChange { transition: transition.clone(), known_ms }));
}

/// Folds a line that arrives, and returns the score requests that it causes.
fn fold(
    line: &[u8],
    session: &mut Session<Observers>,
    lines: &mut Vec<u8>,
) -> Result<Vec<ScoreRequest>, Failure> {
    lines.extend_from_slice(line);
    lines.push(b'\n');
    session.lines(line)?;
    let (_, _, requests, _) = session.observers_mut();
    Ok(requests.take())
}

/// Adds an incident to the report. A gateway or the whole line has no charts: its incidents stand for all machines.
fn note_incident(report: &mut Report, incident: &Incident) {
    let Incident { at_ms, equipment, text, .. } = incident;
    let at_ms = at_ms - at_ms.rem_euclid(1_000);
    match story::machine(incident) {
        Some(machine) => report.incident(at_ms, Some(machine), text),
        None if *equipment == story::WHOLE_LINE => report.incident(at_ms, None, text),
        None => report.incident(at_ms, None, &format!("{equipment}: {text}")),
    }
}

/// The files that are written during the shift.
struct Files {
    events: OutputFile,
    changes: OutputFile,
}

impl Files {
    fn create(dir: &Path) -> Result<Self, Failure> {
        fs::create_dir_all(dir).map_err(|error| cannot("make the folder", dir, &error))?;
        let rules = dir.join(RULES_FILE);
        fs::write(&rules, RULES).map_err(|error| cannot("write", &rules, &error))?;
        let rules = dir.join(MODEL_RULES_FILE);
        fs::write(&rules, MODEL_RULES).map_err(|error| cannot("write", &rules, &error))?;
        Ok(Self {
            events: OutputFile::create(dir.join(EVENTS_FILE))?,
            changes: OutputFile::create(dir.join(CHANGES_FILE))?,
        })
    }

    fn write(&mut self, lines: &[u8], changes: &[u8]) -> Result<(), Failure> {
        self.events.write(lines)?;
        self.changes.write(changes)
    }

    fn finish(self) -> Result<(), Failure> {
        self.events.finish()?;
        self.changes.finish()
    }
}

/// Returns the list of the files, with the next commands.
fn next(dir: &Path) -> String {
    let path = |file: &str| dir.join(file).display().to_string();
    let (rules, models, events) = (path(RULES_FILE), path(MODEL_RULES_FILE), path(EVENTS_FILE));
    format!(
        "\nLook at it:     open {} in a browser\nThe files:      {events} (data points), {rules}, {models},\n                {} (state \
         changes with their explanations)\nTry it:         change a limit in {rules}, then\n                  andon check \
         {rules}\n                  andon replay --rules {rules} --rules {models} --report report.html {events}\n",
        path(REPORT_FILE),
        path(CHANGES_FILE),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The state changes of a shift without routine ones: machine, rule and the new state, by time.
    fn said(seed: u64) -> Vec<String> {
        let (set, _) = rules().unwrap();
        let models = models().unwrap();
        let mut scorer = Scorer::new(&models, MODEL_LATENCY_MS);
        let mut shift = Shift::new(&ShiftOptions { seed, ..ShiftOptions::default() });
        let mut session = session(CompiledRules::new(set), None);
        let mut said = work(&mut shift, &mut scorer, &mut session, |_, _| Ok(())).unwrap();
        said.retain(|said| !story::is_routine(&said.transition));
        said.sort_by_key(|said| said.transition.at);
        let told = |KnownChange { transition, .. }: &KnownChange| {
            format!(
                "{} {} {}",
                transition.equipment_id,
                transition.rule_id,
                transition.to.as_deref().unwrap_or_default()
            )
        };
        said.iter().map(told).collect()
    }

    #[test]
    fn every_incident_is_reported_by_its_rule_and_nothing_else_is() {
        assert_eq!(
            said(DEFAULT_SEED),
            [
                "labeler-1 glue-temperature WARNING",
                "labeler-1 glue-temperature NORMAL",
                "packer-1 doors CHATTERING",
                "packer-1 doors NORMAL",
                "rinser-1 rinser-pressure NO_DATA",
                "filler-1 filler-overheat MAINTENANCE",
                "filler-1 filler-level MAINTENANCE",
                "filler-1 doors MAINTENANCE",
                "rinser-1 rinser-pressure NORMAL",
                "filler-1 filler-overheat WARNING",
                "filler-1 filler-level NORMAL",
                "filler-1 doors NORMAL",
                "filler-1 filler-overheat ALARM",
                "filler-1 filler-overheat WARNING",
                "filler-1 filler-overheat ACTIVE",
                "capper-1 capper-torque NO_DATA",
                "capper-1 capper-torque NORMAL",
                "labeler-1 short-stops WARNING",
                "labeler-1 short-stops NORMAL",
                "filler-1 filler-level WARNING",
                "filler-1 filler-level ALARM",
                "filler-1 filler-level NORMAL",
                "packer-1 fault ALARM",
                "packer-1 fault NORMAL",
                "palletizer-1 palletizer-bearing-soon WARNING",
                "palletizer-1 palletizer-bearing WARNING",
                "palletizer-1 palletizer-bearing-soon NORMAL",
                "palletizer-1 palletizer-bearing NORMAL",
            ]
        );
    }
}
