//! A checker of documents: collects findings, each with its place, and knows the checks that rules and models share.

use std::collections::BTreeMap;

use andon_domain::{Finding, Millis, ParameterValue, PathSegment, Scope, limits};

use crate::scope::Glob;

/// A collector of findings at and below one place of a document.
pub(super) struct Checker<'a> {
    pub path: Vec<PathSegment>,
    pub findings: &'a mut Vec<Finding>,
}

impl Checker<'_> {
    /// Adds an error below the place of the checker.
    pub(super) fn error(
        &mut self,
        rest: &[PathSegment],
        code: &'static str,
        message: impl Into<String>,
    ) -> &mut Finding {
        let path = self.path.iter().chain(rest).cloned().collect();
        self.findings.push(Finding::error(code, path, message));
        let last = self.findings.len() - 1;
        #[allow(clippy::indexing_slicing, reason = "it was just pushed")]
        &mut self.findings[last]
    }

    /// Checks the length of a wait or setting.
    pub(super) fn wait(&mut self, field: &str, value: Millis) {
        if value.0 > limits::WAIT_MS {
            let message = format!("`{value}` is too long; the limit is `{}`", Millis(limits::WAIT_MS));
            self.error(&[field.into()], "too-long", message);
        }
    }

    /// Checks the id of a rule or model.
    pub(super) fn id(&mut self, id: &str, what: &str) {
        let valid = !id.is_empty()
            && id.len() <= limits::RULE_ID_BYTES
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if !valid {
            let message = format!(
                "`{}` is no {what}; expected 1 to 128 letters a to z, digits, `.`, `_` and `-`",
                shown(id)
            );
            self.error(&["id".into()], "bad-id", message);
        }
    }

    /// Checks the length of a description.
    pub(super) fn description(&mut self, description: Option<&str>) {
        if description.is_some_and(|text| text.len() > limits::DESCRIPTION_BYTES) {
            let message = format!("the description is longer than {} bytes", limits::DESCRIPTION_BYTES);
            self.error(&["description".into()], "too-long", message);
        }
    }

    /// Checks the globs of a scope.
    pub(super) fn scope(&mut self, scope: &Scope) {
        let globs = &scope.equipment;
        let place = |rest: Option<usize>| -> Vec<PathSegment> {
            let mut path: Vec<PathSegment> = vec!["scope".into(), "equipment".into()];
            path.extend(rest.filter(|_| globs.len() > 1).map(PathSegment::from));
            path
        };
        if globs.is_empty() {
            self.error(
                &place(None),
                "empty",
                "the scope names no equipment; expected a glob such as `filler-*`, or leave it out for all",
            );
        }
        if globs.len() > limits::SCOPE_GLOBS {
            let message =
                format!("the scope has {} globs; the limit is {}", globs.len(), limits::SCOPE_GLOBS);
            self.error(&place(None), "too-many", message);
        }
        for (index, glob) in globs.iter().enumerate() {
            if glob.is_empty() || glob.len() > limits::NAME_BYTES {
                let message = format!("a glob is 1 to {} bytes long", limits::NAME_BYTES);
                self.error(&place(Some(index)), "bad-glob", message);
            } else if let Err(error) = Glob::new(glob) {
                self.error(&place(Some(index)), "bad-glob", format!("`{}` is no glob: {error}", shown(glob)));
            }
        }
    }

    /// Checks the values that expressions name as `kind.NAME`.
    pub(super) fn values(
        &mut self,
        at: &[PathSegment],
        values: &BTreeMap<String, ParameterValue>,
        kind: &str,
        limit: usize,
    ) {
        if values.len() > limit {
            let message = format!("there are {} values here; the limit is {limit}", values.len());
            self.error(at, "too-many", message);
        }
        for (name, value) in values {
            let place: Vec<PathSegment> = at.iter().cloned().chain([name.as_str().into()]).collect();
            let identifier = name.len() <= limits::LABEL_BYTES
                && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
            if !identifier {
                let message = format!(
                    "`{}` cannot be named as `{kind}.…`; expected letters a to z, digits and `_`",
                    shown(name)
                );
                self.error(&place, "bad-name", message);
            }
            match value {
                ParameterValue::Number(number) if !number.is_finite() => {
                    self.error(&place, "bad-value", "the number is not finite");
                }
                ParameterValue::Text(text) if text.len() > limits::TEXT_BYTES => {
                    self.error(
                        &place,
                        "too-long",
                        format!("the text is longer than {} bytes", limits::TEXT_BYTES),
                    );
                }
                _ => {}
            }
        }
    }

    /// Checks the name of a state, group or input.
    pub(super) fn label(&mut self, place: &[PathSegment], label: &str, what: &str) {
        if label.is_empty() || label.len() > limits::LABEL_BYTES || label.chars().any(char::is_control) {
            let message = format!(
                "`{}` is no {what}; expected 1 to {} bytes without control characters",
                shown(label),
                limits::LABEL_BYTES
            );
            self.error(place, "bad-name", message);
        }
    }
}

/// Returns up to 60 characters of a text, escaped for a message.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(60).collect::<String>().escape_debug().to_string()
}
