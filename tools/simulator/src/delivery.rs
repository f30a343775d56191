//! Delivers points to the stream: at once, late, duplicated, broken, or with a wrong clock.

use std::collections::VecDeque;

use crate::line::Source;
use crate::record::{Damage, Point, write_line};
use crate::script::{Script, Span};
use crate::totals::Totals;

/// Time between two buffered points of a gateway whose link is back, ms: eight times the speed of new points.
const BACKLOG_GAP_MS: i64 = 4;
/// Unacknowledged points are sent again after this time.
const RETRY_MS: i64 = 800;
const CLOCK_ERROR_MS: i64 = 3 * 60 * 1_000;

#[derive(Debug)]
pub(crate) struct Delivery {
    lost_link: Span,
    /// The buffer of the second gateway, oldest point first. New points queue behind it until it is empty.
    backlog: VecDeque<Point>,
    next_backlog_ms: i64,
    redelivery: Span,
    again: VecDeque<Point>,
    clock_ahead: Span,
    damages: VecDeque<(i64, Damage)>,
    sequences: Sequences,
    outgoing: Vec<Outgoing>,
}

#[derive(Debug, Default)]
struct Sequences {
    gateway_1: u64,
    gateway_2: u64,
    capper_drive: u64,
}

#[derive(Debug)]
struct Outgoing {
    arrival_ms: i64,
    /// Its place among those of the same arrival.
    order: usize,
    point: Point,
    damage: Option<Damage>,
}

impl Delivery {
    pub(crate) fn new(script: &Script) -> Self {
        Self {
            lost_link: script.lost_link,
            backlog: VecDeque::new(),
            next_backlog_ms: script.lost_link.until_ms,
            redelivery: script.redelivery,
            again: VecDeque::new(),
            clock_ahead: script.clock_ahead,
            damages: script.damages.iter().copied().collect(),
            sequences: Sequences::default(),
            outgoing: Vec::new(),
        }
    }

    /// Takes a point from its sender. Points come in the order of `created_ms`.
    pub(crate) fn accept(&mut self, mut point: Point, totals: &mut Totals) {
        let next = match point.source {
            Source::Gateway1 => &mut self.sequences.gateway_1,
            Source::Gateway2 => &mut self.sequences.gateway_2,
            Source::CapperDrive => &mut self.sequences.capper_drive,
        };
        *next += 1;
        point.sequence = *next;
        totals.points += 1;
        let arrival_ms = point.created_ms;
        match point.source {
            Source::Gateway1 => {
                let damage = self.damages.pop_front_if(|(at_ms, _)| *at_ms <= arrival_ms).map(|(_, d)| d);
                totals.malformed += u64::from(damage.is_some());
                if self.redelivery.contains(arrival_ms) {
                    self.again.push_back(point);
                }
                self.send(arrival_ms, point, damage);
            }
            Source::Gateway2 => {
                if self.lost_link.contains(arrival_ms) || !self.backlog.is_empty() {
                    self.backlog.push_back(point);
                } else {
                    self.send(arrival_ms, point, None);
                }
            }
            Source::CapperDrive => {
                if self.clock_ahead.contains(arrival_ms) {
                    point.timestamp_ms += CLOCK_ERROR_MS;
                    point.created_ms += CLOCK_ERROR_MS;
                    totals.ahead += 1;
                }
                self.send(arrival_ms, point, None);
            }
        }
    }

    /// Appends the lines of all that arrives before `until_ms`, in the order of arrival. Everything that was
    /// created before then must have been accepted.
    pub(crate) fn deliver_until(&mut self, until_ms: i64, out: &mut Vec<u8>, totals: &mut Totals) {
        while self.next_backlog_ms < until_ms {
            let Some(point) = self.backlog.pop_front() else { break };
            // A backlog that has been worked off ends with points that need not wait any more.
            let arrival_ms = self.next_backlog_ms.max(point.created_ms);
            totals.backlog += u64::from(arrival_ms > point.created_ms);
            self.next_backlog_ms = arrival_ms + BACKLOG_GAP_MS;
            self.send(arrival_ms, point, None);
        }
        while let Some(point) = self.again.pop_front_if(|point| point.created_ms + RETRY_MS < until_ms) {
            totals.redelivered += 1;
            self.send(point.created_ms + RETRY_MS, point, None);
        }
        self.outgoing.sort_unstable_by_key(|outgoing| (outgoing.arrival_ms, outgoing.order));
        let before = out.len();
        for outgoing in &self.outgoing {
            write_line(out, &outgoing.point, outgoing.arrival_ms, outgoing.damage);
            totals.lines += 1;
        }
        totals.bytes += u64::try_from(out.len() - before).unwrap_or(u64::MAX);
        self.outgoing.clear();
    }

    pub(crate) fn is_done(&self) -> bool {
        self.backlog.is_empty() && self.again.is_empty()
    }

    fn send(&mut self, arrival_ms: i64, point: Point, damage: Option<Damage>) {
        let order = self.outgoing.len();
        self.outgoing.push(Outgoing { arrival_ms, order, point, damage });
    }
}
