//! The workspace's tests, as one binary.
//!
//! `conformance`: cases made by an independent model, where they are at hand. `golden`: our own cases, one folder
//! each, re-blessed by `ANDON_BLESS=1 cargo test -p andon-tests golden`. `properties`: random cases against the naive
//! reference; `ANDON_CASES` says how many, `ANDON_SEED` picks one. `repository`: what the repository promises of
//! itself.

#![cfg(test)]

mod conformance;
mod fuzz_corpus;
mod golden;
mod properties;
mod repository;
mod support;
