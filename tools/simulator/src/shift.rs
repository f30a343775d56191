//! Runs the shift in steps of one second.

use std::io::{self, Write};

use fastrand::Rng;

use crate::delivery::Delivery;
use crate::line::LINE;
use crate::machine::Machine;
use crate::record::Point;
use crate::script::Script;
use crate::story::Incident;
use crate::totals::Totals;

/// The seed of the documented shift.
pub const DEFAULT_SEED: u64 = 7;
/// Monday 2026-03-02 06:00 UTC, in ms since the epoch.
pub const DEFAULT_START_MS: i64 = 1_772_431_200_000;
/// Duration of a shift, ms: eight hours, a third of a day.
pub const SHIFT_MS: i64 = 8 * 60 * 60 * 1_000;

const STEP_MS: i64 = 1_000;
/// Lines are handed to the writer in blocks of about this many bytes.
const BLOCK_BYTES: usize = 1 << 20;

/// A choice of the shift to simulate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShiftOptions {
    /// Another seed gives other noise, and the same kinds of incidents at other times.
    pub seed: u64,
    /// The start, in ms since the epoch; taken to lie between the years 1970 and 9999.
    pub start_ms: i64,
    /// Simulated duration, ms: whole seconds from 0 to [`SHIFT_MS`]. A shorter shift is the beginning of the whole one.
    pub duration_ms: i64,
}

impl Default for ShiftOptions {
    fn default() -> Self {
        Self { seed: DEFAULT_SEED, start_ms: DEFAULT_START_MS, duration_ms: SHIFT_MS }
    }
}

/// A shift under simulation. It keeps points on their way and drops them once written.
#[derive(Debug)]
pub struct Shift {
    start_ms: i64,
    now_ms: i64,
    end_ms: i64,
    script: Script,
    machines: Vec<Machine>,
    rng: Rng,
    /// Measured, but not yet made a record of by their sender.
    in_flight: Vec<Point>,
    /// Scratch space for the points of one step.
    created: Vec<Point>,
    delivery: Delivery,
    totals: Totals,
}

impl Shift {
    /// A shift at its start.
    #[must_use]
    pub fn new(options: &ShiftOptions) -> Self {
        // Year 9999; keeps all arithmetic far from overflow.
        let start_ms = options.start_ms.clamp(0, 253_402_300_799_000);
        let duration_ms = options.duration_ms.clamp(0, SHIFT_MS) / STEP_MS * STEP_MS;
        let end_ms = start_ms + duration_ms;
        let mut rng = Rng::with_seed(options.seed);
        let mut script = Script::new(start_ms, &mut rng);
        let delivery = Delivery::new(&script);
        let machines = LINE.iter().map(|plan| Machine::new(plan, &script, &mut rng)).collect();
        script.story.retain(|incident| incident.at_ms < end_ms);
        for incident in &mut script.story {
            incident.until_ms = incident.until_ms.min(end_ms);
        }
        Self {
            start_ms,
            now_ms: start_ms,
            end_ms,
            script,
            machines,
            rng,
            in_flight: Vec::new(),
            created: Vec::new(),
            delivery,
            totals: Totals::default(),
        }
    }

    /// Returns the incidents of this shift, ordered by start.
    #[must_use]
    pub fn story(&self) -> &[Incident] {
        &self.script.story
    }

    /// Returns the first moment after the shift, in ms since the epoch.
    #[must_use]
    pub fn end_ms(&self) -> i64 {
        self.end_ms
    }

    /// Returns the counts of lines and points written so far.
    #[must_use]
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Appends the lines that arrive in the next second to `lines`, each ended by a newline, and returns the
    /// arrival time (ms since the epoch) that has been reached; `None` when all is delivered. What the shift has
    /// measured is delivered even where that takes longer than the shift.
    pub fn step(&mut self, lines: &mut Vec<u8>) -> Option<i64> {
        let measuring = self.now_ms < self.end_ms;
        if !measuring && self.in_flight.is_empty() && self.delivery.is_done() {
            return None;
        }
        if measuring {
            let second = (self.now_ms - self.start_ms) / STEP_MS;
            for machine in &mut self.machines {
                machine.run(second, self.now_ms, &self.script, &mut self.rng, &mut self.in_flight);
            }
        }
        self.now_ms += STEP_MS;
        let now_ms = self.now_ms;
        self.created.extend(self.in_flight.extract_if(.., |point| point.created_ms < now_ms));
        self.created.sort_by_key(|point| point.created_ms);
        for point in self.created.drain(..) {
            self.delivery.accept(point, &mut self.totals);
        }
        self.delivery.deliver_until(now_ms, lines, &mut self.totals);
        Some(now_ms)
    }

    /// Writes the rest of the shift. Calls `progress` about every megabyte with the arrival time (ms since the
    /// epoch) that has been reached.
    ///
    /// # Errors
    ///
    /// The errors of the writer.
    pub fn write_to(&mut self, out: &mut impl Write, mut progress: impl FnMut(i64)) -> io::Result<Totals> {
        let mut lines = Vec::with_capacity(BLOCK_BYTES + BLOCK_BYTES / 8);
        while let Some(now_ms) = self.step(&mut lines) {
            if lines.len() >= BLOCK_BYTES {
                out.write_all(&lines)?;
                lines.clear();
                progress(now_ms);
            }
        }
        out.write_all(&lines)?;
        progress(self.now_ms);
        Ok(self.totals)
    }
}
