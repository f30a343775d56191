//! An event source: reads one lane of a shard, or the stream of the outbox, and invokes a function with batches as
//! Lambda does: what failed comes again from the first failure, a crash brings all again, sometimes in halves; sometimes
//! what was done comes again; and an invocation that takes too long is given up while it may still be running.

use super::executor::{Dice, Process, Step};

/// How an invocation answered: the number of items of its batch that are done.
pub(super) type Done = usize;

/// An invocation that takes more steps than this is given up: many are, and go on as zombies. The next one has twice as
/// many, so that what needs long comes to its end.
const PATIENCE: u32 = 150;

/// One reader.
pub(super) struct Source {
    /// The next item.
    pub next: usize,
    /// What is before this does not come again: the stream has forgotten it.
    pub floor: usize,
    running: Option<(Process<Done>, usize, u32)>,
    /// Given up by the source, but maybe still going on.
    zombies: Vec<Process<Done>>,
    /// After a failure: batches of at most so many items.
    bisected: Option<usize>,
    patience: u32,
}

impl Source {
    pub(super) fn new() -> Self {
        Self { next: 0, floor: 0, running: None, zombies: Vec::new(), bisected: None, patience: PATIENCE }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.is_none() && self.zombies.is_empty()
    }

    /// Goes on by a step; `items` are there, `start` begins an invocation with so many from the next one. A broken source
    /// `skips_failures`.
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
                self.patience = PATIENCE;
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
            Step::GoesOn if steps > self.patience => {
                self.patience = self.patience.saturating_mul(2);
                dice.count("invocations given up");
                process.give_up();
                self.zombies.push(process);
            }
            Step::GoesOn => self.running = Some((process, count, steps + 1)),
        }
    }

    /// Now and then an event source forgets how far it was, and goes on from before.
    fn set_back(&mut self, dice: &Dice) {
        let back = self.next.saturating_sub(self.floor).min(20);
        if back > 0 && dice.faults.get().is_some() && dice.one_in_thousand(15) {
            dice.count("sources set back");
            self.next -= 1 + dice.below(back);
        }
    }
}
