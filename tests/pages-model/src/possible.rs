//! Lists the steps that are possible in a state.

use crate::chance::Chance;
use crate::rules::Rule;
use crate::state::{Invocation, MACHINES, SLOTS, State, bit};
use crate::step::Step;
use crate::world::World;

impl State {
    /// Lists the steps that are possible.
    pub fn steps(&self, world: &World) -> Vec<Step> {
        let mut steps = Vec::new();
        self.source_steps(world, &mut steps);
        for slot in 0..SLOTS {
            self.invocation_steps(world, slot, &mut steps);
        }
        self.publish_steps(world, &mut steps);
        self.keeper_steps(world, &mut steps);
        self.operator_steps(world, &mut steps);
        steps
    }

    /// Lists steps of event sources.
    fn source_steps(&self, world: &World, steps: &mut Vec<Step>) {
        let slots = 0..usize::from(world.slots);
        let mut free: Vec<usize> = slots.filter(|&slot| self.invocations[slot].is_none()).collect();
        if free.len() == 2 && self.environments[0] == self.environments[1] {
            free.truncate(1);
        }
        for (source, at) in (0..).zip(&self.sources) {
            let records = self.shards[usize::from(world.shard_of(source))];
            let left = records.len().saturating_sub(at.next);
            if !at.is_waiting {
                for length in 1..=left.min(world.batch) {
                    steps.extend(free.iter().map(|&slot| Step::Start(source, slot, length)));
                }
                if at.next > 0 && self.has(Chance::SetBack) {
                    steps.push(Step::SetBack(source));
                }
            }
        }
    }

    /// Lists steps of an invocation, and faults of it.
    fn invocation_steps(&self, world: &World, slot: usize, steps: &mut Vec<Step>) {
        let Some(run) = &self.invocations[slot] else { return };
        if let Some(prepared) = &run.prepared {
            if prepared.is_late {
                steps.push(Step::WriteLate(slot));
            } else {
                steps.push(Step::Commit(slot));
                if self.has(Chance::LateCommit) && self.in_flight.is_none() {
                    steps.extend([Step::CommitUnanswered(slot), Step::CommitGivenUp(slot)]);
                }
            }
        } else {
            self.unprepared_steps(world, slot, run, steps);
        }
        if run.has_foreign {
            steps.push(Step::PutBack(slot));
        }
        let is_unfinished = run.prepared.is_some() || run.again || !run.open.is_empty() || run.has_foreign;
        if is_unfinished && self.has(Chance::TimeUp) {
            steps.push(Step::TimeUp(slot));
        }
        if self.has(Chance::Crash) {
            steps.push(Step::Crash(slot));
        }
        if run.is_awaited && self.has(Chance::Zombie) {
            steps.push(Step::GiveUp(slot));
        }
    }

    /// Lists steps of an invocation while no page is about to be committed.
    fn unprepared_steps(&self, world: &World, slot: usize, run: &Invocation, steps: &mut Vec<Step>) {
        for (at, open) in run.open.iter().enumerate() {
            steps.push(Step::Prepare(slot, at));
            if self.has(Chance::Expiry) {
                let shard = self.shards[usize::from(world.shard_of(run.source))];
                let is_in_batch = |machine: u8| {
                    (run.batch.0..run.batch.1)
                        .filter_map(|at| shard.get(at))
                        .any(|id| world.record(id).machine == machine)
                };
                let rest = (open.range.0..open.range.1).filter(|&machine| !is_in_batch(machine));
                steps.extend(rest.map(|machine| Step::PrepareExpiring(slot, at, machine)));
            }
        }
        let waits_for_put_back = run.has_foreign && world.keeps(Rule::PutBackComesBeforeDone);
        if run.open.is_empty() && run.again {
            steps.push(Step::ReadAgain(slot));
        } else if run.open.is_empty() && !waits_for_put_back {
            steps.push(Step::Report(slot));
        }
    }

