//! Measures what evaluating costs beside the engine's own work: `cargo run --release -p andon-kit-ports --example evaluate
//! -- [BATCHES [FORM]]`, where a form is `records`, `aggregated`, `lines` or `gzip`.
//!
//! Batches of 6,000 points of W1, as a raw Kinesis event in several forms, go through all of `evaluate`: reading the event,
//! reading states, folding, packing, committing, with the ports in memory. In turn with them the engine folds the same points
//! from their lines, its states at hand, as a replay does. Times are CPU times of the thread. What the table means is said in
//! `docs/performance.md`.

#![allow(clippy::print_stdout, reason = "an example talks to its user")]

mod forms;

use std::error::Error;
use std::hint::black_box;
use std::task::{Context, Poll, Waker};

use andon_domain::{RuleDocument, Transition};
use andon_engine::replay::{Replay, Sink};
use andon_engine::{CompiledRules, KeyState, RuleSet, SegmentId};
use andon_ingest::{Arena, Decoded};
use andon_kit_cases::w1::W1;
use andon_kit_ports::memory::Memory;
use andon_workflows::evaluate::{Batch, EvaluateAnswer, EvaluateSettings, Evaluator, Summary};
use andon_workflows::object_keys;
use andon_workflows::ports::{Pointer, SetRef};

use forms::{Form, POINTS};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Batches before the first that counts: states fill with pending points, memory comes to its size.
const WARM_UP: usize = 10;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let batches: usize = arguments.next().as_deref().unwrap_or("100").parse()?;
    let only = arguments.next();
    let forms = Form::ALL.into_iter().filter(|form| only.as_ref().is_none_or(|only| only == form.word()));
    let w1 = W1 { points: (POINTS * (WARM_UP + batches)).try_into()?, ..W1::default() };
    let mut lines = Vec::new();
    w1.write_points(&mut lines)?;
    let lines: Vec<&[u8]> = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let mut engine = Engine::new(w1.rules(), false)?;
    let mut packing = Engine::new(w1.rules(), true)?;
    let mut functions: Vec<Function> =
        forms.map(|form| Function::new(form, w1.rules())).collect::<Result<_>>()?;
    for (number, lines) in lines.chunks(POINTS).enumerate() {
        let counts = number >= WARM_UP;
        engine.fold(lines, counts)?;
        packing.fold(lines, counts)?;
        for function in &mut functions {
            function.evaluate(lines, number, counts)?;
        }
    }
    println!("CPU s per million points of W1, {batches} batches of {POINTS} points, 200 machines\n");
    println!(
        "                                              CPU s   of the engine's   event, KiB   state changes"
    );
    let own = engine.cost.seconds_per_million();
    let row = |name: &str, cost: &Cost, kib: &str| {
        let seconds = cost.seconds_per_million();
        println!("{name:44} {seconds:6.3}   {:13.2} x   {kib:>10}   {:13}", seconds / own, cost.transitions);
    };
    row("engine: lines read, folded", &engine.cost, "");
    row("  with states packed and unpacked per batch", &packing.cost, "");
    for function in &functions {
        let kib = (function.event_bytes / function.events.max(1)) >> 10;
        row(&format!("evaluate: {}", function.form.name()), &function.cost, &kib.to_string());
    }
    if let Some(function) = functions.first() {
        println!(
            "\nper point: {:.3} commits; summary of the last batch: {:?}",
            function.commits(),
            function.last
        );
    }
    Ok(())
}

/// A measurement.
#[derive(Default)]
struct Cost {
    ns: u64,
    points: u64,
    transitions: u64,
}

impl Cost {
    #[allow(clippy::cast_precision_loss, reason = "figures are printed with three digits")]
    fn seconds_per_million(&self) -> f64 {
        self.ns as f64 / self.points.max(1) as f64 / 1000.0
    }
}

/// CPU time of this thread so far, ns.
fn cpu_ns() -> Result<u64> {
    // Linux brings the count up to date when a thread yields.
    std::thread::yield_now();
    let counts = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(counts.split(' ').next().unwrap_or_default().parse()?)
}

fn timed<T>(cost: &mut Cost, counts: bool, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = cpu_ns()?;
    let result = work()?;
    if counts {
        cost.ns += cpu_ns()? - before;
        cost.points += POINTS as u64;
    }
    Ok(result)
}

