//! What the fuzz targets assert. `README.md` has the table of properties.

mod checks;

/// Runs the checks of a target on an input.
///
/// # Panics
/// When a property does not hold; that is how a finding is told.
pub fn check(target: &str, bytes: &[u8]) {
    for (name, check) in checks::TARGETS {
        if name == target {
            check(bytes);
        }
    }
}
