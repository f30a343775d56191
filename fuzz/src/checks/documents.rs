//! Target `documents`: any text as a rule document.

use andon_domain::RuleDocument;
use andon_domain::text::is_control_char;
use andon_engine::RuleSet;
use andon_lint::lint;
use andon_rule_files::{Diagnostic, Loaded, RenderOptions, read, read_and_check, render, to_json};

pub(super) fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    // The name decides on the notation together with the text.
    for name in ["rules.yaml", "rules.json"] {
        let compile = |document| RuleSet::compile(document).err().unwrap_or_default();
        match read_and_check(name, &text, compile) {
            Err(diagnostics) => {
                assert!(!diagnostics.is_empty(), "refused without a reason");
                shown(&diagnostics);
            }
            Ok(loaded) => accepted(&loaded),
        }
    }
}

fn accepted(loaded: &Loaded) {
    let findings = match RuleSet::compile(loaded.document.clone()) {
        Ok(_) => {
            written_and_read_back(&loaded.document);
            lint(&loaded.document)
        }
        Err(findings) => {
            assert!(!findings.is_empty(), "does not compile, without a reason");
            // The linter must take documents that do not compile, too.
            let _ = lint(&loaded.document);
            findings
        }
    };
    let count = findings.len();
    let diagnostics = loaded.source_map.locate(findings);
    assert_eq!(diagnostics.len(), count, "a finding was lost");
    shown(&diagnostics);
}

fn written_and_read_back(document: &RuleDocument) {
    let json = serde_json::to_string(document).unwrap_or_default();
    let again = RuleDocument::from_json(&json);
    assert_eq!(again.as_ref(), Ok(document), "{json}");
    for name in ["again.json", "again.yaml"] {
        match read(name, &json) {
            Ok(loaded) => assert_eq!(&loaded.document, document, "{name}: {json}"),
            Err(diagnostics) => {
                assert!(diagnostics.is_empty(), "{name}: {}", render(&diagnostics, RenderOptions::default()));
            }
        }
    }
}

fn shown(diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        let (bytes, text) = (diagnostic.place.bytes(), diagnostic.place.source().text());
        assert!(text.get(bytes.clone()).is_some(), "{bytes:?} is no part of the text: {diagnostic}");
        let (start, end) = (diagnostic.place.start(), diagnostic.place.end());
        assert!((1, 1) <= start && start <= end, "from {start:?} to {end:?}: {diagnostic}");
        assert!(!diagnostic.finding.message.is_empty());
    }
    for options in [RenderOptions::default(), RenderOptions { color: true, width: 40 }] {
        let drawn = render(diagnostics, options);
        assert_eq!(drawn.is_empty(), diagnostics.is_empty());
        let harmless = |c: char| !is_control_char(c) || c == '\n' || (c == '\u{1b}' && options.color);
        let hostile = drawn.chars().find(|c| !harmless(*c));
        assert_eq!(hostile, None, "controls the terminal: {drawn:?}");
    }
    let lines = to_json(diagnostics);
    assert_eq!(lines.lines().count(), diagnostics.len());
    for line in lines.lines() {
        let read = serde_json::from_str::<serde_json::Value>(line);
        assert!(read.is_ok(), "{:?}: {line}", read.err());
    }
}
