//! The steps of the world, and the state that each leads to.

use crate::chance::Chance;
use crate::state::{Name, PageId, State};
use crate::world::World;

/// A step of one process, or a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// An event source starts an invocation (source, slot, records), which reads the heads.
    Start(u8, usize, u8),
    /// An invocation puts foreign records back.
    PutBack(usize),
    /// An invocation (slot) folds its n-th open page and writes the body.
    Prepare(usize, usize),
    /// The same, and leaves out a machine that has expired.
    PrepareExpiring(usize, usize, u8),
    /// An invocation commits.
    Commit(usize),
    /// An invocation commits; the answer is lost and it commits again.
    CommitUnanswered(usize),
    /// An invocation commits; the answer is lost and it reads again.
    CommitGivenUp(usize),
    /// A commit whose answer was lost takes place.
    Land,
    /// Objects are written after the commit, since a rule is left out.
    WriteLate(usize),
    /// An invocation reads again.
    ReadAgain(usize),
    /// An invocation reports.
    Report(usize),
    /// An invocation's time is up; it reports.
    TimeUp(usize),
    /// An invocation crashes.
    Crash(usize),
    /// The event source gives an invocation up, which goes on.
    GiveUp(usize),
    /// `publish` sends the oldest image of a page to the bus and writes the views.
    Say(PageId),
    /// `publish` writes the history of a page's oldest image, and acknowledges.
    Record(PageId),
    /// `publish` crashes before it acknowledges; the image comes again.
    PublishCrashes(PageId),
    /// The stream loses the oldest image of a page.
    LoseImage(PageId),
    /// An operator takes the oldest open decisions of a page.
    Republish(PageId),
    /// The operator's command sends them.
    OperatorSays,
    /// The operator's command writes their history.
    OperatorRecords,
    /// A keeper plans to settle a page.
    PlanSettle(usize, PageId),
    /// A keeper plans to split a page at a hash.
    PlanSplit(usize, PageId, u8),
    /// A keeper plans to merge the n-th page of the layout with the next.
    PlanMerge(usize, usize),
    /// A keeper carries its plan out.
    Carry(usize),
    /// The sweep begins with an object, and reads the layout.
    Sweep(Name),
    /// The sweep reads the head of the object's page, and decides.
    SweepDecides,
    /// The sweep deletes it.
    SweepDeletes,
    /// The object store goes away.
    Away,
    /// The object store loses the body that a page's head names.
    Damage(PageId),
    /// The object store is back.
    Back,
    /// An operator makes failing records foldable.
    Fix,
    /// An operator begins to unpark a machine.
    Unpark(u8),
    /// The operator's command commits it.
    UnparkCommits,
    /// An event source is set back.
    SetBack(u8),
}

impl Step {
    /// Returns whether the step is ordinary progress, without which nothing is promised to drain.
    pub fn is_progress(self) -> bool {
        matches!(
            self,
            Self::Start(..)
                | Self::PutBack(_)
                | Self::Prepare(..)
                | Self::Commit(_)
                | Self::WriteLate(_)
                | Self::ReadAgain(_)
                | Self::Report(_)
                | Self::Say(_)
                | Self::Record(_)
                | Self::Republish(_)
                | Self::OperatorSays
                | Self::OperatorRecords
                | Self::Back
                | Self::Fix
                | Self::Unpark(_)
                | Self::UnparkCommits
        )
    }
}

impl State {
    /// Takes a step.
    pub fn take(&mut self, world: &World, step: Step) {
        match step {
            Step::Start(source, slot, length) => self.start(world, source, slot, length),
            Step::PutBack(slot) => self.put_back(world, slot),
            Step::Prepare(slot, at) => self.prepare(world, slot, at, None),
            Step::PrepareExpiring(slot, at, machine) => {
                self.spend(Chance::Expiry);
                self.prepare(world, slot, at, Some(machine));
            }
            Step::Commit(slot) => self.commit_prepared(world, slot),
            Step::CommitUnanswered(slot) => self.commit_late(slot, true),
            Step::CommitGivenUp(slot) => self.commit_late(slot, false),
            Step::WriteLate(slot) => self.write_late(slot),
            Step::ReadAgain(slot) => self.read(world, slot),
            Step::Report(slot) => self.report(world, slot),
            Step::TimeUp(slot) => {
                self.spend(Chance::TimeUp);
                self.report(world, slot);
            }
            Step::Crash(slot) => self.crash(slot),
            Step::GiveUp(slot) => self.give_up(slot),
            Step::SetBack(source) => {
                self.spend(Chance::SetBack);
                self.sources[usize::from(source)].next = 0;
            }
            _ => self.take_other(world, step),
        }
    }

