//! What is counted and measured: names, units, and how grave it is.

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Function {
    /// Folds batches of the stream.
    Evaluate,
    /// Brings state changes to the bus.
    Publish,
    /// Sends ticks.
    Tick,
    /// Asks models.
    Enrich,
}

impl Function {
    /// All functions.
    pub const ALL: [Self; 4] = [Self::Evaluate, Self::Publish, Self::Tick, Self::Enrich];

    /// As it is written in lines and dimensions.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Evaluate => "evaluate",
            Self::Publish => "publish",
            Self::Tick => "tick",
            Self::Enrich => "enrich",
        }
    }
}

/// How grave a line is: that of the gravest thing in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// As it should be.
    Info,
    /// Something is not as it should be, and the system copes.
    Warn,
    /// A person has to look.
    Error,
}

impl Level {
    /// As it is written in lines.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// The unit of a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// How many.
    Count,
    /// How long.
    Milliseconds,
}

impl Unit {
    /// As CloudWatch knows it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

/// One number of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Its name in the line, and as a metric.
    pub name: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Whether it is a metric. Else it is in the line only, since every metric costs the same, looked at or not.
    pub metric: bool,
    /// What a line is at least in which it is not zero.
    pub level: Level,
    /// Which functions measure it.
    pub functions: &'static [Function],
}

const fn measure(
    name: &'static str,
    unit: Unit,
    metric: bool,
    level: Level,
    functions: &'static [Function],
) -> Measure {
    Measure { name, unit, metric, level, functions }
}

use Function::{Enrich, Evaluate, Publish, Tick};
use Level::{Error, Info, Warn};
use Unit::{Count, Milliseconds};

