//! The workspace's tests, as one binary.
//!
//! `conformance`: cases made by an independent model, where they are at hand. `golden`: our own cases, one folder
//! each, re-blessed by `ANDON_BLESS=1 cargo test -p andon-tests golden`. `properties`: random cases against the naive
//! reference; `ANDON_CASES` says how many, `ANDON_SEED` picks one. `end_to_end`: the whole system on an emulator. `ports`: what the ports of the service owe.
//! `repository`: what the repository promises of itself. `simulation`: the workflows in a world of faults; `ANDON_SEEDS`
//! says how many seeds, `ANDON_SEED` picks one.

#![cfg(test)]

mod conformance;
mod end_to_end;
mod fuzz_corpus;
mod golden;
mod ports;
mod properties;
mod repository;
mod simulation;
mod support;
