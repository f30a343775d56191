//! Simulates a machine: its signals follow the script, its measured values follow its signals.

use std::collections::VecDeque;

use fastrand::Rng;

use crate::line::{ChannelPlan, GLUE_LIMIT, IncidentEffect, MachinePlan, MachineState, Product};
use crate::record::{Point, Value};
use crate::script::{Change, Script, Signal};

/// Signals come when they change, and this often in any case.
pub(crate) const REPUBLISH_S: i64 = 30;

#[derive(Debug)]
pub(crate) struct Machine {
    plan: &'static MachinePlan,
    /// Offset within a second at which the gateway polls this machine.
    poll_ms: i64,
    /// Offset within a republishing period at which its signals are due.
    republish_s: i64,
    state: MachineState,
    product: Product,
    maintenance: bool,
    door_open: bool,
    changes: VecDeque<Change>,
    channels: Vec<Channel>,
}

#[derive(Debug)]
struct Channel {
    plan: &'static ChannelPlan,
    level: f64,
    seen: bool,
}

impl Machine {
    pub(crate) fn new(plan: &'static MachinePlan, script: &Script, rng: &mut Rng) -> Self {
        let channels = plan.channels.iter().map(|plan| Channel { plan, level: plan.cold, seen: false });
        Self {
            plan,
            poll_ms: rng.i64(0..1_000),
            republish_s: rng.i64(0..REPUBLISH_S),
            state: MachineState::Stopped,
            product: Product::OneLitre,
            maintenance: false,
            door_open: false,
            changes: script.changes.iter().filter(|c| c.equipment == plan.equipment).copied().collect(),
            channels: channels.collect(),
        }
    }

    /// Appends the points measured in the second from `now_ms`; `second` counts them from 0.
    pub(crate) fn run(
        &mut self,
        second: i64,
        now_ms: i64,
        script: &Script,
        rng: &mut Rng,
        out: &mut Vec<Point>,
    ) {
        let poll_ms = now_ms + self.poll_ms;
        // A signal that changes after the poll must not be polled with its new value already.
        self.change_until(poll_ms + 1, rng, out);
        let first = second == 0;
        if first || second % REPUBLISH_S == self.republish_s {
            self.publish_signals(poll_ms, first, rng, out);
        }
        self.sample(second, poll_ms, script, rng, out);
        self.change_until(now_ms + 1_000, rng, out);
    }

    fn change_until(&mut self, until_ms: i64, rng: &mut Rng, out: &mut Vec<Point>) {
        while let Some(change) = self.changes.pop_front_if(|change| change.at_ms < until_ms) {
            let (tag, value) = match change.signal {
                Signal::State(state) => {
                    self.state = state;
                    ("machine_state", Value::Text(state.text()))
                }
                Signal::Product(product) => {
                    self.product = product;
                    ("product", Value::Text(product.text()))
                }
                Signal::Maintenance(on) => {
                    self.maintenance = on;
                    ("maintenance_mode", Value::Flag(on))
                }
                Signal::Door(open) => {
                    self.door_open = open;
                    ("door_open", Value::Flag(open))
                }
            };
            out.push(self.point(change.at_ms, tag, value, false, rng));
        }
    }

    fn publish_signals(&self, at_ms: i64, first: bool, rng: &mut Rng, out: &mut Vec<Point>) {
        for (tag, value) in [
            ("machine_state", Value::Text(self.state.text())),
            ("product", Value::Text(self.product.text())),
            ("maintenance_mode", Value::Flag(self.maintenance)),
            ("door_open", Value::Flag(self.door_open)),
        ] {
            out.push(self.point(at_ms, tag, value, first, rng));
        }
    }

    fn point(&self, at_ms: i64, tag: &'static str, value: Value, first: bool, rng: &mut Rng) -> Point {
        Point {
            timestamp_ms: at_ms,
            created_ms: at_ms + rng.i64(5..45),
            sequence: 0,
            equipment: self.plan.equipment,
            tag,
            value,
            source: self.plan.gateway,
            good: true,
            first,
        }
    }

