//! W1, the workload of the figures in `docs/performance.md`: one line of machines, each with a few rules, event time in
//! seconds, shuffled within a second and partly delayed.
//!
//! The same options give the same bytes on every computer, so that figures of different days, and of other programs, can
//! be compared.

use std::collections::VecDeque;
use std::io::{self, Write};

use andon_domain::{Group, Millis, Rule, RuleDocument, Scope, Settings, StateEntry};

#[cfg(test)]
mod tests;

/// The tags of a machine; further ones are named `aux_0010` and so on.
pub const TAGS: [&str; 10] = [
    "machine_state",
    "product",
    "temperature",
    "pressure",
    "water_temperature",
    "speed",
    "fill_level",
    "vibration",
    "power",
    "humidity",
];

const RUNNING: &str = "running";
const STANDING: [&str; 3] = ["stopped", "cleaning", "fault"];
const USUAL_PRODUCT: &str = "1l";
const OTHER_PRODUCTS: [&str; 2] = ["0.5l", "0.33l"];

/// The options of the workload.
#[derive(Clone, Debug, PartialEq)]
pub struct W1 {
    /// Number of machines. Default 200.
    pub machines: u32,
    /// Number of tags that each machine sends once a second. Default 10.
    pub tags: u32,
    /// Number of rules of each machine. Default 5.
    pub rules_per_machine: u32,
    /// Number of data points. Default 2,000,000.
    pub points: u64,
    /// The seed of all randomness. Default 42.
    pub seed: u64,
    /// The share of points that arrive late. Default 0.1.
    pub delayed: f64,
    /// The greatest delay of a late point, s; the least is 1 s. Default 5.
    pub longest_delay_s: u32,
    /// The time for which temperature and pressure must be high for a warning. Default 5 min.
    pub hold: Millis,
    /// The event time of the first points, ms. Default 1,700,000,000,000.
    pub start_ms: i64,
    /// Whether the points of one second arrive in random order. Default yes.
    pub shuffled: bool,
}

impl Default for W1 {
    fn default() -> Self {
        Self {
            machines: 200,
            tags: 10,
            rules_per_machine: 5,
            points: 2_000_000,
            seed: 42,
            delayed: 0.1,
            longest_delay_s: 5,
            hold: Millis(300_000),
            start_ms: 1_700_000_000_000,
            shuffled: true,
        }
    }
}

impl W1 {
    /// Returns the ids of the machines, in order.
    #[must_use]
    pub fn equipment_ids(&self) -> Vec<String> {
        self.ids(&mut Dice(self.seed))
    }

    /// Returns the rules, and settings that sort out the disorder of the points.
    #[must_use]
    pub fn rules(&self) -> RuleDocument {
        let mut rules = Vec::new();
        for equipment in self.equipment_ids() {
            for place in 0..self.rules_per_machine {
                rules.push(self.rule(rules.len(), &equipment, place));
            }
        }
        let settings = Settings { max_out_of_orderness: Millis(5_000), ..Settings::default() };
        RuleDocument { settings: Some(settings), rules, ..RuleDocument::default() }
    }

    /// Returns the same rules with windows: each reads the means of two tags over a minute instead of two values. A machine
    /// of five rules has ten windows.
    #[must_use]
    pub fn rules_with_windows(&self) -> RuleDocument {
        let mut document = self.rules();
        for (number, rule) in document.rules.iter_mut().enumerate() {
            let tags = TAGS.iter().skip(number % 5 * 2).take(2);
            let means: Vec<String> = tags.map(|tag| format!("avg({tag}, '1m') > 55")).collect();
            if let Some(entry) = rule.groups.iter_mut().flat_map(|group| &mut group.states).last() {
                entry.when = means.join(" && ");
            }
        }
        document
    }

    /// Writes the points as JSON lines.
    ///
    /// # Errors
    /// When `out` fails.
    pub fn write_points(&self, out: &mut impl Write) -> io::Result<()> {
        let mut stream = Stream::new(self);
        let mut left = self.points;
        while left > 0 && !stream.is_over() {
            for line in stream.next_second() {
                if left == 0 {
                    break;
                }
                out.write_all(line.as_bytes())?;
                left -= 1;
            }
        }
        Ok(())
    }

    fn ids(&self, dice: &mut Dice) -> Vec<String> {
        (0..self.machines).map(|_| uuid(dice)).collect()
    }

