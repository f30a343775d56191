//! Input types of the report: rules, points and transitions.

/// A set of options of the page: title, note and maximum sizes.
#[derive(Debug, Clone)]
pub struct ReportOptions {
    /// Heading and window title.
    pub title: String,
    /// One or two sentences under the heading, for example which file was replayed; may be empty.
    pub note: String,
    /// Maximum pairs of machine and rule drawn in detail.
    pub max_details: usize,
    /// Maximum transitions listed for each pair of machine and rule; the page keeps the latest.
    pub max_listed_transitions: usize,
}

impl Default for ReportOptions {
    fn default() -> Self {
        Self {
            title: "Condition report".to_owned(),
            note: String::new(),
            max_details: 200,
            max_listed_transitions: 200,
        }
    }
}

/// A rule, as far as the page shows it.
#[derive(Debug, Clone, Default)]
pub struct RuleInfo {
    /// Identity of the rule; transitions refer to it.
    pub rule_id: String,
    /// Purpose of the rule, in its author's words.
    pub description: String,
    /// State while no group votes.
    pub default_state: String,
    /// Tags to chart, in the order of the charts: usually those that the rule's conditions name.
    pub tags: Vec<String>,
    /// Lines drawn across the charts.
    pub thresholds: Vec<Threshold>,
}

/// A number that a tag is compared with.
#[derive(Debug, Clone, Default)]
pub struct Threshold {
    /// Tag in whose chart the line is drawn.
    pub tag: String,
    /// The comparison as written, for example `>`.
    pub op: String,
    /// Height of the line, in the tag's own unit.
    pub value: f64,
    /// Text beside the line, for example `> 80`; if empty, `op` and `value` are written.
    pub label: String,
    /// State that the comparison speaks for; colours the line. May be empty.
    pub state: String,
}

/// A value of a point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// A number; one that is not finite is not drawn.
    Num(f64),
    /// A boolean.
    Bool(bool),
    /// A text.
    Text(&'a str),
}

/// An operand of a decision.
#[derive(Debug, Clone, Default)]
pub struct Operand {
    /// The operand as written in the rule, for example `avg(pressure, '1m')`.
    pub text: String,
    /// Its value when the decision was taken, as the reader should see it.
    pub value: String,
    /// Own timestamp of the newest point behind it, milliseconds since the epoch; none if no point came.
    pub at_ms: Option<i64>,
}

/// A change of the winning state.
#[derive(Debug, Clone, Default)]
pub struct TransitionInfo {
    /// Rule that decided.
    pub rule_id: String,
    /// Equipment it decided about.
    pub equipment: String,
    /// Counts the transitions of this rule and equipment, from 1.
    pub sequence: u64,
    /// Winning state before.
    pub from: String,
    /// Winning state after; none if the rule was removed.
    pub to: Option<String>,
    /// Event time of the change, milliseconds since the epoch.
    pub at_ms: i64,
    /// Condition group that won; none if no group votes.
    pub group: Option<String>,
    /// Operands of the decision.
    pub explanation: Vec<Operand>,
    /// Since when the condition had been true, milliseconds since the epoch, where the rule waits for it.
    pub since_ms: Option<i64>,
}
