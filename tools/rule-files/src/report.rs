//! Diagnostics for programs: one JSON object per line.

use andon_domain::PathSegment;
use serde::Serialize;

use crate::source::{Diagnostic, severity_word};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    severity: &'static str,
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    path: Vec<PathStep<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum PathStep<'a> {
    Key(&'a str),
    Item(usize),
}

/// Writes each diagnostic as a JSON object on a line of its own: `file`, `line`, `column`, `endLine`, `endColumn`
/// (from 1, in characters, the end exclusive), `severity`, `code`, `message`, `help` where there is one, and `path`,
/// the way from the top of the file to the value, as a list of names and of numbers from 0.
#[must_use]
pub fn to_json(diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for Diagnostic { finding, place } in diagnostics {
        let ((line, column), (end_line, end_column)) = (place.start(), place.end());
        let path = finding.path.iter().map(|step| match step {
            PathSegment::Key(key) => PathStep::Key(key),
            PathSegment::Item(item) => PathStep::Item(*item),
        });
        let object = Line {
            file: place.source().name(),
            line,
            column,
            end_line,
            end_column,
            severity: severity_word(finding.severity),
            code: finding.code,
            message: &finding.message,
            help: finding.help.as_deref(),
            path: path.collect(),
        };
        // Texts and numbers always serialize.
        out.push_str(&serde_json::to_string(&object).unwrap_or_default());
        out.push('\n');
    }
    out
}
