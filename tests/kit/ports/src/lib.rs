//! Implements the ports in memory for tests, and holds the contract suite for any implementation.

#[allow(clippy::indexing_slicing, reason = "a suite of checks: a missing item must fail loudly")]
pub mod contract;
pub mod memory;