    fn sample(&mut self, second: i64, at_ms: i64, script: &Script, rng: &mut Rng, out: &mut Vec<Point>) {
        let (state, product, trial) = (self.state, self.product, self.maintenance);
        let (equipment, gateway) = (self.plan.equipment, self.plan.gateway);
        for channel in &mut self.channels {
            let plan = channel.plan;
            if second % plan.every_s != 0 {
                continue;
            }
            let target = match state {
                MachineState::Stopped | MachineState::Fault => plan.stopped,
                MachineState::Cleaning => plan.cleaning,
                MachineState::Starting | MachineState::Running => {
                    let product = if product == Product::HalfLitre { plan.half_litre } else { 1.0 };
                    plan.running * product * if trial { plan.trial } else { 1.0 }
                }
            };
            let (wander, noise) = two_noises(rng);
            let mut value = channel.advance(target, at_ms, script, wander) + plan.noise * noise;
            let mut good = true;
            match plan.effect {
                IncidentEffect::JumpingGlue if script.jumping_glue.contains(at_ms) => {
                    value = GLUE_LIMIT + 1.6 * noise
                }
                IncidentEffect::BadTorque if script.bad_torque.contains(at_ms) => {
                    value = -1.0;
                    good = false;
                }
                IncidentEffect::DeadPressure if script.dead_pressure.contains(at_ms) => continue,
                _ => {}
            }
            let delay_ms = if plan.analysed { rng.i64(300..1_500) } else { rng.i64(5..45) };
            out.push(Point {
                timestamp_ms: at_ms,
                created_ms: at_ms + delay_ms,
                sequence: 0,
                equipment,
                tag: plan.tag,
                // Nothing here is measured below zero.
                value: Value::Hundredths(hundredths(if good { value.max(0.0) } else { value })),
                source: plan.source.unwrap_or(gateway),
                good,
                first: !channel.seen,
            });
            channel.seen = true;
        }
    }
}

impl Channel {
    /// The level after one more sampling period on the way to `target`.
    fn advance(&mut self, target: f64, at_ms: i64, script: &Script, wander: f64) -> f64 {
        let plan = self.plan;
        let period_s = seconds(plan.every_s * 1_000);
        let target = match plan.effect {
            // 0.51 °C a minute.
            IncidentEffect::Overheating if script.overheating.contains(at_ms) => {
                target + 0.0085 * seconds(at_ms - script.overheating.from_ms)
            }
            // 0.9 mm/s a minute, up to 5.5.
            IncidentEffect::Bearing if script.bearing.contains(at_ms) => {
                target + (0.015 * seconds(at_ms - script.bearing.from_ms)).min(5.5)
            }
            // 0.11 % a second.
            IncidentEffect::Leak if script.leak.contains(at_ms) => {
                self.level -= 0.11 * period_s;
                return self.level;
            }
            _ => target,
        };
        self.level += (target - self.level) * period_s / plan.lag_s + 0.1 * plan.noise * wander;
        self.level
    }
}

/// Two numbers within ±2.45, of mean 0 and standard deviation 1, more likely near 0 than far.
fn two_noises(rng: &mut Rng) -> (f64, f64) {
    let [a, b, c, d, e, f, g, h] = rng.u64(..).to_le_bytes();
    let noise = |first: [u8; 2], second: [u8; 2]| {
        let sum = f64::from(u16::from_le_bytes(first)) + f64::from(u16::from_le_bytes(second));
        (sum - 65_535.0) / 26_755.0
    };
    (noise([a, b], [c, d]), noise([e, f], [g, h]))
}

#[allow(clippy::cast_precision_loss, reason = "a shift's milliseconds are far below 2^53")]
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}

#[allow(clippy::cast_possible_truncation, reason = "rounded, and no process value comes near the bounds")]
fn hundredths(value: f64) -> i64 {
    (value * 100.0).round() as i64
}
