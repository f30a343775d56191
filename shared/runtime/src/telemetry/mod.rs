//! Lines of the log of one invocation. The line at its end carries the metrics.
//!
//! Pure: no clock, no printing. The line at the end is a structured log line and, by the member `_aws`, an embedded
//! metric format of CloudWatch, which makes metrics of members of the same line. Log and metrics share one vocabulary:
//! the measures that the summaries of [`andon_workflows`] declare, listed in `docs/telemetry.md`.
//!
//! There is no line per record. The only dimensions are function and stream, because each value of a dimension is a
//! metric that is billed. Texts from outside are bounded, and characters that could deceive a reader or a terminal are
//! escaped.

mod line;
mod measures;
#[cfg(test)]
mod page;
#[cfg(test)]
mod tests;

pub use line::{Invocation, Report, Start, batch_line, start_line};
pub use measures::{EVERY, Function};

/// The namespace of the metrics.
pub const NAMESPACE: &str = "andon";

/// The dimensions of the metrics.
pub const DIMENSIONS: [&str; 2] = ["stream", "function"];