    /// Returns rule number `place` of a machine. Its thresholds lie between 6 degrees below the usual temperature and 6
    /// above.
    fn rule(&self, number: usize, equipment: &str, place: u32) -> Rule {
        let offset = match self.rules_per_machine {
            0 | 1 => 0.0,
            rules => -6.0 + 12.0 * f64::from(place) / f64::from(rules - 1),
        };
        let high = format!("temperature > {:.2} && pressure > {:.2}", 80.0 + offset, 5.0 + offset * 0.05);
        let running = format!("machine_state == '{RUNNING}' && product == '{USUAL_PRODUCT}'");
        Rule {
            id: format!("r{number:06}"),
            version: 1,
            description: None,
            scope: Scope { equipment: vec![equipment.to_owned()] },
            default: "NONE".to_owned(),
            parameters: std::collections::BTreeMap::new(),
            groups: vec![
                group("line", 1.0, "ACTIVE", running, None),
                group("thermal", 2.0, "WARNING", high, Some(self.hold)),
            ],
        }
    }

    /// Returns the seconds in which all points are measured.
    fn seconds(&self) -> u64 {
        self.points.div_ceil((u64::from(self.machines) * u64::from(self.tags)).max(1))
    }
}

/// Returns a group of one state.
fn group(id: &str, weight: f64, state: &str, when: String, hold: Option<Millis>) -> Group {
    let entry = StateEntry {
        state: state.to_owned(),
        when,
        hold,
        until: None,
        keep_for: None,
        times: None,
        weight: None,
    };
    Group { id: id.to_owned(), weight, otherwise: None, states: vec![entry] }
}

/// SplitMix64 by S. Vigna, after G. L. Steele, D. Lea and C. H. Flood, "Fast splittable pseudorandom number
/// generators" (2014): a few lines in any language, so that other programs can write the same workload.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number of at least 0 and below 1.
    #[allow(clippy::cast_precision_loss, reason = "53 bits are exact as a float")]
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn chance(&mut self, share: f64) -> bool {
        self.share() < share
    }

    fn below(&mut self, end: usize) -> usize {
        let product = u128::from(self.next()) * u128::try_from(end).unwrap_or(0);
        usize::try_from(product >> 64).unwrap_or(0)
    }

    fn pick<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list.get(self.below(list.len())).copied().unwrap_or_default()
    }

    /// Returns a nearly normal number with mean 0 and deviation 1, from four even throws.
    fn normal(&mut self) -> f64 {
        (self.share() + self.share() + self.share() + self.share() - 2.0) * 3_f64.sqrt()
    }
}

/// Returns a random UUID, version 4.
fn uuid(dice: &mut Dice) -> String {
    let (high, low) = (dice.next(), dice.next());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:x}{:03x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        8 + (low >> 62),
        (low >> 48) & 0xfff,
        low & 0xffff_ffff_ffff
    )
}

struct Machine {
    id: String,
    number: usize,
    state: &'static str,
    product: &'static str,
    /// The number of the last point.
    sequence: u64,
    /// The distance of each tag from its usual value.
    strays: Vec<f64>,
}

/// The fields of a point besides its tag and value.
struct Header {
    timestamp_ms: i64,
    created_ms: i64,
}

impl Machine {
    /// Changes the state and the product of the machine, rarely.
    fn change(&mut self, dice: &mut Dice) {
        if self.state == RUNNING {
            if dice.chance(0.0012) {
                self.state = dice.pick(&STANDING);
            }
        } else if dice.chance(0.003) {
            self.state = RUNNING;
        }
        if dice.chance(0.0006) {
            self.product = product(dice);
        }
    }

    /// Returns the next value of a tag, as JSON. A number is drawn back to its usual value while it strays.
    fn value(&mut self, tag: usize, dice: &mut Dice) -> String {
        let stray = match (tag, self.strays.get_mut(tag)) {
            (0, _) => return format!("\"{}\"", self.state),
            (1, _) | (_, None) => return format!("\"{}\"", self.product),
            (_, Some(stray)) => stray,
        };
        *stray += -0.002 * *stray + 0.3 * dice.normal();
        match tag {
            2 => format!("{:.2}", 80.0 + *stray),
            3 => format!("{:.3}", 5.0 + *stray * 0.05),
            _ => format!("{:.2}", 50.0 + *stray * (1.0 + f64::from(u32::try_from(tag).unwrap_or(0)) / 4.0)),
        }
    }

