//! What documents promise: links that lead somewhere, samples that are explained, numbers and examples that are true.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use andon_domain::wire::{Message, MessageContent};
use andon_domain::{Millis, Rejection};
use andon_engine::RuleSet;
use andon_rule_files::{RenderOptions, render};

use super::{files, none, text, with_extension};
use crate::support::root;

/// The documents that state bounds.
const STATE_BOUNDS: [&str; 3] = ["docs/rules.md", "docs/events.md", "docs/models.md"];

#[test]
fn relative_links_lead_somewhere() {
    let mut offenders = Vec::new();
    let mut links = 0;
    for file in with_extension("md") {
        let folder = Path::new(&file).parent().unwrap_or(Path::new(""));
        for (line, target) in relative_links(&text(&file)) {
            links += 1;
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let path = if path.is_empty() { Path::new(&file).to_owned() } else { folder.join(path) };
            let there = root().join(&path);
            let is_markdown = path.extension().is_some_and(|extension| extension == "md");
            let found = there.exists()
                && (anchor.is_empty()
                    || !is_markdown
                    || anchors(&std::fs::read_to_string(&there).unwrap_or_default()).contains(anchor));
            if !found {
                offenders.push(format!("{file}:{line}: {target}"));
            }
        }
    }
    assert!(links > 0, "no link was found at all");
    none(&offenders, "links that lead nowhere");
}

/// The lines of a Markdown text outside of code blocks, with their numbers.
fn prose(markdown: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    markdown.lines().enumerate().filter_map(move |(index, line)| {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            return None;
        }
        (!in_code).then_some((index + 1, line))
    })
}

fn relative_links(markdown: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (number, line) in prose(markdown) {
        // Code between backticks holds no links.
        let line: String = line.split('`').step_by(2).collect();
        for rest in line.split("](").skip(1) {
            let target = rest.split([')', ' ']).next().unwrap_or_default();
            if !target.contains("://") && !target.starts_with("mailto:") {
                links.push((number, target.to_owned()));
            }
        }
    }
    links
}

/// The anchors of the headings of a Markdown text, as GitHub makes them.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut anchors = BTreeSet::new();
    for (_, line) in prose(markdown) {
        let title = line.trim_start_matches('#');
        if title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let anchor: String = title
            .trim()
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let before = seen.entry(anchor.clone()).or_default();
        anchors.insert(if *before == 0 { anchor } else { format!("{anchor}-{before}") });
        *before += 1;
    }
    anchors
}

#[test]
fn links_and_anchors_are_found_as_github_finds_them() {
    let markdown = "# A `b` (c), d!\n## X\n## X\n[a](b.md#c) `[no](code)` [w](https://x.y) [f](#d \"t\")\n```\n[n](n)\n# n\n```\n";
    assert_eq!(relative_links(markdown), [(4, "b.md#c".to_owned()), (4, "#d".to_owned())]);
    assert_eq!(anchors(markdown), BTreeSet::from(["a-b-c-d", "x", "x-1"].map(str::to_owned)));
}

#[test]
fn every_sample_is_explained_in_the_readme_of_events() {
    let readme = text("events/README.md");
    let mut offenders = Vec::new();
    for file in files() {
        let Some(sample) = file.strip_prefix("events/") else { continue };
        let link = match sample.split('/').collect::<Vec<_>>().as_slice() {
            [_] => continue,
            [_, _] => format!("({sample})"),
            // A folder of its own is explained as a whole.
            [top, folder, _, ..] => format!("({top}/{folder}/)"),
            [] => continue,
        };
        if !readme.contains(&link) && !offenders.contains(&link) {
            offenders.push(link);
        }
    }
    none(&offenders, "expected a link in events/README.md to");
}

#[test]
fn the_bounds_in_the_documents_are_those_of_the_code() {
    let source = text("shared/domain/src/limits.rs");
    let limits: BTreeMap<&str, f64> = source.lines().filter_map(limit).collect();
    assert!(limits.len() >= 20, "the constants of limits.rs were not understood");
    let mut offenders = Vec::new();
    let mut stated = BTreeSet::new();
    for file in STATE_BOUNDS {
        for (name, written, value) in bounds(&text(file)) {
            match limits.get(name.as_str()) {
                #[allow(clippy::float_cmp, reason = "both are small whole numbers")]
                Some(limit) if Some(*limit) == value => {}
                Some(limit) => offenders.push(format!("{file}: `{written}` for {name}, which is {limit}")),
                None => offenders.push(format!("{file}: there is no bound {name}")),
            }
            stated.insert(name);
        }
    }
    offenders.extend(
        limits.keys().filter(|name| !stated.contains(**name)).map(|name| format!("{name} is stated nowhere")),
    );
    none(&offenders, "a bound is written `up to 64 bytes <!-- NAME -->`, with its name in limits.rs");
}

