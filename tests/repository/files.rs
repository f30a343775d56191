//! What source files keep to.

use super::{files, none, text, with_extension};

/// Longest Rust file, in lines: what one can keep in mind.
const LINES: usize = 600;

#[test]
fn no_rust_file_is_too_long() {
    let ours = ["shared/", "tools/", "functions/", "tests/", "fuzz/"];
    let mut offenders = Vec::new();
    for file in
        with_extension("rs").into_iter().filter(|file| ours.iter().any(|folder| file.starts_with(folder)))
    {
        let lines = text(&file).lines().count();
        if lines > LINES {
            offenders.push(format!("{file}: {lines}"));
        }
    }
    none(&offenders, &format!("more than {LINES} lines"));
}

/// All that may stand at the top: the shape that ARCHITECTURE.md draws, and what a repository of Rust and CDK needs.
const TOP: [&str; 24] = [
    ".ci",
    ".editorconfig",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "clippy.toml",
    "compose.yaml",
    "deny.toml",
    "docs",
    "events",
    "functions",
    "fuzz",
    "infra",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "samconfig.toml",
    "shared",
    "tests",
    "tools",
];

#[test]
fn the_top_holds_what_the_map_draws_and_nothing_else() {
    let top: std::collections::BTreeSet<String> =
        files().iter().filter_map(|file| file.split('/').next().map(str::to_owned)).collect();
    let offenders: Vec<String> = top.into_iter().filter(|entry| !TOP.contains(&entry.as_str())).collect();
    none(&offenders, "a new top-level entry gets a line in ARCHITECTURE.md and in this list");
}

#[test]
fn only_the_clock_asks_the_machine_for_the_time() {
    // Put together here, so that this file does not find itself.
    let clocks = ["SystemTime", "Instant", "Timestamp", "Zoned"].map(|clock| format!("{clock}::now"));
    let mut offenders = Vec::new();
    for file in with_extension("rs").into_iter().filter(|file| file != "shared/clock/src/lib.rs") {
        for (index, line) in text(&file).lines().enumerate() {
            if clocks.iter().any(|clock| line.contains(clock)) {
                offenders.push(format!("{file}:{}: {}", index + 1, line.trim()));
            }
        }
    }
    none(&offenders, "time is an argument; only shared/clock/src/lib.rs asks the machine, but");
    assert!(text("shared/clock/src/lib.rs").contains("Instant"), "the clock has moved; say here where to");
}

#[test]
fn every_exception_from_a_lint_gives_its_reason() {
    let mut offenders = Vec::new();
    for file in with_extension("rs") {
        offenders.extend(without_reason(&text(&file)).into_iter().map(|line| format!("{file}:{line}")));
    }
    none(&offenders, "an `allow` without `reason = \"..\"`");
}

/// The lines of attributes that except something from a lint and do not say why.
fn without_reason(source: &str) -> Vec<usize> {
    let mut lines = Vec::new();
    for kind in ["allow", "expect"] {
        for open in ["#[", "#!["] {
            let attribute = format!("{open}{kind}(");
            for (at, _) in source.match_indices(&attribute) {
                let (before, rest) = source.split_at(at);
                if !rest.split(")]").next().is_some_and(|attribute| attribute.contains("reason =")) {
                    lines.push(before.matches('\n').count() + 1);
                }
            }
        }
    }
    lines
}

#[test]
fn an_attribute_without_reason_is_found_by_its_line() {
    let with = format!("\n#[{}(dead_code, reason = \"(why)\")]\nfn f() {{}}", "allow");
    let over_lines = format!("#[{}(\n  a,\n  b,\n  reason = \"why\"\n)]", "expect");
    let without = format!("\n\n#![{}(dead_code)]\n{with}", "allow");
    assert_eq!(without_reason(&with), Vec::<usize>::new());
    assert_eq!(without_reason(&over_lines), Vec::<usize>::new());
    assert_eq!(without_reason(&without), [3]);
}

#[test]
fn no_file_speaks_of_the_workplace_where_it_was_written() {
    let words = [concat!("/wo", "rk/"), concat!(".lib", "rary"), concat!("DEVELOP", "ERS.md")];
    let mut offenders = Vec::new();
    for file in files() {
        for (index, line) in text(&file).lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                offenders.push(format!("{file}:{}", index + 1));
            }
        }
    }
    none(&offenders, "the repository stands on its own, but there is a path of some machine in");
}
