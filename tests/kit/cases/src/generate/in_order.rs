//! Cases for the property that disorder within `max_out_of_orderness` changes nothing.
//!
//! **Claim.** Let no rule set change, every arrival be at or after every timestamp, all arrivals lie within
//! `idle_timeout` of each other, and points of one tag, if they agree in timestamp and sequence number, be equal.
//! Call an order of the records *sorted out* if in every record each point's timestamp is greater than the
//! greatest timestamp of earlier records of its equipment minus `max_out_of_orderness`. Then every order that is
//! sorted out gives the same transitions when the input is closed.
//!
//! **Why.** By the second condition a point's own timestamp is its timestamp. By the third, every source stays
//! active and the clock's part of the watermark stays behind the sources' part, so that before each record
//! `w0 <= greatest mark - max_out_of_orderness`. (Before the first mark, `w0` follows the clock at a distance of
//! `idle_timeout + max_out_of_orderness`, which is before every timestamp if these begin less than `idle_timeout`
//! before the arrivals.) Hence each point is *after* `w0` when it comes: it is not late, its effective timestamp is its own,
//! and no instant of that time was processed. So all points of one timestamp are one instant, in which they are
//! ordered by what they carry. Instants are processed in order of time, and a timer only when the watermark is
//! beyond it, thus after the instant of its own time and before all later ones. The sequence of instants and
//! timers is therefore that of the sorted points. Closing leaves nothing but what lies after the greatest mark.
//!
//! A point at exactly `w0` would be within the bound too, but its instant may already be past: it makes a second
//! instant of the same time, which may decide otherwise. That is why the comparison above is strict. Without
//! closing, the claim holds for one source only: with several, the watermark depends on the source that sent first.

use andon_domain::{Millis, RuleDocument, Settings};

use super::stream::PointText;
use super::{Dice, GRID_MS, MACHINES, NUMBERS, OTHER_TAG, SCORE_TAG, START_MS, TEXTS, rules};
use crate::{Case, Choices};

/// Longer than any such case lasts, ms.
const IDLE_MS: i64 = 86_400_000;

/// A case whose records may be put into many orders without changing what is decided when the input is closed.
#[derive(Clone, Debug)]
pub struct InOrderCase {
    seed: u64,
    rules: RuleDocument,
    out_of_orderness_ms: i64,
    one_source: bool,
    /// Whether the arrival belongs to the place in the stream (an envelope) or to the record.
    enveloped: bool,
    /// The records by their greatest timestamp, ascending.
    records: Vec<Vec<PointText>>,
}

/// Returns the case of a seed.
#[must_use]
pub fn in_order_case(seed: u64) -> InOrderCase {
    let rng = &mut Dice::new(Choices::of_seed(seed));
    let mut rules = rules::document(rng);
    let out_of_orderness_ms = rng.pick(&[500, 1000, 2000, 5000]);
    rules.settings = Some(Settings {
        max_out_of_orderness: Millis(out_of_orderness_ms),
        idle_timeout: Millis(IDLE_MS),
        ..rules::settings(rng)
    });
    let one_source = rng.bool();
    let machines = rng.pick(&[1, 1, 2]);
    let length = rng.usize(5..80);
    let mut records = Vec::new();
    let mut now = START_MS;
    for _ in 0..length {
        now += GRID_MS * rng.pick(&[0, 0, 1, 1, 2, 4, 10]);
        let equipment = rng.pick(MACHINES.get(..machines).unwrap_or_default());
        let snapshot = if rng.chance(20) { rng.usize(2..5) } else { 1 };
        let sequence = i64::try_from(records.len()).unwrap_or_default() * 10;
        records.push(
            (0..)
                .take(snapshot)
                .map(|place| point(rng, equipment, now, sequence + place, one_source))
                .collect(),
        );
        if rng.chance(5) {
            // Delivered twice.
            records.extend(records.last().cloned());
        }
    }
    InOrderCase { seed, rules, out_of_orderness_ms, one_source, enveloped: rng.bool(), records }
}

fn point(rng: &mut Dice, equipment: &str, timestamp: i64, sequence: i64, one_source: bool) -> PointText {
    let (tag, value) = match rng.u8(..10) {
        0..=4 => (rng.number_tag(), rng.pick(&NUMBERS).to_string()),
        5 | 6 => (rng.bool_tag(), rng.bool().to_string()),
        7 | 8 => (rng.text_tag(), format!("\"{}\"", rng.pick(&TEXTS))),
        _ => (rng.pick(&[SCORE_TAG, OTHER_TAG]), rng.pick(&NUMBERS).to_string()),
    };
    let source = if one_source { 0 } else { rng.u8(..3) };
    PointText {
        timestamp,
        equipment: equipment.to_owned(),
        tag,
        value: (!rng.chance(3)).then_some(value),
        quality: Some(if rng.chance(4) { "Bad" } else { "Ok" }),
        sequence: Some(sequence),
        derived: tag == SCORE_TAG,
        created_at: Some(START_MS + IDLE_MS / 4 + GRID_MS * rng.i64(0..1000)),
        source: Some(format!("gw{source}")),
    }
}

impl InOrderCase {
    /// Returns whether the claim holds without closing the input, too.
    #[must_use]
    pub fn holds_when_left_open(&self) -> bool {
        self.one_source
    }

    /// Returns the records in order of time.
    #[must_use]
    pub fn in_order(&self) -> Case {
        self.written(self.records.iter().map(|record| record.iter().collect()).collect())
    }

    /// Returns the records in another order that is sorted out, by the seed; points of one record in any order.
    #[must_use]
    pub fn permuted(&self, seed: u64) -> Case {
        let mut rng = Choices::of_seed(seed);
        let mut left: Vec<&Vec<PointText>> = self.records.iter().collect();
        let mut order = Vec::new();
        while !left.is_empty() {
            let free: Vec<usize> =
                (0..left.len()).filter(|index| self.may_come_next(*index, &left)).collect();
            // The earliest of all may always come.
            let index = rng.choice(free).unwrap_or_default();
            let mut points: Vec<&PointText> = left.remove(index).iter().collect();
            rng.shuffle(&mut points);
            order.push(points);
        }
        self.written(order)
    }

    /// Returns whether all other records of its machine may still come after it.
    fn may_come_next(&self, index: usize, left: &[&Vec<PointText>]) -> bool {
        let time =
            |record: &[PointText]| record.first().map(|point| (point.equipment.clone(), point.timestamp));
        let Some((equipment, timestamp)) = left.get(index).and_then(|record| time(record)) else {
            return false;
        };
        let others = left.iter().enumerate().filter(|(other, _)| *other != index);
        others
            .filter_map(|(_, record)| time(record))
            .filter(|(other, _)| *other == equipment)
            .all(|(_, other)| other > timestamp - self.out_of_orderness_ms)
    }

    fn written(&self, order: Vec<Vec<&PointText>>) -> Case {
        let mut lines = Vec::new();
        let mut arrival = START_MS + IDLE_MS / 4;
        for points in order {
            let items: Vec<String> = points.iter().map(|point| point.json()).collect();
            let record = if items.len() == 1 { items.concat() } else { format!("[{}]", items.join(",")) };
            arrival += GRID_MS;
            lines.push(match self.enveloped {
                true => format!("{{\"arrival\":{arrival},\"data\":{record}}}"),
                false => record,
            });
        }
        Case { seed: self.seed, rules: self.rules.clone(), lines }
    }
}
