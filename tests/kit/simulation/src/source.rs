//! An event source: it reads one slice of a shard, or the stream of the outbox, and invokes a function with batches, as
//! Lambda does. A batch is delivered again from its first failure; after a crash, as a whole or in halves; sometimes
//! although it is done. An invocation that takes too long is given up while it may still be running.

use super::executor::{Dice, Process, Step};

/// The answer of an invocation: the number of items of its batch that are done.
pub(super) type Done = usize;

/// Steps after which an invocation is given up and continues as a zombie. The next one has twice as many, so that a long
/// batch ends at last.
const STEPS_BEFORE_GIVING_UP: u32 = 150;

/// An event source.
pub(super) struct Source {
    /// The next item.
    pub next: usize,
    /// The first item that the stream still holds.
    pub floor: usize,
    running: Option<(Process<Done>, usize, u32)>,
    /// Invocations that were given up and may still be running.
    zombies: Vec<Process<Done>>,
    /// The maximum number of items in a batch after a failure.
    bisected: Option<usize>,
    steps_allowed: u32,
}

impl Source {
    pub(super) fn new() -> Self {
        Self {
            next: 0,
            floor: 0,
            running: None,
            zombies: Vec::new(),
            bisected: None,
            steps_allowed: STEPS_BEFORE_GIVING_UP,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.is_none() && self.zombies.is_empty()
    }

    /// Makes a step. The stream holds `items`; `start` starts an invocation with the next item and a number of items. A
    /// broken source `skips_failures`.
    pub(super) fn step(
        &mut self,
        dice: &Dice,
        skips_failures: bool,
        items: usize,
        start: impl FnOnce(usize, usize) -> Process<Done>,
    ) {
        if !self.zombies.is_empty() {
            let which = dice.below(self.zombies.len());
            if let Some(zombie) = self.zombies.get_mut(which)
                && !matches!(zombie.step(), Step::GoesOn)
            {
                drop(self.zombies.swap_remove(which));
            }
        }
        let Some((mut process, count, steps)) = self.running.take() else {
            let ready = items.saturating_sub(self.next);
            if ready > 0 {
                let most = self.bisected.unwrap_or(10).clamp(1, ready);
                if most < ready.min(10) {
                    dice.count("batches bisected");
                }
                let count = 1 + dice.below(most);
                self.running = Some((start(self.next, count), count, 0));
            }
            return;
        };
        match process.step() {
            Step::Done(done) if done >= count => {
                self.bisected = None;
                self.steps_allowed = STEPS_BEFORE_GIVING_UP;
                if dice.faults.get().is_some() && dice.one_in_thousand(50) {
                    dice.count("batches delivered again");
                } else {
                    self.next += count;
                }
                self.set_back(dice);
            }
            Step::Done(done) => {
                dice.count("batches cut");
                self.next += if skips_failures { count } else { done };
            }
            Step::Crashed => self.bisected = Some((count / 2).max(1)),
            Step::GoesOn if steps > self.steps_allowed => {
                self.steps_allowed = self.steps_allowed.saturating_mul(2);
                dice.count("invocations given up");
                process.give_up();
                self.zombies.push(process);
            }
            Step::GoesOn => self.running = Some((process, count, steps + 1)),
        }
    }

    /// Sets the source back now and then: it reads items again that were done.
    fn set_back(&mut self, dice: &Dice) {
        let back = self.next.saturating_sub(self.floor).min(20);
        if back > 0 && dice.faults.get().is_some() && dice.one_in_thousand(15) {
            dice.count("sources set back");
            self.next -= 1 + dice.below(back);
        }
    }
}
