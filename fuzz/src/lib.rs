//! The properties that the fuzz targets assert. `README.md` has the table of them.

mod checks;

/// Runs the checks of a target on an input.
///
/// # Panics
/// When a property does not hold, or when the code under test says `never!`. The fuzzer reports the input as a finding.
pub fn check(target: &str, bytes: &[u8]) {
    andon_domain::never::panic_on_broken();
    for (name, check) in checks::TARGETS {
        if name == target {
            check(bytes);
        }
    }
}
