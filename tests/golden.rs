//! Our own cases as files, one folder or file a case.

use std::path::Path;

use andon_engine::RuleSet;
use andon_kit_golden::assert_golden;
use andon_lint::lint;
use andon_rule_files::{RenderOptions, render};

use crate::support::{folders, replay_all, root, rules, text};

/// `tests/golden/replay/CASE`: `rules.yaml` and `events.jsonl` give `expected.jsonl`, explanations and all, and
/// `requests.jsonl` where there are models.
#[test]
fn golden_replays_decide_and_explain_as_before() {
    let cases = folders(&root().join("tests/golden/replay"));
    assert!(cases.len() >= 10, "only {} golden replays were found", cases.len());
    for case in cases {
        let events = text(&case.join("events.jsonl"));
        let lines = events.lines().filter(|line| !line.is_empty());
        let document = rules(&case.join("rules.yaml"));
        let has_models = !document.models.is_empty();
        let (kept, counts) = replay_all(document, lines, true);
        if has_models {
            let requests = kept.requests.iter();
            let requests = requests.map(|request| serde_json::to_string(request).expect("JSON") + "\n");
            assert_golden(case.join("requests.jsonl"), &requests.collect::<String>());
        }
        let mut found = String::new();
        for transition in kept.transitions {
            found.push_str(&serde_json::to_string(&transition).expect("a transition is JSON"));
            found.push('\n');
        }
        for reason in andon_domain::Reason::ALL {
            if counts.rejected(reason) > 0 {
                found.push_str(&format!(
                    "{{\"rejected\":\"{reason}\",\"count\":{}}}\n",
                    counts.rejected(reason)
                ));
            }
        }
        assert_golden(case.join("expected.jsonl"), &found);
    }
}

/// `events/rules/bad/NAME` gives `tests/golden/check/NAME.txt`.
#[test]
fn bad_rules_are_explained_as_before() {
    let mut files: Vec<_> = std::fs::read_dir(root().join("events/rules/bad"))
        .expect("the bad rules")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| {
            matches!(path.extension().and_then(|extension| extension.to_str()), Some("yaml" | "yml" | "json"))
        })
        .collect();
    files.sort();
    assert!(files.len() >= 30, "only {} bad rules were found", files.len());
    for file in files {
        let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let found = diagnose(&file);
        assert!(!found.is_empty(), "{} has nothing wrong with it", file.display());
        assert_golden(root().join(format!("tests/golden/check/{stem}.txt")), &found);
    }
}

fn diagnose(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let bytes = std::fs::read(file).expect("a readable file");
    let check = |document| RuleSet::compile(document).err().unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let diagnostics = match andon_rule_files::read_and_check(&name, &text, check) {
        Err(diagnostics) => diagnostics,
        Ok(loaded) => match RuleSet::compile(loaded.document.clone()) {
            Err(findings) => loaded.source_map.locate(findings),
            Ok(_) => loaded.source_map.locate(lint(&loaded.document)),
        },
    };
    render(&diagnostics, RenderOptions::default())
}