    /// The event source no longer waits for an invocation.
    fn give_up(&mut self, slot: usize) {
        self.spend(Chance::Zombie);
        if let Some(run) = self.invocations[slot].as_mut() {
            run.is_awaited = false;
            self.sources[usize::from(run.source)].is_waiting = false;
        }
    }

    /// Takes a step of a process other than `evaluate`.
    fn take_other(&mut self, world: &World, step: Step) {
        match step {
            Step::Land => {
                if let Some(prepared) = self.in_flight.take() {
                    self.commit(world, &prepared);
                }
            }
            Step::Say(page) | Step::Record(page) | Step::PublishCrashes(page) | Step::LoseImage(page) => {
                self.publish(world, step, page);
            }
            Step::Republish(page) => {
                self.operator = self.plan_republish(page);
                let is_coming = self.operator.is_some_and(|taken| {
                    self.stream.iter().any(|image| (image.page, image.version) == (page, taken.version))
                });
                if is_coming {
                    self.spend(Chance::Republish);
                }
            }
            Step::OperatorSays => {
                if let Some(mut image) = self.operator {
                    image.is_said = true;
                    self.operator = Some(image);
                    self.say(world, image.decided);
                }
            }
            Step::OperatorRecords => {
                if let Some(image) = self.operator.take() {
                    self.record(image.page, image.version, image.decided);
                }
            }
            Step::PlanSettle(keeper, page) => {
                self.hold(keeper, Chance::Settle, self.plan_settle(world, page))
            }
            Step::PlanSplit(keeper, page, middle) => {
                let plan = self.plan_split(world, page, middle);
                self.hold(keeper, Chance::Split, plan);
            }
            Step::PlanMerge(keeper, at) => {
                let plan = self.plan_merge(world, at);
                self.hold(keeper, Chance::Merge, plan);
            }
            Step::Carry(keeper) => {
                if let Some(plan) = self.keepers[keeper].take() {
                    self.rearrange(world, plan);
                }
            }
            Step::Sweep(name) => self.sweep(name),
            Step::SweepDecides => self.decide_sweep(world),
            Step::SweepDeletes => {
                let name = self.sweeper.take().map(|sweep| sweep.name);
                self.objects.retain(|(other, _)| Some(*other) != name);
            }
            Step::Away => {
                self.spend(Chance::Away);
                self.is_away = true;
            }
            Step::Damage(page) => self.damage(page),
            Step::Back => self.is_away = false,
            Step::Fix => self.is_fixed = true,
            Step::Unpark(machine) => self.unpark = self.plan_unpark(world, machine),
            Step::UnparkCommits => {
                if let Some(prepared) = self.unpark.take() {
                    self.commit(world, &prepared);
                }
            }
            _ => {}
        }
    }

    /// The object store loses the body that a page's head names.
    fn damage(&mut self, page: PageId) {
        self.spend(Chance::Damage);
        let named = self.head(page).map(|head| head.place.key());
        let at = self.objects.iter().position(|(name, _)| Some(*name) == named);
        self.damaged = at.map(|at| self.objects.remove(at));
    }

    /// Takes a step of `publish` or of its stream.
    fn publish(&mut self, world: &World, step: Step, page: PageId) {
        let Some(at) = self.stream.iter().position(|image| image.page == page) else { return };
        let image = self.stream[at];
        match step {
            Step::Say(_) => {
                self.stream[at].is_said = true;
                self.say(world, image.decided);
            }
            Step::Record(_) => {
                self.record(page, image.version, image.decided);
                if image.is_said {
                    self.stream.remove(at);
                }
            }
            Step::PublishCrashes(_) => {
                self.spend(Chance::Crash);
                self.stream[at].is_said = false;
            }
            _ => {
                self.spend(Chance::LostImage);
                self.notes.image_was_lost = true;
                self.stream.remove(at);
            }
        }
    }
}