/// The name and the value of a constant such as `pub const WINDOW_MS: i64 = 7 * 86_400_000;`.
fn limit(line: &str) -> Option<(&str, f64)> {
    let (name, rest) = line.strip_prefix("pub const ")?.split_once(": ")?;
    let value = rest.split_once(" = ")?.1.strip_suffix(';')?.replace('_', "");
    let number = |text: &str| text.trim().parse::<f64>().ok();
    let value = match (value.split_once("<<"), value.split_once('*')) {
        (Some((left, right)), _) => number(left)? * number(right)?.exp2(),
        (_, Some((left, right))) => number(left)? * number(right)?,
        _ => number(&value)?,
    };
    Some((name, value))
}

/// The bounds in a text: name, words before it, and the number or duration that these end with.
fn bounds(markdown: &str) -> Vec<(String, String, Option<f64>)> {
    let mut bounds = Vec::new();
    for (at, opening) in markdown.match_indices("<!-- ") {
        let (before, comment) = markdown.split_at(at);
        let Some((name, _)) = comment.trim_start_matches(opening).split_once(" -->") else { continue };
        if !name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_') {
            continue;
        }
        let words: Vec<&str> =
            before.split_whitespace().rev().take(2).map(|word| word.trim_matches('`')).collect();
        let [last, before] = words.as_slice() else { continue };
        let number = |text: &str| text.replace(',', "").parse::<f64>().ok();
        let value = match (Millis::parse(last), number(last)) {
            (Ok(Millis(ms)), _) => number(&ms.to_string()),
            (_, Some(value)) => Some(value),
            _ => number(before).map(|value| match *last {
                "KiB" => value * 1024.0,
                "MiB" => value * 1024.0 * 1024.0,
                _ => value,
            }),
        };
        bounds.push((name.to_owned(), format!("{before} {last}"), value));
    }
    bounds
}

#[test]
fn a_bound_is_read_in_code_and_in_text() {
    assert_eq!(limit("pub const A_B: usize = 10 << 20;"), Some(("A_B", 10_485_760.0)));
    assert_eq!(limit("pub const W: i64 = 7 * 86_400_000;"), Some(("W", 604_800_000.0)));
    assert_eq!(limit("pub const W: f64 = 1e9;"), Some(("W", 1e9)));
    let text = "up to 4 KiB <!-- A --> or `7d` <!-- B --> or 1,000 globs <!-- C --> or many <!-- D --> <!-- no name -->";
    let values: Vec<Option<f64>> = bounds(text).into_iter().map(|(_, _, value)| value).collect();
    assert_eq!(values, [Some(4096.0), Some(604_800_000.0), Some(1000.0), None]);
}

/// The code blocks of a language in a Markdown text, with the number of their first line.
fn blocks(markdown: &str, language: &str) -> Vec<(usize, String)> {
    let mut blocks: Vec<(usize, String)> = Vec::new();
    let mut within: Option<bool> = None;
    for (index, line) in markdown.lines().enumerate() {
        match (line.strip_prefix("```"), within) {
            (Some(_), Some(_)) => within = None,
            (Some(fence), None) => {
                within = Some(fence == language);
                if fence == language {
                    blocks.push((index + 2, String::new()));
                }
            }
            (None, Some(true)) => {
                if let Some((_, block)) = blocks.last_mut() {
                    block.push_str(line);
                    block.push('\n');
                }
            }
            (None, _) => {}
        }
    }
    blocks
}

#[test]
fn the_rules_in_the_documents_are_accepted_without_a_warning() {
    let mut offenders = Vec::new();
    let mut documents = 0;
    for file in with_extension("md") {
        for (line, block) in blocks(&text(&file), "yaml") {
            // Other YAML is about something else.
            if !block.lines().any(|line| line.starts_with("rules:")) {
                continue;
            }
            documents += 1;
            let found = match andon_rule_files::read(&format!("{file}:{line}.yaml"), &block) {
                Err(diagnostics) => diagnostics,
                Ok(mut loaded) => {
                    let mut findings = andon_lint::lint(&loaded.document);
                    findings.extend(
                        RuleSet::compile(std::mem::take(&mut loaded.document)).err().unwrap_or_default(),
                    );
                    loaded.source_map.locate(findings)
                }
            };
            if !found.is_empty() {
                offenders.push(render(&found, RenderOptions::default()));
            }
        }
    }
    assert!(documents >= 10, "only {documents} rule documents were found");
    none(&offenders, "rules in documents that are not as they should be");
}

#[test]
fn the_records_in_the_documents_are_accepted() {
    let mut offenders = Vec::new();
    let mut records = 0;
    for file in with_extension("md") {
        for (first, block) in blocks(&text(&file), "jsonl") {
            for (index, line) in block.lines().enumerate() {
                records += 1;
                let message = Message::read(line.as_bytes());
                let details = message.rejections.iter().map(Rejection::to_string);
                offenders.extend(details.map(|detail| format!("{file}:{}: {detail}", first + index)));
                if let MessageContent::Rules(document) = message.content
                    && let Err(detail) = andon_domain::RuleDocument::from_json(document)
                {
                    offenders.push(format!("{file}:{}: {detail}", first + index));
                }
            }
        }
    }
    assert!(records >= 5, "only {records} records were found");
    none(&offenders, "records in documents that are rejected");
}
