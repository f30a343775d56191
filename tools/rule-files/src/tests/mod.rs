mod hostile;
mod notation;
mod output;
mod place;
mod shape;

use crate::{Diagnostic, Loaded, read};

/// Returns the findings in a text, each as `line:column code: message`, with ` | help` where there is help.
fn found(name: &str, text: &str) -> Vec<String> {
    read(name, text).err().unwrap_or_default().iter().map(one).collect()
}

fn one(diagnostic: &Diagnostic) -> String {
    let (line, column) = diagnostic.place.start();
    let help = diagnostic.finding.help.as_ref().map(|help| format!(" | {help}")).unwrap_or_default();
    format!("{line}:{column} {}: {}{help}", diagnostic.finding.code, diagnostic.finding.message)
}

/// The text that a diagnostic is about.
fn marked(diagnostic: &Diagnostic) -> &str {
    diagnostic.place.source().text().get(diagnostic.place.bytes()).unwrap()
}

fn sound(name: &str, text: &str) -> Loaded {
    read(name, text)
        .unwrap_or_else(|errors| panic!("{:?}\n{text}", errors.iter().map(one).collect::<Vec<_>>()))
}

/// The two rules that most tests change, without the lines that begin with `|`.
const YAML: &str = r#"settings: {allowed_lateness: 5m}
rules:
  - id: first
    scope: {equipment: "filler-*"}
    parameters: {max: 80, name: 'l1', on: true}
    groups:
      - id: thermal
        weight: 2.5
        otherwise: ~
        states:
          - state: HOT
            when: "t > params.max"
            for: 1h30m
            times: 3
  - id: second
    scope:
      equipment: [capper-1, "capper-2"]
    groups:
      - id: g
        states: [{state: ON, when: true, until: false}]
"#;
