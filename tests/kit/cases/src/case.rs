//! A case: a rule set and a stream.

use std::fmt;

use andon_domain::RuleDocument;

/// A rule set and the lines of a stream, as `andon replay` reads them.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The seed that it was drawn from; 0 if it was drawn from bytes.
    pub seed: u64,
    /// The rule set at the start.
    pub rules: RuleDocument,
    /// One record or rule set each, without line ends.
    pub lines: Vec<String>,
}

/// The case as a text to be pasted into a test: the seed, the rule document as JSON, and the lines.
impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}", self.seed)?;
        writeln!(f, "{}", serde_json::to_string(&self.rules).map_err(|_| fmt::Error)?)?;
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

impl Case {
    /// Reads a case from its `Display` form. White space before a line and empty lines mean nothing.
    ///
    /// # Errors
    /// When the text has another form: a description of the mistake.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().map(str::trim_start).filter(|line| !line.is_empty());
        let first = lines.next().ok_or("the text is empty; expected `seed` and a number")?;
        let seed = first.strip_prefix("seed ").and_then(|seed| seed.trim().parse().ok());
        let seed = seed.ok_or_else(|| format!("`{first}` is no seed; expected `seed` and a number"))?;
        let rules = lines.next().ok_or("the rule document is missing")?;
        let rules = serde_json::from_str(rules).map_err(|error| format!("the rule document: {error}"))?;
        Ok(Self { seed, rules, lines: lines.map(str::to_owned).collect() })
    }
}
