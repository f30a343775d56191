//! Prints every diagnostic of rule documents: `cargo run -p andon-document --example diagnose -- FILE..`

#![allow(clippy::print_stdout, reason = "this is what the example is for")]

use andon_document::{RenderOptions, read, render};

fn main() -> std::io::Result<()> {
    for name in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&name)?;
        let diagnostics = match read(&name, &text) {
            Ok(loaded) => loaded.locate(andon_engine::lint::lint(&loaded.document)),
            Err(diagnostics) => diagnostics,
        };
        println!("== {name}: {}\n{}", diagnostics.len(), render(&diagnostics, RenderOptions::default()));
    }
    Ok(())
}