/// The engine alone.
struct Engine {
    replay: Replay,
    packs: bool,
    cost: Cost,
}

/// Counts state changes.
#[derive(Default)]
struct Count(u64);

impl Sink for Count {
    fn transition(&mut self, transition: Transition) {
        black_box(transition);
        self.0 += 1;
    }
}

impl Engine {
    fn new(document: RuleDocument, packs: bool) -> Result<Self> {
        let rules = RuleSet::compile(document).map_err(|_| "the rules of W1 do not compile")?;
        Ok(Self { replay: Replay::new(CompiledRules::new(rules)), packs, cost: Cost::default() })
    }

    fn fold(&mut self, lines: &[&[u8]], counts: bool) -> Result<()> {
        let mut count = Count::default();
        timed(&mut self.cost, counts, || {
            for line in lines {
                self.replay.line(line, &mut count)?;
            }
            if self.packs {
                self.replay.replace_keys(|rules, key| {
                    let packed = key.clone().pack();
                    let segment = |id: SegmentId| {
                        packed.new_segments.iter().find(|one| one.id == id).map(|one| one.bytes.as_slice())
                    };
                    KeyState::unpack(key.equipment(), rules, &packed.head, segment)
                })?;
            }
            Ok(())
        })?;
        self.cost.transitions += if counts { count.0 } else { 0 };
        Ok(())
    }
}

/// `evaluate` over memory.
struct Function {
    form: Form,
    evaluator: Evaluator<Memory>,
    arena: Arena,
    cost: Cost,
    events: usize,
    event_bytes: usize,
    done: u64,
    last: Summary,
}

impl Function {
    fn new(form: Form, document: RuleDocument) -> Result<Self> {
        let memory = Memory::new();
        let document = serde_json::to_vec(&document)?;
        let digest = object_keys::digest(&document, 32);
        let set =
            SetRef { start_ms: 0, digest: digest.clone(), written_ms: 0, rules: 1000, note: String::new() };
        memory.world_mut().sets.insert(digest, document);
        memory.world_mut().pointer = Pointer { revision: 1, sets: vec![set] };
        Ok(Self {
            form,
            evaluator: Evaluator::new(memory, EvaluateSettings::new("points")),
            arena: Arena::new(),
            cost: Cost::default(),
            events: 0,
            event_bytes: 0,
            done: 0,
            last: Summary::default(),
        })
    }

    fn evaluate(&mut self, lines: &[&[u8]], number: usize, counts: bool) -> Result<()> {
        let event = self.form.event(lines, number)?;
        let now_ms = W1::default().start_ms + i64::try_from(3000 * number)?;
        self.evaluator.ports().world_mut().now_ms = now_ms;
        let (evaluator, arena) = (&self.evaluator, &mut self.arena);
        let answer = timed(&mut self.cost, counts, || answer(evaluator, arena, &event, now_ms + 60_000))?;
        let mut world = self.evaluator.ports().world_mut();
        // The history for checkers is not part of the work.
        world.commits.clear();
        world.saves.clear();
        world.inserted.clear();
        let summary = &answer.summary;
        if answer.first_not_done.is_some() || summary.points != lines.len() as u64 || summary.errors > 0 {
            return Err(format!("{}: not all was folded: {summary:?}", self.form.name()).into());
        }
        if counts {
            self.events += 1;
            self.event_bytes += event.len();
            self.cost.transitions += summary.transitions;
            self.done += summary.commits;
        }
        self.last = answer.summary;
        Ok(())
    }

    #[allow(clippy::cast_precision_loss, reason = "figures are printed with three digits")]
    fn commits(&self) -> f64 {
        self.done as f64 / self.cost.points.max(1) as f64
    }
}

/// Runs the measured part: a function of its own, so that a profiler can be limited to it.
#[inline(never)]
fn answer(
    evaluator: &Evaluator<Memory>,
    arena: &mut Arena,
    event: &str,
    deadline_ms: i64,
) -> Result<EvaluateAnswer> {
    let decoded = Decoded::new(event.as_bytes(), arena)?;
    let batch = Batch::of(&decoded, None)?;
    Ok(at_once(evaluator.evaluate(&batch, deadline_ms)))
}

/// Runs a future that never waits: the ports in memory answer at once.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(answer) = future.as_mut().poll(&mut context) {
            return answer;
        }
    }
}
