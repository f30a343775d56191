//! Converts between integers and floats, for positions on a page.

/// A time, a count or a coordinate as a float.
#[allow(clippy::cast_precision_loss, reason = "a place on the page needs no more than 53 bits")]
pub(crate) fn float(n: i64) -> f64 {
    n as f64
}

/// A count as a float.
#[allow(clippy::cast_precision_loss, reason = "a share of a whole needs no more than 53 bits")]
pub(crate) fn float_count(n: u64) -> f64 {
    n as f64
}

/// Returns the nearest integer. Values out of range clamp to it, and NaN gives 0.
#[allow(clippy::cast_possible_truncation, reason = "saturating is what is wanted")]
pub(crate) fn nearest(x: f64) -> i64 {
    x.round() as i64
}

/// A place in a vector as a small identity.
pub(crate) fn id(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(u32::MAX)
}

/// The place in a vector of a small identity.
pub(crate) fn index(id: u32) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}