    /// Lists steps of `publish` and its stream.
    fn publish_steps(&self, world: &World, steps: &mut Vec<Step>) {
        let mut last = None;
        for image in &self.stream {
            if last.replace(image.page) == Some(image.page) {
                continue;
            }
            let is_recorded = self.history[usize::from(image.page)] & bit(image.version) != 0;
            let must_record_first = !world.keeps(Rule::HistoryIsWrittenLast) && !is_recorded;
            if must_record_first || image.is_said {
                steps.push(Step::Record(image.page));
            } else {
                steps.push(Step::Say(image.page));
            }
            if image.is_said && self.has(Chance::Crash) {
                steps.push(Step::PublishCrashes(image.page));
            }
            if self.has(Chance::LostImage) {
                steps.push(Step::LoseImage(image.page));
            }
        }
    }

    /// Lists steps of keepers and the sweep.
    fn keeper_steps(&self, world: &World, steps: &mut Vec<Step>) {
        let free = (0..usize::from(world.keepers)).find(|&keeper| self.keepers[keeper].is_none());
        if let Some(keeper) = free {
            for (at, &(page, from, to)) in self.layout.pages.iter().enumerate() {
                if self.has(Chance::Settle) && self.plan_settle(world, page).is_some() {
                    steps.push(Step::PlanSettle(keeper, page));
                }
                let may_go = !self.is_away && self.rearrangeable(world, page).is_some();
                if self.has(Chance::Split) && may_go {
                    steps.extend((from + 1..to).map(|middle| Step::PlanSplit(keeper, page, middle)));
                }
                let low = at
                    .checked_sub(1)
                    .filter(|&low| may_go && self.rearrangeable(world, self.layout.pages[low].0).is_some());
                if self.has(Chance::Merge) {
                    steps.extend(low.map(|low| Step::PlanMerge(keeper, low)));
                }
            }
        }
        for (keeper, plan) in self.keepers.iter().enumerate() {
            if plan.is_some() {
                steps.push(Step::Carry(keeper));
            }
        }
        match &self.sweeper {
            Some(sweep) if !sweep.is_decided => steps.push(Step::SweepDecides),
            Some(_) if !self.is_away => steps.push(Step::SweepDeletes),
            None if !self.is_away && self.has(Chance::Sweep) => {
                steps.extend(self.objects.iter().map(|(name, _)| Step::Sweep(*name)));
            }
            _ => {}
        }
    }

    /// Lists steps of operators and the object store.
    fn operator_steps(&self, world: &World, steps: &mut Vec<Step>) {
        match &self.operator {
            Some(image) if image.is_said => steps.push(Step::OperatorRecords),
            Some(_) => steps.push(Step::OperatorSays),
            None => {
                for &(page, ..) in &self.layout.pages {
                    let Some(image) = self.plan_republish(page) else { continue };
                    let is_coming =
                        self.stream.iter().any(|other| (other.page, other.version) == (page, image.version));
                    if !is_coming || self.has(Chance::Republish) {
                        steps.push(Step::Republish(page));
                    }
                }
            }
        }
        if self.in_flight.is_some() {
            steps.push(Step::Land);
        }
        if self.has(Chance::Damage) {
            let is_object =
                |page: u8| self.head(page).is_some_and(|head| self.object(head.place.key()).is_some());
            let pages = self.layout.pages.iter().map(|cut| cut.0);
            steps.extend(pages.filter(|&page| is_object(page)).map(Step::Damage));
        }
        if !self.is_away && self.has(Chance::Away) {
            steps.push(Step::Away);
        }
        if self.is_away {
            steps.push(Step::Back);
        }
        if !self.is_fixed {
            steps.push(Step::Fix);
        }
        if self.unpark.is_some() {
            steps.push(Step::UnparkCommits);
        } else if self.is_fixed && world.parks_after < u8::MAX {
            let machines = 0..MACHINES as u8;
            steps.extend(machines.filter(|&machine| self.is_parked(machine)).map(Step::Unpark));
        }
    }

    /// Returns whether a machine's page has it parked.
    fn is_parked(&self, machine: u8) -> bool {
        let page = self.layout.page_of(machine).and_then(|(page, ..)| self.head(page));
        let body = page.and_then(|head| self.get(head).ok());
        body.and_then(|sealed| sealed.body.machines[usize::from(machine)])
            .is_some_and(|known| known.is_parked)
    }
}
