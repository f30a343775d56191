//! An exhaustive model of the page protocol, in small worlds.
//!
//! **The protocol is planned.** Today's code stores a head per machine; nothing in this crate is run by it. The model
//! states the protocol as pure steps over a small state, visits every state that a world can reach, and holds each against
//! the properties in [`invariants`]. A world may leave out one of the rules in [`rules`]: then the search has to
//! find a state that breaks a property, which shows what the rule is needed for.
//!
//! `README.md` says what is modelled, what is not, and which property finds each rule that is left out.

#![allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a model with fixed small bounds: an index beyond them is a mistake of the model and has to end its test"
)]

pub mod chance;
mod evaluate;
pub mod explore;
pub mod invariants;
mod keeper;
pub mod lists;
mod page;
mod possible;
pub mod rules;
pub mod state;
pub mod step;
mod store;
pub mod world;
pub mod worlds;