/// All of them, in the order of a line.
pub const MEASURES: &[Measure] = &[
    // Of every function.
    measure("durationMs", Milliseconds, true, Info, &[Evaluate, Publish, Tick, Enrich]),
    measure("initMs", Milliseconds, true, Info, &[Evaluate, Publish, Tick, Enrich]),
    measure("failed", Count, true, Error, &[Evaluate, Publish, Tick, Enrich]),
    measure("errors", Count, true, Warn, &[Evaluate, Publish, Tick, Enrich]),
    // Evaluate.
    measure("iteratorAgeMs", Milliseconds, true, Info, &[Evaluate]),
    measure("watermarkLagMs", Milliseconds, true, Info, &[Evaluate]),
    measure("records", Count, false, Info, &[Evaluate]),
    measure("messages", Count, false, Info, &[Evaluate, Enrich]),
    measure("keys", Count, false, Info, &[Evaluate, Publish]),
    measure("points", Count, true, Info, &[Evaluate]),
    measure("ticks", Count, false, Info, &[Evaluate]),
    measure("transitions", Count, true, Info, &[Evaluate]),
    measure("commits", Count, true, Info, &[Evaluate]),
    measure("checkpoints", Count, false, Info, &[Evaluate]),
    measure("rounds", Count, false, Info, &[Evaluate]),
    measure("skipped", Count, false, Info, &[Evaluate]),
    measure("newKeys", Count, true, Info, &[Evaluate]),
    measure("newKeysPutOff", Count, true, Warn, &[Evaluate]),
    measure("keysNotDone", Count, true, Warn, &[Evaluate]),
    measure("deferred", Count, true, Warn, &[Evaluate]),
    measure("outOfTime", Count, true, Warn, &[Evaluate, Enrich]),
    measure("conflicts", Count, true, Info, &[Evaluate]),
    measure("tornReads", Count, true, Info, &[Evaluate]),
    measure("retries", Count, true, Info, &[Evaluate, Publish, Enrich]),
    measure("ahead", Count, true, Info, &[Evaluate]),
    measure("forced", Count, true, Warn, &[Evaluate]),
    measure("questions", Count, true, Info, &[Evaluate, Enrich]),
    measure("questionMessages", Count, false, Info, &[Evaluate]),
    measure("questionsUnsent", Count, true, Error, &[Evaluate]),
    measure("questionsTooOld", Count, true, Info, &[Evaluate]),
    measure("questionsDropped", Count, true, Warn, &[Evaluate]),
    measure("rejectedMalformed", Count, true, Warn, &[Evaluate]),
    measure("rejectedUndecodable", Count, true, Warn, &[Evaluate]),
    measure("rejectedTooLarge", Count, true, Warn, &[Evaluate]),
    measure("rejectedForged", Count, true, Error, &[Evaluate]),
    measure("rejectedBadQuality", Count, true, Info, &[Evaluate]),
    measure("rejectedNoValue", Count, true, Info, &[Evaluate]),
    measure("rejectedLate", Count, true, Warn, &[Evaluate]),
    measure("rejectedDuplicate", Count, true, Info, &[Evaluate]),
    measure("rejectedSuperseded", Count, true, Info, &[Evaluate]),
    measure("rejectionObjects", Count, false, Info, &[Evaluate]),
    measure("putBack", Count, true, Warn, &[Evaluate]),
    measure("failingKeys", Count, true, Error, &[Evaluate]),
    measure("parkedKeys", Count, true, Error, &[Evaluate]),
    measure("parkedMessages", Count, true, Error, &[Evaluate]),
    // Publish.
    measure("sinceArrivalMs", Milliseconds, true, Info, &[Publish]),
    measure("items", Count, false, Info, &[Publish]),
    measure("published", Count, true, Info, &[Publish]),
    measure("requests", Count, false, Info, &[Publish]),
    measure("views", Count, false, Info, &[Publish]),
    measure("cut", Count, true, Warn, &[Publish]),
    measure("itemsNotDone", Count, true, Warn, &[Publish]),
    measure("undeliverable", Count, true, Error, &[Publish]),
    measure("unreadable", Count, true, Error, &[Publish, Enrich]),
    // Tick.
    measure("looks", Count, false, Info, &[Tick]),
    measure("due", Count, false, Info, &[Tick]),
    measure("sent", Count, true, Info, &[Tick]),
    measure("announced", Count, true, Info, &[Tick]),
    measure("remembered", Count, false, Info, &[Tick]),
    measure("putOff", Count, true, Warn, &[Tick]),
    measure("behind", Count, true, Warn, &[Tick]),
    // Enrich.
    measure("inputToScoreMs", Milliseconds, true, Info, &[Enrich]),
    measure("callMs", Milliseconds, true, Info, &[Enrich]),
    measure("inFlight", Count, true, Info, &[Enrich]),
    measure("calls", Count, true, Info, &[Enrich]),
    measure("scores", Count, true, Info, &[Enrich]),
    measure("substitutes", Count, true, Warn, &[Enrich]),
    measure("timeouts", Count, true, Warn, &[Enrich]),
    measure("callErrors", Count, true, Warn, &[Enrich]),
    measure("refused", Count, true, Error, &[Enrich]),
    measure("unanswered", Count, true, Warn, &[Enrich]),
    measure("tooOld", Count, true, Warn, &[Enrich]),
    measure("cacheHits", Count, true, Info, &[Enrich]),
    measure("cacheMisses", Count, true, Info, &[Enrich]),
    measure("asyncCalls", Count, true, Info, &[Enrich]),
    measure("checks", Count, false, Info, &[Enrich]),
    measure("late", Count, true, Warn, &[Enrich]),
    measure("lost", Count, true, Warn, &[Enrich]),
    measure("unknownNotices", Count, false, Info, &[Enrich]),
    measure("malformed", Count, true, Error, &[Enrich]),
    measure("postponed", Count, true, Warn, &[Enrich]),
    measure("messagesNotDone", Count, true, Warn, &[Enrich]),
];

/// The name of the measure for a reason of rejection such as `bad_quality`.
#[must_use]
pub fn rejected(reason: &str) -> String {
    let mut name = String::from("rejected");
    for word in reason.split('_') {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}
