//! Random cases from a seed, or from bytes.
//!
//! Times lie on a grid of [`GRID_MS`], so that points, waits and windows often end at the same time. Values are
//! multiples of 1/4 and few, so that sums are exact in binary. Rounding never decides: `avg`, `stddev` and `rate` are not
//! exact, so they are compared only with odd multiples of 1/1024. A mean of fewer than 256 multiples of 1/4 is no such
//! number, nor is its standard deviation, nor a rate over less than 256 s of the grid.

mod edit;
mod in_order;
mod models;
mod rules;
mod stream;
#[cfg(test)]
mod tests;

use crate::{Case, Choices};
pub use in_order::{InOrderCase, in_order_case};

/// The grid of all times in a case, ms.
pub const GRID_MS: i64 = 250;

/// The start of the streams, ms.
pub const START_MS: i64 = 1_700_000_000_000;

/// Sets the choices of models and attributes apart: they came to the generator after rules and streams.
const MODELS: u64 = 0x6d6f_6465_6c73;

/// Returns the case of a seed: mostly 30 to 300 lines of one to three machines.
#[must_use]
pub fn case(seed: u64) -> Case {
    Case { seed, ..drawn(&mut Dice::new(Choices::of_seed(seed)), seed) }
}

/// Returns the case that bytes choose, with seed 0. The stream ends with the bytes, if not before.
#[must_use]
pub fn case_of_bytes(bytes: &[u8]) -> Case {
    drawn(&mut Dice::new(Choices::of_bytes(bytes)), 0)
}

fn drawn(dice: &mut Dice, seed: u64) -> Case {
    let mut rules = rules::document(dice);
    if dice.crowd {
        // Wide enough that it matters which source is forgotten.
        rules.settings = Some(rules::settings_for_a_crowd(dice));
    }
    let length = match dice.u8(..10) {
        _ if dice.crowd => dice.usize(200..300),
        0 => dice.usize(1..10),
        1..=6 => dice.usize(30..120),
        _ => dice.usize(120..300),
    };
    dice.apart(|_| seed ^ MODELS, |dice| models::add(dice, &mut rules));
    let lines = stream::lines(dice, &rules, length);
    Case { seed, rules, lines }
}

/// The choices of a case, and the tags that occur in it: with few tags, rules and points meet more often.
struct Dice {
    choices: Choices,
    number_tags: &'static [&'static str],
    bool_tags: &'static [&'static str],
    text_tags: &'static [&'static str],
    /// Rarely: one machine with more sources than are remembered.
    crowd: bool,
}

impl Dice {
    fn new(mut choices: Choices) -> Self {
        let mut some =
            |tags: &'static [&'static str]| tags.get(choices.usize(..tags.len())..).unwrap_or(tags);
        let (number_tags, bool_tags, text_tags) = (some(&NUMBER_TAGS), some(&BOOL_TAGS), some(&TEXT_TAGS));
        let crowd = choices.chance(4);
        Self { choices, number_tags, bool_tags, text_tags, crowd }
    }

    /// Draws something that not every case has, with the same tags. All else of a seed stays the same, see
    /// [`Choices::apart`].
    fn apart<T>(&mut self, seed: impl FnOnce(&fastrand::Rng) -> u64, draw: impl FnOnce(&mut Self) -> T) -> T {
        let Some(other) = self.choices.apart(seed) else { return draw(self) };
        let own = std::mem::replace(&mut self.choices, other);
        let drawn = draw(self);
        self.choices = own;
        drawn
    }

    fn number_tag(&mut self) -> &'static str {
        self.choices.pick(self.number_tags)
    }

    fn bool_tag(&mut self) -> &'static str {
        self.choices.pick(self.bool_tags)
    }

    fn text_tag(&mut self) -> &'static str {
        self.choices.pick(self.text_tags)
    }
}

impl std::ops::Deref for Dice {
    type Target = Choices;

    fn deref(&self) -> &Choices {
        &self.choices
    }
}

impl std::ops::DerefMut for Dice {
    fn deref_mut(&mut self) -> &mut Choices {
        &mut self.choices
    }
}

/// The tags that a condition or a stream can name.
const NUMBER_TAGS: [&str; 4] = ["temperature", "level", "speed", "ns=2;s=Temp"];
const BOOL_TAGS: [&str; 2] = ["door_open", "motor_on"];
const TEXT_TAGS: [&str; 2] = ["machine_state", "product"];
const SCORE_TAG: &str = "ml.quality";
/// No rule names it.
const OTHER_TAG: &str = "unwatched";
const TEXTS: [&str; 4] = ["running", "stopped", "fault", "1l"];
/// Values and limits alike, so that they are often equal.
const NUMBERS: [f64; 10] = [-2.0, 0.0, 0.25, 1.0, 2.0, 3.75, 4.0, 4.25, 10.0, 20.0];
const MACHINES: [&str; 3] = ["filler-1", "filler-2", "labeler-1"];
