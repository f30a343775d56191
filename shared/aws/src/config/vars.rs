//! Reading single variables. A mistake is noted, and the default goes on in its place.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use andon_domain::Millis;
use andon_ingest::limits::KEY_BYTES;
use andon_workflows::measures::Level;

use super::{Credentials, ResourceNames, Secret};

/// The variables, and what was found wrong with them.
pub(super) struct Vars {
    vars: BTreeMap<String, String>,
    pub(super) mistakes: Vec<String>,
}

/// A rule for names: their letters and their length.
struct NameRule {
    shortest: usize,
    longest: usize,
    letters: fn(char) -> bool,
    said: &'static str,
}

const STREAM: NameRule = NameRule {
    shortest: 1,
    longest: 128,
    letters: |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'),
    said: "1 to 128 letters, digits, `_`, `.` or `-`",
};
const TABLE: NameRule = NameRule {
    shortest: 3,
    longest: 255,
    letters: |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'),
    said: "3 to 255 letters, digits, `_`, `.` or `-`",
};
const BUCKET: NameRule = NameRule {
    shortest: 3,
    longest: 63,
    letters: |c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-'),
    said: "3 to 63 small letters, digits, `.` or `-`",
};
const BUS: NameRule = NameRule {
    shortest: 1,
    longest: 1600,
    letters: |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | ':'),
    said: "letters, digits, `_`, `.`, `-` or `/`, or the ARN of a bus",
};
const QUEUE: NameRule = NameRule {
    shortest: 1,
    longest: 80,
    letters: |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'),
    said: "1 to 80 letters, digits, `_` or `-`, or the URL of a queue",
};

const PREFIX: NameRule = NameRule {
    shortest: 1,
    longest: 200,
    letters: |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/'),
    said: "1 to 200 letters, digits, `_`, `-`, `.` or `/`",
};

/// Returns the part of a wrong value that an error shows.
fn shown(text: &str) -> String {
    text.chars().take(60).collect()
}

fn is_url(text: &str) -> bool {
    let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    host.is_some_and(|host| {
        !host.is_empty() && !host.starts_with(['/', ':']) && !host.contains(char::is_whitespace)
    })
}

impl Vars {
    pub(super) fn new(vars: impl IntoIterator<Item = (String, String)>) -> Self {
        let vars = vars.into_iter().filter(|(_, value)| !value.trim().is_empty()).collect();
        Self { vars, mistakes: Vec::new() }
    }

    fn mistake(&mut self, name: &str, found: &str, expected: impl Display) {
        self.mistakes.push(format!("`{name}` is `{}`; expected {expected}", shown(found)));
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.vars.get(name).map(|text| text.trim().to_owned())
    }

    pub(super) fn url(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        if !is_url(&text) {
            self.mistake(name, &text, "a URL such as `http://127.0.0.1:4566`");
        }
        Some(text)
    }

    pub(super) fn names(&mut self) -> ResourceNames {
        let default = ResourceNames::default();
        ResourceNames {
            stream: self.name("ANDON_STREAM", default.stream, &STREAM),
            state_table: self.name("ANDON_STATE_TABLE", default.state_table, &TABLE),
            outbox_table: self.name("ANDON_OUTBOX_TABLE", default.outbox_table, &TABLE),
            checkpoints_table: self.name("ANDON_CHECKPOINTS_TABLE", default.checkpoints_table, &TABLE),
            rules_table: self.name("ANDON_RULES_TABLE", default.rules_table, &TABLE),
            bucket: self.name("ANDON_BUCKET", default.bucket, &BUCKET),
            bus: self.name("ANDON_BUS", default.bus, &BUS),
            failures_queue: match self.text("ANDON_FAILURES_QUEUE") {
                Some(url) if is_url(&url) => url,
                _ => self.name("ANDON_FAILURES_QUEUE", default.failures_queue, &QUEUE),
            },
        }
    }

    /// Reads the name of a bucket, if one is given.
    pub(super) fn bucket(&mut self, name: &str) -> Option<String> {
        let named = self.text(name)?;
        Some(self.name(name, named, &BUCKET))
    }

    /// Reads a prefix of object names.
    pub(super) fn prefix(&mut self, name: &str, default: String) -> String {
        self.name(name, default, &PREFIX)
    }

    fn name(&mut self, name: &str, default: String, rule: &NameRule) -> String {
        let Some(text) = self.text(name) else { return default };
        if !(rule.shortest..=rule.longest).contains(&text.len()) || !text.chars().all(rule.letters) {
            self.mistake(name, &text, rule.said);
        }
        text
    }

    pub(super) fn number<N>(&mut self, name: &str, default: N, least: N, most: N) -> N
    where
        N: FromStr + PartialOrd + Display + Copy,
    {
        let Some(text) = self.text(name) else { return default };
        match text.parse() {
            Ok(number) if number >= least && number <= most => number,
            _ => {
                self.mistake(name, &text, format_args!("a whole number from {least} to {most}"));
                default
            }
        }
    }

    /// A duration, in ms.
    pub(super) fn duration(&mut self, name: &str, default_ms: i64, least_ms: i64, most_ms: i64) -> i64 {
        let Some(text) = self.text(name) else { return default_ms };
        match Millis::parse(&text) {
            Ok(Millis(ms)) if (least_ms..=most_ms).contains(&ms) => ms,
            _ => {
                let (least, most) = (Millis(least_ms), Millis(most_ms));
                self.mistake(
                    name,
                    &text,
                    format_args!("a duration from `{least}` to `{most}`, such as `{}`", Millis(default_ms)),
                );
                default_ms
            }
        }
    }

    pub(super) fn log_level(&mut self, name: &str) -> Level {
        let Some(text) = self.text(name) else { return Level::default() };
        let known = Level::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(&text));
        known.unwrap_or_else(|| {
            self.mistake(name, &text, "`error`, `warn`, `info` or `debug`");
            Level::default()
        })
    }

    /// Reads a key. Mistakes are reported without showing it.
    pub(super) fn secret(&mut self, name: &str) -> Option<Secret> {
        let text = self.text(name)?;
        let secret = Secret::from_text(&text);
        let found = match &secret {
            None => format!("neither base64 nor hexadecimal ({} letters)", text.len()),
            Some(secret) if secret.bytes().len() < KEY_BYTES => {
                format!("a secret of {} bytes", secret.bytes().len())
            }
            Some(_) => return secret,
        };
        self.mistakes.push(format!(
            "`{name}` is {found}; expected at least {KEY_BYTES} bytes in base64 or hexadecimal"
        ));
        None
    }

    pub(super) fn credentials(&mut self) -> Option<Credentials> {
        let id = self.text("AWS_ACCESS_KEY_ID");
        let secret = self.text("AWS_SECRET_ACCESS_KEY");
        match (id, secret) {
            (Some(access_key_id), Some(secret)) => Some(Credentials {
                access_key_id,
                secret_access_key: Secret::new(secret),
                session_token: self.text("AWS_SESSION_TOKEN").map(Secret::new),
            }),
            (None, None) => None,
            (id, _) => {
                let (set, missing) = if id.is_some() {
                    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
                } else {
                    ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")
                };
                self.mistakes.push(format!("`{set}` is set and `{missing}` is not; expected both or none"));
                None
            }
        }
    }
}
