//! Random cases from a seed.
//!
//! Times lie on a grid of [`GRID_MS`], so that points, waits and windows often end at the same time. Values are
//! multiples of 1/4 and few, so that sums are exact in binary; what is not exact (`avg`, `stddev`, `rate`) is
//! compared only with odd multiples of 1/1024, which it cannot equal: a mean of fewer than 256 multiples of 1/4
//! is no such number, nor is its standard deviation, nor a rate over less than 256 s of the grid. So rounding
//! never decides.

mod edit;
mod in_order;
mod models;
mod rules;
mod stream;
#[cfg(test)]
mod tests;

use fastrand::Rng;

use crate::Case;
pub use in_order::{InOrderCase, in_order_case};

/// What every time in a case is a multiple of, ms.
pub const GRID_MS: i64 = 250;

/// Where the streams begin, ms.
const START_MS: i64 = 1_700_000_000_000;

/// The case of a seed: mostly 30 to 300 lines of one to three equipments.
#[must_use]
pub fn case(seed: u64) -> Case {
    let mut rng = Dice::new(seed);
    let mut rules = rules::document(&mut rng);
    if rng.crowd {
        // Wide enough that it matters which source is forgotten.
        rules.settings = Some(rules::settings_for_a_crowd(&mut rng));
    }
    let length = match rng.u8(..10) {
        _ if rng.crowd => rng.usize(200..300),
        0 => rng.usize(1..10),
        1..=6 => rng.usize(30..120),
        _ => rng.usize(120..300),
    };
    let mut other = rng.apart(seed);
    models::add(&mut other, &mut rules);
    let lines = stream::lines(&mut rng, &rules, length);
    Case { seed, rules, lines }
}

/// The randomness of a case, and the tags that occur in it: with few, rules and points meet more often.
struct Dice {
    rng: Rng,
    number_tags: &'static [&'static str],
    bool_tags: &'static [&'static str],
    text_tags: &'static [&'static str],
    /// Rarely: one equipment with more sources than are remembered.
    crowd: bool,
}

impl Dice {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed);
        let mut some = |tags: &'static [&'static str]| tags.get(rng.usize(..tags.len())..).unwrap_or(tags);
        let (number_tags, bool_tags, text_tags) = (some(&NUMBER_TAGS), some(&BOOL_TAGS), some(&TEXT_TAGS));
        let crowd = chance(&mut rng, 4);
        Self { rng, number_tags, bool_tags, text_tags, crowd }
    }

    /// The same tags by another randomness.
    fn apart(&self, seed: u64) -> Self {
        let rng = Rng::with_seed(seed ^ 0x6d6f_6465_6c73);
        Self {
            rng,
            number_tags: self.number_tags,
            bool_tags: self.bool_tags,
            text_tags: self.text_tags,
            crowd: self.crowd,
        }
    }

    fn number_tag(&mut self) -> &'static str {
        pick(&mut self.rng, self.number_tags)
    }

    fn bool_tag(&mut self) -> &'static str {
        pick(&mut self.rng, self.bool_tags)
    }

    fn text_tag(&mut self) -> &'static str {
        pick(&mut self.rng, self.text_tags)
    }
}

impl std::ops::Deref for Dice {
    type Target = Rng;

    fn deref(&self) -> &Rng {
        &self.rng
    }
}

impl std::ops::DerefMut for Dice {
    fn deref_mut(&mut self) -> &mut Rng {
        &mut self.rng
    }
}

/// One of some things.
fn pick<T: Copy + Default>(rng: &mut Rng, of: &[T]) -> T {
    rng.choice(of).copied().unwrap_or_default()
}

/// True in so many of a hundred cases.
fn chance(rng: &mut Rng, percent: u8) -> bool {
    rng.u8(..100) < percent
}

/// What a condition or a stream can name.
const NUMBER_TAGS: [&str; 4] = ["temperature", "level", "speed", "ns=2;s=Temp"];
const BOOL_TAGS: [&str; 2] = ["door_open", "motor_on"];
const TEXT_TAGS: [&str; 2] = ["machine_state", "product"];
const SCORE_TAG: &str = "ml.quality";
/// No rule names it.
const OTHER_TAG: &str = "unwatched";
const TEXTS: [&str; 4] = ["running", "stopped", "fault", "1l"];
/// Values and limits alike, so that they are often equal.
const NUMBERS: [f64; 10] = [-2.0, 0.0, 0.25, 1.0, 2.0, 3.75, 4.0, 4.25, 10.0, 20.0];
const EQUIPMENTS: [&str; 3] = ["filler-1", "filler-2", "labeler-1"];
