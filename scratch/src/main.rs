#![cfg(test)]
#[path = "../../tests/conformance.rs"]
mod conformance;
#[path = "../../tests/golden.rs"]
mod golden;
#[path = "../../tests/properties/mod.rs"]
mod properties;
#[path = "../../tests/support.rs"]
mod support;
