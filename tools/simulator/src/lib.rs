//! Simulates one shift of a bottling line from a seed: the data of `andon demo`.
//!
//! Eight machines over two gateways and one sender of its own are sampled every second or two, which gives about
//! a million data points in eight hours. A script sets the incidents: every seed gives the same kinds at other times.
//! [`Shift::story`] returns the true incidents, to compare with the decisions of the rules.
//!
//! The lines come in the order in which a stream delivers them. A point that arrives when its sender made it is
//! a bare record; one that arrives at another time (a backlog, a redelivery, a clock that runs ahead) stands in
//! an envelope with its arrival. No tick is among them: event time moves by the points alone.
//!
//! The same options give the same bytes on every machine: there is no clock in here, and floats are only added,
//! subtracted, multiplied and divided.

mod delivery;
mod line;
mod machine;
mod record;
mod script;
mod shift;
mod story;
mod totals;

#[cfg(test)]
mod tests;

pub use shift::{DEFAULT_SEED, DEFAULT_START_MS, SHIFT_MS, Shift, ShiftOptions};
pub use story::{Incident, IncidentKind};
pub use totals::Totals;
