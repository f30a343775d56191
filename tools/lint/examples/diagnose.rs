//! Prints every diagnostic of rule documents, as `andon check` does; the golden files of the bad ones are made with it:
//! `cargo run -p andon-rule-files --example diagnose -- FILE..`

#![allow(clippy::print_stdout, reason = "this is what the example is for")]

use andon_engine::RuleSet;
use andon_lint::lint;
use andon_rule_files::{RenderOptions, read, render};

fn main() -> std::io::Result<()> {
    for name in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&name)?;
        let diagnostics = read(&name, &text).map_or_else(
            |mistakes| mistakes,
            |loaded| match RuleSet::compile(loaded.document.clone()) {
                Ok(_) => loaded.locate(lint(&loaded.document)),
                Err(findings) => loaded.locate(findings),
            },
        );
        print!("{}", render(&diagnostics, RenderOptions::default()));
    }
    Ok(())
}
