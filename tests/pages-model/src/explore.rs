//! Visits every state of a world, breadth first, so that the first trace to a broken property is a shortest one.
//!
//! Why this is not `stateright` (0.31.0, MIT): it brings 21 further crates, an HTTP server among them, without a
//! feature to leave them out. To build them takes longer than all tests of this crate run. It tells states apart by 64 bits
//! of a hash; this explorer compares whole states. It cannot ask whether a good state stays within reach.

#![allow(clippy::disallowed_types, reason = "the map is looked up in and never walked")]

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::rc::Rc;

use foldhash::fast::FixedState;

use crate::chance::Chances;
use crate::invariants::{Invariant, broken, is_drained};
use crate::state::State;
use crate::step::Step;
use crate::world::World;

/// Limits the states of a world: some 1.8 GiB, so that a mistake in a world ends its test and not the machine.
const STATES: usize = 1_000_000;

/// A result of a search.
#[derive(Debug)]
pub struct Report {
    /// States visited, or visited up to the first broken one.
    pub states: usize,
    /// Steps taken.
    pub steps: usize,
    /// Depth of the last state, in steps.
    pub depth: usize,
    /// Chances that were used in at least one state.
    pub used: Chances,
    /// The first broken property, with the shortest trace to it.
    pub broken: Option<(Invariant, Vec<Step>)>,
}

/// A set of visited states, each with the state and the step that first led to it.
#[derive(Default)]
struct Visited {
    numbers: HashMap<Rc<State>, u32, FixedState>,
    states: Vec<Rc<State>>,
    from: Vec<(u32, Option<Step>)>,
    /// Steps of progress between states, by number.
    progress: Vec<(u32, u32)>,
}

impl Visited {
    /// Adds a state. Answers its number, and whether it is new.
    fn add(&mut self, state: State, from: u32, step: Option<Step>) -> (u32, bool) {
        let next = u32::try_from(self.states.len()).unwrap_or(u32::MAX);
        let state = Rc::new(state);
        match self.numbers.entry(Rc::clone(&state)) {
            Entry::Occupied(known) => (*known.get(), false),
            Entry::Vacant(free) => {
                free.insert(next);
                self.states.push(state);
                self.from.push((from, step));
                (next, true)
            }
        }
    }

    /// Returns the steps from the start to a state.
    fn trace(&self, number: u32) -> Vec<Step> {
        let mut trace = Vec::new();
        let mut at = number;
        while let (from, Some(step)) = self.from[at as usize] {
            trace.push(step);
            at = from;
        }
        trace.reverse();
        trace
    }

    /// Returns the first state from which no good state can be reached by steps of progress.
    fn first_stuck(&self, world: &World) -> Option<u32> {
        let mut into: Vec<Vec<u32>> = vec![Vec::new(); self.states.len()];
        for &(from, to) in &self.progress {
            into[to as usize].push(from);
        }
        let mut reaches: Vec<bool> = self.states.iter().map(|state| is_drained(world, state)).collect();
        let mut open: Vec<usize> = (0..reaches.len()).filter(|&at| reaches[at]).collect();
        while let Some(at) = open.pop() {
            for &from in &into[at] {
                if !std::mem::replace(&mut reaches[from as usize], true) {
                    open.push(from as usize);
                }
            }
        }
        reaches.iter().position(|reaches| !reaches).and_then(|at| u32::try_from(at).ok())
    }
}

/// Visits every state of a world, up to the first that breaks a property.
///
/// # Panics
///
/// When the world has more states than the limit: then nothing was shown.
pub fn explore(world: &World) -> Report {
    let mut visited = Visited::default();
    visited.add(world.start(), 0, None);
    let mut steps = 0;
    let mut at = 0;
    while let Some(state) = visited.states.get(at as usize).map(Rc::clone) {
        if let Some(invariant) = broken(world, &state) {
            return report(&visited, at as usize + 1, steps, Some((invariant, at)));
        }
        for step in state.steps(world) {
            let mut next = State::clone(&state);
            next.take(world, step);
            steps += 1;
            let (number, _) = visited.add(next, at, Some(step));
            if step.is_progress() {
                visited.progress.push((at, number));
            }
        }
        assert!(visited.states.len() <= STATES, "`{}` has more than {STATES} states", world.name);
        at += 1;
    }
    let stuck = visited.first_stuck(world).map(|stuck| (Invariant::EverythingDrains, stuck));
    report(&visited, at as usize, steps, stuck)
}

/// Makes a report.
fn report(visited: &Visited, states: usize, steps: usize, broken: Option<(Invariant, u32)>) -> Report {
    let depth = visited.trace(u32::try_from(states - 1).unwrap_or(0)).len();
    let start = visited.states[0].chances;
    let mut used = Chances::default();
    for state in &visited.states {
        for (used, (start, left)) in used.iter_mut().zip(start.iter().zip(state.chances)) {
            *used = (*used).max(start - left);
        }
    }
    Report {
        states,
        steps,
        depth,
        used,
        broken: broken.map(|(invariant, at)| (invariant, visited.trace(at))),
    }
}