    fn line(&mut self, tag: &str, value: &str, header: &Header) -> String {
        self.sequence += 1;
        let Self { id, number, sequence, .. } = self;
        let Header { timestamp_ms, created_ms } = header;
        format!(
            "{{\"version\":1,\"timestamp\":{timestamp_ms},\"equipmentId\":\"{id}\",\"tag\":\"{tag}\",\
             \"value\":{value},\"quality\":\"Ok\",\"meta\":{{\"sequenceNumber\":{sequence},\
             \"flags\":[\"Fst\",\"Lst\",\"Wmk\",\"Syn\",\"Ats\"],\"createdAt\":{created_ms},\
             \"sourceId\":\"filling_machine_{number:04}\"}}}}\n"
        )
    }
}

fn product(dice: &mut Dice) -> &'static str {
    if dice.chance(0.6) { USUAL_PRODUCT } else { dice.pick(&OTHER_PRODUCTS) }
}

/// The points, second by second.
struct Stream<'a> {
    options: &'a W1,
    dice: Dice,
    tags: Vec<String>,
    machines: Vec<Machine>,
    /// The lines that arrive in this second, in the next, and so on.
    coming: VecDeque<Vec<String>>,
    second: u64,
}

impl<'a> Stream<'a> {
    fn new(options: &'a W1) -> Self {
        let mut dice = Dice(options.seed);
        let ids = options.ids(&mut dice).into_iter().enumerate();
        let mut machines: Vec<Machine> = ids
            .map(|(number, id)| Machine {
                id,
                number,
                state: RUNNING,
                product: USUAL_PRODUCT,
                sequence: 0,
                strays: Vec::new(),
            })
            .collect();
        // One property after the other, not one machine after the other: the order of throws is part of W1.
        for machine in &mut machines {
            machine.state = if dice.chance(0.7) { RUNNING } else { dice.pick(&STANDING) };
        }
        for machine in &mut machines {
            machine.product = product(&mut dice);
        }
        for machine in &mut machines {
            machine.strays = (0..options.tags).map(|_| dice.normal() * 4.7).collect();
        }
        let further = (TAGS.len()..).map(|number| format!("aux_{number:04}"));
        let tags = TAGS.iter().map(|tag| (*tag).to_owned()).chain(further);
        let tags = tags.zip(0..options.tags).map(|(tag, _)| tag).collect();
        let coming = (0..=options.longest_delay_s).map(|_| Vec::new()).collect();
        Self { options, dice, tags, machines, coming, second: 0 }
    }

    /// Returns whether all lines were written.
    fn is_over(&self) -> bool {
        let measured =
            self.machines.is_empty() || self.tags.is_empty() || self.second >= self.options.seconds();
        measured && self.coming.iter().all(Vec::is_empty)
    }

    /// Returns the lines that arrive in the next second.
    fn next_second(&mut self) -> Vec<String> {
        if self.second < self.options.seconds() {
            self.measure();
        }
        self.second += 1;
        let mut lines = self.coming.pop_front().unwrap_or_default();
        self.coming.push_back(Vec::new());
        if self.options.shuffled {
            for last in (1..lines.len()).rev() {
                lines.swap(last, self.dice.below(last + 1));
            }
        }
        lines
    }

    /// Measures every tag of every machine once.
    fn measure(&mut self) {
        let since_start_ms = i64::try_from(self.second).unwrap_or(i64::MAX).saturating_mul(1000);
        let timestamp_ms = self.options.start_ms.saturating_add(since_start_ms);
        let longest_delay = self.coming.len() - 1;
        for machine in &mut self.machines {
            machine.change(&mut self.dice);
            for (number, tag) in self.tags.iter().enumerate() {
                let value = machine.value(number, &mut self.dice);
                let created_ms = timestamp_ms + 5 + i64::try_from(self.dice.below(40)).unwrap_or(0);
                let line = machine.line(tag, &value, &Header { timestamp_ms, created_ms });
                let late = longest_delay > 0 && self.dice.chance(self.options.delayed);
                let delay = if late { 1 + self.dice.below(longest_delay) } else { 0 };
                if let Some(lines) = self.coming.get_mut(delay) {
                    lines.push(line);
                }
            }
        }
    }
}
