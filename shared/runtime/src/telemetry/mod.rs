//! What a function says of one invocation: one line of JSON for the log, which carries its metrics.
//!
//! Pure: no clock, no printing. The line is a structured log line and, by the member `_aws`, an embedded metric format of
//! CloudWatch, which makes metrics of members of the same line. So what is alarmed on and what is read is one vocabulary:
//! [`MEASURES`], explained in `docs/telemetry.md`.
//!
//! One line per batch, none per record; the only dimensions are function and stream. No equipment, rule or source is one:
//! each value of a dimension is a metric to be paid for. Texts that came from outside are bounded, and what could fool a
//! reader or a terminal is escaped.

mod line;
mod measures;

#[cfg(test)]
mod tests;

pub use line::{Invocation, Report, batch_line};
pub use measures::{Function, Level, MEASURES, Measure, Unit, rejected};

/// The namespace of the metrics.
pub const NAMESPACE: &str = "andon";

/// The dimensions of the metrics.
pub const DIMENSIONS: [&str; 2] = ["stream", "function"];
