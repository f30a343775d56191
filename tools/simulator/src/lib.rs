//! One shift of a bottling line, simulated from a seed: the data behind `andon demo`.
//!
//! Eight machines over two gateways and one sender of its own are sampled every second or two, which gives about
//! a million data points in eight hours. What goes wrong is scripted: the same kinds of incidents for every
//! seed, at other times. [`Shift::story`] tells what really happened, so that what the rules say can be held
//! against it.
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
