//! For tests only: the ports of the workflows in memory, and the contract suite for any implementation of them.

#[allow(clippy::indexing_slicing, reason = "a suite of checks: a missing item must fail loudly")]
pub mod contract;
pub mod memory;
