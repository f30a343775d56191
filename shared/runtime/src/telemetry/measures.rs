//! The measures of each function: those of its workflow's summary, and those that the runtime itself adds.

use andon_workflows::enrich::EnrichSummary;
use andon_workflows::evaluate::Summary;
use andon_workflows::measures::{Level, Measure, Measured};
use andon_workflows::publish::PublishSummary;
use andon_workflows::tick::TickSummary;

/// A function of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Function {
    /// Folds batches of the stream.
    Evaluate,
    /// Publishes state changes to the bus.
    Publish,
    /// Sends ticks.
    Tick,
    /// Calls models.
    Enrich,
}

impl Function {
    /// All functions.
    pub const ALL: [Self; 4] = [Self::Evaluate, Self::Publish, Self::Tick, Self::Enrich];

    /// Returns the name as lines and dimensions spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Evaluate => "evaluate",
            Self::Publish => "publish",
            Self::Tick => "tick",
            Self::Enrich => "enrich",
        }
    }

    /// Returns the measures of this function alone, in the order of its line. [`EVERY`] comes before them.
    #[must_use]
    pub const fn measures(self) -> &'static [Measure] {
        match self {
            Self::Evaluate => Summary::MEASURES,
            Self::Publish => PublishSummary::MEASURES,
            Self::Tick => TickSummary::MEASURES,
            Self::Enrich => EnrichSummary::MEASURES,
        }
    }
}

/// From taking the event to the answer.
pub(super) const DURATION: Measure = Measure::new(
    "durationMs",
    true,
    Level::Info,
    "Time from taking the event to the answer.",
    "Look at `iteratorAgeMs` first: alone it is harmless. Near the timeout of the function: more memory (with it comes \
     CPU), a smaller batch.",
);

/// From the start of the process to its first event.
pub(super) const INIT: Measure = Measure::new(
    "initMs",
    true,
    Level::Info,
    "Time from the start of the process to its first event; in the first line of a process.",
    "Many of them: environments come and go, or the process dies. Look for lines of the runtime before them.",
);

/// Invocations that ended with an error.
pub(super) const FAILED: Measure = Measure::new(
    "failed",
    true,
    Level::Error,
    "Invocations that could do nothing with their event.",
    "`reason` says what was found and what was expected: mostly an event source that does not belong to the function.",
);

/// Errors of ports.
pub(super) const ERRORS: Measure = Measure::new(
    "errors",
    true,
    Level::Warn,
    "Calls to services that failed, after their own retries.",
    "`firstError`. Throttling: raise the limits of the table or the stream. Otherwise the health of the service, \
     permissions, the network.",
);

/// Broken invariants.
pub(super) const INVARIANTS_BROKEN: Measure = Measure::new(
    "invariantsBroken",
    true,
    Level::Error,
    "Invariants of the program that did not hold. The invocation continued with the safe half of its decision.",
    "A defect of this version: report `firstBrokenInvariant`, its message and place. Roll back if it began with a new \
     version.",
);

/// The measures of every function, in the order of a line.
pub const EVERY: [Measure; 5] = [DURATION, INIT, FAILED, ERRORS, INVARIANTS_BROKEN];
