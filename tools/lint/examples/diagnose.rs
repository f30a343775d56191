//! Prints every diagnostic of rule documents, as `andon check` does:
//! `cargo run -p andon-lint --example diagnose -- FILE..`

#![allow(clippy::print_stdout, reason = "this is what the example is for")]

use andon_engine::RuleSet;
use andon_lint::lint;
use andon_rule_files::{RenderOptions, read_and_check, render};

fn main() -> std::io::Result<()> {
    for name in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&name)?;
        let check = |document| RuleSet::compile(document).err().unwrap_or_default();
        let diagnostics = read_and_check(&name, &text, check).map_or_else(
            |mistakes| mistakes,
            |loaded| match RuleSet::compile(loaded.document.clone()) {
                Ok(_) => loaded.source_map.locate(lint(&loaded.document)),
                Err(findings) => loaded.source_map.locate(findings),
            },
        );
        print!("{}", render(&diagnostics, RenderOptions::default()));
    }
    Ok(())
}
