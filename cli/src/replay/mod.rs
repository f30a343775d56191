//! quick
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use andon_engine::replay::{Replay, Sink};
use andon_engine::{CompiledRules, FoldError, RuleSet};
use andon_model::{RuleDocument, Transition};

use crate::clock::Stopwatch;
use crate::lines::{self, Line};

/// x
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[arg(long)]
    rules: PathBuf,
    events: PathBuf,
}
struct Out<W>(W);
impl<W: std::io::Write> Sink for Out<W> {
    fn transition(&mut self, transition: Transition) {
        let _ = serde_json::to_writer(&mut self.0, &transition);
        let _ = self.0.write_all(b"\n");
    }
}
#[allow(clippy::print_stderr, clippy::unwrap_used, reason = "x")]
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let watch = Stopwatch::start();
    let text = std::fs::read_to_string(&arguments.rules).unwrap();
    let set = RuleSet::compile(RuleDocument::from_json(&text).unwrap()).unwrap();
    eprintln!("loaded {} rules in {:?}", set.rule_count(), watch.elapsed());
    let mut replay = Replay::new(CompiledRules::new(set));
    let mut out = Out(std::io::BufWriter::new(std::io::stdout().lock()));
    let input = lines::open(&arguments.events, |_| {}).unwrap();
    lines::for_each(input, |_, line| -> Result<(), FoldError> {
        match line {
            Line::Bytes(bytes) => replay.line(bytes, &mut out),
            Line::TooLong => Ok(()),
        }
    })
    .unwrap()
    .unwrap();
    replay.close(&mut out);
    let _ = out.0.flush();
    eprintln!("{:?} in {:?}", replay.counts(), watch.elapsed());
    ExitCode::SUCCESS
}
